package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// saved is a run that began some hours after the first, with these nodes.
func savedRun(hours int, rotation kubelet.Rotation, names ...string) Run {
	var results []scanner.Result
	for _, name := range names {
		results = append(results, node(name, "", scanner.Verdict{Rotation: rotation}))
	}
	run := testRun(results...)
	run.ID = fmt.Sprintf("RUN%d", hours)
	run.Started, run.Finished = began.Add(time.Duration(hours)*time.Hour), began.Add(time.Duration(hours)*time.Hour+time.Minute)
	return run
}

func TestMerge(t *testing.T) {
	on, off := kubelet.On, kubelet.Off
	for _, tt := range []struct {
		rule   string
		runs   []Run
		newest bool
		want   string // nodes and answers, or the error
	}{
		{"one run is itself", []Run{savedRun(0, on, "a", "b")}, false, "a=on b=on"},
		{"fleets of their own, in the order of the files", []Run{savedRun(1, on, "b", "a"), savedRun(0, off, "c")}, false, "b=on a=on c=off"},
		{
			"a common node is an error",
			[]Run{savedRun(0, on, "a", "b"), savedRun(1, off, "b", "c")},
			false,
			"node b is in f0 and in f1: expected fleets without a common node, or --overlap newest",
		},
		{"the newest answer stays", []Run{savedRun(0, on, "a", "b"), savedRun(1, off, "b", "c")}, true, "a=on b=off c=off"},
		{"whatever the order of the files", []Run{savedRun(1, off, "b", "c"), savedRun(0, on, "a", "b")}, true, "b=off c=off a=on"},
		{"of two that began together, that of the last file", []Run{savedRun(0, on, "a"), savedRun(0, off, "a")}, true, "a=off"},
		{"the newest of three", []Run{savedRun(1, on, "a"), savedRun(2, off, "a"), savedRun(0, on, "a")}, true, "a=off"},
		{"a node that is twice in one file", []Run{savedRun(0, on, "a", "a")}, false, "f0: node a is there twice: expected every node once"},
		{"and beside another file", []Run{savedRun(0, on, "b"), savedRun(0, on, "a", "a")}, true, "f1: node a is there twice: expected every node once"},
	} {
		files := []string{"f0", "f1", "f2"}[:len(tt.runs)]
		run, err := Merge(files, tt.runs, tt.newest, new(Spool))
		got := fmt.Sprint(err)
		if err == nil {
			var words []string
			results, err := run.Results.Collect()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				words = append(words, r.Node.Name+"="+r.Verdict.Rotation.String())
			}
			got = strings.Join(words, " ")
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.rule, got, tt.want)
		}
	}
}

func TestMergedRunSaysWhatItIsOf(t *testing.T) {
	a, b := savedRun(3, kubelet.On, "a"), savedRun(1, kubelet.On, "b")
	b.Operator, b.Incomplete = "", true
	run, err := Merge([]string{"f0", "f1"}, []Run{a, b}, false, new(Spool))
	if err != nil {
		t.Fatal(err)
	}
	want := a
	want.ID, want.Started, want.Incomplete = "RUN1; RUN3", b.Started, true
	want.Results, run.Results = nil, nil
	if diff := cmp.Diff(want, run); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The waivers of one fleet must not hold for another.
func TestMergeRefusesDifferentWaivers(t *testing.T) {
	a, b := savedRun(0, kubelet.Off, "a"), savedRun(0, kubelet.Off, "b")
	a.Waivers = anyWaivers()
	if _, err := Merge([]string{"f0", "f1"}, []Run{a, b}, false, new(Spool)); err == nil || !strings.Contains(err.Error(), "f0 and f1 were written with different waivers") {
		t.Errorf("error %v", err)
	}
	b.Waivers = anyWaivers()
	if run, err := Merge([]string{"f0", "f1"}, []Run{a, b}, false, new(Spool)); err != nil || len(run.Waivers) != len(a.Waivers) {
		t.Errorf("the same waivers: %d, error %v", len(run.Waivers), err)
	}
}

func TestMergeNamesTenOverlaps(t *testing.T) {
	var names []string
	for i := range 25 {
		names = append(names, fmt.Sprint("n", i))
	}
	_, err := Merge([]string{"f0", "f1"}, []Run{savedRun(0, kubelet.On, names...), savedRun(0, kubelet.On, names...)}, false, new(Spool))
	if err == nil || strings.Count(err.Error(), "\n") != 10 || !strings.HasSuffix(err.Error(), "\nand 15 more nodes") {
		t.Errorf("error %v", err)
	}
}

// What cannot be read to its end is never merged.
func TestMergeStopsAtAnError(t *testing.T) {
	broken := savedRun(0, kubelet.On)
	broken.Results = func(yield func(scanner.Result, error) bool) { yield(scanner.Result{}, errFull) }
	for _, runs := range [][]Run{{broken}, {savedRun(0, kubelet.On, "a"), broken}} {
		if _, err := Merge([]string{"f0", "f1"}[:len(runs)], runs, true, new(Spool)); !errors.Is(err, errFull) {
			t.Errorf("error %v", err)
		}
	}
}
