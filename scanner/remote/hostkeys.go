package remote

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
	"kletscan/scanner/remote/knownhosts"
)

// hostKeyStore loads each distinct set of known_hosts files once. It is safe
// for concurrent use.
type hostKeyStore struct {
	mu       sync.Mutex
	sets     map[string]*knownhosts.DB
	warnings []string       // not told yet
	learnt   map[string]int // host keys added, by file
}

func (s *hostKeyStore) load(files []string) (*knownhosts.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.Join(files, "\x00")
	if db, ok := s.sets[name]; ok {
		return db, nil
	}
	db, err := knownhosts.Load(files)
	if err != nil {
		return nil, err
	}
	for _, warning := range db.Warnings() {
		s.warn("known_hosts line skipped: " + warning)
	}
	s.sets[name] = db
	return db, nil
}

// anyExists tells whether at least one file is there.
func anyExists(files []string) bool {
	return slices.ContainsFunc(files, func(file string) bool {
		_, err := os.Stat(file)
		return err == nil
	})
}

// onHostKey judges the key that the server has proved to hold.
func (l *login) onHostKey(_ string, _ net.Addr, key ssh.PublicKey) error {
	failure := l.judge(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if failure != nil {
		l.failure = failure
		return failure
	}
	l.verified = true
	return nil
}

// judge returns nil for the key that is on file, and for one that is new and
// has just been added.
func (l *login) judge(key ssh.PublicKey) *scanner.Error {
	t := l.target
	for _, check := range []func(ssh.PublicKey) error{l.revoked, l.permitted} {
		if err := check(key); err != nil {
			return hostKeyError(scanner.HostKeyMismatch, err)
		}
	}
	answer := l.known.Check(t.hostKey, key, l.now())
	if l.algorithms == nil {
		l.mu.Lock()
		l.again = answer.Again
		l.mu.Unlock()
	}
	switch {
	case answer.State == knownhosts.OK:
		return nil
	case answer.State != knownhosts.Unknown:
		err := answer.Err()
		if answer.State == knownhosts.Mismatch {
			err = fmt.Errorf("%w: ssh-keygen -R %q -f %s takes it away, %s", err, t.hostKey, answer.Lines[0].File, t.keyscan())
		}
		return hostKeyError(scanner.HostKeyMismatch, err)
	case t.policy == AcceptNew && len(t.hostKeyFiles) > 0 && (answer.Again == nil || l.algorithms != nil):
		return l.add(key)
	}
	return hostKeyError(scanner.HostKeyUnknown, fmt.Errorf("%w: %s", answer.Err(), t.keyscan()))
}

// add is StrictHostKeyChecking accept-new: the key of a host of which nothing
// is on file goes to the first of the user's known_hosts files.
func (l *login) add(key ssh.PublicKey) *scanner.Error {
	t := l.target
	err := l.known.Add(t.hostKey, key, t.hostKeyFiles[0], t.ssh.HashKnownHosts)
	if err != nil && !errors.Is(err, knownhosts.ErrNotWritten) {
		return hostKeyError(scanner.HostKeyMismatch, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.added, l.addError = true, err
	return nil
}

// learn notes that a host key was added, for Dialer.Warnings.
func (d *Dialer) learn(l *login) {
	if !l.added {
		return
	}
	d.hostKeys.mu.Lock()
	defer d.hostKeys.mu.Unlock()
	if l.addError == nil {
		d.hostKeys.learnt[l.target.hostKeyFiles[0]]++
	} else {
		d.hostKeys.warn(l.addError.Error())
	}
}

// warn keeps a warning, once. The caller holds the lock.
func (s *hostKeyStore) warn(text string) {
	if !slices.Contains(s.warnings, text) {
		s.warnings = append(s.warnings, text)
	}
}

// revoked looks a key up in ssh_config's RevokedHostKeys, which is a list of
// public keys, or a key revocation list, which this program cannot read. As in
// OpenSSH, a file that cannot be read accepts nobody.
func (l *login) revoked(key ssh.PublicKey) error {
	file := l.target.ssh.RevokedHostKeys
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("ssh_config's RevokedHostKeys: %w", err)
	}
	if strings.HasPrefix(string(text), "SSHKRL\n") {
		return fmt.Errorf("ssh_config's RevokedHostKeys %s is a binary key revocation list: list the keys as text", file)
	}
	held := []ssh.PublicKey{key}
	if cert, ok := key.(*ssh.Certificate); ok {
		held = append(held, cert.Key, cert.SignatureKey)
	}
	for n, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		listed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return fmt.Errorf("%s:%d: expected a public key: %w", file, n+1, err)
		}
		for _, one := range held {
			if string(one.Marshal()) == string(listed.Marshal()) {
				return fmt.Errorf("host key %s is revoked at %s:%d: do not connect until you know why", knownhosts.Fingerprint(one), file, n+1)
			}
		}
	}
	return nil
}

// permitted applies ssh_config's RequiredRSASize and CASignatureAlgorithms.
func (l *login) permitted(key ssh.PublicKey) error {
	t := l.target.ssh
	if cert, ok := key.(*ssh.Certificate); ok {
		all := ssh.SupportedAlgorithms().PublicKeyAuths
		if format := cert.Signature.Format; t.CASignatureAlgorithms.IsSet() && !slices.Contains(t.CASignatureAlgorithms.Of(all, all), format) {
			return fmt.Errorf("host certificate signed with %s, which ssh_config's CASignatureAlgorithms does not allow", format)
		}
		key = cert.Key
	}
	crypto, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return nil
	}
	if public, ok := crypto.CryptoPublicKey().(*rsa.PublicKey); ok && public.N.BitLen() < t.RequiredRSASize {
		return fmt.Errorf("host key %s has %d bits, and ssh_config's RequiredRSASize is %d", knownhosts.Fingerprint(key), public.N.BitLen(), t.RequiredRSASize)
	}
	return nil
}

func hostKeyError(status scanner.Status, err error) *scanner.Error {
	return &scanner.Error{Op: opHandshake, Status: status, Err: err}
}
