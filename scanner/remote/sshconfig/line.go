package sshconfig

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// errLeft is the answer to a line that this package does not read itself,
// though OpenSSH may.
type errLeft string

func (e errLeft) Error() string { return string(e) }

// splitLine takes a line apart as OpenSSH does (readconf.c
// process_config_line_depth). The keyword is in lower case, and empty for
// blank lines and comments. The error is an errLeft where OpenSSH may see the
// line otherwise, and another where OpenSSH refuses it.
func splitLine(line string) (name, rest string, err error) {
	line = strings.Trim(strings.TrimRight(line, " \t\r\f"), " \t\r")
	if line == "" || line[0] == '#' {
		return "", "", nil
	}
	if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "", "", errLeft("a control character or a byte that is no UTF-8")
	}
	end := strings.IndexFunc(line, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	if end < 0 {
		return "", "", fmt.Errorf("%s: its value is missing", strings.ToLower(line))
	}
	if end == 0 || strings.IndexByte(" \t=", line[end]) < 0 {
		return "", "", errLeft("a keyword that is not a plain word")
	}
	name = strings.ToLower(line[:end])
	rest = strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	if rest == "" {
		return "", "", fmt.Errorf("%s: its value is missing", name)
	}
	if rest[0] == '=' {
		return "", "", errLeft(name + ": a value that begins with =")
	}
	return name, rest, nil
}

// splitWords splits a value into words as OpenSSH does (misc.c argv_split):
// both kinds of quotes, a few escapes, and a # that begins a word begins a
// comment.
func splitWords(s string) ([]string, error) {
	var words []string
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t':
			continue
		case '#':
			return words, nil
		}
		word, next, err := splitWord(s, i)
		if err != nil {
			return nil, err
		}
		words, i = append(words, word), next
	}
	return words, nil
}

// splitWord reads the word at i and returns where it ends.
func splitWord(s string, i int) (word string, end int, err error) {
	var b []byte
	var quote byte
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && (strings.IndexByte(`'"\`, s[i+1]) >= 0 || quote == 0 && s[i+1] == ' '):
			i++
			b = append(b, s[i])
		case quote == 0 && (c == ' ' || c == '\t'):
			return string(b), i, nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b = append(b, c)
		}
	}
	if quote != 0 {
		return "", i, errors.New("a quote that is not closed")
	}
	return string(b), i, nil
}
