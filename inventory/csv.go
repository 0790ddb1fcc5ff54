package inventory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// csvColumns are the columns with a meaning, and the other names that
// spreadsheets and asset databases give them. Case does not count.
var csvColumns = map[string]string{
	"host": "host", "hostname": "host", "name": "host", "node": "host",
	"address": "address", "ip": "address", "ip_address": "address",
	"port": "port", "ssh_port": "port",
	"user": "user", "username": "user", "login": "user", "ssh_user": "user",
	"group": "group",
}

// parseCSV reads comma-separated values (RFC 4180) with a header. A semicolon
// or a tab may stand for the comma, whichever the header has.
//
//	host,address,port,user,group,rack
//	worker-1,10.0.0.21,22,core,workers,"7, row B"
//
// The columns host and address name the node and where it is reached; one of
// the two is enough. Any other column is a label, group among them, unless its
// name looks like a typing error of one that is missing (see column). An empty
// cell says nothing. Rows may be empty and may end in empty cells. The errors
// are those of Parse.
func parseCSV(s Source) ([]Node, error) {
	list := newList()
	in := csv.NewReader(bytes.NewReader(s.Text))
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	in.Comma = separator(firstLine(s.Text))
	t := csvTable{file: s.Name, in: in}
	row, err := in.Read()
	if err == nil {
		err = t.header(row)
	}
	if err != nil {
		list.errs.join(t.explain(err))
		list.errs.ended = true
		return list.result()
	}
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil { // what is quoted is not known any more
			list.errs.stop(t.explain(err))
			break
		}
		if !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
			continue
		}
		node, err := t.node(row)
		if err != nil {
			list.errs.add(err)
		} else if !list.add(node) {
			break
		}
	}
	if list.tried == 0 && list.errs.orNil() == nil {
		list.errs.stop(fmt.Errorf("%s: no nodes in it: expected a row for each behind the header", s.Name))
	}
	return list.result()
}

// looksCSV reports a header: cells of which one is a known column.
func looksCSV(text []byte) bool {
	line := firstLine(text)
	comma := separator(line)
	several := strings.ContainsRune(line, comma)
	for cell := range strings.SplitSeq(line, string(comma)) {
		known := csvColumns[columnName(strings.Trim(cell, `"\r`))]
		if known == "host" || known == "address" || known != "" && several {
			return true
		}
	}
	return false
}

// firstLine is the header, as far as it is one.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimLeft(text, "\r\n"), []byte("\n"))
	return string(line[:min(len(line), maxLine)])
}

// separator is what stands between the cells of a header.
func separator(header string) rune {
	if i := strings.IndexAny(header, ",;\t"); i >= 0 {
		return rune(header[i])
	}
	return ','
}

func columnName(cell string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(cell)), " ", "_")
}

// csvTable reads the rows under one header.
type csvTable struct {
	file  string
	in    *csv.Reader
	kinds []string // of each column: a known one, or "" for a label
	names []string
}

// at is where a cell of the row begins that was read last.
func (t *csvTable) at(i int) Position {
	line, column := t.in.FieldPos(i)
	return Position{File: t.file, Line: line, Column: column}
}

// header learns the columns.
func (t *csvTable) header(row []string) error {
	var errs Errors
	present := make(map[string]bool)
	for _, cell := range row {
		present[csvColumns[columnName(cell)]] = true
	}
	seen := make(map[string]string)
	for i, cell := range row {
		name := strings.TrimSpace(cell)
		key := csvColumns[columnName(name)]
		kind := key
		if key == "" {
			name = strings.ReplaceAll(name, " ", "_")
			key = name
		}
		if kind == "group" {
			name, kind = "group", ""
		}
		if problem := checkColumn(name, kind, present); problem != "" {
			errs.add(mistake(t.at(i), cell, "%s", problem))
		} else if first, twice := seen[key]; twice {
			errs.add(mistake(t.at(i), cell, "the same column as %s: expected it once", quote(first)))
		}
		seen[key] = cell
		t.kinds, t.names = append(t.kinds, kind), append(t.names, name)
	}
	if !slices.Contains(t.kinds, "host") && !slices.Contains(t.kinds, "address") && errs.orNil() == nil {
		errs.add(fmt.Errorf("%s: no column host or address in the header: expected one of them", t.at(0)))
	}
	return errs.orNil()
}

// checkColumn says what is wrong with the name of a column. One that differs by
// a typing error from a known column that is missing, adress or prot, is taken
// for that error where the first letter is right; a known column that is there
// makes it a label.
func checkColumn(name, kind string, present map[string]bool) string {
	if kind != "" {
		return ""
	}
	if name == "" {
		return "column without a name: expected one, or no column"
	}
	for _, known := range []string{"host", "address", "port", "user", "group"} {
		limit := 2
		if len(known) > 6 {
			limit = 3
		}
		word := strings.ToLower(name)
		if d := distance(word, known, limit); !present[known] && d > 0 && d < limit && word[0] == known[0] {
			return "not a known column; did you mean " + known + "? expected another name if it is a label"
		}
	}
	return checkLabelKey(name)
}

// node reads one row.
func (t *csvTable) node(row []string) (Node, error) {
	node := Node{Source: t.at(0)}
	for i, cell := range row {
		cell = strings.TrimSpace(cell)
		switch {
		case cell == "":
			continue
		case i >= len(t.kinds):
			return node, mistake(t.at(i), cell, "more cells than the header has columns, which are %d: expected quotes round a cell with %q", len(t.kinds), t.in.Comma)
		}
		if problem := t.cell(&node, i, cell); problem != "" {
			return node, mistake(t.at(i), cell, "%s", problem)
		}
	}
	switch {
	case len(row) < len(t.kinds):
		return node, fmt.Errorf("%s: %d cells under a header of %d columns: expected as many", t.at(0), len(row), len(t.kinds))
	case node.Name == "" && node.Host == "":
		return node, fmt.Errorf("%s: row without a host: expected one in column host or address", t.at(0))
	case node.Host == "":
		node.Host = node.Name
	case node.Name == "":
		node.Name = address(node.Host, node.Port)
	}
	return node, nil
}

// cell puts one cell into a node, or says what is wrong with it.
func (t *csvTable) cell(node *Node, i int, cell string) (problem string) {
	switch t.kinds[i] {
	case "host":
		node.Name = cell
		return checkHost(cell)
	case "address":
		node.Host = cell
		return checkHost(cell)
	case "port":
		node.Port, problem = parsePort(cell)
		return problem
	case "user":
		node.User = cell
		return checkUser(cell)
	}
	if problem := checkCell(cell); problem != "" {
		return problem
	}
	if node.Labels == nil {
		node.Labels = make(map[string]string)
	}
	node.Labels[t.names[i]] = cell
	return ""
}

// checkCell says what is wrong with the cell of a label. It is more than the
// plain format takes, "7, row B", and nothing that does not show.
func checkCell(cell string) string {
	const longest = 253
	if len(cell) > longest {
		return fmt.Sprintf("cell longer than %d bytes: expected a label", longest)
	}
	if i := strings.IndexFunc(cell, func(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }); i >= 0 {
		return "label with " + quoteRune(cell[i:]) + ": expected characters that show"
	}
	if cell[0] == '-' {
		return `label begins with "-": expected another character`
	}
	return ""
}

// explain gives errors of the CSV reader the position that ours have.
func (t *csvTable) explain(err error) error {
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s: no nodes in it: expected a header and rows", t.file)
	case errors.As(err, &syntax):
		at := Position{File: t.file, Line: syntax.Line, Column: syntax.Column}
		return fmt.Errorf("%s: %w: expected RFC 4180, a quoted cell in \"...\" and a quote in it twice", at, syntax.Err)
	}
	return err
}
