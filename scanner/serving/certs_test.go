package serving

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kletscan/scanner/evidence"
)

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) != "" {
		serveBench()
	}
	goleak.VerifyTestMain(m)
}

// issued is the moment at which the certificates of the tests begin, and
// yearEnd the one at which they end.
const (
	issued  = 1700000000
	year    = 365 * 24 * 60 * 60
	yearEnd = issued + year
)

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (p pair) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

// tls gives what a server presents: the certificate and the rest of its chain.
func (p pair) tls(rest ...pair) tls.Certificate {
	served := tls.Certificate{Certificate: [][]byte{p.cert.Raw}, PrivateKey: p.key}
	for _, r := range rest {
		served.Certificate = append(served.Certificate, r.cert.Raw)
	}
	return served
}

func (p pair) facts() evidence.Certificate { return Certificate(p.cert.Raw) }

func ecdsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// mint signs template with issuer, or with its own key if there is none.
// Without a key it makes one, and without dates it gives it a year.
func mint(t testing.TB, template x509.Certificate, key crypto.Signer, issuer *pair) pair {
	t.Helper()
	if key == nil {
		key = ecdsaKey(t)
	}
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(0x7f6e5d4c3b2a1908)
	}
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = time.Unix(issued, 0), time.Unix(yearEnd, 0)
	}
	if issuer == nil {
		issuer = &pair{cert: &template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, issuer.cert, key.Public(), issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pair{cert, key}
}

func ca(t testing.TB, name string) pair {
	t.Helper()
	return mint(t, x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
}

// node is the template of what the signer kubernetes.io/kubelet-serving issues.
func node(name string) x509.Certificate {
	return x509.Certificate{
		Subject:     pkix.Name{CommonName: "system:node:" + name, Organization: []string{"system:nodes"}},
		DNSNames:    []string{name},
		IPAddresses: []net.IP{net.IPv4(10, 0, 0, 7)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func rotated(t testing.TB) pair {
	t.Helper()
	cluster := ca(t, "kubernetes")
	return mint(t, node("worker-1"), nil, &cluster)
}

// static is an ordinary server certificate, as an operator's own CA issues it.
func static(t testing.TB) pair {
	t.Helper()
	company := ca(t, "Example Issuing CA 3")
	return mint(t, server("worker-1.example.com"), nil, &company)
}

func server(name string) x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// selfSigned is kubelet.crt from Kubernetes 1.10 on: a leaf, and the CA whose
// key nobody has (client-go, GenerateSelfSignedCertKey).
func selfSigned(t testing.TB) (leaf, throwAwayCA pair) {
	t.Helper()
	throwAwayCA = ca(t, fmt.Sprintf("worker-1-ca@%d", issued))
	template := server(fmt.Sprintf("worker-1@%d", issued+2))
	return mint(t, template, rsaKey(t), &throwAwayCA), throwAwayCA
}

// selfSignedOld is kubelet.crt up to Kubernetes 1.9: one certificate.
func selfSignedOld(t testing.TB) pair {
	t.Helper()
	template := server(fmt.Sprintf("worker-1@%d", issued))
	template.IsCA, template.BasicConstraintsValid = true, true
	return mint(t, template, rsaKey(t), nil)
}

// negativeSerial is a certificate that crypto/x509 refuses.
func negativeSerial(t testing.TB) (der []byte, key crypto.Signer) {
	t.Helper()
	p := static(t)
	serial := p.cert.SerialNumber.Bytes()
	negative := bytes.Clone(serial)
	negative[0] = 0xff
	return bytes.Replace(p.cert.Raw, serial, negative, 1), p.key
}

// missing skips a test that needs something this machine lacks, loudly; in CI
// it fails instead.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI lacks %s", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: this machine lacks %s", what)
}
