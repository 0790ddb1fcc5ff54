package probe

import (
	"fmt"
	"strings"
)

// wellKnown is what a survey looks for without being told, by the name that
// the script has for it. The reader of a mounted disk looks for the same.
// What a list lacks costs a node a second exec, and nothing else: the kubelet's
// arguments name what decides.
var wellKnown = []struct {
	name  string
	paths []string
}{
	{"services", Services},
	{"environments", environments},
	{"configs", configs},
	{"dropins", dropIns},
	{"ranchers", ranchers},
	{"arguments", arguments},
	{"certdirs", certDirs},
	{"authorities", Authorities},
}

// Services are the units, without their suffix, that start a kubelet, or a
// program that holds one, in the order in which they are looked for.
var Services = []string{
	"kubelet",
	"k3s", "k3s-agent",
	"rke2-server", "rke2-agent",
	"k0sworker", "k0scontroller",
	"snap.microk8s.daemon-kubelite", "snap.microk8s.daemon-kubelet",
	"snap.k8s.kubelet", "snap.kubelet.daemon", "snap.kubelet-eks.daemon",
	"microshift",
	"origin-node", "atomic-openshift-node",
}

// environments are environment files, for a node without systemctl.
var environments = []string{
	"/var/lib/kubelet/kubeadm-flags.env",
	"/etc/default/kubelet", "/etc/sysconfig/kubelet",
	"/etc/kubernetes/kubelet.env",
	"/etc/kubernetes/kubelet", "/etc/kubernetes/config",
	"/etc/eks/kubelet/environment",
	"/etc/kubernetes/kubelet/env",
	"/var/lib/kubelet/extra_args",
	"/etc/kubernetes/kubelet-env", "/etc/kubernetes/kubelet-workaround", "/etc/kubernetes/node.env",
	"/etc/rancher/k3s/k3s.env", "/etc/rancher/k3s/k3s-agent.env", // sourced under OpenRC
}

// configs are files that hold a KubeletConfiguration in some distribution. In
// another the same path is a kubeconfig, whose content stays on the node.
var configs = []string{
	"/var/lib/kubelet/config.yaml",
	"/etc/kubernetes/kubelet.conf",
	"/etc/kubernetes/kubelet-config.yaml",
	"/etc/kubernetes/kubelet/config.json",
	"/etc/kubernetes/kubelet/kubelet-config.json",
	"/etc/kubernetes/kubelet/config",
	"/etc/kubernetes/kubelet.yaml",
	"/etc/default/kubeletconfig.json",
	"/home/kubernetes/kubelet-config.yaml",
	"/var/lib/kubelet/kubelet.conf",
	"/var/lib/kubelet/kubelet-config.yaml",
	"/var/lib/kubelet/config/kubelet",
	"/run/k0s/kubelet/config.yaml", "/var/lib/k0s/kubelet-config.yaml",
	"/root/cdk/kubelet/config.yaml",
	"/var/lib/microshift/resources/kubelet/config/config.yaml",
}

// dropIns are directories that some distribution names with --config-dir.
var dropIns = []string{
	"/var/lib/kubelet/kubelet.conf.d",
	"/etc/kubernetes/kubelet/config.json.d",
	"/etc/openshift/kubelet.conf.d",
	"/var/lib/rancher/k3s/agent/etc/kubelet.conf.d",
	"/var/lib/rancher/rke2/agent/etc/kubelet.conf.d",
}

// ranchers are the configurations of k3s and RKE2; each has a directory .d
// beside it.
var ranchers = []string{"/etc/rancher/k3s/config.yaml", "/etc/rancher/rke2/config.yaml"}

// arguments are files with one argument a line, as snaps have them.
var arguments = []string{
	"/var/snap/microk8s/current/args/kubelet",
	"/var/snap/k8s/common/args/kubelet",
	"/var/snap/kubelet/current/args",
}

// certDirs are directories in which a kubelet's certificates may lie. Only
// names with "kubelet" in them are listed.
var certDirs = []string{
	"/var/lib/kubelet/pki",
	"/var/run/kubernetes", // the default up to Kubernetes 1.8
	"/var/lib/rancher/k3s/agent", "/var/lib/rancher/rke2/agent",
	"/var/lib/k0s/kubelet/pki",
	"/var/snap/microk8s/current/certs",
	"/etc/kubernetes/pki",
}

// Authorities are the cluster CA's certificate, where a distribution leaves it
// on its nodes.
var Authorities = []string{
	"/etc/kubernetes/pki/ca.crt",
	"/etc/kubernetes/ssl/ca.crt",
	"/etc/kubernetes/certs/ca.crt",
	"/etc/kubernetes/kubelet-ca.crt",
	"/var/lib/rancher/k3s/agent/server-ca.crt", "/var/lib/rancher/rke2/agent/server-ca.crt",
	"/var/lib/k0s/pki/ca.crt",
}

// RootRead is a well-known file or directory that a login user may be unable to
// read, so that Fetch asks sudo or doas for it.
type RootRead struct {
	Path string
	Dir  bool // a directory of drop-ins: find lists it, and cat reads every *.conf in it
	// Reserve is why root should not read it for just any user, since cat gives
	// that user the whole file; empty: nothing speaks against it.
	Reserve string
}

// reserves are the reasons of RootRead.Reserve, by path.
var reserves = map[string]string{
	"/etc/kubernetes/kubelet.conf":         "under kubeadm it is a kubeconfig, which may hold a client's key",
	"/etc/rancher/k3s/config.yaml":         "with the token in it any machine can join the cluster",
	"/etc/rancher/rke2/config.yaml":        "with the token in it any machine can join the cluster",
	"/etc/rancher/k3s/k3s.env":             "with the token in it any machine can join the cluster",
	"/etc/rancher/k3s/k3s-agent.env":       "with the token in it any machine can join the cluster",
	"/home/kubernetes/kubelet-config.yaml": "whoever may write to /home/kubernetes can make it a link to any file",
}

// RootReads are all of them that lie at a path known beforehand. Certificates
// are not among them: a file that holds one may hold its key.
func RootReads() []RootRead {
	var list []RootRead
	for _, paths := range [][]string{configs, environments, arguments, ranchers} {
		for _, path := range paths {
			list = append(list, RootRead{Path: path, Reserve: reserves[path]})
		}
	}
	for _, path := range dropIns {
		list = append(list, RootRead{Path: path, Dir: true})
	}
	return list
}

// assignments hands the lists to the script.
func assignments() string {
	var b strings.Builder
	for _, list := range wellKnown {
		fmt.Fprintf(&b, "%s=\"%s\"; ", list.name, strings.Join(list.paths, " "))
	}
	return b.String()
}
