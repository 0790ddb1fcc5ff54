package remote

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner/probe"
)

// Conn is one connection to a node, logged in. It is a scanner.Conn. After an
// error of Exec that is not probe.ErrRefused it is closed and of no further use.
type Conn struct {
	ssh       ssh.Conn
	transport *transport
	timeout   time.Duration // for one command
	requests  *execRequests
	untrusted bool // hosts of which nothing was on file are accepted: no password goes there

	mu     sync.Mutex
	closed bool           // nothing begins any more
	work   sync.WaitGroup // streams of DialTCP, and of commands that were refused
}

// Close ends the connection and all that runs on it. It may be called more
// than once, and while Exec runs. Behind a jump host what still runs ends when
// that has answered, and Close does not wait for it.
func (c *Conn) Close() error {
	// The transport goes first, so that no goroutine of x/crypto is left
	// writing to a peer that does not read.
	c.transport.abort()
	if tunnel, ok := c.transport.Conn.(*tunnel); !ok || !tunnel.begin(c.wait) {
		c.wait()
	}
	return nil
}

// wait waits for the end of all that runs on a closed connection.
func (c *Conn) wait() {
	_ = c.ssh.Wait()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.work.Wait()
	c.transport.account.release()
}

// begin runs what ends with the connection and Close is to wait for. It reports
// false, and runs nothing, where Close is under way.
func (c *Conn) begin(work func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Go(work)
	return true
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
		return probe.Output{}, c.transport.interrupted(caller, opRun, "not finished", c.timeout)
	case errors.Is(err, probe.ErrRefused):
		return probe.Output{}, err
	case err != nil:
		c.Close()
		return probe.Output{}, err
	}
	return probe.Output{Stdout: run.stdout.kept, Stderr: run.stderr.kept, ExitCode: run.exit}, nil
}
