package distro

import (
	"path"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/systemd"
)

// Start is what a unit would start now, whatever runs. The zero value means
// that no unit is known.
type Start struct {
	Unit    string
	Words   []systemd.Word  // argv[0] first; empty: the unit starts nothing that could be read
	DropIns []string        // paths, in the order systemd applies them
	Missing string          // why Words are not proven; empty: they are
	Wants   []evidence.Want // what would prove them
}

// Complete reports whether Words are proven.
func (s Start) Complete() bool { return len(s.Words) > 0 && s.Missing == "" }

// Args are the kubelet's arguments in Words: what follows the word that names
// the kubelet, so that a wrapper before it does not count.
func (s Start) Args() []kubelet.Arg {
	for i, word := range s.Words {
		switch path.Base(word.Text) {
		case "kubelet":
			return s.args(i + 1)
		case "hyperkube":
			if i+1 < len(s.Words) && s.Words[i+1].Text == "kubelet" {
				return s.args(i + 2)
			}
		}
	}
	return nil
}

func (s Start) args(from int) []kubelet.Arg {
	var args []kubelet.Arg
	for _, word := range s.Words[from:] {
		args = append(args, kubelet.Arg{Text: word.Text, Source: kubelet.Source{
			Kind: kubelet.FromFlag, Path: word.Source.Path, Line: word.Source.Line, Text: word.Text,
		}})
	}
	return args
}

// StartOf works out what the unit called name would start, from what systemd
// said of it or, where there is no systemctl, from its files. It gives the
// zero Start where there is no such unit.
func StartOf(ev *evidence.Evidence, name string) Start {
	unit, err := loadUnit(ev, name)
	if err != nil {
		return Start{}
	}
	s := Start{Unit: name, DropIns: unit.DropIns}
	var environment []systemd.File
	for _, e := range unit.EnvironmentFiles() {
		f := ev.File(0, e.Path)
		if wanted(f) && !e.Pattern {
			s.Wants = append(s.Wants, evidence.Want{Kind: evidence.Text, Path: e.Path})
		}
		environment = append(environment, unitFile(e.Path, f))
	}
	command := unit.Command(environment)
	s.Words = command.Argv
	switch {
	case command.Refused != "":
		s.Missing = "systemd does not start " + name + ": " + command.Refused
	case len(command.Missing) > 0:
		s.Missing = strings.Join(command.Missing, "; ")
	}
	return s
}

// loadUnit reads the unit's files in systemd's own order where systemctl told
// it, and by systemd's rules where not.
func loadUnit(ev *evidence.Evidence, name string) (systemd.Unit, error) {
	host := systemd.Host{Name: ev.Host.Name}
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
