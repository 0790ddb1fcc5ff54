package scanner

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/probe"
)

// findSubject says which kubelet is the node's, and where there is none what
// that means. A name proves nothing: any user can call a program kubelet, so
// only processes of uid 0 are taken for it, and only if argv[0] says so too.
func findSubject(ev *evidence.Evidence) (distro.Subject, Status, string) {
	s := distro.Subject{Evidence: ev}
	var ignored int
	for i := range ev.Processes {
		p := &ev.Processes[i]
		if !isKubelet(p) && !distro.Embeds(p) {
			continue
		}
		if p.UID != 0 {
			ignored++
			continue
		}
		if s.Process == nil || better(ev, p, s.Process) {
			s.Process = p
		}
	}
	if s.Process != nil {
		if !distro.Nested(ev, s.Process) { // else the unit of that name is the container's, not the host's
			s.Start = distro.StartOf(ev, s.Process.Unit)
		}
		s.Flags, _ = kubelet.ParseFlags(kubelet.Argv(s.Process.Argv))
		return s, OK, ""
	}
	if status, reason := hidden(ev); status != OK {
		return s, status, reason
	}
	for _, service := range probe.Services {
		if s.Start = distro.StartOf(ev, service+".service"); len(s.Start.Words) > 0 {
			s.Flags, _ = kubelet.ParseFlags(s.Start.Args())
			return s, OK, ""
		}
	}
	return s, NoKubelet, noKubelet(ev, ignored)
}

// better prefers a process that shows its arguments to one that shows none,
// which may be one that has ended and was not reaped yet, and then the host's
// to one of a nested cluster.
func better(ev *evidence.Evidence, p, than *evidence.Process) bool {
	if shown := len(p.Argv) > 0; shown != (len(than.Argv) > 0) {
		return shown
	}
	return distro.Nested(ev, than) && !distro.Nested(ev, p)
}

// isKubelet reports whether p is a kubelet by its argument vector: kubelet, or
// hyperkube with that sub-command (up to Kubernetes 1.18), unless it only
// prints its version, as the probe itself and monitors ask it to.
func isKubelet(p *evidence.Process) bool {
	if len(p.Argv) == 0 {
		return p.Comm == "kubelet" // its arguments may be hidden: that is for the verdict to say
	}
	name := path.Base(p.Argv[0])
	if name != "kubelet" && (name != "hyperkube" || len(p.Argv) < 2 || p.Argv[1] != "kubelet") {
		return false
	}
	if !slices.ContainsFunc(p.Argv, mayPrint) {
		return true
	}
	flags, _ := kubelet.ParseFlags(kubelet.Argv(p.Argv))
	return !flags.Prints()
}

// mayPrint reports whether an argument can make a kubelet print something and
// exit. Most command lines have none, and need no parsing for that.
func mayPrint(arg string) bool {
	return strings.HasPrefix(arg, "--version") || strings.HasPrefix(arg, "--help") || strings.HasPrefix(arg, "-h")
}

// others lists the kubelets that are not the one judged: those of nested
// clusters, and programs that only call themselves so.
func others(ev *evidence.Evidence, s distro.Subject) []string {
	var list []string
	for i := range ev.Processes {
		p := &ev.Processes[i]
		if !isKubelet(p) && !distro.Embeds(p) || s.Process != nil && p.PID == s.Process.PID {
			continue
		}
		line := fmt.Sprintf("pid %d: %s", p.PID, p.Comm)
		switch {
		case p.UID != 0:
			line += fmt.Sprintf(", of uid %d: not a node's kubelet", p.UID)
		case distro.Nested(ev, p):
			line += ", in a container of its own"
		}
		if group := p.Cgroup[strings.LastIndex(p.Cgroup, "/")+1:]; group != "" {
			line += " (" + group + ")"
		}
		list = append(list, line)
	}
	return list
}

// hidden reports that processes may exist which the login user cannot see, so
// that "no kubelet" would be a guess.
func hidden(ev *evidence.Evidence) (Status, string) {
	h := ev.Host
	switch {
	case h.UID == 0:
		return OK, ""
	case h.HidePID != "":
		return Denied, fmt.Sprintf("/proc is mounted with hidepid=%s and hides other users' processes from %s: log in as root", h.HidePID, h.User)
	case ev.PIDs.Seen > 0 && ev.PIDs.Readable*2 < ev.PIDs.Seen:
		return Denied, fmt.Sprintf("only %d of %d processes are visible to %s: log in as root", ev.PIDs.Readable, ev.PIDs.Seen, h.User)
	}
	return OK, ""
}

func noKubelet(ev *evidence.Evidence, ignored int) string {
	reason := fmt.Sprintf("no kubelet among %d processes and no unit of one", ev.PIDs.Seen)
	if ignored > 0 {
		reason += fmt.Sprintf(" (%d named like one does not run as root)", ignored)
	}
	return reason
}
