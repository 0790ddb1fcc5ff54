package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

const goodWaivers = `# accepted by the change board
- id: SEC-1042
  nodes: [edge-*, "worker[01-40]"]
  labels: {group: workers}
  rotation: off
  reason: the CSR approver comes with release 12
  owner: platform@example.org
  expires: 2027-01-31
- nodes: cp-1
  condition: overdue
  reason: "being looked at: ticket 7"
  owner: Ada
  expires: 2026-12-01
`

func TestReadWaivers(t *testing.T) {
	got, err := ReadWaivers("w.yaml", strings.NewReader(goodWaivers), began)
	if err != nil {
		t.Fatal(err)
	}
	want := Waivers{
		{
			ID: "SEC-1042", Nodes: "edge-*,worker[01-40]", Labels: map[string]string{"group": "workers"}, Rotation: "off",
			Reason: "the CSR approver comes with release 12", Owner: "platform@example.org", Expires: day("2027-01-31"), Source: "w.yaml:2",
		},
		{Nodes: "cp-1", Condition: "overdue", Reason: "being looked at: ticket 7", Owner: "Ada", Expires: day("2026-12-01"), Source: "w.yaml:9"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, nothing := range []string{"", "# nothing yet\n", "[]", "---\n"} {
		if got, err := ReadWaivers("w.yaml", strings.NewReader(nothing), began); got == nil || len(got) > 0 || err != nil {
			t.Errorf("%q: got %v, %v", nothing, got, err)
		}
	}
}

func TestReadWaiversMistakes(t *testing.T) {
	const rest = "  reason: r\n  owner: o\n  expires: 2027-01-31\n"
	for _, tt := range []struct{ name, in, want string }{
		{"no YAML", "- [", "w.yaml: yaml: line 1: did not find expected node content: expected a YAML list of waivers"},
		{"no list", "nodes: a\n", `w.yaml:1:1: expected a list of waivers, each beginning with "- "`},
		{"no waiver", "- a\n", "w.yaml:1:3: expected a waiver: id, nodes, labels, rotation, condition, reason, owner, expires"},
		{"two documents", "- nodes: a\n  rotation: off\n" + rest + "---\n- a\n", "w.yaml:6:1: expected one YAML document and nothing behind it"},
		{
			"a key that nobody knows names the one that was meant", "- nodes: a\n  rotation: off\n  expiry: 2027-01-31\n" + rest,
			`w.yaml:3:3: key "expiry": expected one of id, nodes, labels, rotation, condition, reason, owner, expires; did you mean expires?`,
		},
		{"a status cannot be waived", "- nodes: a\n  status: unreachable\n  rotation: off\n" + rest, `w.yaml:2:3: key "status": expected one of id, nodes, labels, rotation, condition, reason, owner, expires`},
		{"unknown cannot be waived", "- nodes: a\n  rotation: unknown\n" + rest, "w.yaml:2:13: rotation unknown: nobody can accept a risk that nobody has seen; settle it, kletscan explain says how"},
		{"nor can on", "- nodes: a\n  rotation: on\n" + rest, `w.yaml:2:13: rotation "on": expected one of off, invalid, external`},
		{"a condition that there is not", "- nodes: a\n  condition: overdu\n" + rest, `w.yaml:2:14: condition "overdu": expected one of not-issued, masked, no-api-client, restart-pending, expired, expiring, overdue, no-listener, gate-named, kubelet-down, no-server; did you mean overdue?`},
		{"what is waived", "- nodes: a\n" + rest, "w.yaml:1:3: expected what is waived, either rotation or condition"},
		{"not both", "- nodes: a\n  rotation: off\n  condition: overdue\n" + rest, "w.yaml:1:3: expected what is waived, either rotation or condition"},
		{"not everything by an oversight", "- rotation: off\n" + rest, `w.yaml:1:3: expected nodes or labels that name the nodes; nodes: "*" is all of them`},
		{"the reason", "- nodes: a\n  rotation: off\n  owner: o\n  expires: 2027-01-31\n", "w.yaml:1:3: no reason: expected why, by whom and until when (reason, owner, expires)"},
		{"the owner", "- nodes: a\n  rotation: off\n  reason: r\n  expires: 2027-01-31\n", "w.yaml:1:3: no owner: expected why, by whom and until when (reason, owner, expires)"},
		{"the day", "- nodes: a\n  rotation: off\n  reason: r\n  owner: o\n", "w.yaml:1:3: no expires: expected why, by whom and until when (reason, owner, expires)"},
		{"a reason that says nothing", "- nodes: a\n  rotation: off\n  reason: \" \"\n  owner: o\n  expires: 2027-01-31\n", "w.yaml:3:11: reason: expected a text"},
		{"a day, not a moment", "- nodes: a\n  rotation: off\n  reason: r\n  owner: o\n  expires: 2027-01-31T00:00:00Z\n", `w.yaml:5:12: expires "2027-01-31T00:00:00Z": expected a date such as 2027-01-31, the last day on which the waiver holds, in UTC`},
		{"a day that is none", "- nodes: a\n  rotation: off\n  reason: r\n  owner: o\n  expires: 2027-02-30\n", `w.yaml:5:12: expires "2027-02-30": expected a date such as 2027-01-31, the last day on which the waiver holds, in UTC`},
		{"not for ever", "- nodes: a\n  rotation: off\n  reason: r\n  owner: o\n  expires: 2099-01-01\n", "w.yaml:5:12: expires 2099-01-01: expected a day at most 2 years ahead, when somebody looks at it again"},
		{"a key once", "- nodes: a\n  nodes: b\n  rotation: off\n" + rest, `w.yaml:2:3: key "nodes": expected once in a waiver`},
		{"an id once", "- id: x\n  nodes: a\n  rotation: off\n" + rest + "- id: x\n  nodes: a\n  rotation: off\n" + rest, `w.yaml:7:7: id "x": line 1 has it, too; expected each once`},
		{"an alias stands for nothing", "- nodes: &a a\n  rotation: off\n  id: *a\n" + rest, "w.yaml:3:7: id: expected a text"},
		{"names that are none", "- nodes: []\n  rotation: off\n" + rest, "w.yaml:1:10: nodes: expected a text"},
		{"labels that are none", "- labels: edge\n  rotation: off\n" + rest, "w.yaml:1:11: labels: expected keys and values, as in {group: edge}"},
		{"a range that is not closed", "- nodes: \"w[1-2\"\n  rotation: off\n" + rest, `w.yaml:1:10: nodes "w[1-2": expected a ] for each [, as in worker[01-40]`},
		{"a range that could begin anywhere", "- nodes: \"w*[1-2]\"\n  rotation: off\n" + rest, `w.yaml:1:10: nodes "w*[1-2]": expected no digit, *, ? or range right beside a range`},
		{"all mistakes at once", "- nodes: a\n  rotation: of\n" + rest + "- b\n", "w.yaml:2:13: rotation \"of\": expected one of off, invalid, external; did you mean off?\n" +
			"w.yaml:6:3: expected a waiver: id, nodes, labels, rotation, condition, reason, owner, expires"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadWaivers("w.yaml", strings.NewReader(tt.in), began)
			if err == nil || got != nil {
				t.Fatalf("got %v, %v, want an error and no waiver", got, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMatchPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true},
		{"a", "A", false},
		{"a", "ab", false},
		{"", "", true},
		{"*", "", true},
		{"*", "anything", true},
		{"edge-*", "edge-", true},
		{"edge-*", "edge", false},
		{"*.example.org", "a.b.example.org", true},
		{"*a*b", "xaxbxab", true},
		{"*a*b", "xaxbx", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"w[1-40]", "w7", true},
		{"w[1-40]", "w40", true},
		{"w[1-40]", "w41", false},
		{"w[1-40]", "w07", false}, // not padded there
		{"w[01-40]", "w07", true},
		{"w[01-40]", "w7", false},
		{"w[01-40]", "w007", false},
		{"w[9-11]", "w10", true},
		{"w[1-2,7].b", "w7.b", true},
		{"w[1-2,7].b", "w3.b", false},
		{"w[1-2,7].b", "w77.b", false},
		{"*-w[1-2].b", "eu-w1-w2.b", true},
		{"w[1-2]", "w", false},
		{"w[1-2]", "w99999999999999999999", false},
		{"[2001:db8::7]:22", "[2001:db8::7]:22", true},
		{"[ab]", "a", false}, // no set of characters
		{"[]", "[]", true},
		{"w[2-1]", "w1", false},
	} {
		if got := matchPattern(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q and %q: %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
}

func TestWaiverHolds(t *testing.T) {
	off := node("worker07", "workers", scanner.Verdict{Rotation: kubelet.Off, Conditions: []scanner.Condition{scanner.Expired}})
	unreached := missed("worker08", "workers", scanner.Unreachable, "no route")
	unreached.Verdict.Rotation = kubelet.Off // by mistake
	waiver := func(change func(*Waiver)) Waivers {
		w := Waiver{Nodes: "worker[01-40]", Rotation: "off", Reason: "r", Owner: "o", Expires: day("2026-11-23")}
		change(&w)
		return Waivers{w}
	}
	none := func(*Waiver) {}
	for _, tt := range []struct {
		name    string
		waivers Waivers
		r       scanner.Result
		now     time.Time
		want    bool
	}{
		{"the node, the rotation, the day", waiver(none), off, began, true},
		{"the last second of its last day", waiver(none), off, day("2026-11-24").Add(-time.Second), true},
		{"the first second after it", waiver(none), off, day("2026-11-24"), false},
		{"without a clock none has expired", waiver(none), off, time.Time{}, true},
		{"another node", waiver(func(w *Waiver) { w.Nodes = "cp-*" }), off, began, false},
		{"one of several patterns", waiver(func(w *Waiver) { w.Nodes = "cp-*,worker[1-2],worker[05-09]" }), off, began, true},
		{"another rotation", waiver(func(w *Waiver) { w.Rotation = "invalid" }), off, began, false},
		{"a node that was not assessed is never waived", waiver(none), unreached, began, false},
		{"labels", waiver(func(w *Waiver) { w.Labels = map[string]string{"group": "work*"} }), off, began, true},
		{"all labels", waiver(func(w *Waiver) { w.Labels = map[string]string{"group": "workers", "zone": "*"} }), off, began, false},
		{"labels alone", waiver(func(w *Waiver) { w.Nodes, w.Labels = "", map[string]string{"group": "workers"} }), off, began, true},
		{"a condition is not the rotation", waiver(func(w *Waiver) { w.Rotation, w.Condition = "", "expired" }), off, began, false},
		{"a waiver of nothing", waiver(func(w *Waiver) { w.Rotation = "" }), off, began, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.waivers.For(tt.r, tt.now); (got != nil) != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	condition := waiver(func(w *Waiver) { w.Rotation, w.Condition = "", "expired" })
	for c, want := range map[scanner.Condition]bool{scanner.Expired: true, scanner.Overdue: false} {
		if got := condition.ForCondition(off, c, began); (got != nil) != want {
			t.Errorf("%s: got %v, want %v", c, got, want)
		}
	}
	if got := condition.ForCondition(off, scanner.Expired, day("2027-01-01")); got != nil {
		t.Errorf("after its end the waiver of a condition holds: %v", got)
	}
	both := append(waiver(func(w *Waiver) { w.Reason = "first" }), waiver(none)...)
	if got := both.For(off, began); got.Reason != "first" {
		t.Errorf("got %q, want the first of the file", got.Reason)
	}
}

func TestWaiverWarnings(t *testing.T) {
	list := Waivers{
		{Nodes: "worker-1", Rotation: "off", Expires: day("2026-12-31"), Source: "w:1"},
		{Nodes: "*", Rotation: "off", Reason: "r", Owner: "o", Expires: day("2026-11-01"), Source: "w:2"},
		{Nodes: "gone", Rotation: "off", Expires: day("2026-12-31"), Source: "w:3"},
		{Nodes: "cp-1*", Rotation: "off", Expires: day("2026-12-31"), Source: "w:4"},
		{Nodes: "worker-4", Rotation: "off", Expires: day("2026-12-31"), Source: "w:5"},
	}
	got, err := list.Warnings(Of(fleet()), began)
	want := []string{
		"w:2: the waiver of off expired on 2026-11-01 and is void, 1 node would have had it: r (o)",
		"w:3: the waiver of off waives nothing: no node of this run has such a name and such labels",
		"w:4: the waiver of off waives nothing: of the 1 node that it names none was seen to be so",
		"w:5: the waiver of off waives nothing: of the 1 node that it names none was seen to be so",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A waiver sets apart and never hides: nothing but the waived nodes changes
// place in the counts, and whatever else is there stays.
func TestWaivedNodesAreCountedApart(t *testing.T) {
	run := testRun(fleet()...)
	before, err := Summarize(run, Options{Now: began})
	if err != nil {
		t.Fatal(err)
	}
	run.Waivers = Waivers{{Nodes: "*", Rotation: "off", Expires: day("2026-12-31")}}
	after, err := Summarize(run, Options{Now: began})
	if err != nil {
		t.Fatal(err)
	}
	if after.Waived != before.Rotation[kubelet.Off] || after.Waived == 0 || after.Total != before.Total ||
		after.Assessed()+after.Waived != before.Assessed() || after.NotAssessed() != before.NotAssessed() {
		t.Errorf("%s\nwith all waived that is off: %s", before.Line(), after.Line())
	}
}

// The table says who accepted what, on which nodes, and what is void.
func TestWaiverLines(t *testing.T) {
	run := testRun(append(homogeneous(), node("odd-1", "", scanner.Verdict{Conditions: []scanner.Condition{scanner.Masked}}))...)
	run.Waivers = Waivers{
		{Nodes: "worker*", Rotation: "off", Reason: "test bed", Owner: "Ada", Expires: day("2026-12-31"), Source: "w:1"},
		{Nodes: "worker17", Rotation: "off", Reason: "never", Owner: "Eve", Expires: day("2026-12-31"), Source: "w:2"},
		{Nodes: "worker17", Rotation: "off", Reason: "late", Owner: "Eve", Expires: day("2026-01-31"), Source: "w:3"},
		{Nodes: "*", Condition: "masked", Reason: "known", Owner: "Ada", Expires: day("2026-12-31"), Source: "w:4"},
	}
	want := []string{
		"w:1: waived: test bed (Ada, until 2026-12-31): worker17",
		"w:3: expired, and void: waived: late (Eve, until 2026-01-31)",
		"w:4: masked waived: known (Ada, until 2026-12-31): odd-1",
	}
	uses := waiverUses{run: &run, now: began}
	for r := range run.Results {
		uses.add(&r)
	}
	if diff := cmp.Diff(want, uses.lines()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, format := range []string{"table", "folded"} {
		if out := render(t, format, run, Options{Now: began}); !strings.Contains(out, strings.Join(want, "\n")+"\n") {
			t.Errorf("%s does not say so:\n%s", format, out)
		}
	}
}

func FuzzReadWaivers(f *testing.F) {
	f.Add([]byte(goodWaivers))
	f.Add([]byte("- nodes: [a, *b]\n  <<: {}\n"))
	f.Add([]byte("- {nodes: 'w[1-9]', ? [x] : y}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		list, err := ReadWaivers("w.yaml", strings.NewReader(string(content)), began)
		if err != nil && list != nil {
			t.Error("waivers of a file with a mistake")
		}
		for _, w := range list {
			if w.Reason == "" || w.Owner == "" || w.Expires.IsZero() || (w.Rotation == "") == (w.Condition == "") || w.Nodes == "" && len(w.Labels) == 0 {
				t.Errorf("%+v: want reason, owner, day, what and where", w)
			}
			list.For(node(string(content), "workers", scanner.Verdict{Rotation: kubelet.Off}), began)
		}
	})
}
