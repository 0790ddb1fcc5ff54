package distro

import (
	"slices"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// K0s is k0s, which starts the kubelet as a child process.
const K0s ID = "k0s"

// k0s writes the kubelet's configuration at every start from a worker profile
// of the cluster, in /run since 2024-11.
// Source: k0sproject/k0s pkg/component/worker/kubelet.go,
// pkg/component/controller/workerconfig/reconciler.go.
var k0s = Distro{
	ID:    K0s,
	Title: "k0s",
	Default: Default{
		Rotation: kubelet.On,
		Why:      "every worker profile has serverTLSBootstrap: true, and k0s approves the requests",
		Source:   "k0sproject/k0s pkg/component/controller/workerconfig/reconciler.go; pkg/component/controller/csrapprover.go",
	},
	Detect: func(s Subject) bool {
		switch {
		case s.inUnit("k0sworker.service", "k0scontroller.service"), s.program() == "k0s":
			return true
		case s.runsBelow("/var/lib/k0s"), under(s.flag("config"), "/run/k0s"), s.flag("kubeconfig") == "/var/lib/k0s/kubelet.conf":
			return true
		}
		return s.hasVersion("+k0s") || s.parent("k0s")
	},
	Arguments: k0sArguments,
	Remedy: func(s Subject, e kubelet.Effective) []string {
		return turnOn(s, e,
			"In the worker profile of this node (spec.workerProfiles of the k0s configuration, on a controller) take out what sets serverTLSBootstrap to false: k0s sets it to true by itself.",
			"Never in the kubelet's own file: k0s writes it anew at every start.")
	},
	Approver: "k0s approves the certificate requests of its workers itself.",
}

// k0sArguments are those that k0s would pass to the kubelet that is down, as
// far as they matter here. What its configuration will be is only known from
// the file of the last start.
func k0sArguments(s Subject) Arguments {
	p := parts{Subject: s, lookup: s.Start.variable}
	p.Wants = append(p.Wants, s.Start.Wants...)
	if s.Start.unproven != "" {
		p.incomplete(s.Start.unproven)
	}
	flags := rancherFlags(s.Start.Words)
	has := func(name string) bool {
		return slices.ContainsFunc(flags, func(x rancherSetting) bool { return x.name == name })
	}
	if s.runs("controller") && !has("enable-worker") && !has("single") {
		p.incomplete("a k0s controller runs a kubelet only with --enable-worker or --single")
	}
	value := func(def, name string) string {
		if text := p.setting(flags, "", name); text != "" {
			return text
		}
		return def
	}
	data := strings.TrimRight(value("/var/lib/k0s", "data-dir"), "/")
	root := strings.TrimRight(value(data+"/kubelet", "kubelet-root-dir"), "/")
	config := data + "/kubelet-config.yaml" // before 2024-11
	if !present(s.file(config)) {
		config = "/run/k0s/kubelet/config.yaml"
	}
	if f := s.file(config); f != nil && f.State == evidence.Absent {
		p.incomplete("k0s writes " + config + " when it starts, from a worker profile of the cluster")
	}
	p.add("--config=" + config)
	p.add("--kubeconfig=" + data + "/kubelet.conf")
	p.add("--cert-dir=" + root + "/pki")
	p.add("--root-dir=" + root)
	for _, x := range flags {
		if x.name == "kubelet-extra-args" {
			for text := range strings.FieldsSeq(x.value) {
				x.source.Text = text
				p.Args = append(p.Args, kubelet.Arg{Text: text, Source: x.source})
			}
		}
	}
	return p.done()
}
