package kubelet

import (
	"fmt"
	"strings"
	"testing"
)

// TestRules wants the words of every rule to agree with the versions it is
// applied to, and every version to have one.
func TestRules(t *testing.T) {
	t.Parallel()
	lists := map[string][]ruling{"layering": layering}
	for name, list := range exceptions {
		lists[name] = list
	}
	for _, v := range verdicts {
		name := fmt.Sprintf("%s %t %q", v.rotation, v.masked, v.problem)
		lists[name] = append(lists[name], v.ruling)
	}
	for name, list := range lists {
		for i, r := range list {
			want := fmt.Sprintf("1.%d to 1.%d", r.min, r.max)
			switch r.max {
			case 0:
				want = fmt.Sprintf("1.%d and later", r.min)
			case r.min:
				want = fmt.Sprintf("1.%d", r.min)
			}
			if r.Versions != want {
				t.Errorf("%s: %q, want %q", name, r.Versions, want)
			}
			if r.Text == "" || r.Source == "" || !strings.Contains(r.Source, "kubernetes ") {
				t.Errorf("%s: %+v lacks words", name, r)
			}
			if i > 0 && list[i-1].max != r.min-1 {
				t.Errorf("%s: a gap before v1.%d", name, r.min)
			}
		}
	}
	for minor := oldest; minor <= newest; minor++ {
		for _, rotation := range []Rotation{Unknown, On, Off, External, Invalid} {
			if (Effective{Rotation: rotation}).rule(minor) == (Rule{}) {
				t.Errorf("v1.%d: no rule for %s", minor, rotation)
			}
		}
		for setting := range exceptions {
			if ruleOf(setting, minor) == (Rule{}) {
				t.Errorf("v1.%d: no rule for %s", minor, setting)
			}
		}
	}
}

// TestRuleOfVerdict names the row of the decision that was used.
func TestRuleOfVerdict(t *testing.T) {
	t.Parallel()
	const static = "tlsCertFile: /c;tlsPrivateKeyFile: /k"
	for _, r := range []row{
		{rule: "on", version: "1.12-1.36", config: yes, says: "from 1.11 on rotation is on exactly if serverTLSBootstrap is true@1.11 and later@kubernetes pkg/kubelet/kubelet.go NewMainKubelet; PR 62352"},
		{rule: "on up to 1.10", version: "1.7-1.10", argv: named + "=true", says: "up to 1.10 rotation is on exactly if the feature gate RotateKubeletServerCertificate is true@1.7 to 1.10@"},
		{rule: "masked", version: "1.12-1.35", config: yes + ";" + static, says: "a static certificate beside it is served to every client that sends no server name, up to 1.35@1.11 to 1.35@"},
		{rule: "static and on", version: "1.36", config: yes + ";" + static, says: "serverTLSBootstrap is true@1.11 and later@"},
		{rule: "off", version: "1.11-1.36", says: "else, without a static certificate, the kubelet serves one that it signed itself once@1.11 and later@"},
		{rule: "external", version: "1.11-1.30", config: static, says: "else a static certificate is served as it is@1.11 to 1.30@"},
		{rule: "external and read again", version: "1.31-1.36", config: static, says: "ReloadKubeletServerCertificateFile)@1.31 and later@"},
		{rule: "the gate is off", version: "1.11-1.36", config: yes, argv: named + "=false", says: "a kubelet exits where serverTLSBootstrap is true and the feature gate RotateKubeletServerCertificate false@1.11 and later@"},
		{rule: "a bad command line", version: "1.7-1.36", argv: "--port=x", says: "a kubelet exits on a command line or a configuration that it does not understand@1.7 and later@"},
		{rule: "not known", version: "1.12-1.36", config: "x", says: "exactly if serverTLSBootstrap is true@1.11 and later@"},
		{rule: "every version left has the same rule", argv: "--rotate-server-certificates", says: "exactly if serverTLSBootstrap is true@1.11 and later@"},
		{rule: "the versions left differ", says: "@@"},
	} {
		for _, v := range r.versions(t) {
			got := Resolve(r.input(v)).Rule
			text := got.Text + "@" + got.Versions + "@" + got.Source
			if !strings.Contains(text, r.says) {
				t.Errorf("%s, %s: %q, want %q in it", r.rule, v, text, r.says)
			}
		}
	}
}

// TestDecidedByRefusedArgument wants the argument that pflag refuses, and where
// it stood.
func TestDecidedByRefusedArgument(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ argv, want string }{
		{"--fail-swap-on=x --port=y", "--fail-swap-on=x"},
		{"--port https", "--port https"},
		{"--config", "--config"},
		{"-x", "-x"},
		{"-v", "-v"},
		{"-h=maybe", "-h=maybe"},
		{"---a", "---a"},
		{"--a=b word", "word"},
		{"-- --c", "--c"},
		{"--help", "--help"},
		{"-h", "-h"},
		{"--version=raw", "--version=raw"},
		{"--feature-gates A", "--feature-gates A"},
		{"--api-servers=a", "--api-servers=a"},
	} {
		var args []Arg
		for i, text := range strings.Fields(tt.argv) {
			args = append(args, Arg{Text: text, Source: Source{Kind: FromFlag, Path: "/etc/u.service", Line: i + 1}})
		}
		e := Resolve(Input{Version: release(20), Args: args})
		want := Source{Kind: FromFlag, Path: "/etc/u.service", Text: tt.want}
		got := e.Decided
		if got.Line == 0 {
			t.Errorf("%q: no line", tt.argv)
		}
		if got.Line = 0; e.Rotation != Invalid || got != want {
			t.Errorf("%q: %s by %+v, want %+v", tt.argv, e.Rotation, got, want)
		}
	}
}
