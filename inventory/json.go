package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// maxNesting bounds how deep the values of a JSON or YAML text may be nested.
const maxNesting = 500

// shape names the members of a mapping that a reader keeps; it reads over the
// others. A list hands its shape to its elements; "*" is any other key; an
// empty shape keeps all.
type shape map[string]shape

// of is the shape of a member and whether it is kept.
func (s shape) of(key []byte) (shape, bool) {
	if len(s) == 0 {
		return nil, true
	}
	if inner, ok := s[string(key)]; ok {
		return inner, true
	}
	inner, ok := s["*"]
	return inner, ok
}

// jsonReader reads one JSON text (RFC 8259) from its start to its end.
//
// encoding/json gives no positions and takes a key that is there twice; its
// Decoder.Token gives offsets at a tenth of the speed. The first error of the
// syntax ends the reading: every later call does nothing.
type jsonReader struct {
	file   string
	text   []byte
	errs   *Errors
	broken bool // the syntax is wrong, and reading has ended
	next   int  // offset of what is read next
	depth  int
	keys   map[string]string // keys that were seen, to hold each once

	line, lineStart, counted int // line and its offset at the offset counted
}

func newJSONReader(s Source, errs *Errors) *jsonReader {
	return &jsonReader{file: s.Name, text: s.Text, errs: errs, keys: map[string]string{}, line: 1}
}

// readJSON reads a whole text into one value, and reports whether its syntax
// is right.
func readJSON(s Source, keep shape, errs *Errors) (value, bool) {
	r := newJSONReader(s, errs)
	v := r.value(keep)
	r.end()
	return v, !r.broken
}

// mark is a value of that kind at offset, which must not go back by lines:
// otherwise the counting begins at the start again.
func (r *jsonReader) mark(k kind, offset int) value {
	if offset < r.lineStart {
		r.line, r.lineStart, r.counted = 1, 0, 0
	}
	if offset > r.counted {
		between := r.text[r.counted:offset]
		if n := bytes.Count(between, []byte{'\n'}); n > 0 {
			r.line += n
			r.lineStart = r.counted + bytes.LastIndexByte(between, '\n') + 1
		}
		r.counted = offset
	}
	return value{kind: k, line: int32(r.line), column: int32(offset - r.lineStart + 1)}
}

// fail records the first error of the syntax, at offset.
func (r *jsonReader) fail(offset int, format string, args ...any) {
	if !r.broken {
		r.broken = true
		offset = min(offset, len(r.text))
		at := r.mark(nullKind, offset).at(r.file)
		shown := "end of text"
		if offset < len(r.text) {
			_, size := utf8.DecodeRune(r.text[offset:])
			shown = string(r.text[offset : offset+size])
		}
		r.errs.stop(mistake(at, shown, "not JSON: %s", fmt.Sprintf(format, args...)))
	}
	r.next = len(r.text)
}

// peek reads over white space and gives the next byte; 0: none.
func (r *jsonReader) peek() byte {
	for ; r.next < len(r.text); r.next++ {
		if c := r.text[r.next]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

// end expects the end of the text.
func (r *jsonReader) end() {
	if r.peek() != 0 || r.next < len(r.text) {
		r.fail(r.next, "expected the end of the text after the value")
	}
}

// members calls f for each element of the list, or member of the mapping, that
// begins here with open; f must read the value. The key is nil in a list.
func (r *jsonReader) members(open, closing byte, f func(key []byte, at int)) {
	r.next++
	if r.depth++; r.depth > maxNesting {
		r.fail(r.next-1, "expected no more than %d levels", maxNesting)
	}
	defer func() { r.depth-- }()
	for first := true; !r.broken; first = false {
		c := r.peek()
		switch {
		case c == closing && first:
			r.next++
			return
		case !first && c == closing:
			r.next++
			return
		case !first && c != ',':
			r.fail(r.next, `expected "," or %q`, closing)
			return
		case !first:
			r.next++
			c = r.peek()
		}
		var key []byte
		at := r.next
		if open == '{' {
			if c != '"' {
				r.fail(r.next, `expected a key in double quotes`)
				return
			}
			key = r.string()
			if !r.broken && r.peek() != ':' {
				r.fail(r.next, `expected ":" after the key`)
			}
			r.next++
		}
		if !r.broken {
			f(key, at)
		}
	}
}

// value reads the next value; of mappings only what keep names.
func (r *jsonReader) value(keep shape) value {
	c := r.peek()
	at := r.next
	switch c {
	case '{':
		v := r.mark(mapKind, at)
		r.members('{', '}', func(key []byte, at int) {
			inner, wanted := keep.of(key)
			if !wanted {
				r.skip()
				return
			}
			name := r.mark(textKind, at)
			name.text = r.intern(key)
			v.items = append(v.items, name, r.value(inner))
		})
		v.refuseDuplicates(r.file, r.errs)
		return v
	case '[':
		v := r.mark(listKind, at)
		r.members('[', ']', func([]byte, int) { v.items = append(v.items, r.value(keep)) })
		return v
	case '"':
		v := r.mark(textKind, at)
		v.text = string(r.string())
		return v
	}
	k := r.scalar()
	v := r.mark(k, at)
	v.text = string(r.text[min(at, r.next):r.next])
	return v
}

// intern gives the string of a key; nodes share their keys.
func (r *jsonReader) intern(key []byte) string {
	s, ok := r.keys[string(key)]
	if !ok {
		s = string(key)
		if len(r.keys) < 1000 {
			r.keys[s] = s
		}
	}
	return s
}

// skip reads over the next value, and still checks its syntax.
func (r *jsonReader) skip() {
	switch r.peek() {
	case '{':
		r.members('{', '}', func([]byte, int) { r.skip() })
	case '[':
		r.members('[', ']', func([]byte, int) { r.skip() })
	case '"':
		r.string()
	default:
		r.scalar()
	}
}

// string reads the string that begins here. The bytes are those of the text
// unless an escape stands in it.
func (r *jsonReader) string() []byte {
	start := r.next
	escaped, ascii := false, true
	for i := start + 1; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.next = i + 1
			switch {
			case escaped:
				return r.unescape(start)
			case !ascii && !utf8.Valid(r.text[start+1:i]):
				r.fail(start, "expected UTF-8")
				return nil
			}
			return r.text[start+1 : i]
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			r.fail(i, "expected no control character in a string")
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.fail(start, "expected a double quote at the end of the string")
	return nil
}

// unescape leaves the escapes of a string, which are rare, to encoding/json.
func (r *jsonReader) unescape(start int) []byte {
	raw := r.text[start:r.next]
	var s string
	if err := json.Unmarshal(raw, &s); err != nil || !utf8.Valid(raw) {
		r.fail(start, "expected a string of UTF-8 with escapes as in \\n or \\u0041")
		return nil
	}
	return []byte(s)
}

// scalar reads a number, true, false or null.
func (r *jsonReader) scalar() kind {
	start := r.next
	for r.next < len(r.text) && (isNameByte(r.text[r.next]) || r.text[r.next] == '+') {
		r.next++
	}
	switch word := r.text[start:r.next]; {
	case string(word) == "null":
		return nullKind
	case string(word) == "true", string(word) == "false":
		return boolKind
	case len(word) > 0 && !isLetter(word[0]) && json.Valid(word):
		return numberKind
	}
	r.fail(start, "expected a value")
	return nullKind
}

// looksJSON reports a text that begins as JSON does. An Ansible file may begin
// with "[" too, but then a group's name follows.
func looksJSON(text []byte) bool {
	rest := bytes.TrimLeft(text, " \t\r\n")
	switch {
	case bytes.HasPrefix(rest, []byte("{")):
		return true
	case !bytes.HasPrefix(rest, []byte("[")):
		return false
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	return len(rest) > 0 && (rest[0] == '"' || rest[0] == '{' || rest[0] == ']')
}

// jsonKeys calls f with the keys of the mapping that text is, until f says that
// it has seen enough.
func jsonKeys(text []byte, f func(key string) (enough bool)) {
	r := newJSONReader(Source{Text: text}, new(Errors))
	if r.peek() != '{' {
		return
	}
	r.members('{', '}', func(key []byte, _ int) {
		if f(string(key)) {
			r.next = len(r.text)
			return
		}
		r.skip()
	})
}

// parseJSON reads a list of nodes, or an object with such a list as "nodes":
//
//	["10.0.0.[1-9]", {"name": "w1", "address": "10.0.1.1", "port": 22, "user": "core",
//	  "labels": {"role": "worker"}, "groups": ["rack-1"]}]
//
// A string is a node of the plain format. The errors are those of Parse.
func parseJSON(s Source) ([]Node, error) {
	list := newList()
	if root, ok := readJSON(s, nil, &list.errs); ok {
		list.addNodes(s.Name, root)
	}
	return list.orEmpty(s.Name, "a list of nodes")
}
