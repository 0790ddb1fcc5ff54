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
//
// It ranges over the results to measure and to count, and again to write.
func writeTable(w io.Writer, run Run, opts Options) error {
	var (
		counts  tally
		letters letters
		endings endings
		waivers = waiverUses{run: &run, now: opts.Now}
		shown   = tableColumns()
		table   = newNodeTable(headingsOf(shown))
		row     = make([]string, len(shown))
	)
	cells := func(r *scanner.Result) []string {
		for i := range shown {
			row[i] = shown[i].tableCell(&run, opts, r).String()
		}
		return row
	}
	for r, err := range run.Results {
		if err != nil {
			return err
		}
		counts.add(r, run.Waivers.For(r, opts.Now) != nil)
		letters.add(&r)
		endings.add(&r)
		waivers.add(&r)
		table.measure(cells(&r))
	}
	out := bufio.NewWriter(w)
	p := printer{out: out, width: opts.Width}
	summary := counts.summary()
	if summary.Total > 0 {
		rows := table.writer(p)
		for r, err := range run.Results {
			if err != nil {
				return err
			}
			color := ""
			if opts.Color {
				color = colorOf(&r)
			}
			if err := rows.add(cells(&r), color); err != nil {
				return err
			}
		}
		if err := rows.end(); err != nil {
			return err
		}
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
	for _, line := range slices.Concat(waivers.lines(), letters.lines(), endings.lines()) {
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

// draw lays a grid out for the terminal.
func (p printer) draw(g grid) (drawn, error) {
	return p.drawPart(g, sizesOf(append([][]string{g.headings}, g.rows...)...), true)
}

// drawPart is draw with the sizes of all rows where the grid may have only some.
func (p printer) drawPart(g grid, s sizes, all bool) (drawn, error) {
	if p.width > 0 {
		return g.draw(s.fit(p.width), all)
	}
	d, err := g.draw(s.natural, all)
	if err == nil { // one long reason would make the rule as long
		d.rule = strings.Repeat("-", measure(d.head[0]))
	}
	return d, err
}

// nodeTable is rows under headings. Where the terminal has too little room for
// them as columns, SOURCE and WHY stand below each row. It is given all rows to
// measure, and then again to write, so that none of them stays in memory.
type nodeTable struct {
	headings []string
	painted  string // the heading of the column that is coloured
	right    []bool // as in grid
	sizes    sizes
	shown    []bool // which columns are, at least those that are not empty in every row
}

func newNodeTable(headings []string) *nodeTable {
	return &nodeTable{headings: headings, painted: rotationHeading, sizes: sizesOf(headings), shown: make([]bool, len(headings))}
}

// measure makes the columns wide enough for a row.
func (t *nodeTable) measure(row []string) {
	t.sizes.add(row)
	for i, cell := range row {
		t.shown[i] = t.shown[i] || cell != ""
	}
}

// writer lays the table out, of which every row was measured.
func (t *nodeTable) writer(p printer) *nodeWriter {
	w := &nodeWriter{printer: p}
	for i := range t.headings {
		if t.shown[i] {
			w.columns = append(w.columns, i)
		}
	}
	if p.width > 0 && !t.roomFor(w.columns, p.width) {
		w.notes = slices.DeleteFunc(slices.Clone(w.columns), func(i int) bool { return !isNote(t.headings[i]) })
		w.columns = slices.DeleteFunc(w.columns, func(i int) bool { return isNote(t.headings[i]) })
	}
	w.sizes = sizes{pick(t.sizes.natural, w.columns), pick(t.sizes.words, w.columns)}
	w.part = grid{headings: pick(t.headings, w.columns), painted: slices.Index(pick(t.headings, w.columns), t.painted)}
	w.under = strings.Join(pick(t.headings, w.notes), ": ")
	if t.right != nil {
		w.part.right = pick(t.right, w.columns)
	}
	return w
}

func isNote(heading string) bool { return heading == sourceHeading || heading == whyHeading }

// roomFor reports whether WHY can be a column beside the others, readable and
// without one of them being broken inside a short word.
func (t *nodeTable) roomFor(columns []int, width int) bool {
	widths, floor := pick(t.sizes.natural, columns), pick(t.sizes.words, columns)
	if i := slices.Index(pick(t.headings, columns), whyHeading); i >= 0 {
		floor[i] = min(widths[i], roomyWhy)
	}
	return shrink(widths, floor, width-gap*(len(widths)-1))
}

// pick is what stands in those places of a list.
func pick[T any](list []T, places []int) []T {
	picked := make([]T, len(places))
	for i, place := range places {
		picked[i] = list[place]
	}
	return picked
}

// rowsAtOnce is how many rows of a table are laid out together.
const rowsAtOnce = 500

// nodeWriter writes a nodeTable.
type nodeWriter struct {
	printer
	columns, notes []int  // of a row: its columns, and what stands below it
	under          string // the heading of what stands below it
	sizes          sizes
	begun          bool // the headings are written

	part  grid     // rows that are not written yet
	below []string // of each
}

// add writes a row, one cell of it in a colour; empty: in none.
func (w *nodeWriter) add(row []string, color string) error {
	w.part.rows = append(w.part.rows, pick(row, w.columns))
	w.below = append(w.below, strings.Join(slices.DeleteFunc(pick(row, w.notes), func(cell string) bool { return cell == "" }), ": "))
	if color != "" {
		w.part.colors = append(w.part.colors, color)
	}
	if len(w.below) < rowsAtOnce {
		return nil
	}
	return w.flush(false)
}

func (w *nodeWriter) flush(last bool) error {
	if w.begun && len(w.below) == 0 {
		return nil
	}
	d, err := w.drawPart(w.part, w.sizes, last && !w.begun)
	if err != nil {
		return err
	}
	if !w.begun {
		w.begun = true
		w.lines(d.head...)
		if len(w.notes) > 0 {
			w.lines(noteIndent + w.under)
		}
		w.lines(d.rule)
	}
	for i, row := range d.rows {
		w.lines(row...)
		if w.below[i] != "" {
			w.paragraph(noteIndent, w.below[i])
		}
	}
	w.part.rows, w.part.colors, w.below = nil, nil, w.below[:0]
	return nil
}

// end writes what is left, and a blank line.
func (w *nodeWriter) end() error {
	if err := w.flush(true); err != nil {
		return err
	}
	w.lines("")
	return nil
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
func colorOf(r *scanner.Result) string {
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
