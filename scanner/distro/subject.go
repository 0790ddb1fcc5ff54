package distro

import (
	"iter"
	"path"
	"slices"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// Subject is the kubelet to be judged, as its node showed it.
type Subject struct {
	Evidence *evidence.Evidence
	Process  *evidence.Process // nil: none is running
	Start    Start             // what its unit would start; zero: no unit is known
	Flags    kubelet.Flags     // of the process, or else of Start

	restarted, approved string // the distribution's Restart and Approver, for its Remedy
}

// Started is when the subject's process started, in seconds since the epoch by
// the node's own clock; 0: nothing runs, or it is not known.
func (s Subject) Started() int64 {
	if s.Process == nil || s.Evidence == nil || s.Evidence.Host.BootTime == 0 || s.Process.StartTick == 0 {
		return 0
	}
	ticks := s.Evidence.Host.ClockTicks
	if ticks <= 0 {
		ticks = 100 // USER_HZ of every common Linux
	}
	return s.Evidence.Host.BootTime + s.Process.StartTick/ticks
}

// slack is how many seconds a file may be newer than its process without
// reading as changed: the boot time that the kernel gives moves by a second
// when the clock is set.
const slack = 2

// isNewer reports whether something changed after the process started.
func (s Subject) isNewer(modified int64) bool {
	started := s.Started()
	return started > 0 && modified > started+slack
}

// Nested reports whether p runs in a container of its own (kind, k3d, or a
// distribution that runs its kubelet so): the files that it names are not those
// of the host, and the units of the host do not start it.
func Nested(ev *evidence.Evidence, p *evidence.Process) bool {
	if p.MountNS != "" && ev.Host.MountNS != "" {
		return p.MountNS != ev.Host.MountNS
	}
	for _, mark := range []string{"docker", "libpod", "kubepods", "containerd-", "crio-", "/lxc/"} {
		if strings.Contains(p.Cgroup, mark) {
			return true
		}
	}
	return false
}

// view is the process through whose eyes files are read; 0: the login's own.
func (s Subject) view() int {
	if s.Process != nil && s.Evidence != nil && Nested(s.Evidence, s.Process) {
		return s.Process.PID
	}
	return 0
}

// file is a file as the subject sees it, or nil.
func (s Subject) file(name string) *evidence.File {
	if s.Evidence == nil {
		return nil
	}
	return s.Evidence.File(s.view(), name)
}

// present reports whether a file's content is at hand.
func present(f *evidence.File) bool { return f != nil && f.State == evidence.Present }

// dir is a listing as the subject sees it, or nil.
func (s Subject) dir(name string) *evidence.Dir {
	if s.Evidence == nil {
		return nil
	}
	return s.Evidence.Dir(s.view(), name)
}

// seesAll reports whether the survey saw every file, so that a well-known one
// of which there is no evidence does not exist.
func (s Subject) seesAll() bool {
	return s.Evidence != nil && s.Evidence.Host.UID == 0 && s.view() == 0
}

// flag is the value of a flag, or empty.
func (s Subject) flag(name string) string {
	value, _, _ := s.Flags.Lookup(name)
	return value
}

// unit is the name of the subject's unit, or empty.
func (s Subject) unit() string {
	if s.Process != nil && s.Process.Unit != "" {
		return s.Process.Unit
	}
	return s.Start.Unit
}

// inUnit reports whether the subject's unit is one of these.
func (s Subject) inUnit(names ...string) bool { return slices.Contains(names, s.unit()) }

// program is the base name of what runs: argv[0], or the unit's first word.
func (s Subject) program() string {
	switch {
	case s.Process != nil && len(s.Process.Argv) > 0:
		name, _, _ := strings.Cut(s.Process.Argv[0], " ") // a process title has blanks
		return path.Base(name)
	case s.Process != nil:
		return s.Process.Comm
	case len(s.Start.Words) > 0:
		return path.Base(s.Start.Words[0].Text)
	}
	return ""
}

// programs are the paths under which the kubelet's program is known: argv[0],
// what that resolved to, or a word of the unit.
func (s Subject) programs() iter.Seq[string] {
	return func(yield func(string) bool) {
		if s.Process != nil {
			if yield(strings.TrimSuffix(s.Process.Exe, " (deleted)")) && len(s.Process.Argv) > 0 {
				yield(s.Process.Argv[0])
			}
			return
		}
		for _, word := range s.Start.Words {
			if !strings.HasPrefix(word.Text, "-") && !yield(word.Text) {
				return
			}
		}
	}
}

// runs reports whether the kubelet's program is known under this name.
func (s Subject) runs(program string) bool {
	for name := range s.programs() {
		if name == program {
			return true
		}
	}
	return false
}

// runsBelow reports whether the kubelet's program lies below dir.
func (s Subject) runsBelow(dir string) bool {
	for name := range s.programs() {
		if under(name, dir) {
			return true
		}
	}
	return false
}

// parent reports whether a process of root's with this name started the
// subject's.
func (s Subject) parent(comm string) bool {
	return s.Process != nil && s.Evidence != nil && s.Process.PPID > 0 &&
		slices.ContainsFunc(s.Evidence.Processes, func(p evidence.Process) bool {
			return p.PID == s.Process.PPID && p.UID == 0 && p.Comm == comm
		})
}

// hasVersion reports whether the kubelet's version has this in it, such as the
// suffix of a distribution's own builds.
func (s Subject) hasVersion(mark string) bool {
	return s.Process != nil && strings.Contains(s.Process.Version, mark)
}

// hasLabel reports whether the kubelet registers its node with a label whose
// name begins with prefix.
func (s Subject) hasLabel(prefix string) bool {
	for label := range strings.SplitSeq(s.flag("node-labels"), ",") {
		if strings.HasPrefix(strings.TrimSpace(label), prefix) {
			return true
		}
	}
	return false
}

// runsOn reports whether os-release names this operating system.
func (s Subject) runsOn(os string) bool {
	return s.Evidence != nil && (s.Process != nil || len(s.Start.Words) > 0) && strings.HasPrefix(s.Evidence.Host.OSRelease, os)
}

// hasDropIn reports whether a drop-in of the unit has one of these names.
func (s Subject) hasDropIn(names ...string) bool {
	return slices.ContainsFunc(s.Start.DropIns, func(name string) bool {
		return slices.Contains(names, path.Base(name))
	})
}

// hasEnvironment reports whether the unit reads this environment file.
func (s Subject) hasEnvironment(name string) bool { return slices.Contains(s.Start.environment, name) }

// under reports whether name is below dir.
func under(name, dir string) bool { return strings.HasPrefix(name, dir+"/") }
