package distro

import (
	"path"
	"slices"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// MicroK8s is MicroK8s, whose kubelite holds the kubelet and the control
// plane.
const MicroK8s ID = "microk8s"

// microk8s keeps the kubelet's flags in a file that argv names. Before 1.21 the
// kubelet was a process of its own.
// Source: canonical/microk8s microk8s-resources/default-args/kubelet,
// wrappers/run-kubelite-with-args; scripts for certificates in
// microk8s-resources/actions/common/utils.sh.
var microk8s = Distro{
	ID:    MicroK8s,
	Title: "MicroK8s",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "MicroK8s puts a kubelet.crt of its own CA into --cert-dir, where the kubelet takes it for its own",
		Source:   "canonical/microk8s microk8s-resources/actions/common/utils.sh (create_user_certificates)",
	},
	Detect: func(s Subject) bool {
		switch {
		case s.inUnit("snap.microk8s.daemon-kubelite.service", "snap.microk8s.daemon-kubelet.service"):
			return true
		case s.Process != nil && holdsMicroK8s(s.Process):
			return true
		}
		return s.runsBelow("/snap/microk8s")
	},
	Holds:     holdsMicroK8s,
	Arguments: microk8sArguments,
	Supplied:  microk8sCertificate,
	Remedy: func(s Subject, e kubelet.Effective) []string {
		file := microk8sFile(s)
		if e.Rotation == kubelet.External && static(e) == "" {
			return []string{
				"kubelet.crt comes from the CA of MicroK8s and nothing renews it by itself: check it with microk8s refresh-certs -c and with openssl x509 -enddate -noout -in " + e.CertDir.Value + "/kubelet.crt.",
				"microk8s refresh-certs -e ca.crt makes the CA and every certificate of the node anew; the other nodes have to leave and join again.",
				"Or let the kubelet rotate: add --rotate-server-certificates=true to " + file + ", then snap restart microk8s.daemon-kubelite. " + approve,
			}
		}
		return turnOn(s, e, "Add --rotate-server-certificates=true to "+file+".")
	},
	Restart: "Then snap restart microk8s.daemon-kubelite.",
}

func holdsMicroK8s(p *evidence.Process) bool {
	return p.Comm == "kubelite" && (len(p.Argv) == 0 || path.Base(p.Argv[0]) == "kubelite")
}

// microk8sFile is the file of the kubelet's flags, as argv names it.
func microk8sFile(s Subject) string {
	if name := s.flag("kubelet-args-file"); strings.HasPrefix(name, "/") {
		return path.Clean(name)
	}
	return "/var/snap/microk8s/current/args/kubelet"
}

func microk8sArguments(s Subject) Arguments {
	p := parts{Subject: s}
	if s.Process != nil && s.flag("kubelet-args-file") == "" {
		p.incomplete("kubelite shows no --kubelet-args-file")
	}
	p.snapped(microk8sFile(s), argsFile)
	if dir := microk8sCerts(p.Arguments); dir != "" && s.view() == 0 && s.dir(dir) == nil && s.dir(microk8sCurrent) == nil {
		p.want(evidence.CertDir, dir)
	}
	return p.done()
}

// argsFile reads an arguments file as kubelite's ReadArgsFromFile does: lines
// without blanks at their ends, not empty and not comments; every quote taken
// out; split at single blanks; variables put in.
func argsFile(p *parts, f evidence.File) {
	values := snapVariables(f.Path)
	number, size := 0, 0
	for line := range strings.Lines(f.Content) {
		if number++; size > longest {
			p.incomplete(f.Path + " makes more arguments than a process can have")
			return
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		line = strings.NewReplacer(`"`, "", "'", "").Replace(line)
		for part := range strings.SplitSeq(line, " ") {
			text, unknown := expandVariables(part, values)
			if unknown != "" {
				p.incomplete("$" + unknown + " in " + f.Path + ": its value is not known")
			}
			size += len(text)
			p.line(f, number, text)
		}
	}
}

// snapVariables are those that snapd sets, by the path of a file below
// /var/snap/NAME/REVISION.
func snapVariables(file string) map[string]string {
	parts := strings.Split(file, "/")
	if len(parts) < 5 || parts[1] != "var" || parts[2] != "snap" {
		return nil
	}
	name, revision := parts[3], parts[4]
	return map[string]string{
		"SNAP":        "/snap/" + name + "/" + revision,
		"SNAP_DATA":   "/var/snap/" + name + "/" + revision,
		"SNAP_COMMON": "/var/snap/" + name + "/common",
		"SNAP_NAME":   name,
	}
}

const microk8sCurrent = "/var/snap/microk8s/current/certs"

// microk8sCerts is the certificate directory that the arguments name.
func microk8sCerts(a Arguments) string {
	flags, _ := kubelet.ParseFlags(a.Args)
	return strings.TrimRight(flags.Paths().CertDir, "/")
}

// microk8sCertificate is kubelet.crt in the certificate directory, which
// MicroK8s signs with its CA. It is told by where it lies: nobody may read its
// content over, and up to 1.27 the kubelet made a self-signed one there, so a
// flag that later kubelets do not know speaks against it.
func microk8sCertificate(s Subject) string {
	a := microk8sArguments(s)
	dir := microk8sCerts(a)
	flags, _ := kubelet.ParseFlags(a.Args)
	for _, old := range []string{"network-plugin", "cni-bin-dir", "container-runtime"} {
		if _, _, ok := flags.Lookup(old); ok {
			return ""
		}
	}
	if dir == "" {
		return ""
	}
	listing := s.dir(dir)
	if listing == nil {
		listing = s.dir(microk8sCurrent)
	}
	name := dir + "/kubelet.crt"
	if listing != nil && listing.State == evidence.Present &&
		!slices.ContainsFunc(listing.Entries, func(e evidence.Entry) bool { return path.Base(e.Path) == "kubelet.crt" }) {
		return ""
	}
	return name
}
