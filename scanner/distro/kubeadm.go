package distro

import "kletscan/scanner/kubelet"

// Kubeadm is kubeadm, and what is built on it without a name of its own.
const Kubeadm ID = "kubeadm"

const kubeadmConfig = "/var/lib/kubelet/config.yaml"

// kubeadm writes /var/lib/kubelet/config.yaml and never sets serverTLSBootstrap;
// its packages bring the drop-in 10-kubeadm.conf.
// Source: kubernetes/release cmd/krel/templates/latest/kubeadm/10-kubeadm.conf;
// kubernetes/kubernetes cmd/kubeadm/app/phases/kubelet.
var kubeadm = Distro{
	ID:    Kubeadm,
	Title: "kubeadm",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "kubeadm forces rotateCertificates, the client's, and never touches serverTLSBootstrap",
		Source:   "kubernetes/kubernetes cmd/kubeadm/app/componentconfigs/kubelet.go",
	},
	Detect: onKubeadm,
	Remedy: func(s Subject, e kubelet.Effective) []string { return turnOn(s, e, kubeadmHow(s, e)...) },
}

// onKubeadm reports whether the kubelet was set up by kubeadm, of any version:
// up to 1.10 it had no configuration file, up to 1.7 no bootstrap kubeconfig.
func onKubeadm(s Subject) bool {
	if s.hasDropIn("10-kubeadm.conf") {
		return true
	}
	if config := s.flag("config"); config != "" && config != kubeadmConfig {
		return false
	}
	return s.flag("bootstrap-kubeconfig") == "/etc/kubernetes/bootstrap-kubelet.conf" || s.flag("kubeconfig") == "/etc/kubernetes/kubelet.conf"
}

// kubeadmHow adds to the file of the node that of the cluster, from which
// kubeadm writes it anew at every upgrade.
// Source: kubernetes.io, Certificate Management with kubeadm, "Enabling signed
// kubelet serving certificates".
func kubeadmHow(s Subject, e kubelet.Effective) []string {
	how := byHand(s, e)
	if s.flag("config") == kubeadmConfig && !isOld(e) {
		how = append(how, "Add it to the ConfigMap kubelet-config in kube-system as well (kubectl -n kube-system edit configmap kubelet-config), from which kubeadm upgrade and kubeadm join write that file.")
	}
	return how
}
