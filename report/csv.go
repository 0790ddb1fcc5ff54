package report

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode/utf8"
)

// writeCSV writes a header row and one row for each node: comma-separated,
// quoted as RFC 4180 says, lines ending in LF, UTF-8, times in UTC. A list in a
// cell has "; " between its items.
func writeCSV(w io.Writer, run Run, opts Options) error {
	out := csv.NewWriter(w)
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.key
	}
	if err := out.Write(row); err != nil {
		return err
	}
	for r, err := range run.Results {
		if err != nil {
			return err
		}
		for i, c := range columns {
			v := c.cell(&run, opts, &r)
			row[i] = v.String()
			if v.kind != kindNumber {
				row[i] = neutralise(row[i])
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// neutralise puts "'" before a text that a spreadsheet would run as a formula.
// Blanks before it do not stop every spreadsheet. Tab and carriage return are
// escaped by Clean before they come here, and stay in the list in case they
// ever are not.
func neutralise(cell string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, " "))
	switch first {
	case '=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠':
		return "'" + cell
	}
	return cell
}
