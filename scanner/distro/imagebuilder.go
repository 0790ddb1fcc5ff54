package distro

import "kletscan/scanner/kubelet"

// ImageBuilder is a machine image made by Cluster API's image-builder.
const ImageBuilder ID = "image-builder"

// imageBuilder names both families' environment files in its drop-in, and
// brings another where resources are sized.
// Source: kubernetes-sigs/image-builder images/capi/ansible/roles/kubernetes.
var imageBuilder = Distro{
	ID:    ImageBuilder,
	Title: "Cluster API image-builder",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "as kubeadm",
		Source:   "kubernetes-sigs/image-builder images/capi/ansible/roles/kubernetes/templates",
	},
	Detect: func(s Subject) bool {
		return onKubeadm(s) && (s.hasDropIn("11-resource-sizing.conf") || s.flag("config-dir") == "/var/lib/kubelet/kubelet.conf.d" ||
			s.hasEnvironment("/etc/sysconfig/kubelet") && s.hasEnvironment("/etc/default/kubelet"))
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		how := append(kubeadmHow(s, e),
			"For machines to come, set rotate-server-certificates in nodeRegistration.kubeletExtraArgs of the KubeadmControlPlane and the KubeadmConfigTemplate: a machine that is replaced loses what was edited on it.")
		return turnOn(s, e, how...)
	},
}
