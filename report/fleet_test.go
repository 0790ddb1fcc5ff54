package report

import (
	"reflect"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

var began = time.Date(2026, 11, 23, 11, 17, 0, 0, time.UTC)

// testRun wraps results as a scan would.
func testRun(results ...scanner.Result) Run {
	return Run{
		Tool: "kletscan", Version: "v0.1.0", ID: "RUN1", Inventory: "nodes.txt", InventoryDigest: "sha256:aa",
		Operator: "audit@ws-7", Arguments: []string{"scan", "-i", "nodes.txt"}, RulesDigest: "sha256:bb",
		Started: began, Finished: began.Add(90 * time.Second), Results: Of(results),
	}
}

// node is a result that was assessed, in a group.
func node(name, group string, v scanner.Verdict) scanner.Result {
	n := inventory.Node{Name: name, Host: name, User: "core"}
	if group != "" {
		n.Labels = map[string]string{"group": group}
	}
	return scanner.Result{Node: n, Status: scanner.OK, Verdict: v, Started: began.Add(time.Second), Duration: 1234567 * time.Microsecond}
}

// missed is a result that was not assessed.
func missed(name, group string, status scanner.Status, why string) scanner.Result {
	r := node(name, group, scanner.Verdict{})
	r.Status, r.Error = status, why
	return r
}

const configPath = "/var/lib/kubelet/config.yaml"

// fleet has every rotation, conditions, nodes that were not assessed, and one
// node without a group.
func fleet() []scanner.Result {
	configFile := kubelet.Source{Kind: kubelet.FromFile, Path: configPath, Line: 31, Text: "serverTLSBootstrap: true"}
	on := node("cp-1", "control-plane", scanner.Verdict{
		Rotation: kubelet.On, Distro: "kubeadm", Version: "v1.29.3", PID: 812, Source: configFile,
		Conditions: []scanner.Condition{scanner.GateNamed},
		Why:        "serverTLSBootstrap: true in " + configPath + ", and the gate RotateKubeletServerCertificate is on by default since v1.12",
		Settings: []scanner.Setting{
			{Name: "serverTLSBootstrap", Value: "true", Source: configFile},
			{Name: "featureGates.RotateKubeletServerCertificate", Value: "true", Source: kubelet.Source{Kind: kubelet.FromDefault, Text: "v1.29"}},
		},
		Letter: []scanner.Letter{
			{Rule: scanner.Datadog, Result: scanner.LetterFail, Why: "--feature-gates is not on the command line; the rule does not read files"},
			{Rule: scanner.CIS151, Result: scanner.LetterFail, Why: "the gate is named neither on the command line nor in the file"},
			{Rule: scanner.KubeBench, Result: scanner.LetterPass},
		},
	})
	on.Node.Port, on.Node.Name = 2222, "cp-1:2222"
	off := node("worker-1", "workers", scanner.Verdict{
		Rotation: kubelet.Off, Distro: "kubeadm", Version: "v1.29.3", PID: 77,
		Source: kubelet.Source{Kind: kubelet.FromDefault, Text: "v1.29"},
		Why:    "serverTLSBootstrap is false by default; the certificate is self-signed and nobody renews it",
		Letter: []scanner.Letter{{Rule: scanner.CIS151, Result: scanner.LetterPass, Why: "the gate is on; the rule does not ask for serverTLSBootstrap"}},
	})
	external := node("ip-10-0-1-23.eu-west-1.compute.internal", "workers", scanner.Verdict{
		Rotation: kubelet.External, Distro: "k3s", Version: "v1.31.2+k3s1", PID: 901,
		Source: kubelet.Source{Kind: kubelet.FromDistribution, Text: "--tls-cert-file=/var/lib/rancher/k3s/agent/serving-kubelet.crt"},
		Why:    "k3s supplies the serving certificate",
		Letter: []scanner.Letter{{Rule: scanner.CIS151, Result: scanner.LetterNA}},
	})
	pending := node("worker-2", "workers", scanner.Verdict{
		Rotation: kubelet.Unknown, Distro: "kubeadm", Version: "v1.29.3", PID: 78,
		Conditions: []scanner.Condition{scanner.RestartPending}, AfterRestart: kubelet.Off,
		Why:      configPath + " is newer than the process",
		Settings: []scanner.Setting{{Name: "serverTLSBootstrap", Detail: configPath + " changed after the kubelet started"}},
		Letter:   []scanner.Letter{{Rule: scanner.CIS151, Result: scanner.LetterUnknown}},
	})
	invalid := node("worker-3", "", scanner.Verdict{
		Rotation: kubelet.Invalid, Distro: "kubeadm", Version: "v1.34.0",
		Conditions: []scanner.Condition{scanner.GateNamed, scanner.KubeletDown},
		Source:     kubelet.Source{Kind: kubelet.FromFlag, Text: "--feature-gates=RotateKubeletServerCertificat=true", Path: "/etc/default/kubelet", Line: 3},
		Why:        "unrecognized feature gate: RotateKubeletServerCertificat",
	})
	return []scanner.Result{
		on, off, external, pending, invalid,
		missed("worker-4", "workers", scanner.Unreachable, "connect: dial tcp 10.0.0.4:22: connect: connection refused"),
		missed("worker-5", "workers", scanner.HostKeyMismatch, "handshake: the host key is not the one in ~/.ssh/known_hosts:17"),
		{Node: inventory.Node{Name: "worker-6", Host: "worker-6", Labels: map[string]string{"group": "workers"}}, Status: scanner.Cancelled, Error: "not visited: the scan was interrupted first"},
	}
}

// hostile are strings that a node may send to harm whoever reads a report.
var hostile = []string{
	"\x1b[2J\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://evil/\x1b\\link", "\x1bPdcs\x1b\\", "\u009b31m",
	"a\nb\r\nc\td", "\x00nul\x7fdel", "\u202egnp.exe\u2066x\u2069\u200f\u061c", "z\u200bw\u200c\u200d\ufeff\u2060\u00ad",
	"\u2028\u2029", "\xff\xfe\xc0\x80", "=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", "  =1",
	"\t=1", "\r=1", `quo"ted,comma`, "e\u0301\u0301\u0301", "\u3164\U000e0041", "日本語のテキスト", `back\slash \n`, "</script><b>",
	"%s%d%!", "{{.}}", "| a | b |", "\U0001f469\u200d\U0001f680",
}

// filled is a result with s in every string that it has, whatever its type,
// now and in versions to come.
func filled(s string, status scanner.Status) scanner.Result {
	var r scanner.Result
	fill(reflect.ValueOf(&r).Elem(), s)
	r.Status = status
	r.Node.Labels["group"] = s
	for _, name := range []string{"serverTLSBootstrap", "RotateKubeletServerCertificate"} {
		r.Verdict.Settings = append(r.Verdict.Settings, scanner.Setting{Name: name, Value: s, Detail: s})
	}
	for _, rule := range []scanner.RuleID{scanner.Datadog, scanner.CIS151, scanner.KubeBench} {
		r.Verdict.Letter = append(r.Verdict.Letter, scanner.Letter{Rule: rule, Result: scanner.LetterResult(s), Why: s})
	}
	r.Verdict.Conditions = append(r.Verdict.Conditions, scanner.RestartPending)
	return r
}

func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(began))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), s)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), s)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, s)
		fill(value, s)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	}
}

// hostileFleet has each hostile string in every place, looked at and not.
func hostileFleet() []scanner.Result {
	var results []scanner.Result
	for i, s := range hostile {
		status := scanner.OK
		if i%3 == 2 {
			status = scanner.Unreachable
		}
		results = append(results, filled(s, status))
	}
	return results
}
