package kubelet

import (
	"fmt"
	"strings"
)

// anyVersion answers for a version that is not known: what holds for every one
// that the evidence leaves, and the newest of them.
func (p parsed) anyVersion() (Effective, int) {
	low, high := p.candidates()
	if low > high {
		e := blank("no kubelet takes these arguments")
		e.Rotation, e.Decided = Invalid, Source{Kind: FromFlag}
		e.Problem = "no kubelet takes all of " + clip(p.conflict())
		e.Why = e.Problem
		e.Rule = e.rule(newest)
		return e, newest
	}
	list := make([]Effective, 0, high-low+1)
	for minor := low; minor <= high; minor++ {
		list = append(list, p.resolve(minor))
	}
	e := agreed(list, low)
	e.Versions = Range{Min: release(low), Max: release(high)}
	if high == newest {
		e.Versions.Max = Version{}
	}
	return e, high
}

// agreed keeps what every version of the list, from 1.low on, agrees on. Words
// and places are those of the newest.
func agreed(list []Effective, low int) Effective {
	e := list[len(list)-1]
	var rotations []Rotation
	for _, other := range list {
		rotations = append(rotations, other.Rotation)
		agree(&e.ServerTLSBootstrap, other.ServerTLSBootstrap)
		agree(&e.Gate, other.Gate)
		agree(&e.TLSCertFile, other.TLSCertFile)
		agree(&e.TLSPrivateKeyFile, other.TLSPrivateKeyFile)
		agree(&e.CertDir, other.CertDir)
		agree(&e.Kubeconfig, other.Kubeconfig)
		agree(&e.EnableServer, other.EnableServer)
		agree(&e.Address, other.Address)
		agree(&e.Port, other.Port)
		e.Masked = e.Masked && other.Masked
		e.NoAPIClient = e.NoAPIClient && other.NoAPIClient
		e.NoServer = e.NoServer && other.NoServer
		e.GateNamed = e.GateNamed && other.GateNamed
		if other.Rule != e.Rule {
			e.Rule = Rule{}
		}
	}
	for _, r := range rotations {
		if r == e.Rotation {
			continue
		}
		e.Rotation, e.Problem, e.Decided = Unknown, "", Source{}
		e.Why = "the kubelet's version is not known and decides: " + runs(rotations, low)
		break
	}
	if e.Rotation == Invalid {
		e.Why = "no kubelet starts with this: " + e.Problem
	}
	if len(list) > 1 && e.Decided.Kind == FromDefault {
		e.Decided.Text = ""
	}
	return e
}

// agree makes a setting unknown unless the other version has the same value.
func agree[T comparable](s *Setting[T], other Setting[T]) {
	switch {
	case !s.Known():
	case !other.Known():
		*s = unknown[T](other.Missing)
		if s.Missing == "" {
			s.Missing = differs
		}
	case s.Value != other.Value:
		*s = unknown[T](differs)
	case s.Source.Kind == FromDefault && s.Source.Text != other.Source.Text:
		s.Source.Text = ""
	}
}

const differs = "it depends on the kubelet's version, which is not known: kubelet --version would settle it"

// runs lists rotations by span of versions: "off up to v1.10, on from v1.11".
func runs(rotations []Rotation, low int) string {
	var list []string
	for start := 0; start < len(rotations); {
		end := start
		for end+1 < len(rotations) && rotations[end+1] == rotations[start] {
			end++
		}
		span := fmt.Sprintf("v1.%d", low+start)
		switch {
		case end == len(rotations)-1 && low+end == newest:
			span = fmt.Sprintf("from v1.%d", low+start)
		case end > start:
			span = fmt.Sprintf("v1.%d to v1.%d", low+start, low+end)
		}
		list = append(list, fmt.Sprintf("%s %s", rotations[start], span))
		start = end + 1
	}
	return strings.Join(list, ", ")
}
