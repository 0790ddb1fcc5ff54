package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
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

// Resolve decides everything about a node, as the operator's own ssh would, and
// looks its name up where it is dialled from here. It may be called
// concurrently, and so may what it leads to. All errors are *scanner.Error;
// those of the look-up are Dial's, since they may be Transient.
func (d *Dialer) Resolve(ctx context.Context, node inventory.Node) (scanner.Target, error) {
	t, err := d.target(ctx, node)
	if err != nil {
		return nil, refused(ctx, err)
	}
	r := &resolved{dialer: d, target: t}
	if r.route, err = d.route(ctx, t); err != nil {
		r.failed.Store(&err)
	}
	return r, nil
}

// resolved is a node's scanner.Target.
type resolved struct {
	dialer *Dialer
	target *target
	route  route
	failed atomic.Pointer[error] // of the look-up; nil: none, or Dial has told it
}

// Shares has the agent, where logins with it are limited: one that waits for
// somebody to touch a key must not hold a place at its server meanwhile. It has
// the jump host that the node is behind, and the network that its first address
// is in, where it is known here.
func (r *resolved) Shares() []scanner.Share {
	cfg, t := r.dialer.cfg, r.target
	var shares []scanner.Share
	if cfg.AgentConcurrency > 0 && t.keys.Agent != "" {
		shares = append(shares, scanner.Share{Name: "agent", Limit: cfg.AgentConcurrency})
	}
	if t.via != nil {
		shares = append(shares, scanner.Share{Name: "jump host " + t.via.name, Limit: cfg.PerJump})
	}
	if network := r.network(); network != "" {
		shares = append(shares, scanner.Share{Name: "network " + network, Limit: cfg.PerSubnet})
	}
	return shares
}

// network is what a node shares with its neighbours, where that is limited: a
// /24 of IPv4, or a /64 of IPv6.
func (r *resolved) network() string {
	if r.dialer.cfg.PerSubnet == 0 {
		return ""
	}
	address, err := netip.ParseAddr(r.target.host) // also behind a jump host
	if len(r.route.to) > 0 {
		address = r.route.to[0]
	} else if err != nil {
		return ""
	}
	bits := 64
	if address = address.Unmap().WithZone(""); address.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(address, bits).Masked().String()
}

// Dial opens what SSH runs over.
func (r *resolved) Dial(ctx context.Context) (scanner.Link, error) {
	if err := r.failed.Swap(nil); err != nil { // asked again, as behind a Transient error, it looks again
		return nil, *err
	}
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
		return d.hops.to(t.via).dial(ctx, t.address(), d.connectTimeout(t))
	}
	if t.proxyCommand != "" {
		p, err := startProxy(t.proxyCommand)
		if err != nil {
			return nil, &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: err}
		}
		return p, nil
	}
	r, err := d.route(ctx, t) // from memory, mostly
	if err != nil {
		return nil, err
	}
	limit := d.connectTimeout(t)
	connecting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return dialTCP(connecting, ctx, t, r, limit)
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
	ctx, allowed := allow(caller, limit)
	defer allowed.end()
	l := &login{
		target: t, known: known, algorithms: algorithms, offer: d.keys.Offer(t.keys), now: d.cfg.Now,
		password: d.passwordFor(t), transport: &transport{Conn: socket}, limit: allowed,
	}
	l.transport.bound(loginLimit, "before the login")
	if !t.isHop {
		l.transport.account = &account{budget: d.memory}
	}
	config, err := l.config(ctx, d.able)
	if err != nil {
		socket.Close()
		return nil, nil, refused(ctx, err)
	}
	done, err := d.handshake(ctx, l, config)
	failure := l.explain(err)
	if ctx.Err() != nil {
		op, unfinished := l.unfinished()
		failure = l.transport.interrupted(caller, op, unfinished, limit)
	}
	if op, _ := l.unfinished(); l.transport.ended(op) != nil {
		failure = l.transport.ended(op)
	}
	l.settle(failure)
	if failure == nil {
		l.offer.Worked()
		d.learn(l)
		return d.loggedIn(done, l), nil, nil
	}
	l.transport.abort()
	l.transport.account.release()
	return nil, l.elsewhere(), failure
}

// loggedIn is the connection of a login that has ended well.
func (d *Dialer) loggedIn(conn ssh.Conn, l *login) *Conn {
	if l.target.isHop {
		l.transport.bound(0, "")
	} else {
		l.transport.bound(nodeLimit, "over one connection")
	}
	return &Conn{ssh: conn, transport: l.transport, timeout: d.cfg.CommandTimeout, requests: &d.requests, untrusted: l.target.policy != Strict}
}

// passwordFor is the password that may go to a target: only to a node whose
// key was on file before, so that no impostor is ever told it.
func (d *Dialer) passwordFor(t *target) *secret.Word {
	if t.isHop || t.policy != Strict || t.ssh.BatchMode || t.ssh.NumberOfPasswordPrompts == 0 {
		return nil
	}
	return d.password
}

// handshake runs the SSH handshake and login, and ends with ctx. x/crypto
// gets a goroutine of its own for it: closing the transport ends every wait
// for the node, but not one for an agent, whose signature may need a touch.
// Such a goroutine lasts until the agent answers or the Dialer is closed.
func (d *Dialer) handshake(ctx context.Context, l *login, config *ssh.ClientConfig) (ssh.Conn, error) {
	type outcome struct {
		conn ssh.Conn
		err  error
	}
	done := make(chan outcome)
	d.running.Go(func() {
		conn, err := d.client(l, config)
		select {
		case done <- outcome{conn, err}:
		case <-ctx.Done(): // nobody waits any more
			if err == nil {
				conn.Close()
			}
		}
	})
	select {
	case o := <-done:
		return o.conn, o.err
	case <-ctx.Done():
		l.transport.abort()
		return nil, context.Cause(ctx)
	}
}

// client is x/crypto's, which is asked for nothing. A panic is its error: the
// goroutine has no caller that would recover it.
func (d *Dialer) client(l *login, config *ssh.ClientConfig) (conn ssh.Conn, err error) {
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
	d.running.Go(func() { refuse(conn, l.transport, channels, requests) })
	return conn, nil
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
