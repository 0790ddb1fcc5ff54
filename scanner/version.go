package scanner

import (
	"path"

	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// version finds the kubelet's version, in this order:
//
//  1. what the binary of the running process printed,
//  2. what the program printed that started it and is of the same release (RKE2),
//  3. a path such as /var/lib/rancher/rke2/data/v1.32.5-rke2r1/bin/kubelet,
//  4. for a kubelet that is down, what the program of its unit printed,
//  5. what the operator says,
//  6. what the API server said when the inventory was written.
func (in *inputs) findVersion(s distro.Subject) {
	for _, text := range in.versionTexts(s) {
		if v, err := kubelet.ParseVersion(text); err == nil {
			in.now.Version, in.version = v, v.String()
			return
		}
	}
	if v, err := kubelet.ParseVersion(in.ev.Listed.Version); err == nil {
		in.now.Version, in.version, in.versionSource = v, v.String(), in.ev.Listed.Source
	}
}

func (in *inputs) versionTexts(s distro.Subject) []string {
	var texts []string
	if p := s.Process; p != nil {
		texts = append(texts, p.Version)
		for _, parent := range in.ev.Processes {
			if parent.PID == p.PPID && parent.UID == 0 && parent.Comm == "rke2" {
				texts = append(texts, parent.Version)
			}
		}
		texts = append(texts, versionsInPath(p.Exe)...)
		if len(p.Argv) > 0 {
			texts = append(texts, versionsInPath(p.Argv[0])...)
		}
	} else if len(s.Start.Words) > 0 {
		program := s.Start.Words[0].Text
		if held, ok := heldPrograms[s.Start.Unit]; ok {
			program = held
		}
		texts = append(texts, in.programVersion(program))
		texts = append(texts, versionsInPath(program)...)
	}
	return append(texts, in.ev.Version)
}

// heldPrograms are the kubelets of units whose command is another program, by
// unit.
var heldPrograms = map[string]string{
	"k0sworker.service":           "/var/lib/k0s/bin/kubelet",
	"k0scontroller.service":       "/var/lib/k0s/bin/kubelet",
	"snap.kubelet.daemon.service": "/snap/kubelet/current/kubelet",
	"snap.k8s.kubelet.service":    "/snap/k8s/current/bin/kubelet",
}

// programVersion is what the program of a unit printed; it is wanted where
// nobody asked yet.
func (in *inputs) programVersion(program string) string {
	for _, p := range in.ev.Programs {
		if p.Path == program {
			return p.Version
		}
	}
	switch path.Base(program) {
	case "kubelet", "k3s", "rke2":
		if path.IsAbs(program) && in.ev.Version == "" {
			in.want(evidence.Program, 0, program)
		}
	}
	return ""
}

// versionsInPath are the directory names in a path that begin like a version.
func versionsInPath(name string) []string {
	var found []string
	for dir := path.Dir(name); len(dir) > 1; dir = path.Dir(dir) {
		if base := path.Base(dir); base[0] == 'v' {
			found = append(found, base)
		}
	}
	return found
}
