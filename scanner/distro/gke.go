package distro

import "kletscan/scanner/kubelet"

// GKE is Google Kubernetes Engine.
const GKE ID = "gke"

// gke is kube-up's layout with rotation on; --pod-sysctls is a flag of its own
// kubelet.
// Source: kubernetes/cloud-provider-gcp cmd/gcp-controller-manager
// (csr_approver.go); node files of 2021 and 2022.
var gke = Distro{
	ID:    GKE,
	Title: "Google Kubernetes Engine",
	Default: Default{
		Rotation: kubelet.On,
		Why:      "serverTLSBootstrap is true in /home/kubernetes/kubelet-config.yaml",
		Source:   "node files of 2022; kubernetes/cloud-provider-gcp cmd/gcp-controller-manager/csr_approver.go approves the requests",
	},
	Detect: func(s Subject) bool {
		return s.hasVersion("-gke.") || s.hasLabel("cloud.google.com/gke-") || onKubeUp(s) && s.flag("pod-sysctls") != ""
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e,
			"GKE turns it on by itself and has no setting for it: somebody changed this node, so have it made anew (delete the instance, its group replaces it, or upgrade the node pool).")
	},
	Restart:  "The new node starts with it.",
	Approver: "GKE approves the certificate requests of its nodes itself.",
}
