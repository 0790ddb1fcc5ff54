// Package distro knows who wraps the kubelet, where each distribution keeps
// its settings, and what to tell the administrator of one. One file per
// distribution, one line in List. It is pure: it reads evidence and says what
// is missing.
//
// To add one: a file with a Distro value, a line in List before the more
// general ones, and a node in fixtures/nodes.
package distro

import (
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// ID names a distribution. The zero value means that none was recognised.
type ID string

// Distro is one way to run a kubelet.
type Distro struct {
	ID    ID
	Title string // as its makers write it, such as "Amazon EKS"
	// Default is what a node of it does unless somebody changed it.
	Default Default
	// Detect reports whether this distribution runs the kubelet. It answers
	// from what every login can see where that is enough, for a kubelet that
	// runs and for one that its unit would start, and never for a subject of
	// which nothing is known.
	Detect func(Subject) bool
	// Holds reports whether a process is a program of this distribution that
	// has a kubelet inside itself. Nil: the kubelet is always a process of its
	// own.
	Holds func(*evidence.Process) bool
	// Arguments gives the kubelet's arguments where neither argv nor the unit
	// shows them, because another program holds the kubelet or starts it. Nil:
	// they show them all. Of leaves it out where the process shows its own.
	Arguments func(Subject) Arguments
	// Supplied names the certificate that the distribution itself puts where
	// the kubelet would put a self-signed one, so that rotation is its job;
	// empty: this node has none. Nil: the distribution never does.
	Supplied func(Subject) string
	// Remedy says what turns rotation on on this very node, or what the
	// distribution offers instead where it supplies the certificate. One
	// sentence each, in order. It is asked only where something is wrong. Nil:
	// the general advice is right.
	Remedy func(Subject, kubelet.Effective) []string
	// Restart is how a change takes effect, one sentence. Empty: the kubelet's
	// service is restarted.
	Restart string
	// Approver is who approves the requests for serving certificates, one
	// sentence. Empty: nobody does, the administrator has to see to it.
	Approver string
}

// Default is what a distribution does as it comes.
type Default struct {
	Rotation kubelet.Rotation // Unknown: it depends on what Why says
	Why      string           // one line
	Source   string           // where its own source or documentation says so
}

// Arguments is what a distribution passes to the kubelet that it holds.
type Arguments struct {
	Args       []kubelet.Arg
	Incomplete string          // why Args prove nothing about the kubelet; empty: they are what it runs with
	Wants      []evidence.Want // what would settle it

	// Newer is a file of the arguments that changed after the process
	// started, where that is all that Incomplete says: after a restart Args
	// hold as they stand. Empty: none, or something else is missing, too.
	Newer string
	// Read is when the kubelet read its configuration, in seconds since the
	// epoch, where the program that holds it wrote the files first and they
	// are newer than its process for that reason. 0: when the process started.
	Read int64
}

// List is every distribution, in the order in which they are asked: one that
// is built on another comes before it.
var List = []Distro{
	microk8s, k8sSnap, charmed, microshift, k3s, rke2, k0s, rke1, // programs and paths of their own
	bottlerocket, kops, eks, aks, gke, kubeUp, gardener, kubermatic, openshift, openshift3, // images of a provider
	kind, minikube, imageBuilder, alpine, kubespray, kubeadm, // kubeadm underneath, and kubeadm
	typhoon, kubeasz, kthw, kubernetesRPM,
}

// Of is the first distribution that recognises the subject; the zero Distro if
// none does.
func Of(s Subject) Distro {
	for i := range List {
		if !List[i].Detect(s) {
			continue
		}
		d := List[i]
		if s.Process != nil && (d.Holds == nil || !d.Holds(s.Process)) {
			d.Arguments = nil // a process of its own shows its own
		}
		return d
	}
	return Distro{}
}

// Embeds reports whether p is a program of a known distribution that holds a
// kubelet inside itself.
func Embeds(p *evidence.Process) bool {
	for i := range List {
		if holds := List[i].Holds; holds != nil && holds(p) {
			return true
		}
	}
	return false
}
