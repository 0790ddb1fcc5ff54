package knownhosts

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// hostKeyOrder is OpenSSH's order of preference (KEX_DEFAULT_PK_ALG in
// myproposal.h) without the types that need a security key: x/crypto speaks no
// sk- host key.
func hostKeyOrder() []string {
	return []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA}
}

// certificateOrder is the same for host certificates.
func certificateOrder() []string {
	return []string{
		ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01, ssh.CertAlgoRSAv01,
	}
}

// authorityAlgorithms are those with which an authority may sign
// (CASignatureAlgorithms in ssh_config(5)).
func authorityAlgorithms() []string {
	return []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	}
}

// Offer gives the host key algorithms for the first connection to h, before its
// key is known (order_hostkeyalgs in OpenSSH's sshconnect2.c):
//
//  1. certificates of every type, only if an authority is on file for h: its own
//     type says nothing about the keys that it signs;
//  2. the types on file for h, or the server would show another of its keys, which
//     reads as a mismatch (golang/go#29286);
//  3. the types of all hashed lines: to find those of h would mean a hash for each
//     line, which Check saves by Again;
//  4. all others, so that a host that lost its recorded key can be told from one
//     that does not answer.
//
// An RSA key means rsa-sha2-512 and rsa-sha2-256. ssh-rsa, which signs with SHA-1,
// and DSA are never offered.
func (db *DB) Offer(h Host) []string {
	db.mu.RLock()
	defer db.mu.RUnlock()
	ix := db.index
	var types []string
	authority := false
	for _, name := range h.names() {
		m := newMatcher(name)
		found := ix.written(m)
		types = append(types, ix.types(ix.marked(found, NoMarker))...)
		authority = authority || len(ix.marked(found, CertAuthority)) > 0 || len(ix.matching(m, ix.hashedAuthorities)) > 0
	}
	types = append(types, preferred(ix.hashedTypes)...)
	types = append(types, hostKeyOrder()...)
	if authority {
		types = append(certificateOrder(), types...)
	}
	return offered(types)
}

// types gives the key types of lines in the order of preference, each once.
func (ix *index) types(list []int32) []string {
	var types []string
	for _, i := range list {
		if t := ix.lines[i].keyType; !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return preferred(types)
}

// preferred sorts key types; those without a place in our order go last.
func preferred(types []string) []string {
	order := hostKeyOrder()
	rank := func(t string) int {
		if i := slices.Index(order, t); i >= 0 {
			return i
		}
		return len(order)
	}
	sorted := slices.Clone(types)
	slices.SortStableFunc(sorted, func(a, b string) int { return rank(a) - rank(b) })
	return sorted
}

// supported are the host key algorithms that x/crypto is able to do without a
// known weakness. Nobody changes them.
var supported = ssh.SupportedAlgorithms().HostKeys

// offered gives the algorithms for key types, each once. An RSA key makes several
// kinds of signatures (RFC 8332).
func offered(types []string) []string {
	var list []string
	add := func(algorithms ...string) {
		for _, a := range algorithms {
			if slices.Contains(supported, a) && !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	for _, t := range types {
		switch t {
		case ssh.KeyAlgoRSA:
			add(ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		case ssh.CertAlgoRSAv01:
			add(ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01)
		default:
			add(t)
		}
	}
	return list
}

// Fingerprint shows a key like ssh-keygen -l: "SHA256:... (ED25519)". That of a
// certificate is that of the key in it.
func Fingerprint(key ssh.PublicKey) string {
	if cert, ok := key.(*ssh.Certificate); ok {
		return fingerprint(cert.Key.Marshal(), cert.Type())
	}
	return fingerprint(key.Marshal(), key.Type())
}

// Fingerprint is that of the line's key.
func (l Line) Fingerprint() string { return fingerprint(l.Blob, l.Type) }

func fingerprint(blob []byte, keyType string) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]) + " (" + label(keyType) + ")"
}

// label is the short name of a key type (sshkey_type in OpenSSH's sshkey.c).
func label(keyType string) string {
	name, cert := strings.CutSuffix(keyType, certSuffix)
	name = strings.TrimSuffix(name, "@openssh.com")
	switch {
	case name == ssh.KeyAlgoRSA:
		name = "RSA"
	case name == ssh.KeyAlgoED25519:
		name = "ED25519"
	case name == keyTypeDSA:
		name = "DSA"
	case strings.HasPrefix(name, "ecdsa-sha2-"):
		name = "ECDSA"
	case name == "sk-ssh-ed25519":
		name = "ED25519-SK"
	case strings.HasPrefix(name, "sk-ecdsa-sha2-"):
		name = "ECDSA-SK"
	}
	if cert {
		name += "-CERT"
	}
	return name
}
