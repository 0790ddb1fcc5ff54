package inventory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// parseKubernetesWide reads the table of kubectl get nodes -o wide. Columns are
// taken by their place below the header, since values may hold blanks. A column
// of -L is a label by the last part of its key, in lower case; --show-labels
// gives all labels. The rest is as in parseKubernetesJSON.
func parseKubernetesWide(s Source) ([]Node, error) {
	k := kubernetes{file: s.Name, options: s.Options, list: newList()}
	at := Position{File: s.Name}
	var columns []column
	for line := range bytes.Lines(s.Text) {
		at.Line++
		at.Column = 0
		row := strings.TrimRight(string(line), " \t\r\n")
		switch {
		case len(row) > maxLine:
			k.list.errs.stop(tooLong(at))
			return k.list.result()
		case row == "":
		case columns == nil:
			columns = wideColumns(row)
			if problem := checkColumns(columns); problem != "" {
				k.list.errs.stop(mistake(at, row, "%s", problem))
				return k.list.result()
			}
		case !k.full:
			k.row(at, row, columns)
		}
	}
	return k.list.orEmpty(s.Name, "the table that kubectl get nodes -o wide prints")
}

// column is a column of a table, and the byte at which it begins.
type column struct {
	name  string
	begin int
}

// wideColumns are the columns of a header. Names hold no blanks.
func wideColumns(header string) []column {
	var columns []column
	for i := range len(header) {
		if header[i] != ' ' && (i == 0 || header[i-1] == ' ') {
			name, _, _ := strings.Cut(header[i:], " ")
			columns = append(columns, column{name, i})
		}
	}
	return columns
}

// checkColumns says what is wrong with a header; empty: nothing.
func checkColumns(columns []column) string {
	has := func(name string) bool {
		return slices.ContainsFunc(columns, func(c column) bool { return c.name == name })
	}
	switch {
	case len(columns) == 0 || columns[0].name != "NAME" || !has("VERSION"):
		return "expected the header that kubectl get nodes -o wide prints without --no-headers: NAME STATUS ROLES AGE VERSION INTERNAL-IP..."
	case !has("INTERNAL-IP"):
		return "a table without addresses: expected kubectl get nodes -o wide"
	}
	return ""
}

// row reads one line of the table.
func (k *kubernetes) row(at Position, row string, columns []column) {
	node := kubernetesNode{at: at, labels: map[string]string{}}
	for i, c := range columns {
		if len(row) <= c.begin {
			break
		}
		cell := row[c.begin:]
		if i+1 < len(columns) && len(row) > columns[i+1].begin {
			cell = row[c.begin:columns[i+1].begin]
		}
		if c.begin > 0 && row[c.begin-1] != ' ' {
			at.Column = c.begin + 1
			k.list.errs.add(mistake(at, cell, "expected the column %s to begin here, as in the header", quote(c.name)))
			return
		}
		if cell = strings.TrimRight(cell, " "); cell == "<none>" || cell == "<unknown>" {
			continue
		}
		node.cell(c.name, cell)
	}
	k.addNode(node)
}

// cell takes what stands in one column.
func (n *kubernetesNode) cell(column, text string) {
	switch column {
	case "NAME":
		n.name = text
	case "ROLES":
		n.roles = strings.Split(text, ",")
	case "VERSION":
		n.kubelet = text
	case "INTERNAL-IP":
		n.addresses = append(n.addresses, kubernetesAddress{"InternalIP", text})
	case "EXTERNAL-IP":
		n.addresses = append(n.addresses, kubernetesAddress{"ExternalIP", text})
	case "OS-IMAGE":
		n.image = text
	case "STATUS", "AGE", "KERNEL-VERSION", "CONTAINER-RUNTIME":
	case "LABELS":
		for label := range strings.SplitSeq(text, ",") {
			key, value, _ := strings.Cut(label, "=")
			n.labels[key] = value
		}
	default:
		if text != "" {
			n.labels[strings.ToLower(column)] = text
		}
	}
}

// looksKubernetesWide reports the header of kubectl get nodes.
func looksKubernetesWide(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	var names []string
	for i, name := range strings.Fields(string(line[:min(len(line), maxLine)])) {
		if i == 5 {
			break
		}
		names = append(names, name)
	}
	return fmt.Sprint(names) == "[NAME STATUS ROLES AGE VERSION]"
}
