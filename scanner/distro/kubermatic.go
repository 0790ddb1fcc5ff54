package distro

import "kletscan/scanner/kubelet"

// Kubermatic is a node of Kubermatic's machine-controller.
const Kubermatic ID = "kubermatic"

// kubermatic has a KubeletConfiguration at the path of kubeadm's kubeconfig.
// Source: kubermatic/machine-controller pkg/userdata/helper/kubelet.go,
// pkg/controller/nodecsrapprover.
var kubermatic = Distro{
	ID:    Kubermatic,
	Title: "Kubermatic machine-controller",
	Default: Default{
		Rotation: kubelet.On,
		Why:      "later versions write serverTLSBootstrap: true",
		Source:   "kubermatic/machine-controller pkg/userdata/helper/kubelet.go; pull request 667",
	},
	Detect: func(s Subject) bool {
		return s.flag("config") == "/etc/kubernetes/kubelet.conf" && s.flag("bootstrap-kubeconfig") == "/etc/kubernetes/bootstrap-kubelet.conf" &&
			(s.flag("cert-dir") == "/etc/kubernetes/pki" || s.flag("kubeconfig") == "/var/lib/kubelet/kubeconfig")
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e, append(byHand(s, e), "Machines to come take it from the OperatingSystemProfile of their MachineDeployment: upgrade the machine-controller or the profile, and roll the machines.")...)
	},
	Approver: "The machine-controller approves the requests where its NodeCSRApprover is enabled (-node-csr-approver); else kubectl get csr and kubectl certificate approve NAME.",
}
