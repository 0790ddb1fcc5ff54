package distro

import "kletscan/scanner/kubelet"

// Kubespray is kubespray.
const Kubespray ID = "kubespray"

const kubesprayConfig = "/etc/kubernetes/kubelet-config.yaml"

// kubespray calls kubeadm, but writes the kubelet's unit and configuration
// itself.
// Source: kubernetes-sigs/kubespray roles/kubernetes/node;
// docs/operations/hardening.md; roles/kubespray_defaults (kubelet_csr_approver_enabled).
var kubespray = Distro{
	ID:    Kubespray,
	Title: "kubespray",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "kubelet_rotate_server_certificates is false",
		Source:   "kubernetes-sigs/kubespray roles/kubernetes/node/templates/kubelet-config.v1beta1.yaml.j2",
	},
	Detect: func(s Subject) bool {
		return s.flag("config") == kubesprayConfig || s.hasEnvironment("/etc/kubernetes/kubelet.env")
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e,
			"Set kubelet_rotate_server_certificates: true in the inventory's group variables (group_vars/k8s_cluster) and run cluster.yml: it writes serverTLSBootstrap: true into "+kubesprayConfig+" and deploys kubelet-csr-approver.",
			"By hand it lasts until the next run of kubespray: serverTLSBootstrap: true in "+kubesprayConfig+".")
	},
	Approver: "kubespray's kubelet-csr-approver approves the requests: see its settings kubelet_csr_approver_values, which say for which names and addresses.",
}
