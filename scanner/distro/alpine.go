package distro

import "kletscan/scanner/kubelet"

// Alpine is Alpine Linux, whose packages run kubeadm's kubelet under OpenRC.
const Alpine ID = "alpine"

// alpine has no systemd: /etc/init.d/kubelet sources kubeadm-flags.env.
// Source: alpinelinux/aports community/kubernetes (kubelet.initd, kubelet.confd).
var alpine = Distro{
	ID:    Alpine,
	Title: "kubeadm on Alpine Linux",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "as kubeadm",
		Source:   "alpinelinux/aports community/kubernetes kubelet.initd",
	},
	Detect: func(s Subject) bool {
		return onKubeadm(s) && (s.runsOn("Alpine") || present(s.file("/etc/init.d/kubelet")))
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e, kubeadmHow(s, e)...)
	},
	Restart: "Then rc-service kubelet restart.",
}
