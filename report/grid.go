package report

import (
	"bytes"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

const (
	gap      = 2  // blanks between columns
	narrow   = 6  // no column is made narrower, so about 60 columns of terminal are needed for a whole table
	nodeName = 20 // the first column is broken to this only when nothing else helps
	longWord = 30 // a word up to this long, RotateKubeletServerCertificate, is broken only when nothing else helps
)

// grid is text in columns under headings, in a plain look: blanks between the
// columns and one rule of dashes. All text in it is clean.
type grid struct {
	headings []string
	rows     [][]string
	right    []bool // columns of numbers; nil: none

	painted int      // the column that colors are for
	colors  []string // of each row, the escape sequence that begins its colour; nil: no colours
}

// drawn is a grid as lines without trailing blanks. Each row has at least one.
type drawn struct {
	head []string // headings
	rule string
	rows [][]string
}

// measure is the width of a clean text in terminal columns, as tablewriter
// pads it.
func measure(s string) int { return twwidth.Width(s) }

// sizes are how wide the columns of a grid need to be.
type sizes struct {
	natural []int // nothing is wrapped
	words   []int // only blanks, and words longer than longWord, are broken
}

// sizesOf are the sizes of rows; what add gets later makes them larger.
func sizesOf(rows ...[]string) (s sizes) {
	s.natural, s.words = make([]int, len(rows[0])), make([]int, len(rows[0]))
	for _, row := range rows {
		s.add(row)
	}
	return s
}

func (s sizes) add(row []string) {
	for i, cell := range row {
		s.natural[i] = max(s.natural[i], measure(cell))
		if len(cell) <= s.words[i] {
			continue // no word of it is wider: none takes more columns than it has bytes
		}
		for word := range strings.FieldsSeq(cell) {
			s.words[i] = max(s.words[i], min(measure(word), longWord))
		}
	}
}

// fit gives widths at which a line of the grid has at most width columns. The
// widest column gives way first, at blanks as long as that is enough, and the
// first column, the name by which a row is found and copied, last.
func (s sizes) fit(width int) []int {
	widths := slices.Clone(s.natural)
	room := width - gap*(len(widths)-1)
	if shrink(widths, s.words, room) {
		return widths
	}
	floor := slices.Repeat([]int{narrow}, len(widths))
	floor[0] = min(widths[0], nodeName)
	if !shrink(widths, floor, room) {
		floor[0] = narrow
		shrink(widths, floor, room)
	}
	return widths
}

// shrink narrows the widest columns, none below its floor, until their sum is
// at most room. It reports whether that was reached.
func shrink(widths, floor []int, room int) bool {
	total := 0
	for _, w := range widths {
		total += w
	}
	for ; total > room; total-- {
		widest := -1
		for i, w := range widths {
			if w > floor[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return true
}

// draw lays the grid out: what is wider than its column may be is wrapped. The
// columns are as wide as given, or, with all the rows there are, only as wide as
// that leaves them.
func (g grid) draw(widths []int, all bool) (drawn, error) {
	rows := make([]cells, len(g.rows))
	for i, row := range g.rows {
		rows[i] = wrapCells(row, widths)
	}
	head := wrapCells(g.headings, widths)
	if all {
		widths = widest(append(slices.Clone(rows), head))
	}
	ruler := make(cells, len(widths))
	for i, width := range widths {
		ruler[i] = []string{strings.Repeat("-", width)}
	}
	var out bytes.Buffer
	table := g.table(&out)
	table.Header(head.joined())
	for _, row := range slices.Concat([]cells{ruler}, rows) {
		if err := table.Append(row.joined()); err != nil {
			return drawn{}, err
		}
	}
	if err := table.Render(); err != nil {
		return drawn{}, err
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	n := head.height()
	d := drawn{head: lines[:n], rule: lines[n]}
	lines = lines[n+2:]
	for _, row := range rows {
		n := row.height()
		d.rows = append(d.rows, lines[:n])
		lines = lines[n:]
	}
	if g.colors != nil {
		g.paint(d.rows, rows, widths)
	}
	return d, nil
}

// paint colours one column of drawn rows. It comes after the layout, so that a
// colour cannot disturb a width.
func (g grid) paint(drawn [][]string, rows []cells, widths []int) {
	start := 0 // where the column begins, in columns of the terminal
	for _, width := range widths[:g.painted] {
		start += width + gap
	}
	for i, lines := range drawn {
		for k, text := range rows[i][g.painted] {
			if text == "" {
				continue
			}
			at := start // in bytes: what stands to the left may have more bytes than columns
			for _, cell := range rows[i][:g.painted] {
				if k < len(cell) {
					at += len(cell[k]) - measure(cell[k])
				}
			}
			line := lines[k]
			lines[k] = line[:at] + g.colors[i] + line[at:at+len(text)] + reset + line[at+len(text):]
		}
	}
}

// cells are one row, wrapped: the lines of each of its cells.
type cells [][]string

func wrapCells(row []string, widths []int) cells {
	c := make(cells, len(row))
	for i, cell := range row {
		if measure(cell) <= widths[i] {
			c[i] = []string{cell}
		} else {
			c[i] = wrap(cell, widths[i], measure)
		}
	}
	return c
}

// widest is how wide each column is.
func widest(rows []cells) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, lines := range row {
			for _, line := range lines {
				widths[i] = max(widths[i], measure(line))
			}
		}
	}
	return widths
}

// height is how many lines of the terminal the row takes.
func (c cells) height() (height int) {
	for _, lines := range c {
		height = max(height, len(lines))
	}
	return height
}

// joined is the row as tablewriter takes it, with line feeds in its cells.
func (c cells) joined() []string {
	joined := make([]string, len(c))
	for i, lines := range c {
		joined[i] = strings.Join(lines, "\n")
	}
	return joined
}

// table is a tablewriter that changes nothing in its cells: they come wrapped.
func (g grid) table(out *bytes.Buffer) *tablewriter.Table {
	last := len(g.headings) - 1
	padding := slices.Repeat([]tw.Padding{{Right: strings.Repeat(" ", gap), Overwrite: true}}, last+1)
	padding[last] = tw.Padding{Overwrite: true}
	align := slices.Repeat([]tw.Align{tw.AlignLeft}, last+1)
	for i, right := range g.right {
		if right {
			align[i] = tw.AlignRight
		}
	}
	look := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Padding:    tw.CellPadding{Global: padding[0], PerColumn: padding},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft, PerColumn: align},
	}
	return tablewriter.NewTable(
		out,
		tablewriter.WithConfig(tablewriter.Config{
			Header: look, Row: look,
			Behavior: tw.Behavior{TrimSpace: tw.Off, TrimLine: tw.Off, TrimTab: tw.Off},
		}),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleASCII),
			Settings: tw.Settings{
				Separators: tw.Separators{ShowHeader: tw.On, BetweenColumns: tw.Off, BetweenRows: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.On},
			},
		})),
	)
}
