package kubelet

import (
	"fmt"
	"strings"
	"testing"
)

// row is one rule: these arguments and files give this answer.
type row struct {
	rule    string
	version string   // "1.29", "1.29-1.31" for each of them, "" for not known
	argv    string   // words behind argv[0], split at blanks
	config  string   // what --config names, in the notation of content; empty: --config is not given
	dropIns []string // "NAME CONTENT" for each file of --config-dir, in its order; nil: it is not given
	want    string   // the rotation
	sets    string   // settings as "bootstrap=true@file", blank-separated; "?" for not known
	says    string   // part of Problem, or else of Why
	change  func(*Input)
}

const (
	header     = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
	configPath = "/etc/k/config.yaml"
	dropInPath = "/etc/k/d"
)

// content is a file: "-" absent, "?" never looked at, "x" refused, "!..." raw;
// else the header and the text, ";" for a line break. A leading "+" makes it
// newer than the process.
func content(name, text string) File {
	f := File{Path: name, State: Present}
	text, f.Newer = strings.CutPrefix(text, "+")
	switch {
	case text == "-":
		f.State = Absent
	case text == "?":
		f.State = Unread
	case text == "x":
		f.State, f.Reason = Unreadable, "permission denied"
	case strings.HasPrefix(text, "!"):
		f.Content = []byte(text[1:])
	default:
		f.Content = []byte(header + strings.ReplaceAll(text, ";", "\n") + "\n")
	}
	return f
}

func (r row) input(v Version) Input {
	in := Input{Version: v}
	var words []string
	if r.config != "" {
		words = append(words, "--config="+configPath)
		in.Config = content(configPath, r.config)
	}
	if r.dropIns != nil {
		words = append(words, "--config-dir="+dropInPath)
		in.DropIns = DropInDir{Path: dropInPath, State: Present}
		for _, text := range r.dropIns {
			name, body, _ := strings.Cut(text, " ")
			in.DropIns.Files = append(in.DropIns.Files, content(dropInPath+"/"+name, body))
		}
	}
	words = append(words, strings.Fields(r.argv)...)
	in.Args = Argv(append([]string{"/usr/bin/kubelet"}, words...))
	if r.change != nil {
		r.change(&in)
	}
	return in
}

func (r row) versions(t *testing.T) []Version {
	t.Helper()
	if r.version == "" {
		return []Version{{}}
	}
	first, last, ok := strings.Cut(r.version, "-")
	if !ok {
		last = first
	}
	low, err := ParseVersion(first)
	if err != nil {
		t.Fatal(err)
	}
	high, err := ParseVersion(last)
	if err != nil {
		t.Fatal(err)
	}
	var list []Version
	for minor := low.Minor; minor <= high.Minor; minor++ {
		list = append(list, release(minor))
	}
	return list
}

// shown is a setting in the notation of row.sets.
func shown[T any](s Setting[T]) string {
	if !s.Known() {
		if s.Missing == "" {
			return "nothing"
		}
		return "?"
	}
	return fmt.Sprintf("%v@%s", s.Value, s.Source.Kind)
}

func (r row) check(t *testing.T, e Effective) {
	t.Helper()
	if e.Rotation.String() != r.want {
		t.Errorf("rotation %s, want %s: %s", e.Rotation, r.want, e.Why)
	}
	text := e.Why
	if e.Problem != "" {
		text = e.Problem
	}
	if !strings.Contains(text, r.says) {
		t.Errorf("it says %q, want %q in it", text, r.says)
	}
	all := map[string]string{
		"bootstrap": shown(e.ServerTLSBootstrap), "gate": shown(e.Gate),
		"cert": shown(e.TLSCertFile), "key": shown(e.TLSPrivateKeyFile),
		"dir": shown(e.CertDir), "kubeconfig": shown(e.Kubeconfig),
		"server": shown(e.EnableServer), "address": shown(e.Address), "port": shown(e.Port),
		"masked": fmt.Sprint(e.Masked), "alone": fmt.Sprint(e.NoAPIClient),
		"noserver": fmt.Sprint(e.NoServer), "named": fmt.Sprint(e.GateNamed),
		"line": fmt.Sprint(e.Decided.Line), "by": string(e.Decided.Kind),
	}
	for pair := range strings.FieldsSeq(r.sets) {
		name, want, _ := strings.Cut(pair, "=")
		if got := all[name]; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	lawful(t, e)
}

// lawful is what holds for every answer.
func lawful(t *testing.T, e Effective) {
	t.Helper()
	if e.Why == "" {
		t.Error("no reason is given")
	}
	if strings.ContainsAny(e.Why+e.Problem, "\n\r") {
		t.Errorf("more than one line: %q %q", e.Why, e.Problem)
	}
	if (e.Rotation == Invalid) != (e.Problem != "") {
		t.Errorf("rotation %s with problem %q", e.Rotation, e.Problem)
	}
	if decided := e.Decided.Kind != FromNowhere; decided != (e.Rotation != Unknown) {
		t.Errorf("rotation %s decided by %+v", e.Rotation, e.Decided)
	}
	if certain := e.Versions.Min == e.Versions.Max; certain && !e.Versions.Max.IsZero() && e.Versions.Min.AtLeast(oldest) && e.Rule == (Rule{}) {
		t.Errorf("no rule for %s", e.Rotation)
	}
	if e.Masked && e.Rotation != On {
		t.Errorf("masked, but %s", e.Rotation)
	}
	for name, missing := range map[string]bool{
		"serverTLSBootstrap": e.ServerTLSBootstrap.Known() == (e.ServerTLSBootstrap.Missing != ""),
		"gate":               e.Gate.Known() == (e.Gate.Missing != ""),
		"tlsCertFile":        e.TLSCertFile.Known() == (e.TLSCertFile.Missing != ""),
		"port":               e.Port.Known() == (e.Port.Missing != ""),
	} {
		if missing {
			t.Errorf("%s must be either known or say what is missing", name)
		}
	}
}

func run(t *testing.T, rows []row) {
	t.Helper()
	t.Parallel()
	for _, r := range rows {
		for _, v := range r.versions(t) {
			name := r.rule
			if !v.IsZero() {
				name += "/" + v.minor()
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				in := r.input(v)
				e := Resolve(in)
				r.check(t, e)
				explained(t, in, e)
			})
		}
	}
}
