package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlReader turns the nodes of a YAML document into values: aliases and merge
// keys ("<<") written out, in bounds.
type yamlReader struct {
	file  string
	errs  *Errors
	left  int // values that may still be made
	depth int
}

// readYAML reads a text of one document into one value, and reports whether its
// syntax is right.
func readYAML(s Source, errs *Errors) (value, bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(s.Text))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return value{}, true
	}
	if err == nil {
		err = decoder.Decode(&second)
		if err == nil {
			at := Position{File: s.Name, Line: second.Line}
			errs.stop(fmt.Errorf("%s: a second YAML document: expected one in each file", at))
			return value{}, false
		}
	}
	if !errors.Is(err, io.EOF) && err != nil {
		errs.stop(yamlError(s.Name, err))
		return value{}, false
	}
	// A value without an alias needs a byte of the text, so that only a file
	// of aliases of aliases comes to the limit.
	r := yamlReader{file: s.Name, errs: errs, left: 1000 + 2*len(s.Text)}
	return r.value(document.Content[0]), r.left > 0
}

// yamlError gives an error of the YAML parser, "yaml: line 3: ...", a position.
func yamlError(file string, err error) error {
	at := Position{File: file}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if number, problem, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(number); err == nil {
				at.Line, message = line, problem
			}
		}
	}
	return fmt.Errorf("%s: not YAML: %s", at, quote(message))
}

// mark is a value of that kind where n stands.
func (r *yamlReader) mark(k kind, n *yaml.Node) value {
	return value{kind: k, text: n.Value, line: int32(n.Line), column: int32(n.Column)}
}

// value turns n into a value.
func (r *yamlReader) value(n *yaml.Node) value {
	if r.left--; r.left <= 0 {
		if r.left == 0 {
			r.errs.stop(mistake(r.mark(nullKind, n).at(r.file), n.Value, "the aliases of the file make too much of it: expected it written out"))
		}
		return value{}
	}
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > maxNesting {
		r.errs.stop(mistake(r.mark(nullKind, n).at(r.file), n.Value, "expected no more than %d levels", maxNesting))
		r.left = 0
		return value{}
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.value(n.Alias)
	case yaml.SequenceNode:
		v := r.mark(listKind, n)
		v.items = make([]value, 0, len(n.Content))
		for _, item := range n.Content {
			v.items = append(v.items, r.value(item))
		}
		return v
	case yaml.MappingNode:
		return r.mapping(n)
	}
	return r.scalar(n)
}

// mapping turns a mapping into a value. Its own keys go before those that it
// merges, and of these the first before later ones (yaml.org/type/merge.html).
func (r *yamlReader) mapping(n *yaml.Node) value {
	v := r.mark(mapKind, n)
	v.items = make([]value, 0, len(n.Content))
	var merged []value
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].ShortTag() == "!!merge" {
			merged = append(merged, r.value(n.Content[i+1]))
			continue
		}
		key := r.value(n.Content[i])
		if key.kind == listKind || key.kind == mapKind || key.kind == vaultKind {
			r.errs.stop(mistake(key.at(r.file), key.show(), "expected text as a key"))
			continue
		}
		v.items = append(v.items, key, r.value(n.Content[i+1]))
	}
	v.refuseDuplicates(r.file, r.errs)
	for len(merged) > 0 {
		from := merged[0]
		merged = merged[1:]
		switch from.kind {
		case listKind:
			merged = slices.Concat(from.items, merged)
		case mapKind:
			v.merge(from)
		default:
			r.errs.stop(mistake(from.at(r.file), from.show(), `expected a mapping after "<<"`))
		}
	}
	return v
}

// merge adds the members of from whose keys v has not.
func (v *value) merge(from value) {
	has := make(map[string]bool, len(v.items)/2)
	for i := 0; i < len(v.items); i += 2 {
		has[v.items[i].text] = true
	}
	for i := 0; i < len(from.items); i += 2 {
		if !has[from.items[i].text] {
			v.items = append(v.items, from.items[i], from.items[i+1])
		}
	}
}

// scalar turns a scalar into a value.
func (r *yamlReader) scalar(n *yaml.Node) value {
	v := r.mark(textKind, n)
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp", "!!merge", "!unsafe":
		// Ansible reads YAML 1.1, where these words are booleans.
		if n.Style == 0 && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(n.Value)) {
			v.kind = boolKind
		}
	case "!!null":
		v.kind = nullKind
	case "!!bool":
		v.kind = boolKind
	case "!!int", "!!float":
		v.kind = numberKind
	case "!vault", "!vault-encrypted":
		v.kind = vaultKind
	default:
		r.errs.stop(mistake(v.at(r.file), tag, "unknown YAML tag: expected text, a number or a boolean"))
	}
	return v
}

// parseYAML reads a list of nodes, or a mapping with such a list as "nodes":
//
//	nodes:
//	- 10.0.0.[1-9]
//	- {name: w1, address: 10.0.1.1, port: 22, user: core, labels: {role: worker}, groups: [rack-1]}
//
// A string is a node of the plain format. The errors are those of Parse.
func parseYAML(s Source) ([]Node, error) {
	list := newList()
	if root, ok := readYAML(s, &list.errs); ok {
		list.addNodes(s.Name, root)
	}
	return list.orEmpty(s.Name, "a list of nodes")
}

// looksYAML reports a text whose first line with anything in it is "---", the
// element of a list or a key.
func looksYAML(text []byte) bool {
	for line := range yamlLines(text) {
		if isMarker(line) {
			return true
		}
		if rest, ok := bytes.CutPrefix(line, []byte("-")); ok {
			return len(rest) == 0 || rest[0] == ' '
		}
		return yamlKey(line) != ""
	}
	return false
}

// isMarker reports the line that begins a YAML document, or sets its version.
func isMarker(line []byte) bool {
	return bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("%YAML"))
}

// yamlLines are the lines of a text without blank lines, comments and the blanks
// at the end of lines.
func yamlLines(text []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(text) {
			line = bytes.TrimRight(line, " \t\r\n")
			begin := bytes.TrimLeft(line, " \t")
			if len(begin) > 0 && begin[0] != '#' && !yield(line) {
				return
			}
		}
	}
}

// yamlKey is the key that a line begins with, without quotes; empty: none.
func yamlKey(line []byte) string {
	for i, c := range line {
		if c == ':' && (i+1 == len(line) || line[i+1] == ' ') {
			return string(bytes.Trim(line[:i], ` '"`))
		}
		if c == ' ' && i > 0 && line[i-1] != ' ' || c == '=' || c == '[' {
			return ""
		}
	}
	return ""
}

// yamlTop calls f with the keys that stand at the beginning of a line, until f
// says that it has seen enough.
func yamlTop(text []byte, f func(key string) (enough bool)) {
	for line := range yamlLines(text) {
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		if key := yamlKey(line); key != "" && f(key) {
			return
		}
	}
}
