package kubelet

import (
	"cmp"
	"fmt"
)

// Resolve says what a kubelet with these arguments and files runs with, and
// whether its serving certificate is rotated. For every setting, from weak to
// strong (NewKubeletCommand in cmd/kubelet/app/server.go):
//
//  1. the default of the version;
//  2. the file that --config names, from 1.10 on;
//  3. the files below --config-dir in order, from 1.28 on; how they merge
//     differs in 1.28, 1.29 to 1.31 and 1.32 and later (settings.dropIns);
//  4. a dynamic configuration below --dynamic-config-dir, 1.11 to 1.23: one that
//     is assigned replaces 2 as a whole; where it cannot be loaded or is not
//     valid the last known good one does, and without one 2 stays. Which one is
//     active is known to the API server alone, so that Why says "presumably".
//     Up to 1.10 its layout is not known, and nothing of it is;
//  5. the last occurrence of the flag, even where it equals the default; an
//     empty --address does not count. With 2, 3 or 4 the kubelet parses its
//     command line again, and there a bare bool of cAdvisor or klog swallows the
//     next argument: a setting of which the two parses find different flags is
//     not known, and with --help, be it false, the kubelet exits.
//
// Feature gates follow the same order key by key, and those of 2 stay under a
// dynamic configuration that does not name them; --feature-gates merge over
// their occurrences from 1.9 on, up to 1.8 the last replaces the others. A gate
// that is spelled out beats AllAlpha and AllBeta.
//
// Then, in this order:
//
//  6. a command line or a file that the kubelet refuses is Invalid, such as
//     --dynamic-config-dir without its feature gate, a local configuration that
//     is not valid though a dynamic one replaces it, and a last known good one
//     that is needed and not valid;
//  7. up to 1.10 the gate alone decides; from 1.11 serverTLSBootstrap does,
//     and with the gate false beside it the kubelet exits: Invalid;
//  8. what is not on is External if tlsCertFile and tlsPrivateKeyFile are both
//     set, else Off;
//  9. a setting that a file could have set which is not at hand, which changed
//     after the start, or which is JSON that names a key twice, is not known;
//     nor are gates that a drop-in of 1.29 to 1.31 names under a key that sorts
//     before FeatureGates. What depends on them is Unknown;
//  10. with a version that is not known, the flags and gates bound it, and the
//     answer is what holds for every version left, else Unknown.
//
// An incomplete argument vector proves nothing: whatever is seen of it, a later
// argument could override.
//
// With Input.Explain the answer has Chains, which show where each setting was
// written and which place decides; the rest of the answer is the same.
func Resolve(in Input) Effective {
	p := parse(in)
	e, minor := p.answer()
	if in.Explain {
		e.Chains = p.explain(e, minor)
	}
	return e
}

// answer is the answer, and the minor version whose rules it shows.
func (p parsed) answer() (Effective, int) {
	minor := p.in.Version.Minor
	if p.in.Version.Major > 1 || p.in.Version.IsZero() {
		minor = newest
	}
	switch {
	case p.in.Incomplete != "":
		return p.incomplete(), max(minor, oldest)
	case p.in.Version.IsZero():
		return p.anyVersion()
	case !p.in.Version.AtLeast(oldest):
		why := fmt.Sprintf("kubelet %s is older than v1.%d, the first one that has %s", p.in.Version, oldest, rotationGate)
		e := p.effective(oldest, nothing(why))
		e.Versions, e.Why = Range{p.in.Version, p.in.Version}, why
		return e, oldest
	}
	e := p.resolve(minor)
	e.Versions = Range{p.in.Version, p.in.Version}
	return e, minor
}

// parsed is an Input with everything parsed that does not depend on the
// version.
type parsed struct {
	in            Input
	flags         Flags
	again         *Flags // what the second parse finds; nil: the same
	paths         Paths
	config        document
	dropIns       []document
	assigned      checkpoint
	lastKnownGood checkpoint
}

func parse(in Input) parsed {
	p := parsed{in: in}
	p.flags, _ = ParseFlags(in.Args)
	p.paths = p.flags.Paths()
	p.again = p.flags.parseAgain(in.Args)
	if p.paths.Config != "" {
		p.config = in.Memo.readDocument(in.Config, p.paths.Config, FromFile)
	}
	if p.paths.ConfigDir != "" && in.DropIns.State == Present && !in.DropIns.Newer {
		p.dropIns = in.Memo.readDropIns(in.DropIns)
	}
	if dir := cmp.Or(in.Dynamic.Dir, p.paths.DynamicConfigDir); p.paths.DynamicConfigDir != "" {
		assigned, lastKnownGood := DynamicMeta(dir)
		p.assigned = in.Memo.readCheckpoint(dir, assigned, in.Dynamic.Assigned)
		p.lastKnownGood = in.Memo.readCheckpoint(dir, lastKnownGood, in.Dynamic.LastKnownGood)
	}
	return p
}

// resolve judges a kubelet 1.minor.
func (p parsed) resolve(minor int) Effective {
	s, problem := p.layers(minor)
	e := p.effective(minor, s)
	if problem == nil {
		problem = firstOf(s.validate(minor), s.listen(minor))
	}
	if problem != nil {
		e.Rotation, e.Decided = Invalid, problem.source
		e.Problem = problem.text
		e.Why = fmt.Sprintf("a kubelet v1.%d exits with: %s", minor, problem.text)
	} else {
		e.judge(minor, p, s)
	}
	e.Rule = e.rule(minor)
	return e
}

// layers builds the settings in the order of Resolve's doc comment. On a
// problem they are those of the layers before it.
func (p parsed) layers(minor int) (settings, *problem) {
	named, refused := p.flags.refused(minor)
	if refused != nil {
		return nothing("the kubelet exits before it reads any file"), refused
	}
	s := defaults(minor)
	problem := p.files(&s, minor)
	if problem == nil {
		problem = p.refusedAgain(minor)
	}
	if problem == nil && p.paths.DynamicConfigDir != "" && minor >= 11 {
		return p.dynamic(s, named, minor)
	}
	s.flags(p, named, minor)
	if problem == nil {
		p.override(&s, minor)
	}
	return s, problem
}

// files puts --config and --config-dir on top, and up to 1.10, where it is not
// known, the dynamic configuration.
func (p parsed) files(s *settings, minor int) *problem {
	switch d := p.config; {
	case p.paths.Config == "":
	case d.missing != "":
		s.forget(d.missing, minor)
	case d.err != nil:
		text := fmt.Sprintf("failed to load Kubelet config file %s, error %s", clip(d.path), clip(d.err.Error()))
		return &problem{text, Source{Kind: FromFile, Path: d.path}}
	default:
		if problem := s.file(d, minor); problem != nil {
			problem.text = fmt.Sprintf("failed to load Kubelet config file %s, error %s", clip(d.path), problem.text)
			return problem
		}
	}
	if p.paths.ConfigDir != "" {
		if minor <= 29 && p.in.DropInEnv != nil && !*p.in.DropInEnv {
			o, _ := p.flags.last("config-dir")
			return &problem{"flag config-dir specified but environment variable KUBELET_CONFIG_DROPIN_DIR_ALPHA not set, cannot start kubelet", o.source(o.arg.Text)}
		}
		if problem := s.dropIns(p.in.DropIns, p.paths.ConfigDir, p.dropIns, minor); problem != nil {
			return problem
		}
	}
	if p.paths.DynamicConfigDir != "" && minor <= 10 {
		s.forget(fmt.Sprintf("a dynamic configuration below %s may replace the file: Node.status.config or /configz would settle it", clip(p.paths.DynamicConfigDir)), minor)
	}
	return nil
}

// override forgets what a remote or initial configuration of up to 1.9 sets:
// it replaced the command line, too (issue 56171 put flags on top in 1.10).
func (p parsed) override(s *settings, minor int) {
	if minor > 9 {
		return
	}
	dir := cmp.Or(p.paths.DynamicConfigDir, p.flags.value("init-config-dir"))
	if remote := s.gates.named[dynamicGate]; minor == 7 && remote.value {
		dir = "the API server"
	}
	if dir != "" {
		s.forget(fmt.Sprintf("a configuration from %s may replace the command line in v1.%d: /configz would settle it", clip(dir), minor), minor)
		s.bootstrap = defaults(minor).bootstrap
	}
}

// effective fills in what every answer has.
func (p parsed) effective(minor int, s settings) Effective {
	e := Effective{
		ServerTLSBootstrap: s.bootstrap,
		TLSCertFile:        s.cert,
		TLSPrivateKeyFile:  s.key,
		EnableServer:       s.enableServer,
		Address:            s.address,
		Port:               s.port,
		CertDir:            known("/var/lib/kubelet/pki", byDefault(minor)),
		Kubeconfig:         known("", byDefault(minor)),
		Gate:               s.gates.rotation(minor),
	}
	if minor <= 8 {
		e.CertDir.Value = "/var/run/kubernetes"
	}
	if minor <= 9 {
		e.Kubeconfig.Value = "/var/lib/kubelet/kubeconfig"
	}
	if o, ok := p.flags.last("cert-dir"); ok {
		e.CertDir = known(o.value, o.source(o.arg.Text))
	}
	if o, ok := p.flags.last("kubeconfig"); ok {
		e.Kubeconfig = known(o.value, o.source(o.arg.Text))
	}
	e.NoAPIClient = p.standalone(minor)
	e.NoServer = s.enableServer.Known() && !s.enableServer.Value
	_, e.GateNamed = s.gates.named[rotationGate]
	return e
}

// standalone reports whether the kubelet talks to no API server: from 1.10 on
// it does if --kubeconfig is set; --bootstrap-kubeconfig alone is not enough.
func (p parsed) standalone(minor int) bool {
	if minor >= 10 {
		return p.paths.Kubeconfig == ""
	}
	if isTrue(p.flags.value("require-kubeconfig")) {
		return false
	}
	name := "kubeconfig"
	if minor == 7 {
		name = "api-servers"
	}
	_, ok := p.flags.last(name)
	return !ok
}

// incomplete is the answer to an argument vector that may lack something.
func (p parsed) incomplete() Effective {
	missing := "the arguments are not complete (" + clip(p.in.Incomplete) + "): a later one could override any of them"
	e := blank(missing)
	if v := p.in.Version; !v.IsZero() {
		e.Versions = Range{v, v}
		e.Rule = e.rule(v.Minor)
	}
	return e
}

// blank is an answer in which nothing is known.
func blank(missing string) Effective {
	return Effective{
		ServerTLSBootstrap: unknown[bool](missing),
		Gate:               unknown[bool](missing),
		TLSCertFile:        unknown[string](missing),
		TLSPrivateKeyFile:  unknown[string](missing),
		CertDir:            unknown[string](missing),
		Kubeconfig:         unknown[string](missing),
		EnableServer:       unknown[bool](missing),
		Address:            unknown[string](missing),
		Port:               unknown[int](missing),
		Why:                missing,
	}
}
