package distro

// RKE2 is Rancher's second distribution.
const RKE2 ID = "rke2"

// rke2 starts the kubelet as a child process by the bare name "kubelet" and
// gives it a certificate that its own supervisor signs. From 1.32 on the
// settings are in a --config-dir without --config.
// Source: rancher/rke2, pkg/podexecutor; k3s-io/k3s, pkg/daemons/agent.
var rke2 = Distro{
	ID: RKE2,
	Detect: func(s Subject) bool {
		switch s.unit() {
		case "rke2-server.service", "rke2-agent.service":
			return true
		}
		return s.program() == "rke2" || under(s.flag("kubeconfig"), "/var/lib/rancher/rke2")
	},
}
