package sshdtest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// acceptor runs a handler for every connection, and ends all of them with the
// test.
type acceptor struct {
	work sync.WaitGroup // all goroutines

	mu    sync.Mutex
	open  map[net.Conn]bool
	ended bool
}

// newAcceptor registers its end. What ends a handler that does not wait for a
// tracked connection is registered after it.
func newAcceptor(t testing.TB) *acceptor {
	a := &acceptor{open: make(map[net.Conn]bool)}
	t.Cleanup(func() {
		a.mu.Lock()
		a.ended = true
		a.mu.Unlock()
		a.drop()
		a.work.Wait()
	})
	return a
}

// accept handles every connection until the listener is closed.
func (a *acceptor) accept(listener net.Listener, handle func(net.Conn)) {
	a.work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if !a.track(conn) {
				return
			}
			a.work.Go(func() {
				defer a.close(conn)
				handle(conn)
			})
		}
	})
}

// track has drop close the connection as well. Once the test has ended it closes
// the connection itself, and returns false.
func (a *acceptor) track(conn net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		conn.Close()
		return false
	}
	a.open[conn] = true
	return true
}

func (a *acceptor) close(conn net.Conn) {
	conn.Close()
	a.mu.Lock()
	delete(a.open, conn)
	a.mu.Unlock()
}

// drop closes all connections.
func (a *acceptor) drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.open {
		conn.Close()
	}
}

// pipe copies both ways until both ends have said all.
func pipe(one, other halfCloser, copy func(to io.Writer, from io.Reader)) {
	var both sync.WaitGroup
	for _, end := range [][2]halfCloser{{one, other}, {other, one}} {
		both.Go(func() {
			copy(end[0], end[1])
			_ = end[0].CloseWrite()
		})
	}
	both.Wait()
}

// halfCloser is a TCP connection or a channel of SSH.
type halfCloser interface {
	io.ReadWriter
	CloseWrite() error
}
