package remote

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/probe"
	"kletscan/scanner/remote/sshdtest"
)

const typed = "correct horse"

// asking is a home with a key, and servers that ask for more.
type asking struct {
	home *sshdtest.Home
	key  *sshdtest.Key
}

func newAsking(t testing.TB) *asking {
	h := sshdtest.NewHome(t)
	return &asking{h, h.Key("id_ed25519", "ed25519", "")}
}

func (a *asking) server(t testing.TB, account sshdtest.Account) *sshdtest.AuthServer {
	account.User = "local"
	s := sshdtest.StartAuth(t, sshdtest.AuthOptions{Accounts: []sshdtest.Account{account}})
	a.home.Write("known_hosts", read(t, a.home.Path("known_hosts"))+s.KnownHostsLine(false))
	return s
}

func (a *asking) config(t testing.TB) Config {
	cfg := operator(t, a.home)
	cfg.SSHConfigFile, cfg.SystemDir = "none", a.home.Dir
	cfg.PrivateKeys = []string{a.key.Path}
	cfg.Password = []byte(typed)
	return cfg
}

func at(e sshdtest.Endpoint) inventory.Node { return inventory.Node{Host: e.Host, Port: e.Port} }

func prompts(prompts ...sshdtest.Prompt) []sshdtest.Round {
	return []sshdtest.Round{{Prompts: prompts}}
}

// A password goes to one hidden prompt, once, and only where no key does.
func TestPassword(t *testing.T) {
	t.Parallel()
	hidden := sshdtest.Prompt{Text: "Password: ", Answer: typed}
	keys := func(a *asking) []*sshdtest.Key { return []*sshdtest.Key{a.key} }
	for _, tt := range []struct {
		rule    string
		account func(*asking) sshdtest.Account
		sent    int    // passwords and answers that the server saw
		err     string // empty: the login works
	}{
		{"a key comes first", func(a *asking) sshdtest.Account { return sshdtest.Account{Keys: keys(a), Password: typed} }, 0, ""},
		{"password", func(*asking) sshdtest.Account { return sshdtest.Account{Password: typed} }, 1, ""},
		{"keyboard-interactive", func(*asking) sshdtest.Account { return sshdtest.Account{Rounds: prompts(hidden)} }, 1, ""},
		{
			"key and password", func(a *asking) sshdtest.Account {
				return sshdtest.Account{Keys: keys(a), Password: typed, Steps: []string{sshdtest.PublicKey, sshdtest.Password}}
			}, 1, "",
		},
		{
			"an empty round behind the prompt, as PAM has it", func(*asking) sshdtest.Account {
				return sshdtest.Account{Rounds: append(prompts(hidden), sshdtest.Round{})}
			}, 1, "",
		},
		{"a wrong one is sent once", func(*asking) sshdtest.Account {
			return sshdtest.Account{Password: "other", Rounds: prompts(sshdtest.Prompt{Text: "Password: ", Answer: "other"})}
		}, 1, "authenticate: user local: the password was not accepted"},
		{"a prompt that shows what is typed is not for it", func(*asking) sshdtest.Account {
			return sshdtest.Account{Rounds: prompts(sshdtest.Prompt{Text: "Your \x1b[2Jname: ", Echo: true, Answer: typed})}
		}, 0, `the server asks ["Your \x1b[2Jname: "]: kletscan answers one hidden prompt and no other`},
		{"nor are two prompts", func(*asking) sshdtest.Account {
			return sshdtest.Account{Rounds: prompts(hidden, sshdtest.Prompt{Text: "Code: ", Answer: "1"})}
		}, 0, "kletscan answers one hidden prompt"},
		{"nor is a second one", func(*asking) sshdtest.Account {
			return sshdtest.Account{Rounds: append(prompts(hidden), prompts(sshdtest.Prompt{Text: "Again: ", Answer: typed})...)}
		}, 1, "authenticate: user local: "},
		{"nor is a dialogue without end", func(*asking) sshdtest.Account {
			return sshdtest.Account{Rounds: make([]sshdtest.Round, 100)}
		}, 0, "authenticate: user local: "},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			a := newAsking(t)
			s := a.server(t, tt.account(a))
			conn, err := newDialer(t, a.config(t)).Dial(t.Context(), at(s.Endpoint))
			if err == nil {
				conn.Close()
			}
			if tt.err == "" && err != nil {
				t.Error(err)
			}
			if tt.err != "" {
				wantError(t, err, scanner.AuthFailed, tt.err)
				if strings.Contains(err.Error(), typed) {
					t.Errorf("the password is in %q", err)
				}
			}
			if got := s.Secrets(); len(got) != tt.sent {
				t.Errorf("the server was told %v, want %d of them", got, tt.sent)
			}
		})
	}
}

// No impostor is told the password: the host key must have been on file.
func TestPasswordIsOnlyForKnownHosts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule   string
		change func(*asking, *Config)
		status scanner.Status
	}{
		{"nothing on file", func(a *asking, _ *Config) { a.home.Write("known_hosts", "# none\n") }, scanner.HostKeyUnknown},
		{"added by accept-new", func(a *asking, cfg *Config) {
			a.home.Write("known_hosts", "# none\n")
			cfg.HostKeyPolicy = AcceptNew
		}, scanner.AuthFailed},
		{"accept-new in ssh_config, though on file", func(a *asking, cfg *Config) {
			cfg.SSHConfigFile = a.home.Write("config", "StrictHostKeyChecking accept-new\nUserKnownHostsFile "+a.home.Path("known_hosts")+"\n")
		}, scanner.AuthFailed},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			a := newAsking(t)
			s := a.server(t, sshdtest.Account{Password: typed})
			cfg := a.config(t)
			tt.change(a, &cfg)
			_, err := dial(t, newDialer(t, cfg), at(s.Endpoint))
			wantError(t, err, tt.status)
			if got := s.Secrets(); len(got) != 0 {
				t.Errorf("the server was told %v, want nothing", got)
			}
		})
	}
}

// Neither is sudo's password for a host that accept-new would accept.
func TestSudoPasswordIsOnlyForKnownHosts(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	s := a.server(t, sshdtest.Account{Keys: []*sshdtest.Key{a.key}})
	cfg := a.config(t)
	for policy, want := range map[HostKeyPolicy]error{Strict: nil, AcceptNew: probe.ErrUntrusted} {
		cfg.HostKeyPolicy = policy
		conn := mustDial(t, newDialer(t, cfg), at(s.Endpoint)).(probe.Talker)
		_, err := conn.Talk(t.Context(), "echo", func(_, _ []byte) (string, bool) { return "", true })
		if !errors.Is(err, want) {
			t.Errorf("%v: got %v, want %v", policy, err, want)
		}
	}
}

// A server that hangs up behind a password has not accepted it: it is sent
// once, to one node.
func TestPasswordIsNotSentAgainAfterALoss(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	var told atomic.Int32
	var door *sshdtest.Proxy
	s := (&server{methods: func(c *ssh.ServerConfig) {
		c.PublicKeyCallback = nil
		c.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
			told.Add(1)
			door.Drop()
			return nil, errors.New("gone")
		}
	}}).start(t)
	door = sshdtest.NewProxy(t, s.addr)
	a.home.Write("known_hosts", knownhosts.Line([]string{door.Addr()}, s.hostKeys[0].PublicKey())+"\n")
	d := newDialer(t, a.config(t))
	for range 2 {
		err := scanner.Retry(t.Context(), 2, func() error {
			_, err := d.Dial(t.Context(), at(door.Endpoint))
			return err
		})
		if err == nil {
			t.Error("got no error")
		}
	}
	if got := told.Load(); got != 1 {
		t.Errorf("the password was sent %d times, want once", got)
	}
}

// What ssh would not ask for is not sent.
func TestPasswordWhereConfigForbidsIt(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		"PasswordAuthentication no", "NumberOfPasswordPrompts 0", "BatchMode yes", "PreferredAuthentications publickey,keyboard-interactive",
	} {
		a := newAsking(t)
		s := a.server(t, sshdtest.Account{Password: typed})
		cfg := a.config(t)
		cfg.SSHConfigFile = a.home.Write("config", config+"\nUserKnownHostsFile "+a.home.Path("known_hosts")+"\n")
		_, err := dial(t, newDialer(t, cfg), at(s.Endpoint))
		wantError(t, err, scanner.AuthFailed)
		if got := s.Secrets(); len(got) != 0 {
			t.Errorf("%s: the server was told %v", config, got)
		}
	}
}

// A jump host is not told the nodes' password.
func TestPasswordIsNotForJumpHosts(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	s := a.server(t, sshdtest.Account{Password: typed})
	cfg := a.config(t)
	cfg.Jump = fmt.Sprintf("local@%s", s.Addr())
	_, err := dial(t, newDialer(t, cfg), inventory.Node{Host: "127.0.0.1", Port: 1})
	wantError(t, err, scanner.AuthFailed, "jump host: "+s.Addr()+": authenticate: ")
	if got := s.Secrets(); len(got) != 0 {
		t.Errorf("the jump host was told %v, want nothing", got)
	}
}

// One typing error must not lock the account on the whole fleet.
func TestWrongPasswordGoesToOneNode(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	var servers []*sshdtest.AuthServer
	for range 8 {
		servers = append(servers, a.server(t, sshdtest.Account{Password: "other"}))
	}
	d := newDialer(t, a.config(t))
	var work sync.WaitGroup
	for _, s := range servers {
		work.Go(func() {
			_, err := d.Dial(t.Context(), at(s.Endpoint))
			if err == nil {
				t.Error("got no error")
			}
		})
	}
	work.Wait()
	told := 0
	for _, s := range servers {
		told += len(s.Secrets())
	}
	if told != 1 {
		t.Errorf("%d nodes were told the wrong password, want 1", told)
	}
	_, err := dial(t, d, at(servers[0].Endpoint))
	if told == 1 {
		wantError(t, err, scanner.AuthFailed, "the password was not accepted by the first node")
	}
}

// A node with another password does not stop the others, once one accepted it.
func TestPasswordThatWorkedSomewhereGoesOn(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	good, bad := sshdtest.Account{Password: typed}, sshdtest.Account{Password: "other"}
	first, second, third := a.server(t, good), a.server(t, bad), a.server(t, good)
	d := newDialer(t, a.config(t))
	mustDial(t, d, at(first.Endpoint))
	_, err := dial(t, d, at(second.Endpoint))
	wantError(t, err, scanner.AuthFailed, "the password was not accepted")
	mustDial(t, d, at(third.Endpoint))
}
