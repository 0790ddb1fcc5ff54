package distro

import "kletscan/scanner/kubelet"

// KTHW is Kubernetes The Hard Way, and what follows it.
const KTHW ID = "kthw"

// kthw has a certificate made by hand.
// Source: kelseyhightower/kubernetes-the-hard-way units/kubelet.service,
// configs/kubelet-config.yaml.
var kthw = Distro{
	ID:    KTHW,
	Title: "Kubernetes The Hard Way",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "tlsCertFile is a certificate that the guide has you make",
		Source:   "kelseyhightower/kubernetes-the-hard-way configs/kubelet-config.yaml",
	},
	Detect: func(s Subject) bool {
		return s.flag("config") == "/var/lib/kubelet/kubelet-config.yaml" && s.flag("kubeconfig") == "/var/lib/kubelet/kubeconfig"
	},
}
