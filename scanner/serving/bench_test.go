package serving

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"testing"

	"kletscan/scanner/evidence"
)

// benchServer is set in the environment of the process that serves the
// benchmark.
const benchServer = "KLETSCAN_BENCH_SERVER"

// serveBench is that process: one TLS server with a rotated certificate, until
// standard input ends.
func serveBench() {
	t := new(testing.B)
	p := rotated(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{p.tls()}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			os.Exit(1)
		}
		go func() {
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}()
	}
}

func BenchmarkClassify(b *testing.B) {
	serving := evidence.Serving{Attempts: []evidence.Attempt{seen(evidence.Handshake, "", static(b)), seen(evidence.Handshake, "a", rotated(b))}}
	b.ReportAllocs()
	for b.Loop() {
		Classify(serving, issued)
	}
}
