package distro

import (
	"strings"

	"kletscan/scanner/kubelet"
)

// EKS is Amazon EKS on Amazon Linux 2 and 2023, and on Ubuntu.
const EKS ID = "eks"

// eks writes serverTLSBootstrap: true since 2018-11-15 (Kubernetes 1.10 and
// 1.11: the feature gate as a flag).
// Source: awslabs/amazon-eks-ami nodeadm/internal/kubelet/config.go,
// templates/al2/runtime/kubelet-config.json.
var eks = Distro{
	ID:    EKS,
	Title: "Amazon EKS",
	Default: Default{
		Rotation: kubelet.On,
		Why:      "serverTLSBootstrap is true in the configuration of every image since 2018-11",
		Source:   "awslabs/amazon-eks-ami nodeadm/internal/kubelet/config.go",
	},
	Detect: func(s Subject) bool {
		switch {
		case s.hasVersion("-eks-"), s.inUnit("snap.kubelet-eks.daemon.service"), s.runsBelow("/snap/kubelet-eks"):
			return true
		case under(s.flag("image-credential-provider-config"), "/etc/eks"), s.hasLabel("eks.amazonaws.com/"):
			return true
		case s.hasEnvironment("/etc/eks/kubelet/environment"):
			return true
		}
		if s.flag("kubeconfig") != "/var/lib/kubelet/kubeconfig" {
			return false
		}
		switch s.flag("config") {
		case "/etc/kubernetes/kubelet/kubelet-config.json", "/etc/kubernetes/kubelet/config.json",
			"/etc/systemd/system/kubelet.service.d/kubelet-config.json":
			return true
		case "": // the first images, before any of the above
			return s.flag("cloud-provider") == "aws" && !s.runsBelow("/usr/local/bin")
		}
		return false
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		config := s.flag("config")
		if strings.HasSuffix(config, "/config.json") {
			s.restarted = "The new node starts with it."
			return turnOn(s, e,
				"In the NodeConfig of the launch template's user data take out what sets serverTLSBootstrap to false, or set spec.kubelet.config.serverTLSBootstrap: true, and replace the node: nodeadm writes "+config+" at every boot.")
		}
		return turnOn(s, e, append(byHand(s, e), "What is edited on a node is lost with it: set it in the user data of the launch template as well, or use the image as Amazon ships it, where it is true.")...)
	},
	Approver: "EKS approves the certificate requests of its nodes itself.",
}
