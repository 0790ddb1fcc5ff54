package remote

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// tunnel is a channel of a jump host that another SSH connection runs over.
// Reads and writes are the channel's own, without a goroutine between. Those
// under way end when the jump host has closed its end, too, a round trip behind
// Close: one that does not is given up.
type tunnel struct {
	noDeadlines
	channel io.ReadWriteCloser
	gone    <-chan struct{} // closed when the jump host has closed the channel
	line    *line
	begin   func(func()) bool // runs what ends with the line

	closed  atomic.Bool
	closing sync.Once
}

func (t *tunnel) Read(p []byte) (int, error) {
	if t.closed.Load() {
		return 0, os.ErrClosed
	}
	return t.channel.Read(p)
}

func (t *tunnel) Write(p []byte) (int, error) {
	if t.closed.Load() {
		return 0, os.ErrClosed
	}
	return t.channel.Write(p)
}

// Close does not wait for the jump host.
func (t *tunnel) Close() error {
	t.closing.Do(func() {
		t.closed.Store(true)
		t.begin(func() {
			late := time.AfterFunc(lifeSign, func() { t.begin(t.late) })
			defer late.Stop()
			_ = t.channel.Close() // a jump host that reads nothing holds this up, too
			<-t.gone
		})
	})
	return nil
}

// maxLate is how often a jump host may show that it lives and still not close
// what we have closed.
const maxLate = 6

// late is for a channel that the jump host has not closed in time.
func (t *tunnel) late() {
	for range maxLate {
		if !t.line.lives() {
			return
		}
		select {
		case <-t.gone:
			return
		case <-time.After(lifeSign):
		}
	}
	t.line.conn.transport.abort()
}
