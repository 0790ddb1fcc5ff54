package distro

import (
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// snapped adds the arguments in a snap's file, of which the unit says nothing:
// it starts "snap run NAME".
func (p *parts) snapped(name string, read func(*parts, evidence.File)) {
	f := p.file(name)
	if p.view() != 0 && p.Evidence.Host.UID != 0 {
		p.incomplete("it runs in a container, whose files only root can read")
		return
	}
	if wanted(f) {
		p.want(evidence.Text, name)
	}
	switch {
	case f == nil:
		p.incomplete(name + " was not read")
	case f.State != evidence.Present:
		p.incomplete(name + " could not be read (" + string(f.State) + ")")
	default:
		if p.isNewer(f.ModTime) {
			p.changed(name)
		}
		read(p, *f)
	}
}

// snapRuns reports whether the unit starts this application of a snap.
func (s Subject) snapRuns(application string) bool {
	return s.Process == nil && s.program() == "snap" && s.runs(application)
}

// line adds one argument of a file.
func (p *parts) line(f evidence.File, number int, text string) {
	p.Args = append(p.Args, kubelet.Arg{Text: text, Source: kubelet.Source{
		Kind: kubelet.FromFlag, Path: f.Path, Line: number, Text: text,
	}})
}

// arrayFile reads an arguments file as the wrappers of Canonical Kubernetes
// and of the kubelet snap do: declare -a args="($(cat FILE))".
// Source: canonical/k8s-snap k8s/lib.sh (execute_service).
func arrayFile(p *parts, f evidence.File) {
	words, ok := shellWords(f.Content)
	if !ok {
		p.incomplete(f.Path + " has something that only a shell could tell")
		return
	}
	for _, word := range words {
		p.line(f, lineOf(f.Content, strings.SplitN(word, "=", 2)[0]), word)
	}
}
