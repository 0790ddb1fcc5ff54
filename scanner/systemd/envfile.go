package systemd

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// commentContinues is the last release of systemd in which a comment line of
// an environment file that ends in a backslash takes the next line with it.
const commentContinues = 253

var (
	errNUL  = errors.New("holds a NUL byte")
	errUTF8 = errors.New("is not UTF-8")
)

// parseEnvironmentFile reads an environment file: EnvironmentFile= in
// systemd.exec(5). It is not shell: see the table of its test. The last
// assignment of a name wins. With an error systemd takes nothing of the file.
func parseEnvironmentFile(f File, version int) (map[string]assignment, error) {
	if strings.Contains(f.Content, "\x00") {
		return nil, errNUL
	}
	p := envParser{in: f.Content, lineNumber: 1, oldComments: version > 0 && version <= commentContinues}
	vars := map[string]assignment{}
	for p.at < len(p.in) {
		key, value, ok := p.assignment()
		switch {
		case !ok:
		case !utf8.ValidString(key) || !utf8.ValidString(value.s):
			return nil, errUTF8
		case validName(key):
			vars[key] = assignment{value: value, path: f.Path}
		}
	}
	return vars, nil
}

// validName reports whether systemd takes a variable of that name:
// systemd.exec(5), Environment=.
func validName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c != '_' && (!isAlnum(c) || i == 0 && c <= '9') {
			return false
		}
	}
	return name != ""
}

// envParser goes through an environment file once. CR and LF both end a line.
type envParser struct {
	in          string
	at          int
	lineNumber  int // of in[at]
	oldComments bool
}

func isNewline(c byte) bool { return c == '\n' || c == '\r' }

// next takes one byte.
func (p *envParser) next() (c byte, line int) {
	c, line = p.in[p.at], p.lineNumber
	if p.at++; c == '\n' || c == '\r' && !strings.HasPrefix(p.in[p.at:], "\n") {
		p.lineNumber++
	}
	return c, line
}

// assignment reads one line, or several where the value goes on. ok is false
// for a blank line, a comment, and a line without "=".
func (p *envParser) assignment() (key string, value text, ok bool) {
	for p.at < len(p.in) && strings.IndexByte(blanks, p.in[p.at]) >= 0 {
		p.next()
	}
	start := p.at
	for p.at < len(p.in) {
		switch c, line := p.next(); {
		case p.at == start+1 && (c == '#' || c == ';'):
			p.comment()
			return "", text{}, false
		case isNewline(c):
			return "", text{}, false
		case c == '=' && p.at > start+1:
			key = strings.TrimRight(p.in[start:p.at-1], blanks)
			return key, p.value(line), true
		}
	}
	return "", text{}, false
}

// comment skips a comment, its line end included.
func (p *envParser) comment() {
	for p.at < len(p.in) {
		c, _ := p.next()
		if c == '\\' && p.oldComments && p.at < len(p.in) {
			p.next()
		} else if isNewline(c) {
			return
		}
	}
}

// value reads what follows "=": quoted parts, which are joined without the
// blanks between them, until the first byte outside of quotes. From there to
// the end of the line quotes are ordinary bytes.
func (p *envParser) value(line int) text {
	out := newBuilder(line)
	for p.at < len(p.in) {
		c, here := p.next()
		switch {
		case isNewline(c):
			return out.text()
		case c == '\'' || c == '"':
			p.quoted(out, c)
		case strings.IndexByte(blanks, c) < 0:
			p.at--
			p.lineNumber = here
			p.unquoted(out)
			return out.text()
		}
	}
	return out.text()
}

// quoted reads up to the closing quote. Between double quotes a backslash
// takes its special meaning from the bytes that a shell would have it escape;
// before a line feed both vanish.
func (p *envParser) quoted(out *builder, quote byte) {
	for p.at < len(p.in) {
		c, line := p.next()
		switch {
		case c == quote:
			return
		case c == '\\' && quote == '"' && p.at < len(p.in):
			escaped, line := p.next()
			switch {
			case strings.IndexByte("\"\\`$", escaped) >= 0:
				out.add(line, p.in[p.at-1:p.at])
			case escaped != '\n':
				out.add(line, p.in[p.at-2:p.at])
			}
		case c == '\\' && quote == '"':
		default:
			out.add(line, p.in[p.at-1:p.at])
		}
	}
}

// unquoted reads up to the end of the line: a backslash takes the next byte as
// it is, or the line end away; blanks at the end go, unless escaped.
func (p *envParser) unquoted(out *builder) {
	var blank *builder // a run of blanks that may be the last
	for p.at < len(p.in) {
		c, line := p.next()
		here := p.in[p.at-1 : p.at]
		switch {
		case isNewline(c):
			return
		case strings.IndexByte(blanks, c) >= 0:
			if blank == nil {
				blank = newBuilder(line)
			}
			blank.add(line, here)
			continue
		}
		if blank != nil {
			out.addText(blank.text())
			blank = nil
		}
		if c != '\\' {
			out.add(line, here)
		} else if p.at < len(p.in) {
			if c, line := p.next(); !isNewline(c) {
				out.add(line, p.in[p.at-1:p.at])
			}
		}
	}
}
