package remote

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
)

// doubted is a line whose jump host answers keepalives as told.
func doubted(t *testing.T, answer func()) (l *line, received *transport) {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { there.Close() })
	c := &fakeConn{answer: answer, ended: make(chan struct{})}
	l = &line{ready: make(chan struct{}), lost: make(chan struct{}), conn: &Conn{ssh: c, transport: &transport{Conn: closer{here, c}}}}
	close(l.ready)
	go func() {
		<-c.ended
		close(l.lost)
	}()
	return l, l.conn.transport
}

// closer tells a fakeConn that its transport is closed.
type closer struct {
	net.Conn
	conn *fakeConn
}

func (c closer) Close() error { c.conn.end(); return c.Conn.Close() }

type fakeConn struct {
	ssh.Conn
	answer func() // returns when the answer is there
	once   sync.Once
	ended  chan struct{}
	asked  atomic.Int32
}

func (c *fakeConn) end() { c.once.Do(func() { close(c.ended) }) }

func (c *fakeConn) SendRequest(name string, wantReply bool, _ []byte) (bool, []byte, error) {
	if c.asked.Add(1); name != keepAliveRequest || !wantReply {
		return false, nil, errors.New("not a keepalive")
	}
	answered := make(chan struct{})
	go func() {
		c.answer()
		close(answered)
	}()
	select {
	case <-answered:
		return false, nil, nil
	case <-c.ended:
		return false, nil, io.EOF
	}
}

func TestSignOfLife(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule     string
		after    time.Duration // the answer
		received bool          // something else, meanwhile
		lives    bool
		took     time.Duration
	}{
		{"an answer", time.Second, false, true, time.Second},
		{"none in time", time.Minute, false, false, lifeSign},
		{"any byte is a sign", time.Minute, true, true, lifeSign},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, received := doubted(t, func() { time.Sleep(tt.after) })
				start := time.Now()
				var work sync.WaitGroup
				for range 100 { // who doubt it together
					work.Go(func() {
						if got := l.lives(); got != tt.lives {
							t.Errorf("it lives: %v, want %v", got, tt.lives)
						}
					})
				}
				time.Sleep(time.Millisecond)
				if tt.received {
					received.count(1, nil)
				}
				work.Wait()
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if got := l.conn.ssh.(*fakeConn).asked.Load(); got != 1 {
					t.Errorf("asked %d times, want once for all", got)
				}
				l.conn.transport.abort()
				time.Sleep(time.Hour) // until the answers have come that nobody waits for
			})
		})
	}
}

// Whoever waits for a tunnel's end waits for an end: a jump host that lives and
// never closes what was closed here is given up, too.
func TestTunnelThatTheJumpHostDoesNotClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := doubted(t, func() {})
		here, there := net.Pipe()
		defer there.Close()
		gone := make(chan struct{})
		var work sync.WaitGroup
		tunnel := &tunnel{channel: stuck{here}, gone: gone, line: l, begin: func(f func()) bool { work.Go(f); return true }}
		start := time.Now()
		for range 2 {
			tunnel.Close()
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
		if _, err := tunnel.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("read: got %v", err)
		}
		if _, err := tunnel.Write(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("write: got %v", err)
		}
		<-l.lost
		if took := time.Since(start); took != lifeSign+maxLate*lifeSign {
			t.Errorf("given up after %v", took)
		}
		close(gone) // as x/crypto does when the connection has ended
		work.Wait()
	})
}

// stuck is a channel whose Close waits for nothing, and changes nothing.
type stuck struct{ net.Conn }

func (stuck) Close() error { return nil }
