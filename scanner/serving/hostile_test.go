package serving

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kletscan/scanner/evidence"
)

// serverHello answers a client until its certificate has gone out, and gives
// all that it sent: the beginning of a real handshake, in records of TLS 1.2.
func serverHello(t *testing.T, served tls.Certificate) []byte {
	t.Helper()
	client, server := net.Pipe()
	var sent bytes.Buffer
	var running sync.WaitGroup
	running.Go(func() {
		_ = tls.Server(tee{server, &sent}, &tls.Config{Certificates: []tls.Certificate{served}, MaxVersion: tls.VersionTLS12}).Handshake()
		server.Close()
	})
	Handshake(t.Context(), client, "")
	running.Wait()
	return sent.Bytes()
}

type tee struct {
	net.Conn
	copied *bytes.Buffer
}

func (t tee) Write(p []byte) (int, error) {
	t.copied.Write(p)
	return t.Conn.Write(p)
}

// In the bubble of synctest time stands still until everybody waits: there is
// no race between a deadline and what the peer does.
func TestHandshakeEndsWithTheContext(t *testing.T) {
	hello := serverHello(t, rotated(t).tls())
	peers := map[string]func(net.Conn){
		"silent":      func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"deaf":        func(net.Conn) {},
		"half a line": func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)); _, _ = conn.Write(hello[:7]) },
		"drip": func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			for i := range hello {
				time.Sleep(time.Second)
				if _, err := conn.Write(hello[i : i+1]); err != nil {
					return
				}
			}
		},
	}
	for name, peer := range peers {
		for closes, wrap := range map[string]func(net.Conn) net.Conn{
			"Close wakes Read": func(conn net.Conn) net.Conn { return conn },
			"Close does not":   func(conn net.Conn) net.Conn { return &channel{Conn: conn} },
		} {
			t.Run(name+"/"+closes, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, server := net.Pipe()
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					var running sync.WaitGroup
					running.Go(func() { peer(server) })
					start := time.Now()
					got := Handshake(ctx, wrap(client), "")
					if got.Outcome != evidence.TimedOut || got.Detail == "" {
						t.Errorf("%+v: want a timeout", got)
					}
					if took := time.Since(start); took != 10*time.Second {
						t.Errorf("it took %v, want the 10 seconds of the context", took)
					}
					// The transport ends, and with it all that runs on it.
					client.Close()
					server.Close()
					running.Wait()
				})
			})
		}
	}
}

// channel is like a channel of x/crypto/ssh: it has no deadlines, and while
// the peer is silent Close does not wake a blocked Read.
type channel struct{ net.Conn }

func (*channel) Close() error                { return nil }
func (*channel) SetDeadline(time.Time) error { return errors.New("ssh: deadline not supported") }

func (*channel) SetReadDeadline(time.Time) error { return errors.New("ssh: deadline not supported") }

func (*channel) SetWriteDeadline(time.Time) error { return errors.New("ssh: deadline not supported") }

// What was seen before the peer went silent is not lost.
func TestCertificateBeforeTheSilenceIsSeen(t *testing.T) {
	p := rotated(t)
	hello := serverHello(t, p.tls())
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"Close wakes Read": func(conn net.Conn) net.Conn { return conn },
		"Close does not":   func(conn net.Conn) net.Conn { return &channel{Conn: conn} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				go func() {
					_, _ = server.Read(make([]byte, 4096))
					// ServerHello, Certificate and ServerKeyExchange, without the end.
					_, _ = server.Write(hello[:recordsEnd(t, hello, 3)])
				}()
				got := Handshake(ctx, wrap(client), "")
				if got.Outcome != evidence.CertificateSeen || got.Completed || got.Detail == "" || got.Chain[0].SHA256 != p.facts().SHA256 {
					t.Errorf("%+v: want the certificate, and that the handshake did not end", got)
				}
				client.Close()
				server.Close()
			})
		})
	}
}

// A Close that hangs, as on a transport that nobody reads, does not undo what
// was seen.
func TestCloseThatHangs(t *testing.T) {
	p := rotated(t)
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		var running sync.WaitGroup
		running.Go(func() {
			_, _ = io.Copy(io.Discard, tls.Server(server, &tls.Config{Certificates: []tls.Certificate{p.tls()}}))
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		release := make(chan struct{})
		got := Handshake(ctx, &hanging{Conn: client, release: release}, "")
		if got.Outcome != evidence.CertificateSeen || !got.Completed || got.Detail != "" {
			t.Errorf("%+v: want the certificate of a completed handshake", got)
		}
		close(release)
		server.Close()
		running.Wait()
	})
}

type hanging struct {
	net.Conn
	release chan struct{}
}

func (h *hanging) Close() error {
	<-h.release
	return h.Conn.Close()
}

// recordsEnd is where the first n records of a stream end.
func recordsEnd(t *testing.T, stream []byte, n int) int {
	t.Helper()
	end := 0
	for range n {
		end += 5 + int(stream[end+3])<<8 + int(stream[end+4])
	}
	return end
}

func TestCancelledIsNoTimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	address := listen(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		cancel(errors.New("the scan was interrupted"))
		_, _ = io.Copy(io.Discard, conn)
	})
	got := Handshake(ctx, dial(t, address), "")
	if got.Outcome != evidence.Failed || got.Detail != "the scan was interrupted" {
		t.Errorf("%+v: want the cause", got)
	}
	// Too late to begin with.
	if got := Handshake(ctx, dial(t, address), ""); got.Outcome != evidence.Failed || got.Detail != "the scan was interrupted" {
		t.Errorf("%+v: want the cause", got)
	}
}

func TestPeerThatCloses(t *testing.T) {
	t.Parallel()
	hear := func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) }
	peers := map[string]func(net.Conn){
		"at once":         func(net.Conn) {},
		"after the hello": hear,
		"within a record": func(conn net.Conn) { hear(conn); _, _ = conn.Write([]byte{recordHandshake, 3, 3}) },
		"with a reset": func(conn net.Conn) {
			hear(conn)
			if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
				t.Error(err)
			}
		},
		"with a close_notify": func(conn net.Conn) { hear(conn); _, _ = conn.Write([]byte{recordAlert, 3, 3, 0, 2, 1, 0}) },
	}
	for name, peer := range peers {
		if got := look(t, listen(t, peer), ""); got.Outcome != evidence.Closed || got.Detail == "" {
			t.Errorf("%s: %+v: want closed", name, got)
		}
	}
}

func TestFloods(t *testing.T) {
	t.Parallel()
	endless := func(chunk []byte) func(net.Conn) {
		return func(conn net.Conn) {
			for {
				if _, err := conn.Write(chunk); err != nil {
					return
				}
			}
		}
	}
	record := append([]byte{recordHandshake, 3, 3, 0x40, 0}, make([]byte, 0x4000)...)
	tests := map[string]struct {
		chunk []byte
		want  evidence.Outcome
	}{
		"text":              {bytes.Repeat([]byte("A"), 1<<14), evidence.NotTLS},
		"zeros":             {make([]byte, 1<<14), evidence.NotTLS},
		"hello requests":    {record, evidence.Failed},
		"warnings":          {bytes.Repeat([]byte{recordAlert, 3, 3, 0, 2, 1, 41}, 1000), evidence.Failed},
		"cipher changes":    {bytes.Repeat([]byte{20, 3, 3, 0, 1, 1}, 1000), evidence.NotTLS},
		"oversized records": {bytes.Repeat([]byte{recordHandshake, 3, 3, 0xff, 0xff}, 1000), evidence.Failed},
	}
	for name, test := range tests {
		got := look(t, listen(t, endless(test.chunk)), "")
		if got.Outcome != test.want || len(got.Detail) > textLimit {
			t.Errorf("%s: %+v: want %s", name, got, test.want)
		}
	}
}

// A chain may be as long as crypto/tls takes it: what is kept of it is bounded.
func TestLongChain(t *testing.T) {
	t.Parallel()
	p := rotated(t)
	for count, want := range map[int]evidence.Outcome{300: evidence.CertificateSeen, 2000: evidence.Failed} {
		served := tls.Certificate{PrivateKey: p.key}
		for range count {
			served.Certificate = append(served.Certificate, p.cert.Raw)
		}
		got := look(t, serveTLS(t, &tls.Config{Certificates: []tls.Certificate{served}}), "")
		if got.Outcome != want {
			t.Errorf("%d: %s (%s), want %s", count, got.Outcome, got.Detail, want)
		}
		if want == evidence.CertificateSeen && (got.Sent != count || len(got.Chain) != chainLimit) {
			t.Errorf("%d: %d of %d kept, want %d of %d", count, len(got.Chain), got.Sent, chainLimit, count)
		}
	}
}

func TestWireEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	var running sync.WaitGroup
	running.Go(func() { _, _ = io.Copy(server, neverending('x')) })
	w := &wire{Conn: client}
	n, err := io.Copy(io.Discard, w)
	if n != byteLimit || err == nil || !strings.Contains(err.Error(), "256 KiB") {
		t.Errorf("%d bytes, then %v: want %d, then an error", n, err, byteLimit)
	}
	client.Close()
	running.Wait()
}

type neverending byte

func (b neverending) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// A defect that a peer finds costs its own certificate, not the run.
func TestPanicInAHandshakeIsAFailedAttempt(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	got := Handshake(t.Context(), panicking{client}, "")
	if got.Outcome != evidence.Failed || !strings.Contains(got.Detail, "a defect of kletscan, please report it: a panic with a string") || strings.Contains(got.Detail, "secret") {
		t.Errorf("%+v: want a failed attempt that says it is our defect, and nothing of the value", got)
	}
}

type panicking struct{ net.Conn }

func (panicking) Write([]byte) (int, error) { panic("secret") }
