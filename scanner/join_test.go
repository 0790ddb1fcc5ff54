package scanner

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// clock is the node's own, in the middle of a certificate's life.
const (
	day   = 24 * 60 * 60
	clock = 1_800_000_000
)

// look is one attempt that saw a certificate, or none.
func look(sni string, cert *evidence.Certificate, outcome evidence.Outcome) evidence.Attempt {
	a := evidence.Attempt{Method: evidence.Handshake, SNI: sni, Outcome: outcome}
	if cert != nil {
		cert.NotBefore, cert.NotAfter = cmp.Or(cert.NotBefore, clock-100*day), cmp.Or(cert.NotAfter, clock+265*day)
		a.Outcome, a.Chain, a.Sent, a.Completed = evidence.CertificateSeen, []evidence.Certificate{*cert}, 1, true
	}
	return a
}

func rotatedCert() *evidence.Certificate {
	return &evidence.Certificate{
		Subject: evidence.Name{CommonName: "system:node:node7", Organization: []string{"system:nodes"}},
		Issuer:  evidence.Name{CommonName: "kubernetes"}, KeyType: "ECDSA", ExtKeyUsages: []string{"serverAuth"},
	}
}

func selfSignedCert() *evidence.Certificate {
	return &evidence.Certificate{
		Subject: evidence.Name{CommonName: "node7@1790000000"}, Issuer: evidence.Name{CommonName: "node7-ca@1790000000"}, KeyType: "RSA",
		ExtKeyUsages: []string{"serverAuth"},
	}
}

func staticCert() *evidence.Certificate {
	return &evidence.Certificate{Subject: evidence.Name{CommonName: "node7.example.com"}, Issuer: evidence.Name{CommonName: "Our CA"}}
}

func TestJoin(t *testing.T) {
	on := func(ev *evidence.Evidence) { ev.Files[0].Content += "serverTLSBootstrap: true\n" }
	static := func(ev *evidence.Evidence) {
		ev.Files[0].Content += "tlsCertFile: /a.crt\ntlsPrivateKeyFile: /a.key\n"
	}
	both := func(ev *evidence.Evidence) { on(ev); static(ev) }
	unknown := func(ev *evidence.Evidence) {
		ev.Files[0] = evidence.File{Path: ev.Files[0].Path, State: evidence.Denied, Sudo: true}
	}
	none := func(outcome evidence.Outcome) evidence.Attempt { return look("", nil, outcome) }
	expired, overdue := selfSignedCert(), rotatedCert()
	expired.NotBefore, expired.NotAfter = clock-400*day, clock-35*day
	overdue.NotBefore, overdue.NotAfter = clock-360*day, clock+5*day
	tests := []struct {
		name       string
		edit       func(*evidence.Evidence)
		attempts   []evidence.Attempt
		rotation   kubelet.Rotation
		join       Join
		conditions []Condition
	}{
		{"on and rotated", on, []evidence.Attempt{look("", rotatedCert(), "")}, kubelet.On, JoinConfirms, nil},
		{"on and none yet", on, []evidence.Attempt{none(evidence.AlertInternalError)}, kubelet.On, JoinRefines, []Condition{NotIssued}},
		{
			"on and masked", both,
			[]evidence.Attempt{look("", staticCert(), ""), look("node7", rotatedCert(), "")},
			kubelet.On, JoinConfirms,
			[]Condition{Masked},
		},
		{"on and self-signed", on, []evidence.Attempt{look("", selfSignedCert(), "")}, kubelet.Unknown, JoinContradicts, nil},
		{"on and a static one that nobody configured", on, []evidence.Attempt{look("", staticCert(), "")}, kubelet.Unknown, JoinContradicts, nil},
		{"off and self-signed", nil, []evidence.Attempt{look("", selfSignedCert(), "")}, kubelet.Off, JoinConfirms, nil},
		{"off and rotated", nil, []evidence.Attempt{look("", rotatedCert(), "")}, kubelet.Unknown, JoinContradicts, nil},
		{"off and none yet", nil, []evidence.Attempt{none(evidence.AlertInternalError)}, kubelet.Unknown, JoinContradicts, nil},
		{"off and static", nil, []evidence.Attempt{look("", staticCert(), "")}, kubelet.External, JoinRefines, nil},
		{"external and static", static, []evidence.Attempt{look("", staticCert(), "")}, kubelet.External, JoinConfirms, nil},
		{"external and self-signed", static, []evidence.Attempt{look("", selfSignedCert(), "")}, kubelet.External, JoinRefines, nil},
		{"external and rotated", static, []evidence.Attempt{look("", rotatedCert(), "")}, kubelet.Unknown, JoinContradicts, nil},
		{"unknown and rotated", unknown, []evidence.Attempt{look("", rotatedCert(), "")}, kubelet.On, JoinRefines, nil},
		{"unknown and none yet", unknown, []evidence.Attempt{none(evidence.AlertInternalError)}, kubelet.On, JoinRefines, []Condition{NotIssued}},
		{"unknown and self-signed", unknown, []evidence.Attempt{look("", selfSignedCert(), "")}, kubelet.Off, JoinRefines, nil},
		{"unknown and static", unknown, []evidence.Attempt{look("", staticCert(), "")}, kubelet.Unknown, JoinNone, nil},
		{"nobody listens", on, []evidence.Attempt{none(evidence.Refused)}, kubelet.On, JoinRefines, []Condition{NoListener}},
		{"not TLS", on, []evidence.Attempt{none(evidence.NotTLS)}, kubelet.On, JoinRefines, []Condition{NoListener}},
		{"nobody could look", on, []evidence.Attempt{none(evidence.ForwardingRefused)}, kubelet.On, JoinNone, nil},
		{"no answer in time", nil, []evidence.Attempt{none(evidence.TimedOut)}, kubelet.Off, JoinNone, nil},
		{
			"a file on disk proves too little", on, []evidence.Attempt{{
				Method: evidence.Disk, Outcome: evidence.CertificateSeen, Chain: []evidence.Certificate{*selfSignedCert()}, Sent: 1,
			}}, kubelet.On, JoinNone, nil,
		},
		{"expired and served for ever", nil, []evidence.Attempt{look("", expired, "")}, kubelet.Off, JoinConfirms, []Condition{Expired}},
		{"overdue", on, []evidence.Attempt{look("", overdue, "")}, kubelet.On, JoinConfirms, []Condition{Overdue}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev := node(tt.edit)
			ev.Host.Now = clock
			ev.Serving = &evidence.Serving{Address: defaultListen, Attempts: tt.attempts}
			v := Judge(ev).Verdict
			before := *ev
			before.Serving = nil
			if j := Judge(&before); !reflect.DeepEqual(new(Judger).Join(j, ev).Verdict, v) || !reflect.DeepEqual(j, Judge(&before)) {
				t.Errorf("joined later it is another verdict, or it changes the one before:\n%+v\n%+v", j.Verdict, v)
			}
			if v.Rotation != tt.rotation || v.Served.Join != tt.join {
				t.Errorf("got %v, %q; want %v, %q: %s", v.Rotation, v.Served.Join, tt.rotation, tt.join, v.Why)
			}
			if !slices.Equal(v.Conditions, tt.conditions) {
				t.Errorf("conditions %v, want %v", v.Conditions, tt.conditions)
			}
			if tt.join == JoinContradicts && !strings.Contains(v.Why, "yet the certificate served is "+v.Served.Class.String()) {
				t.Errorf("why does not name the contradiction: %s", v.Why)
			}
		})
	}
}

func TestJoinLeavesTheJudgementAsItWas(t *testing.T) {
	ev := node(func(ev *evidence.Evidence) {
		ev.Files[0].Content += "serverTLSBootstrap: true\nfeatureGates: {RotateKubeletServerCertificate: true}\n"
	})
	j := Judge(ev)
	j.Verdict.Conditions, j.Verdict.Remedy = slices.Grow(j.Verdict.Conditions, 8), slices.Grow(j.Verdict.Remedy, 8)
	ev.Serving = &evidence.Serving{Address: defaultListen, Attempts: []evidence.Attempt{look("", nil, evidence.AlertInternalError)}}
	first := new(Judger).Join(j, ev).Verdict
	ev.Serving = &evidence.Serving{Address: defaultListen, Attempts: []evidence.Attempt{look("", nil, evidence.Refused)}}
	new(Judger).Join(j, ev)
	if want := []Condition{GateNamed}; !slices.Equal(j.Verdict.Conditions, want) {
		t.Errorf("the judgement's conditions are %v, want %v", j.Verdict.Conditions, want)
	}
	if want := []Condition{NotIssued, GateNamed}; !slices.Equal(first.Conditions, want) || len(first.Remedy) == 0 {
		t.Errorf("joined first it has %v and %q, want %v and what to do", first.Conditions, first.Remedy, want)
	}
}

func TestWarnExpiry(t *testing.T) {
	ev := node(nil)
	ev.Host.Now = clock
	ev.Serving = &evidence.Serving{Address: defaultListen, Attempts: []evidence.Attempt{look("", selfSignedCert(), "")}} // 265 days left
	for days, want := range map[int64]bool{30: false, 265: false, 266: true, 1000: true} {
		v := Judge(ev).Verdict
		v.WarnExpiry(days)
		if got := slices.Contains(v.Conditions, Expiring); got != want {
			t.Errorf("within %d days: %v, want %v", days, got, want)
		}
	}
	var nothing Verdict
	if nothing.WarnExpiry(1000); len(nothing.Conditions) > 0 {
		t.Errorf("a certificate that nobody saw is %v", nothing.Conditions)
	}
}

func TestListenAddress(t *testing.T) {
	for _, tt := range []struct {
		host string
		port int
		want string
	}{
		{"", 0, "127.0.0.1:10250"},
		{"0.0.0.0", 10250, "127.0.0.1:10250"},
		{"::", 10250, "127.0.0.1:10250"},
		{"10.0.0.7", 10251, "10.0.0.7:10251"},
		{"fd00::7", 10250, "[fd00::7]:10250"},
		{"127.0.0.1", 443, "127.0.0.1:443"},
	} {
		if got := listenAddress(tt.host, tt.port); got != tt.want {
			t.Errorf("listenAddress(%q, %d) = %q, want %q", tt.host, tt.port, got, tt.want)
		}
	}
}

// dialOnly is a Conn of which only DialTCP is used.
type dialOnly struct {
	Conn
	dial func(ctx context.Context, address string) (net.Conn, error)
}

func (c dialOnly) DialTCP(ctx context.Context, address string) (net.Conn, error) {
	return c.dial(ctx, address)
}

func TestObserveLooksAgainOnlyWhereThatTellsMore(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		listen string
		want   []string // what was dialled
		first  evidence.Outcome
	}{
		{"refused", ErrNoListener, defaultListen, []string{defaultListen}, evidence.Refused},
		{"forwarding refused", ErrForwardingRefused, defaultListen, []string{defaultListen}, evidence.ForwardingRefused},
		{"another address", ErrNoListener, "10.0.0.7:10250", []string{defaultListen, "10.0.0.7:10250"}, evidence.Refused},
		{"a broken connection", errors.New("broken"), defaultListen, []string{defaultListen, defaultListen}, evidence.Failed},
		{"nothing is served", ErrNoListener, "", []string{defaultListen}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var dialled []string
			o := observe(t.Context(), dialOnly{dial: func(_ context.Context, address string) (net.Conn, error) {
				dialled = append(dialled, address)
				return nil, fmt.Errorf("no: %w", tt.err)
			}}, time.Minute)
			seen := o.finish(t.Context(), tt.listen, "node7", false)
			o.wait()
			if !slices.Equal(dialled, tt.want) {
				t.Errorf("dialled %q, want %q", dialled, tt.want)
			}
			if tt.listen == "" {
				if seen != nil {
					t.Errorf("saw %+v where nothing is served", seen)
				}
				return
			}
			if seen.Attempts[0].Outcome != tt.first {
				t.Errorf("outcome %q, want %q", seen.Attempts[0].Outcome, tt.first)
			}
		})
	}
}

func TestNotIssuedNamesTheLikeliestCauseFirst(t *testing.T) {
	dir := func(names ...string) []evidence.Dir {
		d := evidence.Dir{Path: "/var/lib/kubelet/pki", State: evidence.Present}
		for _, name := range names {
			d.Entries = append(d.Entries, evidence.Entry{Path: d.Path + "/" + name})
		}
		return []evidence.Dir{d}
	}
	for _, tt := range []struct {
		name string
		dirs []evidence.Dir
		argv string
		want string
	}{
		{"nothing was ever issued", dir("kubelet-client-current.pem"), "", "its request is pending, or its request was denied"},
		{"one was issued once", dir("kubelet-server-current.pem"), "", "its certificate has expired and the renewal is pending, or"},
		{"the directory is closed", nil, "", "its request is pending, or its request was denied, or its certificate has expired"},
		{"standalone", nil, "--kubeconfig=", "it has no API client to ask with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev := node(func(ev *evidence.Evidence) {
				ev.Files[0].Content += "serverTLSBootstrap: true\n"
				ev.Dirs = tt.dirs
				if tt.argv != "" {
					ev.Processes[0].Argv = append(ev.Processes[0].Argv, tt.argv)
				}
			})
			ev.Serving = &evidence.Serving{Address: defaultListen, Attempts: []evidence.Attempt{look("", nil, evidence.AlertInternalError)}}
			if why := Judge(ev).Verdict.Why; !strings.Contains(why, "it has no certificate to serve yet: "+tt.want) {
				t.Errorf("why %q, want %q in it", why, tt.want)
			}
		})
	}
}

func TestTheClusterCAOnTheNodeSignedIt(t *testing.T) {
	mint := func(name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: parent == nil, BasicConstraintsValid: true,
			NotBefore: time.Unix(clock-day, 0), NotAfter: time.Unix(clock+day, 0),
		}
		if parent == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	ca, key := mint("kubernetes", nil, nil)
	other, _ := mint("kubernetes", nil, nil)
	leaf, _ := mint("node7.example.com", ca, key)
	served := serving.Certificate(leaf.Raw)
	for name, tt := range map[string]struct {
		onNode *x509.Certificate
		want   string
	}{
		"the CA that signed it":      {ca, "/etc/kubernetes/pki/ca.crt"},
		"another of the same name":   {other, ""},
		"none that the node left us": {nil, ""},
	} {
		ev := node(nil)
		ev.Host.Now = clock
		if tt.onNode != nil {
			ev.Files = append(ev.Files, evidence.File{
				Path: "/etc/kubernetes/pki/ca.crt", State: evidence.Present,
				Content: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tt.onNode.Raw})),
			})
		}
		ev.Serving = &evidence.Serving{Address: defaultListen, Attempts: []evidence.Attempt{look("", &served, "")}}
		if got := Judge(ev).Verdict.Served.SignedBy; got != tt.want {
			t.Errorf("%s: signed by %q, want %q", name, got, tt.want)
		}
	}
}
