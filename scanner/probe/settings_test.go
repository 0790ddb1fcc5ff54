package probe

import (
	"strings"
	"testing"
)

const kind = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

// settingsRows are KubeletConfigurations with a CANARY and what of them may
// leave a node, line for line, since a verdict names lines. An empty want:
// nothing, since a credential could hide where the script does not look.
var settingsRows = []struct{ name, text, want string }{
	{"block YAML", "port: 1\nstaticPodURLHeader:\n  Authorization:\n  - Bearer CANARY\n\n  # CANARY\n  X: [a,\n    CANARY]\nserverTLSBootstrap: true\n", "port: 1\nstaticPodURLHeader: {\"W\": []}\n\n\n\n\n\n\nserverTLSBootstrap: true\n"},
	{"indented, as in a nested document", "  staticPodURLHeader:\n    A:\n    - CANARY\n  serverTLSBootstrap: true\n", "  staticPodURLHeader: {\"W\": []}\n\n\n  serverTLSBootstrap: true\n"},
	{"a list at the key's own depth", "staticPodURLHeader:\n- CANARY\n- CANARY\n---\nx: y\n", "staticPodURLHeader: {\"W\": []}\n\n\n---\nx: y\n"},
	{"a comment at depth 0 does not end it", "staticPodURLHeader: # CANARY\n# x\n  A: [CANARY]\nb: c\n", "staticPodURLHeader: {\"W\": []}\n\n\nb: c\n"},
	{"a block scalar", "staticPodURLHeader:\n  A:\n  - |\n    CANARY\n\n    CANARY: x\nb: c\n", "staticPodURLHeader: {\"W\": []}\n\n\n\n\n\nb: c\n"},
	{"another spelling, quoted, a blank before the colon", "\"staticPodUrlHeader\" :\n  A: [CANARY]\nb: c\n", "\"staticPodUrlHeader\": {\"W\": []}\n\nb: c\n"},
	{"flow YAML", "staticPodURLHeader: {A: ['Bearer }CANARY']} # x\nb: c\n", "staticPodURLHeader: {\"W\": []} # x\nb: c\n"},
	{"flow YAML over lines", "staticPodURLHeader: {A: [\n  CANARY],\n  B: [\"CANARY\"]\n}\nb: c\n", "staticPodURLHeader: {\"W\": []}\n\n\n\nb: c\n"},
	{"JSON", "{\n  \"staticPodURLHeader\": {\n    \"A\": [\n      \"Bearer CANARY\"\n    ]\n  },\n  \"serverTLSBootstrap\": true\n}\n", "{\n  \"staticPodURLHeader\": {\"W\": []}\n\n\n\n,\n  \"serverTLSBootstrap\": true\n}\n"},
	{"JSON on one line", "{\"kind\":\"KubeletConfiguration\",\"staticPodURLHeader\":{\"A\":[\"{CANARY\"]},\"staticPodURL\":\"http://u:CANARY@h/\",\"serverTLSBootstrap\":true}\n", "{\"kind\":\"KubeletConfiguration\",\"staticPodURLHeader\": {\"W\": []},\"staticPodURL\":\"http://W@h/\",\"serverTLSBootstrap\":true}\n"},
	{"none", "staticPodURLHeader: null\nstaticPodURL: \"\"\n", "staticPodURLHeader: null\nstaticPodURL: \"\"\n"},
	{"a URL", "staticPodURL: https://user:CANARY@h/x\nb: 'unix:///x','c@d'\n", "staticPodURL: https://W@h/x\nb: 'unix:///x','c@d'\n"},
	{"a field that is none", "bootstrapToken: CANARY\n\"password\": \"CANARY\",\nclient-key-data: CANARY\nb: c\n", "bootstrapToken: \"W\"\n\"password\": \"W\",\nclient-key-data: \"W\"\nb: c\n"},
	{"gates that are named like one", "featureGates:\n  CSIServiceAccountToken: true\n  X_TOKEN: false\n", "featureGates:\n  CSIServiceAccountToken: true\n  X_TOKEN: false\n"},
	{"commented out", "# staticPodURLHeader:\n#   A: [CANARY]\nb: c\n# d\n", "# W\n# W\nb: c\n# d\n"},
	{"an anchor", "x: &h {A: [CANARY]}\nstaticPodURLHeader: *h\n", ""},
	{"an anchored value", "staticPodURLHeader: &h {A: [CANARY]}\n", ""},
	{"a complex key", "? staticPodURLHeader\n: {A: [CANARY]}\n", ""},
	{"an escaped key", "\"static\\u0050odURLHeader\": {A: [CANARY]}\n", ""},
	{"another escape", "\"static\\x50odURLHeader\": {A: [CANARY]}\n", ""},
	{"braces on a line of their own", "{\n\"staticPodURLHeader\":\n{\"A\": [\"CANARY\"]}\n}\n", ""},
	{"JSON without indentation", "{\n\"staticPodURLHeader\": {\n\"A\": [\"CANARY\"]\n}\n}\n", ""},
	{"a quote over lines", "staticPodURLHeader:\n  A: [\"x\nCANARY: \"]\nb: c\n", ""},
	{"no end", "staticPodURLHeader: {A: [CANARY\n", ""},
}

func TestCredentialsInAKubeletConfigurationStayOnTheNode(t *testing.T) {
	shells := shells(t)
	for _, tt := range settingsRows {
		t.Run(tt.name, func(t *testing.T) {
			for name, shell := range shells {
				got, status := inShell(t, shell, filterSettings, kind+filled(tt.text))
				switch {
				case tt.want == "" && status == 0:
					t.Errorf("%s: it goes out as %q", name, got)
				case tt.want != "" && (status != 0 || got != kind+masked(tt.want)):
					t.Errorf("%s: status %d, %q\nwant %q", name, status, got, kind+masked(tt.want))
				case strings.Contains(got, canary):
					t.Errorf("%s: before it is withheld, %q goes out", name, got)
				}
			}
		})
	}
}
