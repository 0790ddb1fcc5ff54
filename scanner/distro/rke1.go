package distro

import "kletscan/scanner/kubelet"

// RKE1 is Rancher's first distribution, which ran everything in Docker.
const RKE1 ID = "rke1"

// rke1 runs the kubelet in a container with the host's processes; nothing of
// it is on the host.
// Source: rancher/rke cluster/plan.go (BuildKubeletProcess); rancher/rke-tools
// entrypoint.sh.
var rke1 = Distro{
	ID:    RKE1,
	Title: "RKE",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "self-signed, or with generate_serving_certificate a certificate that rke cert rotate renews",
		Source:   "rancher/rke cluster/plan.go (BuildKubeletProcess)",
	},
	Detect: func(s Subject) bool {
		return s.flag("kubeconfig") == "/etc/kubernetes/ssl/kubecfg-kube-node.yaml"
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		if e.Rotation == kubelet.External {
			return []string{
				static(e) + " is issued by RKE (generate_serving_certificate): rke cert rotate --service kubelet renews it, run it before the certificate expires.",
				"RKE 1 has had no releases since 2025-07: plan the way to RKE2.",
			}
		}
		return turnOn(s, e,
			"Set services.kubelet.extra_args rotate-server-certificates: \"true\" in cluster.yml and run rke up; or services.kubelet.generate_serving_certificate: true, whose certificate rke cert rotate --service kubelet renews.")
	},
	Restart: "rke up makes the container anew.",
}
