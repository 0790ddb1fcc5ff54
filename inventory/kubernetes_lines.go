package inventory

import (
	"bytes"
	"strings"
)

// lineReader reads the YAML of kubectl get nodes -o yaml by its lines, at twenty
// times the speed and without the memory of a YAML parser. It knows the one
// layout that kubectl prints and gives up at anything else, so that the YAML
// parser reads it: another indentation where it matters, escapes, flow style, a
// key twice, text that goes over several lines and comes back to the left.
type lineReader struct {
	nodes   []kubernetesNode
	node    *kubernetesNode // being read; nil: none yet
	section string          // of the node: metadata, status...
	part    string          // of the section: labels, addresses...
	seen    map[string]bool // sections and parts of the node
	quote   byte            // of a text that goes on in the next line; 0: none
	indent  int             // of the key of that text
	ended   bool            // behind the items
	kind    string          // of the list
}

// readKubernetesLines gives the Nodes of a text, or reports that it cannot.
func readKubernetesLines(s Source) ([]kubernetesNode, bool) {
	first, rest, _ := bytes.Cut(s.Text, []byte("\nitems:\n"))
	if string(first) != "apiVersion: v1" || bytes.ContainsAny(s.Text, "\t\r") {
		return nil, false
	}
	r := lineReader{seen: map[string]bool{}}
	at := Position{File: s.Name, Line: 2, Column: 3}
	for line := range bytes.Lines(rest) {
		at.Line++
		text := string(bytes.TrimRight(line, " \n"))
		content := strings.TrimLeft(text, " ")
		if content == "" || content[0] == '#' || strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...") {
			return nil, false
		}
		if !r.line(at, len(text)-len(content), content) {
			return nil, false
		}
	}
	return r.nodes, r.quote == 0 && (r.kind == "List" || r.kind == "NodeList")
}

// line reads one line, and reports whether it could.
func (r *lineReader) line(at Position, indent int, content string) bool {
	if r.quote != 0 {
		if content[len(content)-1] == r.quote {
			r.quote = 0
		}
		return indent > r.indent && !strings.Contains(content[:len(content)-1], `\`)
	}
	if indent == 0 {
		rest, item := strings.CutPrefix(content, "- ")
		switch {
		case item && !r.ended:
			r.nodes = append(r.nodes, kubernetesNode{at: at, labels: map[string]string{}})
			r.node = &r.nodes[len(r.nodes)-1]
			r.section, r.part = "", ""
			clear(r.seen)
			indent, content = 2, rest
		case item:
			return false
		default:
			return r.root(content)
		}
	}
	if r.ended || r.node == nil {
		return r.ended && r.section == "metadata" && r.skip(indent, content)
	}
	rest, item := strings.CutPrefix(content, "- ")
	switch {
	case indent == 1 || indent == 3 || indent > 2 && r.scalar(indent):
		return false // another layout, or text that goes on
	case indent == 4 && item && r.section == "status" && r.part == "addresses":
		r.node.addresses = append(r.node.addresses, kubernetesAddress{})
		return r.member(rest)
	case indent == 2:
		return !item && r.header(&r.section, content)
	case indent == 4 && !item && (r.section == "metadata" || r.section == "status"):
		return r.header(&r.part, content)
	case indent == 6 && r.wanted():
		return r.member(content)
	}
	return !r.wanted() && r.skip(indent, content)
}

// root reads a line of the list itself, behind its items.
func (r *lineReader) root(content string) bool {
	key, text, ok := lineMember(content)
	r.ended, r.section = true, key
	if key == "kind" {
		ok = ok && r.kind == ""
		r.kind = text
	}
	return ok && (key == "kind" || key == "metadata" && text == "")
}

// wanted reports whether the lines of the part that is being read count.
func (r *lineReader) wanted() bool {
	return r.section == "metadata" && r.part == "labels" ||
		r.section == "status" && (r.part == "addresses" || r.part == "nodeInfo")
}

// scalar reports whether nothing may stand at an indent below what was read.
func (r *lineReader) scalar(indent int) bool {
	switch r.section {
	case "metadata":
		return indent > 4 && (r.part == "" || r.part == "name")
	case "status":
		return indent > 4 && r.part == ""
	}
	return r.section == "kind"
}

// header reads a key of a node, or of its metadata or status.
func (r *lineReader) header(level *string, content string) bool {
	key, after, found := strings.Cut(content, ":")
	if !found || firstNotIn(key, isLabelByte) >= 0 || after != "" && after[0] != ' ' {
		return false
	}
	*level = key
	if level == &r.section {
		r.part = ""
	}
	path := r.section + "." + r.part
	if r.seen[path] {
		return false
	}
	r.seen[path] = true
	switch path {
	case "kind.":
		return content == "kind: Node"
	case "metadata.", "status.", "metadata.labels", "status.addresses", "status.nodeInfo":
		return after == "" || path == "status.addresses" && after == " []" || path == "metadata.labels" && after == " {}"
	case "metadata.name":
		var ok bool
		_, r.node.name, ok = lineMember(content)
		return ok
	}
	indent := 2
	if level == &r.part {
		indent = 4
	}
	return r.skip(indent, content)
}

// member reads a label, a field of an address or one of nodeInfo.
func (r *lineReader) member(content string) bool {
	key, text, ok := lineMember(content)
	if !ok {
		return false
	}
	n := r.node
	field := new(string) // of no interest
	switch r.part + "." + key {
	case "addresses.address", "addresses.type":
		if len(n.addresses) == 0 {
			return false
		}
		field = &n.addresses[len(n.addresses)-1].is
		if key == "type" {
			field = &n.addresses[len(n.addresses)-1].of
		}
	case "nodeInfo.kubeletVersion":
		field = &n.kubelet
	case "nodeInfo.operatingSystem":
		field = &n.os
	case "nodeInfo.osImage":
		field = &n.image
	}
	if *field != "" {
		return false
	}
	*field = text
	if r.part == "labels" {
		_, twice := n.labels[key]
		n.labels[key] = text
		return !twice
	}
	return true
}

// lineMember splits "key: value", both in the plainest of forms.
func lineMember(content string) (key, text string, ok bool) {
	key, text, found := strings.Cut(content, ":")
	if !found || key == "" || firstNotIn(key, isLabelByte) >= 0 || !isLetter(key[0]) || text != "" && text[0] != ' ' {
		return "", "", false
	}
	text = strings.TrimLeft(text, " ")
	if text == "" {
		return key, "", true
	}
	if text[0] == '"' || text[0] == '\'' {
		inside := text[1 : len(text)-min(1, len(text)-1)]
		ok = len(text) > 1 && text[len(text)-1] == text[0] && !strings.ContainsAny(inside, `\"'`)
		return key, inside, ok
	}
	plain := func(c byte) bool { return isLabelByte(c) || c == ' ' || c == '(' || c == ')' || c == '+' || c == ':' }
	ok = (isLetter(text[0]) || isDigit(text[0])) && firstNotIn(text, plain) < 0 && !strings.Contains(text+" ", ": ")
	return key, text, ok
}

// skip reads over a line that does not count, and reports whether what follows
// stands to the right of it as long as it belongs to it.
func (r *lineReader) skip(indent int, content string) bool {
	for strings.HasPrefix(content, "- ") {
		content = strings.TrimLeft(content[2:], " ")
		indent += 2
	}
	if content != "" && (content[0] == '"' || content[0] == '\'') {
		return strings.Count(content, content[:1])%2 == 0 && !strings.Contains(content, `\`)
	}
	_, text, _ := strings.Cut(content, ": ")
	text = strings.TrimLeft(text, " ")
	if text == "" {
		return content[0] != '{' && content[0] != '[' && content[0] != '?' || content == "{}" || content == "[]"
	}
	last := text[len(text)-1]
	switch text[0] {
	case '{':
		return last == '}'
	case '[':
		return last == ']'
	case '"', '\'':
		if len(text) == 1 || last != text[0] {
			r.quote, r.indent = text[0], indent
		}
	}
	return true
}
