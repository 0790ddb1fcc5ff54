package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kletscan/fixtures"
)

// roundTrip is the emulated distance to the node.
const roundTrip = 50 * time.Millisecond

// BenchmarkVisit visits one node at a distance, with and without a look at its
// certificate. RTTs is the time of a whole run in round trips: the difference
// is what the certificate costs.
func BenchmarkVisit(b *testing.B) {
	all, err := fixtures.Nodes()
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"cp-1", "cp-2"} {
		for _, node := range all {
			if node.Name != name {
				continue
			}
			for _, serving := range []string{"off", "auto"} {
				b.Run(name+"/serving="+serving, func(b *testing.B) { benchmarkVisit(b, node, serving) })
			}
		}
	}
}

func benchmarkVisit(b *testing.B, node fixtures.Node, serving string) {
	fleet, err := fixtures.Start(b.Context(), []fixtures.Node{node}, fixtures.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer fleet.Close()
	dir := b.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		b.Fatal(err)
	}
	far := delayed(b, fleet.Addr(node.Name))
	config := filepath.Join(dir, "ssh_config")
	for _, file := range []string{config, filepath.Join(dir, "known_hosts")} { // the same node, by way of the delay
		content, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		_, near, _ := strings.Cut(fleet.Addr(node.Name), ":")
		moved := regexp.MustCompile(`\b`+near+`\b`).ReplaceAllString(string(content), far)
		if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		code, stdout, stderr := kletscan(b.Context(), "scan", "-F", config, "--serving", serving, node.Name)
		if code != exitOK && code != exitFailed {
			b.Fatalf("exit %d: %s%s", code, stdout, stderr)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(roundTrip), "RTTs")
}

// delayed is the port of a proxy that delivers each byte half a round trip
// late, in both directions.
func delayed(b *testing.B, to string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			go carry(server, client)
			go carry(client, server)
		}
	}()
	return fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
}

// carry copies with the delay of one way, without holding up what follows.
func carry(to, from net.Conn) {
	type parcel struct {
		due  time.Time
		data []byte
	}
	road := make(chan parcel, 1024)
	go func() {
		defer close(road)
		for {
			data := make([]byte, 32<<10)
			n, err := from.Read(data)
			if n > 0 {
				road <- parcel{time.Now().Add(roundTrip / 2), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	defer to.Close()
	for p := range road {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}
