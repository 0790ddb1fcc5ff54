package distro

import (
	"strings"

	"kletscan/scanner/kubelet"
)

// Typhoon is Typhoon on Fedora CoreOS or Flatcar Linux.
const Typhoon ID = "typhoon"

// typhoon runs the kubelet in a container of podman or docker.
// Source: poseidon/typhoon aws/fedora-coreos/kubernetes/workers/butane/worker.yaml,
// aws/flatcar-linux/kubernetes/workers/butane/worker.yaml.
var typhoon = Distro{
	ID:    Typhoon,
	Title: "Typhoon",
	Default: Default{
		Rotation: kubelet.Off,
		Why:      "/etc/kubernetes/kubelet.yaml has rotateCertificates, the client's, alone",
		Source:   "poseidon/typhoon aws/fedora-coreos/kubernetes/workers/butane/worker.yaml",
	},
	Detect: func(s Subject) bool {
		if s.flag("config") == "/etc/kubernetes/kubelet.yaml" && s.flag("bootstrap-kubeconfig") == "/etc/kubernetes/kubeconfig" {
			return true
		}
		if s.Process != nil {
			return false
		}
		for _, name := range s.Start.files { // on Flatcar the unit only follows the log of its container
			if f := s.file(name); present(f) && strings.Contains(f.Content, "quay.io/poseidon/kubelet:") {
				return true
			}
		}
		return false
	},
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e,
			"Add serverTLSBootstrap: true to /etc/kubernetes/kubelet.yaml; for machines to come, by a snippet of the Terraform module (controller_snippets, worker_snippets).")
	},
	Restart: "Then systemctl restart kubelet.",
}
