package kubelet

import (
	"fmt"
	"testing"

	"sigs.k8s.io/yaml"
)

// The kubelet decodes with sigs.k8s.io/yaml. We use the parser inside it, since
// that library writes every alias out and a hostile file would fill the memory;
// what a document says must not differ for that.
func TestScalarsMeanWhatTheKubeletsDecoderSays(t *testing.T) {
	const head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
	for _, scalar := range []string{
		"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y",
		"false", "False", "no", "No", "off", "OFF", "n", "N", "~", "null", "",
		`"true"`, "'yes'", "1", "0", "t", "f", "TrUe", "oN", "!!bool yes", "!!str true", "[true]", "{}",
	} {
		document := head + "serverTLSBootstrap: " + scalar + "\n"
		var theirs struct {
			ServerTLSBootstrap bool `json:"serverTLSBootstrap"`
		}
		err := yaml.Unmarshal([]byte(document), &theirs)
		got := Resolve(Input{
			Version: Version{Major: 1, Minor: 31},
			Args:    Argv([]string{"kubelet", "--config=/c", "--kubeconfig=/k"}),
			Config:  File{Path: "/c", State: Present, Content: []byte(document)},
		})
		want := "invalid"
		if err == nil {
			want = fmt.Sprint(theirs.ServerTLSBootstrap)
		}
		ours := fmt.Sprint(got.ServerTLSBootstrap.Value)
		if got.Rotation == Invalid {
			ours = "invalid"
		}
		if ours != want {
			t.Errorf("serverTLSBootstrap: %s is %s, the kubelet's decoder says %s (%v)", scalar, ours, want, err)
		}
	}
}
