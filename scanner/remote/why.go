package remote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
)

// unfinished names the stage that is under way.
func (l *login) unfinished() (op, unfinished string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.verified {
		return opLogin, "key exchange done, but login not finished"
	}
	if text, version := l.transport.firstWords(); !version {
		if p, ok := l.transport.Conn.(*proxy); ok && text == "" {
			return opHandshake, fmt.Sprintf("ssh_config's ProxyCommand gave no SSH version, and said %q,", p.words())
		}
		if text != "" {
			return opHandshake, fmt.Sprintf("connected, but no SSH version, only %q,", text)
		}
		return opHandshake, "connected, but no SSH version"
	}
	return opHandshake, "key exchange not finished"
}

// explain turns the outcome of a handshake into what happened. nil: it worked.
func (l *login) explain(err error) *scanner.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, version := l.transport.firstWords()
	switch {
	case l.failure != nil: // also when a login came through after a flood
		return l.failure
	case err == nil:
		return nil
	case !l.verified && !version:
		return l.noVersion(text, err)
	case closedByPeer(err) && !l.verified:
		return lost(opHandshake, "during the key exchange", err)
	case closedByPeer(err):
		return lost(opLogin, "during the login", err)
	case !l.verified:
		return &scanner.Error{Op: opHandshake, Status: scanner.Unreachable, Err: noCommon(err)}
	}
	return &scanner.Error{Op: opLogin, Status: scanner.AuthFailed, Err: l.loginError(err)}
}

// lost is a connection that ended by itself, before any answer that would be
// the same the next time.
func lost(op, when string, err error) *scanner.Error {
	return &scanner.Error{Op: op, Status: scanner.Unreachable, Err: fmt.Errorf("connection closed by peer %s: %w", when, err), Transient: true}
}

// noCommon adds what to do about a server without any algorithm in common.
func noCommon(err error) error {
	var none *ssh.AlgorithmNegotiationError
	if errors.As(err, &none) {
		return fmt.Errorf("%w: the server is too old, or ssh_config's Ciphers, KexAlgorithms, MACs or HostKeyAlgorithms leave none", oneLine(err))
	}
	return oneLine(err)
}

// loginError says whose keys were not accepted, and what else may be wrong.
// The caller holds the lock.
func (l *login) loginError(err error) error {
	user := l.target.user
	const askPass = "--ask-pass asks for a password"
	switch {
	case l.untold != nil:
		return fmt.Errorf("user %s: %w", user, l.untold)
	case l.sent:
		return fmt.Errorf("user %s: the password was not accepted", user)
	case l.partial:
		return fmt.Errorf("user %s: the server accepted a key and asks for more (%q): %s", user, l.methods, askPass)
	case len(l.methods) > 0 && !slices.Contains(l.methods, "publickey"):
		return fmt.Errorf("user %s: the server allows no keys, only %q: %s", user, l.methods, askPass)
	case len(l.offer.Signers()) == 0:
		return fmt.Errorf("user %s: no key to offer (%s): name one with --private-key FILE", user, l.offer)
	}
	text := fmt.Sprintf("user %s: none of the keys was accepted (%s)", user, l.offer)
	if !strings.Contains(err.Error(), "unable to authenticate") { // x/crypto's words for just that
		return fmt.Errorf("%s: %w", text, oneLine(err))
	}
	return errors.New(text)
}

// noVersion explains a connection that ended before the SSH version. sshd
// that is too busy, or has banned our address, says so in one line of text
// (sshd.c, drop_connection; before OpenSSH 9.8 it has only the first).
func (l *login) noVersion(text string, err error) *scanner.Error {
	e := &scanner.Error{Op: opHandshake, Status: scanner.Throttled, Transient: true}
	switch {
	case strings.Contains(text, "Exceeded MaxStartups"):
		e.Err = fmt.Errorf("sshd has too many logins under way (%q): scan fewer nodes at once with -f", text)
	case strings.Contains(text, "Not allowed at this time"):
		e.Err = fmt.Errorf("sshd has banned this address for a while (%q, PerSourcePenalties): wait, and see why logins failed", text)
	case text != "":
		e.Status, e.Transient = scanner.Unreachable, false
		e.Err = fmt.Errorf("no SSH version, the server says %q: is this port SSH?", text)
	default:
		e = lost(opHandshake, "before its SSH version", err)
		if p, ok := l.transport.Conn.(*proxy); ok {
			e.Err = fmt.Errorf("ssh_config's ProxyCommand ended without an SSH version; it said %q", p.words())
		}
	}
	return e
}

// closedByPeer tells an ended connection from an answer that we refuse.
func closedByPeer(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, &op)
}

// oneLine quotes an error that holds line breaks or escapes of the peer.
func oneLine(err error) error {
	if strings.ContainsFunc(err.Error(), unicode.IsControl) {
		return fmt.Errorf("%q", err.Error())
	}
	return err
}

// oneLineOf joins the words of a text to one line of at most 200 bytes.
func oneLineOf(text []byte) string {
	line := strings.Join(strings.Fields(string(text)), " ")
	return line[:min(len(line), 200)]
}
