package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
)

// DialTCP opens a TCP connection as the node would, through a direct-tcpip
// channel (RFC 4254 section 7.2): nothing listens here, and the node runs
// nothing. Its errors are as scanner.Conn says. Deadlines of the connection do
// not work; it ends with Close, and with the Conn.
func (c *Conn) DialTCP(ctx context.Context, address string) (net.Conn, error) {
	conn, err := c.client.DialContext(ctx, "tcp", address)
	var denied *ssh.OpenChannelError
	switch {
	case err == nil:
		return c.stream(conn)
	case errors.As(err, &denied) && denied.Reason == ssh.ConnectionFailed:
		return nil, fmt.Errorf("%w: the node says %q", scanner.ErrNoListener, denied.Message)
	case errors.As(err, &denied):
		return nil, fmt.Errorf("%w: the server says %q", scanner.ErrForwardingRefused, denied.Message)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("connection closed by peer: %w", err)
}

// streamLimit is how much is kept of what comes through one connection of
// DialTCP, in bytes; a handshake has less than half of it.
const streamLimit = 512 << 10

// stream is a channel of DialTCP that is always read, also when nobody waits
// for it and after Close: in x/crypto's window what a peer sends in packets of
// one byte takes up to a hundred times its size.
type stream struct {
	net.Conn

	mu       sync.Mutex
	arrived  sync.Cond
	received int    // bytes, in all
	kept     []byte // not yet read
	err      error  // after these; nil: more may come
}

// stream begins to read a channel, until the connection is closed.
func (c *Conn) stream(channel net.Conn) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		channel.Close()
		return nil, net.ErrClosed
	}
	s := &stream{Conn: channel}
	s.arrived.L = &s.mu
	c.streams.Go(s.drain)
	return s, nil
}

// drain reads the channel to its end.
func (s *stream) drain() {
	buffer := make([]byte, 32<<10)
	for {
		n, err := s.Conn.Read(buffer)
		s.arrive(buffer[:n], err)
		if err != nil {
			return
		}
	}
}

// arrive keeps what was read for Read, up to the first error or bound.
func (s *stream) arrive(p []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if s.received += len(p); s.received > streamLimit {
		err = fmt.Errorf("more than %d KiB over one connection", streamLimit>>10)
	}
	s.kept, s.err = append(s.kept, p...), err
	s.arrived.Broadcast()
}

// Read waits for at least one byte, the end, or Close.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.kept) == 0 && s.err == nil {
		s.arrived.Wait()
	}
	if len(s.kept) == 0 {
		return 0, s.err
	}
	n := copy(p, s.kept)
	s.kept = s.kept[n:]
	return n, nil
}

// Close ends the channel, and every Read. What still comes is dropped.
func (s *stream) Close() error {
	s.arrive(nil, os.ErrClosed)
	return s.Conn.Close()
}
