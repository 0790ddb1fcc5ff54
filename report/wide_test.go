package report

import (
	"strings"
	"testing"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// A column stands at the same place in every row whose cells are not wider
// than a column may be.
func TestWideColumnsAlign(t *testing.T) {
	run := testRun(fleet()...)
	lines := strings.Split(render(t, "wide", run, Options{Color: true}), "\n")
	at := strings.Index(lines[0], rotationHeading)
	if at < 0 {
		t.Fatalf("no %s in %q", rotationHeading, lines[0])
	}
	for i, r := range fleet() {
		line := lines[2+i]
		if want := colorOf(&r) + rotationWords(&r).String() + reset; !strings.HasPrefix(line[at:], want) {
			t.Errorf("%s: at column %d stands %.30q, want %q", r.Node.Name, at, line[at:], want)
		}
	}
}

// Nothing is wrapped or cut, whatever the terminal has.
func TestWideLosesNothing(t *testing.T) {
	why := strings.Repeat("long ", 100) + "end"
	name := strings.Repeat("n", 200)
	r := node(name, "g", scanner.Verdict{Rotation: kubelet.Off, Why: why})
	out := render(t, "wide", testRun(r, fleet()[0]), Options{Width: 80})
	lines := strings.Split(out, "\n")
	if !strings.HasPrefix(lines[2], name+"  ") || !strings.HasSuffix(lines[2], why) {
		t.Errorf("the row is %q", lines[2])
	}
	if at := strings.Index(lines[0], "HOST"); at != wideCell+gap {
		t.Errorf("one wide name puts the second column at %d, want %d", at, wideCell+gap)
	}
}

func TestWideColumnsExist(t *testing.T) {
	if got := len(wideList()); got != len(wideColumns)+1 {
		t.Errorf("%d columns, want those of %q and the waiver", got, wideColumns)
	}
}
