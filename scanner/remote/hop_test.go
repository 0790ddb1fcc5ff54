package remote

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/remote/sshdtest"
)

// operator is the Config of an operator with a home of their own.
func operator(t testing.TB, h *sshdtest.Home) Config {
	t.Helper()
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		sshdtest.Missing(t, "ssh")
	}
	return Config{
		Home: h.Dir, SystemDir: h.Path("etc"), LocalUser: "local", SSHConfigFile: h.Path("config"), SSH: ssh,
		ConnectTimeout: 20 * time.Second, CommandTimeout: 20 * time.Second,
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// echoes fails unless a node answers a command.
func echoes(t testing.TB, d *Dialer, node inventory.Node) {
	t.Helper()
	conn, err := d.Dial(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	out, err := conn.Exec(t.Context(), "echo hello", "")
	if err != nil || !strings.Contains(string(out.Stdout), "hello") {
		t.Fatalf("got %q, %v, want hello", out.Stdout, err)
	}
}

// site is a bastion and nodes behind it, with an operator who may log in.
type site struct {
	home    *sshdtest.Home
	key     *sshdtest.Key
	bastion *sshdtest.Server
	door    *sshdtest.Proxy // before the bastion
	nodes   *sshdtest.Targets
}

// newSite writes an ssh_config in which every node n<i> is behind the bastion.
func newSite(t testing.TB, n int, bastion string) *site {
	h := sshdtest.NewHome(t)
	s := &site{home: h, key: h.Key("id_ed25519", "ed25519", "")}
	s.bastion = sshdtest.Start(t, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{s.key}, Extra: bastion})
	s.door = sshdtest.NewProxy(t, s.bastion.Addr())
	s.nodes = sshdtest.StartTargets(t, n, sshdtest.TargetOptions{AuthorizedKeys: []*sshdtest.Key{s.key}, Exec: sshdtest.Echo})
	h.Write("known_hosts", s.bastion.KnownHostsLine(true, s.door.Addr())+s.nodes.KnownHosts(true))
	var config strings.Builder
	config.WriteString(s.door.HostBlock("bastion", "User "+s.bastion.User, "ProxyJump none"))
	for i := range n {
		config.WriteString(s.nodes.Endpoint(i).HostBlock(s.node(i).Host, "User "+s.nodes.User))
	}
	fmt.Fprintf(&config, "Host n*\n  ProxyJump bastion\n")
	fmt.Fprintf(&config, "Host *\n  IdentityFile %s\n  UserKnownHostsFile %s\n", s.key.Path, h.Path("known_hosts"))
	h.Write("config", config.String())
	return s
}

func (s *site) node(i int) inventory.Node {
	name := fmt.Sprintf("n%d", i)
	return inventory.Node{Name: name, Host: name}
}

func TestJumpHostNamedByConfig(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2, "")
	d := newDialer(t, operator(t, s.home))
	echoes(t, d, s.node(0))
	echoes(t, d, s.node(1))
	if got := s.bastion.Logins(); got != 1 {
		t.Errorf("%d logins at the bastion, want 1 for both nodes", got)
	}
}

func TestJumpHostNamedByFlag(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, "")
	s.home.Write("config", strings.ReplaceAll(read(t, s.home.Path("config")), "ProxyJump bastion", "ProxyJump elsewhere.invalid"))
	cfg := operator(t, s.home)
	_, err := dial(t, newDialer(t, cfg), s.node(0))
	wantError(t, err, scanner.Unreachable, "jump host: elsewhere.invalid:22: connect: look up elsewhere.invalid")

	cfg.Jump = "bastion"
	echoes(t, newDialer(t, cfg), s.node(0))
	if got := s.bastion.Logins(); got != 1 {
		t.Errorf("%d logins at the bastion, want 1: -J wins over ssh_config", got)
	}
	cfg.Jump = "none"
	echoes(t, newDialer(t, cfg), s.node(0))
	if got := s.bastion.Logins(); got != 1 {
		t.Errorf("%d logins at the bastion, want no further one with -J none", got)
	}
}

// What the inventory line says wins over flags and ssh_config.
func TestJumpHostAndKeyNamedByInventory(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, "")
	s.home.Write("config", strings.ReplaceAll(read(t, s.home.Path("config")), "IdentityFile "+s.key.Path, "IdentityFile none"))
	s.home.Write("config", "Host bastion\n  IdentityFile "+s.key.Path+"\n"+read(t, s.home.Path("config")))
	cfg := operator(t, s.home)
	cfg.Home, cfg.Jump = s.home.Dir, "elsewhere.invalid"
	n := s.node(0)
	n.Jump, n.PrivateKeys = "bastion", []string{"~/.ssh/id_ed25519"}
	echoes(t, newDialer(t, cfg), n)
	n.Jump = "none"
	echoes(t, newDialer(t, cfg), n)
	if got := s.bastion.Logins(); got != 1 {
		t.Errorf("%d logins at the bastion, want one for the first way", got)
	}
	n.Jump = "a b"
	_, err := dial(t, newDialer(t, cfg), n)
	wantError(t, err, scanner.Unreachable, `"a b"`)
}

func TestTwoHops(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2, "")
	inner := sshdtest.Start(t, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{s.key}})
	s.home.Write("known_hosts", read(t, s.home.Path("known_hosts"))+inner.KnownHostsLine(false))
	s.home.Write("config", inner.HostBlock("inner", "User "+inner.User)+read(t, s.home.Path("config")))
	for _, tt := range []struct{ rule, jump, more string }{
		{"a chain in one value", "bastion,inner", ""},
		{"each host says how it is reached", "inner", "Host inner\n  ProxyJump bastion\n"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			before, beforeInner := s.bastion.Logins(), inner.Logins()
			cfg := operator(t, s.home)
			cfg.Jump = tt.jump
			cfg.SSHConfigFile = s.home.Write("config2", tt.more+read(t, s.home.Path("config")))
			d := newDialer(t, cfg)
			echoes(t, d, s.node(0))
			echoes(t, d, s.node(1))
			if a, b := s.bastion.Logins()-before, inner.Logins()-beforeInner; a != 1 || b != 1 {
				t.Errorf("%d and %d logins at the jump hosts, want one each", a, b)
			}
			if way := d.Way(t.Context(), s.node(0)); len(way.Jump) != 2 || !strings.HasSuffix(way.Jump[0], s.door.Addr()) {
				t.Errorf("got way %q, want the bastion first and then the inner host", way.Jump)
			}
		})
	}
}

// One login per target is what sshd's default MaxStartups turns away: here all
// 300 share one, and none is lost.
func TestManyTargetsThroughABusyBastion(t *testing.T) {
	t.Parallel()
	const n = 300
	s := newSite(t, n, "MaxStartups 10:30:100")
	cfg := operator(t, s.home)
	nodes := make([]inventory.Node, n)
	for i := range nodes {
		nodes[i] = s.node(i)
	}
	cfg.Nodes = nodes
	d := newDialer(t, cfg)
	var work sync.WaitGroup
	free := make(chan struct{}, 100)
	for _, node := range nodes {
		free <- struct{}{}
		work.Go(func() {
			defer func() { <-free }()
			conn, err := d.Dial(t.Context(), node)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if _, err := conn.Exec(t.Context(), "echo", ""); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if got := s.bastion.Logins(); got > 2 {
		t.Errorf("%d logins at the bastion for %d nodes, want at most 2", got, n)
	}
	for i, got := range s.nodes.Connections() {
		if got != 1 {
			t.Errorf("node %d had %d connections, want 1", i, got)
		}
	}
}

func TestBastionThatDropsIsConnectedToAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2, "")
	d := newDialer(t, operator(t, s.home))
	conn := mustDial(t, d, s.node(0))
	s.door.Drop()
	_, err := conn.Exec(t.Context(), "echo", "")
	wantError(t, err, scanner.Unreachable, "connection closed by peer")
	err = scanner.Retry(t.Context(), 3, func() error { // the loss may be noticed only by the first who tries
		conn, err := d.Dial(t.Context(), s.node(1))
		if err == nil {
			conn.Close()
		}
		return err
	})
	if err != nil {
		t.Errorf("got %v, want the node reached over a new connection to the bastion", err)
	}
	if got := s.bastion.Logins(); got != 2 {
		t.Errorf("%d logins at the bastion, want 2", got)
	}
}

// A bastion that takes every login and hangs up is given up, too.
func TestBastionThatHangsUpBehindEveryLoginIsGivenUp(t *testing.T) {
	t.Parallel()
	h := sshdtest.NewHome(t)
	key := h.Key("id", "ed25519", "")
	var door *sshdtest.Proxy
	s := (&server{noAnswer: true, methods: func(c *ssh.ServerConfig) {
		c.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			time.AfterFunc(50*time.Millisecond, door.Drop)
			return nil, nil
		}
	}}).start(t)
	door = sshdtest.NewProxy(t, s.addr)
	h.Write("known_hosts", knownhosts.Line([]string{door.Addr()}, s.hostKeys[0].PublicKey())+"\n")
	h.Write("config", door.HostBlock("bastion")+fmt.Sprintf("Host n*\n  ProxyJump bastion\nHost *\n  IdentityFile %s\n  UserKnownHostsFile %s\n", key.Path, h.Path("known_hosts")))
	d := newDialer(t, operator(t, h))
	for i := range 10 {
		time.Sleep(50 * time.Millisecond) // for the loss to be noticed
		if _, err := dial(t, d, inventory.Node{Host: fmt.Sprintf("n%d", i)}); err == nil {
			t.Error("got no error")
		}
	}
	if got := door.Count(); got > 1+maxVain {
		t.Errorf("%d logins at the bastion, want at most %d", got, 1+maxVain)
	}
}

// Two aliases of one bastion may have other keys and other known_hosts files.
func TestAliasesOfABastionShareNoLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2, "")
	s.home.Write("config", s.door.HostBlock("bastion2", "User "+s.bastion.User, "ProxyJump none", "UserKnownHostsFile /dev/null")+
		"Host n1\n  ProxyJump bastion2\n"+read(t, s.home.Path("config")))
	d := newDialer(t, operator(t, s.home))
	echoes(t, d, s.node(0))
	_, err := dial(t, d, s.node(1))
	wantError(t, err, scanner.HostKeyUnknown, "jump host: ")
}

// What could not be reached once, with its retries, is not tried again for
// each node behind it.
func TestBastionThatIsGoneIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, 20, "")
	s.door.Prelude("Exceeded MaxStartups\r\n", 1000)
	cfg := operator(t, s.home)
	cfg.Retries = 1
	d := newDialer(t, cfg)
	for i := range 20 {
		_, err := dial(t, d, s.node(i))
		wantError(t, err, scanner.Throttled, "jump host: "+s.door.Addr()+": handshake: sshd has too many logins under way", "(attempt 2)")
		if e, ok := err.(*scanner.Error); ok && e.Transient {
			t.Errorf("got the transient error %v: every node would try again", err)
		}
	}
	if got := s.door.Count(); got != 2 {
		t.Errorf("%d connections to the bastion, want 2: one, and one retry", got)
	}
}

func TestHostKeyOfAHopIsChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, "")
	s.home.Write("known_hosts", s.nodes.KnownHosts(false))
	_, err := dial(t, newDialer(t, operator(t, s.home)), s.node(0))
	wantError(t, err, scanner.HostKeyUnknown, "jump host: "+s.door.Addr()+": handshake: host key not on file")
	s.home.Write("known_hosts", s.bastion.KnownHostsLine(false, s.door.Addr()))
	_, err = dial(t, newDialer(t, operator(t, s.home)), s.node(0))
	wantError(t, err, scanner.HostKeyUnknown, "handshake: host key not on file", "ssh ssh://"+s.bastion.User+"@"+s.door.Addr()+" ssh-keyscan ")
}

func TestHopsThatCannotWork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, bastion, config string
		parts                 []string
	}{
		{
			"a bastion that forwards nothing", "AllowTcpForwarding no", "",
			[]string{"jump host: ", "forwards no connections", "AllowTcpForwarding"},
		},
		{
			"a host that is its own jump host", "", "Host bastion\n  ProxyJump bastion\n",
			[]string{"jump host bastion: more than 8 in a chain", "ProxyJump none"},
		},
		{
			"a name that the bastion does not know, which is not looked up here", "", "Host n0\n  HostName nowhere.invalid\n",
			[]string{"connect: from jump host ", "it says"},
		},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, tt.bastion)
			s.home.Write("config", tt.config+read(t, s.home.Path("config")))
			_, err := dial(t, newDialer(t, operator(t, s.home)), s.node(0))
			wantError(t, err, scanner.Unreachable, tt.parts...)
		})
	}
}

// A bastion that goes silent, as behind a firewall that forgot it, is noticed
// by its keepalive, and what waits for it ends.
func TestBastionThatGoesSilentIsNoticed(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2, "")
	s.home.Write("config", "Host bastion\n  ServerAliveInterval 1\n  ServerAliveCountMax 1\n"+read(t, s.home.Path("config")))
	d := newDialer(t, operator(t, s.home))
	conn := mustDial(t, d, s.node(0))
	s.door.Mute()
	_, err := conn.Exec(t.Context(), "echo", "")
	wantError(t, err, scanner.Unreachable, "connection closed by peer")
}

// A bastion that goes silent in mid-run costs no node: what hangs on it is given
// up soon, and begun again over another connection.
func TestBastionThatGoesSilentInMidRunLosesNoNode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule  string
		inner bool // another one behind it
	}{{"one bastion", false}, {"the first of two", true}} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			const n, silentAfter = 40, 20
			s := newSite(t, n, "")
			if tt.inner {
				inner := sshdtest.Start(t, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{s.key}})
				s.home.Write("known_hosts", read(t, s.home.Path("known_hosts"))+inner.KnownHostsLine(false))
				s.home.Write("config", "Host n*\n  ProxyJump bastion,inner\n"+inner.HostBlock("inner", "User "+inner.User)+read(t, s.home.Path("config")))
			}
			cfg := operator(t, s.home)
			cfg.ConnectTimeout, cfg.CommandTimeout, cfg.Retries = 8*time.Second, 8*time.Second, scanner.DefaultRetries
			d := newDialer(t, cfg)
			var work sync.WaitGroup
			var done atomic.Int32
			free := make(chan struct{}, 10)
			for i := range n {
				free <- struct{}{}
				work.Go(func() {
					defer func() { <-free }()
					if err := visit(t.Context(), d, s.node(i)); err != nil {
						t.Errorf("node %d: %v", i, err)
					}
					if done.Add(1) == silentAfter {
						s.door.Mute()
						s.door.Pass()
					}
				})
			}
			work.Wait()
			if got := s.bastion.Logins(); got != 2 {
				t.Errorf("%d logins at the bastion, want 2", got)
			}
		})
	}
}

// visit runs a command on a node, and tries again as a scan does.
func visit(ctx context.Context, d *Dialer, node inventory.Node) error {
	return scanner.Retry(ctx, scanner.DefaultRetries, func() error {
		conn, err := d.Dial(ctx, node)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Exec(ctx, "echo", "")
		return err
	})
}

// A node that does not answer says nothing about its bastion, and has as long as
// the longer of the two limits.
func TestNodeBehindABastionThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := (&server{noAnswer: true}).start(t)
	h := newHome(t, s)
	n := s.node(t)
	write(t, h.path("config"), fmt.Sprintf("Host bastion\n HostName %s\n Port %d\n ConnectTimeout 6\nHost n*\n ProxyJump bastion\n ConnectTimeout 1\n", n.Host, n.Port))
	cfg := h.config()
	cfg.ConnectTimeout = 0
	d := newDialer(t, cfg)
	for range 2 {
		_, err := dial(t, d, inventory.Node{Host: "n1"})
		wantError(t, err, scanner.Timeout, "connect: from jump host "+s.addr+": no answer within 6s")
	}
	if got := len(s.seen.users); got > 2 { // the offer of the key, and its signature
		t.Errorf("%d offers of a key, want no second login: the bastion answers", got)
	}
}

// A node's deadline ends its own wait and nobody else's.
func TestDeadlineOfANodeDoesNotEndTheHop(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2, "")
	s.door.Delay(100 * time.Millisecond)
	d := newDialer(t, operator(t, s.home))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := d.Dial(ctx, s.node(0))
	wantError(t, err, scanner.Timeout, "jump host: ", "login not finished")
	echoes(t, d, s.node(1))
	if got := s.bastion.Logins(); got != 1 {
		t.Errorf("%d logins at the bastion, want 1: the first to come began it for all", got)
	}
}

func TestMasterConnectionOfTheBastionIsRidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2, "")
	master := s.home.StartMaster(nil, "bastion")
	s.home.Write("config", "Host bastion\n  ControlPath "+master.Path+"\n  IdentityFile none\n"+read(t, s.home.Path("config")))
	d := newDialer(t, operator(t, s.home))
	echoes(t, d, s.node(0))
	echoes(t, d, s.node(1))
	if got := s.bastion.Logins(); got != 1 {
		t.Errorf("%d logins at the bastion, want the master's alone", got)
	}
	d.Close()
	if !master.Running() {
		t.Error("the operator's master connection has ended")
	}
	master.Kill() // its socket stays
	echoes(t, newDialer(t, operator(t, s.home)), s.node(0))
	if got := s.bastion.Logins(); got != 2 {
		t.Errorf("%d logins at the bastion, want a second one: nobody answers at the socket", got)
	}
}

func TestWayConnectsToNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, "")
	d := newDialer(t, operator(t, s.home))
	way := d.Way(t.Context(), s.node(0))
	if way.Address != s.nodes.Endpoint(0).Addr() || way.Problem != "" || way.Policy != "strict" ||
		!slices.Equal(way.Jump, []string{s.bastion.User + "@" + s.door.Addr()}) ||
		!slices.Equal(way.Identities, []string{s.key.Fingerprint() + " (ED25519)"}) || !strings.Contains(way.HostKey, "known_hosts:") {
		t.Errorf("got %+v", way)
	}
	if s.door.Count() != 0 {
		t.Errorf("%d connections, want none", s.door.Count())
	}
}
