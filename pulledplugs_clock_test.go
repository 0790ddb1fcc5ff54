package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner"
	"kletscan/scanner/scannertest"
)

// The wall clock jumps in the middle of every visit, as after a suspended night
// or a correction: no visit took less than no time, and none is given up or
// waited for because of it.
func TestTheClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			var looks atomic.Int64
			var nodes []inventory.Node
			for i := range 100 {
				nodes = append(nodes, inventory.Node{Name: fmt.Sprint(i), Host: fmt.Sprint(i)})
			}
			begun := time.Now()
			s := scanner.Scanner{
				NodeTimeout: time.Hour,
				Now:         func() time.Time { return begun.Round(0).Add(time.Duration(looks.Add(1)) * jump) }, // the wall's time alone
				Resolve: scannertest.Resolve(func(ctx context.Context, n inventory.Node) (scanner.Conn, error) {
					if end, ok := ctx.Deadline(); !ok || time.Until(end) < 30*time.Minute || time.Until(end) > time.Hour {
						t.Errorf("%s: its visit ends at %v", n.Name, end)
					}
					return nil, errors.Join(errors.New("nobody is there"), ctx.Err())
				}),
			}
			for _, r := range scannertest.Scan(t.Context(), &s, nodes) {
				if r.Duration < 0 || r.Stages.Connect < 0 || r.Stages.Login < 0 || r.Error != "nobody is there" || r.Started.IsZero() {
					t.Errorf("%s: %v %s, from %v, after %v, %+v", r.Node.Name, r.Status, r.Error, r.Started, r.Duration, r.Stages)
				}
			}
		})
	}
}

// Rows are on the disk half a second after they came, by a clock that nobody
// sets, whenever they say that they began.
func TestJournalIsSyncedWhateverTheWallClockSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := report.Run{Tool: "kletscan", ID: "x", Started: time.Now()}
		j, err := openJournal(journalOptions{file: filepath.Join(t.TempDir(), "journal")}, run, report.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		waiting := func() bool {
			synctest.Wait()
			j.mu.Lock()
			defer j.mu.Unlock()
			return j.dirty
		}
		for i, started := range []time.Duration{0, -24 * time.Hour, 24 * time.Hour, -time.Hour} {
			j.add(scanner.Result{Node: inventory.Node{Name: fmt.Sprint(i), Host: "x"}, Started: run.Started.Add(started)})
			if !waiting() {
				t.Fatal("nothing waits for the disk, so this proves nothing")
			}
			time.Sleep(syncEvery)
			if waiting() {
				t.Errorf("row %d is still not on the disk after %v", i, syncEvery)
			}
		}
		if err := j.close(true, run.Started.Add(-time.Hour)); err != nil {
			t.Error(err)
		}
	})
}
