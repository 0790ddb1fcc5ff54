package serving

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner/evidence"
)

func TestKindFollowsTheNames(t *testing.T) {
	t.Parallel()
	cluster, leaf := ca(t, "kubernetes"), x509.Certificate{}
	leaf14, throwAwayCA := selfSigned(t)
	k3s := ca(t, fmt.Sprintf("k3s-server-ca@%d", issued))
	rke2 := ca(t, fmt.Sprintf("rke2-server-ca@%d", issued))
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*x509.Certificate)) x509.Certificate {
		leaf = node("worker-1")
		change(&leaf)
		return leaf
	}
	stamp := fmt.Sprintf("@%d", issued)
	tests := []struct {
		name string
		cert pair
		want Class
	}{
		{"issued for the signer kubelet-serving", mint(t, node("worker-1"), nil, &cluster), Rotated},
		{"the type of key does not decide", mint(t, node("worker-1"), edKey, &cluster), Rotated},
		{"the CA of k3s is named like a throw-away one", mint(t, node("worker-1"), nil, &k3s), Rotated},
		{"the CA of RKE2 likewise", mint(t, node("worker-1"), nil, &rke2), Rotated},
		{"a node may be named like a kubelet.crt", mint(t, node("a"+stamp), nil, &cluster), Rotated},
		{"more usages than asked for", mint(t, with(func(c *x509.Certificate) {
			c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
		}), nil, &cluster), Rotated},

		{"up to 1.9: one certificate", selfSignedOld(t), SelfSigned},
		{"from 1.10 on: a leaf and its throw-away CA, seconds apart", leaf14, SelfSigned},
		{"an IP address for a host name", mint(t, server("10.0.0.7"+stamp), nil, &throwAwayCA), SelfSigned},
		{"the type of key does not decide here either", mint(t, server("worker-1"+stamp), nil, &throwAwayCA), SelfSigned},
		{"a node's longest name", mint(t, server(strings.Repeat("n", 253)+stamp), nil, &throwAwayCA), SelfSigned},

		{"a company's CA", static(t), Static},
		{"rotated names from a throw-away CA", mint(t, node("worker-1"), nil, &throwAwayCA), Static},
		{"rotated names, self-signed", mint(t, node("worker-1"), nil, nil), Static},
		{"the client certificate of a node", mint(t, with(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}), nil, &cluster), Static},
		{"no usages at all", mint(t, with(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), nil, &cluster), Static},
		{"a node's name without the organization", mint(t, with(func(c *x509.Certificate) { c.Subject.Organization = nil }), nil, &cluster), Static},
		{"one organization too many", mint(t, with(func(c *x509.Certificate) {
			c.Subject.Organization = append(c.Subject.Organization, "system:masters")
		}), nil, &cluster), Static},
		{"no name behind system:node:", mint(t, node(""), nil, &cluster), Static},
		{"a name in another case", mint(t, with(func(c *x509.Certificate) { c.Subject.CommonName = "System:Node:a" }), nil, &cluster), Static},
		{"blanks around the name", mint(t, with(func(c *x509.Certificate) { c.Subject.CommonName = " system:node:a" }), nil, &cluster), Static},
		{"HOST@SECONDS from another CA", mint(t, server("worker-1"+stamp), nil, &cluster), Static},
		{"nine digits are no time", mint(t, server("worker-1@123456789"), nil, nil), Static},
		{"eleven neither", mint(t, server("worker-1@12345678901"), nil, nil), Static},
		{"a time without a host", mint(t, server(stamp), nil, nil), Static},
		{"no common name", mint(t, x509.Certificate{DNSNames: []string{"worker-1"}}, nil, &cluster), Static},
		{"no names at all", mint(t, x509.Certificate{}, nil, nil), Static},
		{"k3s: its own for the kubelet", mint(t, server("worker-1"), nil, &k3s), Static},
	}
	for _, test := range tests {
		facts := test.cert.facts()
		if got, why := Kind(&facts); got != test.want {
			t.Errorf("%s: %s (%s), want %s", test.name, got, why, test.want)
		}
	}
}

func TestUnparsableIsNotObservedAndNotLost(t *testing.T) {
	t.Parallel()
	der, _ := negativeSerial(t)
	for name, der := range map[string][]byte{"negative serial": der, "cut off": der[:100], "no DER": []byte("x"), "empty": nil} {
		facts := Certificate(der)
		if got, _ := Kind(&facts); got != NotObserved || facts.Unparsable == "" || len(facts.SHA256) != 64 || string(facts.DER) != string(der) {
			t.Errorf("%s: %s, %+v: want not-observed, with a reason, the fingerprint and the bytes", name, got, facts)
		}
	}
}

func TestFactsOfACertificate(t *testing.T) {
	t.Parallel()
	p := rotated(t)
	got := p.facts()
	if len(got.SHA256) != 64 || string(got.DER) != string(p.cert.Raw) {
		t.Errorf("fingerprint %q of %d bytes of DER, want 64 digits and all %d bytes", got.SHA256, len(got.DER), len(p.cert.Raw))
	}
	got.SHA256, got.DER = "", nil
	want := evidence.Certificate{
		Subject: evidence.Name{CommonName: "system:node:worker-1", Organization: []string{"system:nodes"}},
		Issuer:  evidence.Name{CommonName: "kubernetes"},
		Serial:  "7f6e5d4c3b2a1908", NotBefore: issued, NotAfter: yearEnd,
		DNSNames: []string{"worker-1"}, IPAddresses: []string{"10.0.0.7"}, SANs: 2,
		KeyType: "ECDSA", KeyBits: 256, ExtKeyUsages: []string{"serverAuth"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	old := selfSignedOld(t).facts()
	if !old.IsCA || !old.SelfIssued || old.KeyType != "RSA" || old.KeyBits != 2048 {
		t.Errorf("%+v: want a self-issued CA with 2048 bits of RSA", old)
	}
}

func TestFactsAreBounded(t *testing.T) {
	t.Parallel()
	template := node("worker-1")
	for i := range 3000 {
		template.DNSNames = append(template.DNSNames, fmt.Sprintf("%d.example.com", i))
		template.IPAddresses = append(template.IPAddresses, net.IPv4(10, 0, byte(i>>8), byte(i)))
	}
	template.Subject.CommonName += strings.Repeat("é", 5000)
	template.Subject.OrganizationalUnit = []string{"x"}
	cluster := ca(t, "kubernetes")
	p := mint(t, template, nil, &cluster)
	got := p.facts()
	if len(p.cert.Raw) <= derLimit {
		t.Fatalf("the certificate has %d bytes: too short for this test", len(p.cert.Raw))
	}
	if got.DER != nil || len(got.SHA256) != 64 {
		t.Errorf("%d bytes of DER kept, fingerprint %q: want none, and the fingerprint", len(got.DER), got.SHA256)
	}
	if len(got.DNSNames) != nameLimit || len(got.IPAddresses) != nameLimit || got.SANs != 6002 {
		t.Errorf("%d and %d names of %d, want %d each of 6002", len(got.DNSNames), len(got.IPAddresses), got.SANs, nameLimit)
	}
	if cn := got.Subject.CommonName; len(cn) > textLimit || !strings.HasSuffix(cn, "é…") {
		t.Errorf("common name of %d bytes, want at most %d whole characters", len(cn), textLimit)
	}
	if class, _ := Kind(&got); class != Rotated {
		t.Errorf("%s, want rotated: what is cut off decides nothing", class)
	}
}

// JSON must not change the facts, and not every text in a certificate is UTF-8.
func TestFactsAreUTF8(t *testing.T) {
	t.Parallel()
	p := mint(t, x509.Certificate{Subject: pkix.Name{CommonName: "abcdefgh"}}, nil, nil)
	const printable, t61 = "\x13\x08abcdefgh", "\x14\x08abc\xff\xfefgh"
	got := Certificate([]byte(strings.ReplaceAll(string(p.cert.Raw), printable, t61)))
	if cn := got.Subject.CommonName; got.Unparsable != "" || !utf8.ValidString(cn) || !strings.HasPrefix(cn, "abc") {
		t.Errorf("common name %q (%s), want UTF-8", cn, got.Unparsable)
	}
	if cn := fact("abc\xff\xfefgh"); cn != "abc\ufffdfgh" {
		t.Errorf("%q, want the bytes that are not UTF-8 replaced", cn)
	}
}

func TestClassifyByOutcome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		attempt evidence.Attempt
		want    Class
		why     string
	}{
		{evidence.Attempt{Outcome: evidence.AlertInternalError}, NoneYet, "CSR"},
		{evidence.Attempt{Outcome: evidence.Refused}, NoListener, "refused"},
		{evidence.Attempt{Outcome: evidence.NotTLS, Detail: "it answers HTTP"}, NotTLS, "it answers HTTP"},
		{evidence.Attempt{Outcome: evidence.AlertOther, Alert: 40, Detail: "handshake failure"}, NotObserved, "handshake failure"},
		{evidence.Attempt{Outcome: evidence.ForwardingRefused, Detail: "prohibited"}, NotObserved, "forward"},
		{evidence.Attempt{Outcome: evidence.TimedOut}, NotObserved, "in time"},
		{evidence.Attempt{Outcome: evidence.Closed}, NotObserved, "closed"},
		{evidence.Attempt{Outcome: evidence.Failed, Detail: "a\nb"}, NotObserved, "a b"},
		{evidence.Attempt{Outcome: evidence.CertificateSeen}, NotObserved, "not kept"},
		{evidence.Attempt{}, NotObserved, "no certificate"},
		{evidence.Attempt{Outcome: "of a later version"}, NotObserved, "no certificate"},
	}
	for _, test := range tests {
		got := Classify(evidence.Serving{Attempts: []evidence.Attempt{test.attempt}}, issued)
		if got.Class != test.want || !strings.Contains(got.Why, test.why) {
			t.Errorf("%q: %s (%s), want %s with %q", test.attempt.Outcome, got.Class, got.Why, test.want, test.why)
		}
		if got.Life.Known || got.Certificate() != nil {
			t.Errorf("%q: a life or a certificate without one", test.attempt.Outcome)
		}
	}
}

func seen(method evidence.Method, sni string, certs ...pair) evidence.Attempt {
	attempt := evidence.Attempt{Method: method, SNI: sni, Outcome: evidence.CertificateSeen, Sent: len(certs)}
	for _, p := range certs {
		attempt.Chain = append(attempt.Chain, p.facts())
	}
	return attempt
}

func TestClassifyDecidesAmongAttempts(t *testing.T) {
	t.Parallel()
	on, fixed := rotated(t), static(t)
	own, _ := selfSigned(t)
	der, _ := negativeSerial(t)
	junk := evidence.Attempt{Method: evidence.Handshake, Outcome: evidence.CertificateSeen, Chain: []evidence.Certificate{Certificate(der)}}
	failed := func(outcome evidence.Outcome, sni string) evidence.Attempt {
		return evidence.Attempt{Method: evidence.Handshake, SNI: sni, Outcome: outcome}
	}
	type attempts = []evidence.Attempt
	const name = "worker-1"
	tests := []struct {
		name     string
		attempts attempts
		want     Class
		bySNI    Class
		masked   bool
	}{
		{"nothing was tried", nil, NotObserved, NotObserved, false},
		{"up to 1.35 the static certificate masks the rotated one", attempts{seen(evidence.Handshake, "", fixed), seen(evidence.Handshake, name, on)}, Static, Rotated, true},
		{"in any order", attempts{seen(evidence.Handshake, name, on), seen(evidence.Handshake, "", fixed)}, Static, Rotated, true},
		{"from 1.36 on it does not", attempts{seen(evidence.Handshake, "", on), seen(evidence.Handshake, name, on)}, Rotated, Rotated, false},
		{"masked and not issued yet", attempts{seen(evidence.Handshake, "", fixed), failed(evidence.AlertInternalError, name)}, Static, NoneYet, false},
		{"what tells something goes before what does not", attempts{failed(evidence.Closed, ""), seen(evidence.Handshake, name, on)}, Rotated, Rotated, false},
		{"a refused forwarding, then openssl", attempts{failed(evidence.ForwardingRefused, ""), seen(evidence.OpenSSL, "", own)}, SelfSigned, NotObserved, false},
		{"disk last", attempts{seen(evidence.Disk, "", on), seen(evidence.OpenSSL, "", own)}, SelfSigned, NotObserved, false},
		{"no listener goes before a file", attempts{failed(evidence.Refused, ""), seen(evidence.Disk, "", on)}, NoListener, NotObserved, false},
		{"disk alone", attempts{failed(evidence.ForwardingRefused, ""), seen(evidence.Disk, "", on)}, Rotated, NotObserved, false},
		{"the earlier of two equals", attempts{seen(evidence.OpenSSL, "", own), seen(evidence.Handshake, "", on)}, SelfSigned, NotObserved, false},
		{"unparsable, then a file", attempts{junk, seen(evidence.Disk, "", fixed)}, Static, NotObserved, false},
		{"unparsable", attempts{junk}, NotObserved, NotObserved, false},
	}
	for _, test := range tests {
		got := Classify(evidence.Serving{Attempts: test.attempts}, issued+1)
		if got.Class != test.want || got.BySNI != test.bySNI || got.Masked() != test.masked {
			t.Errorf("%s: %s, by SNI %s, masked %t (%s); want %s, %s, %t",
				test.name, got.Class, got.BySNI, got.Masked(), got.Why, test.want, test.bySNI, test.masked)
		}
		if (got.Class == NotObserved) != (got.Attempt.Outcome == "") {
			t.Errorf("%s: %s decided by %+v", test.name, got.Class, got.Attempt)
		}
	}
}

func TestDiskIsLabelled(t *testing.T) {
	t.Parallel()
	attempt := seen(evidence.Disk, "", rotated(t))
	attempt.Path = "/var/lib/kubelet/pki/kubelet-server-current.pem"
	got := Classify(evidence.Serving{Attempts: []evidence.Attempt{attempt}}, issued)
	if !strings.Contains(got.Why, "read from disk") || !strings.Contains(got.Why, attempt.Path) {
		t.Errorf("why %q: want the file, and that the kubelet may serve another", got.Why)
	}
}

func TestTheReasonForNotLookingIsKept(t *testing.T) {
	t.Parallel()
	serving := evidence.Serving{Reason: "--no-serving was given"}
	if got := Classify(serving, 0); got.Class != NotObserved || got.Why != serving.Reason {
		t.Errorf("%s (%s), want not-observed for the reason given", got.Class, got.Why)
	}
	if got := Classify(evidence.Serving{}, 0); got.Class != NotObserved || got.Why == "" {
		t.Errorf("%s (%s), want not-observed and why", got.Class, got.Why)
	}
}

func TestClassWordsSurviveText(t *testing.T) {
	t.Parallel()
	for class := NotObserved; class <= NotTLS; class++ {
		text, err := class.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got := Class(200)
		if err := got.UnmarshalText(text); err != nil || got != class {
			t.Errorf("%q gives %v, %v", text, got, err)
		}
	}
	if err := new(Class).UnmarshalText([]byte("passed")); err == nil {
		t.Error("an unknown word is accepted")
	}
	if s := Class(200).String(); s != "Class(200)" {
		t.Error(s)
	}
}

// Evidence that was saved and read again is judged alike.
func TestServingSurvivesJSON(t *testing.T) {
	t.Parallel()
	leaf, throwAwayCA := selfSigned(t)
	der, _ := negativeSerial(t)
	attempt := seen(evidence.Handshake, "worker-1", leaf, throwAwayCA)
	attempt.Chain = append(attempt.Chain, Certificate(der))
	attempt.TLSVersion, attempt.Completed = "TLS 1.3", true
	want := evidence.Serving{Address: "127.0.0.1:10250", Attempts: []evidence.Attempt{
		attempt, {Method: evidence.OpenSSL, Outcome: evidence.AlertOther, Alert: 40, Detail: "a\tb"}, {},
	}}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got evidence.Serving
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Classify(want, issued), Classify(got, issued)); diff != "" {
		t.Error(diff)
	}
	if data, err := json.Marshal(evidence.Serving{}); err != nil || string(data) != "{}" {
		t.Errorf("nobody looked: %s, %v, want {}", data, err)
	}
}
