package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// compare is Compare of two lists, the second of visits a day later.
func compare(t testing.TB, old, now []scanner.Result) *Comparison {
	t.Helper()
	now = slices.Clone(now)
	for i := range now {
		now[i].Started = now[i].Started.Add(24 * time.Hour)
	}
	c, err := Compare("old.json", testRun(old...), "new.json", testRun(now...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// told are changes in short: kind, effect, before and now.
func told(changes []Change) (list []string) {
	for _, c := range changes {
		list = append(list, fmt.Sprintf("%s %s: %q %q", c.Kind, c.Effect, c.Before, c.Now))
	}
	return list
}

// Every pair of answers, either way round.
func TestCompareRotation(t *testing.T) {
	is := func(r kubelet.Rotation) scanner.Result { return node("a", "", scanner.Verdict{Rotation: r}) }
	states := map[string]scanner.Result{
		"on": is(kubelet.On), "off": is(kubelet.Off), "external": is(kubelet.External), "invalid": is(kubelet.Invalid), "unknown": is(kubelet.Unknown),
		"unreachable": missed("a", "", scanner.Unreachable, ""), "denied": missed("a", "", scanner.Denied, ""),
	}
	want := map[string]string{
		"on off": "turned-off worse", "on invalid": "turned-off worse", "on external": "changed neutral",
		"on unknown": "lost-sight lost-sight-of", "on unreachable": "lost-sight lost-sight-of", "on denied": "lost-sight lost-sight-of",
		"off on": "turned-on better", "off invalid": "turned-off worse", "off external": "turned-on better",
		"off unknown": "lost-sight lost-sight-of", "off unreachable": "lost-sight lost-sight-of", "off denied": "lost-sight lost-sight-of",
		"external on": "changed neutral", "external off": "turned-off worse", "external invalid": "turned-off worse",
		"external unknown": "lost-sight lost-sight-of", "external unreachable": "lost-sight lost-sight-of", "external denied": "lost-sight lost-sight-of",
		"invalid on": "turned-on better", "invalid off": "changed neutral", "invalid external": "turned-on better",
		"invalid unknown": "lost-sight lost-sight-of", "invalid unreachable": "lost-sight lost-sight-of", "invalid denied": "lost-sight lost-sight-of",
		"unknown on": "seen-again better", "unknown off": "found-off worse", "unknown invalid": "found-off worse", "unknown external": "seen-again better",
		"unknown unreachable": "changed neutral", "unknown denied": "changed neutral",
		"unreachable on": "seen-again better", "unreachable off": "found-off worse", "unreachable invalid": "found-off worse", "unreachable external": "seen-again better",
		"unreachable unknown": "changed neutral", "unreachable denied": "changed neutral",
		"denied on": "seen-again better", "denied off": "found-off worse", "denied invalid": "found-off worse", "denied external": "seen-again better",
		"denied unknown": "changed neutral", "denied unreachable": "changed neutral",
	}
	for before, old := range states {
		for after, now := range states {
			got := told(compare(t, []scanner.Result{old}, []scanner.Result{now}).Changes)
			var expected []string
			if before != after {
				expected = []string{fmt.Sprintf("%s: %q %q", want[before+" "+after], before, after)}
			}
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Errorf("%s, then %s (-want +got):\n%s", before, after, diff)
			}
		}
	}
}

// served is a node whose certificate ends on a day.
func served(sha string, end string, conditions ...scanner.Condition) scanner.Result {
	return node("a", "", scanner.Verdict{
		Rotation: kubelet.On, Version: "v1.31.0", Conditions: conditions,
		Served: scanner.Served{Class: serving.Rotated, Address: "127.0.0.1:10250", SHA256: sha, NotAfter: day(end).Unix()},
	})
}

func TestCompareFacts(t *testing.T) {
	upgraded := served("1", "2027-01-01")
	upgraded.Verdict.Version = "v1.32.0"
	for _, tt := range []struct {
		name     string
		old, now scanner.Result
		want     []string
	}{
		{"nothing", served("1", "2027-01-01"), served("1", "2027-01-01"), nil},
		{"renewed", served("1", "2027-01-01"), served("2", "2028-01-01"), []string{`renewed neutral: "until 2027-01-01T00:00:00Z" "until 2028-01-01T00:00:00Z"`}},
		{"another that ends no later", served("1", "2027-01-01"), served("2", "2027-01-01"), []string{`replaced neutral: "until 2027-01-01T00:00:00Z" "until 2027-01-01T00:00:00Z"`}},
		{"overdue now", served("1", "2027-01-01"), served("1", "2027-01-01", scanner.Overdue), []string{`conditions-gained worse: "" "overdue"`}},
		{"overdue still", served("1", "2027-01-01", scanner.Overdue), served("1", "2027-01-01", scanner.Overdue), []string{`not-renewed neutral: "until 2027-01-01T00:00:00Z" "until 2027-01-01T00:00:00Z"`}},
		{"overdue, then expired", served("1", "2027-01-01", scanner.Overdue), served("1", "2027-01-01", scanner.Expired), []string{
			`conditions-gained worse: "" "expired"`, `not-renewed neutral: "until 2027-01-01T00:00:00Z" "until 2027-01-01T00:00:00Z"`, `conditions-lost better: "overdue" ""`,
		}},
		{"renewed at last", served("1", "2027-01-01", scanner.Overdue), served("2", "2028-01-01"), []string{
			`conditions-lost better: "overdue" ""`, `renewed neutral: "until 2027-01-01T00:00:00Z" "until 2028-01-01T00:00:00Z"`,
		}},
		{"expiring depends on --warn-expiry", served("1", "2027-01-01"), served("1", "2027-01-01", scanner.Expiring), nil},
		{"a condition that only tells more", served("1", "2027-01-01"), served("1", "2027-01-01", scanner.GateNamed), []string{`conditions-gained neutral: "" "gate-named"`}},
		{"several are told together", served("1", "2027-01-01"), served("1", "2027-01-01", scanner.GateNamed, scanner.Masked), []string{`conditions-gained worse: "" "masked, gate-named"`}},
		{"the version", served("1", "2027-01-01"), upgraded, []string{`version neutral: "v1.31.0" "v1.32.0"`}},
		{"a certificate that nobody looked at is not another", served("1", "2027-01-01"), served("", "2027-01-01"), nil},
		{"seen again with a problem", missed("a", "", scanner.Timeout, ""), served("1", "2027-01-01", scanner.Masked), []string{
			`conditions-gained worse: "" "masked"`, `seen-again better: "timeout" "on"`,
		}},
		{"lost sight of is not a problem less", served("1", "2027-01-01", scanner.Masked), missed("a", "", scanner.Timeout, ""), []string{`lost-sight lost-sight-of: "on" "timeout"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, told(compare(t, []scanner.Result{tt.old}, []scanner.Result{tt.now}).Changes)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompareAppearedAndDisappeared(t *testing.T) {
	for _, tt := range []struct {
		name string
		now  scanner.Result
		want string
	}{
		{"on", served("1", "2027-01-01"), `appeared neutral: "" "on"`},
		{"on with a problem", served("1", "2027-01-01", scanner.Expired), `appeared worse: "" "on (expired)"`},
		{"off", node("a", "", scanner.Verdict{Rotation: kubelet.Off}), `appeared worse: "" "off"`},
		{"unknown", node("a", "", scanner.Verdict{}), `appeared lost-sight-of: "" "unknown"`},
		{"not reached", missed("a", "", scanner.Unreachable, ""), `appeared lost-sight-of: "" "unreachable"`},
	} {
		c := compare(t, nil, []scanner.Result{tt.now})
		if got := told(c.Changes); len(got) != 1 || got[0] != tt.want || c.Appeared != 1 {
			t.Errorf("%s: got %q, want %s", tt.name, got, tt.want)
		}
		c = compare(t, []scanner.Result{tt.now}, nil)
		if got := c.Effect(); got != Neutral || c.Disappeared != 1 {
			t.Errorf("%s, and then gone: %v", tt.name, got)
		}
	}
}

func TestCompareEffect(t *testing.T) {
	on, off, lost := node("a", "", scanner.Verdict{Rotation: kubelet.On}), node("b", "", scanner.Verdict{Rotation: kubelet.Off}), missed("a", "", scanner.Timeout, "")
	was := node("b", "", scanner.Verdict{Rotation: kubelet.On})
	for _, tt := range []struct {
		name     string
		old, now []scanner.Result
		want     Effect
	}{
		{"nothing", []scanner.Result{on}, []scanner.Result{on}, Neutral},
		{"off as ever", []scanner.Result{off}, []scanner.Result{off}, Neutral},
		{"better is as good as nothing", []scanner.Result{off}, []scanner.Result{was}, Neutral},
		{"lost sight of", []scanner.Result{on}, []scanner.Result{lost}, LostSightOf},
		{"worse wins", []scanner.Result{on, was}, []scanner.Result{lost, off}, Worse},
	} {
		if got := compare(t, tt.old, tt.now).Effect(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	c := compare(t, []scanner.Result{on}, []scanner.Result{on})
	if c.New.Run.Incomplete = true; c.Effect() != LostSightOf {
		t.Error("a new run that was not written to its end passes")
	}
}

func TestCompareRefusesANodeTwice(t *testing.T) {
	a := node("a", "", scanner.Verdict{})
	for _, runs := range [][2][]scanner.Result{{{a, a}, {a}}, {{a}, {a, a}}, {nil, {a, a}}} {
		if c, err := Compare("old", testRun(runs[0]...), "new", testRun(runs[1]...)); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%v, %v: want an error", c, err)
		}
	}
	broken := testRun()
	broken.Results = func(yield func(scanner.Result, error) bool) { yield(scanner.Result{}, errFull) }
	for _, runs := range [][2]Run{{broken, testRun()}, {testRun(), broken}} {
		if _, err := Compare("old", runs[0], "new", runs[1]); err != errFull {
			t.Errorf("error %v, want the results' own", err)
		}
	}
}

// randomResults are some of the nodes n0 to n39, each with anything.
func randomResults(r *rand.Rand) (results []scanner.Result) {
	for _, i := range r.Perm(40)[:r.IntN(41)] {
		n := served([]string{"", "1", "2"}[r.IntN(3)], []string{"2027-01-01", "2028-01-01"}[r.IntN(2)])
		n.Node.Name = fmt.Sprintf("n%d", i)
		if r.IntN(4) == 0 {
			n.Status = scanner.Status(r.IntN(12))
		}
		n.Verdict.Rotation = kubelet.Rotation(r.IntN(5))
		n.Verdict.Version = []string{"", "v1.31.0", "v1.32.0"}[r.IntN(3)]
		for _, c := range scanner.Conditions {
			if r.IntN(6) == 0 {
				n.Verdict.Conditions = append(n.Verdict.Conditions, c)
			}
		}
		results = append(results, n)
	}
	return results
}

// The numbers add up to both runs, and every change is in every format.
func TestCompareReconciles(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		old, now := randomResults(r), randomResults(r)
		c := compare(t, old, now)
		if c.Old.Size != len(old) || c.New.Size != len(now) ||
			c.Worse+c.Lost+c.Changed+c.Unchanged != len(now) || len(now)-c.Appeared+c.Disappeared != len(old) {
			t.Fatalf("seed %d: %d and %d nodes, but %s", seed, len(old), len(now), c.Line())
		}
		changed := map[string]bool{}
		for _, change := range c.Changes {
			changed[change.Node] = true
		}
		if len(changed) != c.Worse+c.Lost+c.Changed+c.Disappeared {
			t.Fatalf("seed %d: changes of %d nodes, but %s", seed, len(changed), c.Line())
		}
		folded := 0
		for _, same := range c.folded() {
			folded += len(unfold(t, foldNames(same.names)))
		}
		var doc struct{ Changes []changeJSON }
		var out bytes.Buffer
		if err := c.Write(&out, "json", Options{}); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), &doc); err != nil || len(doc.Changes) != len(c.Changes) || folded != len(c.Changes) {
			t.Fatalf("seed %d: %d changes, %d folded, %d in JSON, %v", seed, len(c.Changes), folded, len(doc.Changes), err)
		}
	}
}

// A run has not changed from itself, and what got worse one way got better the
// other.
func TestCompareIsSymmetric(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		old, now := randomResults(r), randomResults(r)
		there, back := compare(t, old, now), compare(t, now, old)
		if there.Appeared != back.Disappeared || there.Disappeared != back.Appeared || there.Unchanged != back.Unchanged {
			t.Fatalf("seed %d: there %s, back %s", seed, there.Line(), back.Line())
		}
		itself, err := Compare("a", testRun(old...), "b", testRun(old...))
		if err != nil || len(itself.Changes) > 0 || itself.Unchanged != len(old) {
			t.Fatalf("seed %d: a run has changed from itself: %v %+v", seed, err, itself)
		}
	}
}

func TestEveryKindIsTold(t *testing.T) {
	seen := map[ChangeKind]bool{}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		for _, change := range compare(t, randomResults(r), randomResults(r)).Changes {
			seen[change.Kind] = true
			if !slices.Contains(changeKinds, change.Kind) {
				t.Fatalf("kind %q has no place in the order", change.Kind)
			}
		}
	}
	if len(seen) != len(changeKinds) {
		t.Errorf("%d kinds seen of %d: %v", len(seen), len(changeKinds), seen)
	}
}

// changedFleet is the homogeneous fleet, and what became of it.
func changedFleet() (old, now []scanner.Result) {
	old, now = homogeneous(), homogeneous()
	for i := range 10 {
		now[20+i].Verdict.Version = "v1.32.0"
	}
	now[2].Verdict.Rotation, now[2].Verdict.Why = kubelet.Off, "serverTLSBootstrap: false in "+configPath
	now[16].Verdict.Rotation, now[16].Verdict.Why = kubelet.On, "serverTLSBootstrap: true in "+configPath
	now[5] = missed("worker06", "workers", scanner.Timeout, "connect: no answer from 10.0.0.6:22 within 10s")
	now[6] = missed("worker07", "workers", scanner.Timeout, "connect: no answer from 10.0.0.7:22 within 10s")
	now[7].Verdict.Conditions = []scanner.Condition{scanner.Overdue}
	return old, append(now[:len(now)-1], node("new-1", "workers", scanner.Verdict{Rotation: kubelet.Off, Why: "it is off by default"}))
}

func TestCompareGolden(t *testing.T) {
	old, now := changedFleet()
	newer := testRun(now...)
	newer.Version, newer.Started = "v0.2.0", began.Add(24*time.Hour)
	changed, err := Compare("old.json", testRun(old...), "new.json", newer)
	if err != nil {
		t.Fatal(err)
	}
	wicked := compare(t, hostileFleet(), nil)
	for file, c := range map[string]*Comparison{"changed": changed, "hostile": wicked, "same": compare(t, old, old)} {
		for _, format := range ComparisonFormats {
			name := fmt.Sprintf("%s.diff.%s", file, format)
			t.Run(name, func(t *testing.T) {
				var out bytes.Buffer
				if err := c.Write(&out, format, Options{}); err != nil {
					t.Fatal(err)
				}
				sameAsGolden(t, name, out.String())
			})
		}
	}
}

// On a terminal no line is too long, and no reason is squeezed into a few
// columns: it moves below its row, as in the table of a scan.
func TestCompareFitsATerminal(t *testing.T) {
	old, now := changedFleet()
	for i := range now {
		now[i].Node.Name += ".rack-7.example.internal"
		if i < len(old) {
			old[i].Node.Name += ".rack-7.example.internal"
		}
	}
	for _, c := range []*Comparison{compare(t, old, now), compare(t, hostileFleet(), nil)} {
		for width := 60; width <= 200; width += 20 {
			var out bytes.Buffer
			if err := c.Write(&out, "table", Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				if n := measure(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("%d columns in a terminal of %d: %s", n, width, line)
				}
			}
			if width == 80 && c.Worse > 0 && !strings.Contains(out.String(), "\n  serverTLSBootstrap: false in "+configPath+"\n") {
				t.Errorf("a reason is not below its row:\n%s", out.String())
			}
		}
	}
}

func TestCompareNotes(t *testing.T) {
	c := compare(t, nil, nil)
	c.Old.Run.Started = c.New.Run.Started.Add(time.Hour)
	c.New.Run.RulesDigest, c.New.Run.Incomplete = "sha256:cc", true
	want := []string{
		"new.json was not written to its end: nodes are missing there",
		"old.json is of a later scan than new.json: are they the right way round?",
		"these results were judged by different rules: what only one of them knows may seem to have changed",
	}
	if diff := cmp.Diff(want, c.Notes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := c.Write(new(bytes.Buffer), "xml", Options{}); err == nil || err.Error() != `format "xml": expected one of table, json, markdown` {
		t.Errorf("error %v", err)
	}
}

// No format of a comparison has a raw control byte, or markup outside its own.
func TestCompareHoldsHostileText(t *testing.T) {
	var old, now []scanner.Result
	for i, s := range append(slices.Clone(hostile), "<script>alert(1)</script>", "`x` | y", strings.Repeat("z", 1<<20)) {
		a := filled(s, scanner.OK)
		a.Node.Name += fmt.Sprint(i)
		b := a
		b.Verdict.Rotation, b.Verdict.Version = kubelet.Off, s+"2"
		old, now = append(old, a), append(now, b)
	}
	for _, format := range ComparisonFormats {
		var out bytes.Buffer
		if err := compare(t, old, now).Write(&out, format, Options{}); err != nil {
			t.Fatal(err)
		}
		for i, c := range out.String() {
			if c < ' ' && c != '\n' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == '\u202e' || c == '\ufffd' {
				t.Fatalf("%s: %U in %q", format, c, out.String()[max(0, i-40):i+1])
			}
		}
	}
}

// BenchmarkCompare compares two runs of 100,000 nodes that are made as they
// are read, so that MiB is what the comparison itself holds at its end.
func BenchmarkCompare(b *testing.B) {
	const nodes = 100_000
	run := func(off int) Run {
		r := testRun()
		r.Results = func(yield func(scanner.Result, error) bool) {
			for i := range nodes {
				n := served(fmt.Sprint(i), "2027-01-01")
				n.Node.Name = fmt.Sprintf("worker-%06d.eu-west-1.compute.internal", i)
				if i%1000 == off {
					n.Verdict.Rotation = kubelet.Off
				}
				if !yield(n, nil) {
					return
				}
			}
		}
		return r
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		peak := uint64(0)
		now := run(1)
		each := now.Results
		now.Results = func(yield func(scanner.Result, error) bool) {
			for r, err := range each {
				if !yield(r, err) {
					return
				}
			}
			runtime.GC() // inside Compare: its index is still there
			runtime.ReadMemStats(&after)
			peak = after.HeapAlloc - before.HeapAlloc
		}
		c, err := Compare("old", run(0), "new", now)
		if err != nil || c.Worse != nodes/1000 {
			b.Fatal(c.Line(), err)
		}
		b.ReportMetric(float64(peak)/(1<<20), "MiB")
	}
	b.ReportMetric(float64(2*nodes)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
