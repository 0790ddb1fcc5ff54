package knownhosts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// State is what known_hosts says about a key.
type State int

// The states. Only OK is a pass.
const (
	Unknown        State = iota // nothing is on file, or only an authority that did not sign this certificate
	OK                          // the key is on file, or the certificate's authority is
	Mismatch                    // other keys are on file, and not this one
	Revoked                     // the key, or the authority of its certificate, is on a @revoked line
	BadCertificate              // its authority is on file, and yet it is not valid for this host at this time
	ShortKey                    // an RSA key of less than 1024 bits (RequiredRSASize in ssh_config(5))
)

// Answer is what Check finds.
type Answer struct {
	Host  Host
	Key   ssh.PublicKey // the one shown
	State State

	// Lines are those that decided: that of the key or of the authority (OK), all
	// unmarked lines of the host (Mismatch), the revoking one (Revoked), that of
	// the authority (BadCertificate). Otherwise nil.
	Lines []Line

	// Reason says why a certificate was not accepted though its authority is on
	// file. Empty otherwise.
	Reason string

	// Again are the host key algorithms to connect with once more, because the
	// server may hold another key, which is on file. nil: the answer is final.
	// After connecting again, it is final in any case.
	Again []string
}

// Check judges the key that the server at h has proved to hold, which may be a
// *ssh.Certificate. now is the time at which a certificate must be valid.
func (db *DB) Check(h Host, key ssh.PublicKey, now time.Time) Answer {
	s := shown{host: h, key: key, plain: key, now: now}
	if cert, ok := key.(*ssh.Certificate); ok {
		s.cert, s.plain, s.authority = cert, cert.Key, keyText(cert.SignatureKey)
	}
	s.text = keyText(s.plain)
	if s.plain.Type() == ssh.KeyAlgoRSA && rsaBits(s.plain.Marshal()) < minRSABits {
		return s.answer(ShortKey, nil)
	}
	var names []*matcher
	for _, name := range h.names() {
		names = append(names, newMatcher(name))
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.index.check(names, s)
}

// shown is a key to judge.
type shown struct {
	host      Host
	key       ssh.PublicKey
	cert      *ssh.Certificate // nil: a plain key
	plain     ssh.PublicKey    // without the certificate
	text      string           // of plain, as lines have it
	authority string           // the same for the key that signed cert
	now       time.Time
}

func (s *shown) answer(state State, lines []Line) Answer {
	return Answer{Host: s.host, Key: s.key, State: state, Lines: lines}
}

// final tells whether no other name and no plain key can change the state.
func (a Answer) final() bool { return a.State == OK || a.State == Revoked }

// check asks in the order of check_host_key in OpenSSH's sshconnect.c: a
// certificate under each name, then its plain key. names has the name without
// port as a second one if there is a port.
func (ix *index) check(names []*matcher, s shown) Answer {
	if len(names) == 0 {
		return s.answer(Unknown, nil)
	}
	var cert Answer
	if s.cert != nil {
		cert = ix.certificate(names[0], s)
		if cert.State == Unknown && len(names) > 1 {
			if bare := ix.check(names[1:], s); bare.final() || bare.State == BadCertificate {
				cert = bare
			}
		}
		if cert.final() {
			return cert
		}
	}
	plain := ix.plain(names[0], s)
	if plain.State == Unknown && len(names) > 1 {
		bare := ix.plain(names[1], s)
		if bare.final() {
			return bare
		}
		plain.Again = bare.Again
	}
	switch {
	case s.cert == nil || plain.State != Unknown && cert.State != BadCertificate || plain.final():
		return plain
	case cert.State == Unknown && plain.Again == nil:
		cert.Again = offered(hostKeyOrder()) // the plain key may be one to add
	default:
		cert.Again = plain.Again
	}
	return cert
}

// certificate asks for the authority of a certificate.
func (ix *index) certificate(m *matcher, s shown) Answer {
	lines := ix.withKey(m, s.authority)
	revoked := append(ix.marked(ix.withKey(m, s.text), RevokedKey), ix.marked(lines, RevokedKey)...)
	if len(revoked) > 0 {
		return s.answer(Revoked, ix.show(revoked[:1]))
	}
	authorities := ix.marked(lines, CertAuthority)
	if len(authorities) == 0 {
		return s.answer(Unknown, nil)
	}
	a := s.answer(OK, ix.show(authorities[:1]))
	if err := checkCertificate(s.cert, s.host.principal(), s.now); err != nil {
		a.State, a.Reason = BadCertificate, err.Error()
	}
	return a
}

// plain asks for a plain key.
func (ix *index) plain(m *matcher, s shown) Answer {
	lines := ix.withKey(m, s.text)
	if revoked := ix.marked(lines, RevokedKey); len(revoked) > 0 {
		return s.answer(Revoked, ix.show(revoked[:1]))
	}
	if same := ix.marked(lines, NoMarker); len(same) > 0 {
		return s.answer(OK, ix.show(same[:1]))
	}
	others := ix.marked(ix.named(m), NoMarker)
	if len(others) == 0 {
		return s.answer(Unknown, nil)
	}
	a := s.answer(Mismatch, ix.show(others))
	if types := ix.types(others); !slices.Contains(types, s.plain.Type()) {
		a.Again = offered(types)
	}
	return a
}

// checkCertificate follows sshkey_cert_check_host in OpenSSH's sshkey.c. A
// principal may have wildcards.
func checkCertificate(cert *ssh.Certificate, principal string, now time.Time) error {
	if cert.CertType != ssh.HostCert {
		return errors.New("it is not a host certificate")
	}
	i := slices.IndexFunc(cert.ValidPrincipals, func(pattern string) bool { return matchPattern(principal, pattern) })
	if i < 0 {
		return fmt.Errorf("it is not for %q", principal)
	}
	if len(cert.CriticalOptions) > 0 {
		return errors.New("it has critical options, and none is supported")
	}
	if !slices.Contains(authorityAlgorithms(), cert.Signature.Format) {
		return fmt.Errorf("it is signed with %q, which is not accepted", clip(cert.Signature.Format))
	}
	checker := ssh.CertChecker{Clock: func() time.Time { return now }}
	if err := checker.CheckCert(cert.ValidPrincipals[i], cert); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "ssh: "))
	}
	return nil
}

// Err says in one line what is wrong, and nil if the key is OK. What the server
// sent is quoted or a fingerprint.
func (a Answer) Err() error {
	key := Fingerprint(a.Key)
	switch a.State {
	case OK:
		return nil
	case Mismatch:
		return fmt.Errorf("host key mismatch: %s shows %s, on file is %s: if the host was reinstalled, correct that line", a.Host, key, a.expected())
	case Revoked:
		return fmt.Errorf("host key %s of %s is revoked at %s: do not connect until you know why", key, a.Host, a.Lines[0])
	case BadCertificate:
		return fmt.Errorf("host certificate of %s for %s, signed by the authority at %s, not accepted: %s: have it renewed",
			a.Host, key, a.Lines[0], a.Reason)
	case ShortKey:
		return fmt.Errorf("host key of %s has less than %d bits: %s: give it a longer one", a.Host, minRSABits, key)
	}
	if cert, ok := a.Key.(*ssh.Certificate); ok {
		return fmt.Errorf("host certificate of %s for %s is signed by %s, which is not on file for it: "+
			"compare the authority with the right one, then add it", a.Host, key, Fingerprint(cert.SignatureKey))
	}
	return fmt.Errorf("host key not on file: %s shows %s: compare it with the host's, then add it", a.Host, key)
}

// expected names the line that the key should have been like: of its type, if
// there is one.
func (a Answer) expected() string {
	plain := a.Key
	if cert, ok := a.Key.(*ssh.Certificate); ok {
		plain = cert.Key
	}
	i := max(0, slices.IndexFunc(a.Lines, func(l Line) bool { return l.Type == plain.Type() }))
	return fmt.Sprintf("%s at %s", a.Lines[i].Fingerprint(), a.Lines[i])
}
