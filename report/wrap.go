package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Wrap breaks a clean text into lines of at most width columns of a terminal:
// at blanks, and a word that is longer than a line wherever it must be. There is
// at least one line.
func Wrap(text string, width int) []string { return wrap(text, width, measure) }

// wrap breaks a clean text into lines of at most width terminal columns, as
// measure counts them: at blanks, and inside a word that is longer than a line
// also after punctuation, or anywhere if there is none. Nothing but blanks is
// lost. There is at least one line.
func wrap(s string, width int, measure func(string) int) []string {
	var lines []string
	line := ""
	for _, p := range pieces(s, width, measure) {
		joined := line + p.text
		if p.blank && line != "" {
			joined = line + " " + p.text
		}
		if line != "" && measure(joined) > width {
			lines = append(lines, line)
			joined = p.text
		}
		line = joined
	}
	return append(lines, line)
}

// piece is a part of a text that stays on one line.
type piece struct {
	text  string
	blank bool // stands after a blank
}

// pieces splits a text into parts that fit a line.
func pieces(s string, width int, measure func(string) int) []piece {
	var all []piece
	for _, word := range strings.Fields(s) {
		if measure(word) <= width {
			all = append(all, piece{word, true})
			continue
		}
		blank := true
		for part := range strings.SplitSeq(breakable(word), "\n") {
			for part != "" {
				n := prefix(part, width, measure)
				all = append(all, piece{part[:n], blank})
				part, blank = part[n:], false
			}
		}
	}
	return all
}

// breakable puts a line feed, which no clean text has, wherever a long word may
// be broken: between punctuation and a letter or digit, unless all before it is
// punctuation too, as in --flag and /path.
func breakable(word string) string {
	var b strings.Builder
	said, afterPunctuation := false, false
	for _, r := range word {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		if letter && said && afterPunctuation {
			b.WriteByte('\n')
			said = false
		}
		said = said || letter
		afterPunctuation = strings.ContainsRune("/-.=,;_@", r)
		b.WriteRune(r)
	}
	return b.String()
}

// prefix is the length in bytes of the longest beginning of s that fits width,
// and at least one character.
func prefix(s string, width int, measure func(string) int) int {
	_, n := utf8.DecodeRuneInString(s)
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		if measure(s[:n+size]) > width {
			break
		}
		n += size
	}
	return n
}
