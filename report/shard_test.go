package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
)

func TestParseShard(t *testing.T) {
	for _, tt := range []struct {
		rule, text string
		k, n       int // 0: a mistake
	}{
		{"the first of four", "1/4", 1, 4},
		{"the last of four", "4/4", 4, 4},
		{"all of it", "1/1", 1, 1},
		{"as many as nodes at the most", "1/1000000", 1, 1_000_000},
		{"parts are counted from 1", "0/4", 0, 0},
		{"and not beyond N", "5/4", 0, 0},
		{"no part", "4", 0, 0},
		{"no number", "a/b", 0, 0},
		{"nothing", "", 0, 0},
		{"half of it", "1/", 0, 0},
		{"three numbers", "1/2/3", 0, 0},
		{"negative", "-1/4", 0, 0},
		{"more parts than nodes can be", "1/1000001", 0, 0},
		{"beyond any number", "1/99999999999999999999", 0, 0},
	} {
		k, n, err := ParseShard(tt.text)
		if k != tt.k || n != tt.n || (err == nil) != (tt.n > 0) {
			t.Errorf("%s: %q is %d/%d, %v", tt.rule, tt.text, k, n, err)
		}
	}
}

// shardsOf cuts a run into parts, each with its nodes in the order in which their
// visits might have ended, and reads them as they are saved.
func shardsOf(t *testing.T, whole Run, n int, rng *rand.Rand) (runs []Run) {
	t.Helper()
	results, err := whole.Results.Collect()
	if err != nil {
		t.Fatal(err)
	}
	rng.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
	for k := range n {
		part := whole
		part.Shard = fmt.Sprintf("%d/%d", k+1, n)
		part.Arguments = slices.Concat(whole.Arguments, []string{"--shard", part.Shard, "--results=" + part.Shard})
		part.Results = Of(results[k*len(results)/n : (k+1)*len(results)/n])
		var out bytes.Buffer
		if err := writeJSONLines(&out, part, Options{}); err != nil {
			t.Fatal(err)
		}
		run, err := Read("saved", bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	return runs
}

// The shards of a scan, in whatever order they are given, give the report of a
// scan without shards, to the byte, in every format.
func TestMergedShardsAreTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 14))
	for round := range 6 {
		whole := anyRun(rng, 5+rng.IntN(20))
		results, err := whole.Results.Collect()
		if err != nil {
			t.Fatal(err)
		}
		for i := range results {
			results[i].Node.Index = i + 1
		}
		whole.Results, whole.Arguments, whole.Skipped = Of(results), []string{"scan", "-i", "nodes.txt", "-u", "me"}, 2
		opts := Options{Now: whole.Started}
		runs := shardsOf(t, whole, 3, rng)
		rng.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		merged, err := Merge([]string{"f0", "f1", "f2"}, runs, false, new(Spool))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range Formats {
			if diff := cmp.Diff(render(t, f.Name, whole, opts), render(t, f.Name, merged, opts)); diff != "" {
				t.Fatalf("round %d, %s (-one scan +three shards):\n%.3000s", round, f.Name, diff)
			}
		}
		if got, want := manifest(t, merged, opts), manifest(t, whole, opts); got != want {
			t.Errorf("round %d: the manifest is\n%s\nwant\n%s", round, got, want)
		}
	}
}

// A report of some of the shards never reads as one of all.
func TestMissingShards(t *testing.T) {
	part := func(shard, digest string) Run {
		run := testRun(node("n"+shard+digest, "", scanner.Verdict{}))
		run.Shard, run.InventoryDigest = shard, digest
		return run
	}
	for _, tt := range []struct {
		rule string
		runs []Run
		want string // of the lines, and behind them the shards that are named
	}{
		{"all of them", []Run{part("2/3", "a"), part("1/3", "a"), part("3/3", "a")}, ""},
		{"no shards", []Run{part("", "a"), part("", "b")}, ""},
		{"one is missing", []Run{part("1/3", "a"), part("3/3", "a")}, "of 3 shards of an inventory these are missing: 2 [1/3; 3/3]"},
		{"a report of one alone", []Run{part("1/9", "a")}, "of 9 shards of an inventory these are missing: 2-9 [1/9]"},
		{"of another inventory", []Run{part("1/2", "a"), part("2/2", "b")}, "of 2 shards of an inventory these are missing: 2; of 2 shards of an inventory these are missing: 1 [1/2; 2/2]"},
		{"of another cut", []Run{part("1/2", "a"), part("2/3", "a")}, "of 2 shards of an inventory these are missing: 2; of 3 shards of an inventory these are missing: 1,3 [1/2; 2/3]"},
		{"merged before", []Run{part("1/3; 2/3", "a"), part("3/3", "a")}, ""},
		{"beside a scan of all", []Run{part("1/3", "a"), part("", "a")}, ""},
		{"what is no shard", []Run{part("x", "a")}, `shard "x": expected K/N, part K of N, such as 1/4 for the first of four [x]`},
	} {
		merged, err := Merge(make([]string, len(tt.runs)), tt.runs, false, new(Spool))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(MissingShards(tt.runs), "; ")
		if got != "" {
			got += " [" + merged.Shard + "]"
		}
		if got != tt.want || merged.Incomplete != (tt.want != "") || tt.want == "" && merged.Shard != "" {
			t.Errorf("%s: %s, incomplete %v, shard %q; want %s", tt.rule, got, merged.Incomplete, merged.Shard, tt.want)
		}
	}
}

// Mistakes in an inventory count once, however many shards passed over them.
func TestMergedSkipped(t *testing.T) {
	var runs []Run
	for i, digest := range []string{"a", "a", "b", "", ""} {
		run := testRun(node(fmt.Sprint(i), "", scanner.Verdict{}))
		run.InventoryDigest, run.Skipped = digest, 2
		runs = append(runs, run)
	}
	merged, err := Merge(make([]string, len(runs)), runs, false, new(Spool))
	if err != nil || merged.Skipped != 8 {
		t.Errorf("%d were skipped, %v; want 8", merged.Skipped, err)
	}
}

func TestMergedArguments(t *testing.T) {
	for _, tt := range []struct{ rule, one, other, want string }{
		{"but for the shard and what is written", "scan -i n -u me --shard 1/2 -o json=1", "scan -i n --shard=2/2 -u me --results x", "scan -i n -u me"},
		{"other nodes", "scan -i n", "scan -i m", ""},
		{"no scans", "judge --root x", "judge --root x", ""},
		{"not known", "", "scan -i n", ""},
		{"no arguments but those", "scan --shard 1/2", "scan --shard 2/2", "scan"},
	} {
		runs := []Run{{Arguments: strings.Fields(tt.one)}, {Arguments: strings.Fields(tt.other)}}
		if got := strings.Join(sameArguments(runs), " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.rule, got, tt.want)
		}
	}
}
