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
	return nil
}

// Exec runs a command as probe.Executor says, within Config.CommandTimeout and
// ctx. Its errors are *scanner.Error.
func (c *Conn) Exec(ctx context.Context, command, stdin string) (probe.Output, error) {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, c.transport.abort)
	defer stop()

	run := session{conn: c}
	err := run.do(command, stdin)
	switch {
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
	conn           *Conn
	stdout, stderr sink
	exit           int // noExit: the node gave none
}

// noExit is probe.Output's ExitCode without an exit status.
const noExit = -1

// do runs the command to its end. It always leaves the streams read to theirs,
// and no goroutine behind.
func (s *session) do(command, stdin string) error {
	s.exit = noExit
	s.stdout = sink{limit: probe.OutputLimit, slack: 0, full: s.conn.transport.abort}
	s.stderr = sink{limit: probe.StderrLimit, slack: probe.OutputLimit, full: s.conn.transport.abort}
	channel, requests, err := s.conn.client.OpenChannel("session", nil)
	var denied *ssh.OpenChannelError
	switch {
	case errors.As(err, &denied):
		return runError(scanner.Denied, "the server opens no session: %q", denied.Message)
	case err != nil:
		return runError(scanner.Unreachable, "connection closed by peer before the command began: %w", err)
	}
	var streams sync.WaitGroup
	streams.Go(func() { s.exit = exitStatus(requests) })
	streams.Go(func() { drain(&s.stdout, channel) })
	streams.Go(func() { drain(&s.stderr, channel.Stderr()) })
	ok, err := channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{command}))
	if err != nil || !ok {
		s.conn.transport.abort() // the peer need not close a channel on which nothing runs
		streams.Wait()
		if err != nil {
			return runError(scanner.Unreachable, "connection closed by peer before the command began: %w", err)
		}
		return runError(scanner.Denied, "the server lets user %q run no command", s.conn.client.User())
	}
	streams.Go(func() {
		// A command may end without reading its input: that is no error, and
		// the end of the channel ends the write.
		_, _ = io.WriteString(channel, stdin)
		_ = channel.CloseWrite()
	})
	streams.Wait()
	return s.whole()
}

// whole tells an ended command from an ended connection, which look the same
// on a channel. An exit status alone proves little: sshd may send it before
// the last of the output.
func (s *session) whole() error {
	switch {
	case s.stderr.dropped > probe.OutputLimit:
		return runError(scanner.Unreachable, "the command writes to stderr without end: more than %d MiB", probe.OutputLimit>>20)
	case s.conn.transport.lost.Load():
		return runError(scanner.Unreachable, "connection closed by peer before the command ended")
	case s.exit == noExit:
		// x/crypto also ends for other reasons, such as a disconnect message.
		// A connection that still answers has ended just the channel.
		if _, _, err := s.conn.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			return runError(scanner.Unreachable, "connection closed by peer before the command ended: %w", err)
		}
	}
	return nil
}

func runError(status scanner.Status, format string, args ...any) *scanner.Error {
	return &scanner.Error{Op: opRun, Status: status, Err: fmt.Errorf(format, args...)}
}

// exitStatus reads a channel's requests to their end and gives the exit status
// among them (RFC 4254 section 6.10).
func exitStatus(requests <-chan *ssh.Request) int {
	exit := noExit
	for request := range requests {
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

// drain reads a stream to its end. How it ended is for whole to say.
func drain(to *sink, from io.Reader) { _, _ = io.Copy(to, from) }
