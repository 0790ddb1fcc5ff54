package distro

import "kletscan/scanner/kubelet"

// Minikube is minikube.
const Minikube ID = "minikube"

// minikube keeps its own binaries, and kubeadm's paths.
// Source: kubernetes/minikube pkg/minikube/bootstrapper/bsutil/kubelet.go.
var minikube = Distro{
	ID:    Minikube,
	Title: "minikube",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "as kubeadm",
		Source:   "kubernetes/minikube pkg/minikube/bootstrapper/bsutil/kubelet.go",
	},
	Detect: func(s Subject) bool { return s.runsBelow("/var/lib/minikube/binaries") },
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e, "minikube start --extra-config=kubelet.rotate-server-certificates=true writes the kubelet's drop-in anew.")
	},
	Restart: "It restarts the kubelet as well.",
}
