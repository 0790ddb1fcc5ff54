package distro

import "kletscan/scanner/kubelet"

// RKE2 is Rancher's second distribution.
const RKE2 ID = "rke2"

var rke2Paths = rancher{name: "rke2", env: "RKE2", config: "/etc/rancher/rke2/config.yaml", data: "/var/lib/rancher/rke2"}

// rke2 starts the kubelet as a child process by the bare name "kubelet" and
// gives it a certificate that its own supervisor signs. From 1.32 on the
// settings are in a --config-dir without --config. Where the child is down,
// its arguments are those that k3s's code would make.
// Source: rancher/rke2 pkg/executor/staticpod; k3s-io/k3s pkg/daemons/agent.
var rke2 = Distro{
	ID:    RKE2,
	Title: "RKE2",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "the RKE2 supervisor issues serving-kubelet.crt and renews it when RKE2 starts",
		Source:   "k3s-io/k3s pkg/daemons/agent/agent.go, as RKE2 builds it in; docs.rke2.io/security/certificates",
	},
	Detect: func(s Subject) bool {
		switch {
		case s.inUnit("rke2-server.service", "rke2-agent.service"), s.program() == "rke2":
			return true
		case s.runsBelow(rke2Paths.data), under(s.flag("kubeconfig"), rke2Paths.data):
			return true
		}
		return s.hasVersion("+rke2") || s.parent("rke2")
	},
	Arguments: rke2Paths.arguments,
	Remedy:    rke2Paths.remedy,
}
