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
	first int    // the line of its first byte, of an empty text, too; 0: it stood nowhere
	marks []mark // where it goes on to other lines, in order of offset; nil: it does not
}

// mark says that the bytes from offset on stood on line.
type mark struct{ offset, line int }

// marksUpTo is how many marks are at offset or before it.
func (t text) marksUpTo(offset int) int {
	return sort.Search(len(t.marks), func(i int) bool { return t.marks[i].offset > offset })
}

// line is where the byte at offset stood; 0 for a text that stood nowhere.
func (t text) line(offset int) int {
	if n := t.marksUpTo(offset); n > 0 {
		return t.marks[n-1].line
	}
	return t.first
}

// slice is the bytes from i to j.
func (t text) slice(i, j int) text {
	out := text{s: t.s[i:j], first: t.line(i)}
	if from, to := t.marksUpTo(i), t.marksUpTo(j-1); from < to {
		out.marks = slices.Clone(t.marks[from:to])
		for k := range out.marks {
			out.marks[k].offset -= i
		}
	}
	return out
}

// trim takes blanks off both ends.
func (t text) trim() text {
	right := len(strings.TrimRight(t.s, blanks))
	left := right - len(strings.TrimLeft(t.s[:right], blanks))
	return t.slice(left, right)
}

// builder makes a text piece by piece.
type builder struct {
	strings.Builder
	first int
	marks []mark
}

func newBuilder(line int) *builder {
	return &builder{first: line}
}

// add appends what stood on one line.
func (b *builder) add(line int, s string) {
	last := b.first
	if n := len(b.marks); n > 0 {
		last = b.marks[n-1].line
	}
	switch {
	case b.Len() == 0:
		b.first = line
	case last != line:
		b.marks = append(b.marks, mark{b.Len(), line})
	}
	b.WriteString(s)
}

// addText appends a text with the lines it stood on.
func (b *builder) addText(t text) {
	from, line := 0, t.first
	for _, m := range t.marks {
		b.add(line, t.s[from:m.offset])
		from, line = m.offset, m.line
	}
	b.add(line, t.s[from:])
}

func (b *builder) text() text { return text{b.String(), b.first, b.marks} }
