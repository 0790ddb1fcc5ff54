package distro

import "kletscan/scanner/kubelet"

// KubeUp is a cluster of Kubernetes' own kube-up scripts.
const KubeUp ID = "kube-up"

// kubeUp has the paths of GKE and never writes serverTLSBootstrap.
// Source: kubernetes/cloud-provider-gcp cluster/gce/gci/configure-helper.sh.
var kubeUp = Distro{
	ID:    KubeUp,
	Title: "kube-up",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "the scripts never write serverTLSBootstrap",
		Source:   "kubernetes/cloud-provider-gcp cluster/gce/util.sh (print-common-kubelet-config)",
	},
	Detect: onKubeUp,
}

func onKubeUp(s Subject) bool {
	return s.runsBelow("/home/kubernetes/bin") || s.flag("config") == "/home/kubernetes/kubelet-config.yaml"
}
