package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// frame is what stands between two markers. A marker is a line that begins
// with "@", the nonce and a blank; the newline before it belongs to it, so a
// file without a final newline keeps its exact bytes.
type frame struct {
	words []string // of the marker, without the nonce; the last one may hold blanks
	body  []byte   // up to the next marker
}

// ErrNotAnswered means that the node did not give a whole answer of the script:
// something else answered, or the answer was cut off, too long or malformed.
var ErrNotAnswered = errors.New("no whole answer from the node")

// errNotAProbe is the answer of something that did not run the script.
var errNotAProbe = fmt.Errorf("%w: the login shell did not run the probe", ErrNotAnswered)

// frames cuts the answer at its markers. The begin and end markers must be
// there: without begin the answer is not ours, without end it is not whole.
func frames(answer []byte, nonce string) ([]frame, error) {
	marker := []byte("\n@" + nonce + " ")
	parts := bytes.Split(answer, marker)
	if len(parts) < 2 {
		return nil, fmt.Errorf("%w: expected a POSIX shell, got %s; is there a ForceCommand or a nologin shell?",
			errNotAProbe, beginning(answer))
	}
	list := make([]frame, 0, len(parts)-1)
	for _, part := range parts[1:] {
		head, body, _ := bytes.Cut(part, []byte("\n"))
		f := frame{words: strings.SplitN(printable(head), " ", 3), body: body}
		if f.words[0] != "file" && f.words[0] != "cmdline" { // all else is text, and its odd bytes decide nothing
			f.body = []byte(printable(body))
		}
		list = append(list, f)
	}
	if list[0].words[0] != "begin" {
		return nil, fmt.Errorf("%w: its answer has no begin marker", errNotAProbe)
	}
	if list[len(list)-1].words[0] != "end" {
		return nil, fmt.Errorf("%w: it is cut off, its end marker is missing", ErrNotAnswered)
	}
	return list[1 : len(list)-1], nil
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
func refusals(stderr []byte, nonce string) map[string][]string {
	said := make(map[string][]string)
	for _, part := range bytes.Split(stderr, []byte("@"+nonce+" sudo "))[1:] {
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
