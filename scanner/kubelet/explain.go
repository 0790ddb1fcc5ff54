package kubelet

import (
	"cmp"
	"fmt"
	"slices"
)

// Step is one place that says something about a setting.
type Step struct {
	Value   string `json:"value"`             // as it stands there; "null" where it is null, "?" where nobody could read it
	Source  Source `json:"source"`            // never FromNowhere
	Note    string `json:"note,omitempty"`    // what became of it; empty: it counts unless a later step does
	Decides bool   `json:"decides,omitempty"` // the setting is what it is because of this step
}

// Chain is every place that says something about one setting, in the kubelet's
// own order from weakest to strongest: the default, the --config file, the
// drop-ins in their order, the dynamic configuration, each occurrence of the
// flag. The first step is always the default. Exactly one step decides where
// the setting is known, none where it is not; every step behind the one that
// decides has a Note that says why it does not count.
type Chain struct {
	Setting string `json:"setting"` // in the words of KubeletConfiguration, such as featureGates.RotateKubeletServerCertificate
	Rule    Rule   `json:"rule"`    // how the steps are weighed in this version; in the newest one left where it is not known
	Steps   []Step `json:"steps"`
}

const gateName = "featureGates." + rotationGate

// Settings that have a flag and no field.
var (
	fieldCertDir    = field{name: "certDir"}
	fieldKubeconfig = field{name: "kubeconfig"}
)

// said is a step before it is known which one decides.
type said struct {
	Step
	key    string // the key it stands under; empty: all of them
	resets bool   // it takes back what was said under the key, and decides where the default counts
	silent bool   // it says nothing itself, and is shown only where it decides
}

// explainer lists what every place says. It decides nothing: the step that
// decides is the one that has the setting's source.
type explainer struct {
	p        parsed
	minor    int
	active   *document // the dynamic configuration that counts
	rejected string    // why the assigned one does not
	exited   bool      // the kubelet exits before it is through
}

// explain gives the chain of every setting of e, an answer for 1.minor.
func (p parsed) explain(e Effective, minor int) []Chain {
	s, bad := p.layers(minor)
	x := explainer{p, minor, s.active, s.rejected, bad != nil}
	standard := parsed{}.effective(minor, defaults(minor))
	return []Chain{
		chain(x, fieldBootstrap, "rotate-server-certificates", standard.ServerTLSBootstrap, e.ServerTLSBootstrap),
		x.gate(standard.Gate, e.Gate),
		chain(x, fieldCert, "tls-cert-file", standard.TLSCertFile, e.TLSCertFile),
		chain(x, fieldKey, "tls-private-key-file", standard.TLSPrivateKeyFile, e.TLSPrivateKeyFile),
		chain(x, fieldCertDir, "cert-dir", standard.CertDir, e.CertDir),
		chain(x, fieldKubeconfig, "kubeconfig", standard.Kubeconfig, e.Kubeconfig),
		chain(x, fieldServer, "enable-server", standard.EnableServer, e.EnableServer),
		chain(x, fieldAddress, "address", standard.Address, e.Address),
		chain(x, fieldPort, "port", standard.Port, e.Port),
	}
}

// chain is the history of one setting that is no feature gate.
func chain[T any](x explainer, f field, flag string, standard, outcome Setting[T]) Chain {
	byDefault := fmt.Sprint(standard.Value)
	steps := []said{{Step: Step{Value: byDefault, Source: standard.Source}}}
	if f.goes != "" {
		files := func(d document) []said { return x.fields(d, f, byDefault) }
		steps = append(steps, x.local(files, x.active != nil)...)
		steps = append(steps, x.dynamic(files)...)
		if x.active != nil {
			steps = append(steps, said{resets: true, silent: true, Step: Step{
				Value: byDefault, Source: Source{Kind: FromDynamic, Path: x.active.path},
				Note: "not set there: it replaces the --config file as a whole, and the default counts",
			}})
		}
	}
	for _, o := range x.p.flags.given {
		if o.name == flag {
			s := said{Step: Step{Value: clip(o.value), Source: o.source(o.arg.Text)}}
			if f == fieldAddress && o.value == "" {
				s.Note = "ignored: empty is not set"
			}
			steps = append(steps, s)
		}
	}
	return Chain{f.name, ruleOf(f.name, x.minor), x.decide(steps, outcome.Source)}
}

// decide marks the step that has the outcome's source, and says of those behind
// it why they do not count.
func (x explainer) decide(steps []said, outcome Source) []Step {
	decider := -1
	for i, s := range steps {
		switch {
		case outcome.Kind == FromDefault && (i == 0 || s.takesBack(steps[1:i])),
			outcome.Kind != FromNowhere && s.Source == outcome:
			decider = i
		}
	}
	if decider == 0 {
		steps[0].Source = outcome // its version may be left out
	}
	list := make([]Step, 0, len(steps))
	for i, s := range steps {
		if s.silent && i != decider {
			continue
		}
		s.Decides = i == decider
		switch {
		case decider < 0 || i <= decider || s.Note != "":
		case x.exited:
			s.Note = "not reached: the kubelet exits"
		default:
			s.Note = s.beaten(steps[:i], steps[i+1:])
		}
		list = append(list, s.Step)
	}
	return list
}

// takesBack reports whether the step takes back anything that stands before.
func (s said) takesBack(before []said) bool {
	return s.silent || s.resets && slices.ContainsFunc(before, func(o said) bool { return s.key == "" || s.key == o.key })
}

// beaten says why a step that stands behind the one that decides, and has
// nothing wrong with it, does not count.
func (s said) beaten(before, after []said) string {
	same := func(o said) bool { return o.key == s.key || o.resets && o.key == "" }
	switch all := s.key == "AllAlpha" || s.key == "AllBeta"; {
	case slices.ContainsFunc(after, same):
		return "ignored: a later step takes it back"
	case all && s.Source.Kind == FromDynamic && slices.ContainsFunc(before, same):
		return "ignored: " + s.key + " was set before, and the gates of the process stay"
	case all:
		return "ignored: a gate that is spelled out beats " + s.key
	}
	return "ignored: of several spellings of a key the one that sorts last counts"
}

// local is the steps of the --config file and the drop-ins.
func (x explainer) local(files func(document) []said, replaced bool) []said {
	var steps []said
	if x.p.paths.Config != "" && x.minor >= 10 {
		for _, s := range files(x.p.config) {
			if replaced {
				s.Note = join("replaced as a whole by the dynamic configuration", s.Note)
			}
			steps = append(steps, s)
		}
	}
	if x.p.paths.ConfigDir == "" || x.minor < 28 {
		return steps
	}
	dir := x.p.in.DropIns
	whole := said{Step: Step{Value: "?", Source: Source{Kind: FromDropIn, Path: cmp.Or(dir.Path, x.p.paths.ConfigDir)}}}
	switch {
	case dir.State == Absent:
		whole.Note = "the kubelet exits: it does not exist"
	case dir.State == Unreadable:
		whole.Note = "not listed: " + clip(dir.Reason)
	case dir.State != Present:
		whole.Note = "not listed"
	case dir.Newer:
		whole.Note = "a file was added or removed after the process started: proves nothing"
	default:
		for _, d := range x.p.dropIns {
			steps = append(steps, files(d)...)
		}
		return steps
	}
	return append(steps, whole)
}

// dynamic is the steps of the configurations below --dynamic-config-dir.
func (x explainer) dynamic(files func(document) []said) []said {
	a, good := x.p.assigned, x.p.lastKnownGood
	switch {
	case x.p.paths.DynamicConfigDir == "" || x.minor > 23:
		return nil
	case x.minor <= 10:
		return []said{unseen(document{kind: FromDynamic, path: x.p.paths.DynamicConfigDir}, "not read: its layout up to v1.10 is not known")}
	case a.none:
		return nil
	case a.meta.missing != "":
		return []said{unseen(a.meta, a.meta.short)}
	case a.meta.err != nil:
		return []said{unseen(a.meta, exitsOn(a.meta.err))}
	case x.rejected == "":
		return files(a.config)
	}
	steps := files(a.config)
	if len(steps) == 0 {
		steps = []said{unseen(a.config, "")}
	}
	for i := range steps {
		steps[i].Note, steps[i].resets = "not active: "+clip(x.rejected), false
	}
	switch {
	case good.none:
		return steps
	case good.meta.missing != "":
		return append(steps, unseen(good.meta, good.meta.short))
	case good.meta.err != nil:
		return append(steps, unseen(good.meta, exitsOn(good.meta.err)))
	}
	return append(steps, files(good.config)...)
}
