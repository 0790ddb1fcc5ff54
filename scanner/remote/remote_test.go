package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"kletscan/inventory"
	"kletscan/scanner"
)

func TestMain(m *testing.M) {
	if address := os.Getenv("KLETSCAN_NETCAT"); address != "" { // as a ProxyCommand
		conn, err := net.Dial("tcp", address)
		if err != nil {
			os.Exit(1)
		}
		go func() { _, _ = io.Copy(conn, os.Stdin) }()
		_, _ = io.Copy(os.Stdout, conn)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestDialRunsCommand(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	h := newHome(t, s)
	s.authorized = []ssh.PublicKey{h.key}
	d := newDialer(t, h.config())
	conn := mustDial(t, d, s.node(t))
	for range 2 { // a connection runs several commands
		out, err := conn.Exec(t.Context(), "cat 'a b'", "input")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(out.Stdout), "cat 'a b'|input"; got != want {
			t.Errorf("got stdout %q, want %q", got, want)
		}
		if got, want := string(out.Stderr), "heard"; got != want {
			t.Errorf("got stderr %q, want %q", got, want)
		}
		if out.ExitCode != 7 || out.Truncated {
			t.Errorf("got exit code %d, truncated %v, want 7, false", out.ExitCode, out.Truncated)
		}
	}
	if got, want := s.seen.version, "SSH-2.0-kletscan"; got != want {
		t.Errorf("the server saw version %q, want %q", got, want)
	}
	if got := d.Warnings(); len(got) != 0 {
		t.Errorf("got warnings %q, want none", got)
	}
}

func TestDialConcurrently(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	h := newHome(t, s)
	d := newDialer(t, h.config())
	var work sync.WaitGroup
	for range 16 {
		work.Go(func() {
			conn, err := d.Dial(t.Context(), s.node(t))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if _, err := conn.Exec(t.Context(), "true", ""); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
}

func TestCloseTwiceAndDuringExec(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	s := (&server{session: func(s *execSession) { close(begun); <-s.done }}).start(t)
	h := newHome(t, s)
	conn := mustDial(t, newDialer(t, h.config()), s.node(t))
	failed := make(chan error)
	go func() {
		_, err := conn.Exec(t.Context(), "sleep", "")
		failed <- err
	}()
	<-begun
	for range 2 {
		if err := conn.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	wantError(t, <-failed, scanner.Unreachable, "run the command: ", "connection closed")
	_, err := conn.Exec(t.Context(), "again", "")
	wantError(t, err, scanner.Unreachable, "run the command: ")
}

func TestCancelledContextStopsExecAtOnce(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	s := (&server{session: func(s *execSession) { close(begun); <-s.done }}).start(t)
	h := newHome(t, s)
	conn := mustDial(t, newDialer(t, h.config()), s.node(t))
	cause := errors.New("ctrl-c")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-begun
		cancel(cause)
	}()
	_, err := conn.Exec(ctx, "sleep", "")
	wantError(t, err, scanner.Cancelled, "run the command: not finished: ctrl-c")
	if !errors.Is(err, cause) {
		t.Errorf("got error %v, want the cause of the context in its chain", err)
	}
	if _, err := conn.Exec(t.Context(), "again", ""); err == nil {
		t.Error("a second command ran on a connection that should be closed")
	}
}

func TestCancelledContextStopsDialAtOnce(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	s := (&server{raw: func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1)) // the client has begun to send its version
		close(begun)
		stall(c)
	}}).start(t)
	h := newHome(t, s)
	d := newDialer(t, h.config())
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	_, err := d.Dial(ctx, s.node(t))
	wantError(t, err, scanner.Cancelled, "handshake: ", "context canceled")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want context.Canceled in its chain", err)
	}
}

func TestNodeDeadlineIsATimeout(t *testing.T) {
	t.Parallel()
	s := (&server{raw: stall}).start(t)
	h := newHome(t, s)
	d := newDialer(t, h.config())
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("node timeout of 100ms"))
	defer cancel()
	_, err := d.Dial(ctx, s.node(t))
	wantError(t, err, scanner.Timeout, "node timeout of 100ms")
}

func TestNothingListens(t *testing.T) {
	t.Parallel()
	s := &server{addr: "127.0.0.1:1"} // tcpmux, which nobody runs
	h := newHome(t)
	_, err := dial(t, newDialer(t, h.config()), s.node(t))
	wantError(t, err, scanner.Unreachable, "connect: "+s.addr, "connection refused")
}

func TestNoSuchHost(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	_, err := dial(t, newDialer(t, h.config()), inventory.Node{Host: "no-such-host.invalid"})
	wantError(t, err, scanner.Unreachable, "connect: look up no-such-host.invalid: no such host")
}

// A peer's text in an error of x/crypto stays on one line.
func TestOneLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain \u00e9": "plain \u00e9",
		"a\nb\x1b[2J":  `"a\nb\x1b[2J"`,
	} {
		if got := oneLine(errors.New(text)).Error(); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	cfg := newHome(t).config()
	cfg.ConnectTimeout = -1
	_, err := New(t.Context(), cfg)
	wantText(t, err, "timeouts: expected a time above zero")
	cfg = newHome(t).config()
	cfg.Home = ""
	_, err = New(t.Context(), cfg)
	wantText(t, err, "home directory: not known: set HOME")
}

var _ scanner.ResolveFunc = (*Dialer)(nil).Resolve
