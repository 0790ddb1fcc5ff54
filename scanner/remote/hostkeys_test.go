package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"kletscan/scanner"
)

func newECDSAKey(t testing.TB) ssh.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func newRSAKey(t testing.TB) ssh.Signer {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func newCert(t *testing.T, ca, key ssh.Signer, principal string, before time.Time) ssh.Signer {
	t.Helper()
	cert := &ssh.Certificate{
		Key: key.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{principal},
		ValidAfter: 0, ValidBefore: uint64(before.Unix()), Nonce: make([]byte, 32),
	}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// One row for each thing that known_hosts can say about a host.
func TestHostKeys(t *testing.T) {
	t.Parallel()
	var (
		ed, ec, rsa, other = newKey(t), newECDSAKey(t), newRSAKey(t), newKey(t)
		ca                 = newECDSAKey(t)
		inAnHour           = time.Now().Add(time.Hour)
		cert               = newCert(t, ca, ed, "127.0.0.1", inAnHour)
	)
	key := func(s ssh.Signer) string {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
	}
	shown := func(s ssh.Signer) string { return ssh.FingerprintSHA256(s.PublicKey()) }
	hashed := func(s *server) string { return knownhosts.HashHostname(knownhosts.Normalize(s.addr)) }

	tests := []struct {
		name   string
		keys   []ssh.Signer                        // the server's
		file   func(name string, s *server) string // known_hosts, given [host]:port
		status scanner.Status
		parts  []string
	}{
		{
			"key on file",
			[]ssh.Signer{ed},
			func(name string, _ *server) string { return name + " " + key(ed) },
			scanner.OK, nil,
		},
		{
			"only one of its keys on file, and not the first (golang/go#29286)",
			[]ssh.Signer{ec, rsa, ed},
			func(name string, _ *server) string { return name + " " + key(ed) },
			scanner.OK, nil,
		},
		{
			"only its RSA key on file",
			[]ssh.Signer{ec, rsa, ed},
			func(name string, _ *server) string { return name + " " + key(rsa) },
			scanner.OK, nil,
		},
		{
			"hashed",
			[]ssh.Signer{ec, ed},
			func(_ string, s *server) string { return hashed(s) + " " + key(ed) },
			scanner.OK, nil,
		},
		{
			"two keys of one type on file",
			[]ssh.Signer{ed},
			func(name string, _ *server) string { return name + " " + key(other) + "\n" + name + " " + key(ed) },
			scanner.OK, nil,
		},
		{
			"nothing on file",
			[]ssh.Signer{ed},
			func(string, *server) string { return "" },
			scanner.HostKeyUnknown,
			[]string{"handshake: host key not on file: [127.0.0.1]:", shown(ed) + " (ssh-ed25519)", "ssh-keyscan -p ", " 127.0.0.1 >> ", "known_hosts"},
		},
		{
			"on file for port 22 only",
			[]ssh.Signer{ed},
			func(string, *server) string { return "127.0.0.1 " + key(ed) },
			scanner.HostKeyUnknown,
			[]string{"host key not on file"},
		},
		{
			"another key",
			[]ssh.Signer{ed},
			func(name string, _ *server) string { return "# comment\n" + name + " " + key(other) },
			scanner.HostKeyMismatch,
			[]string{"handshake: host key mismatch: ", "shows " + shown(ed), "on file is " + shown(other), "known_hosts:2"},
		},
		{
			"another key, hashed",
			[]ssh.Signer{ed},
			func(_ string, s *server) string { return hashed(s) + " " + key(other) },
			scanner.HostKeyMismatch,
			[]string{shown(ed), shown(other), "known_hosts:1"},
		},
		{
			"another key of another type is a mismatch too",
			[]ssh.Signer{ec},
			func(name string, _ *server) string { return name + " " + key(ed) },
			scanner.HostKeyMismatch,
			[]string{shown(ec) + " (ecdsa-sha2-nistp256)", shown(ed) + " (ssh-ed25519)"},
		},
		{
			"revoked",
			[]ssh.Signer{ed},
			func(string, *server) string { return "@revoked * " + key(ed) },
			scanner.HostKeyMismatch,
			[]string{"handshake: host key " + shown(ed), "is revoked at ", "known_hosts:1"},
		},
		{
			"revoked, and on file as good",
			[]ssh.Signer{ed},
			func(name string, _ *server) string { return name + " " + key(ed) + "\n@revoked * " + key(ed) },
			scanner.HostKeyMismatch,
			[]string{"is revoked at ", "known_hosts:2"},
		},
		{
			"certificate of an authority of another type",
			[]ssh.Signer{cert, ec},
			func(name string, _ *server) string { return "@cert-authority " + name + " " + key(ca) },
			scanner.OK, nil,
		},
		{
			"certificate offered, no authority on file, plain key on file",
			[]ssh.Signer{cert, ed},
			func(name string, _ *server) string { return name + " " + key(ed) },
			scanner.OK, nil,
		},
		{
			"another authority on file",
			[]ssh.Signer{cert},
			func(name string, _ *server) string { return "@cert-authority " + name + " " + key(other) },
			scanner.HostKeyUnknown,
			[]string{"host certificate for " + shown(ed), "signed by " + shown(ca), "not accepted"},
		},
		{
			"certificate for another name",
			[]ssh.Signer{newCert(t, ca, ed, "node2", inAnHour)},
			func(name string, _ *server) string { return "@cert-authority " + name + " " + key(ca) },
			scanner.HostKeyMismatch,
			[]string{"not accepted: principal"},
		},
		{
			"certificate expired",
			[]ssh.Signer{newCert(t, ca, ed, "127.0.0.1", time.Unix(1, 0))},
			func(name string, _ *server) string { return "@cert-authority " + name + " " + key(ca) },
			scanner.HostKeyMismatch,
			[]string{"not accepted: cert has expired"},
		},
		{
			"authority revoked",
			[]ssh.Signer{cert},
			func(name string, _ *server) string {
				return "@cert-authority " + name + " " + key(ca) + "\n@revoked * " + key(ca)
			},
			scanner.HostKeyMismatch,
			[]string{"not accepted: certificate serial 0 revoked"},
		},
		{
			"authority on file, but a plain key shown",
			[]ssh.Signer{ec},
			func(name string, _ *server) string { return "@cert-authority " + name + " " + key(other) },
			scanner.HostKeyUnknown,
			[]string{"host key not on file"},
		},
		{
			"the authority's own key shown as host key",
			[]ssh.Signer{ca},
			func(name string, _ *server) string { return "@cert-authority " + name + " " + key(ca) },
			scanner.HostKeyUnknown,
			[]string{"host key not on file"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := (&server{hostKeys: test.keys}).start(t)
			h := newHome(t)
			write(t, h.path("known_hosts"), test.file(knownhosts.Normalize(s.addr), s)+"\n")
			_, err := dial(t, newDialer(t, h.config()), s.node(t))
			if test.status != scanner.OK {
				wantError(t, err, test.status, test.parts...)
				if len(s.seen.keys) != 0 {
					t.Error("a key was offered to a host that is not trusted")
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// Names in known_hosts are lower case, whatever the inventory says.
func TestHostKeyNameIsLowerCase(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	node := s.node(t)
	node.Host = "LocalHost"
	h := newHome(t)
	name := fmt.Sprintf("[localhost]:%d", node.Port)
	write(t, h.path("known_hosts"), knownhosts.Line([]string{name}, s.hostKeys[0].PublicKey())+"\n")
	mustDial(t, newDialer(t, h.config()), node)
}

// HostKeyAlias is looked up without a port.
func TestHostKeyAlias(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	h := newHome(t)
	write(t, h.path("config"), "Host 127.*\n HostKeyAlias Golden\n")
	write(t, h.path("known_hosts"), "")
	_, err := dial(t, newDialer(t, h.config()), s.node(t))
	wantError(t, err, scanner.HostKeyUnknown, "host key not on file: golden shows", "write golden for the host name there: HostKeyAlias")

	write(t, h.path("known_hosts"), knownhosts.Line([]string{"golden"}, s.hostKeys[0].PublicKey())+"\n")
	mustDial(t, newDialer(t, h.config()), s.node(t))
}

func TestHostKeyAlgorithmsFollowTheFile(t *testing.T) {
	t.Parallel()
	ed, rsa, ca := newKey(t), newRSAKey(t), newKey(t)
	h := newHome(t)
	write(t, h.path("known_hosts"), strings.Join([]string{
		knownhosts.Line([]string{"ed", "both"}, ed.PublicKey()),
		knownhosts.Line([]string{"rsa", "both"}, rsa.PublicKey()),
		"@cert-authority signed,both " + string(ssh.MarshalAuthorizedKey(ca.PublicKey())),
	}, "\n"))
	known, err := loadHostKeys([]string{h.path("known_hosts")})
	if err != nil {
		t.Fatal(err)
	}
	ecdsa := []string{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}
	join := func(lists ...[]string) (all []string) {
		for _, list := range lists {
			all = append(all, list...)
		}
		return all
	}
	sha2 := []string{"rsa-sha2-512", "rsa-sha2-256"}
	ed25519 := []string{"ssh-ed25519"}
	for host, want := range map[string][]string{
		"ed":      join(ed25519, ecdsa, sha2),
		"rsa":     join(sha2, ed25519, ecdsa),
		"unknown": join(ed25519, ecdsa, sha2),
		"signed":  join(certOrder(), ed25519, ecdsa, sha2),
		"both":    join(ed25519, sha2, certOrder(), ecdsa),
	} {
		if diff := cmp.Diff(want, known.algorithms(net.JoinHostPort(host, "22"))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", host, diff)
		}
	}
}

func TestKnownHostsFiles(t *testing.T) {
	t.Parallel()
	good := string(ssh.MarshalAuthorizedKey(newKey(t).PublicKey()))
	t.Run("bad line", func(t *testing.T) {
		h := newHome(t)
		write(t, h.path("known_hosts"), "node1 "+good+"node2 ssh-ed25519 AAAA\n")
		_, err := New(h.config())
		wantText(t, err, "known_hosts: "+h.path("known_hosts")+":2: ", "correct or delete that line")
	})
	t.Run("none", func(t *testing.T) {
		h := newHome(t)
		cfg := h.config()
		cfg.Home = t.TempDir()
		cfg.PrivateKeys = []string{h.path("id_ed25519")}
		_, err := New(cfg)
		wantText(t, err, "no known_hosts file", cfg.Home+"/.ssh/known_hosts, ", cfg.SystemDir+"/ssh_known_hosts, ", "ssh-keyscan HOST >> "+cfg.Home+"/.ssh/known_hosts")
	})
	t.Run("given one does not exist", func(t *testing.T) {
		h := newHome(t)
		cfg := h.config()
		cfg.KnownHosts = []string{h.path("known_hosts"), h.path("missing")}
		_, err := New(cfg)
		wantText(t, err, "known_hosts file "+h.path("missing")+" does not exist", "ssh-keyscan")
	})
	t.Run("only the system's", func(t *testing.T) {
		s := (&server{}).start(t)
		h := newHome(t)
		cfg := h.config()
		write(t, cfg.SystemDir+"/ssh_known_hosts", knownhosts.Line([]string{s.addr}, s.hostKeys[0].PublicKey())+"\n")
		mustDial(t, newDialer(t, cfg), s.node(t))
	})
	t.Run("the given ones and no other", func(t *testing.T) {
		s := (&server{}).start(t)
		h := newHome(t, s)
		cfg := h.config()
		cfg.KnownHosts = []string{h.path("other")}
		write(t, h.path("other"), "")
		_, err := dial(t, newDialer(t, cfg), s.node(t))
		wantError(t, err, scanner.HostKeyUnknown, "host key not on file", ">> "+h.path("other"))
	})
	t.Run("named by ssh_config for one node only", func(t *testing.T) {
		s := (&server{}).start(t)
		h := newHome(t, s)
		cfg := h.config()
		write(t, h.path("moved"), knownhosts.Line([]string{s.addr}, s.hostKeys[0].PublicKey())+"\n")
		write(t, h.path("known_hosts"), "")
		write(t, h.path("config"), "Host 127.0.0.1\n UserKnownHostsFile none ~/.ssh/missing %d/.ssh/moved\n")
		mustDial(t, newDialer(t, cfg), s.node(t))
	})
}
