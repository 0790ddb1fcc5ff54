package inventory

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxLine bounds one line of a plain inventory, in bytes.
const maxLine = 64 << 10

// parsePlain reads the plain format: one node a line, [user@]host[:port], then
// labels, each key=value, separated by blanks. A host with ranges stands for
// several nodes with the same labels (see ranges.go).
//
//	# control plane
//	admin@10.0.0.11         group=control-plane
//	worker-[01-40].example  group=workers  zone=eu-1  # the new rack
//	[fe80::1%eth0]:22
//
// "#" begins a comment at the start of a line or after a blank. Blank lines and
// CRLF are read over. A label value may be empty. The errors are those of Parse.
func parsePlain(s Source) ([]Node, error) {
	list := newList()
	at := Position{File: s.Name}
	known := make(map[string]map[string]string)
	for line := range bytes.Lines(s.Text) {
		at.Line++
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) > maxLine {
			list.errs.stop(tooLong(at))
			return list.result()
		}
		nodes, err := parseLine(at, string(line), known)
		if err != nil {
			list.errs.add(err)
		}
		for _, node := range nodes {
			if !list.add(node) {
				return list.result()
			}
		}
	}
	if list.tried == 0 && list.errs.orNil() == nil {
		list.errs.stop(fmt.Errorf("%s: no nodes in it: expected one [user@]host[:port] per line", s.Name))
	}
	return list.result()
}

// looksPlain takes anything: the plain list is the last of Formats.
func looksPlain([]byte) bool { return true }

// tooLong ends the reading: what follows is no list of hosts.
func tooLong(at Position) error {
	return fmt.Errorf("%s: line longer than %d bytes: expected one node per line", at, maxLine)
}

// maxKnown bounds how many sets of labels are kept for lines that have the same:
// a fleet has few, and a map for each node would be most of an inventory.
const maxKnown = 1000

// parseLine reads one line; nil: there is no node on it. Known are the labels of
// other lines, by their text.
func parseLine(at Position, line string, known map[string]map[string]string) ([]Node, error) {
	fields := splitFields(at, line)
	if len(fields) == 0 {
		return nil, nil
	}
	nodes, err := parseAddresses(fields[0].at, fields[0].text)
	if err != nil || len(fields) == 1 {
		return nodes, err
	}
	text := line[fields[1].at.Column-1:]
	labels := known[text]
	if labels == nil {
		if labels, err = parseLabels(fields[1:]); err != nil {
			return nil, err
		}
		if len(known) < maxKnown {
			known[text] = labels
		}
	}
	for i := range nodes {
		nodes[i].Labels = labels
	}
	return nodes, nil
}

// field is one word of a line.
type field struct {
	at   Position
	text string
}

// splitFields splits a line at blanks, up to its comment.
func splitFields(at Position, line string) []field {
	var fields []field
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		if line[i] == '#' {
			break
		}
		end := strings.IndexAny(line[i:], " \t")
		if end < 0 {
			end = len(line) - i
		}
		at.Column = i + 1
		fields = append(fields, field{at, line[i : i+end]})
		i += end
	}
	return fields
}

// parseLabels reads the key=value fields of one line.
func parseLabels(fields []field) (map[string]string, error) {
	labels := make(map[string]string, len(fields))
	for _, f := range fields {
		at, field := f.at, f.text
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
		if problem := checkLabelKey(key); problem != "" {
			return nil, mistake(at, field, "%s", problem)
		}
		if i := firstNotIn(value, isLabelByte); i >= 0 || strings.HasPrefix(value, "-") {
			return nil, mistake(at, field, "label value %s: expected letters, digits, \".\", \"_\", \"-\" and \"/\", and no \"-\" first", quote(value))
		}
		labels[key] = value
	}
	return labels, nil
}

// checkLabelKey says what is wrong with the key of a label; empty: nothing.
func checkLabelKey(key string) string {
	if firstNotIn(key, isLabelByte) >= 0 || key == "" || !isLetter(key[0]) && !isDigit(key[0]) {
		return "label key " + quote(key) + `: expected letters and digits first, then also ".", "_", "-" and "/"`
	}
	return ""
}

// isLabelByte is the set of Kubernetes label keys, prefix included.
func isLabelByte(c byte) bool { return isNameByte(c) || c == '/' }

// isUTF16 reports a UTF-16 byte order mark, which PowerShell's ">" writes.
func isUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff})
}

// checkText refuses an archive, an image or a program, which would be wrong in
// every line. It looks for what the WHATWG's standard MIME Sniffing calls a
// binary data byte, as that does in the first 1445 bytes.
func checkText(text []byte, expected string) error {
	for i, c := range text[:min(len(text), 1445)] {
		if c <= 0x08 || c == 0x0b || 0x0e <= c && c <= 0x1a || 0x1c <= c && c <= 0x1f {
			return fmt.Errorf("not text, byte %d is %s: expected %s", i+1, quote(string(text[i:i+1])), expected)
		}
	}
	return nil
}

// quoteRune shows the character that text begins with.
func quoteRune(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return quote(text[:size])
}
