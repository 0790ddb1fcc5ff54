package scanner

import (
	"regexp"
	"strings"

	"kletscan/scanner/distro"
	"kletscan/scanner/kubelet"
)

// gateName is what the written rules look for.
const gateName = "RotateKubeletServerCertificate"

// rule is one written rule: its own logic, not ours.
type rule struct {
	id    RuleID
	judge func(letterInput) (LetterResult, string)
}

// letterInput is what the written rules look at.
type letterInput struct {
	process   string // the command name of the process; empty: none is running
	argv      string // as ps prints it: words joined by blanks
	gates     string // the value of the last --feature-gates
	truncated string // why argv is not whole; empty: it is
	effective kubelet.Effective
}

// rules are in the order in which reports show them.
var rules = []rule{
	{Datadog, datadogLetter},
	{CIS151, cisLetter},
	{KubeBench, kubeBenchLetter},
}

// letters is what each written rule says of a node, and how that differs from
// the truth.
func letters(in kubelet.Input, e kubelet.Effective, s distro.Subject) []Letter {
	li := letterInput{truncated: in.Incomplete, effective: e}
	if s.Process != nil {
		li.process, li.argv = s.Process.Comm, strings.Join(s.Process.Argv, " ")
	} else {
		words := make([]string, len(in.Args))
		for i, arg := range in.Args {
			words[i] = arg.Text
		}
		li.argv = strings.Join(words, " ")
	}
	flags, _ := kubelet.ParseFlags(in.Args)
	li.gates, _, _ = flags.Lookup("feature-gates")
	list := make([]Letter, len(rules))
	for i, r := range rules {
		result, why := r.judge(li)
		list[i] = Letter{Rule: r.id, Result: result, Why: why + differs(result, e)}
	}
	return list
}

// differs says why a rule's answer is not the truth, where it is not.
func differs(result LetterResult, e kubelet.Effective) string {
	switch {
	case result == LetterPass && (e.Rotation == kubelet.Off || e.Rotation == kubelet.External):
		return "; yet nothing is rotated: the gate only permits it, serverTLSBootstrap switches it on"
	case result == LetterPass && e.Rotation == kubelet.Invalid:
		return "; yet no kubelet can start like this"
	case result == LetterFail && e.Rotation == kubelet.On:
		return "; yet rotation is on: the gate is on by default since 1.12 and serverTLSBootstrap is true"
	}
	return ""
}

// datadogLetter is the rule cis-kubernetes-1.5.1-4.2.12 of the Datadog Agent:
// regex.match("RotateKubeletServerCertificate=true", process.flags["--feature-gates"])
// of a process called kubelet. It never opens a configuration file.
func datadogLetter(in letterInput) (LetterResult, string) {
	switch {
	case in.process != "kubelet":
		return LetterNA, "the rule looks for a process called kubelet and finds none"
	case in.truncated != "":
		return LetterUnknown, in.truncated
	case strings.Contains(in.gates, gateName+"=true"):
		return LetterPass, "--feature-gates on the command line names " + gateName + "=true"
	case in.gates == "":
		return LetterFail, "there is no --feature-gates on the command line"
	}
	return LetterFail, "--feature-gates on the command line does not name " + gateName + "=true"
}

// cisLetter is control 4.2.12 of CIS Kubernetes 1.5.1: "Verify that
// RotateKubeletServerCertificate exists and is set to true", as an argument or
// in the configuration file; not applicable where an outside authority
// supplies the certificates.
func cisLetter(in letterInput) (LetterResult, string) {
	gate := in.effective.Gate
	switch {
	case in.effective.Rotation == kubelet.External:
		return LetterNA, "the serving certificate is supplied from outside"
	case !gate.Known():
		return LetterUnknown, gate.Missing
	case !in.effective.GateNamed:
		return LetterFail, gateName + " is named neither as an argument nor in a configuration file"
	case gate.Value:
		return LetterPass, gateName + " exists and is true: " + gate.Source.String()
	}
	return LetterFail, gateName + " is false: " + gate.Source.String()
}

// kubeBenchGate is how kube-bench finds a flag's value in the output of ps,
// check/test.go: the first occurrence, up to the next blank.
var kubeBenchGate = regexp.MustCompile(gateName + `(?:=|: *)*(\S*)`)

// kubeBenchLetter is 4.2.12 of kube-bench's cis-1.5 tree: the value found in
// the output of ps, or else the gate of the configuration file, does not
// contain "false". The value is everything up to the next blank, other gates
// behind it included.
func kubeBenchLetter(in letterInput) (LetterResult, string) {
	gate := in.effective.Gate
	if in.process == "" {
		return LetterUnknown, "the rule reads ps, and the kubelet is down"
	}
	if found := kubeBenchGate.FindStringSubmatch(in.argv); found != nil {
		if strings.Contains(found[1], "false") {
			return LetterFail, "what follows " + gateName + " on the command line contains false"
		}
		return LetterPass, gateName + " on the command line is not false"
	}
	switch {
	case !gate.Known():
		return LetterUnknown, gate.Missing
	case in.effective.GateNamed && !gate.Value:
		return LetterFail, gateName + " is false: " + gate.Source.String()
	case in.effective.GateNamed:
		return LetterPass, gateName + " is not false: " + gate.Source.String()
	}
	return LetterPass, gateName + " is not named, which this rule takes for on"
}
