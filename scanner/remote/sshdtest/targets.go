package sshdtest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TargetOptions are what the hosts of [StartTargets] have in common.
type TargetOptions struct {
	HostKeys       []*Key   // nil: an ed25519 key of its own
	AuthorizedKeys []*Key   // nil: nobody's key
	Exec           ExecFunc // nil: a real sshd for each connection; else a server in the process, and what runs its commands
}

// Targets are many hosts, each with an address of its own and all with the same
// port, user and host keys. There is no limit like MaxStartups.
type Targets struct {
	Hosts    []string // 127.x.y.z
	Port     int
	User     string // who can log in; in the process, everybody
	HostKeys []*Key

	t    testing.TB
	opts TargetOptions
	dir  string

	mu          sync.Mutex
	connections []int
	logins      int // of the server in the process
	running     map[*process]bool
	ended       bool
}

// StartTargets runs n hosts, 65000 at most, until the test ends.
func StartTargets(t testing.TB, n int, opts TargetOptions) *Targets {
	t.Helper()
	targets := &Targets{
		User: currentUser(t), HostKeys: opts.HostKeys, t: t, opts: opts, dir: t.TempDir(),
		connections: make([]int, n), running: make(map[*process]bool),
	}
	if targets.HostKeys == nil {
		targets.HostKeys = []*Key{NewHome(t).Key("host_ed25519", "ed25519", "")}
	}
	if opts.Exec == nil {
		writeConfig(t, targets.dir, Options{AuthorizedKeys: opts.AuthorizedKeys}, targets.HostKeys, "")
		write(t, filepath.Join(targets.dir, "log"), "")
		if said, err := sshd(t, targets.dir, "-t").CombinedOutput(); err != nil && !makeEmptyDir(t, string(said)) {
			t.Fatalf("sshd -t: %v: %s", err, said)
		}
	}
	network := 16 + rand.IntN(200)
	for i := range n {
		targets.Hosts = append(targets.Hosts, fmt.Sprintf("127.%d.%d.%d", network, i/250, i%250+1))
	}
	listeners, port := listen(t, targets.Hosts...)
	targets.Port = port
	conns := newAcceptor(t)
	t.Cleanup(targets.kill)
	for i, listener := range listeners {
		t.Cleanup(func() { listener.Close() })
		conns.accept(listener, func(conn net.Conn) {
			targets.mu.Lock()
			targets.connections[i]++
			targets.mu.Unlock()
			if opts.Exec != nil {
				targets.serve(conns, conn)
			} else {
				targets.sshd(conn.(*net.TCPConn))
			}
		})
	}
	return targets
}

// Endpoint is the i-th host with its port.
func (g *Targets) Endpoint(i int) Endpoint { return Endpoint{g.Hosts[i], g.Port} }

// Connections counts the connections to each host, in the order of Hosts.
func (g *Targets) Connections() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.connections)
}

// Logins counts the logins that succeeded, on all hosts.
func (g *Targets) Logins() int {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opts.Exec != nil {
		return g.logins
	}
	return countLogins(g.log())
}

// Log is what the sshd of all hosts logged, at level VERBOSE. Those in the
// process log nothing.
func (g *Targets) Log() string {
	g.t.Helper()
	if g.opts.Exec != nil {
		return ""
	}
	return g.log()
}

func (g *Targets) log() string {
	g.t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, "log"))
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// KnownHosts are the lines of known_hosts for all hosts and their keys.
func (g *Targets) KnownHosts(hashed bool) string {
	var lines strings.Builder
	for i := range g.Hosts {
		lines.WriteString(g.Endpoint(i).knownHosts(g.HostKeys, hashed, nil))
	}
	return lines.String()
}

// sshd serves one connection by an sshd of its own, as inetd does. One sshd for
// all would listen on 16 addresses at most (MAX_LISTEN_SOCKS in sshd.c).
func (g *Targets) sshd(conn *net.TCPConn) {
	socket, err := conn.File()
	if err != nil {
		return
	}
	defer socket.Close()
	conn.Close() // sshd has the other one
	log, err := os.OpenFile(filepath.Join(g.dir, "log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer log.Close()
	cmd := sshd(g.t, g.dir, "-i")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = socket, socket, log
	g.mu.Lock()
	if g.ended {
		g.mu.Unlock()
		return
	}
	p, err := run(cmd)
	if err == nil {
		g.running[p] = true
	}
	g.mu.Unlock()
	if err != nil {
		fmt.Fprintf(log, "sshd -i: %v\n", err)
		return
	}
	socket.Close()
	<-p.ended
	g.mu.Lock()
	delete(g.running, p)
	g.mu.Unlock()
}

// kill ends every sshd.
func (g *Targets) kill() {
	g.mu.Lock()
	g.ended = true
	running := g.running
	g.running = make(map[*process]bool)
	g.mu.Unlock()
	for p := range running {
		p.kill()
	}
}

// serve serves one connection in the process.
func (g *Targets) serve(conns *acceptor, conn net.Conn) {
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			for _, k := range g.opts.AuthorizedKeys {
				if bytes.Equal(k.Public().Marshal(), key.Marshal()) {
					return nil, nil
				}
			}
			return nil, errors.New("no such key")
		},
	}
	server := &sessions{conns: conns, exec: g.opts.Exec}
	server.serve(conn, config, g.HostKeys, func() {
		g.mu.Lock()
		g.logins++
		g.mu.Unlock()
	})
}
