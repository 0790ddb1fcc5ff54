package distro

import (
	"slices"
	"strings"
)

// Stage is when one sentence of a Remedy is to be done, where it is done for
// many nodes at once.
type Stage uint8

const (
	StageDistribution Stage = iota // where the distribution has the nodes' settings from, be it a ConfigMap, an image or a provider's tool
	StageApproval                  // who approves certificate requests; before the first restart
	StageNode                      // on the node itself: files and flags
	StageRestart                   // how it takes effect
	StageNote                      // nothing is to be done
)

// onNode are the words by which the general advice names what is done on the
// node itself.
var onNode = []string{
	"Set serverTLSBootstrap: true in ", "See to it that ", "Add serverTLSBootstrap: true to ", "Add --rotate-server-certificates=true to ",
	"The kubelet exits with ", "This kubelet ", "Kubernetes 1.11 has no flag", "Give it a --kubeconfig", "Where it is to stay alone",
}

// StageOf is the stage of one sentence that Remedy or Restart gave. A sentence
// that it does not know, such as one of another version, belongs to the
// distribution, which comes first.
func StageOf(sentence string) Stage {
	has := func(prefix string) bool { return strings.HasPrefix(sentence, prefix) }
	switch {
	case sentence == "":
		return StageDistribution
	case sentence == gateAlone, has("Whoever issued "):
		return StageNote
	case sentence == approve, has("Look at kubectl get csr"),
		slices.ContainsFunc(List, func(d Distro) bool { return d.Approver == sentence }):
		return StageApproval
	case has("Then "), slices.ContainsFunc(List, func(d Distro) bool { return d.Restart == sentence }):
		return StageRestart
	case strings.Contains(sentence, " must go"), slices.ContainsFunc(onNode, has):
		return StageNode
	}
	return StageDistribution
}
