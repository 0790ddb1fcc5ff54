package remote

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kletscan/scanner"
)

// What a peer may send over one connection, in bytes, whatever it is: packets
// that x/crypto answers or drops by itself count, too. A jump host has only the
// first bound: what it sends later is what the nodes behind it send.
const (
	loginLimit = 1 << 20  // until the login has ended
	nodeLimit  = 16 << 20 // in all; an honest node sends some 10 KiB
)

// headLimit is how much of the peer's first words is kept, in bytes.
const headLimit = 1 << 10

// transport is the TCP connection under SSH. It remembers the peer's first
// words, which say why sshd turned us away and which x/crypto drops, whether
// the peer has ended the connection, and why we did.
//
// x/crypto reads the SSH version byte by byte: what comes with it is read at
// once, and then handed out.
type transport struct {
	net.Conn
	account *account                      // what is received counts in it; nil: it does not
	lost    atomic.Bool                   // a read has failed
	aborted atomic.Bool                   // we have ended it
	reason  atomic.Pointer[scanner.Error] // why we ended it, without Op; nil: we did not
	ahead   []byte                        // was read and not handed out; only for Read

	mu       sync.Mutex
	head     []byte
	received int    // bytes
	limit    int    // of received; 0: none
	during   string // for the words about it
}

func (t *transport) Read(p []byte) (int, error) {
	if len(t.ahead) == 0 && len(p) > 1 {
		n, err := t.Conn.Read(p)
		t.count(n, err)
		return n, err
	}
	var err error
	if len(t.ahead) == 0 {
		t.ahead = make([]byte, 256) // a version has at most 255 (RFC 4253 section 4.2)
		var n int
		n, err = t.Conn.Read(t.ahead)
		t.ahead = t.ahead[:n]
		t.remember(t.ahead)
		t.count(n, err)
	}
	n := copy(p, t.ahead)
	if t.ahead = t.ahead[n:]; n > 0 {
		err = nil // a connection that has failed does so again
	}
	return n, err
}

// remember keeps the peer's first words.
func (t *transport) remember(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = append(t.head, p[:min(len(p), headLimit-len(t.head))]...)
}

// count notes what was received, and ends the connection over a bound.
func (t *transport) count(n int, err error) {
	if err != nil {
		t.lost.Store(true)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.received += n
	switch {
	case t.limit > 0 && t.received > t.limit:
		t.end(overBound("the server sends without end: more than %d MiB %s", t.limit>>20, t.during))
	case !t.account.take(n):
		t.end(t.account.over())
	}
}

// total is how many bytes were received.
func (t *transport) total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.received
}

// bound sets how much the peer may send from the beginning, in bytes, and
// during what. 0: as much as it likes.
func (t *transport) bound(limit int, during string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limit, t.during = limit, during
}

// abort closes the connection, which ends everything that waits on it.
func (t *transport) abort() {
	t.aborted.Store(true)
	_ = t.Close()
}

// end closes the connection for a reason that is not in the peer's hands: a
// bound that it is over. The first reason counts.
func (t *transport) end(reason *scanner.Error) {
	t.reason.CompareAndSwap(nil, reason)
	t.abort()
}

// ended is why we closed the connection during op; nil: we did not.
func (t *transport) ended(op string) *scanner.Error {
	reason := t.reason.Load()
	if reason == nil {
		return nil
	}
	failed := *reason
	failed.Op = op
	return &failed
}

// interrupted is why a stage over this connection was not finished: where its
// own limit ended it, the jump host under it may be the reason.
func (t *transport) interrupted(caller context.Context, op, unfinished string, limit time.Duration) *scanner.Error {
	if tunnel, ok := t.Conn.(*tunnel); ok && caller.Err() == nil && !tunnel.line.lives() {
		return lostHop(tunnel.line.name, op)
	}
	return interrupted(caller, op, unfinished, limit)
}

// overBound is a reason to end a connection.
func overBound(format string, args ...any) *scanner.Error {
	return &scanner.Error{Status: scanner.Unreachable, Err: fmt.Errorf(format, args...)}
}

// firstWords splits the peer's first words: the text before its SSH version,
// in one line of at most 200 bytes, and whether the version came. A server may
// send lines before its version (RFC 4253 section 4.2).
func (t *transport) firstWords() (text string, version bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := 0
	for line := range bytes.Lines(t.head) {
		if version = bytes.HasPrefix(line, []byte("SSH-")) && bytes.HasSuffix(line, []byte("\n")); version {
			break
		}
		end += len(line)
	}
	text = strings.Join(strings.Fields(string(t.head[:end])), " ")
	return text[:min(len(text), 200)], version
}
