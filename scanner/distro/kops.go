package distro

import "kletscan/scanner/kubelet"

// KOps is kOps.
const KOps ID = "kops"

// kops writes tlsCertFile into every configuration; its API has no
// serverTLSBootstrap.
// Source: kubernetes/kops nodeup/pkg/model/kubelet.go,
// pkg/apis/kops/componentconfig.go (KubeletConfigSpec).
var kops = Distro{
	ID:    KOps,
	Title: "kOps",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "nodeup writes a kubelet-server.crt of the cluster's CA when the machine is made",
		Source:   "kubernetes/kops nodeup/pkg/model/kubelet.go",
	},
	Detect: func(s Subject) bool {
		switch {
		case s.flag("config") == "/var/lib/kubelet/kubelet.conf", s.hasLabel("kops.k8s.io/"):
			return true
		}
		for _, word := range s.Start.Words {
			if word.Source.Variable == "DAEMON_ARGS" {
				return true
			}
		}
		return under(s.flag("tls-cert-file"), "/srv/kubernetes") || under(s.flag("client-ca-file"), "/srv/kubernetes")
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		if e.Rotation == kubelet.External {
			return []string{
				static(e) + " is issued when the machine is made: it is renewed by replacing the machine, kops rolling-update cluster --force --yes, before it expires.",
				"kOps cannot have the kubelet rotate it today: its API has no serverTLSBootstrap, and it always writes tlsCertFile.",
			}
		}
		return turnOn(s, e, "kOps has no setting for it: what is edited in /var/lib/kubelet/kubelet.conf is lost when the machine is replaced.")
	},
}
