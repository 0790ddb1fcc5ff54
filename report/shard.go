package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kletscan/inventory"
)

// ParseShard reads K/N: part K, from 1, of the N that an inventory is cut into.
// Its error says what is expected.
func ParseShard(text string) (k, n int, err error) {
	first, second, found := strings.Cut(text, "/")
	k, errK := strconv.Atoi(first)
	n, errN := strconv.Atoi(second)
	if !found || errK != nil || errN != nil || k < 1 || k > n || n > inventory.MaxNodes {
		return 0, 0, fmt.Errorf("%q: expected K/N, part K of N, such as 1/4 for the first of four", text)
	}
	return k, n, nil
}

// MissingShards says which parts of an inventory none of the runs is of, where
// some of them are of a part; one line for each inventory and N.
func MissingShards(runs []Run) (lines []string) {
	type cut struct {
		digest string // of the inventory
		n      int
	}
	var cuts []cut
	seen := make(map[cut]map[int]bool) // the parts that are there
	for _, run := range runs {
		if run.Shard == "" {
			continue
		}
		for shard := range strings.SplitSeq(run.Shard, "; ") {
			k, n, err := ParseShard(shard)
			if err != nil {
				lines = append(lines, "shard "+err.Error())
				continue
			}
			c := cut{run.InventoryDigest, n}
			if seen[c] == nil {
				seen[c] = make(map[int]bool)
				cuts = append(cuts, c)
			}
			seen[c][k] = true
		}
	}
	for _, c := range cuts {
		isWhole := func(run Run) bool { return run.Shard == "" && run.InventoryDigest == c.digest }
		if len(seen[c]) == c.n || slices.ContainsFunc(runs, isWhole) {
			continue
		}
		var missing []string
		for k := range c.n {
			if !seen[c][k+1] {
				missing = append(missing, strconv.Itoa(k+1))
			}
		}
		lines = append(lines, fmt.Sprintf("of %d shards of an inventory these are missing: %s", c.n, Clean(foldNumbers(missing))))
	}
	return lines
}
