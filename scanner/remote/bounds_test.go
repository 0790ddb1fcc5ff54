package remote

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"kletscan/fixtures"
	"kletscan/inventory"
	"kletscan/scanner"
)

// Every kind of hostile server that spoils the connection itself says so.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	var kinds []fixtures.Hostile
	for _, row := range fixtures.HostileRows() {
		switch row.Status {
		case "unreachable", "auth-failed", "host-key-mismatch":
			kinds = append(kinds, row.Hostile)
		}
	}
	room, cfg := hostileRoom(t, kinds...)
	cfg.CommandTimeout = time.Minute
	d := newDialer(t, cfg)
	for name, row := range room.Rows() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := dial(t, d, inventory.Node{Host: "127.0.0.1", Port: room.Port(name)})
			if err == nil {
				_, err = conn.Exec(t.Context(), "sh", "K=x\n")
			}
			var e *scanner.Error
			if !errors.As(err, &e) || e.Status.String() != row.Status || !strings.Contains(err.Error(), row.Reason) {
				t.Errorf("got %v, want %s: %s", err, row.Status, row.Reason)
			}
		})
	}
}

// hostileRoom starts hostile servers, and a home that knows them.
func hostileRoom(t testing.TB, kinds ...fixtures.Hostile) (*fixtures.HostileRoom, Config) {
	t.Helper()
	room, err := fixtures.StartHostile(t.Context(), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { room.Close() })
	h := newHome(t)
	write(t, h.path("known_hosts"), room.KnownHosts())
	return room, h.config()
}

// The budget counts what is beyond each connection's reserve.
func TestBudget(t *testing.T) {
	t.Parallel()
	b := &budget{limit: 1000}
	first, second, third := &account{budget: b}, &account{budget: b}, &account{budget: b}
	for _, step := range []struct {
		rule string
		who  *account
		n    int
		ok   bool
		used int
	}{
		{"the reserve is free", first, nodeReserve, true, 0},
		{"what is beyond it counts", first, 900, true, 900},
		{"a reserve is not touched by others", second, nodeReserve - 1, true, 900},
		{"just full", second, 101, true, 1000},
		{"over", second, 1, false, 1001},
		{"a full budget does not concern who is within the reserve", third, nodeReserve, true, 1001},
	} {
		if ok := step.who.take(step.n); ok != step.ok || b.used != step.used {
			t.Errorf("%s: got %v with %d used, want %v with %d", step.rule, ok, b.used, step.ok, step.used)
		}
	}
	for range 2 {
		second.release()
		if b.used != 900 {
			t.Errorf("%d used after a release, want 900", b.used)
		}
	}
	if second.take(5000); b.used != 900 {
		t.Errorf("%d used: what comes after the release is not kept", b.used)
	}
	if !(*account)(nil).take(1 << 40) {
		t.Error("no account, and still a bound")
	}
}

// Nodes in flight share the budget: who goes over it is told so, small answers
// pass all the same, and what is closed makes room.
func TestNodesInFlightShareTheBudget(t *testing.T) {
	t.Parallel()
	answer := func(size int) *server {
		return (&server{session: func(s *execSession) {
			_, _ = io.WriteString(s, strings.Repeat("x", size))
			s.exit(0)
		}}).start(t)
	}
	big, middle, small := answer(1000<<10), answer(600<<10), answer(20<<10)
	cfg := newHome(t, big, middle, small).config()
	cfg.Memory = 1 << 20
	d := newDialer(t, cfg)
	hog := mustDial(t, d, big.node(t))
	if _, err := hog.Exec(t.Context(), "cat", ""); err != nil {
		t.Fatal(err)
	}
	_, err := mustDial(t, d, middle.node(t)).Exec(t.Context(), "cat", "")
	wantError(t, err, scanner.Unreachable, "run the command: over the memory budget of 1 MiB for all nodes in flight: scan fewer nodes at once with -f")
	var e *scanner.Error
	if errors.As(err, &e) && !e.Transient {
		t.Error("the error is not transient, though others will end")
	}
	if out, err := mustDial(t, d, small.node(t)).Exec(t.Context(), "cat", ""); err != nil || len(out.Stdout) != 20<<10 {
		t.Errorf("a small answer: %d bytes, %v", len(out.Stdout), err)
	}
	hog.Close()
	if _, err := mustDial(t, d, middle.node(t)).Exec(t.Context(), "cat", ""); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestBudgetIsGivenBack(t *testing.T) {
	t.Parallel()
	room, cfg := hostileRoom(t, fixtures.EndlessStdout, fixtures.EndlessEmptyBanner, fixtures.TinyPackets, fixtures.DropAfterExec)
	d := newDialer(t, cfg)
	for name := range room.Rows() {
		conn, err := dial(t, d, inventory.Node{Host: "127.0.0.1", Port: room.Port(name)})
		if err == nil {
			_, _ = conn.Exec(t.Context(), "sh", "")
			conn.Close()
		}
	}
	if d.memory.used != 0 {
		t.Errorf("%d bytes are still counted after every connection has ended", d.memory.used)
	}
}

func TestNegativeBudget(t *testing.T) {
	t.Parallel()
	cfg := newHome(t).config()
	cfg.Memory = -1
	_, err := New(t.Context(), cfg)
	wantText(t, err, "memory budget: expected a size above zero")
}

// What nobody reads costs no memory, whatever the size of its packets: x/crypto
// would keep a hundred bytes for each. Not parallel: it looks at the heap.
func TestUnreadStreamIsDrained(t *testing.T) {
	room, cfg := hostileRoom(t, fixtures.TLSTiny)
	d := newDialer(t, cfg)
	var name string
	for name = range room.Rows() {
	}
	conn := mustDial(t, d, inventory.Node{Host: "127.0.0.1", Port: room.Port(name)})
	before := heap()
	stream, err := conn.DialTCP(t.Context(), "127.0.0.1:10250")
	if err != nil {
		t.Fatal(err)
	}
	arrived := func() int {
		tr := conn.(*Conn).transport
		tr.mu.Lock()
		defer tr.mu.Unlock()
		return tr.received
	}
	for range 6000 { // a minute
		if arrived() > 12<<20 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := arrived(); got <= 12<<20 {
		t.Fatalf("%d bytes arrived, want 12 MiB of a flood", got)
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("the heap has grown by %d KiB, want less than 8 MiB", grown>>10)
	}
	stream.Close()
}

func TestStreamIsBounded(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	s, err := new(Conn).stream(here)
	if err != nil {
		t.Fatal(err)
	}
	flooded := make([]byte, 4*streamLimit)
	if n, err := there.Write(flooded); n != len(flooded) || err != nil { // nobody has read a byte of it yet
		t.Errorf("%d bytes went through, %v, want all %d: they are drained", n, err, len(flooded))
	}
	n, err := io.Copy(io.Discard, s)
	if n > streamLimit+32<<10 || err == nil || !strings.Contains(err.Error(), "more than 512 KiB over one connection") {
		t.Errorf("read %d bytes, %v, want at most %d and that there were more", n, err, streamLimit)
	}
	there.Close()
	s.Close()
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestStreamGivesWhatArrivedAndThenTheEnd(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	s, err := new(Conn).stream(here)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(there, "one")
	_, _ = io.WriteString(there, "two")
	there.Close()
	if text, err := io.ReadAll(s); string(text) != "onetwo" || err != nil {
		t.Errorf("got %q, %v, want onetwo", text, err)
	}
	s.Close()
}

// Close ends a Read that waits, though x/crypto's waits for the peer.
func TestCloseOfAStreamWakesRead(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	c := new(Conn)
	s, err := c.stream(here)
	if err != nil {
		t.Fatal(err)
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v, want that it is closed", err)
		}
	})
	s.Close()
	reader.Wait()
	there.Close()
	c.work.Wait()
	c.closed = true
	if _, err := c.stream(here); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a stream of a closed connection: got %v", err)
	}
}

// A defect in the check of a host key is that node's error, though x/crypto has
// goroutines of its own for it.
func TestPanicInALoginIsInternal(t *testing.T) {
	t.Parallel()
	s := (&server{}).start(t)
	d := newDialer(t, newHome(t, s).config())
	d.cfg.Now = func() time.Time { panic("K3S_TOKEN=secret") } // which only the check of a host key asks
	_, err := dial(t, d, s.node(t))
	wantError(t, err, scanner.Internal, "handshake: a defect of kletscan, please report it: a panic with a string at bounds_test.go:")
}

// A defect in what reads the node's words ends that node's visit, not the run.
func TestPanicInAnAnswerIsInternal(t *testing.T) {
	t.Parallel()
	s := (&server{session: func(s *execSession) { _, _ = io.WriteString(s, "Password: "); <-s.done }}).start(t)
	conn := mustDial(t, newDialer(t, newHome(t, s).config()), s.node(t)).(*Conn)
	_, err := conn.Talk(t.Context(), "true", func([]byte, []byte) (string, bool) { panic("K3S_TOKEN=secret") })
	wantError(t, err, scanner.Internal, "run the command: a defect of kletscan, please report it: a panic with a string at bounds_test.go:")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("got %q, want nothing of the value, which may be the node's", err)
	}
}
