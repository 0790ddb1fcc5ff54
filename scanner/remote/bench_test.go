//go:build unix

package remote

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/inventory"
	"kletscan/scanner"
)

// benchServer is set for a process that is the server of a benchmark, so that
// what the server costs is not counted.
const benchServer = "KLETSCAN_BENCH_SERVER"

// answerSize is what an ordinary node says, in bytes.
const answerSize = 15_000

// TestBenchmarkServer is that process: until its input ends, a server that
// answers every command, and a bastion that forwards to it.
func TestBenchmarkServer(t *testing.T) {
	key := os.Getenv(benchServer)
	if key == "" {
		return
	}
	signer, err := ssh.ParsePrivateKey([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(listener.Addr())
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveOne(conn, config)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func serveOne(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	answer := bytes.Repeat([]byte("x"), answerSize)
	for next := range channels {
		channel, requests, err := next.Accept()
		if err != nil {
			return
		}
		if next.ChannelType() == "direct-tcpip" {
			go ssh.DiscardRequests(requests)
			go forwardOne(channel, next.ExtraData())
			continue
		}
		go func() {
			for request := range requests {
				_ = request.Reply(true, nil)
				_, _ = channel.Write(answer)
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{0}))
				_ = channel.Close()
			}
		}()
	}
}

func forwardOne(channel ssh.Channel, extra []byte) {
	defer channel.Close()
	var to struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}
	if ssh.Unmarshal(extra, &to) != nil {
		return
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
	if err != nil {
		return
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, channel)
		conn.Close()
	}()
	_, _ = io.Copy(channel, conn)
}

// BenchmarkLogin compares a login, one command and the end with the least that
// x/crypto needs for it, both directly and through a jump host. They take turns,
// so that what else the machine does falls on all alike; the metrics are medians
// of CPU time, system included, bytes and allocations for one login, without
// the server's.
func BenchmarkLogin(b *testing.B) {
	const round, atOnce = 100, 16
	h := newHome(b)
	host := h.path("host")
	hostKey := writeKey(b, host, "")
	command := exec.Command(os.Args[0], "-test.run=^TestBenchmarkServer$")
	command.Env = append(os.Environ(), benchServer+"="+read(b, host))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = command.Wait() }()
	defer in.Close()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	address = strings.TrimSpace(address)
	s := &server{addr: address}
	write(b, h.path("known_hosts"), fmt.Sprintf("[127.0.0.1]:%d %s", s.node(b).Port, ssh.MarshalAuthorizedKey(hostKey)))
	key, err := ssh.ParsePrivateKey([]byte(read(b, h.path("id_ed25519"))))
	if err != nil {
		b.Fatal(err)
	}
	config := &ssh.ClientConfig{User: "local", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.FixedHostKey(hostKey)}
	d := newDialer(b, h.config())
	cfg := h.config()
	cfg.Jump = address
	through := newDialer(b, cfg)
	hop, err := ssh.Dial("tcp", address, config)
	if err != nil {
		b.Fatal(err)
	}
	defer hop.Close()
	ways := []*benchWay{
		{name: "floor", login: func() error { return leastLogin(net.Dial, address, config) }},
		{name: "kletscan", login: func() error { return oneLogin(b, d, s.node(b)) }},
		{name: "jump-floor", login: func() error { return leastLogin(hop.Dial, address, config) }},
		{name: "jump", login: func() error { return oneLogin(b, through, s.node(b)) }},
	}
	for b.Loop() {
		for _, way := range ways {
			way.round(b, round, atOnce)
		}
	}
	for _, way := range ways {
		b.ReportMetric(median(way.cpu)*1e6/round, way.name+"-µs")
		b.ReportMetric(median(way.bytes)/round, way.name+"-B")
		b.ReportMetric(median(way.allocs)/round, way.name+"-allocs")
	}
	b.ReportMetric(ratio(ways[1], ways[0]), "kletscan/floor")
	b.ReportMetric(ratio(ways[3], ways[2]), "jump/floor")
	b.ReportMetric(ratio(ways[3], ways[1]), "jump/direct")
}

// benchWay is one way to log in, and what its rounds have cost.
type benchWay struct {
	name               string
	login              func() error
	cpu, bytes, allocs []float64
}

func (w *benchWay) round(b *testing.B, logins, atOnce int) {
	var before, after runtime.MemStats
	runtime.GC() // or it would pay for the others' garbage
	runtime.ReadMemStats(&before)
	used := cpuTime(b)
	var work sync.WaitGroup
	turns := make(chan struct{}, logins)
	for range logins {
		turns <- struct{}{}
	}
	close(turns)
	for range atOnce {
		work.Go(func() {
			for range turns {
				if err := w.login(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	work.Wait()
	w.cpu = append(w.cpu, (cpuTime(b) - used).Seconds())
	runtime.ReadMemStats(&after)
	w.bytes = append(w.bytes, float64(after.TotalAlloc-before.TotalAlloc))
	w.allocs = append(w.allocs, float64(after.Mallocs-before.Mallocs))
}

func leastLogin(dial func(network, address string) (net.Conn, error), address string, config *ssh.ClientConfig) error {
	conn, err := dial("tcp", address)
	if err != nil {
		return err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		return err
	}
	client := ssh.NewClient(c, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	answer, err := session.Output("true")
	if err == nil && len(answer) != answerSize {
		err = fmt.Errorf("got %d bytes", len(answer))
	}
	return err
}

func oneLogin(b *testing.B, d *Dialer, node inventory.Node) error {
	var conn scanner.Conn
	target, err := d.Resolve(b.Context(), node)
	if err != nil {
		return err
	}
	link, err := target.Dial(b.Context())
	if err != nil {
		return err
	}
	if conn, err = link.Login(b.Context()); err != nil {
		return err
	}
	defer conn.Close()
	answer, err := conn.Exec(b.Context(), "true", "")
	if err == nil && len(answer.Stdout) != answerSize {
		err = fmt.Errorf("got %d bytes", len(answer.Stdout))
	}
	return err
}

// cpuTime is what this process has used so far.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// ratio is the median of the ratios of the rounds.
func ratio(one, other *benchWay) float64 {
	ratios := make([]float64, len(one.cpu))
	for i := range ratios {
		ratios[i] = one.cpu[i] / other.cpu[i]
	}
	return median(ratios)
}
