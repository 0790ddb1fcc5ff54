package distro

import (
	"cmp"
	"strings"
)

// shellWords splits text as a shell splits the words of a command or of an
// array: blanks, both kinds of quotes, backslashes, line ends escaped by one,
// comments. It does not run anything: ok is false where only a shell could
// tell, for an expansion, a pattern, a list or a redirection.
func shellWords(text string) (words []string, ok bool) {
	var word strings.Builder
	begun := false
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\n':
			end()
		case '#':
			if !begun {
				i += comment(text[i:]) - 1
				continue
			}
			word.WriteByte(c)
		case '\\':
			if i++; i < len(text) && text[i] != '\n' {
				word.WriteByte(text[i])
				begun = true
			}
		case '\'', '"':
			part, length := quoted(text[i:])
			if length == 0 {
				return nil, false
			}
			word.WriteString(part)
			begun = true
			i += length - 1
		case '$', '`', '(', ')', '*', '?', '[', ';', '&', '|', '<', '>', '{', '}', '~':
			return nil, false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	end()
	return words, true
}

// unquoted is where the first of chars stands that is not quoted, escaped or in
// a comment, or -1.
func unquoted(text, chars string) int {
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case strings.IndexByte(chars, c) >= 0:
			return i
		case c == '\'' || c == '"':
			quote = c
		case c == '#' && (i == 0 || strings.IndexByte(" \t\n", text[i-1]) >= 0):
			i += comment(text[i:]) - 1
		}
	}
	return -1
}

// comment is the length of a comment, up to its line end.
func comment(text string) int {
	if n := strings.IndexByte(text, '\n'); n >= 0 {
		return n
	}
	return len(text)
}

// quoted reads the quoted part that begins text and says how long it is; 0:
// only a shell can tell what it is, or it does not end.
func quoted(text string) (part string, length int) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return b.String(), i + 1
		case quote == '"' && (c == '$' || c == '`'):
			return "", 0
		case quote == '"' && c == '\\' && i+1 < len(text) && strings.IndexByte("\"\\$`\n", text[i+1]) >= 0:
			if i++; text[i] != '\n' {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", 0
}

// longest bounds what variables may make of a text, in bytes: the kernel's
// limit of an argument vector with its default stack (execve(2), 8 MiB / 4).
const longest = 2 << 20

// expandVariables replaces $NAME and ${NAME} as Go's os.Expand does. It gives
// the first name that is not in values, for which it puts in nothing; "{" for
// braces around anything else, and for a text that grows beyond longest.
func expandVariables(text string, values map[string]string) (expanded, unknown string) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), unknown
		case b.Len() > longest:
			return "", "{"
		}
		name, length := variableName(rest)
		switch value, ok := values[name]; {
		case length == 0: // a dollar that begins no name stays
			b.WriteByte('$')
		case ok:
			b.WriteString(value)
		default:
			unknown = cmp.Or(unknown, name, "{")
		}
		text = rest[length:]
	}
}

// variableName is the name that follows a dollar, and its length with braces.
// Bad braces have a length and no name.
func variableName(text string) (name string, length int) {
	const digits = "0123456789"
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_" + digits
	if text != "" && strings.IndexByte("*#$@!?-", text[0]) >= 0 {
		return text[:1], 1
	}
	if !strings.HasPrefix(text, "{") {
		length = len(text) - len(strings.TrimLeft(text, letters))
		return text[:length], length
	}
	inside, _, closed := strings.Cut(text[1:], "}")
	switch {
	case !closed:
		return "", 1
	case strings.Trim(inside, letters) != "":
		return "", len(inside) + 2
	}
	return inside, len(inside) + 2
}
