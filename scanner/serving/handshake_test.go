package serving

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kletscan/scanner/evidence"
)

// deadline is far beyond what any of these handshakes takes.
const deadline = 30 * time.Second

// listen runs serve for each connection to a listener on loopback, until the
// test ends.
func listen(t testing.TB, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	return listener.Addr().String()
}

// serveTLS is a TLS server that fails the test if it is sent anything after the
// handshake.
func serveTLS(t testing.TB, config *tls.Config) (address string) {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		if request, err := io.ReadAll(tls.Server(conn, config)); len(request) > 0 {
			t.Errorf("the server was sent %q (%v), want nothing", request, err)
		}
	})
}

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func look(t testing.TB, address, sni string) evidence.Attempt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	return Handshake(ctx, dial(t, address), sni)
}

// eachVersion runs a test against servers of TLS 1.2 and 1.3.
func eachVersion(t *testing.T, test func(t *testing.T, version uint16)) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			test(t, version)
		})
	}
}

func TestHandshakeSeesTheWholeChain(t *testing.T) {
	t.Parallel()
	leaf, throwAwayCA := selfSigned(t)
	eachVersion(t, func(t *testing.T, version uint16) {
		address := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{leaf.tls(throwAwayCA)}, MaxVersion: version})
		got := look(t, address, "")
		if got.Outcome != evidence.CertificateSeen || !got.Completed || got.TLSVersion != tls.VersionName(version) || got.Method != evidence.Handshake {
			t.Errorf("%+v: want a completed handshake", got)
		}
		if got.Sent != 2 || len(got.Chain) != 2 || got.Chain[0].SHA256 != leaf.facts().SHA256 || got.Chain[1].SHA256 != throwAwayCA.facts().SHA256 {
			t.Errorf("%+v: want the leaf and its CA", got.Chain)
		}
	})
}

// Up to 1.35 the static file is in Certificates and the rotated certificate
// behind GetCertificate, which crypto/tls then asks only for a client with SNI.
func TestHandshakeSeesWhatSNIDecides(t *testing.T) {
	t.Parallel()
	fixed, on := static(t), rotated(t)
	current := on.tls()
	eachVersion(t, func(t *testing.T, version uint16) {
		address := serveTLS(t, &tls.Config{
			Certificates:   []tls.Certificate{fixed.tls()},
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &current, nil },
			MaxVersion:     version,
		})
		var serving evidence.Serving
		for _, sni := range []string{"", "worker-1"} {
			serving.Attempts = append(serving.Attempts, look(t, address, sni))
		}
		if got := serving.Attempts[1].SNI; got != "worker-1" {
			t.Errorf("SNI %q, want worker-1", got)
		}
		got := Classify(serving, issued+1)
		if got.Class != Static || got.BySNI != Rotated || !got.Masked() {
			t.Errorf("%s, by SNI %s (%s), want static and rotated: masked", got.Class, got.BySNI, got.Why)
		}
		for _, sni := range []string{"10.0.0.7", "fd00::7", "[fd00::7]"} {
			if got := look(t, address, sni); got.SNI != "" || got.Chain[0].SHA256 != fixed.facts().SHA256 {
				t.Errorf("SNI %q: sent %q: want none, and so the static certificate", sni, got.SNI)
			}
		}
	})
}

// The kubelet's GetCertificate fails while it has no certificate.
func TestNoCertificateYetIsInternalError(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version uint16) {
		address := serveTLS(t, &tls.Config{
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				return nil, errors.New("no serving certificate available for the kubelet")
			},
			MaxVersion: version,
		})
		got := look(t, address, "")
		if got.Outcome != evidence.AlertInternalError || got.Alert != 80 || got.Detail != "remote error: tls: internal error" {
			t.Errorf("%+v: want alert 80", got)
		}
		if class := Classify(evidence.Serving{Attempts: []evidence.Attempt{got}}, issued).Class; class != NoneYet {
			t.Errorf("%s, want none-yet", class)
		}
	})
}

func TestAnotherAlertIsNotNoneYet(t *testing.T) {
	t.Parallel()
	for number, config := range map[int]*tls.Config{
		112: {}, // unrecognized_name: a Go server without any certificate
		70:  {Certificates: []tls.Certificate{static(t).tls()}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
	} {
		got := look(t, serveTLS(t, config), "")
		if got.Outcome != evidence.AlertOther || got.Alert != number || got.Detail == "" {
			t.Errorf("%+v: want alert %d", got, number)
		}
	}
}

// remoteAlert goes by the text of an alert.
func TestEveryAlertHasItsOwnText(t *testing.T) {
	t.Parallel()
	texts := make(map[string]int)
	for number := range 256 {
		text := tls.AlertError(number).Error()
		if other, ok := texts[text]; ok {
			t.Errorf("alerts %d and %d are both %q", other, number, text)
		}
		texts[text] = number
	}
}

// The kubelet asks for a client certificate and takes none for an answer. A
// server that insists has shown its own by then.
func TestClientCertificateIsNotNeeded(t *testing.T) {
	t.Parallel()
	p := rotated(t)
	for _, auth := range []tls.ClientAuthType{tls.RequestClientCert, tls.RequireAnyClientCert} {
		eachVersion(t, func(t *testing.T, version uint16) {
			got := look(t, serveTLS(t, &tls.Config{Certificates: []tls.Certificate{p.tls()}, ClientAuth: auth, MaxVersion: version}), "")
			if got.Outcome != evidence.CertificateSeen || len(got.Chain) != 1 {
				t.Fatalf("%s: %+v: want the certificate", auth, got)
			}
			// In TLS 1.3 the client is done before the server can object.
			if want := auth == tls.RequestClientCert || version == tls.VersionTLS13; got.Completed != want || (got.Detail == "") != want {
				t.Errorf("%s: completed %t (%s), want %t", auth, got.Completed, got.Detail, want)
			}
		})
	}
}

// crypto/tls gives up on a certificate that crypto/x509 cannot parse, and does
// not hand it out: the reason is all there is.
func TestAnUnparsableCertificateSaysSo(t *testing.T) {
	t.Parallel()
	bad, key := negativeSerial(t)
	served := tls.Certificate{Certificate: [][]byte{bad}, PrivateKey: key}
	eachVersion(t, func(t *testing.T, version uint16) {
		got := look(t, serveTLS(t, &tls.Config{Certificates: []tls.Certificate{served}, MaxVersion: version}), "")
		if got.Outcome != evidence.Failed || !strings.Contains(got.Detail, "failed to parse certificate") {
			t.Errorf("%+v: want a failure that names the certificate", got)
		}
	})
}

func TestNotTLS(t *testing.T) {
	t.Parallel()
	plain := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: deadline}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = plain.Serve(listener) })
	t.Cleanup(func() {
		plain.Close()
		running.Wait()
	})
	addresses := map[string]string{
		"HTTP/1.1 400": listener.Addr().String(),
		"SSH-2.0-":     listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-x\x1b[2J\r\n") }),
		"+":            listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "+") }),
	}
	for want, address := range addresses {
		got := look(t, address, "")
		if got.Outcome != evidence.NotTLS || !strings.Contains(got.Detail, want) || strings.ContainsAny(got.Detail, "\x1b\n") {
			t.Errorf("%+v: want not-tls with %q", got, want)
		}
	}
}
