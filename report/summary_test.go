package report

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

func summarize(t *testing.T, results ...scanner.Result) Summary {
	t.Helper()
	s, err := Summarize(testRun(results...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSummaryLine(t *testing.T) {
	var results []scanner.Result
	for rotation, n := range map[kubelet.Rotation]int{kubelet.On: 8, kubelet.Off: 6, kubelet.External: 3, kubelet.Invalid: 1, kubelet.Unknown: 2} {
		for range n {
			results = append(results, node("a", "", scanner.Verdict{Rotation: rotation}))
		}
	}
	for _, s := range []scanner.Status{scanner.Timeout, scanner.Unreachable, scanner.HostKeyMismatch, scanner.AuthFailed} {
		results = append(results, missed("a", "", s, "why"))
	}
	for _, tt := range []struct {
		results []scanner.Result
		want    string
	}{
		{results, "24 nodes: 20 assessed (8 on, 6 off, 3 external, 1 invalid, 2 unknown), " +
			"4 not assessed (1 unreachable, 1 timeout, 1 auth-failed, 1 host-key-mismatch)"},
		{results[:0], "0 nodes: 0 assessed, 0 not assessed"},
		{results[23:], "1 node: 0 assessed, 1 not assessed (1 auth-failed)"},
		{[]scanner.Result{{}}, "1 node: 0 assessed, 1 not assessed (1 not-assessed)"},
	} {
		if got := summarize(t, tt.results...).Line(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestGroupsAreInTheOrderOfTheInventory(t *testing.T) {
	var got []string
	for _, g := range summarize(t, fleet()...).Groups {
		got = append(got, fmt.Sprintf("%s %d", g.Name, g.Total))
	}
	if diff := cmp.Diff([]string{"control-plane 1", "workers 6", " 1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if groups := summarize(t, scanner.Result{}, scanner.Result{}).Groups; groups != nil {
		t.Errorf("groups %v of a fleet that has none", groups)
	}
}

// Every Status must be named in failures and every Rotation in rotations: a
// new one that is forgotten there would be counted as unknown.
func TestEveryWordIsCounted(t *testing.T) {
	named := regexp.MustCompile(`^[a-z-]+$`).MatchString
	for s := scanner.StatusUnknown; named(s.String()); s++ {
		if s != scanner.OK && summarize(t, scanner.Result{Status: s}).Status[s] != 1 {
			t.Errorf("status %v is not counted", s)
		}
	}
	for r := kubelet.Unknown; named(r.String()); r++ {
		if summarize(t, scanner.Result{Status: scanner.OK, Verdict: scanner.Verdict{Rotation: r}}).Rotation[r] != 1 {
			t.Errorf("rotation %v is not counted", r)
		}
	}
}

// Whatever the results are, even ones that no scan gives, the parts add up.
func TestPartsAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	numbers := regexp.MustCompile(`\d+`)
	for range 500 {
		results := make([]scanner.Result, rng.IntN(60))
		for i := range results {
			results[i].Status = scanner.Status(rng.IntN(20))
			if rng.IntN(2) == 0 {
				results[i].Status = scanner.OK
			}
			results[i].Verdict.Rotation = kubelet.Rotation(rng.IntN(8))
			if g := rng.IntN(4); g > 0 {
				results[i].Node = inventory.Node{Labels: map[string]string{"group": strconv.Itoa(g)}}
			}
		}
		s := summarize(t, results...)
		groups := 0
		for _, g := range s.Groups {
			groups += g.Total
			if g.Assessed()+g.NotAssessed() != g.Total {
				t.Fatalf("group %+v does not add up", g)
			}
		}
		if s.Total != len(results) || s.Assessed()+s.NotAssessed() != s.Total || s.Groups != nil && groups != s.Total {
			t.Fatalf("%d results: %+v does not add up", len(results), s)
		}
		total := 0
		for _, n := range numbers.FindAllString(s.Line(), -1) {
			k, _ := strconv.Atoi(n)
			total += k
		}
		if total != 3*len(results) { // the inventory, its two parts, and the parts of those
			t.Fatalf("%d results: the numbers of %q do not add up", len(results), s.Line())
		}
	}
}
