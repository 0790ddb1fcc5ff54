package remote

import (
	"context"
	"errors"
	"fmt"
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

	mu     sync.Mutex
	chain  map[string]*hop // by target.chain
	closed bool            // nothing begins any more
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
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.work.Wait()
}

// begin runs what ends with a shared connection, at the latest. It reports
// false, and runs nothing, where all of them have ended.
func (h *hops) begin(work func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.work.Go(work)
	return true
}

// to is the shared hop for a target.
func (h *hops) to(t *target) *hop {
	h.mu.Lock()
	defer h.mu.Unlock()
	one, ok := h.chain[t.chain]
	if !ok {
		one = &hop{hops: h, target: t, opens: make(chan struct{}, maxOpens)}
		h.chain[t.chain] = one
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
	name  string // of the jump host
	ready chan struct{}
	conn  *Conn
	err   error         // why there is none
	lost  chan struct{} // closed when all that ran on the connection has ended
	led   atomic.Bool   // a channel was opened over it

	mu    sync.Mutex
	doubt chan struct{} // closed when the sign of life that was asked for came, or did not; nil: none was
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
		h.line = h.givenUp()
		return h.line
	}
	l := &line{name: h.target.address(), ready: make(chan struct{}), lost: make(chan struct{})}
	h.line = l
	vain := h.vain
	h.hops.work.Go(func() { h.login(l, again, vain) })
	return l
}

// maxVain is how often in a row a jump host may take the login and hang up.
const maxVain = 2

// givenUp is a connection that is not made.
func (h *hop) givenUp() *line {
	up := &line{name: h.target.address(), ready: make(chan struct{}), lost: make(chan struct{}), err: errors.New("the connection is lost behind every login")}
	close(up.ready)
	return up
}

// ended tells whether a connection was made and has been lost, or given up.
func (l *line) ended() bool {
	select {
	case <-l.ready:
		return l.conn != nil && l.conn.transport.aborted.Load()
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
		var failed *scanner.Error
		if errors.As(err, &failed) && again && failed.Status == scanner.Timeout {
			failed.Transient = true // it has answered before
		}
		return err
	})
	if l.err != nil {
		l.conn = nil
		return
	}
	h.hops.work.Go(func() {
		defer close(l.lost)
		_ = l.conn.ssh.Wait()
		l.conn.Close()
	})
}

// lifeSign is how long a jump host that is in doubt has for a sign of life.
const lifeSign = 5 * time.Second

// lives asks a jump host for a sign of life, once for all who doubt it at the
// same time. Without one the connection is given up, and the answer is false:
// what failed on it did so because of the jump host. Any byte is a sign.
func (l *line) lives() bool {
	l.mu.Lock()
	doubt := l.doubt
	if doubt != nil {
		l.mu.Unlock()
		<-doubt
		return !l.ended()
	}
	doubt = make(chan struct{})
	l.doubt = doubt
	l.mu.Unlock()
	before := l.conn.transport.total()
	answered := make(chan struct{})
	l.conn.begin(func() {
		if _, _, err := l.conn.ssh.SendRequest(keepAliveRequest, true, nil); err == nil {
			close(answered)
		}
	})
	select {
	case <-answered:
	case <-l.lost:
	case <-time.After(lifeSign):
		if l.conn.transport.total() == before {
			l.conn.transport.abort()
		}
	}
	l.mu.Lock()
	l.doubt = nil
	l.mu.Unlock()
	close(doubt)
	return !l.ended()
}

// dial opens a channel to address (RFC 4254 section 7.2), within limit or the
// jump host's own, if that is longer. The jump host looks the name up, not we:
// names behind it mean nothing here. The errors are *scanner.Error.
func (h *hop) dial(ctx context.Context, address string, limit time.Duration) (net.Conn, error) {
	l := h.current()
	name := l.name
	select {
	case <-l.ready:
	case <-ctx.Done():
		return nil, interrupted(ctx, opJump, name+": login not finished", 0)
	}
	if l.err != nil {
		return nil, throughHop(name, l.err)
	}
	select {
	case h.opens <- struct{}{}:
		defer func() { <-h.opens }()
	case <-ctx.Done():
		return nil, interrupted(ctx, opJump, name+": too many connections are being opened", 0)
	}
	limit = max(limit, h.hops.dialer.connectTimeout(h.target))
	opening, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	channel, gone, err := forward(opening, l.conn.ssh, address, h.hops.begin)
	var denied *ssh.OpenChannelError
	answered := err == nil || errors.As(err, &denied)
	if answered {
		l.led.Store(true)
	}
	switch {
	case err == nil:
		return &tunnel{channel: channel, gone: gone, line: l, begin: h.hops.begin}, nil
	case answered:
		return nil, deniedByHop(name, denied)
	case errors.Is(ctx.Err(), context.Canceled):
	case ctx.Err() != nil: // nobody waits for the sign, but it helps those who come next
		h.hops.begin(func() { l.lives() })
	case opening.Err() == nil || !l.lives():
		return nil, lostHop(name, opConnect)
	}
	return nil, interrupted(ctx, opConnect, "from jump host "+name+": no answer", limit)
}

// lostHop is the error of what was under way through a jump host that is gone.
func lostHop(name, op string) *scanner.Error {
	return &scanner.Error{Op: op, Status: scanner.Unreachable, Err: fmt.Errorf("connection to jump host %s lost", name), Transient: true}
}

// deniedByHop says why a jump host has not opened a channel, and what to do.
func deniedByHop(name string, denied *ssh.OpenChannelError) *scanner.Error {
	failed := &scanner.Error{Op: opJump, Status: scanner.Unreachable}
	switch denied.Reason {
	case ssh.ConnectionFailed:
		failed.Op = opConnect
		failed.Err = fmt.Errorf("from jump host %s: it says %q: does it know the name, and can it reach the port?", name, denied.Message)
	case ssh.ResourceShortage:
		failed.Transient = true
		failed.Err = fmt.Errorf("%s opens no more connections at once: it says %q: scan fewer nodes through it with --per-jump", name, denied.Message)
	default:
		failed.Err = fmt.Errorf("%s forwards no connections: it says %q: its sshd needs AllowTcpForwarding and PermitOpen for the nodes", name, denied.Message)
	}
	return failed
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
