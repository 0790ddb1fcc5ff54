package scanner

import (
	"cmp"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"

	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// corpusDir holds node files of many distributions and EXPECTED.md, which says
// what is right for each. It is not part of the project, and the tests of it
// are skipped where it is absent.
//
// Two folders of it are covered elsewhere, rule by rule: traps/yaml in
// scanner/kubelet (rules_config_test.go, rules_dropin_test.go) and
// traps/systemd-envfile in scanner/systemd (corpus_test.go,
// environment_test.go).
const corpusDir = "../../shared/corpus"

// expectation is one line of EXPECTED.md.
type expectation struct{ gate, bootstrap, answer []string }

// expectations reads EXPECTED.md.
func expectations(t *testing.T, corpus fs.FS) map[string]expectation {
	t.Helper()
	content, err := fs.ReadFile(corpus, "EXPECTED.md")
	if err != nil {
		t.Fatal(err)
	}
	split := func(cell string) []string { return strings.Split(strings.TrimSpace(cell), " / ") }
	rows := map[string]expectation{}
	for line := range strings.Lines(string(content)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 7 || strings.HasPrefix(cells[1], " ---") || strings.TrimSpace(cells[1]) == "sample" {
			continue
		}
		rows[strings.TrimSpace(cells[1])] = expectation{split(cells[2]), split(cells[3]), split(cells[4])}
	}
	return rows
}

// at is the part of a cell with several answers, or the only one.
func at(cell []string, part int) string { return cell[min(part, len(cell)-1)] }

// rotation translates an answer: STATIC is what we call external.
func (e expectation) rotation(part int) kubelet.Rotation {
	switch answer := at(e.answer, part); {
	case answer == "ON":
		return kubelet.On
	case strings.HasPrefix(answer, "OFF (STATIC"):
		return kubelet.External
	case strings.HasPrefix(answer, "OFF"):
		return kubelet.Off
	}
	return kubelet.Unknown
}

// setting translates the value of a gate or of serverTLSBootstrap. One that
// does not exist is not on.
func setting(cell string) string {
	word := strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == '=' })[0]
	switch word {
	case "on", "true":
		return "true"
	}
	return "false"
}

const trapsLine = "traps/not-kubelet.ps.txt"

func TestCorpus(t *testing.T) {
	corpus := openCorpus(t)
	rows := expectations(t, corpus)
	const least = 28
	if len(rows) < least {
		t.Fatalf("EXPECTED.md has %d lines, want at least %d", len(rows), least)
	}
	for line := range samples {
		if _, ok := rows[line]; !ok {
			t.Errorf("EXPECTED.md has no line %q any more", line)
		}
	}
	for line, want := range rows {
		if len(samples[line]) == 0 && line != trapsLine {
			t.Errorf("no sample covers the line %q of EXPECTED.md", line)
		}
		for _, s := range samples[line] {
			t.Run(strings.ReplaceAll(line, "/", "_")+"/"+s.name, func(t *testing.T) {
				node := s.node(t, corpus)
				t.Run("up", func(t *testing.T) { s.check(t, node, node.evidence(s, true), want) })
				t.Run("down", func(t *testing.T) {
					if s.notDown != "" {
						t.Skip(s.notDown)
					}
					s.check(t, node, node.evidence(s, false), want)
				})
			})
		}
	}
}

func openCorpus(t *testing.T) fs.FS {
	t.Helper()
	if _, err := os.Stat(corpusDir); err != nil {
		t.Skipf("SKIPPED: there is no corpus of node files at %s", corpusDir)
	}
	return os.DirFS(corpusDir)
}

// check judges a node, hands it what it wants of its files, and compares.
func (s sample) check(t *testing.T, node corpusNode, ev *evidence.Evidence, want expectation) {
	t.Helper()
	j := Judge(ev)
	for range maxRounds {
		for _, w := range j.Wants {
			if w.Kind == evidence.Program {
				ev.Programs = append(ev.Programs, evidence.ProgramVersion{Path: w.Path, Version: s.version})
				continue
			}
			node.fetch(ev, w)
		}
		j = Judge(ev)
	}
	v := j.Verdict
	if j.Status != OK || len(j.Wants) > 0 {
		t.Fatalf("status %v (%s), still wants %v", j.Status, j.Reason, j.Wants)
	}
	if got, want := v.Rotation, want.rotation(s.part); got != want {
		t.Errorf("rotation %v, want %v: %s", got, want, v.Why)
	}
	if v.Distro != s.distro {
		t.Errorf("distribution %q, want %q", v.Distro, s.distro)
	}
	for i, cell := range [][]string{want.bootstrap, want.gate} {
		got, want := v.Settings[i], setting(at(cell, s.part))
		switch {
		case got.Value == want, got.Value == "" && v.Version == "": // the default of the gate changed in 1.12
		case i == 0 && strings.Contains(got.Source.Text, "has no serverTLSBootstrap"):
		default:
			t.Errorf("%s is %q, want %s (%s)", got.Name, got.Value, want, got.Detail)
		}
	}
}

// corpusNode is the file system of one sample, by path.
type corpusNode struct {
	files map[string]string
	argv  []string
}

func (s sample) node(t *testing.T, corpus fs.FS) corpusNode {
	t.Helper()
	read := func(name string) string {
		content, err := fs.ReadFile(corpus, name)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	n := corpusNode{files: map[string]string{}, argv: s.argv}
	for name, file := range s.files {
		switch content := read(file); name {
		case "butane":
			n.butane(t, content)
		case "toml":
			value := "false"
			if strings.Contains(content, "\nserver-tls-bootstrap = true\n") {
				value = "true"
			}
			n.files["/etc/kubernetes/kubelet/config"] = configHeader + "serverTLSBootstrap: " + value + "\n"
		default:
			n.files[name] = content
		}
	}
	for name, text := range s.texts {
		n.files[name] = text
	}
	if s.cmdline != "" {
		n.argv = strings.Split(strings.TrimSuffix(read(s.cmdline), "\x00"), "\x00")
	}
	if n.argv == nil {
		ev := n.evidence(s, false)
		for name := range n.files {
			n.fetch(ev, evidence.Want{Kind: evidence.Text, Path: name})
		}
		for _, e := range distro.StartOf(ev, s.service()).Wants { // what the unit names and the corpus lacks
			n.fetch(ev, e)
		}
		for _, word := range distro.StartOf(ev, s.service()).Words {
			n.argv = append(n.argv, word.Text)
		}
	}
	return n
}

// butane takes the kubelet's unit and configuration out of a machine
// configuration, a template of Terraform's.
func (n corpusNode) butane(t *testing.T, content string) {
	t.Helper()
	var machine struct {
		Systemd struct {
			Units []struct{ Name, Contents string }
		}
		Storage struct {
			Files []struct {
				Path     string
				Contents struct{ Inline string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(content), &machine); err != nil {
		t.Fatal(err)
	}
	for _, u := range machine.Systemd.Units {
		if u.Name != "kubelet.service" {
			continue
		}
		var unit strings.Builder
		for line := range strings.Lines(u.Contents) {
			if !strings.HasPrefix(strings.TrimSpace(line), "%{") { // conditions and loops
				unit.WriteString(strings.ReplaceAll(line, "$${", "${"))
			}
		}
		n.files["/etc/systemd/system/"+u.Name] = unit.String()
	}
	for _, f := range machine.Storage.Files {
		if f.Path == "/etc/kubernetes/kubelet.yaml" {
			n.files[f.Path] = f.Contents.Inline
		}
	}
}

func (s sample) service() string {
	return cmp.Or(s.unit, "kubelet.service")
}

// evidence is what a survey by root brings back: the process, the unit files,
// and what is Rancher's. The rest has to be wanted.
func (n corpusNode) evidence(s sample, up bool) *evidence.Evidence {
	ev := &evidence.Evidence{
		Host: evidence.Host{System: "Linux", UID: 0, User: "root"},
		PIDs: evidence.PIDs{Seen: 90, Readable: 90},
	}
	for name, content := range n.files {
		if strings.Contains(name, "/systemd/system/") {
			ev.Files = append(ev.Files, evidence.File{Path: name, State: evidence.Present, Content: content})
		}
	}
	slices.SortFunc(ev.Files, func(a, b evidence.File) int { return strings.Compare(a.Path, b.Path) })
	// k3s and RKE2 keep these where the well-known lists have them.
	for name := range n.files {
		if strings.HasPrefix(name, "/etc/rancher/") {
			n.fetch(ev, evidence.Want{Kind: evidence.RancherConfig, Path: name})
		}
		if dir := path.Dir(name); strings.HasSuffix(dir, "kubelet.conf.d") {
			n.fetch(ev, evidence.Want{Kind: evidence.DropInDir, Path: dir})
		}
	}
	if !up {
		if !strings.HasPrefix(s.service(), "kubelet") { // no program of its unit prints it
			ev.Version = s.version
		}
		return ev
	}
	ev.Processes = []evidence.Process{
		{PID: 700, Comm: "podman", Argv: append([]string{"/usr/bin/podman", "run", "--name", "kubelet"}, n.argv...), ArgvState: evidence.Present},
		{PID: 800, Comm: cmp.Or(s.comm, "kubelet"), Argv: n.argv, ArgvState: evidence.Present, Unit: s.service(), Version: s.version, Cwd: "/"},
	}
	return ev
}

// fetch adds what a second look brings.
func (n corpusNode) fetch(ev *evidence.Evidence, w evidence.Want) {
	add := func(name string) {
		f := evidence.File{Path: name, State: evidence.Absent}
		if content, ok := n.files[name]; ok {
			f.State, f.Content = evidence.Present, content
		}
		if ev.File(0, name) == nil {
			ev.Files = append(ev.Files, f)
		}
	}
	if w.Kind != evidence.DropInDir && w.Kind != evidence.CertDir {
		add(w.Path)
		return
	}
	dir := evidence.Dir{Path: w.Path, State: evidence.Absent}
	for name := range n.files {
		if !strings.HasPrefix(name, w.Path+"/") {
			continue
		}
		dir.State = evidence.Present
		switch {
		case w.Kind == evidence.CertDir:
			dir.Entries = append(dir.Entries, evidence.Entry{Path: name})
		case strings.HasSuffix(name, ".conf"):
			add(name)
		}
	}
	if ev.Dir(0, w.Path) == nil {
		ev.Dirs = append(ev.Dirs, dir)
	}
}

// TestCorpusTraps feeds every line of a process list that matches /kubelet/
// and is none of this node's kubelet.
func TestCorpusTraps(t *testing.T) {
	corpus := openCorpus(t)
	content, err := fs.ReadFile(corpus, trapsLine)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			t.Fatalf("%q: expected a line of ps -ef", line)
		}
		argv := fields[7:]
		p := evidence.Process{PID: 6002, PPID: 6000, Comm: path.Base(argv[0]), Argv: argv, ArgvState: evidence.Present}
		p.Comm = p.Comm[:min(15, len(p.Comm))]
		if fields[0] != "root" {
			p.UID = 1000
		}
		ev := node(func(ev *evidence.Evidence) { ev.Processes = []evidence.Process{p} })
		ev.Files = nil
		// A program called kubelet that root runs without any argument is a
		// kubelet as far as anybody can tell. The trap is one that the node's
		// kubelet has forked: beside its parent it must not be taken for it.
		if len(argv) == 1 && argv[0] == "kubelet" {
			parent := node(nil).Processes[0]
			parent.PID = 6000
			ev.Processes = append([]evidence.Process{parent}, ev.Processes...)
			if got := Judge(ev).Verdict.PID; got != parent.PID {
				t.Errorf("%q: judged pid %d, want its parent", line, got)
			}
			continue
		}
		if j := Judge(ev); j.Status != NoKubelet {
			t.Errorf("%q: status %v, want %v", line, j.Status, NoKubelet)
		}
	}
}
