package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
)

const (
	// maxOpens is how many channels a jump host is asked to open at once: each
	// costs it a look-up and a TCP connection that may hang.
	maxOpens = 128

	// Without ServerAliveInterval in ssh_config, a jump host that is silent for
	// three times this long is given up: many nodes hang on it.
	hopAliveInterval = 15 * time.Second
	hopAliveCount    = 3
)

// hops are the jump hosts in use: one shared connection for each chain, since
// one login per node is what sshd's MaxStartups turns away.
type hops struct {
	dialer *Dialer
	life   context.Context // ends with the Dialer: no node's deadline ends what others use
	end    context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex
	chain map[string]*hop // by target.chain
}

func newHops(d *Dialer) *hops {
	h := &hops{dialer: d, chain: make(map[string]*hop)}
	h.life, h.end = context.WithCancel(context.Background())
	return h
}

// close ends every shared connection and waits for what ran on them.
func (h *hops) close() {
	h.end()
	h.mu.Lock()
	all := slices.Collect(maps.Values(h.chain))
	h.mu.Unlock() // a login under way may ask for the hop before it
	for _, one := range all {
		one.close()
	}
	h.work.Wait()
}

// to is the shared hop for a target.
func (h *hops) to(t *target) *hop {
	h.mu.Lock()
	defer h.mu.Unlock()
	one, ok := h.chain[t.chain()]
	if !ok {
		one = &hop{hops: h, target: t, opens: make(chan struct{}, maxOpens)}
		h.chain[t.chain()] = one
	}
	return one
}

// hop is one jump host of one chain.
type hop struct {
	hops   *hops
	target *target
	opens  chan struct{} // held while a channel is being opened

	mu   sync.Mutex
	line *line // the login under way, or the last one
	vain int   // connections in a row that were lost before they led anywhere
}

// line is one connection to a jump host. Its fields are set when ready is
// closed.
type line struct {
	ready chan struct{}
	conn  *Conn
	err   error         // why there is none
	lost  chan struct{} // closed when the connection has ended
	led   atomic.Bool   // a channel was opened over it
}

func (h *hop) close() {
	h.mu.Lock()
	l := h.line
	h.mu.Unlock()
	if l == nil {
		return
	}
	<-l.ready // soon: the context of its login has ended
	if l.conn != nil {
		l.conn.Close()
	}
}

// current is the connection to use. The first to come logs in, the others
// wait for that. One that worked and was lost is made anew, once for all that
// need it; a login that failed, with the retries that it was given, is final:
// nine thousand nodes must not try it again.
func (h *hop) current() *line {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.line != nil && !h.line.ended() {
		return h.line
	}
	again := h.line != nil
	if again && !h.line.led.Load() {
		h.vain++
	} else {
		h.vain = 0
	}
	if h.vain > maxVain {
		h.line = givenUp()
		return h.line
	}
	l := &line{ready: make(chan struct{}), lost: make(chan struct{})}
	h.line = l
	vain := h.vain
	h.hops.work.Go(func() { h.login(l, again, vain) })
	return l
}

// maxVain is how often in a row a jump host may take the login and hang up.
const maxVain = 2

// givenUp is a connection that is not made.
func givenUp() *line {
	up := &line{ready: make(chan struct{}), lost: make(chan struct{}), err: errors.New("the connection is lost behind every login")}
	close(up.ready)
	return up
}

// ended tells whether a connection was made and has been lost.
func (l *line) ended() bool {
	select {
	case <-l.lost:
		return true
	default:
		return false
	}
}

func (h *hop) login(l *line, again bool, vain int) {
	defer close(l.ready)
	d := h.hops.dialer
	if again && !scanner.Pause(h.hops.life, scanner.Backoff(vain, false)) {
		l.err = errors.New("the scan has ended")
		return
	}
	l.err = scanner.Retry(h.hops.life, d.cfg.Retries, func() (err error) {
		l.conn, err = d.connect(h.hops.life, h.target)
		return err
	})
	if l.err != nil {
		l.conn = nil
		return
	}
	h.hops.work.Go(func() {
		defer close(l.lost)
		_ = l.conn.client.Wait()
		l.conn.Close()
	})
}

// dial opens a channel to address (RFC 4254 section 7.2). The jump host looks
// the name up, not we: names behind it mean nothing here. The errors are
// *scanner.Error.
func (h *hop) dial(ctx context.Context, address string) (net.Conn, error) {
	name := h.target.address()
	l := h.current()
	select {
	case <-l.ready:
	case <-ctx.Done():
		return nil, &scanner.Error{Op: opJump, Status: scanner.Timeout, Err: fmt.Errorf("%s: login not finished: %w", name, context.Cause(ctx))}
	}
	if l.err != nil {
		return nil, throughHop(name, l.err)
	}
	select {
	case h.opens <- struct{}{}:
		defer func() { <-h.opens }()
	case <-ctx.Done():
		return nil, &scanner.Error{Op: opJump, Status: scanner.Timeout, Err: fmt.Errorf("%s: too many connections are being opened: %w", name, context.Cause(ctx))}
	}
	ctx, cancel := context.WithTimeout(ctx, h.hops.dialer.connectTimeout(h.target))
	defer cancel()
	channel, err := l.conn.client.DialContext(ctx, "tcp", address)
	var denied *ssh.OpenChannelError
	if err == nil || errors.As(err, &denied) {
		l.led.Store(true)
	}
	switch {
	case err == nil:
		return h.hops.pump(channel), nil
	case errors.As(err, &denied) && denied.Reason == ssh.ConnectionFailed:
		return nil, &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: fmt.Errorf("from jump host %s: it says %q", name, denied.Message)}
	case errors.As(err, &denied):
		return nil, &scanner.Error{Op: opJump, Status: scanner.Unreachable, Err: fmt.Errorf(
			"%s forwards no connections: it says %q: its sshd needs AllowTcpForwarding and PermitOpen for the nodes", name, denied.Message)}
	case ctx.Err() != nil:
		return nil, &scanner.Error{Op: opConnect, Status: scanner.Timeout, Err: fmt.Errorf("from jump host %s: no answer: %w", name, context.Cause(ctx))}
	}
	return nil, &scanner.Error{Op: opJump, Status: scanner.Unreachable, Err: fmt.Errorf("connection to %s lost: %w", name, err), Transient: true}
}

// throughHop says that the jump host failed, not the node. The login was
// retried for all nodes together, so none of them does it again.
func throughHop(name string, err error) *scanner.Error {
	failed := &scanner.Error{Op: opJump, Status: scanner.Unreachable, Err: fmt.Errorf("%s: %w", name, err)}
	var e *scanner.Error
	if errors.As(err, &e) {
		failed.Status = e.Status
	}
	return failed
}

// pump puts a pipe before a channel, so that Close and deadlines work at once
// and whatever the jump host does: those of x/crypto's channels wait for it.
func (h *hops) pump(channel net.Conn) net.Conn {
	here, there := net.Pipe()
	h.work.Go(func() {
		_, _ = io.Copy(there, channel)
		there.Close()
		channel.Close()
	})
	h.work.Go(func() {
		_, _ = io.Copy(channel, there)
		there.Close()
		channel.Close()
	})
	return here
}
