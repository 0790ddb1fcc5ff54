package scanner

// RulesDigest identifies the rules that judge: the SHA-256 of the sources from
// which a verdict is made, here and in the packages below, without remote. It
// changes with every change of theirs, be it of a comment: two runs with the
// same digest were judged alike. A test holds it up to date:
//
//	go test ./scanner -run TestRulesDigest -update
const RulesDigest = "sha256:e940a8a71f23149c46c389a4f638aac156a8f5951af01b1e7fa976fbe1bcb3e5"
