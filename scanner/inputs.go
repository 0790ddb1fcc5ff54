package scanner

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/probe"
)

// inputs is what the kubelet's rules are applied to, and what is missing.
type inputs struct {
	now           kubelet.Input // what runs; with down, what would start
	afterRestart  kubelet.Input
	version       string
	versionSource string // where in the inventory it stood; empty: the node or the operator said it
	down          bool
	newer         string // the first file that changed after the process started; empty: none
	pending       bool
	wants         []evidence.Want

	ev        *evidence.Evidence
	pid       int   // whose view of the file system counts; 0: the login's own
	start     int64 // when the process started, seconds since the epoch; 0: not known
	elsewhere int   // the kubelet's pid, if it may have another root than the login, as on Bottlerocket; 0: it has the same
}

// gather collects what the subject's arguments name.
func gather(s distro.Subject, d distro.Distro) *inputs {
	in := &inputs{ev: s.Evidence, down: s.Process == nil}
	in.findVersion(s)
	in.view(s)
	in.arguments(s, d)
	flags := s.Flags // of argv, or of the unit
	if d.Arguments != nil {
		flags, _ = kubelet.ParseFlags(in.now.Args)
	}
	paths := flags.Paths()
	in.config(in.resolve(s, "--config", paths.Config))
	in.dropIns(in.resolve(s, "--config-dir", paths.ConfigDir))
	in.dynamic(in.resolve(s, "--dynamic-config-dir", paths.DynamicConfigDir))
	in.wants = slices.Compact(in.wants)

	in.afterRestart = settled(in.now)
	if in.newer != "" && d.Arguments != nil && in.now.Incomplete != "" {
		in.afterRestart.Incomplete = "" // what changed is all that was in the way
	}
	if s.Process != nil && d.Arguments == nil && s.Start.Complete() && sameProgram(s) {
		in.afterRestart.Args = s.Start.Args()
		in.afterRestart.Incomplete = ""
	}
	if in.down {
		in.now = in.afterRestart
	}
	return in
}

// view decides through whose eyes files are read: a kubelet in a container
// names files of its own.
func (in *inputs) view(s distro.Subject) {
	if s.Process == nil {
		return
	}
	p, h := s.Process, s.Evidence.Host
	if h.BootTime > 0 && p.StartTick > 0 {
		in.start = h.BootTime + p.StartTick/cmp.Or(h.ClockTicks, 100) // USER_HZ of every common Linux
	}
	switch p.DropInEnv {
	case "set", "unset":
		set := p.DropInEnv == "set"
		in.now.DropInEnv = &set
	}
	switch {
	case distro.Nested(s.Evidence, p):
		in.pid = p.PID
	case p.MountNS == "" || h.MountNS == "":
		in.elsewhere = p.PID
	}
}

// arguments finds the kubelet's arguments: in argv, in the unit, or where the
// distribution that holds the kubelet keeps them.
func (in *inputs) arguments(s distro.Subject, d distro.Distro) {
	switch {
	case d.Arguments != nil:
		a := d.Arguments(s)
		in.now.Args, in.now.Incomplete = a.Args, a.Incomplete
		in.start, in.newer = max(in.start, a.Read), a.Newer
		in.wants = append(in.wants, a.Wants...)
	case s.Process == nil:
		in.now.Args, in.now.Incomplete = s.Start.Args(), s.Start.Missing
		in.wants = append(in.wants, s.Start.Wants...)
	default:
		in.now.Args = kubelet.Argv(s.Process.Argv)
		switch s.Process.ArgvState {
		case evidence.Present:
			if len(s.Process.Argv) == 0 {
				in.now.Incomplete = "its argument vector is empty"
			}
		case evidence.Truncated:
			in.now.Incomplete = "its argument vector is longer than the probe reads"
		default:
			in.now.Incomplete = fmt.Sprintf("its argument vector cannot be read by %s: log in as root", in.ev.Host.User)
		}
	}
}

// resolve makes a path absolute as the kubelet would: against its working
// directory, which only root can see. Where that fails it says why.
func (in *inputs) resolve(s distro.Subject, flag, name string) (absolute, why string) {
	switch {
	case name == "" || strings.HasPrefix(name, "/"):
		return name, ""
	case s.Process == nil:
		return name, fmt.Sprintf("%s=%s is relative, and the kubelet is not running", flag, name)
	case s.Process.Cwd == "":
		return name, fmt.Sprintf("%s=%s is relative, and only root can see the kubelet's working directory", flag, name)
	}
	return path.Join(s.Process.Cwd, name), ""
}

// config fills in the file that --config names.
func (in *inputs) config(name, why string) {
	if name == "" {
		return
	}
	if why != "" { // a path that is not known cannot be asked for
		in.now.Config = kubelet.File{Path: name, State: kubelet.Unreadable, Reason: why}
		return
	}
	in.now.Config = in.file(evidence.KubeletConfig, name)
}

// dropIns fills in the directory that --config-dir names.
func (in *inputs) dropIns(name, why string) {
	if name == "" {
		return
	}
	out := &in.now.DropIns
	out.Path = name
	if why != "" {
		out.State, out.Reason = kubelet.Unreadable, why
		return
	}
	dir := in.findDir(path.Clean(name))
	if dir == nil {
		return
	}
	out.Newer = in.isNewer(name, dir.ModTime)
	out.State, out.Reason = in.state(dir.State, dir.PID, "", dir.Refusal)
	for _, f := range in.ev.Files {
		if f.PID == dir.PID && strings.HasPrefix(f.Path, dir.Path+"/") && strings.HasSuffix(f.Path, ".conf") {
			out.Files = append(out.Files, in.file(evidence.KubeletConfig, f.Path))
		}
	}
	slices.SortFunc(out.Files, func(a, b kubelet.File) int { // filepath.WalkDir: by name, directory for directory
		return slices.Compare(strings.Split(a.Path, "/"), strings.Split(b.Path, "/"))
	})
}

// dynamic fills in what --dynamic-config-dir holds: two files that name a
// checkpoint, and the checkpoints.
func (in *inputs) dynamic(name, why string) {
	if name == "" {
		return
	}
	out := &in.now.Dynamic
	out.Dir = name
	assigned, lastKnownGood := kubelet.DynamicMeta(name)
	out.Assigned = in.checkpoint(name, assigned, why)
	out.LastKnownGood = in.checkpoint(name, lastKnownGood, why)
}

func (in *inputs) checkpoint(dir, meta, why string) kubelet.Checkpoint {
	if why != "" {
		return kubelet.Checkpoint{Meta: kubelet.File{Path: meta, State: kubelet.Unreadable, Reason: why}}
	}
	newer := in.newer
	c := kubelet.Checkpoint{Meta: in.file(evidence.Text, meta)}
	if path.Base(meta) == "last-known-good" { // the kubelet itself writes it, some time after the start
		in.newer, c.Meta.Newer = newer, false
	}
	if c.Meta.State == kubelet.Present {
		if name, ok, err := kubelet.DynamicCheckpoint(dir, c.Meta.Content); err == nil && ok {
			c.Config = in.file(evidence.KubeletConfig, name)
		}
	}
	return c
}

// file is one file in the kubelet's terms; what is not at hand is wanted.
func (in *inputs) file(kind evidence.Kind, name string) kubelet.File {
	out := kubelet.File{Path: name}
	f := in.findFile(kind, path.Clean(name))
	if f == nil {
		return out
	}
	out.State, out.Reason = in.state(f.State, f.PID, f.Mode, f.Refusal)
	out.Content = []byte(f.Content)
	out.Newer = in.isNewer(name, f.ModTime)
	return out
}

// findFile is what was seen of a path through the kubelet's eyes. That it is
// not there for the login proves nothing where the kubelet may have another
// root: then that root is looked at, which takes sudo.
func (in *inputs) findFile(kind evidence.Kind, name string) *evidence.File {
	f := in.ev.File(in.pid, name)
	if f != nil && f.State == evidence.Absent && in.elsewhere != 0 {
		if f = in.ev.File(in.elsewhere, name); f == nil {
			in.want(kind, in.elsewhere, name)
		}
		return f
	}
	if f == nil || f.State == evidence.Denied && !f.Sudo {
		in.want(kind, in.pid, name)
	}
	return f
}

// findDir is the same for a directory of drop-ins.
func (in *inputs) findDir(name string) *evidence.Dir {
	d := in.ev.Dir(in.pid, name)
	if d != nil && d.State == evidence.Absent && in.elsewhere != 0 {
		if d = in.ev.Dir(in.elsewhere, name); d == nil {
			in.want(evidence.DropInDir, in.elsewhere, name)
		}
		return d
	}
	if d == nil || d.State == evidence.Denied && !d.Sudo {
		in.want(evidence.DropInDir, in.pid, name)
	}
	return d
}

// state turns how a look ended into the kubelet's terms, and into words that
// go with the path.
func (in *inputs) state(state evidence.State, pid int, mode, refusal string) (kubelet.FileState, string) {
	switch state {
	case evidence.Present:
		return kubelet.Present, ""
	case evidence.Absent:
		return kubelet.Absent, ""
	case evidence.Unread:
		return kubelet.Unread, ""
	case evidence.Truncated:
		return kubelet.Unreadable, "longer than the probe reads"
	case evidence.Withheld:
		return kubelet.OtherKind, ""
	case evidence.Sealed:
		return kubelet.Unreadable, "a credential in it could not be told from the rest, so it stayed on the node"
	case evidence.NotRegular:
		return kubelet.Unreadable, "neither a regular file nor a directory"
	}
	why := "not readable by " + in.ev.Host.User
	switch pid {
	case 0:
	case in.pid:
		why = "the kubelet runs in a container, whose files " + in.ev.Host.User + " may not read"
	default:
		why = "not there for " + in.ev.Host.User + ", and only root can tell whether the kubelet has another root"
	}
	if mode != "" {
		why += ", mode " + mode
	}
	if refusal != "" {
		why += "; " + probe.ReadRefusal(refusal).String()
	}
	return kubelet.Unreadable, why
}

func (in *inputs) want(kind evidence.Kind, pid int, name string) {
	in.wants = append(in.wants, evidence.Want{Kind: kind, PID: pid, Path: name})
}

// slack is how many seconds a file may be newer than its process without
// reading as changed: the boot time that the kernel gives moves by a second
// when the clock is set.
const slack = 2

func (in *inputs) isNewer(name string, modified int64) bool {
	if in.start == 0 || modified <= in.start+slack {
		return false
	}
	if in.newer == "" {
		in.newer = name
	}
	return true
}

// settled is the input of a kubelet that starts now: no file is newer.
func settled(in kubelet.Input) kubelet.Input {
	in.Config.Newer = false
	in.DropIns.Newer = false
	for _, c := range []*kubelet.Checkpoint{&in.Dynamic.Assigned, &in.Dynamic.LastKnownGood} {
		c.Meta.Newer, c.Config.Newer = false, false
	}
	in.DropIns.Files = slices.Clone(in.DropIns.Files)
	for i := range in.DropIns.Files {
		in.DropIns.Files[i].Newer = false
	}
	return in
}

// sameProgram reports whether the unit's command is the program that runs, and
// not a wrapper whose own arguments look like the kubelet's.
func sameProgram(s distro.Subject) bool {
	return len(s.Process.Argv) > 0 && len(s.Start.Words) > 0 &&
		path.Base(s.Process.Argv[0]) == path.Base(s.Start.Words[0].Text)
}
