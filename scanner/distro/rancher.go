package distro

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/systemd"
)

// rancher is what k3s and RKE2 have in common: RKE2 is k3s with other paths.
type rancher struct {
	name   string // of the program
	env    string // what its environment variables begin with
	config string
	data   string
}

// arguments puts the kubelet's arguments together as k3s and RKE2 do: their
// own first, then kubelet-arg of the configuration files, then --kubelet-arg of
// their own command line.
// Source: k3s-io/k3s, pkg/configfilearg/parser.go, pkg/daemons/agent/agent.go
// and agent_linux.go, pkg/daemons/config (GetArgs).
func (r rancher) arguments(s Subject) Arguments {
	p := parts{Subject: s}
	if s.view() != 0 {
		p.incomplete(r.name + " runs in a container: whoever started that knows its command line")
		return p.done()
	}
	words := r.words(&p)
	flags := rancherFlags(words)
	p.refuse(words)
	config := r.config
	if name := p.setting(flags, r.env+"_CONFIG_FILE", "config", "c"); name != "" {
		config = name
	}
	settings := p.settings(r, config)
	data := r.data
	if name := p.setting(slices.Concat(settings, flags), r.env+"_DATA_DIR", "data-dir", "d"); name != "" {
		data = path.Clean(name)
	}
	managed := p.own(r, data)
	for _, x := range slices.Concat(settings, flags) {
		if x.name == "kubelet-arg" {
			p.user(x, managed)
		}
	}
	return p.done()
}

// words are those of the command line: the process's own, or where it hides
// them those of its service.
func (r rancher) words(p *parts) []systemd.Word {
	if p.Process != nil && slices.ContainsFunc(p.Process.Argv[min(1, len(p.Process.Argv)):], func(arg string) bool { return arg != "" }) {
		var words []systemd.Word // k3s before 1.19
		for _, arg := range p.Process.Argv {
			words = append(words, systemd.Word{Text: arg})
		}
		return words
	}
	start := r.start(p.Subject)
	p.Wants = append(p.Wants, start.Wants...)
	p.lookup = start.variable
	switch {
	case len(start.Words) == 0 && p.Process != nil:
		p.incomplete(r.name + " hides its arguments, and the service that starts it could not be read")
	case start.unproven != "":
		p.incomplete(start.unproven)
	}
	p.changed(start.newer(p.Subject))
	return start.Words
}

// start is the service of the subject, found by its process's title where the
// control group does not name one (OpenRC).
func (r rancher) start(s Subject) Start {
	if len(s.Start.Words) > 0 || s.Process == nil || s.Process.Unit != "" || s.Evidence == nil {
		return s.Start
	}
	service := r.name
	if s.Process.Comm == r.name+"-agent" || strings.HasSuffix(strings.Join(s.Process.Argv, ""), " agent") {
		service += "-agent"
	}
	return StartOf(s.Evidence, service+".service")
}

// parts are arguments in the making.
type parts struct {
	Subject
	Arguments
	lookup func(name string) (value, missing string) // of the service's environment; nil: there is none
}

// incomplete records the first thing that is missing.
func (p *parts) incomplete(why string) {
	if p.Incomplete == "" {
		p.Incomplete = why
	}
}

// want asks for a file or a listing, as the subject sees it.
func (p *parts) want(kind evidence.Kind, name string) {
	p.Wants = append(p.Wants, evidence.Want{Kind: kind, PID: p.view(), Path: name})
}

// changed records the first file that is newer than the process; "" is none.
func (p *parts) changed(name string) {
	if p.Newer == "" {
		p.Newer = name
	}
}

// done ends the making.
func (p *parts) done() Arguments {
	switch {
	case p.Incomplete != "":
		p.Newer = ""
	case p.Newer != "":
		p.Incomplete = p.Newer + " changed after the process started and proves nothing about it"
	}
	return p.Arguments
}

// add adds an argument that the distribution itself passes.
func (p *parts) add(text string) {
	p.Args = append(p.Args, kubelet.Arg{Text: text, Source: kubelet.Source{Kind: kubelet.FromDistribution, Text: text}})
}

// refuse says what the command line makes of the kubelet that is not modelled.
func (p *parts) refuse(words []systemd.Word) {
	for _, word := range words {
		switch name, value, _ := strings.Cut(strings.TrimLeft(word.Text, "-"), "="); {
		case !strings.HasPrefix(word.Text, "-") || value == "false":
		case name == "disable-agent":
			p.incomplete("it runs with --disable-agent, without a kubelet")
		case name == "rootless":
			p.incomplete("it runs rootless, with its files in a home directory")
		}
	}
}

// setting is the last value under one of these names, or else that of an
// environment variable of the service.
func (p *parts) setting(list []rancherSetting, variable string, names ...string) string {
	for _, x := range slices.Backward(list) {
		if slices.Contains(names, x.name) {
			return x.value
		}
	}
	if p.lookup == nil || variable == "" {
		return ""
	}
	value, missing := p.lookup(variable)
	if missing != "" {
		p.incomplete(variable + " may be set: " + missing)
	}
	return value
}

// own adds what k3s and RKE2 pass to every kubelet, as far as it matters here.
// From 1.32 on their settings are in a --config-dir without --config, and
// managed is true.
func (p *parts) own(r rancher, data string) (managed bool) {
	p.add("--kubeconfig=" + data + "/agent/kubelet.kubeconfig")
	dropIns := data + "/agent/etc/kubelet.conf.d"
	dir := p.dir(dropIns)
	if dir != nil && dir.State == evidence.Absent || dir == nil && data == r.data && p.seesAll() {
		p.add("--tls-cert-file=" + data + "/agent/serving-kubelet.crt")
		p.add("--tls-private-key-file=" + data + "/agent/serving-kubelet.key")
		return false
	}
	p.add("--config-dir=" + dropIns)
	p.wroteBeforehand(p.file(dropIns + "/00-" + r.name + "-defaults.conf"))
	return true
}

// wroteBeforehand says when the kubelet read its configuration, by a file that
// the program around it writes just before. A file of long after the start was
// written by somebody else.
func (p *parts) wroteBeforehand(f *evidence.File) {
	const longest = 600 // seconds from the start of the program to that of its kubelet
	if f != nil && p.isNewer(f.ModTime) && f.ModTime-p.Started() <= longest {
		p.Read = f.ModTime
	}
}

// user adds one kubelet-arg: NAME=VALUE, a bare NAME for true, with or without
// dashes. A name that ends in "+" or "-" adds to a list that k3s passes itself.
// A configuration that it names is copied into a managed --config-dir.
func (p *parts) user(x rancherSetting, managed bool) {
	name, value, joined := strings.Cut(strings.TrimPrefix(x.value, "--"), "=")
	name = strings.TrimRight(name, "+-")
	if !joined {
		value = "true"
	}
	if managed && (name == "config" || name == "config-dir") {
		return
	}
	p.Args = append(p.Args, kubelet.Arg{Text: "--" + name + "=" + value, Source: x.source})
}

// rancherSetting is one key and value of a configuration file, or one flag of
// the command line.
type rancherSetting struct {
	name, value string
	source      kubelet.Source
}

// rancherFlags are the flags of a command line: --name=value, or --name and a
// value of its own. Only flags that take a value are of interest.
func rancherFlags(words []systemd.Word) []rancherSetting {
	var list []rancherSetting
	for i, word := range words {
		name, ok := strings.CutPrefix(word.Text, "-")
		if !ok {
			continue
		}
		name, value, joined := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		if !joined && i+1 < len(words) {
			value = words[i+1].Text
		}
		list = append(list, rancherSetting{name: name, value: value, source: at(word)})
	}
	return list
}

// settings reads config.yaml and the files of config.yaml.d in their order: a
// later file replaces a key, unless the key ends in "+".
func (p *parts) settings(r rancher, main string) []rancherSetting {
	if !strings.HasPrefix(main, "/") {
		p.incomplete(r.name + " reads its configuration from " + main)
		return nil
	}
	main = path.Clean(main)
	var list []rancherSetting
	f := p.file(main)
	switch {
	case f == nil && main == r.config && p.seesAll(): // root's survey would have it
	case f == nil || f.State != evidence.Absent:
		list = p.merge(list, main, f)
	}
	p.directory(r, main)
	var names []string
	if p.Evidence != nil {
		for _, f := range p.Evidence.Files {
			if ext := path.Ext(f.Path); f.PID == p.view() && path.Dir(f.Path) == main+".d" && (ext == ".yaml" || ext == ".yml") {
				names = append(names, f.Path)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		list = p.merge(list, name, p.file(name))
	}
	return list
}

// directory makes sure that no file of config.yaml.d stayed unseen. The survey
// lists the well-known one as the login user; whether there is more to see
// takes a look at the directory.
func (p *parts) directory(r rancher, main string) {
	name := main + ".d"
	dir := p.dir(name)
	switch {
	case main == r.config && p.seesAll():
	case dir == nil:
		p.want(evidence.DropInDir, name)
		p.incomplete(name + " was not looked at")
	case dir.State == evidence.Absent, dir.State == evidence.Present && main == r.config && !dir.Sudo:
	default:
		p.incomplete("what is in " + name + " could not be seen")
	}
}

// merge puts one file's settings on top of those before it.
func (p *parts) merge(list []rancherSetting, name string, f *evidence.File) []rancherSetting {
	if wanted(f) {
		p.want(evidence.RancherConfig, name)
	}
	switch {
	case f == nil:
		p.incomplete(name + " was not read")
		return list
	case f.State == evidence.Absent:
		return list
	case f.State != evidence.Present:
		p.incomplete(name + " could not be read (" + string(f.State) + ")")
		return list
	}
	if p.isNewer(f.ModTime) {
		p.changed(name)
	}
	found, err := rancherKeys(*f)
	if err != nil {
		p.incomplete(name + " is not valid YAML")
		return list
	}
	for _, key := range found {
		if !key.adds {
			list = slices.DeleteFunc(list, func(old rancherSetting) bool { return old.name == key.name })
		}
		list = append(list, key.values...)
	}
	return list
}

// rancherKey is one key of a configuration file.
type rancherKey struct {
	name   string
	adds   bool // its name ended in "+"
	values []rancherSetting
}

// rancherKeys are the keys of one file that decide the kubelet, in their
// order. A value is a scalar or a list of them. The decoder is k3s's own; it
// refuses a document whose aliases would expand without measure.
func rancherKeys(f evidence.File) ([]rancherKey, error) {
	var content yaml.MapSlice
	if err := yaml.Unmarshal([]byte(f.Content), &content); err != nil {
		return nil, err
	}
	var list []rancherKey
	for _, item := range content {
		text, _ := item.Key.(string)
		name, adds := strings.CutSuffix(text, "+")
		if name != "kubelet-arg" && name != "data-dir" {
			continue
		}
		values, ok := item.Value.([]any)
		if !ok {
			values = []any{item.Value}
		}
		key := rancherKey{name: name, adds: adds}
		for _, v := range values {
			switch v.(type) {
			case string, bool, int, int64, uint64, float64:
			case nil:
				continue
			default:
				return nil, fmt.Errorf("%s: expected a text or a list of them", text)
			}
			value := fmt.Sprint(v)
			key.values = append(key.values, rancherSetting{name: name, value: value, source: kubelet.Source{
				Kind: kubelet.FromFlag, Path: f.Path, Line: lineOf(f.Content, value), Text: text + ": " + value,
			}})
		}
		list = append(list, key)
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
