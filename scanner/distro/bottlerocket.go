package distro

import "kletscan/scanner/kubelet"

// Bottlerocket is Bottlerocket.
const Bottlerocket ID = "bottlerocket"

// bottlerocket renders the kubelet's files from its settings, by an API.
// Source: bottlerocket-os/bottlerocket-core-kit packages/kubernetes-*/kubelet-config;
// bottlerocket-os/bottlerocket sources/shared-defaults/kubernetes-*.toml.
var bottlerocket = Distro{
	ID:    Bottlerocket,
	Title: "Bottlerocket",
	Default: Default{
		Rotation: kubelet.On,
		Why:      "by variant: server-tls-bootstrap is true on AWS, false on metal and VMware",
		Source:   "bottlerocket-os/bottlerocket sources/shared-defaults/kubernetes-aws.toml, -metal.toml, -vmware.toml",
	},
	Detect: func(s Subject) bool {
		return s.flag("config") == "/etc/kubernetes/kubelet/config" || s.flag("kubeconfig") == "/etc/kubernetes/kubelet/kubeconfig" ||
			s.hasDropIn("exec-start.conf") || s.runsOn("Bottlerocket OS")
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		how := []string{
			"apiclient set settings.kubernetes.server-tls-bootstrap=true, or [settings.kubernetes] server-tls-bootstrap = true in the user data; it writes /etc/kubernetes/kubelet/config anew, which is never edited by hand.",
		}
		if cert := static(e); cert != "" {
			how = append([]string{"settings.kubernetes.server-certificate and server-key hold " + cert + ", which whoever issued it renews there; they win over rotation, so for the kubelet to do it by itself take both out of the user data."}, how...)
			e.TLSCertFile = kubelet.Setting[string]{} // it goes with the two settings
		}
		return turnOn(s, e, how...)
	},
	Restart: "Bottlerocket restarts the kubelet by itself.",
}
