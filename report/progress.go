package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

const (
	// redrawEvery spares slow terminals: a fleet may answer faster than one can
	// read.
	redrawEvery = 100 * time.Millisecond
	// quietFor is for how long nothing must have ended before that is said, and
	// quietTimes is of how many nodes the usual share of time.
	quietFor   = 3 * time.Second
	quietTimes = 10
	// paceNodes is how many nodes make a pace: fewer are chance.
	paceNodes = 5
)

// Progress shows how far a scan is, in one line of a terminal that it draws
// over and over. It is for a terminal only; whoever makes one has checked that.
// It may be used by several goroutines. Errors of the terminal are ignored:
// progress changes nothing in the result.
type Progress struct {
	out   io.Writer
	width int // of the terminal, in columns
	total int // nodes to visit
	now   func() time.Time
	start time.Time

	mu     sync.Mutex
	counts Counts
	ended  time.Time // when the last node did; at first the start
	since  time.Time // when the pace began that is shown: at the start, or when it went on after a halt
	before int       // nodes that had ended by then
	last   time.Time // of the last drawing; zero: none yet
	drawn  int       // columns that stand on the line now
}

// NewProgress is for total nodes on a terminal of width columns, 80 if width is
// 0 or less; now is the clock. The scan begins now.
func NewProgress(out io.Writer, width, total int, now func() time.Time) *Progress {
	if width <= 0 {
		width = 80
	}
	start := now()
	return &Progress{out: out, width: width, total: total, now: now, start: start, ended: start, since: start}
}

// Add counts a node whose visit has ended, and draws the line unless that was
// done a moment ago.
func (p *Progress) Add(r scanner.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	halted := p.counts.Total > 0 && p.quiet(now) > 0
	p.counts.add(r, false) // waivers are for reports
	p.ended = now
	if halted {
		p.since, p.before = now, p.counts.Total
	}
	if p.last.IsZero() || now.Sub(p.last) >= redrawEvery || p.counts.Total == p.total {
		p.show(now)
	}
}

// Tick draws the line again where nothing has ended for a while. It is to be
// called about once a second.
func (p *Progress) Tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.quiet(now) > 0 {
		p.show(now)
	}
}

// Done clears the line, so that what is written next stands alone.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn > 0 {
		p.draw("")
		io.WriteString(p.out, "\r")
	}
}

// quiet is for how long nothing has ended, where that is longer than is usual;
// else 0.
func (p *Progress) quiet(now time.Time) time.Duration {
	quiet, least := now.Sub(p.ended), quietFor
	if n := p.counts.Total; n > 0 {
		least = max(least, quietTimes*p.ended.Sub(p.start)/time.Duration(n))
	}
	if quiet < least {
		return 0
	}
	return quiet
}

// show draws how things are.
func (p *Progress) show(now time.Time) {
	pace := 0.0
	if n := p.counts.Total - p.before; n >= paceNodes && now.After(p.since) {
		pace = float64(n) / now.Sub(p.since).Seconds()
	}
	p.last = now
	p.draw(ProgressLine(p.counts, p.total, pace, p.quiet(now)))
}

// draw replaces the line. It leaves the last column free, since a character
// there makes some terminals begin a new line; and it overwrites with blanks
// rather than with an escape sequence, so that any terminal will do.
func (p *Progress) draw(line string) {
	line = line[:min(len(line), p.width-1)] // ASCII: one byte is one column
	blanks := strings.Repeat(" ", max(p.drawn-len(line), 0))
	p.drawn = len(line)
	io.WriteString(p.out, "\r"+line+blanks)
}

// ProgressLine is the line for counts of total nodes, of which pace end in a
// second (0: not known), such as
//
//	57/200 nodes, 12s left: 30 on, 20 off, 4 unknown, 3 not assessed; 12.3/s
//
// Where none has ended for a while it says for how long instead: nodes that
// hang tell nothing of when they will end. It has the most important first,
// since a narrow terminal cuts it, and holds no text of a node.
func ProgressLine(counts Counts, total int, pace float64, quiet time.Duration) string {
	parts := []string{
		fmt.Sprintf("%d on", counts.Rotation[kubelet.On]),
		fmt.Sprintf("%d off", counts.Rotation[kubelet.Off]),
	}
	parts = appendCount(parts, counts.Rotation[kubelet.Invalid], "invalid")
	parts = appendCount(parts, counts.Rotation[kubelet.External], "external")
	parts = append(
		parts,
		fmt.Sprintf("%d unknown", counts.Rotation[kubelet.Unknown]),
		fmt.Sprintf("%d not assessed", counts.NotAssessed()),
	)
	when, speed := "", ""
	if left := total - counts.Total; left > 0 && quiet > 0 {
		when = fmt.Sprintf(", none ended for %v", quiet.Round(time.Second))
	} else if pace > 0 {
		speed = fmt.Sprintf("; %.1f/s", pace)
		if left > 0 {
			eta := time.Duration(float64(left) / pace * float64(time.Second))
			when = fmt.Sprintf(", %v left", max(eta.Round(time.Second), time.Second))
		}
	}
	return fmt.Sprintf("%d/%d nodes%s: %s%s", counts.Total, total, when, strings.Join(parts, ", "), speed)
}
