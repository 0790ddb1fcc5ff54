package report

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// maxOverlaps bounds how many nodes the error of Merge names.
const maxOverlaps = 10

// Merge makes one run of several, whose files have these names. It reads each
// result once, into the spool, which must be empty and is behind the Results
// then. They are in the order of the inventory as far as they say where in it
// they stood, whatever the order of the files; those of another inventory follow
// in the order of the files.
//
// What differs between the runs is listed with "; " between; the run lasts from
// the first start to the last end. It is Incomplete where one of them is, and
// where MissingShards has something to say.
//
// A node, by its name, that two runs have is an error, unless newest: then the
// one of the run that started last stays, and of runs that started together
// that of the last file. Waivers that differ are an error, since those of one
// fleet must not hold for another.
//
// It keeps the names of the nodes in memory, and nothing else of them.
func Merge(files []string, runs []Run, newest bool, spool *Spool) (Run, error) {
	for i, run := range runs {
		if !reflect.DeepEqual(run.Waivers, runs[0].Waivers) {
			return Run{}, fmt.Errorf("%s and %s were written with different waivers: give --waivers FILE for all of them", files[0], files[i])
		}
	}
	m := merger{files: files, runs: runs, newest: newest, spool: spool, places: make(map[string]int)}
	for i := range runs {
		if err := m.read(i); err != nil {
			return Run{}, err
		}
	}
	if err := m.err(); err != nil {
		return Run{}, err
	}
	spool.Reorder(m.order())
	merged := runs[0]
	if len(runs) > 1 {
		merged = mergedHead(runs)
	}
	merged.Incomplete = merged.Incomplete || len(MissingShards(runs)) > 0
	merged.Results = spool.Results()
	return merged, nil
}

// mergedHead is what holds for several runs together, but for their results.
func mergedHead(runs []Run) Run {
	merged := Run{
		Tool:            same(runs, func(r Run) string { return r.Tool }),
		Version:         same(runs, func(r Run) string { return r.Version }),
		ID:              same(runs, func(r Run) string { return r.ID }),
		Inventory:       same(runs, func(r Run) string { return r.Inventory }),
		InventoryDigest: same(runs, func(r Run) string { return r.InventoryDigest }),
		Operator:        same(runs, func(r Run) string { return r.Operator }),
		RulesDigest:     same(runs, func(r Run) string { return r.RulesDigest }),
		Arguments:       sameArguments(runs),
		Waivers:         runs[0].Waivers,
	}
	if len(MissingShards(runs)) > 0 {
		merged.Shard = same(runs, func(r Run) string { return r.Shard })
	}
	skipped := make(map[string]int) // of each inventory, which several runs may be of
	for i, run := range runs {
		if merged.Started.IsZero() || !run.Started.IsZero() && run.Started.Before(merged.Started) {
			merged.Started = run.Started
		}
		if run.Finished.After(merged.Finished) {
			merged.Finished = run.Finished
		}
		merged.Incomplete = merged.Incomplete || run.Incomplete
		digest := cmp.Or(run.InventoryDigest, fmt.Sprint(i))
		skipped[digest] = max(skipped[digest], run.Skipped)
	}
	merged.Skipped = sum(skipped)
	return merged
}

// same is what all runs say, or all that they say, whatever their order.
func same(runs []Run, of func(Run) string) string {
	var said []string
	for _, run := range runs {
		if text := of(run); text != "" && !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	slices.Sort(said)
	return strings.Join(said, "; ")
}

// sameArguments are those of all runs, but for --shard and the files that each
// wrote; nil where the others differ.
func sameArguments(runs []Run) (same []string) {
	for i, run := range runs {
		_, rest := scanArguments(run, append([]string{"--shard"}, fileFlags...))
		if len(run.Arguments) == 0 || run.Arguments[0] != "scan" || i > 0 && !slices.Equal(rest, same[1:]) {
			return nil
		}
		same = append([]string{"scan"}, rest...)
	}
	return same
}

// merger reads runs into a spool.
type merger struct {
	files  []string
	runs   []Run
	newest bool
	spool  *Spool

	places   map[string]int // of each node in the spool, by its name
	origins  []origin       // of each place
	results  int32          // that were read
	overlaps []error        // the first of them
	count    int            // of all
}

// origin is where the result of a place comes from.
type origin struct {
	file  int32
	last  int32 // the last file that has the node
	index int32 // in the inventory; 0: not known
	turn  int32 // of the result among all that were read
}

// read takes over the results of a run, as far as they stay.
func (m *merger) read(file int) error {
	for r, err := range m.runs[file].Results {
		if err != nil {
			return err
		}
		m.results++
		from := origin{file: int32(file), last: int32(file), index: int32(r.Node.Index), turn: m.results}
		place, taken := m.places[r.Node.Name]
		if !taken {
			place = m.spool.Len()
			m.places[r.Node.Name] = place
			m.origins = append(m.origins, from)
		} else {
			other := &m.origins[place]
			if other.last == from.file {
				return twice(m.files[file], r.Node.Name)
			}
			other.last = from.file
			if !m.newest {
				m.overlap(r.Node.Name, m.files[other.file], m.files[file])
				continue
			}
			if m.runs[file].Started.Before(m.runs[other.file].Started) {
				continue
			}
			*other = from
		}
		if err := m.spool.Put(place, r); err != nil {
			return err
		}
	}
	return nil
}

// overlap is a node that two files have.
func (m *merger) overlap(name, one, other string) {
	if m.count++; m.count <= maxOverlaps {
		m.overlaps = append(m.overlaps, fmt.Errorf("node %s is in %s and in %s: expected fleets without a common node, or --overlap newest", Clean(name), one, other))
	}
}

func (m *merger) err() error {
	if m.count > maxOverlaps {
		m.overlaps = append(m.overlaps, fmt.Errorf("and %d more nodes", m.count-maxOverlaps))
	}
	return errors.Join(m.overlaps...)
}

func twice(file, name string) error {
	return fmt.Errorf("%s: node %s is there twice: expected every node once", file, Clean(name))
}

// order is that of the inventory: the places in the order in which they are to
// be. Runs are of the same inventory if its digest is the same.
func (m *merger) order() []int {
	inventory := make([]int, len(m.runs)) // the first file that is of the same
	for i, run := range m.runs {
		inventory[i] = slices.IndexFunc(m.runs, func(other Run) bool { return other.InventoryDigest == run.InventoryDigest })
		if run.InventoryDigest == "" {
			inventory[i] = i
		}
	}
	order := make([]int, len(m.origins))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := m.origins[i], m.origins[j]
		return cmp.Or(cmp.Compare(inventory[a.file], inventory[b.file]), cmp.Compare(a.index, b.index), cmp.Compare(a.turn, b.turn))
	})
	return order
}
