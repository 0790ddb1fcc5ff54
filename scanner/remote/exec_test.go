package remote

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
	"kletscan/scanner/probe"
)

// One row for each way in which a node can spoil a command.
func TestExecFaults(t *testing.T) {
	t.Parallel()
	const short = 300 * time.Millisecond
	flood := func(w io.Writer) {
		chunk := bytes.Repeat([]byte("x"), 32<<10)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	tests := []struct {
		name    string
		server  server
		timeout time.Duration // 0: long
		status  scanner.Status
		parts   []string
	}{
		{
			"stalls after the command began",
			server{session: func(s *execSession) { <-s.done }},
			short,
			scanner.Timeout,
			[]string{"run the command: not finished within 300ms"},
		},
		{
			"never closes the channel",
			server{session: func(s *execSession) {
				_, _ = io.WriteString(s, "out")
				_, _ = s.SendRequest("exit-status", false, make([]byte, 4))
				_ = s.CloseWrite()
				<-s.done
			}},
			short,
			scanner.Timeout,
			[]string{"run the command: not finished within 300ms"},
		},
		{
			"drip",
			server{session: func(s *execSession) {
				for {
					if _, err := s.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}},
			short,
			scanner.Timeout,
			[]string{"run the command: not finished within 300ms"},
		},
		{
			"endless stderr",
			server{session: func(s *execSession) { flood(s.Stderr()) }},
			0,
			scanner.Unreachable,
			[]string{"run the command: the command writes to stderr without end: more than 8 MiB"},
		},
		{
			"connection dropped mid-output",
			server{session: func(s *execSession) {
				_, _ = io.WriteString(s, "half")
				_ = s.conn.Close()
			}},
			0,
			scanner.Unreachable,
			[]string{"run the command: connection closed by peer before the command ended"},
		},
		{
			"connection dropped after the exit status",
			server{session: func(s *execSession) {
				_, _ = io.WriteString(s, "half")
				_, _ = s.SendRequest("exit-status", false, make([]byte, 4))
				_ = s.conn.Close()
			}},
			0,
			scanner.Unreachable,
			[]string{"run the command: connection closed by peer before the command ended"},
		},
		{
			"malformed exit status and a flood of requests",
			server{session: func(s *execSession) {
				_, _ = s.SendRequest("exit-status", false, []byte{1})
				for {
					if _, err := s.SendRequest("flood", false, nil); err != nil {
						return
					}
				}
			}},
			0,
			scanner.Unreachable,
			[]string{"run the command: the server sends requests without end: more than 10000 about one command"},
		},
		{
			"exec refused",
			server{noExec: func(string) bool { return true }},
			0,
			scanner.Denied,
			[]string{`run the command: the server refused the command: it lets user "local" run no command`},
		},
		{
			"session refused",
			server{noSession: true},
			0,
			scanner.Denied,
			[]string{`run the command: the server opens no session: "not \x1b[31mhere"`, "MaxSessions"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.server
			s.start(t)
			cfg := newHome(t, &s).config()
			if test.timeout != 0 {
				cfg.CommandTimeout = test.timeout
			}
			conn := mustDial(t, newDialer(t, cfg), s.node(t))
			out, err := conn.Exec(t.Context(), "secret command", "")
			wantError(t, err, test.status, test.parts...)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("got error %q, want one that does not repeat the command", err)
			}
			if len(out.Stdout) > 0 {
				t.Errorf("got %d bytes of output with an error, want none", len(out.Stdout))
			}
		})
	}
}

// A command that is refused has not run, and the next one may be another.
func TestRefusedCommandLeavesTheConnection(t *testing.T) {
	t.Parallel()
	s := (&server{noExec: func(command string) bool { return len(command) > 1000 }}).start(t)
	conn := mustDial(t, newDialer(t, newHome(t, s).config()), s.node(t)).(*Conn)
	long := strings.Repeat("x", 2000)
	for range 3 {
		_, err := conn.Exec(t.Context(), long, "")
		wantError(t, err, scanner.Denied, "the server refused the command")
		if !errors.Is(err, probe.ErrRefused) {
			t.Errorf("got %v, want probe.ErrRefused in its chain", err)
		}
		if out, err := conn.Exec(t.Context(), "short", "input"); err != nil || string(out.Stdout) != "short|input" {
			t.Errorf("got %q, %v", out.Stdout, err)
		}
	}
	_, err := conn.Talk(t.Context(), long, func(_, _ []byte) (string, bool) {
		t.Error("asked for an answer to a command that does not run")
		return "", false
	})
	wantError(t, err, scanner.Denied, "the server refused the command")
}

func TestOutputIsCutAtTheLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		size      int // of standard output; -1: endless
		truncated bool
	}{
		{"one byte less", probe.OutputLimit - 1, false},
		{"just the limit", probe.OutputLimit, false},
		{"one byte more", probe.OutputLimit + 1, true},
		{"endless", -1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := (&server{session: func(s *execSession) {
				chunk := bytes.Repeat([]byte("x"), 32<<10)
				for sent := 0; sent != test.size; {
					n := len(chunk)
					if test.size >= 0 {
						n = min(n, test.size-sent)
					}
					if _, err := s.Write(chunk[:n]); err != nil {
						return
					}
					sent += n
				}
				s.exit(0)
			}}).start(t)
			conn := mustDial(t, newDialer(t, newHome(t, s).config()), s.node(t))
			out, err := conn.Exec(t.Context(), "cat", "")
			if err != nil {
				t.Fatal(err)
			}
			want := probe.OutputLimit
			if !test.truncated {
				want = test.size
			}
			if len(out.Stdout) != want || out.Truncated != test.truncated {
				t.Errorf("got %d bytes, truncated %v, want %d, %v", len(out.Stdout), out.Truncated, want, test.truncated)
			}
			if test.truncated {
				_, err := conn.Exec(t.Context(), "again", "")
				wantError(t, err, scanner.Unreachable, "run the command: ")
			}
		})
	}
}

func TestStderrIsCutAndTheCommandGoesOn(t *testing.T) {
	t.Parallel()
	s := (&server{session: func(s *execSession) {
		_, _ = s.Stderr().Write(bytes.Repeat([]byte("e"), 1<<20))
		_, _ = io.WriteString(s, "out")
		s.exit(0)
	}}).start(t)
	conn := mustDial(t, newDialer(t, newHome(t, s).config()), s.node(t))
	out, err := conn.Exec(t.Context(), "cat", "")
	if err != nil {
		t.Fatal(err)
	}
	if string(out.Stdout) != "out" || len(out.Stderr) != probe.StderrLimit || out.Truncated {
		t.Errorf("got stdout %q, %d bytes of stderr, truncated %v, want out, %d, false",
			out.Stdout, len(out.Stderr), out.Truncated, probe.StderrLimit)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	status := func(code uint32) func(*execSession) { return func(s *execSession) { s.exit(code) } }
	for _, test := range []struct {
		name    string
		session func(*execSession)
		want    int
	}{
		{"zero", status(0), 0},
		{"not zero", status(127), 127},
		{"none", func(s *execSession) { _ = s.Close() }, -1},
		{"malformed", func(s *execSession) {
			_, _ = s.SendRequest("exit-status", false, []byte{0})
			_ = s.Close()
		}, -1},
		{"signal", func(s *execSession) {
			_, _ = s.SendRequest("exit-signal", false, ssh.Marshal(struct {
				Signal string
				Core   bool
				Text   string
				Lang   string
			}{"KILL", false, "\x1b[2J", ""}))
			_ = s.Close()
		}, -1},
		{"keepalive first", func(s *execSession) {
			if ok, err := s.SendRequest("keepalive@openssh.com", true, nil); ok || err != nil {
				t.Errorf("keepalive: got %v, %v, want a refusal", ok, err)
			}
			s.exit(3)
		}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := (&server{session: test.session}).start(t)
			conn := mustDial(t, newDialer(t, newHome(t, s).config()), s.node(t))
			out, err := conn.Exec(t.Context(), "true", "")
			if err != nil {
				t.Fatal(err)
			}
			if out.ExitCode != test.want {
				t.Errorf("got exit code %d, want %d", out.ExitCode, test.want)
			}
		})
	}
}

// A command may end without reading its input, and input may be longer than a
// window.
func TestStdin(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	s := (&server{session: func(s *execSession) {
		if s.command == "read" {
			n, _ := io.Copy(io.Discard, s)
			_ = binary.Write(s, binary.BigEndian, n)
		}
		s.exit(0)
	}}).start(t)
	conn := mustDial(t, newDialer(t, newHome(t, s).config()), s.node(t))
	out, err := conn.Exec(t.Context(), "read", long)
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.BigEndian.Uint64(out.Stdout); got != uint64(len(long)) {
		t.Errorf("the command read %d bytes, want %d", got, len(long))
	}
	if _, err = conn.Exec(t.Context(), "do not read", long); err != nil {
		t.Errorf("a command that does not read its input: %v", err)
	}
}

func TestTinyPacketsCostNoMore(t *testing.T) {
	t.Parallel()
	s := (&server{session: func(s *execSession) {
		for range 20_000 {
			if _, err := s.Write([]byte("x")); err != nil {
				return
			}
		}
		s.exit(0)
	}}).start(t)
	conn := mustDial(t, newDialer(t, newHome(t, s).config()), s.node(t))
	out, err := conn.Exec(t.Context(), "true", "")
	if err != nil || len(out.Stdout) != 20_000 {
		t.Errorf("got %d bytes, %v, want 20000", len(out.Stdout), err)
	}
}

func TestServerAsksForChannels(t *testing.T) {
	t.Parallel()
	opened := make(chan error, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := &server{addr: listener.Addr().String(), hostKeys: []ssh.Signer{newKey(t)}, seen: &seen{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := listener.Accept()
		if err != nil {
			opened <- err
			return
		}
		conn, channels, requests, err := ssh.NewServerConn(c, s.config(c))
		if err != nil {
			opened <- err
			return
		}
		go ssh.DiscardRequests(requests)
		go func() {
			for range channels {
			}
		}()
		_, _, err = conn.OpenChannel("auth-agent@openssh.com", nil)
		opened <- err
		_ = conn.Wait()
	}()
	conn := mustDial(t, newDialer(t, newHome(t, s).config()), s.node(t))
	var refused *ssh.OpenChannelError
	if err := <-opened; !errors.As(err, &refused) {
		t.Errorf("the server asked for our agent and got %v, want a refusal", err)
	}
	conn.Close()
	<-done
}
