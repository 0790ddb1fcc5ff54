package main

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/fixtures"
	"kletscan/inventory"
	"kletscan/report"
)

func nodesNamed(names ...string) (nodes []inventory.Node) {
	for _, name := range names {
		nodes = append(nodes, inventory.Node{Name: name, Host: name})
	}
	return nodes
}

// Every node is in one shard, which only its name and N decide.
func TestShard(t *testing.T) {
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("worker-%03d", i))
	}
	for _, n := range []int{1, 2, 3, 7, 500} {
		var all []string
		for k := 1; k <= n; k++ {
			part := shard{k, n}.of(nodesNamed(names...))
			for _, node := range part {
				all = append(all, node.Name)
				if alone := (shard{k, n}).of(nodesNamed("other", node.Name)); alone[len(alone)-1].Name != node.Name {
					t.Errorf("without the others %s is not in shard %d/%d", node.Name, k, n)
				}
				digest := sha256.Sum256([]byte(node.Name)) // as documented, by other means
				if rest := new(big.Int).Mod(new(big.Int).SetBytes(digest[:8]), big.NewInt(int64(n))); rest.Int64() != int64(k-1) {
					t.Errorf("%s is in shard %d/%d, and not in %d", node.Name, k, n, rest.Int64()+1)
				}
			}
		}
		slices.Sort(all)
		if diff := cmp.Diff(names, all); diff != "" {
			t.Errorf("%d shards (-all +together):\n%s", n, diff)
		}
	}
	if got := (shard{}).of(nodesNamed("a", "b")); len(got) != 2 {
		t.Errorf("without --shard there are %d nodes of 2", len(got))
	}
}

// times are what no two scans have in common.
var times = []struct {
	is   *regexp.Regexp
	same string
}{
	{regexp.MustCompile(`"run_id":"[^"]*"`), `"run_id":"RUN"`},
	{regexp.MustCompile(`"(scan_started|scan_finished|visit_started)":"[^"]*"`), `"$1":"2026-11-23T11:17:00Z"`},
	{regexp.MustCompile(`"visit_seconds":[0-9.]+`), `"visit_seconds":1.5`},
	{regexp.MustCompile(`"stages":\{[^}]*\}`), `"stages":{"probe_us":7}`},
	{regexp.MustCompile(`"arguments":\[[^\]]*\]`), `"arguments":["scan","-i","inventory"]`},
}

// Three shards and a report of their files are one scan and a report of its file,
// to the byte in every format, but for the time that they took.
func TestShardsGiveTheReportOfOneScan(t *testing.T) {
	nodes, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	nodes = slices.DeleteFunc(nodes, func(n fixtures.Node) bool { return n.Fault != "" || n.Want.Status != "ok" })[:24]
	fleet, err := fixtures.Start(t.Context(), nodes, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	dir := t.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	scan := func(name string, args ...string) string {
		file := filepath.Join(dir, name)
		args = append([]string{
			"scan", "-F", filepath.Join(dir, "ssh_config"), "-i", filepath.Join(dir, "inventory"),
			"-f", "4", "--command-timeout", "2m", "--connect-timeout", "2m", "--results", file,
		}, args...)
		if code, _, stderr := kletscan(t.Context(), args...); code == exitInternal || code == exitUsage {
			t.Fatalf("exit status %d, %s", code, stderr)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range times {
			text = part.is.ReplaceAll(text, []byte(part.same))
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	one := scan("one.jsonl")
	shards := []string{scan("c.jsonl", "--shard", "3/3"), scan("a.jsonl", "--shard", "1/3"), scan("b.jsonl", "--shard", "2/3")}
	for _, f := range report.Formats {
		code, want, _ := kletscan(t.Context(), "report", "-o", f.Name, one)
		again, got, stderr := kletscan(t.Context(), append([]string{"report", "-o", f.Name}, shards...)...)
		if diff := cmp.Diff(want, got); diff != "" || code != again || stderr != "" {
			t.Errorf("%s: exit status %d and %d, %s (-one scan +three shards):\n%.3000s", f.Name, code, again, stderr, diff)
		}
	}
	code, _, stderr := kletscan(t.Context(), "report", shards[0], shards[1])
	if want := "kletscan: of 3 shards of an inventory these are missing: 2: an incomplete report\n"; stderr != want || code != exitFailed {
		t.Errorf("without the second shard: exit status %d, %q, want %q", code, stderr, want)
	}
}
