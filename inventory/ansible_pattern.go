package inventory

import (
	"strconv"
	"strings"
)

// expandAnsible gives the hosts of a pattern of an Ansible inventory and their
// port, or says what is wrong: web[01:50].example:2222, db-[a:f], [fe80::1]:22.
// The last range turns fastest. A port is empty where none is given.
func expandAnsible(pattern string) (names []string, port, problem string) {
	if isIPv6(pattern) {
		return []string{pattern}, "", ""
	}
	if i := strings.LastIndexByte(pattern, ':'); i > strings.LastIndexByte(pattern, ']') {
		pattern, port = pattern[:i], pattern[i+1:]
		n, problem := parsePort(port)
		if problem != "" {
			return nil, "", problem
		}
		port = strconv.Itoa(n)
	}
	if inside := strings.TrimSuffix(strings.TrimPrefix(pattern, "["), "]"); port != "" && len(inside) == len(pattern)-2 && checkHost(inside) == "" {
		return []string{inside}, port, ""
	}
	names = []string{""}
	for rest := pattern; ; {
		before, after, opened := strings.Cut(rest, "[")
		texts := []string{""}
		var behind string
		if opened {
			inside, tail, closed := strings.Cut(after, "]")
			if !closed {
				return nil, "", `"[" without "]": expected a range such as web[01:50]`
			}
			if texts, problem = expandRange(inside); problem != "" {
				return nil, "", problem
			}
			behind = tail
		}
		if len(names)*len(texts) > MaxNodes {
			return nil, "", "more than " + strconv.Itoa(MaxNodes) + " hosts: expected a smaller range"
		}
		longer := make([]string, 0, len(names)*len(texts))
		for _, name := range names {
			for _, text := range texts {
				longer = append(longer, name+before+text)
			}
		}
		names = longer
		if !opened {
			return names, port, ""
		}
		rest = behind
	}
}

// letters are those of a range in Ansible's order.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// expandRange gives the texts of FIRST:LAST[:STEP], or says what is wrong.
func expandRange(inside string) (texts []string, problem string) {
	const expected = "expected FIRST:LAST or FIRST:LAST:STEP in brackets, such as [01:50], [a:f] or [1:9:2]"
	bounds := strings.Split(inside, ":")
	if len(bounds) != 2 && len(bounds) != 3 {
		return nil, "range " + quote(inside) + ": " + expected
	}
	step := uint64(1)
	if len(bounds) == 3 {
		var ok bool
		if step, ok = parseNumber(bounds[2]); !ok || step == 0 {
			return nil, "range " + quote(inside) + ": step " + quote(bounds[2]) + ": " + expected
		}
	}
	first, last := bounds[0], bounds[1]
	from, to := strings.Index(letters, first), strings.Index(letters, last)
	if len(first) == 1 && len(last) == 1 && from >= 0 && to >= 0 {
		for i := from; i <= to; i += int(min(step, uint64(len(letters)))) {
			texts = append(texts, letters[i:i+1])
		}
		return texts, empty(texts, inside)
	}
	if first == "" {
		first = "0" // [:5], as in Ansible
	}
	low, ok := parseNumber(first)
	high, ok2 := parseNumber(last)
	switch {
	case !ok || !ok2:
		return nil, "range " + quote(inside) + ": " + expected
	case padded(first) && len(first) != len(last):
		return nil, "range " + quote(inside) + ": expected as many digits in both numbers where the first has leading zeros"
	case low <= high && (high-low)/step >= MaxNodes:
		return nil, "range " + quote(inside) + ": more than " + strconv.Itoa(MaxNodes) + " hosts: expected a smaller range"
	}
	for n := low; n <= high; n += step {
		text := strconv.FormatUint(n, 10)
		if padded(first) {
			text = strings.Repeat("0", len(first)-len(text)) + text
		}
		texts = append(texts, text)
	}
	return texts, empty(texts, inside)
}

// empty says what is wrong with a range of nothing, which Ansible reads as no
// hosts without a word.
func empty(texts []string, inside string) string {
	if len(texts) == 0 {
		return "range " + quote(inside) + ": expected the smaller bound first"
	}
	return ""
}

// parseNumber reads a number of at most maxDigits digits.
func parseNumber(text string) (uint64, bool) {
	if len(text) > maxDigits || firstNotIn(text, isDigit) >= 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// word is one word of a line and its offset in it.
type word struct {
	at   int
	text string
}

// splitShell splits a line as Python's shlex.split does, or says what is wrong:
// quotes hold words together, a backslash takes the next character as it is,
// and, if comments are asked for, "#" ends the line even within a word.
func splitShell(line string, comments bool) (words []word, problem string) {
	var b strings.Builder
	begin := -1 // of the word; -1: between words
	var quoted byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		blank := c == ' ' || c == '\t' || c == '\r' || c == '\n'
		switch {
		case quoted != 0 && c == quoted:
			quoted = 0
			continue
		case quoted == '\'':
		case c == '\\':
			if i++; i == len(line) {
				return nil, "a backslash at the end: expected a character after it"
			}
			if quoted == '"' && line[i] != '"' && line[i] != '\\' {
				b.WriteByte('\\')
			}
			c, blank = line[i], false
		case quoted == '"':
		case c == '"' || c == '\'':
			quoted = c
			if begin < 0 {
				begin = i
			}
			continue
		case comments && c == '#':
			line = line[:i]
			continue
		case blank:
			if begin >= 0 {
				words = append(words, word{begin, b.String()})
				begin = -1
				b.Reset()
			}
			continue
		}
		if begin < 0 {
			begin = i
		}
		b.WriteByte(c)
	}
	switch {
	case quoted != 0:
		return nil, "a quote without its end: expected " + string(quoted)
	case begin >= 0:
		words = append(words, word{begin, b.String()})
	}
	return words, ""
}
