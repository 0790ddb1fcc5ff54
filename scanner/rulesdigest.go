package scanner

// RulesDigest identifies the rules that judge: the SHA-256 of the sources from
// which a verdict is made, here and in the packages below, without remote. It
// changes with every change of theirs, be it of a comment: two runs with the
// same digest were judged alike. A test holds it up to date:
//
//	go test ./scanner -run TestRulesDigest -update
const RulesDigest = "sha256:d44af47d3acf9fed64a6cce07ffff6b520ae362beb396428121b2df70949a7ac"
