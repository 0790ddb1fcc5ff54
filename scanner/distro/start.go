package distro

import (
	"path"
	"slices"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/systemd"
)

// Start is what a service would start now, whatever runs: a systemd unit or,
// where there is none of that name, an OpenRC service. The zero value means
// that no service is known.
type Start struct {
	Unit    string
	Words   []systemd.Word  // argv[0] first; empty: the unit starts nothing that could be read
	DropIns []string        // paths, in the order systemd applies them
	Missing string          // why Args are not proven; empty: they are
	Wants   []evidence.Want // what would prove them

	unproven    string   // why Words are not proven; empty: they are
	files       []string // what they were read from, as far as it exists
	environment []string // the environment files that the unit names
	variable    func(name string) (value, missing string)
}

// Complete reports whether Args are proven.
func (s Start) Complete() bool { return len(s.Words) > 0 && s.Missing == "" }

// Args are the kubelet's arguments in Words: what follows the word that names
// the kubelet, so that a wrapper before it does not count.
func (s Start) Args() []kubelet.Arg {
	from, ok := s.kubelet()
	if !ok {
		return nil
	}
	args := make([]kubelet.Arg, 0, len(s.Words)-from)
	for _, word := range s.Words[from:] {
		args = append(args, kubelet.Arg{Text: word.Text, Source: at(word)})
	}
	return args
}

// at is where a word stood, as the source of a flag.
func at(word systemd.Word) kubelet.Source {
	return kubelet.Source{Kind: kubelet.FromFlag, Path: word.Source.Path, Line: word.Source.Line, Text: word.Text}
}

// kubelet finds where in Words the kubelet's arguments begin; ok is false
// where no word names a kubelet.
func (s Start) kubelet() (from int, ok bool) {
	if len(s.Words) > 0 {
		switch path.Base(s.Words[0].Text) {
		case "docker", "podman", "nerdctl", "rkt":
			return s.contained()
		}
	}
	for i := range s.Words {
		if n := s.names(i); n > 0 {
			return i + n, true
		}
	}
	return 0, false
}

// contained is kubelet for a command that runs a container: the arguments
// follow the image, or the program that the image is told to run.
func (s Start) contained() (from int, ok bool) {
	image := slices.IndexFunc(s.Words, func(word systemd.Word) bool {
		name := word.Text
		if strings.HasPrefix(name, "-") || strings.HasPrefix(name, "/") || !strings.Contains(name, "/") {
			return false
		}
		name, _, _ = strings.Cut(path.Base(name), ":")
		name, _, _ = strings.Cut(name, "@")
		return name == "kubelet" || name == "hyperkube"
	})
	if image < 0 {
		return 0, false
	}
	return image + 1 + s.names(image+1), true
}

// names reports how many words from the i-th on name a kubelet; 0: none does.
func (s Start) names(i int) int {
	if i >= len(s.Words) {
		return 0
	}
	switch name := s.Words[i].Text; path.Base(name) {
	case "kubelet", "kubelet-wrapper": // the wrapper of Container Linux hands its arguments on
		if path.Dir(name) == "/var/lib" { // a directory, for another flag
			return 0
		}
		return 1
	case "hyperkube":
		if i+1 < len(s.Words) && s.Words[i+1].Text == "kubelet" {
			return 2
		}
	}
	return 0
}

// StartOf works out what the unit called name would start, from what systemd
// said of it or, where there is no systemctl, from its files. It gives the
// zero Start where there is no such unit.
func StartOf(ev *evidence.Evidence, name string) Start {
	unit, err := loadUnit(ev, name, 0)
	if err != nil {
		return openRC(ev, name)
	}
	s := Start{Unit: name, DropIns: unit.DropIns, files: append([]string{unit.Fragment}, unit.DropIns...)}
	var environment []systemd.File
	for _, e := range unit.EnvironmentFiles() {
		f := ev.File(0, e.Path)
		if wanted(f) && !e.Pattern {
			s.Wants = append(s.Wants, evidence.Want{Kind: evidence.Text, Path: e.Path})
		}
		if present(f) {
			s.files = append(s.files, e.Path)
		}
		s.environment = append(s.environment, e.Path)
		environment = append(environment, unitFile(e.Path, f))
	}
	command := unit.Command(environment)
	s.Words = command.Argv
	switch {
	case command.Refused != "":
		s.unproven = "systemd does not start " + name + ": " + command.Refused
	case len(command.Missing) > 0:
		s.unproven = strings.Join(command.Missing, "; ")
	case !sameEverywhere(ev, name, command, environment):
		s.unproven = "what " + name + " starts depends on the version of systemd: before 254 a comment that ends in a backslash takes the next line with it"
	}
	s.variable = func(name string) (value, missing string) {
		word, _, lacking := unit.Variable(name, environment)
		return word.Text, strings.Join(lacking, "; ")
	}
	s.prove()
	return s
}

// prove says whether Args are what a kubelet would get. A command that names no
// kubelet starts something that may pass anything on.
func (s *Start) prove() {
	s.Missing = s.unproven
	if _, ok := s.kubelet(); !ok && s.Missing == "" && len(s.Words) > 0 {
		s.Missing = s.Unit + " starts " + path.Base(s.Words[0].Text) + ", which does not show the kubelet's arguments"
	}
}

// newer is the first file of the service that changed after the subject's
// process started; empty: none did.
func (s Start) newer(subject Subject) string {
	for _, name := range s.files {
		if f := subject.file(name); f != nil && subject.isNewer(f.ModTime) {
			return name
		}
	}
	return ""
}

// sameEverywhere reports whether every version of systemd makes the same words
// of a unit; the node's own is not known.
func sameEverywhere(ev *evidence.Evidence, name string, command systemd.Command, environment []systemd.File) bool {
	const before254 = 252
	if !slices.ContainsFunc(environment, func(f systemd.File) bool { return strings.Contains(f.Content, "\\\n") }) {
		return true
	}
	unit, err := loadUnit(ev, name, before254)
	return err == nil && slices.EqualFunc(unit.Command(environment).Argv, command.Argv, func(a, b systemd.Word) bool { return a.Text == b.Text })
}

// loadUnit reads the unit's files in systemd's own order where systemctl told
// it, and by systemd's rules where not; version is systemd's, 0 for today's.
func loadUnit(ev *evidence.Evidence, name string, version int) (systemd.Unit, error) {
	host := systemd.Host{Name: ev.Host.Name, Systemd: version}
	if u := ev.Unit(name); u != nil && u.Fragment != "" {
		dropIns := make([]systemd.File, len(u.DropIns))
		for i, dropIn := range u.DropIns {
			dropIns[i] = unitFile(dropIn, ev.File(0, dropIn))
		}
		return systemd.LoadOrdered(name, host, unitFile(u.Fragment, ev.File(0, u.Fragment)), dropIns)
	}
	var files []systemd.File
	for i := range ev.Files {
		if f := &ev.Files[i]; f.PID == 0 && strings.Contains(f.Path, "/systemd/") {
			files = append(files, unitFile(f.Path, f))
		}
	}
	return systemd.Load(name, host, files)
}

// wanted reports whether a second look, with sudo, could bring more of a file.
func wanted(f *evidence.File) bool {
	return f == nil || f.State == evidence.Denied && !f.Sudo
}

// unitFile is a file of the node in systemd's terms.
func unitFile(name string, f *evidence.File) systemd.File {
	out := systemd.File{Path: name}
	switch {
	case f == nil || f.State == evidence.Unread:
	case f.State == evidence.Present:
		out.State, out.Content = systemd.Present, f.Content
	case f.State == evidence.Absent:
		out.State = systemd.Absent
	default:
		out.State, out.Reason = systemd.Unreadable, string(f.State)
	}
	return out
}
