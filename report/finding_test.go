package report

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// judgedRuns are runs for the formats that a public schema or another program
// judges.
func judgedRuns() map[string]Run {
	waived := testRun(fleet()...)
	waived.Waivers = Waivers{
		{Nodes: "worker-1", Rotation: "off", Reason: "replaced in `June` <b>", Owner: "ops", Expires: began.AddDate(0, 1, 0), Source: "w.yaml:1"},
		{Nodes: "cp-*", Condition: "gate-named", Reason: "upgrade planned", Owner: "ops", Expires: began.AddDate(0, 1, 0), Source: "w.yaml:9"},
	}
	incomplete := testRun(fleet()...)
	incomplete.Incomplete = true
	full := testRun(fleet()...)
	full.ID, full.Operator, full.InventoryDigest, full.RulesDigest = "01ab", "ann@bastion-1", "sha256:aa", "sha256:bb"
	return map[string]Run{
		"fleet":      full,
		"waived":     waived,
		"hostile":    testRun(hostileFleet()...),
		"empty":      testRun(),
		"no times":   {Results: Of(append(fleet(), scanner.Result{}))},
		"twice":      testRun(append(fleet(), fleet()...)...),
		"all on":     testRun(fleet()[0]),
		"incomplete": incomplete,
		"random":     anyRun(rand.New(rand.NewPCG(6, 1)), 200),
	}
}

// schemaFile is a file of the public schemas that lie beside the project.
func schemaFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "schemas", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: there is no %s", path)
	}
	return path
}

// program runs a program that a test needs, on its standard input. Where it is
// not installed the test is skipped, loudly, and fails in CI.
func program(t *testing.T, stdin, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI lacks %s", name)
		}
		t.Skipf("SKIPPED, NOT TESTED: this machine lacks %s", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// The totals of these formats are those of the summary, and a node is there
// once.
func TestTotalsForOtherTools(t *testing.T) {
	opts := Options{Now: began}
	for name, run := range judgedRuns() {
		t.Run(name, func(t *testing.T) {
			sum, err := Summarize(run, opts)
			if err != nil {
				t.Fatal(err)
			}
			noNode := sum.Status[scanner.NoKubelet] + sum.Status[scanner.NotLinux]
			failed := sum.Rotation[kubelet.Off] + sum.Rotation[kubelet.Invalid]
			open := sum.Rotation[kubelet.Unknown] + sum.NotAssessed() - noNode
			want := fmt.Sprintf("%d: %d passed, %d failed, %d open, %d aside", sum.Total, sum.Rotation[kubelet.On],
				failed, open, sum.Rotation[kubelet.External]+noNode+sum.Waived)
			for format, got := range map[string]string{
				"junit":      junitTotals(t, render(t, "junit", run, opts), run.Incomplete),
				"ocsf":       ocsfTotals(ocsfEvents(t, run, opts)),
				"oscal":      oscalTotals(readOSCAL(t, run)),
				"prometheus": prometheusTotals(t, render(t, "prometheus", run, opts), sum.Counts),
			} {
				if got != want {
					t.Errorf("%s has %s; want %s", format, got, want)
				}
			}
			wide := strings.Split(strings.TrimSuffix(render(t, "wide", run, opts), "\n"), "\n")
			rows := len(wide) - 4 // headings, rule, blank line, summary
			if sum.Total == 0 {
				rows = len(wide) - 1
			}
			if rows != sum.Total || wide[len(wide)-1] != sum.Line() {
				t.Errorf("wide has %d rows for %d nodes and ends %q, want %q", rows, sum.Total, wide[len(wide)-1], sum.Line())
			}
		})
	}
}

// outcomes counts nodes by what a format makes of them.
type outcomes struct{ total, passed, failed, open, aside int }

func (c outcomes) String() string {
	return fmt.Sprintf("%d: %d passed, %d failed, %d open, %d aside", c.total, c.passed, c.failed, c.open, c.aside)
}

func junitTotals(t *testing.T, out string, incomplete bool) string {
	var c outcomes
	for _, s := range junitSuites(t, out) {
		if s.Tests != len(s.Cases) {
			t.Errorf("suite %s says %d cases and has %d", s.Name, s.Tests, len(s.Cases))
		}
		c.total += s.Tests
		c.failed += s.Failures
		c.open += s.Errors
		c.aside += s.Skipped
	}
	if incomplete { // the case that stands for what is missing
		c.total--
		c.open--
	}
	c.passed = c.total - c.failed - c.open - c.aside
	return c.String()
}

func ocsfTotals(events []map[string]any) string {
	c := outcomes{total: len(events)}
	for _, e := range events {
		switch status := e["compliance"].(map[string]any)["status_id"]; {
		case status == 99.0 || e["status_id"] == 3.0:
			c.aside++
		case status == 1.0:
			c.passed++
		case status == 2.0:
			c.open++
		case status == 3.0:
			c.failed++
		}
	}
	return c.String()
}

func oscalTotals(doc oscalRead) string {
	r := doc.Results[0]
	c := outcomes{total: len(r.Definitions.Items)}
	waived := map[string]bool{}
	for _, risk := range r.Risks {
		waived[risk.Title] = true // as the observation of the node
	}
	for _, o := range r.Observations {
		result := o.Props[0].Value
		switch {
		case waived[o.Title] || result == "notapplicable":
			c.aside++
		case result == "pass":
			c.passed++
		case result == "fail":
			c.failed++
		default:
			c.open++
		}
	}
	return c.String()
}

// prometheusTotals counts the series of nodes, and compares them with those
// that count.
func prometheusTotals(t *testing.T, out string, counts Counts) string {
	var c outcomes
	listed, counted := map[string]int{}, map[string]int{}
	for _, s := range seriesOf(t, out) {
		state := regexp.MustCompile(`(?:^|,)state="([a-z-]+)"`).FindStringSubmatch(s.labels)
		switch s.name {
		case "kletscan_nodes":
			counted[state[1]] += int(s.value)
			continue
		case "kletscan_node_state":
		default:
			continue
		}
		c.total++
		word := state[1]
		if strings.HasSuffix(s.labels, `waived="true"`) {
			word = "waived"
		}
		listed[word]++
		switch word {
		case "on":
			c.passed++
		case "off", "invalid":
			c.failed++
		case "external", "waived", "no-kubelet", "not-linux":
			c.aside++
		default:
			c.open++
		}
	}
	for word, n := range counted {
		if listed[word] != n {
			t.Errorf("prometheus counts %d %s and lists %d of %d", n, word, listed[word], counts.Total)
		}
	}
	return c.String()
}

// No byte that a terminal obeys, and no character that changes what stands
// beside it, reaches any of these formats.
func TestNoActiveContent(t *testing.T) {
	for _, format := range []string{"wide", "junit", "oscal", "ocsf", "prometheus"} {
		for name, run := range judgedRuns() {
			run.Tool, run.Version, run.ID, run.Operator, run.Inventory = "\x1b[2J", "\x1b]0;v\a\xff", "\u202eid", "a\n@\x00h", "\u2066i"
			for i, line := range strings.Split(strings.TrimSuffix(render(t, format, run, Options{}), "\n"), "\n") {
				for _, r := range line {
					if r == utf8.RuneError || Clean(string(r)) != string(r) {
						t.Errorf("%s of %s, line %d has %U", format, name, i+1, r)
					}
				}
			}
		}
	}
}

func TestOutcome(t *testing.T) {
	of := func(s scanner.Status, r kubelet.Rotation) outcome {
		return outcomeOf(scanner.Result{Status: s, Verdict: scanner.Verdict{Rotation: r}})
	}
	for _, tt := range []struct {
		rule     string
		status   scanner.Status
		rotation kubelet.Rotation
		want     outcome
	}{
		{"on passes", scanner.OK, kubelet.On, outcomePass},
		{"off fails", scanner.OK, kubelet.Off, outcomeFail},
		{"invalid fails", scanner.OK, kubelet.Invalid, outcomeFail},
		{"external is not applicable", scanner.OK, kubelet.External, outcomeNotApplicable},
		{"unknown is open", scanner.OK, kubelet.Unknown, outcomeOpen},
		{"a rotation nobody knows is open", scanner.OK, 99, outcomeOpen},
		{"not reached is open, whatever the verdict says", scanner.Unreachable, kubelet.On, outcomeOpen},
		{"an interrupted visit is open", scanner.Cancelled, kubelet.On, outcomeOpen},
		{"a status nobody set is open", scanner.StatusUnknown, kubelet.On, outcomeOpen},
		{"a host without a kubelet is no node", scanner.NoKubelet, kubelet.Off, outcomeNotApplicable},
		{"a host that is not Linux is no node", scanner.NotLinux, kubelet.Off, outcomeNotApplicable},
	} {
		if got := of(tt.status, tt.rotation); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.rule, got, tt.want)
		}
	}
}

func TestUUID(t *testing.T) {
	version5 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	run := testRun()
	run.ID = "1"
	other := run
	other.ID = "2"
	seen := map[string]bool{}
	for _, id := range []string{run.uuid("node", "a"), run.uuid("node", "b"), run.uuid("nodea"), run.uuid("risk", "a"), other.uuid("node", "a")} {
		if !version5.MatchString(id) || seen[id] {
			t.Errorf("%s is no version 5 UUID, or that of something else", id)
		}
		seen[id] = true
	}
	// python3 -c 'import uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, "urn:kletscan:a\0b"))'
	if got, want := uuid("a", "b"), "61d45df7-a393-52ef-82c7-8561dcdb3efb"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestUnused(t *testing.T) {
	taken := map[string]bool{}
	for _, tt := range [][2]string{{"a", "a"}, {"a #2", "a #2"}, {"a", "a #3"}, {"a", "a #4"}, {"b", "b"}} {
		if got := unused(tt[0], taken); got != tt[1] {
			t.Errorf("unused(%q) = %q, want %q", tt[0], got, tt[1])
		}
	}
}

func TestGoldenForOtherTools(t *testing.T) {
	for _, tt := range []struct{ file, format, run string }{
		{"fleet.junit.xml", "junit", "fleet"},
		{"fleet.oscal.json", "oscal", "fleet"},
		{"fleet.ocsf.jsonl", "ocsf", "fleet"},
		{"fleet.prom", "prometheus", "fleet"},
		{"fleet.wide", "wide", "fleet"},
		{"waived.junit.xml", "junit", "waived"},
		{"waived.oscal.json", "oscal", "waived"},
		{"waived.wide", "wide", "waived"},
		{"hostile.prom", "prometheus", "hostile"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			got := render(t, tt.format, judgedRuns()[tt.run], Options{Now: began})
			path := filepath.Join("testdata", tt.file)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got), -update rewrites:\n%s", path, diff)
			}
		})
	}
}
