package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
	"kletscan/scanner/remote/keys"
	"kletscan/scanner/remote/knownhosts"
	"kletscan/scanner/remote/sshconfig"
	"kletscan/scanner/secret"
)

// bannerLimit is how much a server may say before the login, in bytes. sshd's
// Banner is a screen of text.
const bannerLimit = 64 << 10

// login is one handshake under way. x/crypto calls back from its own
// goroutines, also later when the server asks for new session keys.
type login struct {
	target     *target
	known      *knownhosts.DB
	offer      *keys.Offer
	password   *secret.Word // nil: none that may go there
	algorithms []string     // host key algorithms to ask for; nil: by what is on file
	now        func() time.Time
	transport  *transport
	limit      *allowance

	mu       sync.Mutex
	verified bool           // the host key is the right one: what follows is the login
	failure  *scanner.Error // what a callback found, before x/crypto wraps it
	again    []string       // host key algorithms to ask for in another connection
	banner   int            // bytes so far
	methods  []string       // of authentication that the server allows now
	partial  bool           // it took a key and asked for more
	sent     bool           // the password
	settled  bool           // the login has ended, be it well
	untold   error          // why the password was not sent
	release  func()         // ends the wait of others for what comes of it
	rounds   int            // of keyboard-interactive
	added    bool           // the host key is new
	addError error          // it could not be written to its file
}

// algorithms are what x/crypto is able to do. Nobody changes them.
type algorithms struct{ safe, insecure ssh.Algorithms }

// config offers only algorithms without known weaknesses, and of these only
// what ssh_config allows. An empty list must never get through: x/crypto would
// take it for its own, wider one.
func (l *login) config(ctx context.Context, able algorithms) (*ssh.ClientConfig, error) {
	config := &ssh.ClientConfig{
		User:            l.target.user,
		AuthCallback:    func(auth *ssh.ClientAuthContext) (ssh.AuthMethod, error) { return l.next(ctx, auth) },
		HostKeyCallback: l.checkHostKey,
		BannerCallback:  l.onBanner,
		ClientVersion:   "SSH-2.0-kletscan",
	}
	t := l.target
	hostKeys := l.algorithms
	if hostKeys == nil {
		hostKeys = l.known.Offer(t.hostKey)
	}
	for _, list := range []struct {
		keyword        string
		to             *[]string
		set            sshconfig.Algorithms
		safe, insecure []string
	}{
		{"KexAlgorithms", &config.KeyExchanges, t.ssh.KexAlgorithms, able.safe.KeyExchanges, able.insecure.KeyExchanges},
		{"Ciphers", &config.Ciphers, t.ssh.Ciphers, able.safe.Ciphers, able.insecure.Ciphers},
		{"MACs", &config.MACs, t.ssh.MACs, able.safe.MACs, able.insecure.MACs},
		{"HostKeyAlgorithms", &config.HostKeyAlgorithms, t.ssh.HostKeyAlgorithms, hostKeys, able.insecure.HostKeys},
	} {
		if *list.to = list.safe; list.set.IsSet() {
			*list.to = list.set.Of(list.safe, slices.Concat(list.safe, list.insecure))
		}
		if len(*list.to) == 0 {
			return nil, fmt.Errorf("ssh_config's %s leaves nothing that kletscan supports", list.keyword)
		}
	}
	return config, nil
}

// checkHostKey is onHostKey for a goroutine of x/crypto, which recovers no panic.
func (l *login) checkHostKey(hostname string, remote net.Addr, key ssh.PublicKey) (err error) {
	defer func() {
		if p := recover(); p != nil {
			defect := scanner.Defect(p)
			l.transport.end(defect)
			err = defect
		}
	}()
	return l.onHostKey(hostname, remote, key)
}

// onBanner ends a flood of banners by closing the transport. It returns no
// error: x/crypto would then stop reading what it has queued, and after a
// failed handshake its goroutines never end while packets wait.
func (l *login) onBanner(text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.banner += len(text); l.banner > bannerLimit && l.failure == nil {
		l.failure = &scanner.Error{
			Op: opLogin, Status: scanner.Unreachable,
			Err: fmt.Errorf("the server sends banners without end: more than %d KiB before the login", bannerLimit>>10),
		}
		l.transport.abort()
	}
	return nil
}

// next chooses how to go on: keys first, then the password, if there is one
// that may go there, once.
func (l *login) next(ctx context.Context, auth *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.methods = auth.AllowedMethods
	l.partial = len(auth.PartialSuccessMethods) > 0
	if method, err := l.offer.Next(auth); method != nil || err != nil {
		return method, err
	}
	allowed := func(method string) bool {
		return slices.Contains(auth.AllowedMethods, method) && !slices.Contains(auth.TriedMethods, method) && prefers(l.target.ssh, method)
	}
	switch {
	case l.password == nil, l.sent, l.untold != nil:
	case allowed("keyboard-interactive") && l.target.ssh.KbdInteractiveAuthentication:
		return ssh.KeyboardInteractive(func(_, _ string, questions []string, echos []bool) ([]string, error) {
			return l.answer(ctx, questions, echos)
		}), nil
	case allowed("password") && l.target.ssh.PasswordAuthentication:
		return ssh.PasswordCallback(func() (string, error) { return l.tell(ctx) }), nil
	}
	return nil, nil
}

// maxRounds is how often a server may ask without asking for anything: PAM
// sends an empty round behind its last prompt.
const maxRounds = 3

// answer gives the password to the one prompt that can be for it: alone, and
// not to be shown as it is typed.
func (l *login) answer(ctx context.Context, questions []string, echos []bool) ([]string, error) {
	l.mu.Lock()
	l.rounds++
	rounds, sent := l.rounds, l.sent
	l.mu.Unlock()
	switch {
	case rounds > maxRounds || sent && len(questions) > 0:
		return nil, errors.New("the server asks again and again")
	case len(questions) == 0:
		return nil, nil
	case len(questions) > 1 || echos[0]:
		return nil, l.keep(fmt.Errorf("the server asks %q: kletscan answers one hidden prompt and no other", questions))
	}
	text, err := l.tell(ctx)
	return []string{text}, err
}

// tell gives the password away, once. The wait for what comes of it elsewhere is
// none for this server.
func (l *login) tell(ctx context.Context) (string, error) {
	resume := l.limit.suspend()
	ok, release, err := l.password.Turn(ctx)
	resume()
	if err != nil || !ok {
		return "", l.keep(cmp.Or(err, errPasswordRejected))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.settled { // nobody waits for this login any more
		release()
		return "", context.Canceled
	}
	l.sent, l.release = true, release
	return l.password.Text(), nil
}

var errPasswordRejected = errors.New("the password was not accepted by the first node that was sent it, and goes to no other: run again to type another")

// keep notes why the password was not sent.
func (l *login) keep(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.untold = err
	return err
}

// settle says what came of the password, if it was sent. A server that ends the
// connection instead of an answer has not accepted it, and may well count it.
func (l *login) settle(failure *scanner.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settled = true
	if !l.sent {
		return
	}
	if failure == nil {
		l.password.Accepted()
	} else {
		l.password.Rejected()
		failure.Transient = false // it is sent once
	}
	l.release()
}

// elsewhere are the host key algorithms with which another connection may do
// better; nil: none.
func (l *login) elsewhere() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.again
}
