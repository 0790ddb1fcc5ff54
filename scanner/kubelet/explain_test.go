package kubelet

import (
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
