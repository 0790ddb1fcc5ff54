package remote

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/fixtures"
	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/evidence"
	"kletscan/scanner/scannertest"
)

// roundTrips is a relay that counts the round trips of a connection, without a
// clock. What the client sends may depend on all that it was sent before, and so
// has the number of that; what the server sends comes one round trip later. The
// TCP handshake is the first one, and the server speaks behind it unasked. So the
// count is never too small, and too large where the client had been sent
// something that it did not wait for, such as a window's message: what is needed
// are the fewest of several runs.
type roundTrips struct {
	addr string

	mu     sync.Mutex
	client int // the round trip that the client has seen the end of
	server int // the last one that the server may know of
	most   int // what the client says behind so many does not get through; 0: all does
}

func newRoundTrips(t testing.TB, upstream string) *roundTrips {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &roundTrips{addr: listener.Addr().String()}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				client.Close()
				continue
			}
			r.mu.Lock()
			r.client, r.server = 1, 1
			r.mu.Unlock()
			both := func() { client.Close(); server.Close() }
			work.Go(func() {
				defer both()
				r.relay(server, client, func() bool {
					if r.most > 0 && r.client >= r.most {
						return false
					}
					r.server = max(r.server, r.client)
					return true
				})
			})
			work.Go(func() {
				defer both()
				r.relay(client, io.MultiReader(greeting(server), server), func() bool {
					r.client = max(r.client, r.server+1)
					return true
				})
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		work.Wait()
	})
	return r
}

// greeting is the server's version and what it says behind that, unasked: its
// proposal for the key exchange. Were they to come one after the other, the
// client's own might be in between.
func greeting(server io.Reader) io.Reader {
	var said []byte
	for part := make([]byte, 4<<10); ; {
		n, err := server.Read(part)
		said = append(said, part[:n]...)
		if _, more, _ := bytes.Cut(said, []byte("\n")); len(more) > 0 || err != nil {
			return bytes.NewReader(said)
		}
	}
}

// relay copies to the end, and notes each part before it passes it on, if at all.
func (r *roundTrips) relay(to io.Writer, from io.Reader, note func() bool) {
	part := make([]byte, 64<<10)
	for {
		n, err := from.Read(part)
		if n > 0 {
			r.mu.Lock()
			pass := note()
			r.mu.Unlock()
			if pass {
				_, err = to.Write(part[:n])
			}
		}
		if err != nil {
			return
		}
	}
}

func (r *roundTrips) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.client
}

// fewest counts until it is as few as wanted, or as often as is reasonable.
func fewest(want int, count func() int) int {
	least := count()
	for i := 0; least > want && i < 30; i++ {
		least = min(least, count())
	}
	return least
}

// A login and one command take nine round trips: TCP, the versions, the key
// exchange, the request for authentication, "none", the offer of a key, its
// signature, the channel, and the command with its answer. x/crypto lets none of
// them out.
func TestRoundTripsOfALogin(t *testing.T) {
	t.Parallel()
	s := (&server{session: func(s *execSession) {
		_, _ = io.WriteString(s, s.command)
		s.exit(0)
	}}).start(t)
	r := newRoundTrips(t, s.addr)
	s.addr = r.addr
	h := newHome(t, s)
	s.authorized = []ssh.PublicKey{h.key}
	writeKey(t, h.path("wrong"), "")
	for _, tt := range []struct {
		rule string
		keys []string
		want []int // of one login after the other
	}{
		{"one key", []string{"id_ed25519"}, []int{9, 9}},
		{"a wrong key costs one, once", []string{"wrong", "id_ed25519"}, []int{10, 9, 9}},
	} {
		cfg := h.config()
		for _, name := range tt.keys {
			cfg.PrivateKeys = append(cfg.PrivateKeys, h.path(name))
		}
		for i, want := range tt.want {
			got := fewest(want, func() int {
				d := newDialer(t, cfg)
				for range i {
					mustDial(t, d, s.node(t)).Close()
				}
				conn := mustDial(t, d, s.node(t))
				defer conn.Close()
				if out, err := conn.Exec(t.Context(), "echo", ""); err != nil || string(out.Stdout) != "echo" {
					t.Fatalf("%s: got %q, %v", tt.rule, out.Stdout, err)
				}
				return r.count()
			})
			if got != want {
				t.Errorf("%s: %d round trips of login %d, want %d", tt.rule, got, i+1, want)
			}
		}
	}
}

// So does a whole visit, and the certificate, which is fetched beside it, adds at
// most one: the visit comes to its end though nothing gets through of what is said
// behind these.
func TestRoundTripsOfAVisit(t *testing.T) {
	t.Parallel()
	all, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	var ordinary fixtures.Node
	for _, n := range all {
		if n.Name == "cp-1" {
			ordinary = n
		}
	}
	fleet, err := fixtures.Start(t.Context(), []fixtures.Node{ordinary}, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	dir := t.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	r := newRoundTrips(t, fleet.Addr(ordinary.Name))
	_, near, _ := net.SplitHostPort(fleet.Addr(ordinary.Name))
	_, port, _ := net.SplitHostPort(r.addr)
	for _, name := range []string{"ssh_config", "known_hosts"} { // the same node, by way of the relay
		file := filepath.Join(dir, name)
		write(t, file, regexp.MustCompile(`\b`+near+`\b`).ReplaceAllString(read(t, file), port))
	}
	for _, tt := range []struct {
		rule    string
		serving bool
		most    int
		done    bool
	}{
		{"the least", false, 9, true},
		{"with the certificate", true, 10, true},
		{"fewer do not do", false, 8, false},
	} {
		cfg := Config{Home: dir, LocalUser: "local", SSHConfigFile: filepath.Join(dir, "ssh_config"), CommandTimeout: 5 * time.Second}
		if tt.done {
			cfg.CommandTimeout = time.Minute
		}
		scan := scanner.Scanner{Resolve: newDialer(t, cfg).Resolve, Serving: tt.serving, ServingTimeout: cfg.CommandTimeout}
		seen := false
		scan.Keep = func(_ *scanner.Result, ev *evidence.Evidence) {
			seen = ev != nil && ev.Serving != nil && ev.Serving.Attempts[0].Outcome == evidence.CertificateSeen
		}
		r.mu.Lock()
		r.most = tt.most
		r.mu.Unlock()
		result, done := scanner.Result{}, false
		for try := 0; !done && try < 5 && (tt.done || try == 0); try++ {
			result = scannertest.Scan(t.Context(), &scan, []inventory.Node{{Name: ordinary.Name, Host: ordinary.Name}})[0]
			done = result.Status == scanner.OK
		}
		if done != tt.done {
			t.Errorf("%s: got %v (%s) with %d round trips", tt.rule, result.Status, result.Error, tt.most)
		}
		if tt.serving != seen {
			t.Errorf("%s: the certificate was seen: %v, with %d round trips", tt.rule, seen, tt.most)
		}
	}
}
