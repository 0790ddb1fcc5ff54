package remote

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/inventory"
	"kletscan/scanner"
)

// resolved is what a test compares of a target.
type resolved struct {
	Address, User, HostKey string
	Identities, KnownHosts []string
	Only                   bool
}

// resolve works a node out against one ssh_config, with /home/u as home.
func resolve(t testing.TB, config string, node inventory.Node) (resolved, error) {
	t.Helper()
	l := &configLoader{home: "/home/u", systemDir: "/etc/ssh"}
	f, err := l.parse("config", config, origin{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := &Dialer{
		cfg:     Config{Home: "/home/u", SystemDir: "/etc/ssh", LocalUser: "local", KnownHosts: nil},
		configs: []*configFile{f},
		aliases: make(map[string]settings),
	}
	target, err := d.target(node)
	if err != nil {
		return resolved{}, err
	}
	return resolved{
		Address: target.address(), User: target.user, HostKey: target.hostKeyName,
		Identities: target.identityFiles, KnownHosts: target.hostKeyFiles, Only: target.identitiesOnly,
	}, nil
}

func TestResolve(t *testing.T) {
	t.Parallel()
	defaults := func() resolved {
		return resolved{
			Address: "node1:22", User: "local", HostKey: "node1:22",
			KnownHosts: []string{
				"/home/u/.ssh/known_hosts", "/home/u/.ssh/known_hosts2",
				"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2",
			},
		}
	}
	for _, test := range []struct {
		name, config string
		node         inventory.Node
		want         func(*resolved)
	}{
		{"nothing set", "", inventory.Node{Host: "node1"}, func(*resolved) {}},
		{"HostName", "Host node1\n HostName 10.0.0.1", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "10.0.0.1:22", "10.0.0.1:22"
		}},
		{"HostName with %h and %%", "HostName %h.b%%.example", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "node1.b%.example:22", "node1.b%.example:22"
		}},
		{"Port", "Port 2222", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "node1:2222", "node1:2222"
		}},
		{"the inventory's port wins", "Port 2222", inventory.Node{Host: "node1", Port: 22}, func(*resolved) {}},
		{"IPv6", "", inventory.Node{Host: "2001:DB8::1", Port: 2222}, func(r *resolved) {
			r.Address, r.HostKey = "[2001:DB8::1]:2222", "[2001:db8::1]:2222"
		}},
		{"User", "User alice", inventory.Node{Host: "node1"}, func(r *resolved) { r.User = "alice" }},
		{"first value wins", "Host node*\n Port 1\nHost *\n Port 2\n User bob", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey, r.User = "node1:1", "node1:1", "bob"
		}},
		{"first value wins within a block", "Port 1\nPort 2", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "node1:1", "node1:1"
		}},
		{"negated pattern", "Host node* !node1\n Port 1\nHost *\n Port 2", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "node1:2", "node1:2"
		}},
		{"patterns are case-sensitive", "Host NODE1\n Port 1", inventory.Node{Host: "node1"}, func(*resolved) {}},
		{"Match all", "Host other\nPort 1\nMatch all\nPort 2", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "node1:2", "node1:2"
		}},
		{"tabs and quotes in Host", "Host\t\"other\"\tnode1\n\tPort\t7", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "node1:7", "node1:7"
		}},
		{"equals sign, CRLF, comments", "host=node1 # mine\r\n# Port 8\r\nPort = 7 # really\r\n", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "node1:7", "node1:7"
		}},
		{"a quote and a # in a value", "IdentityFile \"/a b/c#d\"\nIdentityFile a#b\nIdentityFile a\\ b", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Identities = []string{"/a b/c#d", "a#b", "a b"}
		}},
		{"IdentityFile accumulates and expands", "Host node1\n IdentityFile ~/.ssh/%r_%n\nMatch all\n User bob\n IdentityFile %d/k-%h-%p-%u-%k\n IdentityFile ~/.ssh/%r_%n", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.User = "bob"
			r.Identities = []string{"/home/u/.ssh/bob_node1", "/home/u/k-node1-22-local-node1"}
		}},
		{"IdentityFile none", "IdentityFile none\nIdentityFile /k", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Identities = []string{"/k"}
		}},
		{"IdentitiesOnly", "IdentitiesOnly TRUE", inventory.Node{Host: "node1"}, func(r *resolved) { r.Only = true }},
		{"UserKnownHostsFile", "UserKnownHostsFile ~/a \"/b c\"\nUserKnownHostsFile /d", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.KnownHosts = []string{"/home/u/a", "/b c", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
		}},
		{"GlobalKnownHostsFile none", "GlobalKnownHostsFile none", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.KnownHosts = r.KnownHosts[:2]
		}},
		{"HostKeyAlias", "HostKeyAlias Fleet\nPort 2222\nUserKnownHostsFile /kh/%k", inventory.Node{Host: "node1"}, func(r *resolved) {
			r.Address, r.HostKey = "node1:2222", "fleet:22"
			r.KnownHosts = append([]string{"/kh/fleet"}, r.KnownHosts[2:]...)
		}},
		{"what is harmless is passed over", "ForwardAgent yes\nSetEnv A=\"b c\" D=e\nLocalCommand echo 'x'\nStrictHostKeyChecking no", inventory.Node{Host: "node1"}, func(*resolved) {}},
		{"ProxyJump none wins over a later one", "Host node1\n ProxyJump none\nMatch all\n ProxyJump bastion", inventory.Node{Host: "node1"}, func(*resolved) {}},
		{"ProxyCommand none wins over a later ProxyJump", "ProxyCommand none\nProxyJump bastion", inventory.Node{Host: "node1"}, func(*resolved) {}},
		{"a guarded keyword for another host", "Host other\n ProxyJump bastion\n CertificateFile /c", inventory.Node{Host: "node1"}, func(*resolved) {}},
		{"unknown keyword that IgnoreUnknown covers", "IgnoreUnknown Foo,Use*\nFoo bar\nUseFancy yes", inventory.Node{Host: "node1"}, func(*resolved) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := defaults()
			test.want(&want)
			got, err := resolve(t, test.config, test.node)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What would change where or how securely we connect is never passed over.
func TestGuardedKeywordsRefuseTheNode(t *testing.T) {
	t.Parallel()
	for config, word := range map[string]string{
		"ProxyJump bastion":                            "proxyjump at config:1",
		"\nProxyCommand nc %h %p":                      "proxycommand at config:2",
		"ProxyCommand none # really":                   "proxycommand at config:1",
		"ProxyJump bastion\nProxyCommand none":         "proxyjump at config:1",
		"BindAddress 10.0.0.9":                         "bindaddress at config:1",
		"CanonicalizeHostname yes":                     "canonicalizehostname at config:1",
		"CertificateFile ~/.ssh/c":                     "certificatefile at config:1",
		"KnownHostsCommand /bin/x":                     "knownhostscommand at config:1",
		"RevokedHostKeys /etc/ssh/revoked":             "revokedhostkeys at config:1",
		"PubkeyAuthentication no":                      "pubkeyauthentication at config:1",
		"PubkeyAcceptedAlgorithms ssh-ed25519":         "pubkeyacceptedalgorithms at config:1",
		"PubkeyAcceptedAlgorithms -ssh-rsa":            "pubkeyacceptedalgorithms at config:1",
		"PreferredAuthentications gssapi-with-mic":     "preferredauthentications at config:1",
		"RequiredRSASize 3072":                         "requiredrsasize at config:1",
		"Host nod*\n  Hostname x\n  ProxyJump bastion": "proxyjump at config:3",
	} {
		_, err := resolve(t, config, inventory.Node{Host: "node1"})
		wantText(t, err, "ssh_config sets "+word, "does not support", "-F FILE")
	}
	for _, config := range []string{
		"CanonicalizeHostname no", "CertificateFile none", "PubkeyAuthentication yes", "PubkeyAcceptedAlgorithms +ssh-rsa",
		"PreferredAuthentications password,publickey", "RevokedHostKeys none", "ProxyJump NONE", "ProxyCommand none",
	} {
		if _, err := resolve(t, config, inventory.Node{Host: "node1"}); err != nil {
			t.Errorf("%q asks for nothing, but got %v", config, err)
		}
	}
}

func TestGuardedNodeIsNotDialled(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	h := newHome(t, s)
	write(t, h.path("config"), "Host 127.*\n ProxyJump bastion\n")
	_, err := dial(t, newDialer(t, h.config()), s.node(t))
	wantError(t, err, scanner.Unreachable, "connect: ssh_config sets proxyjump at "+h.path("config")+":2")
	if len(s.seen.keys) != 0 {
		t.Error("the node was dialled directly")
	}
}

// The strict check: what the library would read otherwise than OpenSSH, and
// what OpenSSH itself refuses, is an error that names the line.
func TestStrictCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, line, want string }{
		{"Match final", "Match final all", `match: only "Match all" is understood`},
		{"Match host", "Match host a,b", `match: only "Match all" is understood`},
		{"Match host and user", "Match host other user alice", `match: only "Match all" is understood`},
		{"Match exec", `Match host * exec "/bin/false"`, `match: only "Match all" is understood`},
		{"Match user", "Match user bob", `match: only "Match all" is understood`},
		{"Match !all", "Match !all", `match: only "Match all" is understood`},
		{"Match canonical", "Match canonical all", `match: only "Match all" is understood`},
		{"? in a pattern", "Host web?", `host: the pattern "web?" holds a ?`},
		{"blank in a pattern", `Host "a b"`, `host: the pattern "a b" is not a host name`},
		{"= in a pattern", "Host ==a", `host: the pattern "=a" is not a host name`},
		{"empty pattern", `Host a ""`, `host: the pattern "" is not a host name`},
		{"no pattern", "Host", "Host: its value is missing"},
		{"only a comment", "Host # a", "host: its value is missing"},
		{"no value", "Port", "Port: its value is missing"},
		{"no value after =", "Port =", "Port: its value is missing"},
		{"empty value", `User ""`, "user: its value is missing"},
		{"unknown keyword", "HostNam x", `unknown keyword "hostnam"`},
		{"open quote", `User "bob`, `user: a quote " is not closed`},
		{"open quote in a harmless line", "LocalCommand echo 'x", "localcommand: a quote ' is not closed"},
		{"quote in the keyword", `"User" bob`, "a quote in the keyword"},
		{"two values", "User a b", "user: one value expected, not 2"},
		{"port is no number", "Port ssh", `port: expected a number from 1 to 65535, not "ssh"`},
		{"port 0", "Port 0", "port: expected a number from 1 to 65535"},
		{"port too high", "Port 65536", "port: expected a number from 1 to 65535"},
		{"IdentitiesOnly", "IdentitiesOnly maybe", `identitiesonly: expected yes or no, not "maybe"`},
		{"AddressFamily", "AddressFamily ipv6", "addressfamily: expected any, inet or inet6"},
		{"token of another keyword", "HostName %n.example", `hostname: the token "%n" is not understood here`},
		{"lone %", "HostName 5%", `hostname: the token "%" is not understood here`},
		{"hash token", "IdentityFile ~/%C", `identityfile: the token "%C" is not understood here`},
		{"token in User", "User %u", `user: the token "%u" is not understood here`},
		{"environment", "IdentityFile ${HOME}/k", "identityfile: environment variables are not expanded"},
		{"environment of the agent", "IdentityAgent $SOCK", "identityagent: environment variables are not expanded"},
		{"another user's home", "IdentityFile ~bob/k", "identityfile: ~user is not expanded"},
		{"another user's home in the middle", "UserKnownHostsFile /a ~bob/k", "userknownhostsfile: ~user is not expanded"},
		{"another user's home in Include", "Include ~bob/k", "include: ~user is not expanded"},
		{"algorithms taken away", "Ciphers -aes*", "ciphers: a list that takes away"},
		{"control character", "User a\x1b[2J", "a control character"},
		{"NUL", "User a\x00", "a control character"},
		{"not UTF-8", "User \xff", "no UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			write(t, h.path("config"), "# fine\nHost other\n  "+test.line+"\n")
			_, err := New(h.config())
			wantText(t, err, h.path("config")+":3: ", test.want)
		})
	}
}

func TestConfigFiles(t *testing.T) {
	t.Parallel()
	lookupPort := func(t *testing.T, cfg Config) string {
		t.Helper()
		target, err := newDialer(t, cfg).target(inventory.Node{Host: "node1"})
		if err != nil {
			t.Fatal(err)
		}
		return target.user + "@" + target.port
	}
	t.Run("the user's before the system's", func(t *testing.T) {
		h := newHome(t)
		cfg := h.config()
		write(t, h.path("config"), "Port 1\n")
		write(t, cfg.SystemDir+"/ssh_config", "Port 2\nUser system\n")
		if got := lookupPort(t, cfg); got != "system@1" {
			t.Errorf("got %s, want system@1", got)
		}
	})
	t.Run("a given one alone", func(t *testing.T) {
		h := newHome(t)
		cfg := h.config()
		write(t, h.path("config"), "Port 1\n")
		write(t, cfg.SystemDir+"/ssh_config", "User system\n")
		cfg.SSHConfigFile = h.path("given")
		write(t, cfg.SSHConfigFile, "Port 3\n")
		if got := lookupPort(t, cfg); got != "local@3" {
			t.Errorf("got %s, want local@3", got)
		}
	})
	t.Run("none", func(t *testing.T) {
		h := newHome(t)
		cfg := h.config()
		write(t, h.path("config"), "nonsense\n")
		cfg.SSHConfigFile = "none"
		if got := lookupPort(t, cfg); got != "local@22" {
			t.Errorf("got %s, want local@22", got)
		}
	})
	t.Run("a given one that is missing", func(t *testing.T) {
		cfg := newHome(t).config()
		cfg.SSHConfigFile = cfg.Home + "/missing"
		_, err := New(cfg)
		wantText(t, err, "ssh_config: open "+cfg.SSHConfigFile+": no such file or directory")
	})
	t.Run("writable by others", func(t *testing.T) {
		h := newHome(t)
		write(t, h.path("config"), "Port 1\n")
		if err := os.Chmod(h.path("config"), 0o620); err != nil {
			t.Fatal(err)
		}
		_, err := New(h.config())
		wantText(t, err, h.path("config")+": others can write it", "chmod go-w "+h.path("config"))
	})
}

func TestInclude(t *testing.T) {
	t.Parallel()
	user := func(t *testing.T, cfg Config, host string) string {
		t.Helper()
		target, err := newDialer(t, cfg).target(inventory.Node{Host: host})
		if err != nil {
			t.Fatal(err)
		}
		return target.user
	}
	t.Run("relative to .ssh, sorted, first value wins", func(t *testing.T) {
		h := newHome(t)
		write(t, h.path("config"), "Include conf.d/*.conf\nUser last\n")
		write(t, h.path("conf.d/20.conf"), "User twenty\n")
		write(t, h.path("conf.d/10.conf"), "Host node1\n User ten\n")
		for host, want := range map[string]string{"node1": "ten", "node2": "twenty"} {
			if got := user(t, h.config(), host); got != want {
				t.Errorf("%s: got user %s, want %s", host, got, want)
			}
		}
	})
	t.Run("in a Host block, and the block goes on after it", func(t *testing.T) {
		h := newHome(t)
		write(t, h.path("config"), "Host node*\n Include ~/.ssh/inner\n User outer\nHost *\n User any\n")
		write(t, h.path("inner"), "Host node1 web1\n User inner\n")
		for host, want := range map[string]string{"node1": "inner", "node2": "outer", "web1": "any"} {
			if got := user(t, h.config(), host); got != want {
				t.Errorf("%s: got user %s, want %s", host, got, want)
			}
		}
	})
	t.Run("relative to the system's folder", func(t *testing.T) {
		h := newHome(t)
		cfg := h.config()
		write(t, cfg.SystemDir+"/ssh_config", "Include \"ssh_config.d/*.conf\" nothing-here\n")
		write(t, cfg.SystemDir+"/ssh_config.d/a.conf", "User system\n")
		if got := user(t, cfg, "node1"); got != "system" {
			t.Errorf("got user %s, want system", got)
		}
	})
	t.Run("a mistake in it names it", func(t *testing.T) {
		h := newHome(t)
		write(t, h.path("config"), "\nInclude inner\n")
		write(t, h.path("inner"), "\n\nMatch exec true\n")
		_, err := New(h.config())
		wantText(t, err, h.path("config")+":2: include: "+h.path("inner")+":3: match: ")
	})
	t.Run("of itself", func(t *testing.T) {
		h := newHome(t)
		write(t, h.path("config"), "Include config\n")
		_, err := New(h.config())
		wantText(t, err, "too many levels of Include")
	})
}

func TestAlgorithmLists(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	h := newHome(t, s)
	for config, want := range map[string]string{
		"Ciphers aes256-ctr,aes256-gcm@openssh.com\nKexAlgorithms curve25519-sha256\nMACs hmac-sha2-256": "",
		"HostKeyAlgorithms ssh-ed25519":                     "",
		"Ciphers +3des-cbc":                                 "",
		"KexAlgorithms ^sntrup761x25519-sha512@openssh.com": "",
		"Ciphers 3des-cbc":                                  `connect: ssh_config's ciphers leaves nothing that kletscan supports: ["3des-cbc"]`,
		"HostKeyAlgorithms ssh-rsa":                         `connect: ssh_config's hostkeyalgorithms leaves nothing that kletscan supports: ["ssh-rsa"]`,
	} {
		cfg := h.config()
		cfg.SSHConfigFile = filepath.Join(t.TempDir(), "config")
		write(t, cfg.SSHConfigFile, config)
		_, err := dial(t, newDialer(t, cfg), s.node(t))
		switch {
		case want != "":
			wantError(t, err, scanner.Unreachable, want)
		case err != nil:
			t.Errorf("%q: %v", config, err)
		}
	}
}
