package distro

import (
	"strings"

	"kletscan/scanner/kubelet"
)

// Kind is kind, Kubernetes in Docker: a node is a container.
const Kind ID = "kind"

// kind runs kubeadm in each container.
// Source: kubernetes-sigs/kind images/base/files;
// pkg/cluster/internal/kubeadm/config.go (provider-id).
var kind = Distro{
	ID:    Kind,
	Title: "kind",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "as kubeadm",
		Source:   "kubernetes-sigs/kind pkg/cluster/internal/kubeadm/config.go",
	},
	Detect: func(s Subject) bool {
		return onKubeadm(s) && (strings.HasPrefix(s.flag("provider-id"), "kind://") || s.hasDropIn("11-kind.conf"))
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		how := append(byHand(s, e),
			"For clusters to come, put a KubeletConfiguration with serverTLSBootstrap: true into kubeadmConfigPatches of the kind configuration.")
		return turnOn(s, e, how...)
	},
	Restart: "Then systemctl restart kubelet in the node's container.",
}
