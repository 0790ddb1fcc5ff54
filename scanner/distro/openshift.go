package distro

import "kletscan/scanner/kubelet"

// OpenShift is OpenShift or OKD 4.
const OpenShift ID = "openshift"

// openshift is configured by the Machine Config Operator, which undoes what is
// edited by hand.
// Source: openshift/machine-config-operator
// templates/worker/01-worker-kubelet/_base/files/kubelet.yaml; openshift/cluster-machine-approver.
var openshift = Distro{
	ID:    OpenShift,
	Title: "OpenShift",
	Default: Default{
		Rotation: kubelet.On,
		Why:      "serverTLSBootstrap is true in the kubelet's template since 2018-12",
		Source:   "openshift/machine-config-operator templates/worker/01-worker-kubelet/_base/files/kubelet.yaml",
	},
	Detect: func(s Subject) bool {
		switch {
		case s.flag("config-dir") == "/etc/openshift/kubelet.conf.d", s.hasLabel("node.openshift.io/"):
			return true
		case s.hasDropIn("10-mco-default-env.conf", "10-mco-default-madv.conf", "01-kubens.conf"):
			return true
		}
		return s.flag("config") == "/etc/kubernetes/kubelet.conf" && s.flag("bootstrap-kubeconfig") == "/etc/kubernetes/kubeconfig"
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e,
			"Never by hand: the Machine Config Operator writes /etc/kubernetes/kubelet.conf, with serverTLSBootstrap: true. See what takes it away: oc get kubeletconfig, oc get machineconfig, oc get machineconfigpool.",
			"A KubeletConfig with spec.kubeletConfig.serverTLSBootstrap: true sets it for its pool; the operator drains and restarts the nodes one after another.")
	},
	Restart:  "The Machine Config Operator restarts the nodes by itself.",
	Approver: "cluster-machine-approver approves the requests of nodes that have a Machine; where there are none (bare metal, user-provisioned): oc get csr and oc adm certificate approve NAME, at every renewal.",
}
