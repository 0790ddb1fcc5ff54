package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/crypto/ssh"

	"kletscan/inventory"
	"kletscan/scanner"
)

// The stages of a visit, as scanner.Error.Op.
const (
	opConnect   = "connect"
	opHandshake = "handshake"
	opLogin     = "authenticate"
	opRun       = "run the command"
)

// bannerLimit is how much a server may say before the login, in bytes. sshd's
// Banner is a screen of text.
const bannerLimit = 64 << 10

// Dial connects to a node and logs in, within Config.ConnectTimeout and ctx.
// It may be called concurrently. Its errors are *scanner.Error. ctx does not
// bound the connection once it is returned.
func (d *Dialer) Dial(ctx context.Context, node inventory.Node) (scanner.Conn, error) {
	t, err := d.target(node)
	if err != nil {
		return nil, refused(err)
	}
	known, err := d.hostKeys.load(t.hostKeyFiles)
	if err != nil {
		return nil, refused(err)
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, d.cfg.ConnectTimeout)
	defer cancel()

	var dialer net.Dialer
	socket, err := dialer.DialContext(ctx, t.network, t.address())
	if err != nil {
		if ctx.Err() != nil {
			return nil, interrupted(caller, opConnect, "no answer", d.cfg.ConnectTimeout)
		}
		return nil, &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: connectError(err)}
	}
	l := &login{target: t, known: known, offer: d.keys.offer(t), transport: &transport{Conn: socket}}
	config, err := l.config()
	if err != nil {
		socket.Close()
		return nil, refused(err)
	}
	client, err := d.handshake(ctx, l, config)
	if ctx.Err() != nil {
		if client != nil {
			client.Close()
		}
		op, unfinished := l.unfinished()
		return nil, interrupted(caller, op, unfinished, d.cfg.ConnectTimeout)
	}
	if failure := l.explain(err); failure != nil {
		if client != nil {
			client.Close()
		}
		return nil, failure
	}
	return &Conn{client: client, transport: l.transport, timeout: d.cfg.CommandTimeout}, nil
}

// handshake runs the SSH handshake and login, and ends with ctx. x/crypto
// gets a goroutine of its own for it: closing the transport ends every wait
// for the node, but not one for an agent, whose signature may need a touch.
// Such a goroutine lasts until the agent answers or the Dialer is closed.
func (d *Dialer) handshake(ctx context.Context, l *login, config *ssh.ClientConfig) (*ssh.Client, error) {
	type outcome struct {
		client *ssh.Client
		err    error
	}
	done := make(chan outcome)
	d.running.Go(func() {
		var o outcome
		conn, channels, requests, err := ssh.NewClientConn(l.transport, l.target.address(), config)
		if o.err = err; err == nil {
			o.client = ssh.NewClient(conn, channels, requests)
		}
		select {
		case done <- o:
		case <-ctx.Done(): // nobody waits any more
			if o.client != nil {
				o.client.Close()
			}
		}
	})
	select {
	case o := <-done:
		return o.client, o.err
	case <-ctx.Done():
		l.transport.abort()
		return nil, context.Cause(ctx)
	}
}

// login is one handshake under way. x/crypto calls back from its own
// goroutines, also later when the server asks for new session keys.
type login struct {
	target    *target
	known     *hostKeys
	offer     offer
	transport *transport

	mu       sync.Mutex
	verified bool           // the host key is the right one: what follows is the login
	failure  *scanner.Error // what a callback found, before x/crypto wraps it
	banner   int            // bytes so far
	methods  []string       // of authentication that the server allows now
	partial  bool           // it took a key and asked for more
}

// config offers only algorithms without known weaknesses, and of these only
// what ssh_config allows. An empty list must never get through: x/crypto would
// take it for its own, wider one.
func (l *login) config() (*ssh.ClientConfig, error) {
	supported := ssh.SupportedAlgorithms()
	config := &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: supported.KeyExchanges,
			Ciphers:      supported.Ciphers,
			MACs:         supported.MACs,
		},
		User:              l.target.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(l.offer.signers...)},
		AuthCallback:      l.onMethods,
		HostKeyCallback:   l.onHostKey,
		HostKeyAlgorithms: l.known.algorithms(l.target.hostKeyName),
		BannerCallback:    l.onBanner,
		ClientVersion:     "SSH-2.0-kletscan",
	}
	for keyword, list := range map[string]*[]string{
		"kexalgorithms": &config.KeyExchanges, "ciphers": &config.Ciphers, "macs": &config.MACs,
		"hostkeyalgorithms": &config.HostKeyAlgorithms, // filtered but not reordered: see hostKeys.algorithms
	} {
		allowed, ok := l.target.limits[keyword]
		if !ok {
			continue
		}
		if keyword == "hostkeyalgorithms" {
			*list = intersect(*list, allowed)
		} else {
			*list = intersect(allowed, *list)
		}
		if len(*list) == 0 {
			return nil, fmt.Errorf("ssh_config's %s leaves nothing that kletscan supports: %q", keyword, allowed)
		}
	}
	return config, nil
}

func (l *login) onHostKey(_ string, _ net.Addr, key ssh.PublicKey) error {
	failure := l.known.verify(l.target, key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if failure != nil {
		l.failure = failure
		return failure
	}
	l.verified = true
	return nil
}

// onMethods only listens: with nil, x/crypto goes on with our one method.
func (l *login) onMethods(auth *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.methods = auth.AllowedMethods
	l.partial = len(auth.PartialSuccessMethods) > 0
	return nil, nil
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

// unfinished names the stage that is under way.
func (l *login) unfinished() (op, unfinished string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.verified {
		return opLogin, "key exchange done, but login not finished"
	}
	if text, version := l.transport.firstWords(); !version {
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
		return &scanner.Error{Op: opHandshake, Status: scanner.Unreachable, Err: noVersion(text, err)}
	case closedByPeer(err) && !l.verified:
		return &scanner.Error{Op: opHandshake, Status: scanner.Unreachable, Err: fmt.Errorf("connection closed by peer during the key exchange: %w", err)}
	case closedByPeer(err):
		return &scanner.Error{Op: opLogin, Status: scanner.Unreachable, Err: fmt.Errorf("connection closed by peer during the login: %w", err)}
	case !l.verified:
		return &scanner.Error{Op: opHandshake, Status: scanner.Unreachable, Err: oneLine(err)}
	}
	return &scanner.Error{Op: opLogin, Status: scanner.AuthFailed, Err: l.loginError(err)}
}

// loginError says whose keys were not accepted, and what else may be wrong.
// The caller holds the lock.
func (l *login) loginError(err error) error {
	user := l.target.user
	switch {
	case l.partial:
		return fmt.Errorf("user %s: the server accepted a key and asks for more (%q): kletscan logs in with keys only", user, l.methods)
	case len(l.methods) > 0 && !slices.Contains(l.methods, "publickey"):
		return fmt.Errorf("user %s: the server allows no keys, only %q: kletscan logs in with keys only", user, l.methods)
	case len(l.offer.signers) == 0:
		return fmt.Errorf("user %s: no key to offer: ssh_config names none that can be used here: name one with --private-key FILE", user)
	}
	text := fmt.Sprintf("user %s: none of the keys was accepted (%s)", user, l.offer)
	if l.offer.left > 0 {
		text += fmt.Sprintf("; %d more were not offered, because sshd gives up after six: name the right one with --private-key FILE, or set IdentitiesOnly", l.offer.left)
	}
	if !strings.Contains(err.Error(), "unable to authenticate") { // x/crypto's words for just that
		return fmt.Errorf("%s: %w", text, oneLine(err))
	}
	return errors.New(text)
}

// oneLine quotes an error that holds line breaks or escapes of the peer.
func oneLine(err error) error {
	if strings.ContainsFunc(err.Error(), unicode.IsControl) {
		return fmt.Errorf("%q", err.Error())
	}
	return err
}

// noVersion explains a connection that ended before the SSH version. sshd
// that is too busy, or has banned our address, says so in one line of text.
func noVersion(text string, err error) error {
	switch {
	case strings.Contains(text, "Exceeded MaxStartups"):
		return fmt.Errorf("sshd has too many logins under way (%q): scan fewer nodes at once with -f", text)
	case strings.Contains(text, "Not allowed at this time"):
		return fmt.Errorf("sshd has banned this address for a while (%q, PerSourcePenalties): wait, and see why logins failed", text)
	case text != "":
		return fmt.Errorf("no SSH version, the server says %q: is this port SSH?", text)
	}
	return fmt.Errorf("connection closed by peer before its SSH version: %w", err)
}

// closedByPeer tells an ended connection from an answer that we refuse.
func closedByPeer(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op)
}

// connectError shortens what net says to the part that differs.
func connectError(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: scan fewer nodes at once with -f, or raise ulimit -n", err)
	case errors.As(err, &dns):
		return fmt.Errorf("look up %s: %s", dns.Name, dns.Err)
	case errors.As(err, &op) && op.Addr != nil:
		cause := op.Err
		var call *os.SyscallError
		if errors.As(cause, &call) {
			cause = call.Err // the name of the system call says what our own words say
		}
		return fmt.Errorf("%s: %w", op.Addr, cause)
	}
	return err
}

// interrupted says why a stage was not finished: its own limit, or the
// caller's context.
func interrupted(caller context.Context, op, unfinished string, limit time.Duration) *scanner.Error {
	switch err := caller.Err(); {
	case err == nil:
		return &scanner.Error{Op: op, Status: scanner.Timeout, Err: fmt.Errorf("%s within %v", unfinished, limit)}
	case errors.Is(err, context.DeadlineExceeded):
		return &scanner.Error{Op: op, Status: scanner.Timeout, Err: fmt.Errorf("%s: %w", unfinished, context.Cause(caller))}
	default:
		return &scanner.Error{Op: op, Status: scanner.Cancelled, Err: fmt.Errorf("%s: %w", unfinished, context.Cause(caller))}
	}
}
