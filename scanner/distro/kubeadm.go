package distro

import (
	"path"
	"slices"
)

// Kubeadm is kubeadm and what is built on it without changing its paths
// (image-builder, kind, minikube).
const Kubeadm ID = "kubeadm"

// kubeadm writes /var/lib/kubelet/config.yaml and never sets serverTLSBootstrap;
// its packages bring the drop-in 10-kubeadm.conf.
// Source: kubernetes/release, cmd/krel/templates/latest/kubeadm/10-kubeadm.conf.
var kubeadm = Distro{
	ID: Kubeadm,
	Detect: func(s Subject) bool {
		if s.flag("bootstrap-kubeconfig") == "/etc/kubernetes/bootstrap-kubelet.conf" {
			config := s.flag("config")
			return config == "" || config == "/var/lib/kubelet/config.yaml"
		}
		return slices.ContainsFunc(s.Start.DropIns, func(name string) bool { return path.Base(name) == "10-kubeadm.conf" })
	},
}
