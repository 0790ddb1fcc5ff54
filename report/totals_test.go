package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Whatever the results, the table, CSV, JSON, JSON lines and the manifest count
// the same, and have every node once. The formats of other tools are held to it
// beside their own rules.
func TestTotalsReconcile(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for round := range 12 {
		run := anyRun(rng, rng.IntN(40))
		opts := Options{Now: run.Started}
		s, err := Summarize(run, opts)
		if err != nil {
			t.Fatal(err)
		}
		want := []int{s.Total, s.Assessed(), s.Waived, s.NotAssessed()}
		results, _ := run.Results.Collect()
		if s.Total != len(results) || s.Total != s.Assessed()+s.Waived+s.NotAssessed() {
			t.Fatalf("round %d: %v of %d results", round, want, len(results))
		}
		for name, got := range map[string][]int{
			"csv":   csvTotals(t, render(t, "csv", run, opts)),
			"json":  jsonTotals(t, render(t, "json", run, opts)),
			"jsonl": linesTotals(t, render(t, "jsonl", run, opts)),
		} {
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("round %d: %s has %v, want %v: all, assessed, waived, not assessed", round, name, got, want)
			}
		}
		if out := render(t, "table", run, opts); !strings.Contains(out, "\n"+s.Line()+"\n") && !strings.HasPrefix(out, s.Line()+"\n") {
			t.Errorf("round %d: the table does not say %s", round, s.Line())
		}
		if out := manifest(t, run, opts); !strings.Contains(out, "# inventory: "+s.equation()+"\n") {
			t.Errorf("round %d: the manifest does not say %s:\n%s", round, s.equation(), out)
		}
	}
}

// csvTotals counts the rows of each kind.
func csvTotals(t *testing.T, out string) []int {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var assessed, waived, not int
	nodes := map[string]bool{}
	for _, row := range rows[1:] {
		nodes[cellOf(t, rows[0], row, "node")] = true
		switch {
		case cellOf(t, rows[0], row, "waiver_owner") != "":
			waived++
		case cellOf(t, rows[0], row, "status") == "ok":
			assessed++
		default:
			not++
		}
	}
	return []int{len(nodes), assessed, waived, not}
}

type totalsOfJSON struct {
	Summary struct {
		Total       int `json:"total"`
		Assessed    int `json:"assessed"`
		Waived      int `json:"waived"`
		NotAssessed int `json:"not_assessed"`
	} `json:"summary"`
	Results []json.RawMessage `json:"results"`
}

func (d totalsOfJSON) list() []int {
	return []int{d.Summary.Total, d.Summary.Assessed, d.Summary.Waived, d.Summary.NotAssessed}
}

func jsonTotals(t *testing.T, out string) []int {
	t.Helper()
	var document totalsOfJSON
	if err := json.Unmarshal([]byte(out), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Results) != document.Summary.Total {
		t.Errorf("%d results of %d", len(document.Results), document.Summary.Total)
	}
	return document.list()
}

func linesTotals(t *testing.T, out string) []int {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	var tail totalsOfJSON
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &tail); err != nil {
		t.Fatal(err)
	}
	if len(lines)-2 != tail.Summary.Total {
		t.Errorf("%d lines of results, and the summary says %d", len(lines)-2, tail.Summary.Total)
	}
	return tail.list()
}
