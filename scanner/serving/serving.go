// Package serving sees the certificate that a kubelet really serves, and says
// what kind it is.
//
// The observing half turns a connection, or what was brought back from the
// node, into an evidence.Attempt: Handshake, ParseOpenSSL and ParsePEM. None
// of them fails: how an attempt ended is what it found out. No request is sent
// to the kubelet, and no certificate is trusted.
//
// The judging half is pure: Classify, Kind and SignedBy work on evidence and
// on a clock that they are given, so that recorded evidence gives the same
// answer again.
//
// What a certificate looks like corroborates a verdict. It does not prove one:
// any tool can issue a certificate with the names of a rotated one.
package serving

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is kept of a peer's answer. All of it is hostile.
const (
	byteLimit  = 256 << 10 // bytes of one handshake, one output of openssl, one file
	chainLimit = 8         // certificates of one chain
	derLimit   = 16 << 10  // bytes of one certificate
	nameLimit  = 64        // subject alternative names of each type
	listLimit  = 16        // organizations, extended key usages
	textLimit  = 512       // bytes of any one string; a node's name may have 253
)

// fact makes a peer's string fit for evidence: valid UTF-8, bounded, and
// otherwise as it is, since rules are applied to it.
func fact(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), 2*textLimit)], string(utf8.RuneError))
	if len(s) <= textLimit {
		return s
	}
	cut := textLimit - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// facts does the same for at most limit strings.
func facts(list []string, limit int) []string {
	var kept []string
	for _, s := range list[:min(len(list), limit)] {
		kept = append(kept, fact(s))
	}
	return kept
}

// line makes words that a peer may have chosen one line, for people to read.
func line(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, fact(s)))
}
