package distro

import "kletscan/scanner/kubelet"

// AKS is Azure Kubernetes Service.
const AKS ID = "aks"

// aks passes --rotate-server-certificates=true or serverTLSBootstrap where the
// node pool rotates, and else a certificate that openssl made for 20 years.
// Source: Azure/AgentBaker parts/linux/cloud-init/artifacts/cse_config.sh
// (configureKubeletServing).
var aks = Distro{
	ID:    AKS,
	Title: "Azure Kubernetes Service",
	Default: Default{
		Rotation: kubelet.On,
		Why:      "by node pool: on from its first upgrade to 1.27 or later, before that a certificate that openssl made for 20 years",
		Source:   "learn.microsoft.com/azure/aks/certificate-rotation, \"Kubelet serving certificate rotation\"; Azure/AgentBaker cse_config.sh",
	},
	Detect: func(s Subject) bool {
		switch {
		case s.flag("config") == "/etc/default/kubeletconfig.json", s.hasLabel("kubernetes.azure.com/"):
			return true
		}
		return under(s.flag("client-ca-file"), "/etc/kubernetes/certs") || s.hasDropIn("10-componentconfig.conf", "10-tlsbootstrap.conf")
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		list := []string{
			"AKS has no switch for it: rotation comes with a node pool's first upgrade to Kubernetes 1.27 or later, az aks nodepool upgrade --cluster-name CLUSTER --resource-group GROUP --name POOL --kubernetes-version VERSION.",
			"A pool with the tag aks-disable-kubelet-serving-certificate-rotation=true stays off: take the tag away with az aks nodepool update --tags, and upgrade the node image.",
			"Never edit /etc/default/kubelet on a node: the next image has it as before.",
			"Check with kubectl get nodes -L kubernetes.azure.com/kubelet-serving-ca: it says cluster where rotation is on. AKS approves the requests itself.",
		}
		if e.Rotation == kubelet.On || e.Rotation == kubelet.Invalid {
			return turnOn(s, e)
		}
		if e.Rotation == kubelet.External {
			list = append([]string{static(e) + " is self-signed, by openssl for 20 years: nobody renews it, so do not take it for a certificate of your own."}, list...)
		}
		return append(list, gateAlone)
	},
	Approver: "AKS approves the certificate requests of its nodes itself.",
}
