package distro

import "kletscan/scanner/kubelet"

// K8sSnap is Canonical Kubernetes, the snap called k8s.
const K8sSnap ID = "k8s-snap"

// k8sSnap passes every setting as a flag, from a file of the snap.
// Source: canonical/k8s-snap src/k8s/pkg/k8sd/setup/kubelet.go, k8s/lib.sh.
var k8sSnap = Distro{
	ID:    K8sSnap,
	Title: "Canonical Kubernetes",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "k8sd passes a kubelet.crt of the cluster's CA with --tls-cert-file",
		Source:   "canonical/k8s-snap src/k8s/pkg/k8sd/setup/kubelet.go",
	},
	Detect: func(s Subject) bool {
		return s.inUnit("snap.k8s.kubelet.service") || s.runsBelow("/snap/k8s") || s.snapRuns("k8s.kubelet")
	},
	Arguments: func(s Subject) Arguments {
		p := parts{Subject: s}
		p.snapped(k8sSnapFile, arrayFile)
		return p.done()
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		if e.Rotation == kubelet.External {
			return []string{
				static(e) + " comes from the cluster's CA: renew it before it expires with k8s refresh-certs --expires-in 1y on the node.",
				"For the kubelet to rotate instead, extra-node-kubelet-args of the bootstrap or join configuration takes --rotate-server-certificates; its flags are in " + k8sSnapFile + ".",
			}
		}
		return turnOn(s, e, "Add --rotate-server-certificates=true to "+k8sSnapFile+", and to extra-node-kubelet-args of the bootstrap or join configuration for the nodes to come.")
	},
	Restart: "Then snap restart k8s.kubelet.",
}

const k8sSnapFile = "/var/snap/k8s/common/args/kubelet"
