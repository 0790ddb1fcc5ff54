package distro

import "kletscan/scanner/kubelet"

// KubernetesRPM is the rpm kubernetes-node of Fedora, CentOS and RHEL, and the
// units of kubernetes-retired/contrib that it comes from.
const KubernetesRPM ID = "kubernetes-rpm"

// kubernetesRPM has every setting in environment files.
// Source: kubernetes-retired/contrib init/systemd/kubelet.service.
var kubernetesRPM = Distro{
	ID:    KubernetesRPM,
	Title: "kubernetes-node rpm",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "its environment files name no certificate and no rotation",
		Source:   "kubernetes-retired/contrib init/systemd/environ/kubelet",
	},
	Detect: func(s Subject) bool { return s.hasEnvironment("/etc/kubernetes/kubelet") },
	Remedy: func(s Subject, e kubelet.Effective) []string {
		if s.flag("config") == "" && !isOld(e) {
			return turnOn(s, e, "Add --rotate-server-certificates=true to KUBELET_ARGS in /etc/kubernetes/kubelet.")
		}
		return turnOn(s, e)
	},
}
