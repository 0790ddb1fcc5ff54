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

	painted int                  // the column that color is for
	color   func(row int) string // the escape sequence that begins its colour; nil: no colour
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

// natural are the widths at which nothing is wrapped.
func (g grid) natural() []int {
	return g.widest(measure)
}

// words are the widths at which only blanks, and words longer than longWord,
// are broken.
func (g grid) words() []int {
	return g.widest(func(s string) (widest int) {
		for word := range strings.FieldsSeq(s) {
			widest = max(widest, measure(word))
		}
		return min(widest, longWord)
	})
}

func (g grid) widest(of func(string) int) []int {
	widths := make([]int, len(g.headings))
	for i, heading := range g.headings {
		widths[i] = of(heading)
		for _, row := range g.rows {
			widths[i] = max(widths[i], of(row[i]))
		}
	}
	return widths
}

// fit gives widths at which a line of the grid has at most width columns. The
// widest column gives way first, at blanks as long as that is enough, and the
// first column, the name by which a row is found and copied, last.
func (g grid) fit(width int) []int {
	widths := g.natural()
	room := width - gap*(len(widths)-1)
	if shrink(widths, g.words(), room) {
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

// draw lays the grid out at the given widths; nil is unlimited.
func (g grid) draw(widths []int) (drawn, error) {
	var out bytes.Buffer
	table := g.table(&out)
	head := wrapCells(g.headings, widths)
	rows := make([]cells, len(g.rows))
	table.Header(head.joined())
	for i, row := range g.rows {
		rows[i] = wrapCells(row, widths)
		if err := table.Append(rows[i].joined()); err != nil {
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
	if widths == nil { // one long reason would make the rule as long
		d.rule = strings.Repeat("-", measure(lines[0]))
	}
	lines = lines[n+1:]
	for _, row := range rows {
		n := row.height()
		d.rows = append(d.rows, lines[:n])
		lines = lines[n:]
	}
	if g.color != nil {
		g.paint(d.rows, append(rows, head))
	}
	return d, nil
}

// paint colours one column of drawn rows. It comes after the layout, so that a
// colour cannot disturb a width. The cells of the heading are the last.
func (g grid) paint(drawn [][]string, rows []cells) {
	start := 0 // where the column begins, in columns of the terminal
	for i := range g.painted {
		width := 0
		for _, row := range rows {
			for _, line := range row[i] {
				width = max(width, measure(line))
			}
		}
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
			lines[k] = line[:at] + g.color(i) + line[at:at+len(text)] + reset + line[at+len(text):]
		}
	}
}

// cells are one row, wrapped: the lines of each of its cells.
type cells [][]string

func wrapCells(row []string, widths []int) cells {
	c := make(cells, len(row))
	for i, cell := range row {
		if widths == nil || measure(cell) <= widths[i] {
			c[i] = []string{cell}
		} else {
			c[i] = wrap(cell, widths[i], measure)
		}
	}
	return c
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
