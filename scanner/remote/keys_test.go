package remote

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"kletscan/inventory"
	"kletscan/scanner"
)

// serveAgent serves an agent on a Unix socket until the test ends.
func serveAgent(t testing.TB, a agent.Agent) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var conns []net.Conn
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			work.Go(func() { _ = agent.ServeAgent(a, conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		work.Wait() // the Dialer is closed by now, and so are its connections
		for _, conn := range conns {
			conn.Close()
		}
		os.RemoveAll(dir)
	})
	return socket
}

// newAgent is an agent that holds n new keys.
func newAgent(t testing.TB, n int) (keyring agent.Agent, keys []ssh.PublicKey) {
	t.Helper()
	keyring = agent.NewKeyring()
	for range n {
		path := filepath.Join(t.TempDir(), "key")
		keys = append(keys, writeKey(t, path, ""))
		addToAgent(t, keyring, path, "")
	}
	return keyring, keys
}

func addToAgent(t testing.TB, keyring agent.Agent, path, passphrase string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parse := ssh.ParseRawPrivateKey
	if passphrase != "" {
		parse = func(text []byte) (any, error) { return ssh.ParseRawPrivateKeyWithPassphrase(text, []byte(passphrase)) }
	}
	private, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
}

func TestAgentKeyIsUsed(t *testing.T) {
	t.Parallel()
	keyring, keys := newAgent(t, 2)
	s := (&server{authorized: keys[1:]}).start(t)
	cfg := newHome(t, s).config()
	cfg.AgentSocket = serveAgent(t, keyring)
	d := newDialer(t, cfg)
	for range 3 { // on one connection to the agent
		mustDial(t, d, s.node(t))
	}
}

// The agent signs with RSA keys as rsa-sha2, not as SHA-1.
func TestRSAKeyUsesSHA2(t *testing.T) {
	t.Parallel()
	key := newRSAKey(t)
	s := (&server{methods: func(c *ssh.ServerConfig) {
		c.PublicKeyAuthAlgorithms = []string{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512}
	}}).start(t)
	d := newDialer(t, newHome(t, s).config())
	d.keys.files[defaultKeys(d.cfg.Home)[0]] = keyFile{public: key.PublicKey(), signer: key}
	mustDial(t, d, s.node(t))
}

// hungAgent lists keys and never signs: one that waits for a touch.
type hungAgent struct {
	agent.ExtendedAgent
	asked chan struct{}
	stop  chan struct{}
}

func (a *hungAgent) SignWithFlags(ssh.PublicKey, []byte, agent.SignatureFlags) (*ssh.Signature, error) {
	a.asked <- struct{}{}
	<-a.stop
	return &ssh.Signature{}, nil
}

func TestHungAgentDoesNotOutliveTheTimeout(t *testing.T) {
	t.Parallel()
	keyring, _ := newAgent(t, 1)
	hung := &hungAgent{keyring.(agent.ExtendedAgent), make(chan struct{}, 1), make(chan struct{})}
	s := (&server{}).start(t)
	h := newHome(t, s)
	if err := os.Remove(h.path("id_ed25519")); err != nil {
		t.Fatal(err)
	}
	cfg := h.config()
	cfg.AgentSocket = serveAgent(t, hung)
	t.Cleanup(func() { close(hung.stop) })
	cfg.ConnectTimeout = 300 * time.Millisecond
	d := newDialer(t, cfg)
	_, err := dial(t, d, s.node(t))
	wantError(t, err, scanner.Timeout, "authenticate: key exchange done, but login not finished within 300ms")
	<-hung.asked
	d.Close() // must not wait for the agent
}

func TestAgentThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	cfg := h.config()
	cfg.AgentSocket = filepath.Join(h.dir, "no such socket")
	d := newDialer(t, cfg)
	if got := strings.Join(d.Warnings(), "|"); !strings.Contains(got, "ssh-agent not used: dial unix "+cfg.AgentSocket) || len(d.Warnings()) != 1 {
		t.Errorf("got warnings %q, want one about the agent", got)
	}
}

// The order is: keys named for the node, the agent's, default files.
func TestOrderOfOffers(t *testing.T) {
	t.Parallel()
	keyring, inAgent := newAgent(t, 1)
	s := (&server{authorized: []ssh.PublicKey{newKey(t).PublicKey()}}).start(t)
	h := newHome(t, s)
	flag := writeKey(t, h.path("flag"), "")
	both := writeKey(t, h.path("both"), "")
	addToAgent(t, keyring, h.path("both"), "")
	socket := serveAgent(t, keyring)

	for _, test := range []struct {
		name   string
		config string // ssh_config
		flags  []string
		agent  string
		want   []ssh.PublicKey
	}{
		{"agent, then default files", "", nil, socket, []ssh.PublicKey{inAgent[0], both, h.key}},
		{"no agent", "", nil, "", []ssh.PublicKey{h.key}},
		{"IdentityFile first, and no default files", "IdentityFile ~/.ssh/both", nil, socket, []ssh.PublicKey{both, inAgent[0]}},
		{"flag before IdentityFile", "IdentityFile ~/.ssh/both", []string{h.path("flag")}, socket, []ssh.PublicKey{flag, both, inAgent[0]}},
		{"IdentitiesOnly", "IdentityFile ~/.ssh/both\nIdentitiesOnly yes", nil, socket, []ssh.PublicKey{both}},
		{"IdentitiesOnly with default files", "IdentitiesOnly yes", nil, socket, []ssh.PublicKey{h.key}},
		{"IdentityFile none", "IdentityFile none", nil, socket, []ssh.PublicKey{inAgent[0], both}},
		{"IdentityAgent none", "IdentityAgent none", nil, socket, []ssh.PublicKey{h.key}},
		{"IdentityAgent another", "IdentityAgent \"" + socket + "\"", nil, "", []ssh.PublicKey{inAgent[0], both, h.key}},
		{"IdentityFile missing", "IdentityFile ~/.ssh/missing\nIdentityFile ~/.ssh/flag", nil, "", []ssh.PublicKey{flag}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := h.config()
			cfg.AgentSocket = test.agent
			cfg.PrivateKeys = test.flags
			cfg.SSHConfigFile = filepath.Join(t.TempDir(), "config")
			write(t, cfg.SSHConfigFile, test.config)
			s.seen.mu.Lock()
			s.seen.keys = nil
			s.seen.mu.Unlock()
			_, err := dial(t, newDialer(t, cfg), s.node(t))
			wantError(t, err, scanner.AuthFailed, "none of the keys was accepted")
			var want []string
			for _, key := range test.want {
				want = append(want, ssh.FingerprintSHA256(key))
			}
			s.seen.mu.Lock()
			defer s.seen.mu.Unlock()
			if diff := cmp.Diff(want, s.seen.keys); diff != "" {
				t.Errorf("offered keys (-want +got)\n%s", diff)
			}
		})
	}
}

func TestAtMostFiveKeysAreOffered(t *testing.T) {
	t.Parallel()
	keyring, keys := newAgent(t, 7)
	s := (&server{authorized: keys[6:]}).start(t)
	cfg := newHome(t, s).config()
	cfg.AgentSocket = serveAgent(t, keyring)
	_, err := dial(t, newDialer(t, cfg), s.node(t))
	wantError(t, err, scanner.AuthFailed, "(5 ssh-ed25519); 3 more were not offered", "--private-key FILE")
	if got := len(s.seen.keys); got != 5 {
		t.Errorf("the server saw %d keys, want 5", got)
	}
}

func TestEncryptedKey(t *testing.T) {
	t.Parallel()
	const secret = "open sesame"
	h := newHome(t)
	key := writeKey(t, h.path("id_ed25519"), secret)
	s := (&server{authorized: []ssh.PublicKey{key}}).start(t)
	write(t, h.path("known_hosts"), s.addr+" "+string(ssh.MarshalAuthorizedKey(s.hostKeys[0].PublicKey())))
	file := h.path("id_ed25519")

	t.Run("asked once", func(t *testing.T) {
		cfg := h.config()
		var asked []string
		cfg.Passphrase = func(file string) ([]byte, error) {
			asked = append(asked, file)
			return []byte(secret), nil
		}
		d := newDialer(t, cfg)
		for range 2 {
			mustDial(t, d, s.node(t))
		}
		if diff := cmp.Diff([]string{file}, asked); diff != "" {
			t.Errorf("asked for (-want +got)\n%s", diff)
		}
	})
	t.Run("nobody to ask", func(t *testing.T) {
		_, err := New(h.config())
		wantText(t, err, "no key to log in with: ", file+": encrypted: add it to ssh-agent")
	})
	t.Run("named, and nobody to ask", func(t *testing.T) {
		cfg := h.config()
		cfg.PrivateKeys = []string{file}
		_, err := New(cfg)
		wantText(t, err, "private key: "+file+": encrypted: add it to ssh-agent")
	})
	t.Run("wrong passphrase", func(t *testing.T) {
		cfg := h.config()
		cfg.PrivateKeys = []string{file}
		cfg.Passphrase = func(string) ([]byte, error) { return []byte("wrong"), nil }
		_, err := New(cfg)
		wantText(t, err, "private key: "+file+": wrong passphrase")
	})
	t.Run("no passphrase", func(t *testing.T) {
		cfg := h.config()
		cfg.PrivateKeys = []string{file}
		cfg.Passphrase = func(string) ([]byte, error) { return nil, errors.New("interrupted") }
		_, err := New(cfg)
		wantText(t, err, "private key: "+file+": no passphrase: interrupted")
	})
	t.Run("in the agent: not asked", func(t *testing.T) {
		keyring := agent.NewKeyring()
		addToAgent(t, keyring, file, secret)
		cfg := h.config()
		cfg.PrivateKeys = []string{file}
		cfg.AgentSocket = serveAgent(t, keyring)
		cfg.Passphrase = func(string) ([]byte, error) {
			t.Error("asked for a key that the agent holds")
			return nil, errors.New("no")
		}
		mustDial(t, newDialer(t, cfg), s.node(t))
	})
	t.Run("of ssh_config: asked for the nodes to be dialled, and only them", func(t *testing.T) {
		cfg := h.config()
		other := writeKey(t, h.path("other"), secret)
		_ = other
		cfg.SSHConfigFile = h.path("nodes.conf")
		write(t, cfg.SSHConfigFile, "Host 127.0.0.1\n IdentityFile "+file+"\nHost github.com\n IdentityFile "+h.path("other")+"\n")
		cfg.Nodes = []inventory.Node{s.node(t), s.node(t)}
		var asked []string
		cfg.Passphrase = func(file string) ([]byte, error) {
			asked = append(asked, file)
			return []byte(secret), nil
		}
		mustDial(t, newDialer(t, cfg), s.node(t))
		if diff := cmp.Diff([]string{file}, asked); diff != "" {
			t.Errorf("asked for (-want +got)\n%s", diff)
		}
	})
	t.Run("of ssh_config, and nobody to ask", func(t *testing.T) {
		cfg := h.config()
		cfg.SSHConfigFile = h.path("node.conf")
		write(t, cfg.SSHConfigFile, "Host 127.0.0.1\n IdentityFile "+file+"\n")
		cfg.PrivateKeys = []string{h.path("plain")}
		writeKey(t, h.path("plain"), "")
		cfg.Nodes = []inventory.Node{s.node(t), s.node(t)}
		d := newDialer(t, cfg)
		if got := d.Warnings(); len(got) != 1 || !strings.HasPrefix(got[0], "key of ssh_config not used: "+file+": encrypted") {
			t.Errorf("got warnings %q, want one about the encrypted key", got)
		}
	})
}

func TestKeyFiles(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	write(t, h.path("public.pub"), string(ssh.MarshalAuthorizedKey(h.key)))
	write(t, h.path("text"), "hello\n")
	write(t, h.path("sk"), "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
	for name, want := range map[string]string{
		"missing":    "private key: open " + h.path("missing") + ": no such file or directory",
		"public.pub": "private key: " + h.path("public.pub") + ": a public key, and the agent does not hold its private half",
		"text":       "private key: " + h.path("text") + ": not a private key: no key found",
		"sk":         "private key: " + h.path("sk") + ": not a private key: ",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := h.config()
			cfg.PrivateKeys = []string{h.path(name)}
			_, err := New(cfg)
			wantText(t, err, want)
		})
	}
	t.Run("none", func(t *testing.T) {
		cfg := h.config()
		cfg.KnownHosts = []string{h.path("known_hosts")}
		cfg.Home = t.TempDir()
		_, err := New(cfg)
		wantText(t, err, "no key to log in with: no agent (SSH_AUTH_SOCK is not set), and no usable key file among "+
			filepath.Join(cfg.Home, ".ssh", "id_ed25519"), "--private-key FILE")
	})
	t.Run("empty agent and no file", func(t *testing.T) {
		cfg := h.config()
		cfg.KnownHosts = []string{h.path("known_hosts")}
		cfg.Home = t.TempDir()
		cfg.AgentSocket = serveAgent(t, agent.NewKeyring())
		_, err := New(cfg)
		wantText(t, err, "no key to log in with: no key in the agent at "+cfg.AgentSocket)
	})
	t.Run("a public key selects the agent's", func(t *testing.T) {
		s := (&server{authorized: []ssh.PublicKey{h.key}}).start(t)
		keyring, _ := newAgent(t, 6)
		addToAgent(t, keyring, h.path("id_ed25519"), "")
		cfg := h.config()
		cfg.KnownHosts = []string{h.path("kh")}
		write(t, h.path("kh"), s.addr+" "+string(ssh.MarshalAuthorizedKey(s.hostKeys[0].PublicKey())))
		cfg.SSHConfigFile = h.path("conf")
		write(t, h.path("conf"), "IdentitiesOnly yes\nIdentityFile ~/.ssh/public.pub\n")
		cfg.AgentSocket = serveAgent(t, keyring)
		cfg.Nodes = []inventory.Node{s.node(t)}
		mustDial(t, newDialer(t, cfg), s.node(t))
	})
}

func TestUserPrecedence(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	h := newHome(t, s)
	for _, test := range []struct {
		name                         string
		inventory, flag, file, local string
		want                         string
	}{
		{"inventory", "inv", "flag", "file", "local", "inv"},
		{"flag", "", "flag", "file", "local", "flag"},
		{"ssh_config", "", "", "file", "local", "file"},
		{"local user", "", "", "", "local", "local"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := h.config()
			cfg.User, cfg.LocalUser = test.flag, test.local
			cfg.SSHConfigFile = "none"
			if test.file != "" {
				cfg.SSHConfigFile = filepath.Join(t.TempDir(), "config")
				write(t, cfg.SSHConfigFile, "User "+test.file)
			}
			node := s.node(t)
			node.User = test.inventory
			mustDial(t, newDialer(t, cfg), node)
			s.seen.mu.Lock()
			defer s.seen.mu.Unlock()
			if got := s.seen.users[len(s.seen.users)-1]; got != test.want {
				t.Errorf("logged in as %q, want %q", got, test.want)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		cfg := h.config()
		cfg.LocalUser = ""
		_, err := dial(t, newDialer(t, cfg), s.node(t))
		wantError(t, err, scanner.Unreachable, "connect: no user to log in as: name one with -u USER")
	})
}
