package scanner

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// Judgement is what Judge makes of one node's evidence.
type Judgement struct {
	Status  Status // OK, NoKubelet, Denied or NotLinux
	Reason  string // why Status is not OK
	Verdict Verdict
	Listen  string          // HOST:PORT at which the node reaches its kubelet; empty: nothing is served
	Static  bool            // a static certificate is configured, too
	OnDisk  string          // where the certificate lies that this kubelet would serve; empty: not known
	Wants   []evidence.Want // what was not looked at yet and could change the verdict

	settings kubelet.Effective // what Verdict follows from, for Join
}

// Judger judges many nodes. It remembers what is alike among them, the texts of
// their files and the words of their verdicts, and its answers are those of
// Judge all the same. The zero value is ready; it may be used concurrently.
type Judger struct {
	files kubelet.Memo
	words words
}

// Judge says what the kubelet of one node does with its serving certificate.
// It is pure: the same evidence gives the same judgement, byte for byte.
//
//  1. Which process is the node's kubelet, and if none runs, which unit would
//     start it (subject.go).
//  2. Who wraps it, and where its arguments really are (package distro).
//  3. Which files its arguments name, and whether they are at hand (inputs.go).
//  4. What the kubelet makes of arguments and files, now and after a restart
//     (package kubelet).
//  5. What the written rules would say, and why that differs (letter.go).
//  6. What the certificate that is served makes of that (join.go).
func Judge(ev *evidence.Evidence) Judgement { return new(Judger).Judge(ev) }

// Judge is the function Judge.
func (g *Judger) Judge(ev *evidence.Evidence) Judgement { return g.Join(g.settle(ev), ev) }

// settle is Judge without the certificate.
func (g *Judger) settle(ev *evidence.Evidence) Judgement {
	if ev.Host.System != "Linux" {
		return Judgement{Status: NotLinux, Reason: fmt.Sprintf("the node runs %q: only Linux can be judged", ev.Host.System)}
	}
	s, status, reason := findSubject(ev)
	if status != OK {
		return Judgement{Status: status, Reason: reason}
	}
	d := distro.Of(s)
	in := gather(s, d)
	in.now.Memo, in.afterRestart.Memo = &g.files, &g.files
	now := supplied(in.running(), s, d)
	j := Judgement{Status: OK, Wants: in.wants, settings: now}
	v := &j.Verdict
	v.Distro = d.ID
	v.Version, v.VersionSource = in.version, in.versionSource
	v.Unit = s.Start.Unit
	v.Others = others(ev, s)
	v.Rotation, v.Why, v.Source = now.Rotation, now.Why, now.Decided
	v.Settings = settings(now)
	if s.Process != nil {
		v.PID = s.Process.PID
	}
	in.restart(v, now)
	v.Conditions = conditions(v.Rotation, in.pending, now, s)
	v.Letter = letters(in.now, now, s)
	if s.Process != nil && !now.NoServer {
		j.Listen = listenAddress(now.Address.Value, now.Port.Value)
		j.Static = now.TLSCertFile.Value != ""
		j.OnDisk = onDisk(now)
	}
	v.Remedy = distro.Remedy(d, s, now)
	if in.pending {
		v.Remedy = append(v.Remedy, distro.Restart(d, s))
	}
	g.words.share(v)
	return j
}

// maxRounds bounds "collect, ask what is still missing, collect that".
const maxRounds = 3

// JudgeWith judges ev and, while the judgement wants more, lets fetch add it
// and judges again, at most three times in all.
func JudgeWith(ev *evidence.Evidence, fetch func([]evidence.Want) error) (Judgement, error) {
	return new(Judger).JudgeWith(ev, fetch)
}

// JudgeWith is the function JudgeWith.
func (g *Judger) JudgeWith(ev *evidence.Evidence, fetch func([]evidence.Want) error) (Judgement, error) {
	var j Judgement
	err := judgeWith(func() ([]evidence.Want, error) {
		j = g.Judge(ev)
		return j.Wants, nil
	}, fetch)
	if err != nil {
		return Judgement{}, err
	}
	return j, nil
}

// judgeWith is JudgeWith by way of judge, which gives what its judgement wants.
func judgeWith(judge func() ([]evidence.Want, error), fetch func([]evidence.Want) error) error {
	wants, err := judge()
	for round := 1; err == nil && round < maxRounds && len(wants) > 0; round++ {
		if err = fetch(wants); err == nil {
			wants, err = judge()
		}
	}
	return err
}

// supplied is the outcome where the distribution itself puts a certificate
// where the kubelet would put a self-signed one: the file is not the kubelet's,
// and renewing it is the distribution's job.
func supplied(e kubelet.Effective, s distro.Subject, d distro.Distro) kubelet.Effective {
	if e.Rotation != kubelet.Off || d.Supplied == nil {
		return e
	}
	if file := d.Supplied(s); file != "" {
		e.Rotation = kubelet.External
		e.Why = fmt.Sprintf("%s puts its own certificate at %s: %s", d.Title, file, e.Why)
		e.Decided = kubelet.Source{Kind: kubelet.FromDistribution, Text: file}
	}
	return e
}

// running is what the kubelet's rules make of what runs. A process that runs
// has accepted its flags: if the version that its binary on disk printed does
// not know one of them, the binary was replaced after the start, and the
// version is bounded by the evidence instead.
func (in *inputs) running() kubelet.Effective {
	e := kubelet.Resolve(in.now)
	if !in.down && strings.HasPrefix(e.Problem, "unknown flag") {
		in.now.Version, in.version, in.versionSource = kubelet.Version{}, "", ""
		return kubelet.Resolve(in.now)
	}
	return e
}

// restart compares what runs with what a restart would give.
func (in *inputs) restart(v *Verdict, now kubelet.Effective) {
	if in.down {
		if now.Problem != "" {
			v.Why = "the kubelet is down and could not start: " + now.Problem
		} else {
			v.Why = "the kubelet is down; it would start with: " + now.Why
		}
		return
	}
	if in.newer == "" && in.now.Version == in.afterRestart.Version && sameArgs(in.now.Args, in.afterRestart.Args) {
		return // a restart would find what the start found
	}
	later := kubelet.Resolve(in.afterRestart)
	if in.newer == "" && (later.Rotation == now.Rotation || later.Rotation == kubelet.Unknown) {
		return
	}
	in.pending = true
	v.AfterRestart = later.Rotation
	what := in.newer
	if what == "" {
		what = "its unit"
	}
	v.Why = fmt.Sprintf("%s; %s changed after the kubelet started, a restart would give: %s", v.Why, what, outcome(later))
	if now.Rotation == kubelet.Unknown {
		v.Why = fmt.Sprintf("%s changed after the kubelet started and proves nothing about it; a restart would give: %s", what, outcome(later))
	}
}

// sameArgs reports whether two argument vectors have the same text.
func sameArgs(a, b []kubelet.Arg) bool {
	return slices.EqualFunc(a, b, func(x, y kubelet.Arg) bool { return x.Text == y.Text })
}

// outcome is a rotation and its reason in one clause.
func outcome(e kubelet.Effective) string {
	if e.Problem != "" {
		return e.Rotation.String() + ", it would exit with: " + e.Problem
	}
	return e.Rotation.String() + ", " + e.Why
}

// conditions are those that hold, in the order of the constants.
func conditions(rotation kubelet.Rotation, pending bool, e kubelet.Effective, s distro.Subject) []Condition {
	var list []Condition
	add := func(holds bool, c Condition) {
		if holds {
			list = append(list, c)
		}
	}
	add(e.Masked, Masked)
	add(e.NoAPIClient && rotation == kubelet.On, NoAPIClient)
	add(pending, RestartPending)
	add(e.GateNamed, GateNamed)
	add(s.Process == nil, KubeletDown)
	add(e.NoServer, NoServer)
	return list
}

// settings lists the effective settings, decisive first.
func settings(e kubelet.Effective) []Setting {
	text := func(name string, s kubelet.Setting[string]) Setting {
		return Setting{Name: name, Value: s.Value, Source: s.Source, Detail: s.Missing}
	}
	flag := func(name string, s kubelet.Setting[bool]) Setting {
		out := Setting{Name: name, Source: s.Source, Detail: s.Missing}
		if s.Known() {
			out.Value = strconv.FormatBool(s.Value)
		}
		return out
	}
	port := Setting{Name: "port", Source: e.Port.Source, Detail: e.Port.Missing}
	if e.Port.Known() {
		port.Value = strconv.Itoa(e.Port.Value)
	}
	return []Setting{
		flag("serverTLSBootstrap", e.ServerTLSBootstrap),
		flag("featureGates.RotateKubeletServerCertificate", e.Gate),
		text("tlsCertFile", e.TLSCertFile),
		text("tlsPrivateKeyFile", e.TLSPrivateKeyFile),
		text("certDir", e.CertDir),
		text("kubeconfig", e.Kubeconfig),
		flag("enableServer", e.EnableServer),
		text("address", e.Address),
		port,
	}
}
