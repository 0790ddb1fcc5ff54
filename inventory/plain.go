package inventory

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine bounds one line of a plain inventory, in bytes.
const maxLine = 64 << 10

// ParsePlain reads the plain format: one node a line, [user@]host[:port], then
// labels, each key=value, separated by blanks.
//
//	# control plane
//	admin@10.0.0.11        group=control-plane
//	worker-1.example:2222  group=workers  zone=eu-1  # the new rack
//	[fe80::1%eth0]:22
//
// "#" begins a comment at the start of a line or after a blank. Blank lines,
// CRLF and a UTF-8 byte order mark are read over. A label value may be empty.
// The errors are those of Parse.
func ParsePlain(file string, r io.Reader) ([]Node, error) {
	list := newList()
	at := Position{File: file}
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, maxLine+len("\r\n"))
	for scan.Scan() {
		at.Line++
		line := scan.Bytes()
		if len(line) > maxLine {
			list.errs.add(tooLong(at))
			return list.result()
		}
		if at.Line == 1 {
			if isUTF16(line) {
				return nil, fmt.Errorf("%s: UTF-16 text: expected UTF-8", file)
			}
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		node, err := parseLine(at, string(line))
		switch {
		case err != nil:
			list.errs.add(err)
		case node.Host != "" && !list.add(node):
			return list.result()
		}
	}
	switch err := scan.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		list.errs.add(tooLong(Position{file, at.Line + 1}))
	case err != nil:
		list.errs.add(fmt.Errorf("%s: %w", file, err))
	case len(list.nodes) == 0 && list.errs.orNil() == nil:
		list.errs.add(fmt.Errorf("%s: no nodes in it: expected one [user@]host[:port] per line", file))
	}
	return list.result()
}

// tooLong ends the reading: what follows is no list of hosts.
func tooLong(at Position) error {
	return fmt.Errorf("%s: line longer than %d bytes: expected one node per line", at, maxLine)
}

// parseLine reads one line. A line without a node gives the zero Node.
func parseLine(at Position, line string) (Node, error) {
	fields := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' })
	for i, field := range fields {
		if field[0] == '#' {
			fields = fields[:i]
			break
		}
	}
	if len(fields) == 0 {
		return Node{}, nil
	}
	node, err := parseAddress(at, fields[0])
	if err != nil {
		return Node{}, err
	}
	if len(fields) > 1 {
		node.Labels, err = parseLabels(at, fields[1:])
	}
	return node, err
}

// parseLabels reads the key=value fields of one line.
func parseLabels(at Position, fields []string) (map[string]string, error) {
	labels := make(map[string]string, len(fields))
	for _, field := range fields {
		key, value, found := strings.Cut(field, "=")
		switch {
		case !found:
			return nil, mistake(at, field, "expected a key=value label after the host, and one node per line")
		case key == "":
			return nil, mistake(at, field, "label without a key: expected key=value")
		case strings.HasPrefix(key, "ansible_"):
			// Taken as a label it would be ignored, and another machine scanned.
			return nil, mistake(at, field, "not an Ansible inventory: expected [user@]host[:port] and labels")
		}
		if _, twice := labels[key]; twice {
			return nil, mistake(at, field, "label %s twice on one line: expected it once", quote(key))
		}
		if i := firstNotIn(key, isLabelByte); i >= 0 || !isLetter(key[0]) && !isDigit(key[0]) {
			return nil, mistake(at, field, "label key %s: expected letters and digits first, then also \".\", \"_\", \"-\" and \"/\"", quote(key))
		}
		if i := firstNotIn(value, isLabelByte); i >= 0 || strings.HasPrefix(value, "-") {
			return nil, mistake(at, field, "label value %s: expected letters, digits, \".\", \"_\", \"-\" and \"/\", and no \"-\" first", quote(value))
		}
		labels[key] = value
	}
	return labels, nil
}

// isLabelByte is the set of Kubernetes label keys, prefix included.
func isLabelByte(c byte) bool { return isNameByte(c) || c == '/' }

// isUTF16 reports a UTF-16 byte order mark, which PowerShell's ">" writes.
func isUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff})
}

// quoteRune shows the character that text begins with.
func quoteRune(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return quote(text[:size])
}
