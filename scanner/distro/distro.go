// Package distro knows who wraps the kubelet and where each distribution keeps
// its settings. One file per distribution, one line in List. It is pure: it
// reads evidence and says what is missing.
//
// To add one: a file with a Distro value, a line in List before the more
// general ones, and a node in fixtures/nodes.
package distro

import (
	"path"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// ID names a distribution. The zero value means that none was recognised.
type ID string

// Subject is the kubelet to be judged, as its node showed it.
type Subject struct {
	Evidence *evidence.Evidence
	Process  *evidence.Process // nil: none is running
	Start    Start             // what its unit would start; zero: no unit is known
	Flags    kubelet.Flags     // of the process, or else of Start
}

// Distro is one way to run a kubelet.
type Distro struct {
	ID    ID
	Title string // as its makers write it, such as "Amazon EKS"
	// Default is what a node of it does unless somebody changed it.
	Default Default
	// Detect reports whether this distribution runs the kubelet.
	Detect func(Subject) bool
	// Arguments gives the kubelet's arguments where neither argv nor the unit
	// shows them, because another program holds the kubelet inside. Nil: argv
	// has them all.
	Arguments func(Subject) Arguments
	// Supplied names the certificate that the distribution itself puts where
	// the kubelet would put a self-signed one, so that rotation is its job;
	// empty: this node has none. Nil: the distribution never does.
	Supplied func(Subject) string
	// Remedy says what turns rotation on on this very node: which file and
	// line, what to restart, who approves; or, where the distribution supplies
	// the certificate, what it offers instead. One sentence each, in order.
	// Nil: the general advice is right.
	Remedy func(Subject, kubelet.Effective) []string
}

// Default is what a distribution does as it comes.
type Default struct {
	Rotation kubelet.Rotation
	Why      string // one line
	Source   string // where its own source or documentation says so
}

// Arguments is what a distribution passes to the kubelet that it holds.
type Arguments struct {
	Args       []kubelet.Arg
	Incomplete string          // what could not be read, so that some argument may be missing; empty: nothing
	Wants      []evidence.Want // what would settle it
}

// List is every distribution, in the order in which they are asked.
var List = []Distro{k3s, rke2, eks, kubeadm}

// Of is the first distribution that recognises the subject; the zero Distro if
// none does.
func Of(s Subject) Distro {
	for _, d := range List {
		if d.Detect(s) {
			return d
		}
	}
	return Distro{}
}

// Embeds reports whether p is a program of a known distribution that holds a
// kubelet inside itself.
func Embeds(p *evidence.Process) bool {
	for _, d := range List {
		if d.Arguments != nil && d.Detect(Subject{Process: p}) {
			return true
		}
	}
	return false
}

// flag is the value of a flag, or empty.
func (s Subject) flag(name string) string {
	value, _, _ := s.Flags.Lookup(name)
	return value
}

// unit is the name of the subject's unit, or empty.
func (s Subject) unit() string {
	if s.Process != nil {
		return s.Process.Unit
	}
	return s.Start.Unit
}

// program is the base name of what runs: argv[0], or the unit's first word.
func (s Subject) program() string {
	switch {
	case s.Process != nil && len(s.Process.Argv) > 0:
		return path.Base(s.Process.Argv[0])
	case s.Process != nil:
		return s.Process.Comm
	case len(s.Start.Words) > 0:
		return path.Base(s.Start.Words[0].Text)
	}
	return ""
}

// under reports whether name is below dir.
func under(name, dir string) bool { return strings.HasPrefix(name, dir+"/") }
