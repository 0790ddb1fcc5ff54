package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxCell bounds what Clean returns, in bytes.
const MaxCell = 4 << 10

// ellipsis ends a text that was cut.
const ellipsis = "…"

// Clean makes a string of any origin fit for a terminal, a file and a log. It
// is one line of visible characters and blanks:
//
//   - line feed, carriage return and tab become \n, \r and \t;
//   - other control characters below U+0080, such as the ESC that begins a
//     terminal's commands, and bytes that are no UTF-8 become \xNN;
//   - everything else that is invisible or changes what stands beside it
//     becomes \u{NNNN}: C1 controls, bidirectional controls, zero-width
//     characters, combining marks, other blanks than the ASCII one, line
//     and paragraph separators, private and unassigned characters.
//
// A backslash stays as it is. So Clean leaves a clean text alone, and cleaning
// twice is cleaning once; the price is that a literal \n of the node looks like
// an escaped line feed.
//
// A result longer than MaxCell is cut between two characters and ends in "…".
func Clean(s string) string {
	if len(s) <= MaxCell && isPlain(s) {
		return s
	}
	var b strings.Builder
	fits := 0 // how much of b leaves room for the ellipsis
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		b.WriteString(visible(r, s[i:i+size]))
		i += size
		if b.Len() > MaxCell {
			return b.String()[:fits] + ellipsis
		}
		if b.Len() <= MaxCell-len(ellipsis) {
			fits = b.Len()
		}
	}
	return b.String()
}

// isPlain is the quick way out for almost every string: printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// visible is what Clean puts for the character r, which raw encodes.
func visible(r rune, raw string) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r == utf8.RuneError && len(raw) == 1, r < ' ', r == 0x7f:
		return fmt.Sprintf(`\x%02X`, raw[0])
	case !unicode.IsPrint(r), unicode.In(r, unicode.Mn, unicode.Me, unicode.Other_Default_Ignorable_Code_Point):
		return fmt.Sprintf(`\u{%04X}`, r)
	}
	return raw
}
