package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

func TestTell(t *testing.T) {
	r := scanner.Result{
		Node: inventory.Node{Name: "cp-1\x1b[2J"}, Status: scanner.OK, Duration: 1234 * time.Millisecond,
		Verdict: scanner.Verdict{
			Rotation: kubelet.Off, Conditions: []scanner.Condition{scanner.Expired}, Why: "the default", Version: "v1.31.4", Distro: "kubeadm", PID: 7,
			Settings: []scanner.Setting{{Name: "serverTLSBootstrap", Value: "false", Source: kubelet.Source{Kind: kubelet.FromDefault, Text: "v1.31"}}, {Name: "tlsCertFile", Detail: "refused"}},
			Served:   scanner.Served{Address: "10.0.0.1:10250", Class: serving.SelfSigned},
			Letter:   []scanner.Letter{{Rule: scanner.CIS151, Result: scanner.LetterPass}},
		},
	}
	const line = `kletscan: cp-1\x1B[2J: after 1.234s: off, expired: the default` + "\n"
	const under = `kletscan: cp-1\x1B[2J:   `
	for _, tt := range []struct {
		rule  string
		level verbosity
		want  string
	}{
		{"-v is a line for a node", verbosity{verbose: true}, line},
		{"-vv is what the verdict rests on, too", verbosity{trace: true}, line +
			under + "kubelet: v1.31.4, kubeadm, process 7\n" +
			under + "serverTLSBootstrap: false, default (v1.31)\n" +
			under + "tlsCertFile: not known, refused\n" +
			under + "certificate: self-signed, 10.0.0.1:10250\n" +
			under + "the letter of cis-1.5.1: pass\n"},
		{"without either nobody is told, where stderr is no terminal", verbosity{}, ""},
		{"quiet says nothing", verbosity{quiet: true}, ""},
	} {
		var stderr bytes.Buffer
		p := terminal{stderr: &stderr, verbosity: &tt.level}.progress(1)
		p.Add(r)
		p.Done()
		if got := stderr.String(); got != tt.want {
			t.Errorf("%s:\n%s\nwant:\n%s", tt.rule, got, tt.want)
		}
	}
	var stderr bytes.Buffer
	terminal{stderr: &stderr, verbosity: new(verbosity)}.tell(scanner.Result{Node: r.Node, Status: scanner.Timeout, Error: "too slow"})
	if want := `kletscan: cp-1\x1B[2J: after 0s: timeout: too slow` + "\n"; stderr.String() != want {
		t.Errorf("a node that was not reached:\n%s\nwant:\n%s", stderr.String(), want)
	}
}

func TestQuiet(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		quiet bool
		want  string
	}{
		{"a warning is said", false, "kletscan: warning\n"},
		{"unless quiet was asked for", true, ""},
	} {
		var stderr bytes.Buffer
		terminal{stderr: &stderr, verbosity: &verbosity{quiet: tt.quiet}}.say("warning")
		if stderr.String() != tt.want {
			t.Errorf("%s: %q", tt.rule, stderr.String())
		}
	}
	for _, flag := range []string{"-v", "-vv", "--verbose", "--vv"} {
		code, _, stderr := kletscan(context.Background(), "scan", "-q", flag, "node")
		if code != exitUsage || !strings.Contains(stderr, "--quiet: expected neither") {
			t.Errorf("-q %s: exit status %d, %s", flag, code, stderr)
		}
	}
	if code, _, stderr := kletscan(context.Background(), "judge", "-q", "--root", "no such folder"); code != exitUsage || stderr == "" {
		t.Errorf("an error in spite of -q: exit status %d, %q", code, stderr)
	}
}
