package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
)

// lookups answers look-ups, and counts them.
type lookups struct {
	mu    sync.Mutex
	asked []string // network and name
	say   map[string]string
	fail  map[string]error // the next look-up of a name
}

func (l *lookups) lookup(_ context.Context, network, name string) ([]netip.Addr, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, network+" "+name)
	if err, ok := l.fail[name]; ok {
		delete(l.fail, name)
		return nil, err
	}
	var addresses []netip.Addr
	for _, word := range strings.Fields(l.say[name]) {
		addresses = append(addresses, netip.MustParseAddr(word))
	}
	if addresses == nil {
		return nil, noSuchName(name)
	}
	return addresses, nil
}

func (l *lookups) wantAsked(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.asked, want) {
		t.Errorf("looked up %q, want %q", l.asked, want)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	l := &lookups{say: map[string]string{"a": "10.0.0.2 fd00::1 ::ffff:10.0.0.1", "odd": "fe80::1%eth0"}}
	n := newNames(l.lookup)
	for _, step := range []struct {
		rule, network, name string
		want                string // empty: an error
		asked               int    // in all
	}{
		{"an address is its own name", "ip", "192.0.2.1", "192.0.2.1", 0},
		{"also one of IPv6", "ip4", "fd00::1", "fd00::1", 0},
		{"the resolver's order is kept", "ip", "a", "10.0.0.2 fd00::1 10.0.0.1", 1},
		{"a name is looked up once", "ip", "a", "10.0.0.2 fd00::1 10.0.0.1", 1},
		{"and again for another family", "ip4", "a", "10.0.0.2 fd00::1 10.0.0.1", 2},
		{"zones stay", "ip", "odd", "fe80::1%eth0", 3},
		{"zones are remembered", "ip", "odd", "fe80::1%eth0", 3},
		{"no such name", "ip", "none", "", 4},
		{"it is remembered that there is none", "ip", "none", "", 4},
	} {
		got, err := n.find(t.Context(), step.network, step.name, time.Minute)
		if formatAddresses(got) != step.want || (err == nil) != (step.want != "") {
			t.Errorf("%s: got %v, %v, want %s", step.rule, got, err, step.want)
		}
		if len(l.asked) != step.asked {
			t.Errorf("%s: %d look-ups, want %d", step.rule, len(l.asked), step.asked)
		}
	}
	if _, err := n.find(t.Context(), "ip", "none", time.Minute); err == nil || lookupError(err).Transient {
		t.Errorf("got %v, want an error that is final", err)
	}
}

// A name server that fails is asked again, and what it says then is kept.
func TestFailedLookupsAreNotKept(t *testing.T) {
	t.Parallel()
	l := &lookups{
		say:  map[string]string{"a": "10.0.0.1"},
		fail: map[string]error{"a": &net.DNSError{Err: "server misbehaving", Name: "a", IsTemporary: true}},
	}
	n := newNames(l.lookup)
	_, err := n.find(t.Context(), "ip", "a", time.Minute)
	if err == nil || !lookupError(err).Transient || lookupError(err).Error() != "connect: look up a: server misbehaving" {
		t.Errorf("got %v, want a transient error", err)
	}
	for range 2 {
		if _, err := n.find(t.Context(), "ip", "a", time.Minute); err != nil {
			t.Error(err)
		}
	}
	l.wantAsked(t, "ip a", "ip a")
}

func TestLookupsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		n := newNames(func(context.Context, string, string) ([]netip.Addr, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		})
		var work sync.WaitGroup
		for i := range 10 * maxLookups {
			for range 2 { // of the same name at the same time: one look-up
				work.Go(func() {
					if _, err := n.find(t.Context(), "ip", fmt.Sprint("n", i), 1500*time.Millisecond); err != nil {
						t.Error(err) // the wait for a turn counts, and must not
					}
				})
			}
		}
		start := time.Now()
		work.Wait()
		if took := time.Since(start); took != 10*time.Second || most.Load() != maxLookups {
			t.Errorf("%d look-ups at once for %v, want %d at once for 10s: each name once", most.Load(), took, maxLookups)
		}
	})
}

func TestLookupHasALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNames(func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		start := time.Now()
		_, err := n.find(t.Context(), "ip", "a", 10*time.Second)
		wantError(t, err, scanner.Timeout, "connect: look up a: no answer within 10s")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// One who gives up decides nothing for the others who wait for the same name.
func TestLookupIsTakenOverFromOneWhoGaveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		n := newNames(func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			if asked++; asked == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		})
		impatient, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() {
			_, err := n.find(impatient, "ip", "a", time.Minute)
			wantError(t, err, scanner.Cancelled, "look up a: ")
		})
		synctest.Wait()
		work.Go(func() {
			if _, err := n.find(t.Context(), "ip", "a", time.Minute); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		work.Wait()
		if asked != 2 {
			t.Errorf("%d look-ups, want one more after the first gave up", asked)
		}
	})
}

// What is kept of a name is small. The map's own growth is counted, the text of
// the names is not: the inventory holds it.
func TestNamesAreSmall(t *testing.T) {
	const fleet = 100_000
	all := make([]string, fleet)
	for i := range all {
		all[i] = fmt.Sprintf("node-%d.example.com", i)
	}
	n := newNames(func(_ context.Context, _, name string) ([]netip.Addr, error) {
		return []netip.Addr{netip.AddrFrom4([4]byte{10, name[5], name[6], name[7]})}, nil
	})
	before := heap()
	for _, name := range all {
		if _, err := n.find(t.Context(), "ip", name, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if grown := (heap() - before) / fleet; grown > 100 {
		t.Errorf("%d bytes for a name, want at most 100", grown)
	}
	if len(n.known["ip"]) != fleet || len(all) != fleet {
		t.Errorf("%d names kept, want %d", len(n.known["ip"]), fleet)
	}
}

// Nodes are dialled at the addresses of their names, in turn, from the address
// that ssh_config names; what is behind a jump host is looked up there.
func TestNodesAreDialledByName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, say, config string
		asked             []string
		err               string // empty: the login works
	}{
		{"one address", "127.0.0.1", "", []string{"ip node.test"}, ""},
		{"the first does not answer", "127.0.0.2 127.0.0.1", "", []string{"ip node.test"}, ""},
		{"the first family does not answer", "::1 127.0.0.1", "", []string{"ip node.test"}, ""},
		{"nor does the second", "::1 127.0.0.2 127.0.0.3", "", []string{"ip node.test"}, "connect: [::1]:"},
		{"AddressFamily", "127.0.0.1", "AddressFamily inet", []string{"ip4 node.test"}, ""},
		{"no such name", "", "", []string{"ip node.test"}, "connect: look up node.test: no such host"},
		{"BindAddress is a name, too", "127.0.0.1", "BindAddress here.test", []string{"ip node.test", "ip here.test"}, ""},
		{
			"BindAddress is unknown", "127.0.0.1", "BindAddress nowhere.test",
			[]string{"ip node.test", "ip nowhere.test"},
			"connect: ssh_config's BindAddress: look up nowhere.test: no such host",
		},
		{
			"BindAddress of the other family", "::1", "BindAddress here.test",
			[]string{"ip node.test", "ip here.test"},
			"connect: ::1: ssh_config's BindAddress 127.0.0.1 is of the other family",
		},
		{
			"BindAddress chooses among addresses", "::1 127.0.0.1", "BindAddress here.test", []string{"ip node.test", "ip here.test"}, "",
		},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			s := (&server{}).start(t)
			h := newHome(t, s)
			n := s.node(t)
			n.Host = "node.test"
			write(t, h.path("known_hosts"), strings.ReplaceAll(read(t, h.path("known_hosts")), "127.0.0.1", "node.test"))
			l := &lookups{say: map[string]string{"node.test": tt.say, "here.test": "127.0.0.1"}}
			cfg := h.config()
			cfg.LookupIP = l.lookup
			write(t, h.path("config"), tt.config+"\n")
			_, err := dial(t, newDialer(t, cfg), n)
			if tt.err == "" && err != nil {
				t.Error(err)
			} else if tt.err != "" {
				wantError(t, err, scanner.Unreachable, tt.err)
			}
			l.wantAsked(t, tt.asked...)
		})
	}
}

// A Target whose look-up failed for now looks again when it is dialled again.
func TestDialLooksUpAgain(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	n := s.node(t)
	n.Host = "node.test"
	l := &lookups{
		say:  map[string]string{"node.test": "127.0.0.1"},
		fail: map[string]error{"node.test": &net.DNSError{Err: "server misbehaving", Name: "node.test", IsTemporary: true}},
	}
	cfg := newHome(t, s).config()
	cfg.LookupIP = l.lookup
	target, err := newDialer(t, cfg).Resolve(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	_, err = target.Dial(t.Context())
	var e *scanner.Error
	if !errors.As(err, &e) || !e.Transient {
		t.Fatalf("got %v, want a transient error", err)
	}
	link, err := target.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	link.Close()
	l.wantAsked(t, "ip node.test", "ip node.test")
}

// Names behind a jump host mean nothing here.
func TestNamesBehindJumpHostsAreNotLookedUpHere(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, "")
	l := &lookups{}
	cfg := operator(t, s.home)
	cfg.LookupIP = l.lookup
	s.home.Write("config", "Host n0\n  HostName elsewhere.invalid\n"+read(t, s.home.Path("config")))
	_, err := dial(t, newDialer(t, cfg), s.node(0))
	wantError(t, err, scanner.Unreachable, "from jump host "+s.door.Addr())
	l.wantAsked(t)
}

func TestRace(t *testing.T) {
	t.Parallel()
	four, four2, six := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd00::1")
	const never = time.Hour
	for _, tt := range []struct {
		rule   string
		to     []netip.Addr
		after  map[netip.Addr]time.Duration // when an address answers; absent: it refuses at once
		want   netip.Addr                   // invalid: none
		took   time.Duration
		closed int // connections that came too late
	}{
		{"the first family has a start", []netip.Addr{six, four}, map[netip.Addr]time.Duration{six: 200 * time.Millisecond, four: 0}, six, 200 * time.Millisecond, 0},
		{"and no more", []netip.Addr{six, four}, map[netip.Addr]time.Duration{six: never, four: 0}, four, fallbackDelay, 0},
		{"a refusal does not wait", []netip.Addr{six, four}, map[netip.Addr]time.Duration{four: 0}, four, 0, 0},
		{"the slower one is closed", []netip.Addr{six, four}, map[netip.Addr]time.Duration{six: 400 * time.Millisecond, four: 50 * time.Millisecond}, four, 350 * time.Millisecond, 1},
		{"the first family may win late", []netip.Addr{six, four}, map[netip.Addr]time.Duration{six: 2 * time.Second}, six, 2 * time.Second, 0},
		{"one family is tried in turn, each for its share", []netip.Addr{four, four2}, map[netip.Addr]time.Duration{four: never, four2: 0}, four2, 5 * time.Second, 0},
		{"nobody answers", []netip.Addr{six, four}, map[netip.Addr]time.Duration{six: never, four: never}, netip.Addr{}, 10 * time.Second, 0},
		{"all refuse", []netip.Addr{six, four, four2}, nil, netip.Addr{}, 0, 0},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				closed := 0
				start := time.Now()
				socket, err := race(ctx, tt.to, func(ctx context.Context, to netip.Addr) (net.Conn, error) {
					after, ok := tt.after[to]
					if !ok {
						return nil, errors.New(to.String() + " refused")
					}
					if after < never { // it does not look at ctx, so that it may come too late
						time.Sleep(after)
						return fakeSocket{to: to, closed: &closed}, nil
					}
					<-ctx.Done()
					return nil, ctx.Err()
				})
				if took := time.Since(start); took != max(tt.took, time.Duration(tt.closed)*400*time.Millisecond) {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if !tt.want.IsValid() && err == nil || tt.want.IsValid() && (err != nil || socket.(fakeSocket).to != tt.want) {
					t.Errorf("got %v, %v, want %v", socket, err, tt.want)
				}
				if tt.after == nil && err.Error() != tt.to[0].String()+" refused" {
					t.Errorf("got error %v, want that of the first address", err)
				}
				if closed != tt.closed {
					t.Errorf("%d connections closed, want %d", closed, tt.closed)
				}
			})
		})
	}
}

type fakeSocket struct {
	net.Conn
	to     netip.Addr
	closed *int
}

func (s fakeSocket) Close() error { *s.closed++; return nil }

func TestShares(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	write(t, h.path("config"), "Host behind*\n ProxyJump outer,me@inner:2200\nHost outer\n User one\nHost named*\n HostName n.test\n")
	l := &lookups{say: map[string]string{"n.test": "10.1.2.200 fd00:1:2:3:4::5", "six.test": "fd00:1:2:3:4::5 10.1.2.3"}}
	for _, tt := range []struct {
		rule, host string
		change     func(*Config)
		want       string
	}{
		{"nothing is limited", "10.1.2.3", func(*Config) {}, "[]"},
		{"networks", "10.1.2.3", func(cfg *Config) { cfg.PerSubnet = 7 }, "[{network 10.1.2.0/24 7}]"},
		{"by the first address of a name", "named", func(cfg *Config) { cfg.PerSubnet = 7 }, "[{network 10.1.2.0/24 7}]"},
		{"IPv6", "six.test", func(cfg *Config) { cfg.PerSubnet = 7 }, "[{network fd00:1:2:3::/64 7}]"},
		{"an address of IPv6", "fe80::1", func(cfg *Config) { cfg.PerSubnet = 7 }, "[{network fe80::/64 7}]"},
		{"a name that is not known", "none.test", func(cfg *Config) { cfg.PerSubnet = 7 }, "[]"},
		{"a jump host, by its chain", "behind", func(*Config) {}, "[{jump host one@outer:22,me@inner:2200 256}]"},
		{"a limit for it", "behind2", func(cfg *Config) { cfg.PerJump, cfg.PerSubnet = 3, 7 }, "[{jump host one@outer:22,me@inner:2200 3}]"},
		{"an address behind a jump host", "10.1.2.3", func(cfg *Config) { cfg.Jump, cfg.PerSubnet = "outer", 7 }, "[{jump host one@outer:22 256} {network 10.1.2.0/24 7}]"},
		{"the agent", "10.1.2.3", func(cfg *Config) { cfg.AgentSocket, cfg.AgentConcurrency = h.path("none"), 2 }, "[{agent 2}]"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			cfg := h.config()
			cfg.LookupIP = l.lookup
			tt.change(&cfg)
			target, err := newDialer(t, cfg).Resolve(t.Context(), inventory.Node{Host: tt.host})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(target.Shares()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	cfg := h.config()
	cfg.PerSubnet = -1
	_, err := New(t.Context(), cfg)
	wantText(t, err, "expected a number above zero")
}
