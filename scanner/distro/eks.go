package distro

import "strings"

// EKS is Amazon EKS on Amazon Linux 2 and 2023.
const EKS ID = "eks"

// eks writes serverTLSBootstrap: true since 2018-11-15 (Kubernetes 1.10 and
// 1.11: the feature gate as a flag).
// Source: awslabs/amazon-eks-ami, nodeadm/internal/kubelet/config.go.
var eks = Distro{
	ID: EKS,
	Detect: func(s Subject) bool {
		switch {
		case s.Process != nil && strings.Contains(s.Process.Version, "-eks-"):
			return true
		case under(s.flag("image-credential-provider-config"), "/etc/eks"):
			return true
		case strings.Contains(s.flag("node-labels"), "eks.amazonaws.com/"):
			return true
		}
		// the first images, before any of the above
		return s.flag("kubeconfig") == "/var/lib/kubelet/kubeconfig" && s.flag("cloud-provider") == "aws"
	},
}
