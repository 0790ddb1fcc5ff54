package report

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// foldNames writes clean names as few patterns, sorted: those that differ only
// in their number become a range, as in worker[01-40,50]. The number is the last
// one in front of the domain, or of an IPv4 address. A name with characters that
// no host name has stands in quotes, for itself. Every name is in one pattern,
// and as often as it was given.
func foldNames(names []string) []string {
	type ends struct{ prefix, suffix string }
	var patterns []string
	numbers := make(map[ends][]string)
	for _, name := range names {
		prefix, number, suffix := splitNumber(name)
		switch {
		case !isHostName(name):
			patterns = append(patterns, `"`+name+`"`)
		case number == "":
			patterns = append(patterns, name)
		default:
			key := ends{prefix, suffix}
			numbers[key] = append(numbers[key], number)
		}
	}
	for e, list := range numbers {
		text := foldNumbers(list)
		if len(list) > 1 {
			text = "[" + text + "]"
		}
		patterns = append(patterns, e.prefix+text+e.suffix)
	}
	slices.Sort(patterns)
	return patterns
}

// foldedWords is foldNames in one clean text.
func foldedWords(names []string) string { return Clean(strings.Join(foldNames(names), ", ")) }

// isHostName reports whether a name looks like a host, with or without a port.
func isHostName(name string) bool {
	if inside, _, found := strings.Cut(strings.TrimPrefix(name, "["), "]"); found {
		_, err := netip.ParseAddr(inside)
		return name[0] == '[' && err == nil && strings.Count(name, ":") > 1 && !strings.ContainsAny(name, `", `)
	}
	for i := range len(name) {
		letter := 'a' <= name[i]|0x20 && name[i]|0x20 <= 'z' || '0' <= name[i] && name[i] <= '9'
		if !letter && !strings.ContainsRune("-._:%", rune(name[i])) {
			return false
		}
	}
	return name != ""
}

// splitNumber takes a name apart round its number; empty: it has none, or one
// that is too long to be counted.
func splitNumber(name string) (prefix, number, suffix string) {
	if strings.Count(name, ":") > 1 {
		return name, "", "" // IPv6: its numbers are hexadecimal
	}
	host, _, _ := strings.Cut(name, ":")
	if _, err := netip.ParseAddr(host); err != nil {
		host, _, _ = strings.Cut(host, ".")
	}
	end := strings.LastIndexAny(host, "0123456789") + 1
	start := len(strings.TrimRight(host[:end], "0123456789"))
	if !isNumber(name[start:end]) {
		return name, "", ""
	}
	return name[:start], name[start:end], name[end:]
}

// foldNumbers writes numbers as ranges: 1-3,7. A range is padded all through or
// not at all.
func foldNumbers(list []string) string {
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	var b strings.Builder
	for i := 0; i < len(list); {
		end := i + 1
		for end < len(list) && follows(list[end-1], list[end]) && sameWidth(list[i], list[end]) {
			end++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(list[i])
		if end > i+1 {
			b.WriteString("-" + list[end-1])
		}
		i = end
	}
	return b.String()
}

func follows(a, b string) bool {
	m, _ := strconv.ParseUint(a, 10, 64) // at most maxDigits: no error
	n, _ := strconv.ParseUint(b, 10, 64)
	return n == m+1
}
