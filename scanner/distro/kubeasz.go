package distro

import "kletscan/scanner/kubelet"

// Kubeasz is kubeasz.
const Kubeasz ID = "kubeasz"

// kubeasz has kubeadm's path for the configuration and a kubeconfig of its own.
// Source: easzlab/kubeasz roles/kube-node/templates.
var kubeasz = Distro{
	ID:    Kubeasz,
	Title: "kubeasz",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "tlsCertFile is a kubelet.pem of the cluster's CA",
		Source:   "easzlab/kubeasz roles/kube-node/templates/kubelet-config.yaml.j2",
	},
	Detect: func(s Subject) bool {
		return s.flag("kubeconfig") == "/etc/kubernetes/kubelet.kubeconfig" && (s.flag("config") == kubeadmConfig || s.runsBelow("/opt/kube/bin"))
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		how := append(byHand(s, e), "For machines to come, in roles/kube-node/templates/kubelet-config.yaml.j2 of kubeasz.")
		return turnOn(s, e, how...)
	},
}
