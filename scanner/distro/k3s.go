package distro

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// K3s is k3s, which holds the kubelet inside itself.
const K3s ID = "k3s"

// k3s overwrites its own argv ("to conceal secrets"), so the kubelet's
// arguments are put together here as k3s does: its own first, then kubelet-arg
// of config.yaml and config.yaml.d, then --kubelet-arg of the unit.
// Source: k3s-io/k3s, pkg/daemons/agent/agent_linux.go, pkg/configfilearg.
var k3s = Distro{
	ID: K3s,
	Detect: func(s Subject) bool {
		if s.Process != nil {
			switch s.Process.Comm {
			case "k3s", "k3s-server", "k3s-agent":
				return true
			}
			return false
		}
		return s.program() == "k3s"
	},
	Arguments: k3sArguments,
}

const k3sConfig = "/etc/rancher/k3s/config.yaml"

func k3sArguments(s Subject) Arguments {
	var a Arguments
	data := "/var/lib/rancher/k3s"
	settings, files := a.rancherConfig(s.Evidence, k3sConfig)
	if len(s.Start.Words) == 0 {
		a.incomplete("k3s hides its arguments, and the unit that starts it could not be read")
	}
	if s.Start.Missing != "" {
		a.incomplete(s.Start.Missing)
	}
	a.Wants = append(a.Wants, s.Start.Wants...)
	words := rancherFlags(s.Start)
	for _, list := range [][]rancherSetting{settings, words} {
		for _, x := range list {
			switch x.name {
			case "data-dir", "d":
				data = strings.TrimRight(x.value, "/")
			case "config", "c":
				if !slices.Contains(files, x.value) {
					a.incomplete("k3s reads " + x.value + ", which was not collected")
				}
			}
		}
	}
	a.own(s, data)
	for _, list := range [][]rancherSetting{settings, words} {
		for _, x := range list {
			if x.name == "kubelet-arg" {
				a.Args = append(a.Args, kubelet.Arg{Text: "--" + x.value, Source: x.source})
			}
		}
	}
	return a
}

// own adds what k3s itself passes to every kubelet, as far as it matters here.
func (a *Arguments) own(s Subject, data string) {
	add := func(text string) {
		a.Args = append(a.Args, kubelet.Arg{Text: text, Source: kubelet.Source{Kind: kubelet.FromDistribution, Text: text}})
	}
	add("--kubeconfig=" + data + "/agent/kubelet.kubeconfig")
	add("--cert-dir=" + data + "/agent")
	dropIns := data + "/agent/etc/kubelet.conf.d"
	if dir := s.Evidence.Dir(0, dropIns); dir != nil && dir.State != evidence.Absent {
		add("--config-dir=" + dropIns) // from 1.32 on; the certificate stands in there
		return
	}
	add("--tls-cert-file=" + data + "/agent/serving-kubelet.crt")
	add("--tls-private-key-file=" + data + "/agent/serving-kubelet.key")
}

func (a *Arguments) incomplete(why string) {
	if a.Incomplete == "" {
		a.Incomplete = why
	}
}

// rancherSetting is one key and value of config.yaml, or one flag of the unit.
type rancherSetting struct {
	name, value string
	source      kubelet.Source
}

// rancherFlags are the flags in the words of a unit: --name=value, or --name
// and a value of its own. Only flags that take a value are of interest.
func rancherFlags(start Start) []rancherSetting {
	var list []rancherSetting
	for i, word := range start.Words {
		name, ok := strings.CutPrefix(word.Text, "-")
		if !ok {
			continue
		}
		name, value, joined := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		if !joined && i+1 < len(start.Words) {
			value = start.Words[i+1].Text
		}
		list = append(list, rancherSetting{name: name, value: value, source: kubelet.Source{
			Kind: kubelet.FromFlag, Path: word.Source.Path, Line: word.Source.Line, Text: word.Text,
		}})
	}
	return list
}

// rancherConfig reads config.yaml and config.yaml.d/*.yaml as k3s and RKE2 do:
// a later file replaces a key, unless the key ends in "+".
// It returns the settings and the files that were read.
func (a *Arguments) rancherConfig(ev *evidence.Evidence, main string) (settings []rancherSetting, files []string) {
	for _, f := range ev.Files {
		if f.PID != 0 || f.Path != main && !under(f.Path, main+".d") {
			continue
		}
		switch {
		case f.State == evidence.Absent:
			continue
		case f.State == evidence.Denied && !f.Sudo:
			a.Wants = append(a.Wants, evidence.Want{Kind: evidence.RancherConfig, Path: f.Path})
			fallthrough
		case f.State != evidence.Present:
			a.incomplete(f.Path + " could not be read (" + string(f.State) + ")")
			continue
		}
		found, err := rancherKeys(f)
		if err != nil {
			a.incomplete(f.Path + " is not valid YAML")
			continue
		}
		for _, x := range found {
			if !strings.HasSuffix(x.name, "+") {
				settings = slices.DeleteFunc(settings, func(old rancherSetting) bool {
					return old.name == x.name && old.source.Path != f.Path
				})
			}
		}
		for _, x := range found {
			x.name = strings.TrimSuffix(x.name, "+")
			settings = append(settings, x)
		}
		files = append(files, f.Path)
	}
	return settings, files
}

// rancherKeys are the keys of one file that decide the kubelet. A value is one
// string or a list of strings. The decoder is k3s's own; it refuses a document
// whose aliases would expand without measure.
func rancherKeys(f evidence.File) ([]rancherSetting, error) {
	var content map[string]any
	if err := yaml.Unmarshal([]byte(f.Content), &content); err != nil {
		return nil, err
	}
	var list []rancherSetting
	for _, key := range []string{"data-dir", "config", "kubelet-arg", "kubelet-arg+"} {
		var values []any
		switch v := content[key].(type) {
		case nil:
			continue
		case []any:
			values = v
		default:
			values = []any{v}
		}
		for _, v := range values {
			text, ok := v.(string)
			if !ok {
				continue
			}
			list = append(list, rancherSetting{name: key, value: text, source: kubelet.Source{
				Kind: kubelet.FromFlag, Path: f.Path, Line: lineOf(f.Content, text), Text: key + ": " + text,
			}})
		}
	}
	return list, nil
}

// lineOf is the 1-based line on which text stands, or 0.
func lineOf(content, text string) int {
	before, _, found := strings.Cut(content, text)
	if !found {
		return 0
	}
	return 1 + strings.Count(before, "\n")
}
