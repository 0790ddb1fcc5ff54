package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"kletscan/scanner"

	"kletscan/scanner/remote/sshdtest"
)

// realLogin is a real sshd where the operator's key may log in.
func realLogin(t *testing.T, options string) (*sshdtest.Server, Config) {
	t.Helper()
	h := sshdtest.NewHome(t)
	key := h.Key("id", "ed25519", "")
	return real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}, Extra: options}, "IdentityFile "+key.Path)
}

func TestRealSSHD(t *testing.T) {
	t.Parallel()
	_, cfg := realLogin(t, "")
	conn := mustDial(t, newDialer(t, cfg), node())
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
	_, err = dial(t, newDialer(t, cfg), node())
	wantError(t, err, scanner.AuthFailed, "user nobody-of-that-name: none of the keys was accepted")
}

// sshd's word about its other host keys is answered by something, which carries
// the ACK that sshd waits for (see refuse).
func TestRealSSHDIsSentSomethingBehindItsHostKeys(t *testing.T) {
	t.Parallel()
	s, cfg := realLogin(t, "LogLevel DEBUG1")
	echoes(t, newDialer(t, cfg), node())
	const said = "rtype keepalive@openssh.com want_reply 0"
	for range 500 { // the log may come later
		if strings.Contains(s.Log(), said) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("sshd has not logged %q:\n%s", said, s.Log())
}

func TestRealSSHDThatIsTooBusy(t *testing.T) {
	t.Parallel()
	s, cfg := realLogin(t, "MaxStartups 1:100:1")
	var held []net.Conn // one login that never begins fills the only place
	defer func() {
		for _, conn := range held {
			conn.Close()
		}
	}()
	for taken := false; ; { // until the place is taken, and by us
		conn, err := net.Dial("tcp", s.Addr())
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
	_, err := dial(t, newDialer(t, cfg), node())
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
			_, cfg := realLogin(t, tt.options)
			conn := mustDial(t, newDialer(t, cfg), node())
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
