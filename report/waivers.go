package report

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"kletscan/scanner"
)

// Waiver is one risk that somebody has accepted for a time: that nodes are off,
// say. It is never about a node that was not looked at, nor about a rotation
// that is not known: what nobody has seen nobody can accept.
type Waiver struct {
	ID        string            // of the reader's own register; empty: none
	Nodes     string            // patterns of names with commas between, as Fold writes ranges; empty: every name
	Labels    map[string]string // that the node must have, values as patterns; nil: none
	Rotation  string            // off, invalid or external: what is waived; empty: Condition is
	Condition string            // what is waived; empty: Rotation is
	Reason    string
	Owner     string
	Expires   time.Time // the last day on which it holds, in UTC, the whole of it
	Source    string    // FILE:LINE
}

// Waivers are all waivers of a run, in the order of their file.
type Waivers []Waiver

// For is the waiver that holds for the rotation of a result at that time, the
// first of several; nil: none does. A node that it holds for is counted apart.
func (w Waivers) For(r scanner.Result, now time.Time) *Waiver {
	for i := range w {
		if w[i].Rotation != "" && !w[i].Expired(now) && w[i].covers(r) {
			return &w[i]
		}
	}
	return nil
}

// ForCondition is the waiver that holds for one condition of a result at that
// time, the first of several; nil: none does. The node is counted as ever.
func (w Waivers) ForCondition(r scanner.Result, c scanner.Condition, now time.Time) *Waiver {
	for i := range w {
		if w[i].Condition == string(c) && !w[i].Expired(now) && w[i].covers(r) {
			return &w[i]
		}
	}
	return nil
}

// Expired reports whether the last day is over. With the zero time none is.
func (w Waiver) Expired(now time.Time) bool {
	return !now.IsZero() && !now.Before(w.Expires.AddDate(0, 0, 1))
}

// String is the waiver in the words of a report: "waived: REASON (OWNER, until
// 2027-01-31)".
func (w Waiver) String() string {
	what := "waived"
	if w.Condition != "" {
		what = w.Condition + " waived"
	}
	return fmt.Sprintf("%s: %s (%s, until %s)", what, w.Reason, w.Owner, w.Expires.UTC().Format(time.DateOnly))
}

// covers reports whether the waiver is about this result, on whatever day.
func (w Waiver) covers(r scanner.Result) bool {
	switch {
	case r.Status != scanner.OK:
		return false
	case w.Rotation != "" && w.Rotation != r.Verdict.Rotation.String():
		return false
	case w.Condition != "" && !slices.Contains(r.Verdict.Conditions, scanner.Condition(w.Condition)):
		return false
	}
	return (w.Rotation != "" || w.Condition != "") && w.names(r)
}

// names reports whether the waiver is about this node, whatever was found
// there.
func (w Waiver) names(r scanner.Result) bool {
	for key, pattern := range w.Labels {
		value, ok := r.Node.Labels[key]
		if !ok || !matchPattern(pattern, value) {
			return false
		}
	}
	if w.Nodes == "" {
		return true
	}
	for pattern := range patterns(w.Nodes) {
		if matchPattern(pattern, r.Node.Name) {
			return true
		}
	}
	return false
}

// Warnings are the waivers that have expired and those that waive nothing, in
// one line each: both want somebody's attention.
func (w Waivers) Warnings(results Results, now time.Time) ([]string, error) {
	if len(w) == 0 {
		return nil, nil
	}
	named, covered := make([]int, len(w)), make([]int, len(w))
	for r, err := range results {
		if err != nil {
			return nil, err
		}
		for i, waiver := range w {
			if waiver.names(r) {
				named[i]++
			}
			if waiver.covers(r) {
				covered[i]++
			}
		}
	}
	var lines []string
	for i, waiver := range w {
		what := waiver.Rotation + waiver.Condition
		switch {
		case waiver.Expired(now):
			lines = append(lines, fmt.Sprintf("%s: the waiver of %s expired on %s and is void, %s: %s (%s)",
				waiver.Source, what, waiver.Expires.UTC().Format(time.DateOnly), countNodes(covered[i])+" would have had it", waiver.Reason, waiver.Owner))
		case named[i] == 0:
			lines = append(lines, fmt.Sprintf("%s: the waiver of %s waives nothing: no node of this run has such a name and such labels", waiver.Source, what))
		case covered[i] == 0:
			lines = append(lines, fmt.Sprintf("%s: the waiver of %s waives nothing: of the %s that it names none was seen to be so", waiver.Source, what, countNodes(named[i])))
		}
	}
	return lines, nil
}

// waiverUses are the nodes that each waiver of a run holds for.
type waiverUses struct {
	run   *Run
	now   time.Time
	names [][]string // clean, for each waiver
}

func (u *waiverUses) add(r *scanner.Result) {
	waivers := u.run.Waivers
	if len(waivers) == 0 {
		return
	}
	if u.names == nil {
		u.names = make([][]string, len(waivers))
	}
	holds := map[*Waiver]bool{waivers.For(*r, u.now): true}
	for _, c := range r.Verdict.Conditions {
		holds[waivers.ForCondition(*r, c, u.now)] = true
	}
	for i := range waivers {
		if holds[&waivers[i]] {
			u.names[i] = append(u.names[i], Clean(r.Node.Name))
		}
	}
}

// lines are the waivers that hold for some node, with those, and the waivers that
// have expired, in one clean line each.
func (u *waiverUses) lines() (lines []string) {
	for i, w := range u.run.Waivers {
		switch {
		case w.Expired(u.now):
			lines = append(lines, Clean(w.Source+": expired, and void: "+w.String()))
		case u.names != nil && u.names[i] != nil:
			lines = append(lines, Clean(w.Source+": "+w.String())+": "+foldedWords(u.names[i]))
		}
	}
	return lines
}

// ExplainWaivers writes which waivers hold for each of a few results, and which
// have expired that would; nothing where there is none.
func ExplainWaivers(w io.Writer, run Run, now time.Time) error {
	for r, err := range run.Results {
		if err != nil {
			return err
		}
		for _, waiver := range run.Waivers {
			words := waiver.String()
			switch {
			case !waiver.covers(r):
				continue
			case waiver.Expired(now):
				words = "expired, and void: " + words
			}
			if _, err := fmt.Fprintf(w, "\n%s\n%s%s\n", Clean(waiver.Source), noteIndent, Clean(words)); err != nil {
				return err
			}
		}
	}
	return nil
}

// countNodes is "1 node" or "n nodes".
func countNodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return strconv.Itoa(n) + " nodes"
}

// patterns are the parts of a list between commas that do not stand in
// brackets.
func patterns(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, inside := 0, false
		for i := range len(list) {
			switch {
			case list[i] == '[':
				inside = true
			case list[i] == ']':
				inside = false
			case list[i] == ',' && !inside:
				if !yield(list[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(list[start:])
	}
}

// matchPattern reports whether a name is of a pattern: * stands for any text,
// ? for one byte, and [01-40,50] for a number of a range, with its leading
// zeros. Every other byte stands for itself, brackets with anything else
// between them, such as those of an IPv6 address, too.
func matchPattern(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0 // the last *, and what it is tried to end before
	for n < len(name) || p < len(pattern) {
		step, width := 0, 0
		switch {
		case p == len(pattern):
		case pattern[p] == '*':
			star, from = p, n
			p++
			continue
		case pattern[p] == '[' && rangeAt(pattern[p:]) > 0:
			step = rangeAt(pattern[p:])
			width = digits(name[n:])
			if !inRange(pattern[p+1:p+step-1], name[n:n+width]) {
				step = 0
			}
		case n < len(name) && (pattern[p] == '?' || pattern[p] == name[n]):
			step, width = 1, 1
		}
		if step > 0 {
			p, n = p+step, n+width
			continue
		}
		if star < 0 || from == len(name) {
			return false
		}
		from++
		p, n = star+1, from
	}
	return true
}

// rangeAt is the length of the range, brackets included, that a text begins
// with; 0: it begins with none.
func rangeAt(text string) int {
	end := strings.IndexByte(text, ']')
	if end < 2 || strings.Trim(text[1:end], "0123456789,-") != "" {
		return 0
	}
	for item := range strings.SplitSeq(text[1:end], ",") {
		low, high, found := strings.Cut(item, "-")
		if !isNumber(low) || found && !isNumber(high) {
			return 0
		}
	}
	return end + 1
}

// maxDigits is how many digits a number may have: more are no counter, and do
// not fit one.
const maxDigits = 18

func isNumber(text string) bool {
	return text != "" && len(text) <= maxDigits && digits(text) == len(text)
}

// digits is how many digits a text begins with.
func digits(text string) int { return len(text) - len(strings.TrimLeft(text, "0123456789")) }

// inRange reports whether a number is in a list of ranges, padded as there.
func inRange(list, number string) bool {
	if !isNumber(number) {
		return false
	}
	n, _ := strconv.ParseUint(number, 10, 64) // at most maxDigits
	for item := range strings.SplitSeq(list, ",") {
		low, high, found := strings.Cut(item, "-")
		if !found {
			high = low
		}
		a, _ := strconv.ParseUint(low, 10, 64)
		b, _ := strconv.ParseUint(high, 10, 64)
		if a <= n && n <= b && sameWidth(low, number) {
			return true
		}
	}
	return false
}

// sameWidth reports whether two numbers are padded alike: to the same length,
// or not at all.
func sameWidth(a, b string) bool {
	return len(a) == len(b) || !padded(a) && !padded(b)
}

// padded reports whether a number has a leading zero.
func padded(number string) bool { return len(number) > 1 && number[0] == '0' }
