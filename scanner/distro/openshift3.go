package distro

import "kletscan/scanner/kubelet"

// OpenShift3 is OpenShift or OKD 3, whose kubelet is started by hyperkube.
const OpenShift3 ID = "openshift-3"

// openshift3 translates its own node-config.yaml into the kubelet's flags.
// Source: openshift/origin pkg/cmd/server/kubernetes/node (3.10, 3.11).
var openshift3 = Distro{
	ID:    OpenShift3,
	Title: "OpenShift 3",
	Default: Default{
		Why:    "it depends on kubeletArguments in node-config.yaml, which argv shows",
		Source: "docs.openshift.com 3.11, \"Master and Node Configuration\"",
	},
	Detect: func(s Subject) bool {
		if s.inUnit("origin-node.service", "atomic-openshift-node.service") {
			return true
		}
		for _, name := range []string{"kubeconfig", "client-ca-file", "tls-cert-file"} {
			if under(s.flag(name), "/etc/origin") || under(s.flag(name), "/var/lib/origin") {
				return true
			}
		}
		return false
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		if e.Rotation == kubelet.External {
			return []string{static(e) + " comes from the cluster's CA: the playbook redeploy-certificates.yml of openshift-ansible renews it."}
		}
		return turnOn(s, e, append(byHand(s, e), "On OpenShift 3 the kubelet's arguments are kubeletArguments of the node group's ConfigMap in the project openshift-node, from which node-config.yaml is written.")...)
	},
}
