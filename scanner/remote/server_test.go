package remote

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"kletscan/inventory"
	"kletscan/scanner"
)

// newKey makes an ed25519 key pair.
func newKey(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// writeKey makes a key pair in a file, encrypted unless passphrase is empty.
func writeKey(t testing.TB, path, passphrase string) ssh.PublicKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer.PublicKey()
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// server is an SSH server on loopback that may misbehave. The zero faults are
// none.
type server struct {
	hostKeys   []ssh.Signer
	authorized []ssh.PublicKey // nil: everybody

	raw       func(net.Conn)                                     // instead of SSH
	login     func(ssh.ServerPreAuthConn, <-chan struct{}) error // before the first answer to a login
	publicKey func(conn net.Conn, stop <-chan struct{}) error    // before the answer to a key
	methods   func(*ssh.ServerConfig)                            // other changes
	session   func(*execSession)                                 // one exec; nil: echo
	noExec    func(command string) bool                          // refuses exec; nil: nothing
	noSession bool                                               // refuses the channel
	noAnswer  bool                                               // to a channel

	addr string
	stop chan struct{} // closed when the test ends
	seen *seen
}

// seen is what a server was shown.
type seen struct {
	mu      sync.Mutex
	users   []string
	keys    []string // fingerprints
	version string
}

// execSession is one exec, on the server's side.
type execSession struct {
	ssh.Channel
	command string
	conn    net.Conn
	done    <-chan struct{} // closed when the server's connection ends
}

func (s *execSession) exit(code uint32) {
	_, _ = s.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
	_ = s.Close()
}

// start listens until the test ends, and then waits for every connection.
func (s *server) start(t testing.TB) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.seen = &seen{}
	if s.hostKeys == nil {
		s.hostKeys = []ssh.Signer{newKey(t)}
	}
	s.stop = make(chan struct{})
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				ended := make(chan struct{})
				defer close(ended)
				conns.Go(func() {
					select {
					case <-s.stop:
						conn.Close()
					case <-ended:
					}
				})
				if s.raw != nil {
					s.raw(conn)
				} else {
					s.serve(conn)
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		close(s.stop)
		conns.Wait()
	})
	return s
}

func (s *server) config(conn net.Conn) *ssh.ServerConfig {
	var pre ssh.ServerPreAuthConn
	config := &ssh.ServerConfig{
		PreAuthConnCallback: func(c ssh.ServerPreAuthConn) { pre = c },
		NoClientAuth:        s.login != nil,
		NoClientAuthCallback: func(ssh.ConnMetadata) (*ssh.Permissions, error) {
			if err := s.login(pre, s.stop); err != nil {
				return nil, err
			}
			return nil, errors.New("not without a key")
		},
		PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.seen.mu.Lock()
			s.seen.users = append(s.seen.users, meta.User())
			s.seen.keys = append(s.seen.keys, ssh.FingerprintSHA256(key))
			s.seen.version = string(meta.ClientVersion())
			s.seen.mu.Unlock()
			if s.publicKey != nil {
				if err := s.publicKey(conn, s.stop); err != nil {
					return nil, err
				}
			}
			for _, authorized := range s.authorized {
				if bytes.Equal(authorized.Marshal(), key.Marshal()) {
					return nil, nil
				}
			}
			if s.authorized == nil {
				return nil, nil
			}
			return nil, errors.New("no such key")
		},
	}
	for _, key := range s.hostKeys {
		config.AddHostKey(key)
	}
	if s.methods != nil {
		s.methods(config)
	}
	return config
}

func (s *server) serve(conn net.Conn) {
	sshConn, channels, requests, err := ssh.NewServerConn(conn, s.config(conn))
	if err != nil {
		return
	}
	done := make(chan struct{})
	var work sync.WaitGroup
	defer work.Wait()
	defer close(done)
	defer sshConn.Close()
	work.Go(func() { ssh.DiscardRequests(requests) })
	for next := range channels {
		if s.noAnswer {
			continue
		}
		if s.noSession {
			_ = next.Reject(ssh.Prohibited, "not \x1b[31mhere")
			continue
		}
		channel, requests, err := next.Accept()
		if err != nil {
			return
		}
		work.Go(func() {
			for request := range requests {
				var exec struct{ Command string }
				_ = ssh.Unmarshal(request.Payload, &exec)
				if request.Type != "exec" || s.noExec != nil && s.noExec(exec.Command) {
					_ = request.Reply(false, nil)
					continue
				}
				_ = request.Reply(true, nil)
				work.Go(func() {
					handle := s.session
					if handle == nil {
						handle = echo
					}
					handle(&execSession{Channel: channel, command: exec.Command, conn: conn, done: s.stop})
				})
			}
		})
	}
}

// echo answers with the command and its standard input.
func echo(s *execSession) {
	input, _ := io.ReadAll(s)
	_, _ = io.WriteString(s, s.command+"|"+string(input))
	_, _ = io.WriteString(s.Stderr(), "heard")
	s.exit(7)
}

// home is a home directory with a key and a known_hosts file in it.
type home struct {
	dir string
	key ssh.PublicKey
}

func newHome(t testing.TB, servers ...*server) *home {
	t.Helper()
	h := &home{dir: t.TempDir()}
	h.key = writeKey(t, h.path("id_ed25519"), "")
	var lines strings.Builder
	for _, s := range servers {
		for _, key := range s.hostKeys {
			lines.WriteString(knownhosts.Line([]string{s.addr}, key.PublicKey()) + "\n")
		}
	}
	write(t, h.path("known_hosts"), lines.String())
	return h
}

func (h *home) path(name string) string { return filepath.Join(h.dir, ".ssh", name) }

func (h *home) config() Config {
	return Config{
		Home: h.dir, SystemDir: filepath.Join(h.dir, "etc"), LocalUser: "local",
		ConnectTimeout: 10 * time.Second, CommandTimeout: 10 * time.Second,
	}
}

func newDialer(t testing.TB, cfg Config) *Dialer {
	t.Helper()
	d, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func (s *server) node(t testing.TB) inventory.Node {
	t.Helper()
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return inventory.Node{Name: s.addr, Host: host, Port: n}
}

func dial(t testing.TB, d *Dialer, node inventory.Node) (scanner.Conn, error) {
	t.Helper()
	conn, err := d.Dial(t.Context(), node)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

func mustDial(t testing.TB, d *Dialer, node inventory.Node) scanner.Conn {
	t.Helper()
	conn, err := dial(t, d, node)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// wantError checks an error of Dial or Exec: its status, and that it is one
// line with the given parts.
func wantError(t *testing.T, err error, status scanner.Status, parts ...string) {
	t.Helper()
	var e *scanner.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a *scanner.Error with status %v", err, status)
	}
	if e.Status != status {
		t.Errorf("got status %v, want %v (%v)", e.Status, status, err)
	}
	wantText(t, err, parts...)
}

// wantText checks that an error is one line, without controls, in the style of
// the project, with the given parts.
func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got error %q, want %q in it", err, part)
		}
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("got error %q, want one line without control characters", err)
	}
}
