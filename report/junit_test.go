package report

import (
	"encoding/xml"
	"fmt"
	"slices"
	"testing"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

type junitSuiteRead struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Cases    []struct {
		Name    string     `xml:"name,attr"`
		Skipped *junitNote `xml:"skipped"`
		Error   *junitNote `xml:"error"`
		Failure *junitNote `xml:"failure"`
	} `xml:"testcase"`
}

func junitSuites(t *testing.T, out string) []junitSuiteRead {
	t.Helper()
	var doc struct {
		Suites []junitSuiteRead `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	return doc.Suites
}

func TestJUnitIsValid(t *testing.T) {
	schema := schemaFile(t, "junit.xsd")
	for name, run := range judgedRuns() {
		t.Run(name, func(t *testing.T) {
			program(t, render(t, "junit", run, Options{}), "xmllint", "--noout", "--nonet", "--schema", schema, "-")
		})
	}
}

func TestJUnitSaysWhatANodeIs(t *testing.T) {
	waived := node("waived", "g", scanner.Verdict{Rotation: kubelet.Off, Why: "why"})
	run := testRun(
		node("on", "g", scanner.Verdict{Rotation: kubelet.On}), node("off", "g", scanner.Verdict{Rotation: kubelet.Off, Why: "why"}),
		node("invalid", "g", scanner.Verdict{Rotation: kubelet.Invalid}), node("unknown", "g", scanner.Verdict{}),
		node("external", "g", scanner.Verdict{Rotation: kubelet.External}), missed("unreachable", "g", scanner.Unreachable, "gone"),
		missed("no-kubelet", "g", scanner.NoKubelet, "none"), waived,
	)
	run.Waivers = Waivers{{Nodes: "waived", Rotation: "off", Reason: "reason", Owner: "ops", Expires: began.AddDate(1, 0, 0)}}
	suites := junitSuites(t, render(t, "junit", run, Options{Now: began}))
	if len(suites) != 1 {
		t.Fatalf("%d suites for one group", len(suites))
	}
	s := suites[0]
	var got []string
	for _, c := range s.Cases {
		what := "passed"
		switch {
		case c.Skipped != nil:
			what = "skipped, " + c.Skipped.Message
		case c.Error != nil:
			what = "error " + c.Error.Type + ", " + c.Error.Message
		case c.Failure != nil:
			what = "failure " + c.Failure.Type + ", " + c.Failure.Message
		}
		got = append(got, c.Name+": "+what)
	}
	want := []string{
		"on: passed", "off: failure off, off: why", "invalid: failure invalid, invalid", "unknown: error unknown, unknown",
		"external: skipped, external", "unreachable: error unreachable, unreachable: gone", "no-kubelet: skipped, no-kubelet: none",
		"waived: skipped, waived: reason (ops, until 2027-11-23): off: why",
	}
	if !slices.Equal(got, want) {
		t.Errorf("cases\n%q, want\n%q", got, want)
	}
	if counts := fmt.Sprint(s.Tests, s.Failures, s.Errors, s.Skipped); counts != "8 2 2 3" {
		t.Errorf("tests, failures, errors, skipped: %s", counts)
	}
}

// What is missing must not pass.
func TestJUnitOfAnIncompleteFileHasAnError(t *testing.T) {
	run := testRun(fleet()[0])
	run.Incomplete = true
	suites := junitSuites(t, render(t, "junit", run, Options{}))
	if last := suites[len(suites)-1]; len(suites) != 2 || last.Errors != 1 || last.Tests != 1 {
		t.Errorf("%+v", suites)
	}
}
