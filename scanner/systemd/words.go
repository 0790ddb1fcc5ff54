package systemd

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// escapes says what a backslash does.
type escapes uint8

const (
	// strict: a C-style escape, and anything else is an error.
	strict escapes = iota
	// lenient: a C-style escape, and anything else stays as it is written.
	lenient
	// plain: the next byte stands for itself. Quotes need not be closed. This
	// is how the value of a variable is split.
	plain
)

var (
	errEscape = errors.New("unknown escape sequence")
	errQuote  = errors.New("unbalanced quoting")
)

// special are the bytes of a word that do not stand for themselves.
const special = `"'\`

// words splits a text at blanks, takes quotes off, wherever in a word they
// stand, and undoes escapes: extract_first_word() of systemd.
type words struct {
	in text
	at int
}

// rest is what is still to be split, without leading blanks.
func (w *words) rest() string {
	rest := strings.TrimLeft(w.in.s[w.at:], blanks)
	w.at = len(w.in.s) - len(rest)
	return rest
}

// next is the next word; ok is false at the end.
func (w *words) next(mode escapes) (word text, ok bool, err error) {
	if w.rest() == "" {
		return text{}, false, nil
	}
	word = w.upTo(blanks + special)
	if w.at == len(w.in.s) || strings.IndexByte(blanks, w.in.s[w.at]) >= 0 {
		return word, true, nil
	}
	out := newBuilder(w.in.line(w.at))
	out.addText(word)
	quote := ""
	for w.at < len(w.in.s) {
		c, line := w.in.s[w.at:w.at+1], w.in.line(w.at)
		switch {
		case c == `\`:
			w.at++
			if err := w.escape(out, line, mode, quote != ""); err != nil {
				return text{}, false, err
			}
		case c == quote:
			w.at++
			quote = ""
		case quote != "":
			out.addText(w.upTo(quote + `\`))
		case c == `"` || c == `'`:
			w.at++
			quote = c
		case strings.Contains(blanks, c):
			return out.text(), true, nil
		default:
			out.addText(w.upTo(blanks + special))
		}
	}
	if quote != "" && mode != plain {
		return text{}, false, errQuote
	}
	return out.text(), true, nil
}

// upTo takes what stands before the first of stops.
func (w *words) upTo(stops string) text {
	from := w.at
	if n := strings.IndexAny(w.in.s[from:], stops); n >= 0 {
		w.at += n
	} else {
		w.at = len(w.in.s)
	}
	return w.in.slice(from, w.at)
}

// nextForgiving is how commands are split: a word with an unknown escape is
// read once more, and the escape stays in it.
func (w *words) nextForgiving() (word text, ok bool, err error) {
	start := w.at
	word, ok, err = w.next(strict)
	if err != nil {
		w.at = start
		word, ok, err = w.next(lenient)
	}
	return word, ok, err
}

// escape reads what follows a backslash.
func (w *words) escape(out *builder, line int, mode escapes, quoted bool) error {
	rest := w.in.s[w.at:]
	switch {
	case mode == plain && rest == "":
		return nil
	case mode == plain:
		out.add(line, rest[:1])
		w.at++
		return nil
	case rest == "" && mode == lenient && !quoted:
		out.add(line, `\`)
		return nil
	case rest == "":
		return errQuote
	}
	decoded, n := cEscape(rest)
	switch {
	case n > 0:
		out.add(line, decoded)
		w.at += n
	case mode == lenient:
		out.add(line, `\`+rest[:1])
		w.at++
	default:
		return errEscape
	}
	return nil
}

// simpleEscapes are the escapes of one letter in table 1 of systemd.syntax(7).
const (
	simpleEscapes  = `abfnrtv\"'s`
	simpleMeanings = "\a\b\f\n\r\t\v\\\"' "
)

// cEscape decodes the escape whose text after the backslash begins s, and
// says how many bytes of s it took: 0 for one that table 1 of
// systemd.syntax(7) does not have. NUL is refused in every spelling.
func cEscape(s string) (decoded string, n int) {
	if i := strings.IndexByte(simpleEscapes, s[0]); i >= 0 {
		return simpleMeanings[i : i+1], 1
	}
	switch s[0] {
	case 'x':
		if b, ok := number(s, 1, 3, 16, 8); ok {
			return string([]byte{byte(b)}), 3
		}
	case 'u':
		if r, ok := number(s, 1, 5, 16, 32); ok && utf8.ValidRune(rune(r)) {
			return string(rune(r)), 5
		}
	case 'U':
		if r, ok := number(s, 1, 9, 16, 31); ok && utf8.ValidRune(rune(r)) {
			return string(rune(r)), 9
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		if b, ok := number(s, 0, 3, 8, 8); ok {
			return string([]byte{byte(b)}), 3
		}
	}
	return "", 0
}

// number reads the digits s[from:to]; ok is false for zero.
func number(s string, from, to, base, bits int) (n uint64, ok bool) {
	if len(s) < to {
		return 0, false
	}
	n, err := strconv.ParseUint(s[from:to], base, bits)
	return n, err == nil && n > 0
}
