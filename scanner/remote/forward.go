package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
)

// DialTCP opens a TCP connection as the node would, through a direct-tcpip
// channel (RFC 4254 section 7.2): nothing listens here, and the node runs
// nothing. Its errors are as scanner.Conn says. Deadlines of the connection do
// not work; it ends with Close, and with the Conn.
func (c *Conn) DialTCP(ctx context.Context, address string) (net.Conn, error) {
	channel, _, err := forward(ctx, c.ssh, address, c.begin)
	var denied *ssh.OpenChannelError
	switch {
	case err == nil:
		return c.stream(channel)
	case errors.As(err, &denied) && denied.Reason == ssh.ConnectionFailed:
		return nil, fmt.Errorf("%w: the node says %q", scanner.ErrNoListener, denied.Message)
	case errors.As(err, &denied):
		return nil, fmt.Errorf("%w: the server says %q", scanner.ErrForwardingRefused, denied.Message)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("connection closed by peer: %w", err)
}

// forward asks a server to connect to an address (RFC 4254 section 7.2). begin
// runs what ends with the connection to the server, at the latest, and reports
// false where that has ended. gone is closed when the server has closed the
// channel.
func forward(ctx context.Context, conn ssh.Conn, address string, begin func(func()) bool) (channel ssh.Channel, gone <-chan struct{}, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, nil, fmt.Errorf("port %q: expected a number up to 65535", port)
	}
	to := struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}{host, uint32(number), "0.0.0.0", 0}
	type outcome struct {
		channel ssh.Channel
		gone    chan struct{}
		err     error
	}
	done := make(chan outcome)
	open := func() {
		o := outcome{gone: make(chan struct{})}
		var requests <-chan *ssh.Request
		if o.channel, requests, o.err = conn.OpenChannel("direct-tcpip", ssh.Marshal(to)); o.err == nil {
			begin(func() { discard(o.channel.Stderr()) })
		}
		select {
		case done <- o:
		case <-ctx.Done(): // nobody waits any more
			if o.err == nil {
				_ = o.channel.Close()
			}
		}
		if o.err == nil {
			ssh.DiscardRequests(requests)
			close(o.gone)
		}
	}
	if !begin(open) {
		return nil, nil, net.ErrClosed
	}
	select {
	case o := <-done:
		return o.channel, o.gone, o.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// discard reads to the end.
func discard(from io.Reader) {
	buffer := make([]byte, 512)
	for {
		if _, err := from.Read(buffer); err != nil {
			return
		}
	}
}

// streamLimit is how much is kept of what comes through one connection of
// DialTCP, in bytes; a handshake has less than half of it.
const streamLimit = 512 << 10

// stream is a connection of DialTCP. Its channel is always read, also when
// nobody waits for it and after Close: in x/crypto's window what a peer sends in
// packets of one byte takes up to a hundred times its size.
type stream struct {
	noDeadlines
	channel io.ReadWriteCloser

	mu      sync.Mutex
	arrived sync.Cond
	kept    []byte // not yet read
	err     error  // after these; nil: more may come
}

// stream begins to read a channel, until the connection is closed.
func (c *Conn) stream(channel io.ReadWriteCloser) (net.Conn, error) {
	s := &stream{channel: channel}
	s.arrived.L = &s.mu
	if !c.begin(s.drain) {
		channel.Close()
		return nil, net.ErrClosed
	}
	return s, nil
}

// drain reads the channel to its end.
func (s *stream) drain() {
	buffer, received := make([]byte, 4<<10), 0
	for {
		n, err := s.channel.Read(buffer)
		if received += n; received > streamLimit {
			s.arrive(nil, fmt.Errorf("more than %d KiB over one connection", streamLimit>>10))
		}
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
	if s.err == nil {
		s.kept, s.err = append(s.kept, p...), err
		s.arrived.Broadcast()
	}
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

func (s *stream) Write(p []byte) (int, error) { return s.channel.Write(p) }

// Close ends the channel, and every Read. What still comes is dropped.
func (s *stream) Close() error {
	s.arrive(nil, os.ErrClosed)
	return s.channel.Close()
}
