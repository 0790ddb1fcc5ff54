package kubelet

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The same text says one thing as a --config file and another as a drop-in,
// where a key that stands twice counts.
func TestAMemoTellsTheFileFromTheDropIn(t *testing.T) {
	twice := []byte(header + yes + "\n" + no + "\n")
	in := kubeadm(release(32))
	in.Config.Content = twice
	with := kubeadm(release(32), "10.conf "+yes)
	with.DropIns.Files[0].Content = twice
	var memo Memo
	for range 2 {
		for _, in := range []Input{in, with} {
			want := Resolve(in)
			in.Memo = &memo
			if diff := cmp.Diff(want, Resolve(in)); diff != "" {
				t.Errorf("another answer with a memo: %s", diff)
			}
		}
	}
	if e := Resolve(with); e.Rotation != Invalid {
		t.Fatalf("the drop-in with a key twice is %v, want it refused", e.Rotation)
	}
}

func TestAMemoIsBounded(t *testing.T) {
	var memo Memo
	parse := func(text string) { memo.parse([]byte(text), false) }
	largest := 0
	for i := range 3 * maxMemo >> 10 {
		parse(fmt.Sprintf("a%d: %s\n", i, strings.Repeat("b", 1<<10)))
		size := 0
		for key := range memo.known {
			size += len(key.content)
		}
		if size != memo.size {
			t.Fatalf("%d bytes are counted, and %d are there", memo.size, size)
		}
		largest = max(largest, size)
	}
	if largest > maxMemo || largest < maxMemo/2 {
		t.Errorf("it grew to %d bytes, want nearly %d", largest, maxMemo)
	}
	known := len(memo.known)
	for name, text := range map[string]string{
		"a text that is too long":                    "a: " + strings.Repeat("b", maxMemoText),
		"an anchor, behind which it says a lot more": "a: &a [1, 2]\nb: [*a, *a]\n",
	} {
		if parse(text); len(memo.known) != known {
			t.Errorf("%s is remembered", name)
		}
	}
}

func TestAMemoIsForManyNodesAtOnce(t *testing.T) {
	in := kubeadm(release(32), "10.conf "+yes, "20.conf featureGates:;  NodeSwap: true")
	want := Resolve(in)
	in.Memo, in.Explain = new(Memo), true
	var nodes sync.WaitGroup
	for range 8 {
		nodes.Go(func() {
			for range 20 {
				if got := Resolve(in); got.Rotation != want.Rotation || got.Why != want.Why {
					t.Errorf("got %v, %s; want %v, %s", got.Rotation, got.Why, want.Rotation, want.Why)
				}
			}
		})
	}
	nodes.Wait()
}

// The kubelet turns YAML into JSON, whose keys are sorted.
func TestOfSeveralGatesOfTheWrongTypeTheFirstByNameIsNamed(t *testing.T) {
	in := kubeadm(release(29))
	in.Config.Content = []byte(header + "featureGates:\n  C: [1]\n  B: 1\n  D: {a: b}\n  A: x\n")
	for range 20 {
		if e := Resolve(in); !strings.Contains(e.Problem, "cannot unmarshal string into") {
			t.Fatalf("problem %q, want that of A", e.Problem)
		}
	}
}
