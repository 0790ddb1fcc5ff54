package kubelet

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// explained is what holds for the chains of every answer e to an input: to
// explain changes nothing, the default comes first, one step decides what is
// known, and what stands behind it says why it does not count.
func explained(t *testing.T, in Input, e Effective) {
	t.Helper()
	in.Explain = true
	with := Resolve(in)
	known := map[string]Source{
		"serverTLSBootstrap": e.ServerTLSBootstrap.Source, gateName: e.Gate.Source,
		"tlsCertFile": e.TLSCertFile.Source, "tlsPrivateKeyFile": e.TLSPrivateKeyFile.Source,
		"certDir": e.CertDir.Source, "kubeconfig": e.Kubeconfig.Source,
		"enableServer": e.EnableServer.Source, "address": e.Address.Source, "port": e.Port.Source,
	}
	if len(with.Chains) != len(known) {
		t.Errorf("%d chains, want %d", len(with.Chains), len(known))
	}
	for _, c := range with.Chains {
		source, ok := known[c.Setting]
		if !ok {
			t.Errorf("a chain for %q", c.Setting)
		}
		if c.Rule == (Rule{}) {
			t.Errorf("%s: no rule", c.Setting)
		}
		lawfulSteps(t, c, source)
	}
	with.Chains = nil
	if diff := cmp.Diff(e, with); diff != "" {
		t.Errorf("to explain changes the answer: %s", diff)
	}
}

func lawfulSteps(t *testing.T, c Chain, source Source) {
	t.Helper()
	decider := -1
	for i, s := range c.Steps {
		if (i == 0) != (s.Source.Kind == FromDefault) {
			t.Errorf("%s: step %d is from %q", c.Setting, i, s.Source.Kind)
		}
		if s.Decides && decider >= 0 {
			t.Errorf("%s: two steps decide", c.Setting)
		}
		if decider >= 0 && s.Note == "" {
			t.Errorf("%s: step %d of %+v is ignored without a word", c.Setting, i, c.Steps)
		}
		if strings.ContainsAny(s.Value+s.Note, "\n\r") {
			t.Errorf("%s: more than one line in %+v", c.Setting, s)
		}
		if s.Decides {
			decider = i
		}
	}
	switch {
	case source.Kind == FromNowhere && decider >= 0:
		t.Errorf("%s is not known, and %+v decides", c.Setting, c.Steps[decider])
	case source.Kind == FromNowhere:
	case decider < 0:
		t.Errorf("%s is from %+v, and nothing of %+v decides", c.Setting, source, c.Steps)
	case source.Kind != FromDefault && c.Steps[decider].Source != source:
		t.Errorf("%s is from %+v, and %+v decides", c.Setting, source, c.Steps[decider])
	}
}

// TestExplainedAtRandom mixes everything that a chain can show: what holds for
// one rule must hold for any number of them together.
func TestExplainedAtRandom(t *testing.T) {
	t.Parallel()
	lines := []string{
		yes, no, "serverTLSBootstrap: null", "ServerTLSBootstrap: true", "SERVERTLSBOOTSTRAP: null", "servertlsbootstrap: false", `serverTLSBootstrap: "x"`,
		"tlsCertFile: /c", "tlsCertFile: c", `tlsCertFile: ""`, "tlsPrivateKeyFile: /k", "TLSPrivateKeyFile: /K", "tlsPrivateKeyFile: null",
		"address: 1.1.1.1", `address: ""`, "address: null", "port: 0", "port: 11250", "port: 11250.0", "port: 70000", "Port: 1", "port: x",
		"enableServer: false", "enableServer: true", "enableServer: null", "EnableServer: false",
		"featureGates: null", "featureGates: {RotateKubeletServerCertificate: false}", "featureGates: {RotateKubeletServerCertificate: true, AllBeta: false}",
		"featureGates: {RotateKubeletServerCertificate: null}", "FeatureGates: {RotateKubeletServerCertificate: false, AllAlpha: true}",
		"featuregates: {AllBeta: null, AllAlpha: null}", "featureGates: {AllAlpha: true, DynamicKubeletConfig: true}", "featureGates: {AllBeta: true}", "---",
	}
	flags := []string{
		"--rotate-server-certificates", "--rotate_server_certificates=false", "--tls-cert-file=/f", "--tls-private-key-file=", "--port=1", "--address", "::1",
		"--enable-server=0", "--cert-dir=/p", "--kubeconfig=", named + "=false", named + "=1,AllBeta=0", "--feature-gates=AllBeta=true", "--feature-gates=AllAlpha=T",
		"--feature-gates=A=x", "--fail-swap-on=x", "--require-kubeconfig",
	}
	random := rand.New(rand.NewPCG(1, 2))
	some := func(list []string, most int) string {
		var b []string
		for range random.IntN(most + 1) {
			b = append(b, list[random.IntN(len(list))])
		}
		return strings.Join(b, "\n")
	}
	file := func(name string) File {
		f := File{Path: name, State: Present, Content: []byte(header + some(lines, 4) + "\n"), Newer: random.IntN(12) == 0}
		if random.IntN(8) == 0 {
			f.State, f.Reason = FileState(random.IntN(4)), "denied"
		}
		return f
	}
	for range 1500 {
		in := Input{Config: file("/c"), Args: []Arg{{Text: "--feature-gates=DynamicKubeletConfig=true"}}}
		if random.IntN(8) > 0 {
			in.Version = release(oldest + random.IntN(newest-oldest+2))
		}
		for text := range strings.FieldsSeq(some(flags, 3)) {
			in.Args = append(in.Args, Arg{Text: text})
		}
		if random.IntN(4) > 0 {
			in.Args = append(in.Args, Arg{Text: "--config=/c"})
		}
		switch random.IntN(3) {
		case 0:
			in.Args = append(in.Args, Arg{Text: "--config-dir=/k"})
			in.DropIns = DropInDir{Path: "/k", State: Present, Files: []File{file("/k/1.conf"), file("/k/2.conf"), file("/k/3.conf")}}
		case 1:
			in.Args = append(in.Args, Arg{Text: "--dynamic-config-dir=/d"})
			dynamic("@", "@")(&in)
			in.Dynamic.Assigned.Config, in.Dynamic.LastKnownGood.Config = file(onePath), file(otherPath)
		}
		if answered(t, in); t.Failed() {
			t.Fatalf("input %+v", in)
		}
	}
}
