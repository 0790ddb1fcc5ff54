package secret

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// However many nodes ask at once, a wrong word goes to one of them.
func TestRejectedWordGoesToOneNode(t *testing.T) {
	w := New("wrong")
	var sent atomic.Int32
	var nodes sync.WaitGroup
	for range 50 {
		nodes.Go(func() {
			ok, release, err := w.Turn(t.Context())
			if err != nil {
				t.Error(err)
			}
			defer release()
			if ok {
				sent.Add(1)
				w.Rejected()
			}
		})
	}
	nodes.Wait()
	if sent.Load() != 1 {
		t.Errorf("sent to %d nodes, want 1", sent.Load())
	}
}

// One that was accepted goes to all, also behind a node that differs.
func TestAcceptedWordGoesOn(t *testing.T) {
	w := New("right")
	for i := range 3 {
		ok, release, err := w.Turn(t.Context())
		if !ok || err != nil {
			t.Fatalf("node %d: got %v, %v", i, ok, err)
		}
		if i == 0 {
			w.Accepted()
		} else {
			w.Rejected()
		}
		release()
		release() // a second time does nothing
	}
}

// A node that told nothing, such as one that was lost, leaves the turn to the
// next; a node that gives up waits no longer.
func TestTurnIsPassedOn(t *testing.T) {
	w := New("word")
	_, release, err := w.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, _, err := w.Turn(ctx); !errors.Is(err, gone) {
		t.Errorf("got %v, want why the wait ended", err)
	}
	release()
	if ok, _, err := w.Turn(t.Context()); !ok || err != nil {
		t.Errorf("got %v, %v, want the next turn", ok, err)
	}
}

func TestWordIsNeverPrinted(t *testing.T) {
	w := New("hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, w); got != "(withheld)" && got != `"(withheld)"` {
			t.Errorf("%s: got %s", verb, got)
		}
	}
	if w.Text() != "hunter2" {
		t.Error("the word is lost")
	}
}
