package remote

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"kletscan/scanner"
)

// hostKeys is a set of known_hosts files. It never learns: a host that is not
// on file is an error.
type hostKeys struct {
	files     []string // as configured, whether they exist or not
	check     ssh.HostKeyCallback
	authority map[line]bool // the @cert-authority lines
}

// line is a place in a known_hosts file.
type line struct {
	file string
	n    int
}

// hostKeyStore loads each distinct set of files once. It is safe for
// concurrent use.
type hostKeyStore struct {
	mu   sync.Mutex
	sets map[string]*hostKeys
}

func (s *hostKeyStore) load(files []string) (*hostKeys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.Join(files, "\x00")
	if h, ok := s.sets[name]; ok {
		return h, nil
	}
	h, err := loadHostKeys(files)
	if err != nil {
		return nil, err
	}
	s.sets[name] = h
	return h, nil
}

func loadHostKeys(files []string) (*hostKeys, error) {
	h := &hostKeys{files: files, authority: make(map[line]bool)}
	var exist []string
	for _, file := range files {
		switch err := h.markAuthorities(file); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("known_hosts: %w", err)
		default:
			exist = append(exist, file)
		}
	}
	var err error
	if h.check, err = knownhosts.New(exist...); err != nil {
		return nil, fmt.Errorf("known_hosts: %s: correct or delete that line", strings.TrimPrefix(err.Error(), "knownhosts: "))
	}
	return h, nil
}

// markAuthorities notes which lines are of certificate authorities:
// knownhosts.KnownKey does not tell.
func (h *hostKeys) markAuthorities(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if bytes.HasPrefix(bytes.TrimLeft(lines.Bytes(), " \t"), []byte("@cert-authority")) {
			h.authority[line{file, n}] = true
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// anyExists tells whether at least one file is there.
func anyExists(files []string) bool {
	return slices.ContainsFunc(files, func(file string) bool {
		_, err := os.Stat(file)
		return err == nil
	})
}

// noAddr stands in for the peer's address: the name decides, never the address.
var noAddr = &net.TCPAddr{IP: net.IPv4zero}

// onFile gives what is recorded for host:port: keys of the host, and keys of
// authorities. It asks with a key that nobody has.
func (h *hostKeys) onFile(address string) (keys, authorities []knownhosts.KnownKey) {
	nobody, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		return nil, nil
	}
	var unknown *knownhosts.KeyError
	if !errors.As(h.check(address, noAddr, nobody), &unknown) {
		return nil, nil
	}
	for _, k := range unknown.Want {
		if h.authority[line{k.Filename, k.Line}] {
			authorities = append(authorities, k)
		} else {
			keys = append(keys, k)
		}
	}
	return keys, authorities
}

func contains(keys []knownhosts.KnownKey, key ssh.PublicKey) bool {
	return slices.ContainsFunc(keys, func(k knownhosts.KnownKey) bool { return sameKey(k.Key, key) })
}

// hostKeyOrder is our order of preference; x/crypto's own puts ed25519 last.
func hostKeyOrder() []string {
	return []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	}
}

// certOrder is the same for host certificates.
func certOrder() []string {
	return []string{
		ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	}
}

// algorithms orders the host key algorithms for host:port:
//
//  1. those of the keys on file, or the server would show another of its
//     keys, which reads as a mismatch (golang/go#29286);
//  2. certificates of every type, only where an authority is on file: its own
//     type says nothing about the type of the keys that it signs;
//  3. all others, so that a host that lost its recorded key can be told from
//     one that does not answer.
func (h *hostKeys) algorithms(address string) []string {
	keys, authorities := h.onFile(address)
	recorded := make(map[string]bool)
	for _, k := range keys {
		recorded[k.Key.Type()] = true
	}
	var first, last []string
	for _, algorithm := range hostKeyOrder() {
		kind := algorithm
		if algorithm == ssh.KeyAlgoRSASHA256 || algorithm == ssh.KeyAlgoRSASHA512 {
			kind = ssh.KeyAlgoRSA // one key, several signatures (RFC 8332)
		}
		if recorded[kind] {
			first = append(first, algorithm)
		} else {
			last = append(last, algorithm)
		}
	}
	if len(authorities) > 0 {
		first = append(first, certOrder()...)
	}
	return intersect(append(first, last...), ssh.SupportedAlgorithms().HostKeys)
}

// intersect keeps of list what allowed has too.
func intersect(list, allowed []string) []string {
	var both []string
	for _, word := range list {
		if slices.Contains(allowed, word) {
			both = append(both, word)
		}
	}
	return both
}

// verify judges the key that the server for t has proved to hold. nil: it is
// the one on file.
func (h *hostKeys) verify(t *target, key ssh.PublicKey) *scanner.Error {
	err := h.check(t.hostKeyName, noAddr, key)
	var revoked *knownhosts.RevokedError
	switch cert, isCert := key.(*ssh.Certificate); {
	case errors.As(err, &revoked): // before anything else: a revoked key may also be on file as a good one
		return hostKeyError(scanner.HostKeyMismatch, "host key %s is revoked at %s:%d: do not connect until you know why",
			show(key), revoked.Revoked.Filename, revoked.Revoked.Line)
	case isCert && err == nil:
		return nil
	case isCert:
		return h.badCertificate(t, cert, err)
	case err == nil && len(h.authority) == 0:
		return nil
	}
	return h.compare(t, key)
}

// compare is the last word on a plain key. knownhosts would take an
// authority's own key for a host's.
func (h *hostKeys) compare(t *target, key ssh.PublicKey) *scanner.Error {
	name := knownhosts.Normalize(t.hostKeyName)
	keys, _ := h.onFile(t.hostKeyName)
	switch {
	case contains(keys, key):
		return nil
	case len(keys) == 0:
		return hostKeyError(scanner.HostKeyUnknown, "host key not on file: %s shows %s: compare it with the node's, then add it with: %s",
			name, show(key), t.keyscan())
	}
	want := keys[0]
	if i := slices.IndexFunc(keys, func(k knownhosts.KnownKey) bool { return k.Key.Type() == key.Type() }); i >= 0 {
		want = keys[i]
	}
	return hostKeyError(scanner.HostKeyMismatch, "host key mismatch: %s shows %s, on file is %s at %s:%d: if the node was reinstalled, delete that line and add the new key with: %s",
		name, show(key), show(want.Key), want.Filename, want.Line, t.keyscan())
}

// badCertificate explains a host certificate that was not accepted.
func (h *hostKeys) badCertificate(t *target, cert *ssh.Certificate, err error) *scanner.Error {
	status := scanner.HostKeyMismatch
	if _, authorities := h.onFile(t.hostKeyName); !contains(authorities, cert.SignatureKey) {
		status = scanner.HostKeyUnknown
	}
	return hostKeyError(status, "host certificate for %s, signed by %s, not accepted: %s",
		show(cert.Key), show(cert.SignatureKey), strings.TrimPrefix(err.Error(), "ssh: "))
}

func hostKeyError(status scanner.Status, format string, args ...any) *scanner.Error {
	return &scanner.Error{Op: opHandshake, Status: status, Err: fmt.Errorf(format, args...)}
}

// show gives a key as ssh-keygen -l would.
func show(key ssh.PublicKey) string {
	return fmt.Sprintf("%s (%s)", ssh.FingerprintSHA256(key), key.Type())
}
