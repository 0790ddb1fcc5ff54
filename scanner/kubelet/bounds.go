package kubelet

import (
	"fmt"
	"strings"
)

// span is the versions 1.min to 1.max that know a flag or a feature gate; 0
// means no bound.
type span struct {
	name     string
	min, max int
}

func (s span) holds(minor int) bool {
	return minor >= s.min && (s.max == 0 || minor <= s.max)
}

// flagSpans are the flags whose life is known for certain and says something:
// a kubelet outside the span exits with "unknown flag", so one that runs with
// the flag is inside it. Read from cmd/kubelet/app/options of every minor.
var flagSpans = []span{
	{"allow-privileged", 0, 14},
	{"api-servers", 0, 7},
	{"cadvisor-port", 0, 11},
	{"cni-bin-dir", 0, 23},
	{"config", 10, 0},
	{"config-dir", 28, 0},
	{"container-runtime", 0, 26},
	{"dynamic-config-dir", 8, 23},
	{"image-credential-provider-config", 20, 0},
	{"init-config-dir", 8, 9},
	{"keep-terminated-pod-volumes", 0, 30},
	{"network-plugin", 0, 23},
	{"pod-infra-container-image", 0, 34},
	{"require-kubeconfig", 0, 9},
	{"rotate-server-certificates", 12, 0},
}

// refused gives the gates of the command line, or why a kubelet 1.minor exits
// on it before it reads any file.
func (f Flags) refused(minor int) (map[string]gate, *problem) {
	if arg, err := f.problem(minor); err != nil {
		return nil, &problem{err.Error(), arg.source(arg.Text)}
	}
	if p := f.checkFlags(minor); p != nil {
		return nil, p
	}
	named, p := flagGates(f, minor)
	return named, firstOf(p, check(named, minor), f.checkDynamic(named, minor))
}

// checkDynamic refuses --dynamic-config-dir, be it empty, where the command
// line does not switch its gate on: the file is not read yet
// (ValidateKubeletFlags in cmd/kubelet/app/options/options.go; issue 104298).
func (f Flags) checkDynamic(named map[string]gate, minor int) *problem {
	o, ok := f.last("dynamic-config-dir")
	if !ok || (gates{named: named}).dynamic(minor).Value {
		return nil
	}
	return &problem{"the DynamicKubeletConfig feature gate must be enabled in order to use the --dynamic-config-dir flag", o.source(o.arg.Text)}
}

// checkFlags refuses the first flag that 1.minor does not have, and a --version
// that is another one's.
func (f Flags) checkFlags(minor int) *problem {
	for _, s := range flagSpans {
		if o, ok := f.last(s.name); ok && !s.holds(minor) {
			return &problem{"unknown flag: --" + s.name, o.source(o.arg.Text)}
		}
	}
	for _, o := range f.given {
		if o.name != "version" || !isRelease(o.value) {
			continue
		}
		if v, _ := ParseVersion(o.value); v.Minor != minor {
			text := fmt.Sprintf("invalid argument %q for \"--version\" flag: version %q must match major/minor/patch of default version v1.%d", clip(o.value), clip(o.value), minor)
			return &problem{text, o.source(o.arg.Text)}
		}
	}
	return nil
}

// candidates bounds a version that is not known by the evidence: the flags and
// feature gates that only some versions take, and the environment variable
// that 1.28 and 1.29 ask for beside --config-dir. Both ends are minors; low >
// high means that no version takes them all.
func (p parsed) candidates() (low, high int) {
	low, high = oldest, newest
	narrow := func(s span) {
		low = max(low, s.min)
		if s.max != 0 {
			high = min(high, s.max)
		}
	}
	for _, s := range flagSpans {
		if _, ok := p.flags.last(s.name); ok {
			narrow(s)
		}
	}
	named := p.namedGates()
	for _, s := range gateSpans {
		if named[s.name] {
			narrow(s)
		}
	}
	if _, ok := p.flags.last("dynamic-config-dir"); ok && !p.asksForDynamic() {
		narrow(span{dynamicGate, 11, 21}) // where the gate is on by default
	}
	if p.paths.ConfigDir != "" && p.in.DropInEnv != nil && !*p.in.DropInEnv {
		low = max(low, 30)
	}
	return low, high
}

// asksForDynamic reports whether the command line may switch DynamicKubeletConfig
// on.
func (p parsed) asksForDynamic() bool {
	for _, o := range p.flags.given {
		if o.name == "feature-gates" && (strings.Contains(o.value, dynamicGate) || strings.Contains(o.value, "AllAlpha")) {
			return true
		}
	}
	return false
}

// namedGates are the gates that are certainly spelled out to this kubelet.
func (p parsed) namedGates() map[string]bool {
	named := make(map[string]bool)
	for _, o := range p.flags.given {
		if o.name != "feature-gates" {
			continue
		}
		for item := range strings.SplitSeq(o.value, ",") {
			key, _, _ := strings.Cut(item, "=")
			named[strings.TrimSpace(key)] = true
		}
	}
	if p.paths.Config != "" && p.config.usable() {
		if c, err := p.config.decode(); err == nil {
			for key := range c.featureGates {
				named[key] = true
			}
		}
	}
	return named
}

// conflict says which flags and gates exclude each other.
func (p parsed) conflict() string {
	var list []string
	for _, s := range flagSpans {
		if _, ok := p.flags.last(s.name); ok {
			list = append(list, fmt.Sprintf("--%s (%s)", s.name, s))
		}
	}
	named := p.namedGates()
	for _, s := range gateSpans {
		if named[s.name] {
			list = append(list, fmt.Sprintf("%s (%s)", s.name, s))
		}
	}
	return strings.Join(list, ", ")
}

// String is the span in words, such as "v1.8 to v1.23".
func (s span) String() string {
	var r Range
	if s.min != 0 {
		r.Min = release(s.min)
	}
	if s.max != 0 {
		r.Max = release(s.max)
	}
	return r.String()
}
