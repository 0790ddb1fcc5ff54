package knownhosts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Marker is the word with @ at the beginning of a line (sshd(8),
// "SSH_KNOWN_HOSTS FILE FORMAT").
type Marker int

// The markers.
const (
	NoMarker      Marker = iota // a key of the host itself
	CertAuthority               // @cert-authority: the key signs certificates of hosts
	RevokedKey                  // @revoked: the key must never be accepted
)

// Bounds of OpenSSH, and one of ours.
const (
	maxLine    = 1 << 20 // bytes; OpenSSH has no such bound
	maxPattern = 1022    // match_pattern_list in match.c: a line with a longer one matches nothing
	minRSABits = 1024    // SSH_RSA_MINIMUM_MODULUS_SIZE in sshkey.h
)

// line is one usable line. The strings are parts of the file's text.
type line struct {
	names   string // patterns, or one hashed name
	keyType string
	key     string // base64 of the blob; for a marked line with a certificate, of the key in it
	file    *file
	number  int32
	marker  Marker
}

func (l *line) hashed() bool { return strings.HasPrefix(l.names, "|") }

// parseLine reads one line without its end (hostkeys_foreach_file in OpenSSH's
// hostfile.c, sshkey_read in sshkey.c). ok is false for a blank line and for a
// comment.
func parseLine(text string) (l line, ok bool, err error) {
	if len(text) > maxLine {
		return line{}, false, fmt.Errorf("longer than %d bytes", maxLine)
	}
	text, _, _ = strings.Cut(text, "\x00") // where a C string ends
	text = strings.TrimLeft(strings.TrimSuffix(text, "\r"), " \t")
	if text == "" || text[0] == '#' {
		return line{}, false, nil
	}
	if l.marker, text, err = cutMarker(text); err != nil {
		return line{}, false, err
	}
	l.names, text = cutWord(text)
	if err := checkNames(l.names); err != nil {
		return line{}, false, err
	}
	word, text := cutWord(text)
	if word == "" || word[0] == '#' {
		return line{}, false, errors.New("no key after the names")
	}
	l.key, _ = cutWord(text)
	if err := l.readKey(word); err != nil {
		return line{}, false, err
	}
	return l, true, nil
}

// cutWord splits at the next blanks.
func cutWord(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// cutMarker follows check_markers in hostfile.c also in this: a marker ends at
// the first space of the line, and at a tab only if there is no space.
func cutMarker(text string) (Marker, string, error) {
	if text[0] != '@' {
		return NoMarker, text, nil
	}
	end := strings.IndexByte(text, ' ')
	if end < 0 {
		end = strings.IndexByte(text, '\t')
	}
	if end < 0 {
		end = len(text)
	}
	word, rest := text[:end], strings.TrimLeft(text[end:], " \t")
	if strings.HasPrefix(rest, "@") {
		return 0, "", errors.New("two markers: one is allowed")
	}
	switch word {
	case "@cert-authority":
		return CertAuthority, rest, nil
	case "@revoked":
		return RevokedKey, rest, nil
	}
	return 0, "", fmt.Errorf("marker %q: want @cert-authority or @revoked, and a space", clip(word))
}

func checkNames(names string) error {
	if strings.HasPrefix(names, "|") {
		if !wellHashed(names) {
			return fmt.Errorf("hashed name %q: want |1|salt|hash", clip(names))
		}
		return nil
	}
	for pattern := range strings.SplitSeq(names, ",") {
		if len(strings.TrimPrefix(pattern, "!")) > maxPattern {
			return fmt.Errorf("name %q: longer than %d characters", clip(pattern), maxPattern)
		}
	}
	return nil
}

// readKey checks the key, of which only the text is kept.
func (l *line) readKey(word string) error {
	if strings.Contains(l.key, "\r") { // base64 would overlook it
		return fmt.Errorf("%s key: not base64", clip(word))
	}
	blob, err := strictBase64.DecodeString(l.key)
	if err != nil || len(blob) == 0 {
		return fmt.Errorf("%q key: not base64", clip(word))
	}
	l.keyType = clip(typeOfName(word))
	if inside, _, _ := cutString(blob); inside != l.keyType {
		return fmt.Errorf("key type mismatch: the line says %q, the key %q", clip(word), clip(inside))
	}
	if strings.HasSuffix(l.keyType, certSuffix) {
		return l.readCertificate(blob)
	}
	return checkBlob(l.keyType, blob)
}

// readCertificate keeps the key in a certificate where OpenSSH compares only
// that: on marked lines (sshkey_equal_public).
func (l *line) readCertificate(blob []byte) error {
	key, err := ssh.ParsePublicKey(blob)
	cert, ok := key.(*ssh.Certificate)
	if err != nil || !ok {
		return fmt.Errorf("%s: not a certificate", l.keyType)
	}
	if l.marker != NoMarker {
		l.keyType, l.key = cert.Key.Type(), keyText(cert.Key)
	}
	return nil
}

const (
	certSuffix = "-cert-v01@openssh.com"
	keyTypeDSA = "ssh-dss" // never offered nor added, and yet a key on file
)

// typeOfName gives the key type for a name of sshkey.c's keyimpls: a signature
// algorithm of RSA may stand for the type.
func typeOfName(word string) string {
	switch word {
	case ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512:
		return ssh.KeyAlgoRSA
	case ssh.CertAlgoRSASHA256v01, ssh.CertAlgoRSASHA512v01:
		return ssh.CertAlgoRSAv01
	}
	return word
}

// fields gives how many strings follow the type in a key's blob (RFC 4253,
// section 6.6; RFC 5656; RFC 8709; PROTOCOL.u2f); 0: the type is not known.
func fields(keyType string) int {
	switch keyType {
	case ssh.KeyAlgoED25519:
		return 1
	case ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA, ssh.KeyAlgoSKED25519:
		return 2
	case ssh.KeyAlgoSKECDSA256:
		return 3
	case keyTypeDSA:
		return 4
	}
	return 0
}

// checkBlob finds keys that were cut off. A type that is not known is left as it
// is: only its bytes are ever compared.
func checkBlob(keyType string, blob []byte) error {
	n := fields(keyType)
	if n == 0 {
		return nil
	}
	rest := blob
	for range n + 1 {
		var ok bool
		if _, rest, ok = cutString(rest); !ok {
			return fmt.Errorf("%s key: cut off", keyType)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%s key: %d bytes too many", keyType, len(rest))
	}
	if bits := rsaBits(blob); keyType == ssh.KeyAlgoRSA && bits < minRSABits {
		return fmt.Errorf("RSA key of %d bits: want at least %d", bits, minRSABits)
	}
	return nil
}

// rsaBits is the size of the modulus in an RSA key's blob.
func rsaBits(blob []byte) int {
	_, rest, _ := cutString(blob)
	_, rest, _ = cutString(rest)
	modulus, _, _ := cutString(rest)
	return new(big.Int).SetBytes([]byte(modulus)).BitLen()
}

// cutString reads a string of RFC 4251, section 5.
func cutString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 4 {
		return "", nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if b = b[4:]; uint64(n) > uint64(len(b)) {
		return "", nil, false
	}
	return string(b[:n]), b[n:], true
}

// clip shortens what an error quotes.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
