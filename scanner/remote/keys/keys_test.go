package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"kletscan/scanner/remote/sshdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tool finds a program of OpenSSH or openssl.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		sshdtest.Missing(t, name)
	}
	return path
}

// run runs a program with nothing of this user's in its environment.
func run(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool(t, name), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shortDir is for sockets: their paths have a limit that t.TempDir can exceed.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// box makes keys and certificates in a directory. Every key has a name: that
// of its file, and for a certificate that with -cert.pub.
type box struct {
	t       testing.TB
	dir     string
	ca      ssh.Signer
	private map[string]any
	names   map[string]string // by blob
}

func newBox(t testing.TB) *box {
	b := &box{t: t, dir: t.TempDir(), private: make(map[string]any), names: make(map[string]string)}
	_, ca, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if b.ca, err = ssh.NewSignerFromKey(ca); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *box) path(name string) string { return filepath.Join(b.dir, name) }

func (b *box) paths(names []string) []string {
	var paths []string
	for _, name := range names {
		paths = append(paths, b.path(name))
	}
	return paths
}

// generate makes the private key of a kind: the name up to its first digit.
func (b *box) generate(name string) any {
	var key any
	var err error
	switch strings.TrimRight(name, "0123456789") {
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "small":
		key, err = rsa.GenerateKey(rand.Reader, 1024)
	case "ecdsa":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

// key returns the signer of a new or known key, without writing a file.
func (b *box) key(name string) ssh.Signer {
	b.t.Helper()
	if b.private[name] == nil {
		b.private[name] = b.generate(name)
	}
	signer, err := ssh.NewSignerFromKey(b.private[name])
	if err != nil {
		b.t.Fatal(err)
	}
	b.names[string(signer.PublicKey().Marshal())] = name
	return signer
}

// file writes a private key; with a passphrase, encrypted.
func (b *box) file(name, passphrase string) string {
	b.t.Helper()
	b.key(name)
	var block *pem.Block
	var err error
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(b.private[name], "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(b.private[name], "", []byte(passphrase))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	write(b.t, b.path(name), pem.EncodeToMemory(block))
	return b.path(name)
}

// public writes NAME.pub.
func (b *box) public(name string) string {
	write(b.t, b.path(name+".pub"), ssh.MarshalAuthorizedKey(b.key(name).PublicKey()))
	return b.path(name + ".pub")
}

// cert makes a user certificate for all time; edit changes it.
func (b *box) cert(name string, edit func(*ssh.Certificate)) *ssh.Certificate {
	b.t.Helper()
	cert := &ssh.Certificate{
		Key: b.key(name).PublicKey(), CertType: ssh.UserCert, KeyId: name,
		ValidPrincipals: []string{loginName()}, ValidBefore: ssh.CertTimeInfinity,
	}
	if edit != nil {
		edit(cert)
	}
	if err := cert.SignCert(rand.Reader, b.ca); err != nil {
		b.t.Fatal(err)
	}
	b.names[string(cert.Marshal())] = name + "-cert.pub"
	return cert
}

// certFile writes NAME-cert.pub.
func (b *box) certFile(name string, edit func(*ssh.Certificate)) string {
	write(b.t, b.path(name+"-cert.pub"), ssh.MarshalAuthorizedKey(b.cert(name, edit)))
	return b.path(name + "-cert.pub")
}

// named translates keys back to their names.
func (b *box) named(publics []ssh.PublicKey) []string {
	names := []string{}
	for _, public := range publics {
		name, ok := b.names[string(public.Marshal())]
		if !ok {
			name = "unknown " + public.Type()
		}
		names = append(names, name)
	}
	return names
}

// offered are the names of an offer's keys.
func (b *box) offered(o *Offer) []string {
	var publics []ssh.PublicKey
	for _, signer := range o.Signers() {
		publics = append(publics, signer.PublicKey())
	}
	return b.named(publics)
}

// listen serves a Unix socket until the test ends.
func listen(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	socket := filepath.Join(shortDir(t), "agent")
	listenAt(t, socket, serve)
	return socket
}

// listenAt returns what ends the server with all its connections.
func listenAt(t testing.TB, socket string, serve func(net.Conn)) (stop func()) {
	t.Helper()
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			work.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	stop = sync.OnceFunc(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		work.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// inAgent serves an agent that holds the keys and certificates with these
// names, in order. A certificate for which there is a file is that one.
func (b *box) inAgent(names ...string) string {
	b.t.Helper()
	if len(names) == 0 {
		return ""
	}
	keyring := agent.NewKeyring()
	for _, name := range names {
		plain, certified := strings.CutSuffix(name, "-cert.pub")
		b.key(plain)
		added := agent.AddedKey{PrivateKey: b.private[plain]}
		if certified {
			added.Certificate = readCertificate(b.path(name)).cert
			if added.Certificate == nil {
				added.Certificate = b.cert(plain, nil)
			}
		}
		if err := keyring.Add(added); err != nil {
			b.t.Fatal(err)
		}
	}
	return listen(b.t, func(conn net.Conn) { _ = agent.ServeAgent(keyring, conn) })
}

func newRing(t testing.TB, options Options) *Ring {
	r := New(options)
	t.Cleanup(r.Close)
	return r
}

// server is an SSH server on loopback for one login after another.
type server struct {
	addr   string
	config *ssh.ServerConfig
	accept func(ssh.PublicKey) (*ssh.Permissions, error) // nil: no key

	mu      sync.Mutex
	offered []ssh.PublicKey // by the current login
	strict  bool            // no signature is good enough
}

func newServer(t testing.TB, accept func(ssh.PublicKey) (*ssh.Permissions, error)) *server {
	t.Helper()
	_, host, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := ssh.NewSignerFromKey(host)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{accept: accept}
	s.config = &ssh.ServerConfig{MaxAuthTries: -1, PublicKeyCallback: s.onKey, VerifiedPublicKeyCallback: s.onSignature}
	s.config.AddHostKey(hostKey)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		work.Wait()
	})
	return s
}

func (s *server) onKey(_ ssh.ConnMetadata, public ssh.PublicKey) (*ssh.Permissions, error) {
	s.mu.Lock()
	s.offered = append(s.offered, public)
	s.mu.Unlock()
	if s.accept == nil {
		return nil, errors.New("no")
	}
	return s.accept(public)
}

func (s *server) onSignature(_ ssh.ConnMetadata, _ ssh.PublicKey, permissions *ssh.Permissions, _ string) (*ssh.Permissions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.strict {
		return nil, errors.New("no")
	}
	return permissions, nil
}

func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	server, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		_ = channel.Reject(ssh.Prohibited, "only the login is tested")
	}
	server.Close()
}

// seen empties and returns what the server was offered.
func (s *server) seen() []ssh.PublicKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.offered
	s.offered = nil
	return seen
}

// loginName is the only user that an sshd can log in which does not run as root.
func loginName() string {
	me, err := user.Current()
	if err != nil {
		return "root"
	}
	return me.Username
}

// login logs in with an offer.
func login(addr string, o *Offer) error {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	client, channels, requests, err := ssh.NewClientConn(conn, addr, &ssh.ClientConfig{
		User: loginName(), AuthCallback: o.Next, HostKeyCallback: ssh.InsecureIgnoreHostKey(), // the keys are tested, not the host
	})
	if err != nil {
		return err
	}
	ssh.NewClient(client, channels, requests).Close()
	return nil
}

// only accepts some keys.
func only(keys ...ssh.PublicKey) func(ssh.PublicKey) (*ssh.Permissions, error) {
	return func(public ssh.PublicKey) (*ssh.Permissions, error) {
		if slices.ContainsFunc(keys, func(key ssh.PublicKey) bool { return sameKey(key, public) }) {
			return &ssh.Permissions{}, nil
		}
		return nil, errors.New("no")
	}
}

func wantText(t testing.TB, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("got %q\nwant it to contain %q", got, part)
		}
	}
	if strings.ContainsAny(got, "\n\r") {
		t.Errorf("got %q, want one line", got)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", parts)
	}
	wantText(t, err.Error(), parts...)
}
