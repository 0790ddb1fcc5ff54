package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/remote/knownhosts"
	"kletscan/scanner/secret"
)

// The stages of a visit, as scanner.Error.Op.
const (
	opConnect   = "connect"
	opJump      = "jump host"
	opHandshake = "handshake"
	opLogin     = "authenticate"
	opRun       = "run the command"
)

// Resolve decides everything about a node, as the operator's own ssh would. It
// may be called concurrently, and so may what it leads to. All errors are
// *scanner.Error.
func (d *Dialer) Resolve(ctx context.Context, node inventory.Node) (scanner.Target, error) {
	t, err := d.target(ctx, node)
	if err != nil {
		return nil, refused(ctx, err)
	}
	return &resolved{d, t}, nil
}

// resolved is a node's scanner.Target.
type resolved struct {
	dialer *Dialer
	target *target
}

// Shares has the agent, where logins with it are limited: one that waits for
// somebody to touch a key must not hold a place at its server meanwhile.
func (r *resolved) Shares() []scanner.Share {
	var shares []scanner.Share
	if limit := r.dialer.cfg.AgentConcurrency; limit > 0 && r.target.keys.Agent != "" {
		shares = append(shares, scanner.Share{Name: "agent", Limit: limit})
	}
	return shares
}

// Dial opens what SSH runs over.
func (r *resolved) Dial(ctx context.Context) (scanner.Link, error) {
	socket, err := r.dialer.reach(ctx, r.target)
	if err != nil {
		return nil, err
	}
	return &link{r.dialer, r.target, socket}, nil
}

// link is a node's scanner.Link.
type link struct {
	dialer *Dialer
	target *target
	socket net.Conn
}

func (l *link) Close() error { return l.socket.Close() }

func (l *link) Login(ctx context.Context) (scanner.Conn, error) {
	conn, err := l.dialer.login(ctx, l.target, l.socket)
	if err != nil { // not a nil *Conn in an interface
		return nil, err
	}
	return conn, nil
}

// connect reaches a target and logs in.
func (d *Dialer) connect(ctx context.Context, t *target) (*Conn, error) {
	if conn := d.ride(ctx, t); conn != nil {
		return d.attend(conn, t), nil
	}
	socket, err := d.reach(ctx, t)
	if err != nil {
		return nil, err
	}
	return d.login(ctx, t, socket)
}

// login logs in over a socket, which is used up. A host that shows another of
// its keys than those on file is reached once more and asked for just those:
// OpenSSH's order of algorithms would have asked for them at first
// (sshconnect2.c, order_hostkeyalgs), but it knows no thousand hashed lines to
// compare.
func (d *Dialer) login(ctx context.Context, t *target, socket net.Conn) (*Conn, error) {
	known, err := d.hostKeys.load(t.hostKeyFiles)
	if err != nil {
		socket.Close()
		return nil, refused(ctx, err)
	}
	conn, again, err := d.attempt(ctx, t, socket, known, nil)
	if err != nil && again != nil {
		first := err
		if socket, err = d.reach(ctx, t); err == nil {
			conn, _, err = d.attempt(ctx, t, socket, known, again)
		}
		var none *ssh.AlgorithmNegotiationError
		if errors.As(err, &none) { // it has none of the keys on file, so the key that it showed is the answer
			err = first
		}
	}
	if err != nil {
		return nil, err
	}
	return d.attend(conn, t), nil
}

// reach opens what SSH runs over: a channel of a jump host, a command of the
// operator's, or TCP. Its errors are *scanner.Error.
func (d *Dialer) reach(ctx context.Context, t *target) (net.Conn, error) {
	if t.via != nil { // which has limits of its own, since its login serves others, too
		return d.hops.to(t.via).dial(ctx, t.address())
	}
	limit := d.connectTimeout(t)
	connecting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return open(connecting, ctx, t, limit)
}

// attend gives a connection its keepalive, if it is to have one.
func (d *Dialer) attend(conn *Conn, t *target) *Conn {
	if t.alive > 0 {
		d.running.Go(func() { conn.keepAlive(t.alive, t.aliveCount) })
	}
	return conn
}

// attempt runs one handshake and login. The host key algorithms are those given,
// or nil for what is on file. again are those with which another attempt may do
// better, over another socket: a key exchange cannot be taken back.
func (d *Dialer) attempt(caller context.Context, t *target, socket net.Conn, known *knownhosts.DB, algorithms []string) (conn *Conn, again []string, err error) {
	limit := d.connectTimeout(t)
	ctx, cancel := context.WithTimeout(caller, limit)
	defer cancel()
	l := &login{
		target: t, known: known, algorithms: algorithms, offer: d.keys.Offer(t.keys), now: d.cfg.Now,
		password: d.passwordFor(t), transport: &transport{Conn: socket},
	}
	l.transport.bound(loginLimit, "before the login")
	if !t.isHop {
		l.transport.account = &account{budget: d.memory}
	}
	config, err := l.config(ctx)
	if err != nil {
		socket.Close()
		return nil, nil, refused(ctx, err)
	}
	client, err := d.handshake(ctx, l, config)
	failure := l.explain(err)
	if ctx.Err() != nil {
		op, unfinished := l.unfinished()
		failure = interrupted(caller, op, unfinished, limit)
	}
	if op, _ := l.unfinished(); l.transport.ended(op) != nil {
		failure = l.transport.ended(op)
	}
	l.settle(failure)
	if failure == nil {
		d.learn(l)
		return d.loggedIn(client, l), nil, nil
	}
	if client != nil {
		client.Close()
	}
	l.transport.abort()
	l.transport.account.release()
	return nil, l.elsewhere(), failure
}

// loggedIn is the connection of a login that has ended well.
func (d *Dialer) loggedIn(client *ssh.Client, l *login) *Conn {
	if l.target.isHop {
		l.transport.bound(0, "")
	} else {
		l.transport.bound(nodeLimit, "over one connection")
	}
	return &Conn{client: client, transport: l.transport, timeout: d.cfg.CommandTimeout, untrusted: l.target.policy != Strict}
}

// passwordFor is the password that may go to a target: only to a node whose
// key was on file before, so that no impostor is ever told it.
func (d *Dialer) passwordFor(t *target) *secret.Word {
	if t.isHop || t.policy != Strict || t.ssh.BatchMode || t.ssh.NumberOfPasswordPrompts == 0 {
		return nil
	}
	return d.password
}

// open makes what SSH runs over: a command of the operator's, or TCP. Its
// errors are *scanner.Error.
func open(ctx, caller context.Context, t *target, limit time.Duration) (net.Conn, error) {
	if t.proxyCommand != "" {
		p, err := startProxy(t.proxyCommand)
		if err != nil {
			return nil, &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: err}
		}
		return p, nil
	}
	var dialer net.Dialer
	if t.ssh.BindAddress != "" {
		from, err := net.ResolveTCPAddr(t.network(), net.JoinHostPort(t.ssh.BindAddress, "0"))
		if err != nil {
			return nil, &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: fmt.Errorf("ssh_config's BindAddress: %w", err)}
		}
		dialer.LocalAddr = from
	}
	for attempt := 1; ; attempt++ { // ssh_config(5), ConnectionAttempts: one a second
		socket, err := dialer.DialContext(ctx, t.network(), t.address())
		switch {
		case err == nil:
			return socket, nil
		case ctx.Err() != nil:
			return nil, interrupted(caller, opConnect, "no answer", limit)
		case attempt >= t.ssh.ConnectionAttempts || !scanner.Pause(ctx, time.Second):
			return nil, connectError(err)
		}
	}
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
		o.client, o.err = d.client(l, config)
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

// How often a server may ask something of us over one connection. OpenSSH asks
// whether we are alive and tells its other host keys; it opens channels only
// for what was asked for with -R, -A or -X, and we ask for none of these.
const (
	maxRequests = 10_000
	maxChannels = 100
)

// client is x/crypto's, which refuses all that a server asks for. A panic is
// its error: the goroutine has no caller that would recover it.
func (d *Dialer) client(l *login, config *ssh.ClientConfig) (client *ssh.Client, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.transport.end(scanner.Defect(p))
			err = l.transport.ended(opHandshake)
		}
	}()
	conn, channels, requests, err := ssh.NewClientConn(l.transport, l.target.address(), config)
	if err != nil {
		return nil, err
	}
	opened, asked := make(chan ssh.NewChannel), make(chan *ssh.Request)
	d.running.Go(func() {
		counted(channels, opened, maxChannels, func() {
			l.transport.end(overBound("the server opens channels without end: more than %d", maxChannels))
		})
	})
	d.running.Go(func() {
		counted(requests, asked, maxRequests, func() {
			l.transport.end(overBound("the server sends requests without end: more than %d", maxRequests))
		})
	})
	return ssh.NewClient(conn, opened, asked), nil
}

// connectError shortens what net says to the part that differs. A node that
// answers with a refusal, or that has no address, will do so again in a
// second; a name server that failed may not.
func connectError(err error) *scanner.Error {
	failed := &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: err}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EMFILE):
		failed.Err = fmt.Errorf("%w: scan fewer nodes at once with -f, or raise ulimit -n", err)
	case errors.As(err, &dns):
		failed.Err = fmt.Errorf("look up %s: %s", dns.Name, dns.Err)
		failed.Transient = dns.IsTemporary && !dns.IsNotFound
	case errors.As(err, &op) && op.Addr != nil:
		cause := op.Err
		var call *os.SyscallError
		if errors.As(cause, &call) {
			cause = call.Err // the name of the system call says what our own words say
			if call.Syscall == "bind" {
				cause = fmt.Errorf("from ssh_config's BindAddress %s: %w", op.Source, cause)
			}
		}
		failed.Err = fmt.Errorf("%s: %w", op.Addr, cause)
		failed.Transient = errors.Is(err, syscall.ECONNRESET)
	}
	return failed
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
