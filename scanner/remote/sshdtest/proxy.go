package sshdtest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy passes TCP connections on to another address, until it is told to fail.
// Its methods may be called at any time.
type Proxy struct {
	Endpoint

	t        testing.TB
	upstream string
	conns    *acceptor

	mu       sync.Mutex
	muted    *atomic.Bool // of the connections that are made now
	listener net.Listener // nil while it refuses
	count    int
	hold     bool
	prelude  string // for the next preludes connections
	preludes int
	delay    time.Duration
}

// NewProxy starts a proxy to the address HOST:PORT that passes everything.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, upstream: upstream, conns: newAcceptor(t), muted: new(atomic.Bool)}
	t.Cleanup(p.Refuse)
	listeners, port := listen(t, "127.0.0.1")
	p.Endpoint = Endpoint{"127.0.0.1", port}
	p.listener = listeners[0]
	p.conns.accept(p.listener, p.handle)
	return p
}

// Count is the number of connections accepted so far, whatever became of them.
func (p *Proxy) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Drop cuts all connections. New ones are treated as before.
func (p *Proxy) Drop() { p.conns.drop() }

// Refuse stops listening: new connections are refused, and those that exist are
// not touched.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
}

// Hold accepts new connections and says nothing on them.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = true
}

// Mute makes all that is on its way on any connection vanish, as a firewall does
// that forgot them.
func (p *Proxy) Mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted.Store(true)
}

// passage is one way through a Proxy.
type passage struct {
	io.Writer
	muted *atomic.Bool
}

func (w passage) Write(text []byte) (int, error) {
	if w.muted.Load() {
		return len(text), nil
	}
	return w.Writer.Write(text)
}

// Pass undoes Refuse, Hold, Prelude and Mute for new connections. Those that are
// held or muted stay so until Drop.
func (p *Proxy) Pass() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold, p.preludes, p.muted = false, 0, new(atomic.Bool)
	if p.listener != nil {
		return
	}
	listener, err := net.Listen("tcp", p.Addr())
	if err != nil {
		p.t.Fatal(err)
	}
	p.listener = listener
	p.conns.accept(listener, p.handle)
}

// Prelude says text on each of the next n connections and closes it; later ones
// pass. sshd says "Exceeded MaxStartups\r\n" up to 9.7, and "Not allowed at this
// time\r\n" from 9.8 on.
func (p *Proxy) Prelude(text string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prelude, p.preludes = text, n
}

// Delay makes everything that passes on a new connection arrive later by d, each
// way. 0 is no delay.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

func (p *Proxy) handle(conn net.Conn) {
	p.mu.Lock()
	p.count++
	hold, delay, prelude, muted := p.hold, p.delay, p.preludes > 0, p.muted
	text := p.prelude
	if prelude {
		p.preludes--
	}
	p.mu.Unlock()
	switch {
	case hold:
		_, _ = io.Copy(io.Discard, conn)
	case prelude:
		_, _ = io.WriteString(conn, text)
		linger(conn)
	default:
		upstream, err := net.Dial("tcp", p.upstream)
		if err != nil || !p.conns.track(upstream) {
			return
		}
		defer p.conns.close(upstream)
		pipe(conn.(*net.TCPConn), upstream.(*net.TCPConn), func(to io.Writer, from io.Reader) {
			copyLater(passage{to, muted}, from, delay)
		})
	}
}

// linger lets the peer read what was said last. A connection that is closed with
// something unread is reset, and what is on its way may be lost.
func linger(conn net.Conn) {
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, conn)
}

// copyLater copies until from ends, every byte later by delay.
func copyLater(to io.Writer, from io.Reader, delay time.Duration) {
	if delay == 0 {
		_, _ = io.Copy(to, from)
		return
	}
	type chunk struct {
		data []byte
		due  time.Time
	}
	chunks := make(chan chunk, 256)
	var writer sync.WaitGroup
	writer.Go(func() {
		for c := range chunks {
			time.Sleep(time.Until(c.due))
			_, _ = to.Write(c.data) // once it fails the reader ends soon: both ends are closed together
		}
	})
	for {
		buffer := make([]byte, 32<<10)
		n, err := from.Read(buffer)
		chunks <- chunk{buffer[:n], time.Now().Add(delay)}
		if err != nil {
			break
		}
	}
	close(chunks)
	writer.Wait()
}
