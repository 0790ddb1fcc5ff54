package sshdtest

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// works runs ssh, and wants it to succeed and to say want.
func works(t *testing.T, cmd *exec.Cmd, want string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || string(out) != want {
		t.Fatalf("%q: got %q, %v, want %q\n%s", cmd.Args[1:], out, err, want, &stderr)
	}
}

// fails runs ssh, and wants it to fail with part in its words.
func fails(t *testing.T, cmd *exec.Cmd, part string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 255 || !strings.Contains(string(out), part) {
		t.Fatalf("%q: got %v, want 255 and %q in\n%s", cmd.Args[1:], err, part, out)
	}
}

// want compares what two things count.
func want(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %d, want %d", what, got, want)
	}
}

func TestEveryKindOfKeyLogsInAndIsAHostKey(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	var keys, hostKeys []*Key
	for _, k := range kinds {
		keys = append(keys, h.Key("id_"+k.name, k.name, ""))
		hostKeys = append(hostKeys, h.Key("host_"+k.name, k.name, ""))
	}
	s := Start(t, Options{HostKeys: hostKeys, AuthorizedKeys: keys})
	for i, key := range keys {
		h.Write("known_hosts", s.knownHosts(hostKeys[i:i+1], false, nil))
		works(t, h.SSH("-i", key.Path, "ssh://"+s.Addr(), "echo in"), "in\n")
		if want := "Accepted publickey for " + s.User; !strings.Contains(s.Log(), want) || !strings.Contains(s.Log(), key.Fingerprint()) {
			t.Errorf("%s: want %q and %s in the log\n%s", key.Path, want, key.Fingerprint(), s.Log())
		}
	}
	want(t, "logins", s.Logins(), len(keys))
	want(t, "connections", s.Connections(), len(keys))
}

func TestKeysAreThoseOfSSHKeygen(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	same := func(name string, key *Key) {
		t.Helper()
		works(t, h.command(t.Context(), "ssh-keygen", "-y", "-P", key.Passphrase, "-f", key.Path), strings.TrimSpace(key.AuthorizedLine())+" "+name+"\n")
	}
	for _, k := range kinds {
		same(k.name, h.Key(k.name, k.name, ""))
	}
	same("encrypted", h.Key("encrypted", "ecdsa-256", "correct horse"))
	fails(t, h.command(t.Context(), "ssh-keygen", "-y", "-P", "wrong", "-f", h.Path("encrypted")), "incorrect passphrase")
}

func TestKnownHostsLine(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "")
	s := Start(t, Options{AuthorizedKeys: []*Key{key}})
	other := Start(t, Options{})
	for _, hashed := range []bool{false, true} {
		line := s.KnownHostsLine(hashed)
		if strings.HasPrefix(line, "|1|") != hashed || strings.Contains(line, s.Host) == hashed {
			t.Errorf("hashed is %v, and the line is %s", hashed, line)
		}
	}
	h.Write("config", s.HostBlock("node", "HostKeyAlias node.example", "IdentityFile "+key.Path))
	for _, tt := range []struct{ name, knownHosts, host, fails string }{
		{"the address", s.KnownHostsLine(false), s.Host, ""},
		{"the address, hashed", s.KnownHostsLine(true), s.Host, ""},
		{"two names", s.KnownHostsLine(false, "other", s.Host), s.Host, ""},
		{"two names, hashed", s.KnownHostsLine(true, "other", s.Host), s.Host, ""},
		{"a name with port 22, as HostKeyAlias is looked up", s.KnownHostsLine(true, "node.example:22"), "node", ""},
		{"another name", s.KnownHostsLine(false, "other"), s.Host, "host key is known"},
		{"the key of another server", s.knownHosts(other.HostKeys, false, nil), s.Host, "HOST IDENTIFICATION HAS CHANGED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.Write("known_hosts", tt.knownHosts)
			cmd := h.SSH("-i", key.Path, "-p", fmt.Sprint(s.Port), tt.host, "echo in")
			if tt.fails == "" {
				works(t, cmd, "in\n")
			} else {
				fails(t, cmd, tt.fails)
			}
		})
	}
}

func TestHostCertificate(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key, hostKey := h.Key("id", "ed25519", ""), h.Key("host", "ecdsa-256", "")
	ca := CA{h.Key("ca", "rsa-2048", "")}
	now := time.Now()
	for _, tt := range []struct {
		name  string
		cert  Cert
		fails string
	}{
		{"its principal", Cert{Principals: []string{"node7"}}, ""},
		{"no principals", Cert{}, ""},
		{"another principal", Cert{Principals: []string{"node8"}}, "Host key verification failed"},
		{"expired", Cert{ValidBefore: now.Add(-time.Hour)}, "Host key verification failed"},
		{"not yet valid", Cert{ValidAfter: now.Add(time.Hour)}, "Host key verification failed"},
		{"valid for an hour", Cert{ValidAfter: now.Add(-time.Hour), ValidBefore: now.Add(time.Hour)}, ""},
	} {
		ca.SignHost(hostKey, tt.cert)
		s := Start(t, Options{HostKeys: []*Key{hostKey}, HostCertificates: []*Key{hostKey}, AuthorizedKeys: []*Key{key}})
		h.Write("known_hosts", ca.KnownHostsLine("node*"))
		cmd := h.SSH("-i", key.Path, "-p", fmt.Sprint(s.Port), "-o", "HostKeyAlias=node7", s.Host, "echo in")
		t.Run(tt.name, func(t *testing.T) {
			if tt.fails == "" {
				works(t, cmd, "in\n")
			} else {
				fails(t, cmd, tt.fails)
			}
		})
	}
}

func TestUserCertificate(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key, ca := h.Key("id", "ed25519", ""), CA{h.Key("ca", "ecdsa-384", "")}
	s := Start(t, Options{TrustedUserCAKeys: []CA{ca}})
	h.Write("known_hosts", s.KnownHostsLine(false))
	ssh := func() *exec.Cmd { return h.SSH("-i", key.Path, "ssh://"+s.Addr(), "echo in") }
	fails(t, ssh(), "Permission denied")
	for _, tt := range []struct {
		name, fails, says string
		cert              Cert
	}{
		{"the user is a principal", "", "in\n", Cert{Principals: []string{"other", s.User}}},
		{"no principals are nobody", "Permission denied", "", Cert{}},
		{"another principal", "Permission denied", "", Cert{Principals: []string{"other"}}},
		{"expired", "Permission denied", "", Cert{Principals: []string{s.User}, ValidBefore: time.Now().Add(-time.Hour)}},
		{"force-command", "", "forced\n", Cert{Principals: []string{s.User}, CriticalOptions: map[string]string{"force-command": "echo forced"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ca.SignUser(key, tt.cert)
			if tt.fails == "" {
				works(t, ssh(), tt.says)
			} else {
				fails(t, ssh(), tt.fails)
			}
		})
	}
}

func TestCertificatesAreExchangeableWithSSHKeygen(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	me := currentUser(t)
	for _, kind := range []string{"ed25519", "rsa-2048"} {
		key, ca := h.Key("id_"+kind, kind, ""), CA{h.Key("ca_"+kind, kind, "")}
		keygen := h.command(t.Context(), "ssh-keygen", "-q", "-s", ca.Path, "-I", "by hand", "-n", me, key.Path+".pub")
		works(t, keygen, "")
		theirs := key.Certificate()
		ours := ca.SignUser(key, Cert{KeyID: "by hand", Principals: []string{me}})
		for _, cert := range []*struct{ ID, Principals, Extensions any }{
			{theirs.KeyId, theirs.ValidPrincipals, theirs.Extensions},
			{ours.KeyId, ours.ValidPrincipals, ours.Extensions},
		} {
			want := fmt.Sprint("by hand ", []string{me}, " map[permit-X11-forwarding: permit-agent-forwarding: permit-port-forwarding: permit-pty: permit-user-rc:]")
			if got := fmt.Sprint(cert.ID, " ", cert.Principals, " ", cert.Extensions); got != want {
				t.Errorf("%s: got %s, want %s", kind, got, want)
			}
		}
		if theirs.Signature.Format != ours.Signature.Format {
			t.Errorf("%s: ssh-keygen signs by %s, we by %s", kind, theirs.Signature.Format, ours.Signature.Format)
		}
		out, err := h.command(t.Context(), "ssh-keygen", "-L", "-f", key.CertPath()).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Valid: forever") {
			t.Errorf("ssh-keygen reads our certificate as %s, %v", out, err)
		}
	}
}

func TestAgent(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key, ca := h.Key("id", "ed25519", ""), CA{h.Key("ca", "ed25519", "")}
	s := Start(t, Options{AuthorizedKeys: []*Key{key}})
	byCA := Start(t, Options{TrustedUserCAKeys: []CA{ca}})
	h.Write("known_hosts", s.KnownHostsLine(false)+byCA.KnownHostsLine(false))
	ask := h.Askpass("yes", "no")
	a := h.Agent(ask.Env()...)
	ssh := func(s *Server) *exec.Cmd {
		cmd := h.SSH("ssh://"+s.Addr(), "echo in")
		cmd.Env = append(cmd.Env, a.Env()...)
		return cmd
	}
	fails(t, ssh(s), "Permission denied")
	a.Add(key, Constraints{})
	works(t, ssh(s), "in\n")
	a.Lock()
	fails(t, ssh(s), "Permission denied")
	a.Unlock()
	works(t, ssh(s), "in\n")
	fails(t, ssh(byCA), "Permission denied")
	ca.SignUser(key, Cert{Principals: []string{s.User}})
	a.Add(key, Constraints{Certificate: true})
	works(t, ssh(byCA), "in\n")

	a.Remove()
	fails(t, ssh(s), "Permission denied")
	a.Add(key, Constraints{Confirm: true})
	works(t, ssh(s), "in\n")
	fails(t, ssh(s), "Permission denied")
	if asked := ask.Prompts(); len(asked) != 2 || !strings.Contains(asked[0], "Allow use of key "+key.Path) {
		t.Errorf("the agent asked %q, want two questions about %s", asked, key.Path)
	}

	a.Add(key, Constraints{})
	works(t, ssh(s), "in\n")
	a.Kill()
	fails(t, ssh(s), "Permission denied")
	a.Restart()
	fails(t, ssh(s), "Permission denied")
	a.Add(key, Constraints{Lifetime: time.Hour})
	works(t, ssh(s), "in\n")
	a.Add(key, Constraints{Lifetime: time.Second})
	if !eventually(func() bool { return ssh(s).Run() != nil }) {
		t.Error("a key with a lifetime of a second never goes")
	}
}

func TestEncryptedKeyWithAskpass(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "correct 'horse' $HOME")
	s := Start(t, Options{AuthorizedKeys: []*Key{key}})
	h.Write("known_hosts", s.KnownHostsLine(false))
	for _, tt := range []struct {
		name    string
		answers []string
		prompts int
		works   bool
	}{
		{"the right answer", []string{key.Passphrase}, 1, true},
		{"the right answer after a wrong one", []string{"wrong", key.Passphrase}, 2, true},
		{"no answer cancels", nil, 1, false},
		{"an empty answer is an answer, and no answer is left", []string{""}, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ask := h.Askpass(tt.answers...)
			cmd := h.SSH("-o", "PreferredAuthentications=publickey", "-i", key.Path, "ssh://"+s.Addr(), "echo in")
			cmd.Env = append(cmd.Env, ask.Env()...)
			if tt.works {
				works(t, cmd, "in\n")
			} else {
				fails(t, cmd, "Permission denied")
			}
			prompts := ask.Prompts()
			if !slices.Equal(prompts, slices.Repeat([]string{"Enter passphrase for key '" + key.Path + "': "}, tt.prompts)) {
				t.Errorf("ssh asked %q, want %d questions for the passphrase", prompts, tt.prompts)
			}
		})
	}
}

func TestProxyJumpOverTwoHops(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "")
	opts := Options{AuthorizedKeys: []*Key{key}}
	first, second, node := Start(t, opts), Start(t, opts), Start(t, opts)
	identity := "IdentityFile " + key.Path
	h.Write("config", first.HostBlock("first", identity)+second.HostBlock("second", identity)+
		node.HostBlock("node", identity, "ProxyJump first,second"))
	h.Write("known_hosts", first.KnownHostsLine(true)+second.KnownHostsLine(false)+node.KnownHostsLine(true))
	works(t, h.SSH("node", "echo in"), "in\n")
	works(t, h.SSH("-J", "second", "ssh://"+first.Addr(), "-i", key.Path, "echo in"), "in\n")
	want(t, "logins to the first", first.Logins(), 2)
	want(t, "logins to the second", second.Logins(), 2)
	want(t, "logins to the node", node.Logins(), 1)
}

func TestMaster(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "")
	s := Start(t, Options{AuthorizedKeys: []*Key{key}})
	h.Write("known_hosts", s.KnownHostsLine(false))
	m := h.StartMaster(nil, "-i", key.Path, "ssh://"+s.Addr())
	for range 3 {
		works(t, h.SSH("-S", m.Path, "ssh://"+s.Addr(), "echo in"), "in\n")
	}
	want(t, "logins by four users of one connection", s.Logins(), 1)
	m.Exit()
	if m.Running() {
		t.Error("the master runs after its exit")
	}
	fails(t, h.SSH("-S", m.Path, "ssh://"+s.Addr(), "echo in"), "Permission denied")
	m = h.StartMaster(nil, "-i", key.Path, "ssh://"+s.Addr())
	m.Kill()
	if m.Running() {
		t.Error("the master runs after it was killed")
	}
}
