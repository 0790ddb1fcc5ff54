package main

import (
	"net"
	"sync"
	"testing"
)

// A wire is the network to one server, which can be pulled at any time.
type wire struct {
	net.Listener
	upstream string
	after    int // bytes of a client behind which a blocked wire lets nothing come back

	mu      sync.Mutex
	changed sync.Cond
	state   wireState
	waiting int // connections of which something waits to come back
	conns   map[net.Conn]bool
	work    sync.WaitGroup
}

// wireState is what a wire does with what is on it.
type wireState int

const (
	passing wireState = iota
	blocked           // what comes back waits, once a client has said more than after
	black             // everything vanishes, and nobody is told, as where a radio link was
	severed           // connections are closed, and new ones refused
)

// What a client has said when it waits for an answer.
const (
	toTheVersion = 0    // its own version
	toTheCommand = 6000 // key exchange, login and a part of the probe
)

// newWire lays a blocked wire to an address.
func newWire(t *testing.T, upstream string, after int) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: listener, upstream: upstream, after: after, state: blocked, conns: make(map[net.Conn]bool)}
	w.changed.L = &w.mu
	w.work.Go(w.accept)
	t.Cleanup(func() {
		w.become(severed)
		w.work.Wait()
	})
	return w
}

// port is where it begins on 127.0.0.1.
func (w *wire) port() string {
	_, port, _ := net.SplitHostPort(w.Addr().String())
	return port
}

// become changes what the wire does.
func (w *wire) become(state wireState) {
	if state == severed {
		w.Close()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
	w.changed.Broadcast()
	if state == severed {
		w.hangUp()
	}
}

// hangUp closes every connection. The caller holds the lock.
func (w *wire) hangUp() {
	for conn := range w.conns {
		conn.Close()
	}
}

// drop closes every connection, and passes new ones.
func (w *wire) drop() {
	w.become(passing)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hangUp()
}

// arrived tells how many connections have waited, or wait, for an answer.
func (w *wire) arrived() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting
}

func (w *wire) accept() {
	for {
		client, err := w.Accept()
		if err != nil {
			return
		}
		w.work.Go(func() {
			server, err := net.Dial("tcp", w.upstream)
			if err != nil {
				client.Close()
				return
			}
			w.carry(client, server)
		})
	}
}

// carry passes on both ways until either end has gone.
func (w *wire) carry(client, server net.Conn) {
	w.mu.Lock()
	w.conns[client], w.conns[server] = true, true
	if w.state == severed {
		w.hangUp()
	}
	w.mu.Unlock()
	said := 0 // by the client
	ends := func() {
		client.Close()
		server.Close()
	}
	w.work.Go(func() {
		defer ends()
		w.copy(server, client, func(n int) {
			if said <= w.after && said+n > w.after {
				w.waiting++
			}
			said += n
		})
	})
	defer ends()
	w.copy(client, server, func(int) {
		for w.state == blocked && said > w.after {
			w.changed.Wait()
		}
	})
}

// copy passes on what comes, after it has asked about it. On a black wire not
// even an end arrives.
func (w *wire) copy(to, from net.Conn, ask func(n int)) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		ask(n)
		gone := w.state == black
		for err != nil && w.state == black {
			w.changed.Wait()
		}
		w.mu.Unlock()
		if err != nil {
			return
		}
		if gone {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
