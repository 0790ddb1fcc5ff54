package remote

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
)

// stall blocks until the server's connection is closed.
func stall(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func say(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		_ = c.(*net.TCPConn).CloseWrite()
		stall(c)
	}
}

// One row for each way in which a server can spoil a login.
func TestDialFaults(t *testing.T) {
	t.Parallel()
	const short = 3 * time.Second // enough for what comes before the fault
	wait := func(stop <-chan struct{}) error { <-stop; return errors.New("too late") }

	tests := []struct {
		name    string
		server  server
		timeout time.Duration // 0: long
		status  scanner.Status
		parts   []string
	}{
		{
			"silent",
			server{raw: stall},
			short,
			scanner.Timeout,
			[]string{"handshake: connected, but no SSH version within 3s"},
		},
		{
			"drip",
			server{raw: func(c net.Conn) {
				for {
					if _, err := c.Write([]byte("a")); err != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}},
			short,
			scanner.Timeout,
			[]string{"handshake: connected, but no SSH version, only \"aa", "within 3s"},
		},
		{
			"lines before the version without end",
			server{raw: func(c net.Conn) {
				for {
					if _, err := io.WriteString(c, "hello\x1b[2J\r\n"); err != nil {
						return
					}
				}
			}},
			0,
			scanner.Unreachable,
			[]string{"handshake: no SSH version, the server says", `hello\x1b[2J hello`},
		},
		{
			"not SSH",
			server{raw: say("HTTP/1.1 400 Bad Request\r\n\r\n")},
			0,
			scanner.Unreachable,
			[]string{`handshake: no SSH version, the server says "HTTP/1.1 400 Bad Request": is this port SSH?`},
		},
		{
			"MaxStartups",
			server{raw: say("Exceeded MaxStartups\r\n")},
			0,
			scanner.Throttled,
			[]string{`"Exceeded MaxStartups"`, "-f"},
		},
		{
			"PerSourcePenalties",
			server{raw: say("Not allowed at this time\r\n")},
			0,
			scanner.Throttled,
			[]string{`"Not allowed at this time"`, "banned"},
		},
		{
			"closed at once",
			server{raw: say("")},
			0,
			scanner.Unreachable,
			[]string{"handshake: connection closed by peer before its SSH version"},
		},
		{
			"closed after the version",
			server{raw: say("SSH-2.0-x\r\n")},
			0,
			scanner.Unreachable,
			[]string{"handshake: connection closed by peer during the key exchange"},
		},
		{
			"stalls after the version",
			server{raw: func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); stall(c) }},
			short,
			scanner.Timeout,
			[]string{"handshake: key exchange not finished within 3s"},
		},
		{
			"garbage after the version",
			server{raw: say("SSH-2.0-x\r\n" + strings.Repeat("\x00\x1b\n", 5000))},
			0,
			scanner.Unreachable,
			[]string{"handshake: "},
		},
		{
			"only weak algorithms",
			server{methods: func(c *ssh.ServerConfig) { c.KeyExchanges = []string{ssh.InsecureKeyExchangeDH14SHA1} }},
			0,
			scanner.Unreachable,
			[]string{"handshake: ", "no common algorithm for key exchange"},
		},
		{
			"stalls after the key exchange",
			server{login: func(_ ssh.ServerPreAuthConn, stop <-chan struct{}) error { return wait(stop) }},
			short,
			scanner.Timeout,
			[]string{"authenticate: key exchange done, but login not finished within 3s"},
		},
		{
			"stalls in the login",
			server{publicKey: func(_ net.Conn, stop <-chan struct{}) error { return wait(stop) }},
			short,
			scanner.Timeout,
			[]string{"authenticate: key exchange done, but login not finished within 3s"},
		},
		{
			"closed in the login",
			server{publicKey: func(c net.Conn, _ <-chan struct{}) error { return c.Close() }},
			0,
			scanner.Unreachable,
			[]string{"authenticate: connection closed by peer during the login"},
		},
		{
			"endless banner",
			server{login: func(c ssh.ServerPreAuthConn, _ <-chan struct{}) error {
				for {
					if err := c.SendAuthBanner(strings.Repeat("welcome\n", 100)); err != nil {
						return err
					}
				}
			}},
			0,
			scanner.Unreachable,
			[]string{"authenticate: the server sends banners without end: more than 64 KiB"},
		},
		{
			"endless banner without text",
			server{login: func(c ssh.ServerPreAuthConn, _ <-chan struct{}) error {
				for {
					if err := c.SendAuthBanner(""); err != nil {
						return err
					}
				}
			}},
			0,
			scanner.Unreachable,
			[]string{"authenticate: the server sends without end: more than 1 MiB before the login"},
		},
		{
			"key not accepted",
			server{authorized: []ssh.PublicKey{newKey(t).PublicKey()}},
			0,
			scanner.AuthFailed,
			[]string{"authenticate: user local: none of the keys was accepted (1 ssh-ed25519)"},
		},
		{
			"keyboard-interactive only",
			server{methods: func(c *ssh.ServerConfig) {
				c.PublicKeyCallback = nil
				c.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
					for {
						if _, err := ask("", "", []string{"sudo password: "}, []bool{false}); err != nil {
							return nil, err
						}
						t.Error("the prompt was answered")
					}
				}
			}},
			0,
			scanner.AuthFailed,
			[]string{`authenticate: user local: the server allows no keys, only ["keyboard-interactive"]`},
		},
		{
			"second factor after the key",
			server{methods: func(c *ssh.ServerConfig) {
				c.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
					return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{
						PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
							t.Error("a password was sent")
							return nil, errors.New("no")
						},
					}}
				}
			}},
			0,
			scanner.AuthFailed,
			[]string{`authenticate: user local: the server accepted a key and asks for more (["password"])`},
		},
		{
			"gives up after one key",
			server{
				authorized: []ssh.PublicKey{newKey(t).PublicKey()},
				methods:    func(c *ssh.ServerConfig) { c.MaxAuthTries = 1 },
			},
			0,
			scanner.AuthFailed,
			[]string{"authenticate: user local: none of the keys was accepted", "too many authentication failures"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.server
			s.start(t)
			h := newHome(t, &s)
			cfg := h.config()
			if test.timeout != 0 {
				cfg.ConnectTimeout = test.timeout
			}
			_, err := dial(t, newDialer(t, cfg), s.node(t))
			wantError(t, err, test.status, test.parts...)
		})
	}
}
