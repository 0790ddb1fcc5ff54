package remote

import (
	"strings"
	"testing"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/remote/sshdtest"
	"kletscan/scanner/scannertest"
)

var kinds = []string{"ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa-2048"}

// real is a real sshd that one key may log in at, and the ssh_config for it.
func real(t testing.TB, h *sshdtest.Home, opts sshdtest.Options, config ...string) (*sshdtest.Server, Config) {
	t.Helper()
	s := sshdtest.Start(t, opts)
	h.Write("known_hosts", s.KnownHostsLine(true))
	configure(h, s, config...)
	return s, operator(t, h)
}

func configure(h *sshdtest.Home, s *sshdtest.Server, config ...string) {
	h.Write("config", s.HostBlock("node", append([]string{
		"User " + s.User, "UserKnownHostsFile " + h.Path("known_hosts"), "GlobalKnownHostsFile none",
	}, config...)...))
}

func node() inventory.Node { return inventory.Node{Name: "node", Host: "node"} }

func TestRealUserKeysOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h := sshdtest.NewHome(t)
			key := h.Key("id", kind, "")
			_, cfg := real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}}, "IdentityFile "+key.Path)
			echoes(t, newDialer(t, cfg), node())
		})
	}
}

// A server with keys of all kinds is asked for the kind that is on file: with
// any other it would read as a mismatch (golang/go#29286).
func TestRealHostKeyOnFileIsAskedFor(t *testing.T) {
	t.Parallel()
	h := sshdtest.NewHome(t)
	key := h.Key("id", "ed25519", "")
	var all []*sshdtest.Key
	for _, kind := range kinds {
		all = append(all, h.Key("host-"+kind, kind, ""))
	}
	s := sshdtest.Start(t, sshdtest.Options{HostKeys: all, AuthorizedKeys: []*sshdtest.Key{key}})
	configure(h, s, "IdentityFile "+key.Path)
	for i, kind := range kinds {
		for _, hashed := range []bool{false, true} {
			known := *s
			known.HostKeys = all[i : i+1]
			// The other kinds are on file for other hosts.
			text := known.KnownHostsLine(hashed)
			for j, other := range all {
				if j != i {
					known.HostKeys = []*sshdtest.Key{other}
					text += known.KnownHostsLine(hashed, "other-"+kinds[j])
				}
			}
			h.Write("known_hosts", text)
			t.Run(kind, func(t *testing.T) { echoes(t, newDialer(t, operator(t, h)), node()) })
		}
	}
}

func TestRealHostCertificates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule   string
		ca     string // kind
		cert   sshdtest.Cert
		known  func(s *sshdtest.Server, ca sshdtest.CA) string
		status scanner.Status // OK: the login works
	}{
		{
			"a CA of another kind than the host key", "rsa-2048",
			sshdtest.Cert{Principals: []string{"127.0.0.1"}},
			func(s *sshdtest.Server, ca sshdtest.CA) string { return ca.KnownHostsLine("[127.0.0.1]:*") }, scanner.OK,
		},
		{
			"a CA for every host, on a port of its own", "ecdsa-256",
			sshdtest.Cert{Principals: []string{"127.0.0.1"}},
			func(s *sshdtest.Server, ca sshdtest.CA) string { return ca.KnownHostsLine("*") }, scanner.OK,
		},
		{
			"wildcards in the principals", "ed25519",
			sshdtest.Cert{Principals: []string{"127.0.0.*"}},
			func(s *sshdtest.Server, ca sshdtest.CA) string { return ca.KnownHostsLine("*") }, scanner.OK,
		},
		{
			"another principal", "ed25519",
			sshdtest.Cert{Principals: []string{"db.example.com"}},
			func(s *sshdtest.Server, ca sshdtest.CA) string { return ca.KnownHostsLine("*") }, scanner.HostKeyMismatch,
		},
		{
			"expired", "ed25519",
			sshdtest.Cert{Principals: []string{"127.0.0.1"}, ValidBefore: time.Now().Add(-time.Hour)},
			func(s *sshdtest.Server, ca sshdtest.CA) string { return ca.KnownHostsLine("*") }, scanner.HostKeyMismatch,
		},
		{
			"an unknown CA, and the plain key on file", "ed25519",
			sshdtest.Cert{Principals: []string{"127.0.0.1"}},
			func(s *sshdtest.Server, ca sshdtest.CA) string { return s.KnownHostsLine(true) }, scanner.OK,
		},
		{
			"a CA for other hosts, and the plain key on file", "ed25519",
			sshdtest.Cert{Principals: []string{"127.0.0.1"}},
			func(s *sshdtest.Server, ca sshdtest.CA) string {
				return ca.KnownHostsLine("*.example.com") + s.KnownHostsLine(false)
			}, scanner.OK,
		},
		{
			"a revoked CA", "ed25519",
			sshdtest.Cert{Principals: []string{"127.0.0.1"}},
			func(s *sshdtest.Server, ca sshdtest.CA) string {
				return ca.KnownHostsLine("*") + strings.Replace(ca.KnownHostsLine("*"), "@cert-authority", "@revoked", 1)
			}, scanner.HostKeyMismatch,
		},
		{
			"nothing on file", "ed25519",
			sshdtest.Cert{Principals: []string{"127.0.0.1"}},
			func(*sshdtest.Server, sshdtest.CA) string { return "" }, scanner.HostKeyUnknown,
		},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			h := sshdtest.NewHome(t)
			key, host := h.Key("id", "ed25519", ""), h.Key("host", "ed25519", "")
			ca := sshdtest.CA{Key: h.Key("ca", tt.ca, "")}
			ca.SignHost(host, tt.cert)
			s := sshdtest.Start(t, sshdtest.Options{
				HostKeys: []*sshdtest.Key{host}, HostCertificates: []*sshdtest.Key{host}, AuthorizedKeys: []*sshdtest.Key{key},
			})
			h.Write("known_hosts", tt.known(s, ca))
			configure(h, s, "IdentityFile "+key.Path)
			d := newDialer(t, operator(t, h))
			if tt.status == scanner.OK {
				echoes(t, d, node())
				return
			}
			_, err := dial(t, d, node())
			wantError(t, err, tt.status, "handshake: host ")
		})
	}
}

func TestRealUserCertificates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule string
		use  func(h *sshdtest.Home, key *sshdtest.Key, cfg *Config) (config string)
	}{
		{"beside the key", func(_ *sshdtest.Home, key *sshdtest.Key, _ *Config) string { return "IdentityFile " + key.Path }},
		{"CertificateFile", func(h *sshdtest.Home, key *sshdtest.Key, _ *Config) string {
			moved := h.Write("elsewhere.pub", read(t, key.CertPath()))
			return "IdentityFile " + key.Path + "\n  CertificateFile " + moved
		}},
		{"in the agent", func(h *sshdtest.Home, key *sshdtest.Key, cfg *Config) string {
			agent := h.Agent()
			agent.Add(key, sshdtest.Constraints{Certificate: true})
			cfg.AgentSocket = agent.Socket
			return "IdentityFile none"
		}},
		{"IdentityAgent", func(h *sshdtest.Home, key *sshdtest.Key, _ *Config) string {
			agent := h.Agent()
			agent.Add(key, sshdtest.Constraints{Certificate: true})
			return "IdentityAgent " + agent.Socket
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			h := sshdtest.NewHome(t)
			key := h.Key("id", "ecdsa-256", "")
			ca := sshdtest.CA{Key: h.Key("ca", "rsa-2048", "")}
			s, cfg := real(t, h, sshdtest.Options{TrustedUserCAKeys: []sshdtest.CA{ca}})
			ca.SignUser(key, sshdtest.Cert{Principals: []string{s.User}})
			configure(h, s, tt.use(h, key, &cfg))
			echoes(t, newDialer(t, cfg), node())
		})
	}
}

func TestRealAgentAndEncryptedKey(t *testing.T) {
	t.Parallel()
	h := sshdtest.NewHome(t)
	key := h.Key("id", "ed25519", "open sesame")
	s, cfg := real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}}, "IdentityFile "+key.Path)
	cfg.Nodes = []inventory.Node{node(), {Name: "again", Host: s.Host, Port: s.Port}}
	asked := 0
	cfg.Passphrase = func(file string) ([]byte, error) {
		asked++
		return []byte("open sesame"), nil
	}
	d := newDialer(t, cfg)
	echoes(t, d, node())
	echoes(t, d, node())
	if asked != 1 {
		t.Errorf("asked %d times for a passphrase, want once", asked)
	}

	agent := h.Agent()
	agent.Add(key, sshdtest.Constraints{})
	cfg.AgentSocket = agent.Socket
	echoes(t, newDialer(t, cfg), node())
	if asked != 1 {
		t.Error("asked for the passphrase of a key that the agent holds")
	}
}

func TestRealAcceptNew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, config, hashed string }{
		{"by flag", "", "no"},
		{"by ssh_config, hashed", "StrictHostKeyChecking accept-new\n  HashKnownHosts yes", "yes"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			h := sshdtest.NewHome(t)
			key := h.Key("id", "ed25519", "")
			s, cfg := real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}}, "IdentityFile "+key.Path, tt.config)
			h.Write("known_hosts", "# mine\n")
			if tt.config == "" {
				cfg.HostKeyPolicy = AcceptNew
			}
			d := newDialer(t, cfg)
			d.Warnings()
			echoes(t, d, node())
			echoes(t, d, node())
			text := read(t, h.Path("known_hosts"))
			if !strings.HasPrefix(text, "# mine\n") || strings.Count(text, "\n") != 2 || strings.Contains(text, "|1|") != (tt.hashed == "yes") {
				t.Errorf("known_hosts is %q, want one more line", text)
			}
			if got := d.Warnings(); len(got) != 1 || !strings.Contains(got[0], "host keys that were not on file added to "+h.Path("known_hosts")+": 1") {
				t.Errorf("got warnings %q", got)
			}
			if out, err := h.SSH("-o", "StrictHostKeyChecking=yes", "node", "echo in").CombinedOutput(); err != nil || string(out) != "in\n" {
				t.Errorf("ssh does not take the line: %s, %v", out, err)
			}

			// Another key for the same name is never added.
			other := h.Key("other", "ed25519", "")
			known := *s
			known.HostKeys = []*sshdtest.Key{other}
			h.Write("known_hosts", known.KnownHostsLine(true))
			_, err := dial(t, newDialer(t, cfg), node())
			wantError(t, err, scanner.HostKeyMismatch, "host key mismatch: ", s.HostKeys[0].Fingerprint(), other.Fingerprint(), h.Path("known_hosts")+":1")
		})
	}
}

func TestRealStrictHostKeyChecking(t *testing.T) {
	t.Parallel()
	h := sshdtest.NewHome(t)
	key := h.Key("id", "ed25519", "")
	s, cfg := real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}}, "IdentityFile "+key.Path, "StrictHostKeyChecking no")
	_, err := dial(t, newDialer(t, cfg), node())
	wantError(t, err, scanner.Unreachable, "connect: ssh_config at "+h.Path("config")+":", "says StrictHostKeyChecking no", "--host-key-policy")
	cfg.HostKeyPolicy = Strict
	echoes(t, newDialer(t, cfg), node())

	h.Write("known_hosts", "# nobody\n")
	_, err = dial(t, newDialer(t, cfg), node())
	wantError(t, err, scanner.HostKeyUnknown, "handshake: host key not on file: ", s.HostKeys[0].Fingerprint(), "ssh-keyscan -p ", " | ssh-keygen -lf - shows its fingerprints, ", ">> "+h.Path("known_hosts")+" adds it")
}

// What ssh_config asks of the key exchange is done or the node is not dialled.
func TestRealAlgorithms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, server, client, err string }{
		{"a cipher of ours", "Ciphers aes256-ctr", "Ciphers aes128-ctr,aes256-ctr", ""},
		{"+ adds what is off by default", "Ciphers aes128-cbc", "Ciphers +aes128-cbc", ""},
		{"which is off by default", "Ciphers aes128-cbc", "", "no common algorithm for client to server cipher"},
		{"- takes away", "Ciphers aes128-ctr", "Ciphers -aes128-ctr", "no common algorithm for client to server cipher"},
		{"^ puts first", "Ciphers aes128-ctr,aes256-ctr", "Ciphers ^aes256-ctr", ""},
		{"KexAlgorithms", "KexAlgorithms curve25519-sha256", "KexAlgorithms ecdh-sha2-nistp256", "no common algorithm for key exchange"},
		{"MACs", "MACs hmac-sha2-256\nCiphers aes128-ctr", "MACs hmac-sha2-256", ""},
		{"HostKeyAlgorithms", "", "HostKeyAlgorithms ecdsa-sha2-nistp256", "no common algorithm for host key"},
		{"nothing left", "", "MACs umac-64@openssh.com", "ssh_config's MACs leaves nothing that kletscan supports"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			h := sshdtest.NewHome(t)
			key := h.Key("id", "ed25519", "")
			_, cfg := real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}, Extra: tt.server}, "IdentityFile "+key.Path, tt.client)
			d := newDialer(t, cfg)
			if tt.err == "" {
				echoes(t, d, node())
				return
			}
			_, err := dial(t, d, node())
			wantError(t, err, scanner.Unreachable, tt.err)
		})
	}
}

// Revoked host keys are refused, also when they are on file.
func TestRealRevokedHostKeys(t *testing.T) {
	t.Parallel()
	h := sshdtest.NewHome(t)
	key := h.Key("id", "ed25519", "")
	list := h.Write("revoked", "# keys\n")
	s, cfg := real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}}, "IdentityFile "+key.Path, "RevokedHostKeys "+list)
	echoes(t, newDialer(t, cfg), node())
	h.Write("revoked", "# keys\n"+s.HostKeys[0].AuthorizedLine())
	_, err := dial(t, newDialer(t, cfg), node())
	wantError(t, err, scanner.HostKeyMismatch, "is revoked at "+list+":2")
	h.Write("revoked", "SSHKRL\n\x00")
	_, err = dial(t, newDialer(t, cfg), node())
	wantError(t, err, scanner.HostKeyMismatch, "binary key revocation list")
}

// ForceCommand answers instead of the command: that is an answer, and the
// probe tells that it is not its own.
func TestRealForceCommand(t *testing.T) {
	t.Parallel()
	h := sshdtest.NewHome(t)
	key := h.Key("id", "ed25519", "")
	_, cfg := real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}, Extra: "ForceCommand echo forced"}, "IdentityFile "+key.Path)
	conn := mustDial(t, newDialer(t, cfg), node())
	out, err := conn.Exec(t.Context(), "exec /bin/sh -s", "echo asked\n")
	if err != nil || string(out.Stdout) != "forced\n" {
		t.Errorf("got %q, %v, want what the server forces", out.Stdout, err)
	}
}

func TestRealConnectionOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, config, err string }{
		{"BindAddress", "BindAddress 127.0.0.1", ""},
		{"BindAddress that is not here", "BindAddress 192.0.2.1", "192.0.2.1"},
		{"AddressFamily", "AddressFamily inet", ""},
		{"AddressFamily of another kind", "AddressFamily inet6", "connect: "},
		{"ServerAliveInterval", "ServerAliveInterval 1", ""},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			h := sshdtest.NewHome(t)
			key := h.Key("id", "ed25519", "")
			_, cfg := real(t, h, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}}, "IdentityFile "+key.Path, tt.config)
			d := newDialer(t, cfg)
			if tt.err == "" {
				echoes(t, d, node())
				return
			}
			_, err := dial(t, d, node())
			wantError(t, err, scanner.Unreachable, tt.err)
		})
	}
}

// sshd says why it turns a login away, and x/crypto drops it: the first words
// are kept, so that being throttled is known and tried again, and a refused
// login never is.
func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule     string
		first    string // what the first two connections get instead of sshd
		stranger bool   // the server does not know the key
		status   scanner.Status
		attempts int
	}{
		{"MaxStartups of OpenSSH up to 9.7", "Exceeded MaxStartups\r\n", false, scanner.OK, 3},
		{"PerSourcePenalties and MaxStartups from 9.8 on", "Not allowed at this time\r\n", false, scanner.OK, 3},
		{"a connection that is lost", "SSH-2.0-OpenSSH_9.2\r\n", false, scanner.OK, 3},
		{"a connection that ends without a word", "", false, scanner.OK, 3},
		{"another service", "220 mail.example.com ESMTP\r\n", false, scanner.Unreachable, 1},
		{"a refused key", "", true, scanner.AuthFailed, 3},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			h := sshdtest.NewHome(t)
			key := h.Key("id", "ed25519", "")
			opts := sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}}
			if tt.stranger {
				opts.AuthorizedKeys = nil
			}
			s := sshdtest.Start(t, opts)
			door := sshdtest.NewProxy(t, s.Addr())
			door.Prelude(tt.first, 2)
			h.Write("known_hosts", s.KnownHostsLine(false, door.Addr()))
			h.Write("config", door.HostBlock("node", "User "+s.User, "IdentityFile "+key.Path, "UserKnownHostsFile "+h.Path("known_hosts")))
			d := newDialer(t, operator(t, h))
			scan := scanner.Scanner{Resolve: d.Resolve, Retries: 5}
			r := scannertest.Scan(t.Context(), &scan, []inventory.Node{node()})[0]
			if tt.status == scanner.OK {
				if r.Status == scanner.Unreachable || r.Status == scanner.Throttled || r.Status == scanner.AuthFailed {
					t.Errorf("got %v: %s", r.Status, r.Error)
				}
			} else if r.Status != tt.status {
				t.Errorf("got %v (%s), want %v", r.Status, r.Error, tt.status)
			}
			if got := door.Count(); got != tt.attempts {
				t.Errorf("%d connections, want %d", got, tt.attempts)
			}
		})
	}
}
