package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// roomyWhy is the narrowest column in which a reason can be read with ease.
const roomyWhy = 30

const noteIndent = "  "

// writeTable writes one row for each node, then counts for each group, then
// the summary line.
//
// With Options.Width 0 each node has exactly one line, and nothing is wrapped
// or shortened. Otherwise no line is longer than Width, down to about 60
// columns, and still no word is lost: cells are wrapped, and where that leaves
// too little room, SOURCE and WHY move from their columns to below their row.
// Columns that are empty for the whole fleet are left out.
func writeTable(w io.Writer, run Run, opts Options) error {
	out := bufio.NewWriter(w)
	p := printer{out: out, width: opts.Width}
	results, err := run.Results.Collect()
	if err != nil {
		return err
	}
	if len(results) > 0 {
		if err := p.nodes(nodeGrid(run, results, opts), results, opts.Color); err != nil {
			return err
		}
	}
	summary, err := Summarize(run, opts)
	if err != nil {
		return err
	}
	if len(summary.Groups) > 0 {
		if err := p.groups(summary.Groups); err != nil {
			return err
		}
	}
	p.paragraph("", summary.Line())
	if run.Skipped > 0 {
		p.paragraph("", fmt.Sprintf("%d skipped for mistakes in the inventory (--skip-invalid)", run.Skipped))
	}
	waivers, err := waiverLines(run, opts)
	if err != nil {
		return err
	}
	for _, line := range waivers {
		p.paragraph("", line)
	}
	if line := letterLine(results); line != "" {
		p.paragraph("", line)
	}
	for _, line := range expiryLines(results) {
		p.paragraph("", line)
	}
	return out.Flush()
}

// printer writes lines that fit a terminal. Its writer keeps the first error.
type printer struct {
	out   *bufio.Writer
	width int // 0: unlimited
}

func (p printer) lines(lines ...string) {
	for _, line := range lines {
		p.out.WriteString(line)
		p.out.WriteByte('\n')
	}
}

// paragraph writes text with an indent before each of its lines.
func (p printer) paragraph(indent, text string) {
	lines := []string{text}
	if p.width > 0 {
		lines = wrap(text, max(p.width-len(indent), narrow), measure)
	}
	for _, line := range lines {
		p.lines(indent + line)
	}
}

// nodes writes the table of nodes and a blank line.
func (p printer) nodes(g grid, results []scanner.Result, color bool) error {
	var notes []string
	if p.width > 0 && !g.roomFor(p.width) {
		g, notes = g.splitNotes()
	}
	if color {
		g.painted = slices.Index(g.headings, rotationHeading)
		g.color = func(row int) string { return colorOf(results[row]) }
	}
	d, err := p.draw(g)
	if err != nil {
		return err
	}
	p.lines(d.head...)
	if notes != nil {
		p.lines(noteIndent + sourceHeading + ": " + whyHeading)
	}
	p.lines(d.rule)
	for i, row := range d.rows {
		p.lines(row...)
		if notes != nil && notes[i] != "" {
			p.paragraph(noteIndent, notes[i])
		}
	}
	p.lines("")
	return nil
}

func (p printer) draw(g grid) (drawn, error) {
	if p.width == 0 {
		return g.draw(nil)
	}
	return g.draw(g.fit(p.width))
}

// nodeGrid has the columns with a heading that are not empty for all nodes.
func nodeGrid(run Run, results []scanner.Result, opts Options) grid {
	g := grid{rows: make([][]string, len(results))}
	for _, c := range columns {
		if c.heading == "" {
			continue
		}
		cells, empty := make([]string, len(results)), true
		for i, r := range results {
			cells[i] = c.tableCell(run, opts, r).String()
			empty = empty && cells[i] == ""
		}
		if empty {
			continue
		}
		g.headings = append(g.headings, c.heading)
		for i := range g.rows {
			g.rows[i] = append(g.rows[i], cells[i])
		}
	}
	return g
}

// roomFor reports whether WHY can be a column beside the others, readable and
// without one of them being broken inside a short word.
func (g grid) roomFor(width int) bool {
	widths, floor := g.natural(), g.words()
	if i := slices.Index(g.headings, whyHeading); i >= 0 {
		floor[i] = min(widths[i], roomyWhy)
	}
	return shrink(widths, floor, width-gap*(len(widths)-1))
}

// splitNotes takes SOURCE and WHY off the grid, as one note for each row.
func (g grid) splitNotes() (rest grid, notes []string) {
	notes = make([]string, len(g.rows))
	rest.rows = make([][]string, len(g.rows))
	for i, heading := range g.headings {
		isNote := heading == sourceHeading || heading == whyHeading
		if !isNote {
			rest.headings = append(rest.headings, heading)
		}
		for k, row := range g.rows {
			switch {
			case !isNote:
				rest.rows[k] = append(rest.rows[k], row[i])
			case notes[k] != "" && row[i] != "":
				notes[k] += ": " + row[i]
			default:
				notes[k] += row[i]
			}
		}
	}
	return rest, notes
}

// Select Graphic Rendition sequences, ECMA-48 section 8.3.117.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
	reset  = "\x1b[0m"
)

// colorOf is the colour of a node's ROTATION.
func colorOf(r scanner.Result) string {
	if r.Status != scanner.OK {
		return yellow
	}
	switch r.Verdict.Rotation {
	case kubelet.On:
		return green
	case kubelet.Off, kubelet.Invalid:
		return red
	case kubelet.External:
		return dim
	}
	return yellow
}

// groups writes the counts of each group and a blank line.
func (p printer) groups(groups []Group) error {
	g := grid{headings: []string{"GROUP", "NODES"}, right: []bool{false, true}}
	for _, r := range rotations {
		g.headings = append(g.headings, strings.ToUpper(r.String()))
		g.right = append(g.right, true)
	}
	g.headings = append(g.headings, "NOT ASSESSED")
	g.right = append(g.right, true)
	for _, group := range groups {
		name := group.Name
		if name == "" {
			name = "(none)"
		}
		row := []string{name, strconv.Itoa(group.Total)}
		for _, r := range rotations {
			row = append(row, strconv.Itoa(group.Rotation[r]))
		}
		g.rows = append(g.rows, append(row, strconv.Itoa(group.NotAssessed())))
	}
	d, err := p.draw(g)
	if err != nil {
		return err
	}
	p.lines(d.head...)
	p.lines(d.rule)
	for _, row := range d.rows {
		p.lines(row...)
	}
	p.lines("")
	return nil
}
