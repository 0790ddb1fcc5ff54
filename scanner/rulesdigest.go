package scanner

// RulesDigest identifies the rules that judge: the SHA-256 of the sources from
// which a verdict is made, here and in the packages below, without remote. It
// changes with every change of theirs, be it of a comment: two runs with the
// same digest were judged alike. A test holds it up to date:
//
//	go test ./scanner -run TestRulesDigest -update
const RulesDigest = "sha256:cf131ddedcf5fbf55bdb57541b9ba01c7c530daa4673bb43a5cb39b13b0d32ae"
