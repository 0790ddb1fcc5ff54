package inventory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Ranges are ClusterShell's (its documentation, "Node sets"):
//
//	node[1-5]            node1 ... node5
//	node[01-10/3,42]     node01 node04 node07 node10 node42
//	rack[1-2]-node[1-3]  rack1-node1 ... rack2-node3
//
// What is in brackets is a set of numbers: sorted, and each once. A first
// number with leading zeros pads all of its range, and the last one must be as
// long. Two things that ClusterShell takes are refused: a range behind a digit
// whose numbers differ in length, n1[8-11], which it reads as n[18-111], and
// negative numbers.

// maxDigits bounds a number in a name; longer ones are text.
const maxDigits = 18

// interval is one element of a range, such as 01-10/3.
type interval struct {
	first, last, step uint64
	width             int // of padded numbers; 0: not padded
}

func (i interval) count() uint64 { return (i.last-i.first)/i.step + 1 }

// isRange reports whether a bracket may hold numbers rather than an IPv6
// address.
func isRange(inside string) bool {
	return firstNotIn(inside, func(c byte) bool { return isDigit(c) || c == ',' || c == '-' || c == '/' }) < 0
}

// expand gives the names that a pattern stands for, the last range turning
// fastest, or says what is wrong with the pattern.
func expand(pattern string) (names []string, problem string) {
	var (
		texts    []string // texts[i] stands before sets[i], the last one behind all
		sets     [][]interval
		total    = uint64(1)
		shortest int
	)
	for rest := pattern; ; {
		before, after, opened := strings.Cut(rest, "[")
		if strings.Contains(before, "]") {
			return nil, `"]" without "[" before it: expected a range such as node[01-50]`
		}
		texts = append(texts, before)
		if shortest += len(before) + 1; shortest > maxHost+1 {
			return nil, "host longer than " + strconv.Itoa(maxHost) + " bytes: expected a host name"
		}
		if !opened {
			break
		}
		inside, behind, closed := strings.Cut(after, "]")
		if !closed {
			return nil, `"[" without "]": expected a range such as node[01-50]`
		}
		if strings.Trim(before, "0123456789") == "" && len(sets) > 0 {
			return nil, "two ranges with no text between them: expected some, as in rack[1-2]-node[1-3]"
		}
		set, count, problem := parseSet(inside, endsInDigit(before), behind != "" && isDigit(behind[0]))
		if problem != "" {
			return nil, problem
		}
		if total *= count; total > MaxNodes { // both are at most MaxNodes: no overflow
			return nil, "more than " + strconv.Itoa(MaxNodes) + " nodes: expected a smaller range"
		}
		sets = append(sets, set)
		rest = behind
	}
	return multiply(texts, sets, int(total)), ""
}

// multiply writes all names: each number of each set, the last set turning
// fastest.
func multiply(texts []string, sets [][]interval, total int) []string {
	numbers := make([][]string, len(sets))
	for i, set := range sets {
		numbers[i] = spell(set)
	}
	names := make([]string, 0, total) // less where sets repeat numbers
	turn := make([]int, len(sets))
	var name []byte
	for place := 0; place >= 0; {
		name = append(name[:0], texts[0]...)
		for i := range sets {
			name = append(name, numbers[i][turn[i]]...)
			name = append(name, texts[i+1]...)
		}
		names = append(names, string(name))
		for place = len(sets) - 1; place >= 0; place-- {
			if turn[place]++; turn[place] < len(numbers[place]) {
				break
			}
			turn[place] = 0
		}
	}
	return names
}

func endsInDigit(text string) bool { return text != "" && isDigit(text[len(text)-1]) }

// parseSet reads what is in a bracket, and counts its numbers.
func parseSet(inside string, behindDigit, beforeDigit bool) (set []interval, count uint64, problem string) {
	for element := range strings.SplitSeq(inside, ",") {
		i, problem := parseInterval(element)
		switch {
		case problem != "":
			return nil, 0, problem
		case beforeDigit && i.step != 1:
			return nil, 0, "a step, and a digit behind the bracket: expected the digits inside"
		case behindDigit && i.width == 0 && digits(i.first) != digits(i.last):
			return nil, 0, quote(element) + " behind a digit, and its numbers differ in length: expected the digit inside, as in n[18-19,110-111]"
		}
		if count += min(i.count(), MaxNodes+1); count > MaxNodes {
			return nil, 0, "more than " + strconv.Itoa(MaxNodes) + " nodes: expected a smaller range"
		}
		set = append(set, i)
	}
	return set, count, ""
}

// parseInterval reads N, N-M or N-M/STEP.
func parseInterval(element string) (i interval, problem string) {
	bounds, step, stepped := strings.Cut(element, "/")
	first, last, ranged := strings.Cut(bounds, "-")
	if !ranged {
		last = first
	}
	if !stepped {
		step = "1"
	}
	for _, number := range []string{first, last, step} {
		if number == "" || len(number) > maxDigits || firstNotIn(number, isDigit) >= 0 {
			return i, quote(element) + ` in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]` + colonHint(element)
		}
	}
	i.first, _ = strconv.ParseUint(first, 10, 64) // at most 18 digits: no error
	i.last, _ = strconv.ParseUint(last, 10, 64)
	i.step, _ = strconv.ParseUint(step, 10, 64)
	if padded(first) {
		i.width = len(first)
	}
	switch {
	case (padded(first) || padded(last)) && len(first) != len(last):
		return i, quote(element) + " pads with zeros to two lengths: expected one, as in [01-50]"
	case i.first > i.last:
		return i, quote(element) + " descends: expected the smaller number first"
	case i.step == 0:
		return i, quote(element) + " has a step of 0: expected 1 or more"
	case stepped && !ranged:
		return i, quote(element) + " has a step and no range: expected one, as in [1-9/2]"
	}
	return i, ""
}

// colonHint tells those who write ranges as Ansible does.
func colonHint(element string) string {
	if strings.Contains(element, ":") {
		return `, with "-" (":" is for Ansible inventories)`
	}
	return ""
}

func padded(number string) bool { return len(number) > 1 && number[0] == '0' }

func digits(n uint64) int { return len(strconv.FormatUint(n, 10)) }

// spell writes the numbers of a set, sorted and each once.
func spell(set []interval) []string {
	var numbers []string
	for _, i := range set {
		for n := i.first; n <= i.last; n += i.step {
			number := strconv.FormatUint(n, 10)
			if len(number) < i.width {
				number = strings.Repeat("0", i.width-len(number)) + number
			}
			numbers = append(numbers, number)
		}
	}
	return sortNumbers(numbers)
}

// sortNumbers sorts by length first, as ClusterShell does, which is by size
// where nothing is padded; it drops repetitions.
func sortNumbers(numbers []string) []string {
	slices.SortFunc(numbers, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	return slices.Compact(numbers)
}
