package knownhosts

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"hash"
	"strings"
)

// matchList tells whether a name in lower case is one of a comma-separated list
// of patterns, and none of those that begin with !. The case of the patterns does
// not matter (match_hostname in OpenSSH's match.c).
func matchList(name, list string) bool {
	matched := false
	for pattern := range strings.SplitSeq(lower(list), ",") {
		negated := strings.HasPrefix(pattern, "!")
		if negated {
			pattern = pattern[1:]
		}
		if !matchPattern(name, pattern) {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}

// matchPattern tells whether s is like pattern, in which * stands for any
// characters and ? for one. It takes at most len(s)*len(pattern) steps.
func matchPattern(s, pattern string) bool {
	i, p := 0, 0
	star, from := -1, 0 // the last star, and from where in s it has been tried
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			i++
			p++
		case star >= 0:
			from++
			i, p = from, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// lower folds ASCII letters only, like OpenSSH.
func lower(s string) string {
	upper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	for i := range len(s) {
		if upper(s[i]) {
			b := []byte(s)
			for i, c := range b {
				if upper(c) {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// A hashed name is |1|salt|hash, the hash being HMAC-SHA1 of the name with the
// salt as its key (host_hash in OpenSSH's hostfile.c).
const (
	hashMagic  = "|1|"
	hashText   = 28 // the length of the salt and of the hash in base64
	hashedName = len(hashMagic) + hashText + 1 + hashText

	hashDecoded = 21 // room for what base64 may write before it sees the padding

	innerPad, outerPad = 0x36, 0x5c
)

var strictBase64 = base64.StdEncoding.Strict()

// wellHashed tells whether OpenSSH could have written this hashed name.
func wellHashed(names string) bool {
	var b [hashDecoded]byte
	return len(names) == hashedName && strings.HasPrefix(names, hashMagic) && names[len(hashMagic)+hashText] == '|' &&
		!strings.Contains(names, "\r") && // base64 would overlook it
		decoded(b[:], names[len(hashMagic):][:hashText]) && decoded(b[:], names[hashedName-hashText:])
}

// decoded puts a salt or a hash into dst.
func decoded(dst []byte, text string) bool {
	var src [hashText]byte
	n, err := strictBase64.Decode(dst, src[:copy(src[:], text)])
	return err == nil && n == sha1.Size
}

// hashName makes a hashed name with a salt of its own.
func hashName(name string) string {
	salt := make([]byte, sha1.Size)
	rand.Read(salt) // never fails
	var sum []byte
	fips140.WithoutEnforcement(func() { // see index.matching
		mac := hmac.New(sha1.New, salt)
		mac.Write([]byte(name))
		sum = mac.Sum(nil)
	})
	return hashMagic + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(sum)
}

// matcher compares one name with the names of lines. It is not safe for
// concurrent use.
type matcher struct {
	name string
	text []byte // the same
	sha1 hash.Hash
	// Kept here so that a line costs no allocation: hmac.New takes its key once.
	inner, outer [sha1.BlockSize]byte // RFC 2104's pads, the salt going over their beginning
	salt, want   [hashDecoded]byte
	got          [sha1.Size]byte
}

func newMatcher(name string) *matcher {
	m := &matcher{name: name, text: []byte(name), sha1: sha1.New()}
	for i := range m.inner {
		m.inner[i], m.outer[i] = innerPad, outerPad
	}
	return m
}

func (m *matcher) matches(l *line) bool {
	if l.hashed() {
		return m.matchesHash(l.names)
	}
	return matchList(m.name, l.names)
}

// matchesHash is HMAC (RFC 2104) spelt out. names is well hashed.
func (m *matcher) matchesHash(names string) bool {
	decoded(m.salt[:], names[len(hashMagic):][:hashText])
	decoded(m.want[:], names[hashedName-hashText:])
	for i := range sha1.Size {
		m.inner[i], m.outer[i] = m.salt[i]^innerPad, m.salt[i]^outerPad
	}
	m.sha1.Reset()
	m.sha1.Write(m.inner[:])
	m.sha1.Write(m.text)
	m.sha1.Sum(m.got[:0])
	m.sha1.Reset()
	m.sha1.Write(m.outer[:])
	m.sha1.Write(m.got[:])
	m.sha1.Sum(m.got[:0])
	return [sha1.Size]byte(m.want[:]) == m.got
}
