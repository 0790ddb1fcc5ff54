package scanner

// RulesDigest identifies the rules that judge: the SHA-256 of the sources from
// which a verdict is made, here and in the packages below, without remote. It
// changes with every change of theirs, be it of a comment: two runs with the
// same digest were judged alike. A test holds it up to date:
//
//	go test ./scanner -run TestRulesDigest -update
const RulesDigest = "sha256:1e50014559724181c0cc03e0e4d346fc77cb6f596174e821f4a206133586373d"
