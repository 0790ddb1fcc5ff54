package main

import (
	"errors"
	"testing"
	"time"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

func TestExitCode(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	seen := func(name string, r kubelet.Rotation, conditions ...scanner.Condition) scanner.Result {
		return scanner.Result{Node: inventory.Node{Name: name}, Status: scanner.OK, Verdict: scanner.Verdict{Rotation: r, Conditions: conditions}}
	}
	unreached := scanner.Result{Node: inventory.Node{Name: "lost"}, Status: scanner.Unreachable}
	on, off, unknown := seen("on", kubelet.On), seen("off", kubelet.Off), seen("unknown", kubelet.Unknown)
	both := seen("off", kubelet.Off, scanner.Expired)
	rotation := report.Waiver{Nodes: "*", Rotation: "off", Expires: now}
	condition := report.Waiver{Nodes: "*", Condition: "expired", Expires: now}
	expired := report.Waiver{Nodes: "*", Rotation: "off", Expires: now.AddDate(0, 0, -1)}
	for _, tt := range []struct {
		name    string
		run     report.Run
		fail    failOn
		results []scanner.Result
		want    int
	}{
		{"all on", report.Run{}, failOn{"off"}, []scanner.Result{on}, exitOK},
		{"one off", report.Run{}, failOn{"off"}, []scanner.Result{on, off}, exitFailed},
		{"off wins over unreached", report.Run{}, failOn{"off"}, []scanner.Result{unreached, off}, exitFailed},
		{"unreached", report.Run{}, failOn{"off"}, []scanner.Result{on, unreached}, exitIncomplete},
		{"unknown", report.Run{}, failOn{"off"}, []scanner.Result{on, unknown}, exitIncomplete},
		{"nothing at all", report.Run{}, failOn{"off"}, nil, exitIncomplete},
		{"not written to its end", report.Run{Incomplete: true}, failOn{"off"}, []scanner.Result{on}, exitIncomplete},
		{"interrupted", report.Run{}, failOn{"off"}, []scanner.Result{off, {Status: scanner.Cancelled}}, exitInterrupted},
		{"waived", report.Run{Waivers: report.Waivers{rotation}}, failOn{"off"}, []scanner.Result{on, off}, exitOK},
		{"all of them waived", report.Run{Waivers: report.Waivers{rotation}}, failOn{"off"}, []scanner.Result{off}, exitOK},
		{"a waiver that has expired", report.Run{Waivers: report.Waivers{expired}}, failOn{"off"}, []scanner.Result{on, off}, exitFailed},
		{"waived, and incomplete all the same", report.Run{Waivers: report.Waivers{rotation}}, failOn{"off"}, []scanner.Result{off, unreached}, exitIncomplete},
		{"waived, and unknown all the same", report.Run{Waivers: report.Waivers{rotation}}, failOn{"off"}, []scanner.Result{off, unknown}, exitIncomplete},
		{"of rotation and condition only the one", report.Run{Waivers: report.Waivers{rotation}}, failOn{"off", "expired"}, []scanner.Result{both}, exitFailed},
		{"only the other", report.Run{Waivers: report.Waivers{condition}}, failOn{"off", "expired"}, []scanner.Result{both}, exitFailed},
		{"of both", report.Run{Waivers: report.Waivers{condition, rotation}}, failOn{"off", "expired"}, []scanner.Result{both}, exitOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.run.Results = report.Of(tt.results)
			if got, err := exitCode(tt.run, tt.fail, now); got != tt.want || err != nil {
				t.Errorf("%d, %v, want %d", got, err, tt.want)
			}
		})
	}
	broken := errors.New("the file ends in its midst")
	run := report.Run{Results: func(yield func(scanner.Result, error) bool) { yield(scanner.Result{}, broken) }}
	if got, err := exitCode(run, failOn{"off"}, now); got != exitInternal || !errors.Is(err, broken) {
		t.Errorf("%d, %v, want the error of the results", got, err)
	}
}
