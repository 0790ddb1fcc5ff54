package kubelet

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func args(words ...string) []Arg {
	var list []Arg
	for _, word := range words {
		list = append(list, Arg{Text: word})
	}
	return list
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule  string
		words []string
		want  Paths
		fails bool
	}{
		{rule: "none", want: Paths{}},
		{
			rule:  "both forms",
			words: []string{"--config=/c", "--config-dir", "d", "--cert_dir=/p", "--kubeconfig", "k", "--dynamic-config-dir=/y"},
			want:  Paths{Config: "/c", ConfigDir: "d", CertDir: "/p", Kubeconfig: "k", DynamicConfigDir: "/y"},
		},
		{rule: "the last one counts", words: []string{"--config=/a", "--config=/b"}, want: Paths{Config: "/b"}},
		{rule: "behind an error", words: []string{"-x", "--fail-swap-on=maybe", "stray", "--config=/c"}, want: Paths{Config: "/c"}, fails: true},
		{rule: "not behind --", words: []string{"--", "--config=/c"}, want: Paths{}, fails: true},
		{rule: "a value is no flag", words: []string{"--node-labels", "--config=/c"}, want: Paths{}},
		{rule: "a path may hold =", words: []string{"--config=/a=b"}, want: Paths{Config: "/a=b"}},
	} {
		f, err := ParseFlags(args(tt.words...))
		if diff := cmp.Diff(tt.want, f.Paths()); diff != "" {
			t.Errorf("%s: %s", tt.rule, diff)
		}
		if (err != nil) != tt.fails {
			t.Errorf("%s: error %v", tt.rule, err)
		}
	}
	if diff := cmp.Diff(Paths{}, (Flags{}).Paths()); diff != "" {
		t.Error(diff)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	f, err := ParseFlags([]Arg{
		{Text: "--node-ip=1"},
		{Text: "--node-ip", Source: Source{Kind: FromFlag, Path: "/u", Line: 7}},
		{Text: "2", Source: Source{Kind: FromFlag, Path: "/u", Line: 8}},
		{Text: "--runonce"},
	})
	if err != nil {
		t.Fatal(err)
	}
	value, arg, ok := f.Lookup("node_ip")
	want := Arg{Text: "--node-ip 2", Source: Source{Kind: FromFlag, Path: "/u", Line: 7}}
	if value != "2" || !ok || arg != want {
		t.Errorf("node-ip: %q, %+v, %t", value, arg, ok)
	}
	if value, _, ok := f.Lookup("runonce"); value != "true" || !ok {
		t.Errorf("runonce: %q, %t", value, ok)
	}
	if _, _, ok := f.Lookup("config"); ok {
		t.Error("config was not given")
	}
}

func TestFlagNames(t *testing.T) {
	t.Parallel()
	for name := range boolFlags {
		if valueFlags[name] {
			t.Errorf("--%s is both a bool and not", name)
		}
	}
	for _, s := range flagSpans {
		if !boolFlags[s.name] && !valueFlags[s.name] {
			t.Errorf("--%s has a span and no type", s.name)
		}
	}
}

func TestArgv(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule       string
		argv, want []string
	}{
		{"nothing", nil, nil},
		{"no arguments", []string{"kubelet"}, nil},
		{"plain", []string{"/usr/bin/kubelet", "--a", ""}, []string{"--a", ""}},
		{"hyperkube", []string{"/usr/local/bin/hyperkube", "kubelet", "--a"}, []string{"--a"}},
		{"hyperkube as a link", []string{"/kubelet", "kubelet"}, []string{"kubelet"}},
		{"another component", []string{"hyperkube", "proxy"}, []string{"proxy"}},
	} {
		if diff := cmp.Diff(args(tt.want...), append([]Arg(nil), Argv(tt.argv)...)); diff != "" {
			t.Errorf("%s: %s", tt.rule, diff)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for r := Unknown; r <= Invalid; r++ {
		text, err := r.MarshalText()
		var back Rotation
		if err != nil || back.UnmarshalText(text) != nil || back != r {
			t.Errorf("%v does not come back from %q", r, text)
		}
	}
	if err := new(Rotation).UnmarshalText([]byte("pass")); err == nil {
		t.Error("a word that is no rotation was taken")
	}
	if got := Rotation(99).String(); got != "Rotation(99)" {
		t.Error(got)
	}
	for _, tt := range []struct {
		source Source
		want   string
	}{
		{Source{}, "unknown"},
		{Source{Kind: FromDefault}, "default"},
		{Source{Kind: FromDefault, Text: "v1.29"}, "default (v1.29)"},
		{Source{Kind: FromFlag, Text: "--a=b"}, "flag --a=b"},
		{Source{Kind: FromFlag, Text: "--a=b", Path: "/u"}, "flag --a=b in /u"},
		{Source{Kind: FromDistribution, Path: "k3s"}, "distribution in k3s"},
		{Source{Kind: FromFile, Path: "/c", Text: "a: b"}, "file /c"},
		{Source{Kind: FromDropIn, Path: "/d/1.conf"}, "drop-in /d/1.conf"},
	} {
		if got := tt.source.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
