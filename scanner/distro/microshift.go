package distro

import (
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// MicroShift is MicroShift, which holds the kubelet inside itself.
const MicroShift ID = "microshift"

const microshiftKubelet = "/var/lib/microshift/resources/kubelet"

// microshift writes the kubelet's configuration at every start and runs the
// kubelet in its own process, with these two paths for its flags.
// Source: openshift/microshift pkg/node/kubelet.go.
var microshift = Distro{
	ID:    MicroShift,
	Title: "MicroShift",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "MicroShift issues the serving certificate itself, and sets serverTLSBootstrap and the gate to false",
		Source:   "openshift/microshift pkg/node/kubelet.go (writeConfig)",
	},
	Detect: func(s Subject) bool {
		if s.Process != nil {
			return holdsMicroShift(s.Process)
		}
		return s.program() == "microshift"
	},
	Holds: holdsMicroShift,
	Arguments: func(s Subject) Arguments {
		p := parts{Subject: s}
		p.add("--config=" + microshiftKubelet + "/config/config.yaml")
		p.add("--kubeconfig=" + microshiftKubelet + "/kubeconfig")
		p.wroteBeforehand(s.file(microshiftKubelet + "/config/config.yaml"))
		return p.done()
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		if e.Rotation == kubelet.External {
			return []string{
				static(e) + " is issued by MicroShift, which renews its own certificates when it starts: systemctl restart microshift before this one expires.",
				"Leave " + microshiftKubelet + "/config/config.yaml alone: MicroShift writes it anew at every start.",
			}
		}
		return turnOn(s, e, "MicroShift documents no way to it; the section kubelet of /etc/microshift/config.yaml is merged into the configuration that it generates.")
	},
}

// holdsMicroShift tells the daemon from its other sub-commands.
func holdsMicroShift(p *evidence.Process) bool {
	return p.Comm == "microshift" && (len(p.Argv) < 2 || p.Argv[1] == "run")
}
