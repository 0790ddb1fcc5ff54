package probe

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// frame is what stands between two markers. A marker is a line that begins
// with "@", the mark and a blank; the newline before it belongs to it, so a
// file without a final newline keeps its exact bytes.
type frame struct {
	kind []byte // the first word behind the mark
	args []byte // the others
	body []byte // up to the next marker
}

// words are two words of a frame's arguments, the second of which may hold
// blanks. ok is unset where there is only one.
func (f frame) words() (first, second []byte, ok bool) { return bytes.Cut(f.args, []byte(" ")) }

// ErrNotAnswered means that the node did not give a whole answer of the script:
// something else answered, or the answer was cut off, too long or malformed.
var ErrNotAnswered = errors.New("no whole answer from the node")

// errNotAProbe is the answer of something that did not run the script.
var errNotAProbe = fmt.Errorf("%w: the login shell did not run the probe", ErrNotAnswered)

// errSilent is that of something that did not say a word.
var errSilent = fmt.Errorf("%w: expected a POSIX shell, got nothing; is there a ForceCommand or a nologin shell?", errNotAProbe)

// frames cuts the answer at its markers, which the nonce begins or the mark that
// is announced behind it. The begin and end markers must be there: without
// begin the answer is not ours, without end it is not whole.
func frames(answer []byte, nonce string) (list []frame, mark []byte, err error) {
	mark = []byte(nonce)
	_, rest, begun := bytes.Cut(answer, []byte("\n@"+nonce+" "))
	if own, found := bytes.CutPrefix(rest, []byte("mark ")); found {
		mark, rest, _ = bytes.Cut(own, []byte("\n"))
		_, rest, begun = bytes.Cut(rest, slices.Concat([]byte("\n@"), mark, []byte(" ")))
	}
	switch {
	case !begun && len(bytes.TrimSpace(answer)) == 0:
		return nil, nil, errSilent
	case !begun:
		return nil, nil, fmt.Errorf("%w: expected a POSIX shell, got %s; is there a ForceCommand or a nologin shell?",
			errNotAProbe, beginning(answer))
	}
	list = split(rest, slices.Concat([]byte("\n@"), mark, []byte(" ")))
	last := len(list) - 1
	switch {
	case string(list[0].kind) != "begin":
		return nil, nil, fmt.Errorf("%w: its answer has no begin marker", errNotAProbe)
	case string(list[last].kind) != "end":
		return nil, nil, fmt.Errorf("%w: it is cut off, its end marker is missing", ErrNotAnswered)
	}
	return list[1:last], mark, nil
}

// split cuts what follows the first marker into frames.
func split(answer, marker []byte) []frame {
	odd := !utf8.Valid(answer)
	list := make([]frame, 0, 64)
	for more := true; more; {
		var part []byte
		part, answer, more = bytes.Cut(answer, marker)
		head, body, _ := bytes.Cut(part, []byte("\n"))
		if odd {
			head = []byte(printable(head))
		}
		f := frame{body: body}
		f.kind, f.args, _ = bytes.Cut(head, []byte(" "))
		if kind := string(f.kind); odd && kind != "file" && kind != "cmdline" { // all else is text, and its odd bytes decide nothing
			f.body = []byte(printable(body))
		}
		list = append(list, f)
	}
	return list
}

// printable is text in which a byte that is not UTF-8 has become U+FFFD.
func printable(text []byte) string { return strings.ToValidUTF8(string(text), "\ufffd") }

// beginning is the first line of an answer that is not ours, for the error.
func beginning(answer []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(answer), []byte("\n"))
	if len(line) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%.100q", line)
}

// refusals are the words of sudo or doas, by path: they come on standard error,
// each behind a marker of its own. Lines are kept apart.
func refusals(stderr, mark []byte) map[string][]string {
	if len(stderr) == 0 {
		return nil
	}
	said := make(map[string][]string)
	for _, part := range bytes.Split(stderr, slices.Concat([]byte("@"), mark, []byte(" sudo ")))[1:] {
		path, text, _ := strings.Cut(printable(part), "\n")
		said[path] = lines(text)
	}
	return said
}

// lines are the lines of a text that are not blank.
func lines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			list = append(list, line)
		}
	}
	return list
}
