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
		counts Counts
		total  int
		pace   float64
		quiet  time.Duration
		want   string
	}{
		{Counts{}, 200, 0, 0, "0/200 nodes: 0 on, 0 off, 0 unknown, 0 not assessed"},
		{Counts{}, 200, 0, time.Hour, "0/200 nodes, none ended for 1h0m0s: 0 on, 0 off, 0 unknown, 0 not assessed"},
		{some, 200, 0, 0, "57/200 nodes: 30 on, 20 off, 4 unknown, 3 not assessed"},
		{some, 200, 12, 0, "57/200 nodes, 12s left: 30 on, 20 off, 4 unknown, 3 not assessed; 12.0/s"},
		{some, 200, 12, 4 * time.Second, "57/200 nodes, none ended for 4s: 30 on, 20 off, 4 unknown, 3 not assessed"},
		{some, 57, 5.7, 0, "57/57 nodes: 30 on, 20 off, 4 unknown, 3 not assessed; 5.7/s"},
		{some, 57, 5.7, time.Hour, "57/57 nodes: 30 on, 20 off, 4 unknown, 3 not assessed; 5.7/s"},
		{some, 58, 57, 0, "57/58 nodes, 1s left: 30 on, 20 off, 4 unknown, 3 not assessed; 57.0/s"},
		{other, 2, 2, 0, "2/2 nodes: 0 on, 0 off, 1 invalid, 1 external, 0 unknown, 0 not assessed; 2.0/s"},
		{other, 7202, 2, 0, "2/7202 nodes, 1h0m0s left: 0 on, 0 off, 1 invalid, 1 external, 0 unknown, 0 not assessed; 2.0/s"},
	} {
		if got := ProgressLine(tt.counts, tt.total, tt.pace, tt.quiet); got != tt.want {
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
	p := NewProgress(&out, 0, 7, c.now)
	on := node("\x1b[2J", "", scanner.Verdict{Rotation: kubelet.On, Why: "\n"})
	step := func(d time.Duration) {
		c.t = c.t.Add(d)
		p.Add(on)
	}
	for range 5 {
		step(time.Millisecond) // the first is drawn, the others come too soon
	}
	step(time.Second)
	step(time.Millisecond) // the last is always drawn
	p.Done()
	first := "1/7 nodes: 1 on, 0 off, 0 unknown, 0 not assessed"
	second := "6/7 nodes, 1s left: 6 on, 0 off, 0 unknown, 0 not assessed; 6.0/s"
	last := "7/7 nodes: 7 on, 0 off, 0 unknown, 0 not assessed; 7.0/s"
	want := "\r" + first + "\r" + second +
		"\r" + last + strings.Repeat(" ", len(second)-len(last)) +
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

// How long a scan will take is said as long as nodes end as they usually do,
// and not by a few that hang, or that ended after they had hung.
func TestProgressOfNodesThatHang(t *testing.T) {
	type step struct {
		rule  string
		after time.Duration
		ended int    // nodes
		want  string // when it ends, and the pace, as the line has them then
	}
	for name, steps := range map[string][]step{
		"many at once": {
			{"no pace yet", time.Second, 4, ""},
			{"a pace", time.Second, 4, ", 23s left; 4.0/s"},
			{"not so long", 2 * time.Second, 0, ", 23s left; 4.0/s"},
			{"quiet", time.Second, 0, ", none ended for 3s"},
			{"still", 20 * time.Second, 0, ", none ended for 23s"},
			{"chance", time.Second, 1, ""},
			{"the pace is that since then", time.Second, 9, ", 9s left; 9.0/s"},
		},
		"one at a time": {
			{"nothing is known yet", 5 * time.Second, 0, ", none ended for 5s"},
			{"one", 0, 1, ""},
			{"as usual", 5 * time.Second, 1, ""},
			{"as usual", 5 * time.Second, 1, ""},
			{"as usual", 5 * time.Second, 1, ""},
			{"as usual", 5 * time.Second, 1, ", 7m55s left; 0.2/s"},
			{"as usual", 49 * time.Second, 0, ", 7m55s left; 0.2/s"},
			{"quiet", time.Second, 0, ", none ended for 50s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c := &clock{began}
			p := NewProgress(&out, 200, 100, c.now)
			for _, s := range steps {
				c.t = c.t.Add(s.after)
				p.Tick()
				for range s.ended {
					p.last = time.Time{} // each is drawn
					p.Add(node("a", "", scanner.Verdict{Rotation: kubelet.On}))
				}
				line := out.String()[strings.LastIndexByte(out.String(), '\r')+1:]
				_, when, _ := strings.Cut(line, "nodes")
				when, pace, _ := strings.Cut(when, ":")
				_, pace, found := strings.Cut(strings.TrimRight(pace, " "), ";")
				if found {
					when += ";" + pace
				}
				if when != s.want {
					t.Errorf("%s: %q, want %q", s.rule, line, s.want)
				}
			}
		})
	}
}
