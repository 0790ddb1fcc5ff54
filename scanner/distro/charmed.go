package distro

import "kletscan/scanner/kubelet"

// Charmed is Charmed Kubernetes, deployed by Juju.
const Charmed ID = "charmed"

// charmed names the feature gate "for CIS compliance", leaves
// serverTLSBootstrap out and serves a static certificate.
// Source: charmed-kubernetes/layer-kubernetes-common,
// lib/charms/layer/kubernetes_common.py (configure_kubelet).
var charmed = Distro{
	ID:    Charmed,
	Title: "Charmed Kubernetes",
	Default: Default{
		Rotation: kubelet.External,
		Why:      "the charm serves the certificate of its certificates relation; the gate it names rotates nothing",
		Source:   "charmed-kubernetes/layer-kubernetes-common lib/charms/layer/kubernetes_common.py (configure_kubelet)",
	},
	Detect: func(s Subject) bool {
		return s.inUnit("snap.kubelet.daemon.service") || s.runsBelow("/snap/kubelet") ||
			s.snapRuns("kubelet.daemon") || under(s.flag("config"), "/root/cdk")
	},
	Arguments: func(s Subject) Arguments {
		p := parts{Subject: s}
		p.snapped("/var/snap/kubelet/current/args", arrayFile)
		return p.done()
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		const how = "juju config kubernetes-worker kubelet-extra-config='{serverTLSBootstrap: true}', and the same for kubernetes-control-plane where it runs a kubelet"
		if e.Rotation == kubelet.External {
			return []string{
				static(e) + " comes from the charm's certificates relation (EasyRSA or Vault): that is where it is renewed; never edit /root/cdk by hand, the charm writes it anew.",
				"For the kubelet to rotate, too: " + how + "; up to Kubernetes 1.35 clients that dial by IP are served the charm's certificate all the same.",
				approve,
			}
		}
		return turnOn(s, e, "By the charm, never by hand: "+how+".")
	},
	Restart: "Then snap restart kubelet.daemon, unless the charm has done so.",
}
