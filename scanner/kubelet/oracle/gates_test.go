package oracle

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// --feature-gates is a MapStringBool, whose occurrences merge; a file's gates
// are added unless a flag names them; what is spelled out beats AllAlpha and
// AllBeta, whatever the order. The gate is alpha up to 1.11 and beta from 1.12.
func TestFeatureGates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := minors(10, newest).Draw(t, "minor")
		n := node{args: []string{"--config=" + configPath}, config: gatesFile(t, minor)}
		for _, list := range rapid.SliceOfN(gateLists(gateNames(minor)), 0, 3).Draw(t, "flags") {
			n.args = append(n.args, "--feature-gates="+list)
		}
		n.check(t, minor)
	})
}

// gatesFile is a configuration file that sets gates and nothing else.
func gatesFile(t *rapid.T, minor int) string {
	gates := rapid.MapOfN(gateNames(minor), rapid.Bool(), 0, 4).Draw(t, "file")
	text, err := json.Marshal(map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "featureGates": gates,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
