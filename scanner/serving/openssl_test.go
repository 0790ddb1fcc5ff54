package serving

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
)

const noPeer = `CONNECTED(00000003)
---
no peer certificate available
---
No client certificate CA names sent
---
SSL handshake has read 7 bytes and written 297 bytes
Verification: OK
---
New, (NONE), Cipher is (NONE)
Secure Renegotiation IS NOT supported
`

// The lines that decide, as versions of openssl print them.
func TestOpenSSLFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, output string
		want         evidence.Outcome
		alert        int
	}{
		{"0.9.8", "24178:error:14077438:SSL routines:SSL23_GET_SERVER_HELLO:tlsv1 alert internal error:s23_clnt.c:602:\n", evidence.AlertInternalError, 80},
		{"1.0.2", "140048580646800:error:14094438:SSL routines:ssl3_read_bytes:tlsv1 alert internal error:s3_pkt.c:1493:SSL alert number 80\n" + noPeer, evidence.AlertInternalError, 80},
		{"1.0.2, SSLv3 name", "1400:error:14094438:SSL routines:SSL3_READ_BYTES:sslv3 alert internal error:s3_pkt.c:1493:\n", evidence.AlertInternalError, 80},
		{"1.1.1", "140011552446400:error:14094438:SSL routines:ssl3_read_bytes:tlsv1 alert internal error:../ssl/record/rec_layer_s3.c:1565:SSL alert number 80\n" + noPeer, evidence.AlertInternalError, 80},
		{"3.0", noPeer + "80ECAD96ED700000:error:0A000438:SSL routines:ssl3_read_bytes:tlsv1 alert internal error:../ssl/record/rec_layer_s3.c:1590:SSL alert number 80\n", evidence.AlertInternalError, 80},
		{"3.0 without a function", "error:0A000438:SSL routines::tlsv1 alert internal error:ssl/record/rec_layer_s3.c:918:SSL alert number 80\r\n", evidence.AlertInternalError, 80},

		{"protocol version", "40171F8C817F0000:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:../ssl/record/rec_layer_s3.c:1593:SSL alert number 70\n" + noPeer, evidence.AlertOther, 70},
		{"handshake failure, 1.0", "1:error:14077410:SSL routines:SSL23_GET_SERVER_HELLO:sslv3 alert handshake failure:s23_clnt.c:769:\n", evidence.AlertOther, 0},

		{"refused, 1.0", "connect: Connection refused\nconnect:errno=111\n", evidence.Refused, 0},
		{"refused, 1.1.1", "140217042560128:error:0200206F:system library:connect:Connection refused:../crypto/bio/b_sock2.c:110:\n140217042560128:error:2008A067:BIO routines:BIO_connect:connect error:../crypto/bio/b_sock2.c:111:\nconnect:errno=111\n", evidence.Refused, 0},
		{"refused, 3.0", "804B7542827F0000:error:8000006F:system library:BIO_connect:Connection refused:../crypto/bio/bio_sock2.c:117:calling connect()\nconnect:errno=111\n", evidence.Refused, 0},
		{"refused, in another language", "connect: Verbindungsaufbau abgelehnt\nconnect:errno=111\n", evidence.Refused, 0},
		{"timeout", "connect: Connection timed out\nconnect:errno=110\n", evidence.TimedOut, 0},
		{"no route", "connect: No route to host\nconnect:errno=113\n", evidence.Failed, 0},

		{"HTTP, 1.0", "15595:error:140770FC:SSL routines:SSL23_GET_SERVER_HELLO:unknown protocol:s23_clnt.c:607:\n" + noPeer, evidence.NotTLS, 0},
		{"HTTP, 3.0", "802B1335F77F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:350:\n" + noPeer, evidence.NotTLS, 0},
		{"reset, 1.1.1", noPeer + "write:errno=104\n", evidence.Closed, 0},
		{"closed, 1.1.1", noPeer + "write:errno=0\n", evidence.Closed, 0},
		{"closed, 3.0", "error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:../ssl/record/rec_layer_s3.c:317:\n" + noPeer, evidence.Closed, 0},
		{"closed, 1.0", "1:error:140790E5:SSL routines:ssl23_write:ssl handshake failure:s23_lib.c:177:\n" + noPeer, evidence.Closed, 0},

		{"no openssl", "sh: 1: openssl: not found\n", evidence.Failed, 0},
		{"no certificate, no reason", noPeer, evidence.Failed, 0},
		{"nothing", "", evidence.Failed, 0},
		{"an alert that is none", "SSL alert number 999\n", evidence.Failed, 0},
	}
	for _, test := range tests {
		got := ParseOpenSSL([]byte(test.output))
		if got.Outcome != test.want || got.Alert != test.alert || got.Method != evidence.OpenSSL || got.Completed || len(got.Chain) > 0 {
			t.Errorf("%s: %+v: want %s, alert %d", test.name, got, test.want, test.alert)
		}
		if (got.Detail == "" && got.Outcome == evidence.Failed) || strings.ContainsAny(got.Detail, "\r\n") {
			t.Errorf("%s: detail %q: want one line", test.name, got.Detail)
		}
	}
}

func TestOpenSSLVersionOfTLS(t *testing.T) {
	t.Parallel()
	p := string(static(t).pem())
	tests := []struct {
		output, version string
		completed       bool
	}{
		{p + "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n", "TLS 1.3", true},
		{p + "New, TLSv1.2, Cipher is ECDHE-RSA-AES128-GCM-SHA256\nSSL-Session:\n    Protocol  : TLSv1.2\n", "TLS 1.2", true},
		{p + "New, TLSv1/SSLv3, Cipher is ECDHE-RSA-AES128-GCM-SHA256\nSSL-Session:\n    Protocol  : TLSv1.2\n", "TLS 1.2", true},
		{p + "New, (NONE), Cipher is (NONE)\nSSL-Session:\n    Protocol  : TLSv1.2\n", "TLS 1.2", false},
		{p, "", false},
	}
	for _, test := range tests {
		got := ParseOpenSSL([]byte(test.output))
		if got.Outcome != evidence.CertificateSeen || got.TLSVersion != test.version || got.Completed != test.completed {
			t.Errorf("%+v: want %q, completed %t", got, test.version, test.completed)
		}
	}
}

// A name that a peer chose must not pass for openssl's own words.
func TestOpenSSLCertificateGoesBeforeWords(t *testing.T) {
	t.Parallel()
	output := append([]byte("depth=0 CN = Connection refused SSL alert number 80\n"), static(t).pem()...)
	if got := ParseOpenSSL(output); got.Outcome != evidence.CertificateSeen || got.Alert != 0 {
		t.Errorf("%+v: want the certificate", got)
	}
}

func TestOpenSSLOutputIsBounded(t *testing.T) {
	t.Parallel()
	output := append(bytes.Repeat([]byte("x"), byteLimit), static(t).pem()...)
	if got := ParseOpenSSL(output); got.Outcome != evidence.Failed || len(got.Detail) > textLimit {
		t.Errorf("%+v: want nothing from beyond the limit", got)
	}
}

// openSSL runs the real thing against address.
func openSSL(t *testing.T, address string, args ...string) []byte {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		missing(t, "openssl")
	}
	cmd := exec.CommandContext(t.Context(), openssl, append([]string{"s_client", "-connect", address, "-showcerts"}, args...)...)
	output, err := cmd.CombinedOutput() // standard input is empty
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return output
}

// The two ways to look must see the same.
func TestHandshakeAgreesWithOpenSSL(t *testing.T) {
	t.Parallel()
	fixed, on := static(t), rotated(t)
	leaf, throwAwayCA := selfSigned(t)
	current := on.tls()
	configs := map[string]*tls.Config{
		"self-signed": {Certificates: []tls.Certificate{leaf.tls(throwAwayCA)}},
		"by SNI": {
			Certificates:   []tls.Certificate{fixed.tls()},
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &current, nil },
		},
		"none yet": {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, io.EOF }},
		"client":   {Certificates: []tls.Certificate{on.tls()}, ClientAuth: tls.RequestClientCert},
	}
	for name, config := range configs {
		eachVersion(t, func(t *testing.T, version uint16) {
			config := config.Clone()
			config.MaxVersion = version
			address := serveTLS(t, config)
			for _, sni := range []string{"", "worker-1"} {
				var args []string
				if sni != "" {
					args = []string{"-servername", sni}
				}
				output := openSSL(t, address, args...)
				theirs, ours := ParseOpenSSL(output), look(t, address, sni)
				if theirs.Outcome != ours.Outcome || theirs.Alert != ours.Alert || theirs.TLSVersion != ours.TLSVersion || theirs.Sent != ours.Sent {
					t.Errorf("%s, SNI %q:\nopenssl   %+v\nhandshake %+v\n%s", name, sni, theirs, ours, output)
				}
				if theirs.Completed != ours.Completed {
					t.Errorf("%s, SNI %q: completed %t by openssl, %t by handshake", name, sni, theirs.Completed, ours.Completed)
				}
				for i := range min(len(theirs.Chain), len(ours.Chain)) {
					if theirs.Chain[i].SHA256 != ours.Chain[i].SHA256 {
						t.Errorf("%s, SNI %q: certificate %d differs", name, sni, i)
					}
				}
			}
		})
	}
}

func TestOpenSSLAgainstWhatIsNoKubelet(t *testing.T) {
	t.Parallel()
	tests := map[evidence.Outcome]string{
		evidence.Refused: "127.0.0.1:1", // tcpmux, which nobody runs
		evidence.NotTLS:  listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") }),
		evidence.Closed:  listen(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) }),
	}
	for want, address := range tests {
		output := openSSL(t, address)
		if got := ParseOpenSSL(output); got.Outcome != want {
			t.Errorf("%+v: want %s\n%s", got, want, output)
		}
	}
}
