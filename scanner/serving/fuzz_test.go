package serving

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner/evidence"
)

// checkAttempt checks what holds of every attempt, whatever it was made of.
func checkAttempt(t *testing.T, got evidence.Attempt) {
	t.Helper()
	if (got.Outcome == evidence.CertificateSeen) != (len(got.Chain) > 0) || got.Outcome == "" {
		t.Errorf("%s with %d certificates", got.Outcome, len(got.Chain))
	}
	if len(got.Chain) > chainLimit || len(got.Chain) > got.Sent || got.Completed && len(got.Chain) == 0 {
		t.Errorf("%d certificates of %d, completed %t", len(got.Chain), got.Sent, got.Completed)
	}
	if len(got.Detail) > textLimit || strings.ContainsAny(got.Detail, "\r\n\x1b") {
		t.Errorf("detail %q", got.Detail)
	}
	for _, cert := range got.Chain {
		if len(cert.SHA256) != 64 || len(cert.DER) > derLimit || len(cert.DNSNames) > nameLimit || !utf8.ValidString(cert.Subject.CommonName) {
			t.Errorf("certificate %+v", cert)
		}
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var again evidence.Attempt
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Classify(evidence.Serving{Attempts: []evidence.Attempt{got}}, issued), Classify(evidence.Serving{Attempts: []evidence.Attempt{again}}, issued)); diff != "" {
		t.Errorf("judged again it is another (-before +after):\n%s", diff)
	}
}

func FuzzParseOpenSSL(f *testing.F) {
	p := static(f).pem()
	f.Add([]byte(noPeer))
	f.Add([]byte("SSL alert number 80\nconnect:errno=111"))
	f.Add(append(p, "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n"...))
	f.Fuzz(func(t *testing.T, output []byte) {
		got := ParseOpenSSL(output)
		checkAttempt(t, got)
		if got.Alert < 0 || got.Alert > 255 || got.Alert == 80 && got.Outcome == evidence.AlertOther {
			t.Errorf("%s with alert %d", got.Outcome, got.Alert)
		}
	})
}

func FuzzParsePEM(f *testing.F) {
	leaf, throwAwayCA := selfSigned(f)
	f.Add(append(leaf.pem(), throwAwayCA.pem()...))
	f.Add([]byte("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := ParsePEM(text)
		checkAttempt(t, got)
		if strings.Contains(string(text), "PRIVATE KEY") && len(got.Chain) > 0 {
			t.Error("certificates were kept from beside a private key")
		}
		if _, why := SignedBy(got.Chain, text); strings.ContainsAny(why, "\r\n") {
			t.Errorf("why %q", why)
		}
	})
}

func FuzzClassify(f *testing.F) {
	leaf, throwAwayCA := selfSigned(f)
	for _, attempt := range []evidence.Attempt{seen(evidence.Handshake, "", leaf, throwAwayCA), seen(evidence.Disk, "", rotated(f)), seen(evidence.OpenSSL, "a", static(f))} {
		data, err := json.Marshal(evidence.Serving{Attempts: []evidence.Attempt{attempt, {Outcome: evidence.AlertInternalError}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, int64(issued))
	}
	f.Add([]byte(`{"attempts":[{"outcome":"certificate","chain":[{"not_before":-9223372036854775808,"not_after":9223372036854775807}]}]}`), int64(1))
	f.Fuzz(func(t *testing.T, data []byte, now int64) {
		var serving evidence.Serving
		if json.Unmarshal(data, &serving) != nil {
			t.Skip()
		}
		got := Classify(serving, now)
		if got.Why == "" || strings.ContainsAny(got.Why, "\r\n\x1b") {
			t.Errorf("why %q: want one line", got.Why)
		}
		if got.Class == NotObserved && (got.Attempt.Outcome != "" || got.Life.Known) || got.Life.Known && got.Certificate() == nil {
			t.Errorf("%s: %+v", got.Class, got)
		}
		if got.Life.Overdue && got.Class != Rotated || got.Life.Expired && got.Life.Used <= 1 || got.Life.Expired && got.Life.NotYet {
			t.Errorf("%s: %+v", got.Class, got.Life)
		}
		if diff := cmp.Diff(got, Classify(serving, now)); diff != "" {
			t.Errorf("not the same twice:\n%s", diff)
		}
		for _, attempt := range serving.Attempts {
			SignedBy(attempt.Chain, leaf.pem())
		}
	})
}
