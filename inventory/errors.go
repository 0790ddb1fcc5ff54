package inventory

import (
	"fmt"
	"strconv"
	"strings"
)

// shownErrors is how many mistakes of one inventory are spelt out: a file of
// another format has one on every line.
const shownErrors = 20

// Errors are the mistakes of one inventory, in the order they were found. Its
// text is one line for each of the first 20, then "and N more".
type Errors struct {
	first []error // at most shownErrors
	more  int     // mistakes after them
	ended bool    // the reading ended at one of them: what follows is not known
}

// Error gives one line for each mistake.
func (e *Errors) Error() string {
	lines := make([]string, 0, len(e.first)+1)
	for _, err := range e.first {
		lines = append(lines, err.Error())
	}
	if e.more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.more))
	}
	return strings.Join(lines, "\n")
}

// Count is how many mistakes there are.
func (e *Errors) Count() int { return len(e.first) + e.more }

// Ended reports whether the reading ended at one of them, so that nodes behind
// it are missing.
func (e *Errors) Ended() bool { return e.ended }

// Unwrap gives the mistakes that Error spells out.
func (e *Errors) Unwrap() []error { return e.first }

func (e *Errors) add(err error) {
	if len(e.first) == shownErrors {
		e.more++
		return
	}
	e.first = append(e.first, err)
}

// stop adds a mistake behind which nothing was read.
func (e *Errors) stop(err error) {
	e.add(err)
	e.ended = true
}

// join adds the mistakes of err, which ended the reading unless it is an
// *Errors that says otherwise.
func (e *Errors) join(err error) {
	other, ok := err.(*Errors)
	if !ok {
		e.stop(err)
		return
	}
	for _, one := range other.first {
		e.add(one)
	}
	e.more += other.more
	e.ended = e.ended || other.ended
}

// orNil is e as an error, or nil when it holds none.
func (e *Errors) orNil() error {
	if len(e.first) == 0 {
		return nil
	}
	return e
}

// mistake is one line: where, what stood there, and what was expected.
func mistake(at Position, text, format string, args ...any) error {
	return fmt.Errorf("%s: %s: %s", at, quote(text), fmt.Sprintf(format, args...))
}

// quote shows a piece of an inventory in an error: in ASCII, so that look-alike
// letters and control characters are seen for what they are, and not too long.
func quote(text string) string {
	const longest = 80
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return strconv.QuoteToASCII(text)
}
