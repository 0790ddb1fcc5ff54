package inventory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Fold writes names as few patterns with ranges, such as
// "cp-1,worker[01-40]", separated by commas: what nodeset -f of ClusterShell
// does. The order of names does not matter, nor do repetitions, and expanding
// the patterns gives the same names. A name that is no host name, such as an
// IPv6 address, stands for itself; so does a port. No names give "".
func Fold(names []string) string {
	type piece struct{ pattern, text string }
	var pieces []piece
	kinds := make(map[string][]vector)
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		pattern, v := dissect(name)
		if v == nil {
			pieces = append(pieces, piece{name, name})
			continue
		}
		kinds[pattern] = append(kinds[pattern], v)
	}
	for pattern, list := range kinds {
		for _, v := range merge(list) {
			pieces = append(pieces, piece{pattern, v.fill(pattern)})
		}
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return strings.Compare(a.pattern, b.pattern) })
	texts := make([]string, len(pieces))
	for i, p := range pieces {
		texts[i] = p.text
	}
	return strings.Join(texts, ",")
}

// hole stands in a pattern where the numbers of a name were. ClusterShell
// sorts by it, too.
const hole = "%s"

// vector is a set of names of one pattern: for each hole, numbers.
type vector []numbers

type numbers struct {
	list []string // sorted, at least one
	text string   // folded
}

// dissect takes the numbers out of a name; nil: it has none.
func dissect(name string) (pattern string, v vector) {
	host, port, found := strings.Cut(name, ":")
	if firstNotIn(host, isNameByte) >= 0 || strings.Contains(port, ":") {
		return name, nil
	}
	var b strings.Builder
	for host != "" {
		i := strings.IndexAny(host, "0123456789")
		if i < 0 {
			i = len(host)
		}
		b.WriteString(host[:i])
		host = host[i:]
		end := firstNotIn(host, isDigit)
		if end < 0 {
			end = len(host)
		}
		switch number := host[:end]; {
		case end > maxDigits:
			b.WriteString(number)
		case end > 0:
			b.WriteString(hole)
			v = append(v, numbers{[]string{number}, number})
		}
		host = host[end:]
	}
	if found {
		b.WriteString(":" + port)
	}
	return b.String(), v
}

// merge joins vectors that differ in one place, place by place. It goes over
// them twice: what is joined in one place may be joined in another then.
func merge(list []vector) []vector {
	for range 2 {
		for place := len(list[0]) - 1; place >= 0; place-- {
			list = mergeAt(list, place)
		}
	}
	slices.SortFunc(list, func(a, b vector) int {
		order := cmp.Compare(b.size(), a.size())
		for i := range a {
			x, y := a[i].list, b[i].list
			order = cmp.Or(order, cmp.Compare(len(y), len(x)), strings.Compare(x[0], y[0]), strings.Compare(x[len(x)-1], y[len(y)-1]))
		}
		return cmp.Or(order, strings.Compare(a.key(-1), b.key(-1)))
	})
	return list
}

func mergeAt(list []vector, place int) []vector {
	var (
		merged []vector
		index  = make(map[string]int, len(list))
	)
	for _, v := range list {
		key := v.key(place)
		i, ok := index[key]
		if !ok {
			index[key] = len(merged)
			merged = append(merged, v)
			continue
		}
		merged[i][place].list = append(merged[i][place].list, v[place].list...)
	}
	for _, v := range merged {
		v[place].list = sortNumbers(v[place].list)
		v[place].text = foldNumbers(v[place].list)
	}
	return merged
}

// key is equal for vectors that are the same but for one place.
func (v vector) key(place int) string {
	var b strings.Builder
	for i, n := range v {
		if i != place {
			b.WriteString(n.text)
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// size is how many names the vector stands for.
func (v vector) size() int {
	size := 1
	for _, n := range v {
		size *= len(n.list)
	}
	return size
}

// fill puts the numbers into the holes of a pattern.
func (v vector) fill(pattern string) string {
	for _, n := range v {
		text := n.text
		if len(n.list) > 1 {
			text = "[" + text + "]"
		}
		pattern = strings.Replace(pattern, hole, text, 1)
	}
	return pattern
}

// foldNumbers writes sorted numbers as ranges: 1-3,7. A range is padded all
// through or not at all.
func foldNumbers(list []string) string {
	var b strings.Builder
	for i := 0; i < len(list); {
		first, end := list[i], i+1
		for end < len(list) && follows(list[end-1], list[end]) &&
			(padded(first) && len(list[end]) == len(first) || !padded(first) && !padded(list[end])) {
			end++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(first)
		if end > i+1 {
			b.WriteString("-" + list[end-1])
		}
		i = end
	}
	return b.String()
}

func follows(a, b string) bool {
	m, _ := strconv.ParseUint(a, 10, 64) // at most 18 digits: no error
	n, _ := strconv.ParseUint(b, 10, 64)
	return n == m+1
}
