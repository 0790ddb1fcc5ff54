package serving

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"
	"time"

	"kletscan/scanner/evidence"
)

func TestSignedBy(t *testing.T) {
	t.Parallel()
	cluster, other, impostor := ca(t, "kubernetes"), ca(t, "other"), ca(t, "kubernetes")
	leaf := mint(t, node("worker-1"), nil, &cluster)
	intermediate := mint(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "intermediate"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, &cluster)
	deep := mint(t, node("worker-1"), nil, &intermediate)
	expired := node("worker-1")
	expired.NotBefore, expired.NotAfter = time.Unix(1, 0), time.Unix(2, 0)
	own, throwAwayCA := selfSigned(t)
	junk, _ := negativeSerial(t)

	chain := func(pairs ...pair) []evidence.Certificate { return seen(evidence.Handshake, "", pairs...).Chain }
	bundle := func(pairs ...pair) (text []byte) {
		for _, p := range pairs {
			text = append(text, p.pem()...)
		}
		return text
	}
	tests := []struct {
		name  string
		chain []evidence.Certificate
		ca    []byte
		want  Signed
		why   string
	}{
		{"the cluster's CA", chain(leaf), bundle(cluster), SignedYes, ""},
		{"any of a bundle, as while a CA is replaced", chain(leaf), bundle(other, cluster), SignedYes, ""},
		{"through a certificate of the chain", chain(deep, other, intermediate), bundle(cluster), SignedYes, ""},
		{"dates are another question", chain(mint(t, expired, nil, &cluster)), bundle(cluster), SignedYes, ""},
		{"text around the blocks", chain(leaf), append([]byte("# CA\n"), bundle(cluster)...), SignedYes, ""},
		{"another CA", chain(leaf), bundle(other), SignedNo, `"kubernetes"`},
		{"a CA of the same name", chain(leaf), bundle(impostor), SignedNo, `"kubernetes"`},
		{"the link is missing", chain(deep), bundle(cluster), SignedNo, `"intermediate"`},
		{"a throw-away CA that comes along is not the cluster's", chain(own, throwAwayCA), bundle(cluster), SignedNo, "worker-1-ca@"},
		{"a leaf is no CA", chain(mint(t, node("worker-2"), nil, &leaf)), bundle(leaf), SignedNo, "worker-1"},
		{"nothing seen", nil, bundle(cluster), SignedUnknown, "no certificate was seen"},
		{"an empty file", chain(leaf), nil, SignedUnknown, "CA file"},
		{"no PEM", chain(leaf), []byte("denied"), SignedUnknown, "CA file"},
		{"too long a file", chain(leaf), bytes.Repeat([]byte("#"), byteLimit+1), SignedUnknown, "too long"},
		{"too many CAs", chain(leaf), bytes.Repeat(cluster.pem(), caLimit+1), SignedUnknown, "too long"},
		{"the certificate was not kept", []evidence.Certificate{{SHA256: "x"}}, bundle(cluster), SignedUnknown, "cannot be read"},
		{"the certificate is unparsable", []evidence.Certificate{Certificate(junk)}, bundle(cluster), SignedUnknown, "negative serial"},
	}
	for _, test := range tests {
		got, why := SignedBy(test.chain, test.ca)
		if got != test.want || !strings.Contains(why, test.why) || (why == "") != (test.want == SignedYes) {
			t.Errorf("%s: %s (%s), want %s with %q", test.name, got, why, test.want, test.why)
		}
	}
}

// What Go does not verify any more may still be right: unknown, not no.
func TestSignedByAnOldAlgorithmIsUnknown(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	old := mint(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, key, nil)
	leaf := mint(t, node("worker-1"), nil, &old)
	sha256WithRSA, sha1WithRSA := "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"
	der := strings.ReplaceAll(string(leaf.cert.Raw), sha256WithRSA, sha1WithRSA)
	got, why := SignedBy([]evidence.Certificate{Certificate([]byte(der))}, old.pem())
	if got != SignedUnknown || !strings.Contains(why, "SHA1") {
		t.Errorf("%s (%s), want unknown because of SHA1", got, why)
	}
}

func TestSignedWords(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprint(SignedUnknown, SignedYes, SignedNo, Signed(9)); got != "unknown yes no Signed(9)" {
		t.Error(got)
	}
}
