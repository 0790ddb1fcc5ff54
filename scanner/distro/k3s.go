package distro

import (
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// K3s is k3s, which holds the kubelet inside itself.
const K3s ID = "k3s"

var k3sPaths = rancher{name: "k3s", env: "K3S", config: "/etc/rancher/k3s/config.yaml", data: "/var/lib/rancher/k3s"}

// k3s overwrites its own argv ("to conceal secrets"), so that the kubelet's
// arguments are put together as k3s does.
// Source: k3s-io/k3s, pkg/cli/server/server.go (SetProcTitle),
// pkg/daemons/agent.
var k3s = Distro{
	ID:    K3s,
	Title: "k3s",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "the k3s supervisor issues serving-kubelet.crt and renews it when k3s starts",
		Source:   "k3s-io/k3s pkg/daemons/agent/agent.go (defaultKubeletConfig); docs.k3s.io/cli/certificate",
	},
	Detect: func(s Subject) bool {
		if s.Process != nil {
			return holdsK3s(s.Process)
		}
		return s.program() == "k3s"
	},
	Holds:     holdsK3s,
	Arguments: k3sPaths.arguments,
	Remedy:    k3sPaths.remedy,
}

// holdsK3s tells the daemon from k3s kubectl and its kind, which are the same
// binary.
func holdsK3s(p *evidence.Process) bool {
	switch p.Comm {
	case "k3s-server", "k3s-agent":
		return true
	case "k3s":
		words := strings.Fields(strings.Join(p.Argv, " "))
		return len(words) < 2 || words[1] == "server" || words[1] == "agent"
	}
	return false
}

// remedy is that of k3s and RKE2: there is no code in them that rotates by
// certificate request, and none is needed.
// Source: docs.k3s.io/cli/certificate; docs.rke2.io/security/certificates.
func (r rancher) remedy(s Subject, e kubelet.Effective) []string {
	service := strings.TrimSuffix(s.unit(), ".service")
	if service == "" {
		service = r.name
	}
	switch {
	case e.Rotation == kubelet.External && under(e.TLSCertFile.Value, r.data):
		return []string{
			e.TLSCertFile.Value + " is issued by the supervisor of " + r.name + ", which renews it whenever " + r.name +
				" starts and it is expired or within 120 days of it (90 before May 2025): restart " + service + " at least that often.",
			"To renew it at once: systemctl stop " + service + "; " + r.name + " certificate rotate; systemctl start " + service + ".",
		}
	case e.Rotation == kubelet.On:
		return []string{
			r.name + " also passes its own " + e.TLSCertFile.Value + ": up to Kubernetes 1.35 clients that dial by IP, as the API server does, are served that one.",
			"Take rotate-server-certificates out of kubelet-arg again (" + s.place(e.ServerTLSBootstrap.Source) + "), and leave renewal to " + r.name + ", or upgrade to 1.36 or later; then systemctl restart " + service + ".",
		}
	}
	return turnOn(s, e, "Add rotate-server-certificates=true to kubelet-arg in "+r.config+".")
}
