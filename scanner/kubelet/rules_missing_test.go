package kubelet

import (
	"strings"
	"testing"
)

// Rule 9 of Resolve: what is not at hand is never a default.
func TestMissingFiles(t *testing.T) {
	incomplete := func(in *Input) { in.Incomplete = "truncated" }
	run(t, []row{
		{rule: "nobody read the file", version: "1.10-1.36", config: "?", want: "unknown", sets: "cert=? port=? gate=? dir=/var/lib/kubelet/pki@default", says: "/etc/k/config.yaml was not read: its content would settle it"},
		{rule: "the file is refused", version: "1.11-1.36", config: "x", want: "unknown", sets: "bootstrap=?", says: "/etc/k/config.yaml could not be read (permission denied): its content would settle it"},
		{rule: "a flag decides, on", version: "1.12-1.36", config: "x", argv: "--rotate-server-certificates", want: "on", sets: "bootstrap=true@flag gate=? cert=? masked=false"},
		{rule: "a flag says not on, the rest is missing", version: "1.12-1.36", config: "x", argv: "--rotate-server-certificates=false", want: "unknown", sets: "bootstrap=false@flag cert=?", says: "not on (--rotate-server-certificates=false on the command line), but whether a static certificate is served is not known: /etc/k/config.yaml could not be read"},
		{rule: "flags decide everything, external", version: "1.12-1.36", config: "x", argv: "--rotate-server-certificates=false --tls-cert-file=/c --tls-private-key-file=/k", want: "external"},
		{rule: "flags decide everything, off", version: "1.12-1.36", config: "x", argv: "--rotate-server-certificates=false --tls-cert-file= --tls-private-key-file=", want: "off"},
		{rule: "the gate false by flag is refused with bootstrap by flag", version: "1.12-1.36", config: "x", argv: "--rotate-server-certificates --feature-gates=RotateKubeletServerCertificate=false", want: "invalid"},
		{rule: "the gate false by flag does not tell bootstrap", version: "1.12-1.36", config: "x", argv: "--feature-gates=RotateKubeletServerCertificate=false", want: "unknown", sets: "gate=false@flag"},
		{rule: "1.10 with the gate by flag", version: "1.10", config: "x", argv: "--feature-gates=RotateKubeletServerCertificate=true", want: "on"},
		{rule: "1.10 without it", version: "1.10", config: "x", want: "unknown", says: "the feature gate RotateKubeletServerCertificate is not known"},
		{rule: "enableServer is no field up to 1.18", version: "1.18", config: "x", want: "unknown", sets: "server=true@default"},
		{rule: "enableServer is a field from 1.19", version: "1.19", config: "x", want: "unknown", sets: "server=?"},
		{rule: "a newer file proves nothing, true", version: "1.20", config: "+" + yes, want: "unknown", says: "/etc/k/config.yaml changed after the process started"},
		{rule: "a newer file proves nothing, false", version: "1.20", config: "+" + no, want: "unknown"},
		{rule: "a newer file proves nothing, broken", version: "1.20", config: "+[", want: "unknown"},
		{rule: "a newer file and a flag", version: "1.20", config: "+" + no, argv: "--rotate-server-certificates", want: "on"},
		{rule: "a file larger than 1 MiB", version: "1.20", config: "!" + header + yes + "\n#" + strings.Repeat("x", maxDocument), want: "unknown", says: "larger than 1 MiB"},
		{rule: "a drop-in is refused", version: "1.28-1.36", config: "a: b", dropIns: []string{"10.conf x"}, want: "unknown", says: "/etc/k/d/10.conf could not be read"},
		{rule: "a drop-in is newer", version: "1.28-1.36", config: "a: b", dropIns: []string{"10.conf +" + yes}, want: "unknown", says: "/etc/k/d/10.conf changed after the process started"},
		{rule: "a later drop-in decides, true", version: "1.28-1.36", dropIns: []string{"10.conf x", "20.conf " + yes}, want: "on", sets: "bootstrap=true@drop-in"},
		{rule: "a later drop-in decides, false", version: "1.29-1.36", dropIns: []string{"10.conf x", "20.conf " + no + `;tlsCertFile: "";tlsPrivateKeyFile: ""`}, want: "off"},
		{rule: "a later false decides nothing in 1.28", version: "1.28", dropIns: []string{"10.conf x", "20.conf " + no}, want: "unknown", sets: "bootstrap=?"},
		{rule: "what is on stays on in 1.28", version: "1.28", config: yes, dropIns: []string{"10.conf x"}, want: "on"},
		{rule: "an earlier drop-in decides nothing", version: "1.29-1.36", dropIns: []string{"10.conf " + yes, "20.conf x"}, want: "unknown"},
		{rule: "a later null decides from 1.32", version: "1.32-1.36", dropIns: []string{"10.conf x", "20.conf serverTLSBootstrap: null;tlsCertFile: null;tlsPrivateKeyFile: null"}, want: "off", sets: "bootstrap=false@default"},
		{rule: "a later null falls back to the file up to 1.31", version: "1.29-1.31", config: yes, dropIns: []string{"10.conf x", "20.conf serverTLSBootstrap: null"}, want: "on", sets: "bootstrap=true@file"},
		{rule: "another case later does not outrank what may be there", version: "1.29-1.36", dropIns: []string{"10.conf x", "20.conf SERVERTLSBOOTSTRAP: true"}, want: "unknown"},
		{rule: "a gate of a later drop-in is known", version: "1.29-1.36", dropIns: []string{"10.conf x", "20.conf featureGates: {RotateKubeletServerCertificate: false};" + yes}, want: "invalid", sets: "gate=false@drop-in"},
		{rule: "the file is missing, a drop-in decides", version: "1.28-1.36", config: "x", dropIns: []string{"20.conf " + yes}, want: "on", sets: "bootstrap=true@drop-in cert=?"},
		{rule: "the file is missing, a drop-in says false", version: "1.29-1.36", config: "x", dropIns: []string{"20.conf " + no}, want: "unknown", sets: "bootstrap=false@drop-in cert=?"},
		{rule: "the directory was not listed", version: "1.28-1.36", config: no, dropIns: []string{}, want: "unknown", says: "/etc/k/d was not listed", change: func(in *Input) { in.DropIns.State = Unread }},
		{rule: "the directory is refused", version: "1.28-1.36", config: no, dropIns: []string{}, want: "unknown", says: "/etc/k/d could not be listed (denied)", change: func(in *Input) { in.DropIns.State, in.DropIns.Reason = Unreadable, "denied" }},
		{rule: "the directory changed", version: "1.28-1.36", config: no, dropIns: []string{"10.conf " + yes}, want: "unknown", says: "a file was added to or removed from /etc/k/d", change: func(in *Input) { in.DropIns.Newer = true }},
		{rule: "a drop-in with a field in any number of spellings", version: "1.28-1.36", dropIns: []string{"1.conf !" + header + spellings("serverTLSBootstrap", "true", 600)}, want: "unknown", says: "/etc/k/d/1.conf spells serverTLSBootstrap in"},
		{rule: "drop-ins beyond the bound are not read", version: "1.30", dropIns: []string{"1.conf " + yes}, want: "unknown", says: "4 MiB", change: func(in *Input) {
			big := []byte(header + "#" + strings.Repeat("x", 1<<20-200))
			for range 5 {
				in.DropIns.Files = append(in.DropIns.Files, File{Path: dropInPath + "/2.conf", State: Present, Content: big})
			}
		}},
		{rule: "an incomplete command line proves nothing, on", version: "1.20", argv: "--rotate-server-certificates --rotate-certificates", want: "unknown", sets: "bootstrap=? gate=? cert=? dir=? kubeconfig=? server=? port=? address=?", says: "the arguments are not complete (truncated)", change: incomplete},
		{rule: "an incomplete command line proves nothing, off", version: "1.20", argv: "--rotate-server-certificates=false", want: "unknown", change: incomplete},
		{rule: "an incomplete command line proves nothing, invalid", version: "1.20", argv: "--rotate-server-certificates=fal", want: "unknown", change: incomplete},
		{rule: "an incomplete command line proves nothing, version", argv: "--rotate-server-certificates", want: "unknown", change: incomplete},
		{rule: "older than the gate", version: "1.5-1.6", argv: "--x", want: "unknown", says: "older than v1.7"},
	})
}
