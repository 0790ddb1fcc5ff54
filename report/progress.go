package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// redrawEvery spares slow terminals: a fleet may answer faster than one can
// read.
const redrawEvery = 100 * time.Millisecond

// Progress shows how far a scan is, in one line of a terminal that it draws
// over and over. It is for a terminal only; whoever makes one has checked that.
// It is used by one goroutine at a time. Errors of the terminal are ignored:
// progress changes nothing in the result.
type Progress struct {
	out    io.Writer
	width  int // of the terminal, in columns
	total  int // nodes to visit
	now    func() time.Time
	start  time.Time
	last   time.Time // of the last drawing; zero: none yet
	drawn  int       // columns that stand on the line now
	counts Counts
}

// NewProgress is for total nodes on a terminal of width columns, 80 if width is
// 0 or less; now is the clock. The scan begins now.
func NewProgress(out io.Writer, width, total int, now func() time.Time) *Progress {
	if width <= 0 {
		width = 80
	}
	return &Progress{out: out, width: width, total: total, now: now, start: now()}
}

// Add counts a node whose visit has ended, and draws the line unless that was
// done a moment ago.
func (p *Progress) Add(r scanner.Result) {
	p.counts.add(r, false) // waivers are for reports
	now := p.now()
	if !p.last.IsZero() && now.Sub(p.last) < redrawEvery && p.counts.Total < p.total {
		return
	}
	p.last = now
	p.draw(ProgressLine(p.counts, p.total, now.Sub(p.start)))
}

// Done clears the line, so that what is written next stands alone.
func (p *Progress) Done() {
	if p.drawn > 0 {
		p.draw("")
		io.WriteString(p.out, "\r")
	}
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

// ProgressLine is the line for counts of total nodes after elapsed time, such
// as
//
//	57/200 nodes: 30 on, 20 off, 4 unknown, 3 not assessed; 12.3/s, 12s left
//
// It has the most important first, since a narrow terminal cuts it, and holds
// no text of a node.
func ProgressLine(counts Counts, total int, elapsed time.Duration) string {
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
	line := fmt.Sprintf("%d/%d nodes: %s", counts.Total, total, strings.Join(parts, ", "))
	if counts.Total == 0 || elapsed <= 0 {
		return line
	}
	line += fmt.Sprintf("; %.1f/s", float64(counts.Total)/elapsed.Seconds())
	if left := total - counts.Total; left > 0 {
		eta := time.Duration(float64(elapsed) / float64(counts.Total) * float64(left))
		line += fmt.Sprintf(", %v left", max(eta.Round(time.Second), time.Second))
	}
	return line
}
