package distro

import "kletscan/scanner/kubelet"

// Gardener is a shoot cluster of Gardener.
const Gardener ID = "gardener"

// gardener writes serverTLSBootstrap: true into every configuration.
// Source: gardener/gardener
// pkg/component/extensions/operatingsystemconfig/original/components/kubelet;
// docs/concepts/resource-manager.md (CertificateSigningRequest approver).
var gardener = Distro{
	ID:    Gardener,
	Title: "Gardener",
	Default: Default{
		Rotation: kubelet.On,
		Why:      "serverTLSBootstrap is true in the configuration of every worker",
		Source:   "gardener/gardener pkg/component/extensions/operatingsystemconfig/original/components/kubelet/config.go",
	},
	Detect: func(s Subject) bool {
		return s.flag("config") == "/var/lib/kubelet/config/kubelet" || s.hasLabel("worker.gardener.cloud/") ||
			s.flag("bootstrap-kubeconfig") == "/var/lib/kubelet/kubeconfig-bootstrap"
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e,
			"Gardener sets it in every worker and the shoot has no field for it: somebody changed this node (look at /var/lib/kubelet/extra_args and at drop-ins of the unit); gardener-node-agent brings the files of the shoot back.",
			"Or have the machine made anew: a rolling update of its worker group in the Shoot.")
	},
	Restart:  "gardener-node-agent restarts the kubelet by itself.",
	Approver: "gardener-resource-manager approves the certificate requests of the shoot's nodes.",
}
