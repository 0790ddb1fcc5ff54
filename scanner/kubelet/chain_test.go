package kubelet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// steps is a chain in one line each: "*" before the step that decides, then
// value, source and note.
func steps(c Chain) string {
	var b strings.Builder
	for _, s := range c.Steps {
		mark := " "
		if s.Decides {
			mark = "*"
		}
		place := s.Source.String()
		if s.Source.Line > 0 {
			place += fmt.Sprintf(":%d", s.Source.Line)
		}
		fmt.Fprintf(&b, "%s %s | %s | %s\n", mark, s.Value, place, s.Note)
	}
	return b.String()
}

// chained is a row whose chain of one setting is known word for word.
type chained struct {
	row
	setting string
	want    string // the steps, indented by tabs
}

func runChains(t *testing.T, rows []chained) {
	t.Helper()
	t.Parallel()
	for _, r := range rows {
		for _, v := range r.versions(t) {
			t.Run(r.rule+"/"+v.String(), func(t *testing.T) {
				t.Parallel()
				in := r.input(v)
				in.Explain = true
				for _, c := range Resolve(in).Chains {
					if c.Setting != r.setting {
						continue
					}
					want := strings.ReplaceAll(strings.TrimPrefix(r.want, "\n"), "\t", "")
					want = strings.ReplaceAll(want, "VERSION", v.minor())
					if diff := cmp.Diff(want, steps(c)); diff != "" {
						t.Errorf("want -, got +:\n%s", diff)
					}
					return
				}
				t.Errorf("no chain for %q", r.setting)
			})
		}
	}
}

const bootstrap = "serverTLSBootstrap"

func TestChains(t *testing.T) {
	runChains(t, []chained{
		{row{rule: "the default alone", version: "1.11-1.36"}, bootstrap, `
			* false | default (VERSION) | 
		`},
		{row{rule: "the default up to 1.10", version: "1.7-1.10"}, bootstrap, `
			* false | default (VERSION has no serverTLSBootstrap) | 
		`},
		{row{rule: "the file", version: "1.12-1.36", config: "a: b;" + yes}, bootstrap, `
			  false | default (VERSION) | 
			* true | file /etc/k/config.yaml:4 | 
		`},
		{row{rule: "every layer", version: "1.29-1.36", config: no, dropIns: []string{"10.conf " + yes, "20.conf a: b", "30.conf " + no}, argv: "--rotate-server-certificates=0 --rotate_server_certificates"}, bootstrap, `
			  false | default (VERSION) | 
			  false | file /etc/k/config.yaml:3 | 
			  true | drop-in /etc/k/d/10.conf:3 | 
			  false | drop-in /etc/k/d/30.conf:3 | 
			  0 | flag --rotate-server-certificates=0 | 
			* true | flag --rotate_server_certificates | 
		`},
		{row{rule: "the same flag twice", version: "1.20", argv: "--port=1 --port=1"}, "port", `
			  10250 | default (VERSION) | 
			  1 | flag --port=1 | 
			* 1 | flag --port=1 | 
		`},
		{row{rule: "a flag of the distribution", version: "1.30", change: func(in *Input) {
			in.Args = []Arg{{Text: "--tls-cert-file=/s", Source: Source{Kind: FromDistribution}}, {Text: "--tls-cert-file=/t"}}
		}}, "tlsCertFile", `
			   | default (VERSION) | 
			  /s | distribution --tls-cert-file=/s | 
			* /t | flag --tls-cert-file=/t | 
		`},
		{row{rule: "a setting without a field", version: "1.30", config: "certDir: /x", argv: "--cert-dir /y"}, "certDir", `
			  /var/lib/kubelet/pki | default (VERSION) | 
			* /y | flag --cert-dir /y | 
		`},
		{row{rule: "wrong case in the file", version: "1.12-1.36", config: "ServerTLSBootstrap: true"}, bootstrap, `
			* false | default (VERSION) | 
			  true | file /etc/k/config.yaml:3 | ignored: the case of the key is wrong, and it matters here
		`},
		{row{rule: "named twice", version: "1.12-1.36", config: no + ";a: b;" + yes}, bootstrap, `
			  false | default (VERSION) | 
			* true | file /etc/k/config.yaml:5 | named 2 times: the last one counts
		`},
		{row{rule: "named twice in JSON", version: "1.20", config: `!{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","x":{"port":3},"port":1,"port":2}`}, "port", `
			  10250 | default (VERSION) | 
			  ? | file /etc/k/config.yaml | not read: it names port twice
		`},
		{row{rule: "an empty address", version: "1.20", argv: "--address=", config: "address: 1.1.1.1"}, "address", `
			  0.0.0.0 | default (VERSION) | 
			* 1.1.1.1 | file /etc/k/config.yaml:3 | 
			   | flag --address= | ignored: empty is not set
		`},
		{row{rule: "null in the file", version: "1.12-1.36", config: "serverTLSBootstrap:"}, bootstrap, `
			* false | default (VERSION) | 
			  null | file /etc/k/config.yaml:3 | ignored: null is not set
		`},
		{row{rule: "zero in the file", version: "1.12-1.36", config: "port: 0"}, "port", `
			* 10250 | default (VERSION) | 
			  0 | file /etc/k/config.yaml:3 | empty is not set: the default counts
		`},
		{row{rule: "no such field yet", version: "1.10", config: yes}, bootstrap, `
			* false | default (VERSION has no serverTLSBootstrap) | 
			  true | file /etc/k/config.yaml:3 | ignored: v1.10 has no such field
		`},
		{row{rule: "the second document", version: "1.12-1.36", config: "a: b;---;# c;serverTLSBootstrap: true # d"}, bootstrap, `
			* false | default (VERSION) | 
			  true # d | file /etc/k/config.yaml:6 | ignored: only the first YAML document of a file is read
		`},
		{row{rule: "a file that is refused", version: "1.12-1.36", config: "x"}, bootstrap, `
			  false | default (VERSION) | 
			  ? | file /etc/k/config.yaml | not read: permission denied
		`},
		{row{rule: "a file that is refused, and a flag", version: "1.12-1.36", config: "x", argv: "--rotate-server-certificates"}, bootstrap, `
			  false | default (VERSION) | 
			  ? | file /etc/k/config.yaml | not read: permission denied
			* true | flag --rotate-server-certificates | 
		`},
		{row{rule: "a newer file", version: "1.12-1.36", config: "+" + yes}, bootstrap, `
			  false | default (VERSION) | 
			  true | file /etc/k/config.yaml:3 | changed after the process started: proves nothing
		`},
		{row{rule: "a newer file that says nothing now", version: "1.12-1.36", config: "+a: b"}, bootstrap, `
			  false | default (VERSION) | 
			  ? | file /etc/k/config.yaml | changed after the process started: proves nothing
		`},
		{row{rule: "a newer file that is broken now", version: "1.12-1.36", config: "+["}, bootstrap, `
			  false | default (VERSION) | 
			  ? | file /etc/k/config.yaml | changed after the process started: proves nothing
		`},
		{row{rule: "a broken file", version: "1.12-1.36", config: "-"}, bootstrap, `
			* false | default (VERSION) | 
			  ? | file /etc/k/config.yaml | the kubelet exits on it: failed to read kubelet config file "/etc/k/config.yaml", error: open /etc/k/config.yaml: no such file or directory
		`},
		{row{rule: "the version is not known", config: "x", argv: "--rotate-server-certificates"}, bootstrap, `
			  false | default (v1.36) | 
			  ? | file /etc/k/config.yaml | not read: permission denied
			* true | flag --rotate-server-certificates | 
		`},
		{row{rule: "the default of a version that is not known"}, "address", `
			* 0.0.0.0 | default | 
		`},
	})
}

func TestChainsDropIns(t *testing.T) {
	runChains(t, []chained{
		{row{rule: "false over true in 1.28", version: "1.28", config: yes, dropIns: []string{"1.conf " + no}}, bootstrap, `
			  false | default (VERSION) | 
			* true | file /etc/k/config.yaml:3 | 
			  false | drop-in /etc/k/d/1.conf:3 | ignored: v1.28 merges no false and nothing empty
		`},
		{row{rule: "null in 1.28", version: "1.28", config: yes, dropIns: []string{"1.conf serverTLSBootstrap: null"}}, bootstrap, `
			  false | default (VERSION) | 
			* true | file /etc/k/config.yaml:3 | 
			  null | drop-in /etc/k/d/1.conf:3 | ignored: null does not reset in v1.28
		`},
		{row{rule: "defaults of a drop-in in 1.28", version: "1.28", config: "port: 11250", dropIns: []string{"1.conf a: b"}}, "port", `
			  10250 | default (VERSION) | 
			  11250 | file /etc/k/config.yaml:3 | 
			* 10250 | drop-in /etc/k/d/1.conf | not set there: v1.28 merges a drop-in's defaults, too
		`},
		{row{rule: "another case in 1.28", version: "1.28", dropIns: []string{"1.conf SERVERTLSBOOTSTRAP: true"}}, bootstrap, `
			* false | default (VERSION) | 
			  true | drop-in /etc/k/d/1.conf:3 | ignored: the case of the key is wrong, and it matters here
		`},
		{row{rule: "another case from 1.29", version: "1.29-1.36", dropIns: []string{"1.conf servertlsbootstrap: true;serverTLSBootstrap: false"}}, bootstrap, `
			  false | default (VERSION) | 
			  false | drop-in /etc/k/d/1.conf:4 | 
			* true | drop-in /etc/k/d/1.conf:3 | 
		`},
		{row{rule: "another case that sorts first", version: "1.29-1.36", dropIns: []string{"1.conf " + no, "2.conf SERVERTLSBOOTSTRAP: true"}}, bootstrap, `
			  false | default (VERSION) | 
			* false | drop-in /etc/k/d/1.conf:3 | 
			  true | drop-in /etc/k/d/2.conf:3 | ignored: of several spellings of a key the one that sorts last counts
		`},
		{row{rule: "null in 1.29 to 1.31", version: "1.29-1.31", config: yes, dropIns: []string{"1.conf " + no, "2.conf serverTLSBootstrap: null"}}, bootstrap, `
			  false | default (VERSION) | 
			* true | file /etc/k/config.yaml:3 | 
			  false | drop-in /etc/k/d/1.conf:3 | ignored: a later step takes it back
			  null | drop-in /etc/k/d/2.conf:3 | null does not reset before v1.32: it only takes earlier drop-ins back
		`},
		{row{rule: "null from 1.32", version: "1.32-1.36", config: yes, dropIns: []string{"1.conf serverTLSBootstrap: null"}}, bootstrap, `
			  false | default (VERSION) | 
			  true | file /etc/k/config.yaml:3 | 
			* null | drop-in /etc/k/d/1.conf:3 | null takes serverTLSBootstrap back from v1.32 on
		`},
		{row{rule: "null over nothing from 1.32", version: "1.32-1.36", dropIns: []string{"1.conf serverTLSBootstrap: null"}}, bootstrap, `
			* false | default (VERSION) | 
			  null | drop-in /etc/k/d/1.conf:3 | null takes serverTLSBootstrap back from v1.32 on
		`},
		{row{rule: "null and a flag", version: "1.32-1.36", config: yes, dropIns: []string{"1.conf serverTLSBootstrap: null"}, argv: "--rotate-server-certificates=true"}, bootstrap, `
			  false | default (VERSION) | 
			  true | file /etc/k/config.yaml:3 | 
			  null | drop-in /etc/k/d/1.conf:3 | null takes serverTLSBootstrap back from v1.32 on
			* true | flag --rotate-server-certificates=true | 
		`},
		{row{rule: "port 0 from 1.32", version: "1.32-1.36", config: "port: 11250", dropIns: []string{"1.conf port: 0"}}, "port", `
			  10250 | default (VERSION) | 
			  11250 | file /etc/k/config.yaml:3 | 
			* 0 | drop-in /etc/k/d/1.conf:3 | empty is not set: the default counts
		`},
		{row{rule: "a wrong type that is overwritten", version: "1.29-1.36", dropIns: []string{`1.conf serverTLSBootstrap: "x"`, "2.conf " + yes}}, bootstrap, `
			  false | default (VERSION) | 
			  x | drop-in /etc/k/d/1.conf:3 | of the wrong type: the kubelet exits unless a later file replaces it
			* true | drop-in /etc/k/d/2.conf:3 | 
		`},
		{row{rule: "named twice", version: "1.29-1.36", dropIns: []string{"1.conf " + no + ";" + yes}}, bootstrap, `
			* false | default (VERSION) | 
			  ? | drop-in /etc/k/d/1.conf | the kubelet exits on it: yaml: unmarshal errors:   line 4: key "serverTLSBootstrap" already set in map
		`},
		{row{rule: "before a file that the kubelet exits on", version: "1.28-1.36", dropIns: []string{"1.conf " + yes, "2.conf ["}}, bootstrap, `
			* false | default (VERSION) | 
			  true | drop-in /etc/k/d/1.conf:3 | not reached: the kubelet exits
			  ? | drop-in /etc/k/d/2.conf | the kubelet exits on it: failed to decode: yaml: line 4: could not find expected ':'
		`},
		{row{rule: "behind a file that is refused", version: "1.28-1.36", dropIns: []string{"1.conf x", "2.conf " + yes}}, bootstrap, `
			  false | default (VERSION) | 
			  ? | drop-in /etc/k/d/1.conf | not read: permission denied
			* true | drop-in /etc/k/d/2.conf:3 | 
		`},
		{row{rule: "a directory that is refused", version: "1.28-1.36", config: yes, dropIns: []string{}, change: func(in *Input) {
			in.DropIns.State, in.DropIns.Reason = Unreadable, "permission denied"
		}}, bootstrap, `
			  false | default (VERSION) | 
			  true | file /etc/k/config.yaml:3 | 
			  ? | drop-in /etc/k/d | not listed: permission denied
		`},
		{row{rule: "a directory that changed", version: "1.28-1.36", config: yes, dropIns: []string{}, change: func(in *Input) { in.DropIns.Newer = true }}, bootstrap, `
			  false | default (VERSION) | 
			  true | file /etc/k/config.yaml:3 | 
			  ? | drop-in /etc/k/d | a file was added or removed after the process started: proves nothing
		`},
	})
}

func TestChainsGate(t *testing.T) {
	const off = "featureGates: {RotateKubeletServerCertificate: false}"
	runChains(t, []chained{
		{row{rule: "every --feature-gates", version: "1.12-1.36", config: off, argv: "--feature-gates=A=true " + named + "=0 " + named + "=true,A=false"}, gateName, `
			  true | default (VERSION) | 
			  false | file /etc/k/config.yaml:3 | 
			  false | flag --feature-gates=RotateKubeletServerCertificate=0 | 
			* true | flag --feature-gates=RotateKubeletServerCertificate=true | 
		`},
		{row{rule: "the last --feature-gates alone up to 1.8", version: "1.7-1.8", argv: named + "=true --feature-gates=A=true"}, gateName, `
			* false | default (VERSION) | 
			  true | flag --feature-gates=RotateKubeletServerCertificate=true | ignored: up to v1.8 the last --feature-gates replaces the others
		`},
		{row{rule: "AllAlpha up to 1.11", version: "1.7-1.11", argv: "--feature-gates=AllAlpha=true"}, gateName, `
			  false | default (VERSION) | 
			* true | flag --feature-gates=AllAlpha=true | 
		`},
		{row{rule: "AllAlpha from 1.12", version: "1.12-1.36", argv: "--feature-gates=AllAlpha=true"}, gateName, `
			* true | default (VERSION) | 
			  true | flag --feature-gates=AllAlpha=true | ignored: AllAlpha does not cover a beta gate
		`},
		{row{rule: "AllBeta", version: "1.17-1.36", config: "featureGates: {AllBeta: false}"}, gateName, `
			  true | default (VERSION) | 
			* false | file /etc/k/config.yaml:3 | 
		`},
		{row{rule: "spelled out beats AllBeta", version: "1.17-1.36", config: off, argv: "--feature-gates=AllBeta=false"}, gateName, `
			  true | default (VERSION) | 
			* false | file /etc/k/config.yaml:3 | 
			  false | flag --feature-gates=AllBeta=false | ignored: a gate that is spelled out beats AllBeta
		`},
		{row{rule: "a later AllBeta", version: "1.17-1.36", config: "featureGates: {AllBeta: false}", argv: "--feature-gates=AllBeta=true"}, gateName, `
			* true | default (VERSION) | 
			  false | file /etc/k/config.yaml:3 | ignored: a later step takes it back
			  true | flag --feature-gates=AllBeta=true | AllBeta=true leaves the gate at its default
		`},
		{row{rule: "null for all gates from 1.32", version: "1.32-1.36", config: off, dropIns: []string{"1.conf featureGates: null"}}, gateName, `
			  true | default (VERSION) | 
			  false | file /etc/k/config.yaml:3 | 
			* null | drop-in /etc/k/d/1.conf:3 | null takes featureGates back from v1.32 on
		`},
		{row{rule: "null for all gates up to 1.31", version: "1.29-1.31", config: off, dropIns: []string{"1.conf featureGates: null"}}, gateName, `
			  true | default (VERSION) | 
			* false | file /etc/k/config.yaml:3 | 
			  null | drop-in /etc/k/d/1.conf:3 | null does not reset before v1.32: it only takes earlier drop-ins back
		`},
		{row{rule: "null for one gate from 1.32", version: "1.32-1.36", config: off, dropIns: []string{"1.conf featureGates: {RotateKubeletServerCertificate: null}"}}, gateName, `
			  true | default (VERSION) | 
			  false | file /etc/k/config.yaml:3 | 
			* null | drop-in /etc/k/d/1.conf:3 | null takes RotateKubeletServerCertificate back from v1.32 on
		`},
		{row{rule: "null in the file", version: "1.12-1.36", config: "featureGates:;  RotateKubeletServerCertificate:"}, gateName, `
			  true | default (VERSION) | 
			* null | file /etc/k/config.yaml:4 | null is false here
		`},
		{row{rule: "wrong case in the file", version: "1.12-1.36", config: "FeatureGates: {RotateKubeletServerCertificate: false}"}, gateName, `
			* true | default (VERSION) | 
			  false | file /etc/k/config.yaml:3 | ignored: the case of featureGates is wrong, and it matters here
		`},
		{row{rule: "named twice", version: "1.12-1.36", config: "featureGates:;  RotateKubeletServerCertificate: true;  RotateKubeletServerCertificate: false"}, gateName, `
			  true | default (VERSION) | 
			* false | file /etc/k/config.yaml:5 | named 2 times: the last one counts
		`},
	})
}

func TestChainsDynamic(t *testing.T) {
	runChains(t, []chained{
		{row{rule: "assigned", version: "1.12-1.23", argv: dynamicOn, config: no, change: dynamic("@"+yes, "@"+no)}, bootstrap, `
			  false | default (VERSION) | 
			  false | file /etc/k/config.yaml:3 | replaced as a whole by the dynamic configuration
			* true | dynamic /d/store/checkpoints/3b21-uid/41/kubelet:3 | 
		`},
		{row{rule: "assigned, and it is silent", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@a: b", "")}, bootstrap, `
			  false | default (VERSION) | 
			  true | file /etc/k/config.yaml:3 | replaced as a whole by the dynamic configuration
			* false | dynamic /d/store/checkpoints/3b21-uid/41/kubelet | not set there: it replaces the --config file as a whole, and the default counts
		`},
		{row{rule: "assigned, silent, and a flag", version: "1.12-1.23", argv: dynamicOn + " --rotate-server-certificates", change: dynamic("@a: b", "")}, bootstrap, `
			  false | default (VERSION) | 
			* true | flag --rotate-server-certificates | 
		`},
		{row{rule: "gates of the file stay", version: "1.12-1.23", argv: dynamicOn, config: "featureGates: {RotateKubeletServerCertificate: true}", change: dynamic("@"+yes, "")}, gateName, `
			  true | default (VERSION) | 
			* true | file /etc/k/config.yaml:3 | 
		`},
		{row{rule: "not valid", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@"+no+";port: 70000", "")}, bootstrap, `
			  false | default (VERSION) | 
			* true | file /etc/k/config.yaml:3 | 
			  false | dynamic /d/store/checkpoints/3b21-uid/41/kubelet:3 | not active: invalid configuration: port (--port) 70000 must be between 1 and 65535, inclusive
		`},
		{row{rule: "last known good", version: "1.12-1.23", argv: dynamicOn, config: no, change: dynamic("@-", "@"+yes)}, bootstrap, `
			  false | default (VERSION) | 
			  false | file /etc/k/config.yaml:3 | replaced as a whole by the dynamic configuration
			  ? | dynamic /d/store/checkpoints/3b21-uid/41/kubelet | not active: failed to read kubelet config file "/d/store/checkpoints/3b21-uid/41/kubelet", error: open /d/store/checkpoints/3b21-uid/41/kubelet: no such file or directory
			* true | dynamic /d/store/checkpoints/3b21-uid/40/kubelet:3 | 
		`},
		{row{rule: "not read", version: "1.12-1.23", argv: dynamicOn, config: yes}, bootstrap, `
			  false | default (VERSION) | 
			  true | file /etc/k/config.yaml:3 | 
			  ? | dynamic /d/store/meta/assigned | not read
		`},
		{row{rule: "nothing assigned", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("", "")}, bootstrap, `
			  false | default (VERSION) | 
			* true | file /etc/k/config.yaml:3 | 
		`},
		{row{rule: "not followed", version: "1.12-1.23", argv: dynamicOn, change: dynamic("!"+meta("..", `"1"`, "k"), "")}, bootstrap, `
			  false | default (VERSION) | 
			  ? | dynamic /d/store/meta/assigned | not followed: source.configMap.uid "..": expected a name of letters, digits, '-', '_' and '.': look at it by hand
		`},
		{row{rule: "another layout", version: "1.10", argv: dynamicOn}, bootstrap, `
			* false | default (VERSION has no serverTLSBootstrap) | 
			  ? | dynamic /d | not read: its layout up to v1.10 is not known
		`},
	})
}
