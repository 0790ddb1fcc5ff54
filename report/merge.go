package report

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"kletscan/scanner"
)

// maxOverlaps bounds how many nodes the error of Merge names.
const maxOverlaps = 10

// Merge makes one run of several, whose files have these names: the results in
// the order of the files. What differs between them is listed with "; " between;
// the run lasts from the first start to the last end.
//
// A node, by its name, that two runs have is an error, unless newest: then the
// one of the run that started last stays, and of runs that started together
// that of the last file. Waivers that differ are an error, since those of one
// fleet must not hold for another.
//
// It keeps the names of the nodes in memory, and nothing else of them.
func Merge(files []string, runs []Run, newest bool) (Run, error) {
	if len(runs) == 1 {
		return runs[0], unique(files[0], runs[0].Results)
	}
	merged := Run{
		Tool:            same(runs, func(r Run) string { return r.Tool }),
		Version:         same(runs, func(r Run) string { return r.Version }),
		ID:              same(runs, func(r Run) string { return r.ID }),
		Inventory:       same(runs, func(r Run) string { return r.Inventory }),
		InventoryDigest: same(runs, func(r Run) string { return r.InventoryDigest }),
		Operator:        same(runs, func(r Run) string { return r.Operator }),
		RulesDigest:     same(runs, func(r Run) string { return r.RulesDigest }),
		Waivers:         runs[0].Waivers,
	}
	for i, run := range runs {
		if !reflect.DeepEqual(run.Waivers, merged.Waivers) {
			return Run{}, fmt.Errorf("%s and %s were written with different waivers: give --waivers FILE for all of them", files[0], files[i])
		}
		if merged.Started.IsZero() || !run.Started.IsZero() && run.Started.Before(merged.Started) {
			merged.Started = run.Started
		}
		if run.Finished.After(merged.Finished) {
			merged.Finished = run.Finished
		}
		merged.Incomplete = merged.Incomplete || run.Incomplete
	}
	owner, err := owners(files, runs, newest)
	if err != nil {
		return Run{}, err
	}
	merged.Results = func(yield func(scanner.Result, error) bool) {
		for i, run := range runs {
			for r, err := range run.Results {
				if err == nil && owner[r.Node.Name] != i {
					continue
				}
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
	return merged, nil
}

// owners says of each node whose result of it stays.
func owners(files []string, runs []Run, newest bool) (map[string]int, error) {
	owner := make(map[string]int)
	var overlaps []error
	count := 0
	for i, run := range runs {
		seen := make(map[string]bool)
		for r, err := range run.Results {
			if err != nil {
				return nil, err
			}
			name := r.Node.Name
			if seen[name] {
				return nil, twice(files[i], name)
			}
			seen[name] = true
			other, taken := owner[name]
			if taken && !newest {
				if count++; count <= maxOverlaps {
					overlaps = append(overlaps, fmt.Errorf("node %s is in %s and in %s: expected fleets without a common node, or --overlap newest",
						Clean(name), files[other], files[i]))
				}
				continue
			}
			if !taken || !run.Started.Before(runs[other].Started) {
				owner[name] = i
			}
		}
	}
	if count > maxOverlaps {
		overlaps = append(overlaps, fmt.Errorf("and %d more nodes", count-maxOverlaps))
	}
	return owner, errors.Join(overlaps...)
}

// unique checks that one run has every node once.
func unique(file string, results Results) error {
	seen := make(map[string]bool)
	for r, err := range results {
		if err != nil {
			return err
		}
		if seen[r.Node.Name] {
			return twice(file, r.Node.Name)
		}
		seen[r.Node.Name] = true
	}
	return nil
}

func twice(file, name string) error {
	return fmt.Errorf("%s: node %s is there twice: expected every node once", file, Clean(name))
}

// same is what all runs say, or all that they say.
func same(runs []Run, of func(Run) string) string {
	var said []string
	for _, run := range runs {
		if text := of(run); text != "" && !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	return strings.Join(said, "; ")
}
