package remote

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// directive is one line of an ssh_config that kletscan acts on or guards
// against.
type directive struct {
	keyword string // lower case
	args    []string
	at      string        // FILE:LINE
	include []*configFile // what an Include names
}

// splitLine takes a line apart as OpenSSH does (readconf.c
// process_config_line_depth). keyword is empty for blank lines and comments.
func splitLine(line string) (keyword, rest string, err error) {
	line = strings.Trim(strings.TrimRight(line, " \t\r\f"), " \t\r")
	if line == "" || line[0] == '#' {
		return "", "", nil
	}
	if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "", "", errors.New("a control character or a byte that is no UTF-8: is this an ssh_config?")
	}
	end := strings.IndexAny(line, " \t=\"")
	switch {
	case end < 0:
		return "", "", fmt.Errorf("%s: its value is missing", line)
	case line[end] == '"':
		return "", "", errors.New("a quote in the keyword: write it without")
	}
	rest = strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	if rest == "" {
		return "", "", fmt.Errorf("%s: its value is missing", line[:end])
	}
	return strings.ToLower(line[:end]), rest, nil
}

// splitArgs splits a value into words as OpenSSH does (misc.c argv_split):
// both kinds of quotes, a few escapes, and a # that begins a word begins a
// comment.
func splitArgs(s string) ([]string, error) {
	var args []string
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t':
			continue
		case '#':
			return args, nil
		}
		var word []byte
		var quote byte
	word:
		for ; i < len(s); i++ {
			c := s[i]
			switch {
			case c == '\\' && i+1 < len(s) && (strings.IndexByte(`'"\`, s[i+1]) >= 0 || quote == 0 && s[i+1] == ' '):
				i++
				word = append(word, s[i])
			case quote == 0 && (c == ' ' || c == '\t'):
				break word
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case quote != 0 && c == quote:
				quote = 0
			default:
				word = append(word, c)
			}
		}
		if quote != 0 {
			return nil, fmt.Errorf("a quote %c is not closed", quote)
		}
		args = append(args, string(word))
	}
	return args, nil
}

// checkArgs refuses what OpenSSH would refuse, and what is read here
// otherwise than OpenSSH reads it.
func checkArgs(keyword string, args []string) error {
	if len(args) == 0 || args[0] == "" {
		return fmt.Errorf("%s: its value is missing", keyword)
	}
	switch keyword {
	case "host":
		return checkPatterns(args)
	case "match":
		if len(args) != 1 || !strings.EqualFold(args[0], "all") {
			return errors.New("match: only \"Match all\" is understood in this version")
		}
		return nil
	case "include", "ignoreunknown":
		return nil
	case "userknownhostsfile", "globalknownhostsfile":
		for _, arg := range args {
			if err := checkTokens(keyword, arg); err != nil {
				return err
			}
		}
		return nil
	}
	if len(args) > 1 {
		return fmt.Errorf("%s: one value expected, not %d", keyword, len(args))
	}
	return checkValue(keyword, args[0])
}

func checkValue(keyword, value string) error {
	switch keyword {
	case "port":
		if n, err := strconv.ParseUint(value, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("port: expected a number from 1 to 65535, not %q", value)
		}
	case "identitiesonly":
		if !oneOf(value, "yes", "no", "true", "false") {
			return fmt.Errorf("identitiesonly: expected yes or no, not %q", value)
		}
	case "addressfamily":
		if !oneOf(value, "any", "inet", "inet6") {
			return fmt.Errorf("addressfamily: expected any, inet or inet6, not %q", value)
		}
	case "ciphers", "hostkeyalgorithms", "kexalgorithms", "macs":
		if strings.HasPrefix(value, "-") || strings.ContainsAny(value, "*?!") {
			return fmt.Errorf("%s: a list that takes away (-) or has wildcards is not understood in this version", keyword)
		}
	case "hostname", "identityagent", "identityfile", "user", "hostkeyalias":
		return checkTokens(keyword, value)
	}
	return nil
}

// knownTokens are the % sequences that each keyword may hold, out of those
// that ssh_config(5), TOKENS, lists for it.
var knownTokens = map[string]string{
	"hostname":             "%h",
	"identityagent":        "%dhnpru",
	"identityfile":         "%dhknpru",
	"userknownhostsfile":   "%dhknpru",
	"globalknownhostsfile": "", // not expanded
	"user":                 "", // expanded from OpenSSH 10 on
	"hostkeyalias":         "", // not expanded
}

func checkTokens(keyword, value string) error {
	if strings.Contains(value, "${") || strings.HasPrefix(value, "$") {
		return fmt.Errorf("%s: environment variables are not expanded in this version", keyword)
	}
	if strings.HasPrefix(value, "~") && value != "~" && !strings.HasPrefix(value, "~/") {
		return fmt.Errorf("%s: ~user is not expanded: write the path in full", keyword)
	}
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			continue
		}
		i++
		if i == len(value) || strings.IndexByte(knownTokens[keyword], value[i]) < 0 {
			return fmt.Errorf("%s: the token %q is not understood here", keyword, value[i-1:min(i+1, len(value))])
		}
	}
	return nil
}

// checkPatterns refuses patterns that the library matches otherwise than
// OpenSSH: its ? also matches nothing, and it knows no quotes.
func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if strings.Contains(p, "?") {
			return fmt.Errorf("host: the pattern %q holds a ?, which is not understood in this version: use * or list the hosts", p)
		}
		if p == "" || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`#"'\=`, r) }) {
			return fmt.Errorf("host: the pattern %q is not a host name with wildcards", p)
		}
	}
	return nil
}

// expandTokens replaces % sequences; checkTokens has refused unknown ones.
func expandTokens(s string, values map[byte]string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == '%' {
			b.WriteByte('%')
			continue
		}
		b.WriteString(values[s[i]])
	}
	return b.String()
}
