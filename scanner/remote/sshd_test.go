package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"kletscan/scanner"
)

// missing skips a test that needs something this machine lacks, loudly; in CI
// it fails instead.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI lacks %s", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: this machine lacks %s", what)
}

// startSSHD runs the real thing on loopback until the test ends. The server
// that it returns is for its address only.
func startSSHD(t *testing.T, h *home, options string) *server {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		if sshd, err = exec.LookPath("/usr/sbin/sshd"); err != nil {
			missing(t, "sshd")
		}
	}
	s := &server{addr: freeAddress(t)}
	dir := t.TempDir()
	hostKey := writeKey(t, filepath.Join(dir, "host_ed25519"), "")
	write(t, filepath.Join(dir, "authorized"), string(ssh.MarshalAuthorizedKey(h.key)))
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "sshd_config")
	write(t, config, fmt.Sprintf("ListenAddress 127.0.0.1\nPort %s\nHostKey %s/host_ed25519\nAuthorizedKeysFile %s/authorized\n"+
		"StrictModes no\nUsePAM no\nPidFile none\n%s\n", port, dir, dir, options))
	write(t, h.path("known_hosts"), knownhosts.Line([]string{s.addr}, hostKey)+"\n")

	var log bytes.Buffer
	cmd := exec.Command(sshd, "-D", "-e", "-f", config)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		missing(t, fmt.Sprintf("an sshd that runs: %v", err))
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			_, _ = conn.Read(make([]byte, 1)) // it speaks first
			conn.Close()
			return s
		}
		select {
		case <-ended:
			missing(t, "an sshd that starts: "+log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestRealSSHD(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := startSSHD(t, h, "")
	cfg := h.config()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	cfg.User = me.Username
	d := newDialer(t, cfg)
	conn := mustDial(t, d, s.node(t))
	out, err := conn.Exec(t.Context(), "cat; echo err >&2; exit 3", "in\n")
	if err != nil {
		t.Fatal(err)
	}
	if string(out.Stdout) != "in\n" || !strings.HasSuffix(string(out.Stderr), "err\n") || out.ExitCode != 3 {
		t.Errorf("got %+v, want in, err and 3", out)
	}
	out, err = conn.Exec(t.Context(), "kill -KILL $$", "")
	if err != nil || out.ExitCode != -1 {
		t.Errorf("killed: got %+v, %v, want exit code -1", out, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = conn.Exec(ctx, "exec sleep 60", "")
	wantError(t, err, scanner.Timeout, "run the command: not finished")

	cfg.User = "nobody-of-that-name"
	_, err = dial(t, newDialer(t, cfg), s.node(t))
	wantError(t, err, scanner.AuthFailed, "user nobody-of-that-name: none of the keys was accepted")
}

func TestRealSSHDThatIsTooBusy(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := startSSHD(t, h, "MaxStartups 1:100:1")
	var held []net.Conn // one login that never begins fills the only place
	defer func() {
		for _, conn := range held {
			conn.Close()
		}
	}()
	for taken := false; ; { // sshd takes a while to notice that the connection of startSSHD is gone
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
		first := make([]byte, 64)
		n, err := conn.Read(first)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if taken && strings.Contains(string(first[:n]), "MaxStartups") {
			break
		}
		taken = taken || strings.HasPrefix(string(first[:n]), "SSH-")
	}
	_, err := dial(t, newDialer(t, h.config()), s.node(t))
	wantError(t, err, scanner.Throttled, `handshake: sshd has too many logins under way ("Exceeded MaxStartups")`)
}

func TestRealSSHDForwards(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "hello\n")
			conn.Close()
		}
	}()
	const closed = "127.0.0.1:1" // tcpmux, which nobody runs
	for _, tt := range []struct {
		name, options, address string
		want                   error
	}{
		{"a listener", "", listener.Addr().String(), nil},
		{"no listener", "", closed, scanner.ErrNoListener},
		{"AllowTcpForwarding no", "AllowTcpForwarding no", listener.Addr().String(), scanner.ErrForwardingRefused},
		{"DisableForwarding yes", "DisableForwarding yes", listener.Addr().String(), scanner.ErrForwardingRefused},
		{"PermitOpen none", "PermitOpen none", listener.Addr().String(), scanner.ErrForwardingRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHome(t)
			s := startSSHD(t, h, tt.options)
			cfg := h.config()
			me, err := user.Current()
			if err != nil {
				t.Fatal(err)
			}
			cfg.User = me.Username
			conn := mustDial(t, newDialer(t, cfg), s.node(t))
			stream, err := conn.DialTCP(t.Context(), tt.address)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if tt.want != nil {
				return
			}
			defer stream.Close()
			if said, err := io.ReadAll(stream); err != nil || string(said) != "hello\n" {
				t.Errorf("got %q, %v, want hello", said, err)
			}
		})
	}
}

// freeAddress is for a server that cannot be handed a listener. Its port is
// below the range from which the system takes ports by itself, so that no other
// test is given it before the server has it.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000))
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
	t.Fatal("no free port from 20000 to 29999")
	return ""
}
