package serving

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
)

func TestParsePEMKeepsTheOrder(t *testing.T) {
	t.Parallel()
	leaf, throwAwayCA := selfSigned(t)
	got := ParsePEM(append(leaf.pem(), throwAwayCA.pem()...))
	if got.Method != evidence.Disk || got.Outcome != evidence.CertificateSeen || got.Completed || got.Sent != 2 || len(got.Chain) != 2 {
		t.Fatalf("%+v: want two certificates from disk", got)
	}
	if got.Chain[0].SHA256 != leaf.facts().SHA256 || got.Chain[1].SHA256 != throwAwayCA.facts().SHA256 {
		t.Error("want the kubelet's own certificate first, then its CA's")
	}
}

func TestParsePEMKeepsNothingBesideAPrivateKey(t *testing.T) {
	t.Parallel()
	p := rotated(t)
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for name, text := range map[string][]byte{
		"behind the certificate": append(p.pem(), key...),
		"before it":              append(bytes.Clone(key), p.pem()...),
		"cut off":                append(p.pem(), key[:60]...),
		"of the old kind":        append(p.pem(), bytes.ReplaceAll(key, []byte("PRIVATE"), []byte("EC PRIVATE"))...),
		"alone":                  key,
	} {
		got := ParsePEM(text)
		if got.Outcome != evidence.Failed || len(got.Chain) > 0 || !strings.Contains(got.Detail, "private key") {
			t.Errorf("%s: %+v, want a refusal", name, got)
		}
		kept, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if body := string(bytes.Split(key, []byte("\n"))[1][:30]); bytes.Contains(kept, []byte(body)) {
			t.Errorf("%s: the key was kept", name)
		}
	}
}

func TestParsePEMRefusesWhatIsNoCertificate(t *testing.T) {
	t.Parallel()
	p := rotated(t)
	for name, text := range map[string][]byte{
		"empty":         nil,
		"text":          []byte("cat: permission denied"),
		"cut off":       p.pem()[:100],
		"another block": bytes.ReplaceAll(p.pem(), []byte("CERTIFICATE"), []byte("CERTIFICATE REQUEST")),
		"too long":      bytes.Repeat(p.pem(), byteLimit/len(p.pem())+1),
	} {
		if got := ParsePEM(text); got.Outcome != evidence.Failed || got.Detail == "" || len(got.Chain) > 0 {
			t.Errorf("%s: %+v, want an error with a reason", name, got)
		}
	}
}

func TestChainIsBounded(t *testing.T) {
	t.Parallel()
	got := ParsePEM(bytes.Repeat(rotated(t).pem(), 100))
	if got.Sent != 100 || len(got.Chain) != chainLimit {
		t.Errorf("%d of %d kept, want %d of 100", len(got.Chain), got.Sent, chainLimit)
	}
}
