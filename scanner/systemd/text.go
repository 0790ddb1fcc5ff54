package systemd

import (
	"slices"
	"sort"
	"strings"
)

// blanks are what systemd calls WHITESPACE.
const blanks = " \t\n\r"

// text is a string that remembers on which line each of its bytes stood. It
// keeps that through joining, unquoting and splitting.
type text struct {
	s     string
	marks []mark // in order of offset; the first is at 0, also in an empty text
}

// mark says that the bytes from offset on stood on line.
type mark struct{ offset, line int }

// markAt is the index of the mark that covers offset.
func (t text) markAt(offset int) int {
	return max(0, sort.Search(len(t.marks), func(i int) bool { return t.marks[i].offset > offset })-1)
}

// line is where the byte at offset stood; 0 for a text that stood nowhere.
func (t text) line(offset int) int {
	if len(t.marks) == 0 {
		return 0
	}
	return t.marks[t.markAt(offset)].line
}

// slice is the bytes from i to j.
func (t text) slice(i, j int) text {
	if len(t.marks) == 0 {
		return text{s: t.s[i:j]}
	}
	last := max(i, j-1)
	marks := slices.Clone(t.marks[t.markAt(i) : t.markAt(last)+1])
	for k := range marks {
		marks[k].offset = max(0, marks[k].offset-i)
	}
	return text{t.s[i:j], marks}
}

// trim takes blanks off both ends.
func (t text) trim() text {
	right := len(strings.TrimRight(t.s, blanks))
	left := right - len(strings.TrimLeft(t.s[:right], blanks))
	return t.slice(left, right)
}

// builder makes a text piece by piece.
type builder struct {
	buf   []byte
	marks []mark
}

func newBuilder(line int) *builder {
	return &builder{marks: []mark{{0, line}}}
}

// add appends what stood on one line.
func (b *builder) add(line int, s string) {
	switch last := &b.marks[len(b.marks)-1]; {
	case last.line == line:
	case last.offset == len(b.buf):
		last.line = line
	default:
		b.marks = append(b.marks, mark{len(b.buf), line})
	}
	b.buf = append(b.buf, s...)
}

// addText appends a text with the lines it stood on.
func (b *builder) addText(t text) {
	for i, m := range t.marks {
		end := len(t.s)
		if i+1 < len(t.marks) {
			end = t.marks[i+1].offset
		}
		b.add(m.line, t.s[m.offset:end])
	}
}

func (b *builder) text() text { return text{string(b.buf), b.marks} }
