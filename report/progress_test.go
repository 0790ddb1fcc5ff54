package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

func TestProgressLine(t *testing.T) {
	var some Counts
	for i := range 57 {
		switch {
		case i < 30:
			some.add(node("a", "", scanner.Verdict{Rotation: kubelet.On}), false)
		case i < 50:
			some.add(node("a", "", scanner.Verdict{Rotation: kubelet.Off}), false)
		case i < 54:
			some.add(node("a", "", scanner.Verdict{}), false)
		default:
			some.add(missed("a", "", scanner.Timeout, "x"), false)
		}
	}
	var other Counts
	other.add(node("a", "", scanner.Verdict{Rotation: kubelet.Invalid}), false)
	other.add(node("a", "", scanner.Verdict{Rotation: kubelet.External}), false)
	for _, tt := range []struct {
		counts  Counts
		total   int
		elapsed time.Duration
		want    string
	}{
		{Counts{}, 200, 0, "0/200 nodes: 0 on, 0 off, 0 unknown, 0 not assessed"},
		{Counts{}, 200, time.Hour, "0/200 nodes: 0 on, 0 off, 0 unknown, 0 not assessed"},
		{some, 200, 0, "57/200 nodes: 30 on, 20 off, 4 unknown, 3 not assessed"},
		{some, 200, 4750 * time.Millisecond, "57/200 nodes: 30 on, 20 off, 4 unknown, 3 not assessed; 12.0/s, 12s left"},
		{some, 57, 10 * time.Second, "57/57 nodes: 30 on, 20 off, 4 unknown, 3 not assessed; 5.7/s"},
		{some, 58, time.Second, "57/58 nodes: 30 on, 20 off, 4 unknown, 3 not assessed; 57.0/s, 1s left"},
		{other, 2, time.Second, "2/2 nodes: 0 on, 0 off, 1 invalid, 1 external, 0 unknown, 0 not assessed; 2.0/s"},
		{other, 7202, time.Second, "2/7202 nodes: 0 on, 0 off, 1 invalid, 1 external, 0 unknown, 0 not assessed; 2.0/s, 1h0m0s left"},
	} {
		if got := ProgressLine(tt.counts, tt.total, tt.elapsed); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// clock is stepped by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func TestProgressDrawsOverItsLine(t *testing.T) {
	var out bytes.Buffer
	c := &clock{began}
	p := NewProgress(&out, 0, 3, c.now)
	on := node("\x1b[2J", "", scanner.Verdict{Rotation: kubelet.On, Why: "\n"})
	step := func(d time.Duration) {
		c.t = c.t.Add(d)
		p.Add(on)
	}
	step(time.Second)                    // the first is drawn
	step(redrawEvery - time.Millisecond) // too soon
	step(time.Millisecond)               // the last is always drawn
	p.Done()
	first := "1/3 nodes: 1 on, 0 off, 0 unknown, 0 not assessed; 1.0/s, 2s left"
	last := "3/3 nodes: 3 on, 0 off, 0 unknown, 0 not assessed; 2.7/s"
	want := "\r" + first +
		"\r" + last + strings.Repeat(" ", len(first)-len(last)) +
		"\r" + strings.Repeat(" ", len(last)) + "\r"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestProgressLastNodeIsDrawnAtOnce(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, 80, 2, (&clock{began}).now)
	p.Add(scanner.Result{})
	p.Add(scanner.Result{})
	if n := strings.Count(out.String(), "\r"); n != 2 {
		t.Errorf("drawn %d times, want 2: %q", n, out.String())
	}
}

func TestProgressKeepsWithinTheTerminal(t *testing.T) {
	for _, width := range []int{1, 2, 20, 40} {
		var out bytes.Buffer
		c := &clock{began}
		p := NewProgress(&out, width, 100, c.now)
		for range 50 {
			c.t = c.t.Add(time.Second)
			p.Add(scanner.Result{})
		}
		p.Done()
		for drawn := range strings.SplitSeq(out.String(), "\r") {
			if len(drawn) >= width {
				t.Fatalf("%d columns in a terminal of %d: %q", len(drawn), width, drawn)
			}
		}
	}
}

func TestProgressThatNeverDrewClearsNothing(t *testing.T) {
	var out bytes.Buffer
	NewProgress(&out, 80, 5, (&clock{began}).now).Done()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}
