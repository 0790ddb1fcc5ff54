package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
	"kletscan/scanner/probe"
)

// Conn is one connection to a node, logged in. It is a scanner.Conn. After an
// error of Exec it is closed and of no further use.
type Conn struct {
	client    *ssh.Client
	transport *transport
	timeout   time.Duration // for one command
	untrusted bool          // hosts of which nothing was on file are accepted: no password goes there

	mu      sync.Mutex
	closed  bool           // no stream begins any more
	streams sync.WaitGroup // those of DialTCP
}

// Close ends the connection and all that runs on it. It may be called more
// than once, and while Exec runs.
func (c *Conn) Close() error {
	// The transport goes first, so that no goroutine of x/crypto is left
	// writing to a peer that does not read. Its error says only that the peer
	// was faster.
	c.transport.abort()
	_ = c.client.Close()
	_ = c.client.Wait()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.streams.Wait()
	c.transport.account.release()
	return nil
}

// Exec runs a command as probe.Executor says, within Config.CommandTimeout and
// ctx. Its errors are *scanner.Error.
func (c *Conn) Exec(ctx context.Context, command, stdin string) (probe.Output, error) {
	return c.run(ctx, command, func(*session) (string, bool) { return stdin, true })
}

// Talk runs a command as probe.Talker says, within the same bounds as Exec and
// with the same errors.
func (c *Conn) Talk(ctx context.Context, command string, answer func(stdout, stderr []byte) (input string, last bool)) (probe.Output, error) {
	if c.untrusted {
		return probe.Output{}, probe.ErrUntrusted
	}
	return c.run(ctx, command, func(s *session) (string, bool) {
		if len(s.stdout.kept)+len(s.stderr.kept) == 0 {
			return "", false
		}
		return answer(s.stdout.kept, s.stderr.kept)
	})
}

// run runs a command. Its standard input is what answer gives, at the start
// and after every read, up to the last.
func (c *Conn) run(ctx context.Context, command string, answer func(*session) (string, bool)) (probe.Output, error) {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, c.transport.abort)
	defer stop()

	run := session{conn: c, answer: answer}
	err := run.do(command)
	over := c.transport.ended(opRun)
	switch {
	case over != nil:
		c.Close()
		return probe.Output{}, over
	case run.stdout.dropped > 0: // cut off on purpose
		c.Close()
		return probe.Output{Stdout: run.stdout.kept, Stderr: run.stderr.kept, ExitCode: run.exit, Truncated: true}, nil
	case ctx.Err() != nil:
		c.Close()
		return probe.Output{}, interrupted(caller, opRun, "not finished", c.timeout)
	case err != nil:
		c.Close()
		return probe.Output{}, err
	}
	return probe.Output{Stdout: run.stdout.kept, Stderr: run.stderr.kept, ExitCode: run.exit}, nil
}

// session is one command under way, on a channel of its own. It is not an
// ssh.Session, which buffers without limit, calls a command that does not read
// its standard input a failure, and stops reading requests after a malformed
// one, on which Close would hang.
type session struct {
	conn   *Conn
	answer func(*session) (input string, last bool)
	exit   int // noExit: the node gave none

	mu             sync.Mutex // for what is below, while the streams are read
	stdout, stderr sink
	said           bool        // answer has given its last
	input          chan string // what is to be written to standard input; closed behind the last
}

// noExit is probe.Output's ExitCode without an exit status.
const noExit = -1

// do runs the command to its end. It always leaves the streams read to theirs,
// and no goroutine behind.
func (s *session) do(command string) error {
	s.exit = noExit
	s.input = make(chan string, 1)
	s.stdout = sink{limit: probe.OutputLimit, slack: 0, full: s.conn.transport.abort}
	s.stderr = sink{limit: probe.StderrLimit, slack: probe.OutputLimit, full: func() {
		s.conn.transport.end(overBound("the command writes to stderr without end: more than %d MiB", probe.OutputLimit>>20))
	}}
	channel, requests, err := s.conn.client.OpenChannel("session", nil)
	var denied *ssh.OpenChannelError
	switch {
	case errors.As(err, &denied):
		return runError(scanner.Denied, "the server opens no session: %q", denied.Message)
	case err != nil:
		return lost(opRun, "before the command began", err)
	}
	var streams, writer sync.WaitGroup
	streams.Go(func() { s.exit = s.exitStatus(requests) })
	streams.Go(func() { s.drain(&s.stdout, channel) })
	streams.Go(func() { s.drain(&s.stderr, channel.Stderr()) })
	ok, err := channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{command}))
	if err != nil || !ok {
		s.conn.transport.abort() // the peer need not close a channel on which nothing runs
		streams.Wait()
		if err != nil {
			return lost(opRun, "before the command began", err)
		}
		return runError(scanner.Denied, "the server lets user %q run no command", s.conn.client.User())
	}
	writer.Go(func() {
		// A command may end without reading its input: that is no error, and
		// the end of the channel ends the write.
		for text := range s.input {
			_, _ = io.WriteString(channel, text)
		}
		_ = channel.CloseWrite()
	})
	s.reply()
	streams.Wait()
	s.hangUp()
	writer.Wait()
	return s.whole()
}

// reply writes what answer gives, until it has given its last. Its panic ends
// the connection: in the goroutine of a stream nobody else would recover it.
func (s *session) reply() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			s.conn.transport.end(scanner.Defect(p))
		}
	}()
	if s.said {
		return
	}
	text, last := s.answer(s)
	if text != "" {
		s.input <- text
	}
	if s.said = last; last {
		close(s.input)
	}
}

// hangUp closes standard input where answer has not given its last.
func (s *session) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.said {
		s.said = true
		close(s.input)
	}
}

// drain reads a stream to its end. How it ended is for whole to say.
func (s *session) drain(to *sink, from io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		s.mu.Lock()
		to.Write(buffer[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
		s.reply()
	}
}

// whole tells an ended command from an ended connection, which look the same
// on a channel. An exit status alone proves little: sshd may send it before
// the last of the output.
func (s *session) whole() error {
	switch {
	case s.conn.transport.lost.Load():
		return lost(opRun, "before the command ended", io.ErrUnexpectedEOF)
	case s.exit == noExit:
		// x/crypto also ends for other reasons, such as a disconnect message.
		// A connection that still answers has ended just the channel.
		if _, _, err := s.conn.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			return lost(opRun, "before the command ended", err)
		}
	}
	return nil
}

func runError(status scanner.Status, format string, args ...any) *scanner.Error {
	return &scanner.Error{Op: opRun, Status: status, Err: fmt.Errorf(format, args...)}
}

// exitStatus reads a channel's requests to their end and gives the exit status
// among them (RFC 4254 section 6.10).
func (s *session) exitStatus(requests <-chan *ssh.Request) int {
	exit, asked := noExit, 0
	for request := range requests {
		if asked++; asked == maxRequests+1 {
			s.conn.transport.end(overBound("the server sends requests without end: more than %d about one command", maxRequests))
		}
		if request.Type == "exit-status" && len(request.Payload) >= 4 {
			exit = int(binary.BigEndian.Uint32(request.Payload))
		}
		if request.WantReply {
			_ = request.Reply(false, nil)
		}
	}
	return exit
}

// sink keeps the first limit bytes that are written to it and counts the
// rest. When more than slack have been dropped it calls full, once. A write
// never fails: a stream that nobody reads would fill x/crypto's window with
// packets, at up to a hundred times their size.
type sink struct {
	limit, slack int
	full         func()
	kept         []byte
	dropped      int
}

func (s *sink) Write(p []byte) (int, error) {
	keep := min(len(p), s.limit-len(s.kept))
	s.kept = append(s.kept, p[:keep]...)
	before := s.dropped
	if s.dropped += len(p) - keep; before <= s.slack && s.dropped > s.slack {
		s.full()
	}
	return len(p), nil
}
