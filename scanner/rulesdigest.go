package scanner

// RulesDigest identifies the rules that judge: the SHA-256 of the sources from
// which a verdict is made, here and in the packages below, without remote. It
// changes with every change of theirs, be it of a comment: two runs with the
// same digest were judged alike. A test holds it up to date:
//
//	go test ./scanner -run TestRulesDigest -update
const RulesDigest = "sha256:d91add74da444d8adc2513d957f4b0c5ed0885e0e0d0523d7a2b74b0e06bdd29"
