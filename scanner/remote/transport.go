package remote

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"

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
type transport struct {
	net.Conn
	account *account                      // what is received counts in it; nil: it does not
	lost    atomic.Bool                   // a read has failed
	reason  atomic.Pointer[scanner.Error] // why we ended it, without Op; nil: we did not

	mu       sync.Mutex
	head     []byte
	received int    // bytes
	limit    int    // of received; 0: none
	during   string // for the words about it
}

func (t *transport) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if err != nil {
		t.lost.Store(true)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := headLimit - len(t.head); room > 0 {
		t.head = append(t.head, p[:min(n, room)]...)
	}
	t.received += n
	switch {
	case t.limit > 0 && t.received > t.limit:
		t.end(overBound("the server sends without end: more than %d MiB %s", t.limit>>20, t.during))
	case !t.account.take(n):
		t.end(t.account.over())
	}
	return n, err
}

// bound sets how much the peer may send from the beginning, in bytes, and
// during what. 0: as much as it likes.
func (t *transport) bound(limit int, during string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limit, t.during = limit, during
}

// abort closes the connection, which ends everything that waits on it.
func (t *transport) abort() { _ = t.Close() }

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

// overBound is a reason to end a connection.
func overBound(format string, args ...any) *scanner.Error {
	return &scanner.Error{Status: scanner.Unreachable, Err: fmt.Errorf(format, args...)}
}

// counted passes on what a peer asks of us, and calls flood, once, when it asks
// more than limit times. It returns when the connection has ended, and from is
// closed.
func counted[T any](from <-chan T, to chan<- T, limit int, flood func()) {
	defer close(to)
	asked := 0
	for one := range from {
		if asked++; asked == limit+1 {
			flood()
		}
		to <- one
	}
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
