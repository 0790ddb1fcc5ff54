package scanner

import (
	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// Explanation is how a verdict came about. The zero value is that of a node
// that was not assessed.
type Explanation struct {
	Distro distro.Distro   // zero: not recognised
	Rule   kubelet.Rule    // what the rotation follows from; zero where the version is not known and decides
	Chains []kubelet.Chain // every place that sets something, for each setting, decisive first
}

// Explain works out what Judge leaves out. It is pure, too, and costs about as
// much again.
func Explain(ev *evidence.Evidence) Explanation {
	s, status, _ := findSubject(ev)
	if status != OK {
		return Explanation{}
	}
	d := distro.Of(s)
	in := gather(s, d)
	in.now.Explain = true
	e := in.running()
	return Explanation{Distro: d, Rule: e.Rule, Chains: e.Chains}
}
