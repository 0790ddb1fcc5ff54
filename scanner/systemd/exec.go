package systemd

import (
	"errors"
	"slices"
	"strings"
)

// execStart is one command of ExecStart=.
type execStart struct {
	path       text
	argv       []text
	literal    bool     // the ":" prefix: variables are not expanded
	shell      bool     // the "|" prefix of systemd 258: the words go to a shell
	tolerant   bool     // the "-" prefix: for an error systemd drops the command instead of refusing the unit
	unresolved []string // the specifiers left in it
	file       string
}

var (
	errPath  = errors.New("expected an absolute path or a bare program name, without quotes or control characters")
	errArgv0 = errors.New("expected a word for argv[0] after @")
)

// addCommands reads one ExecStart= setting: commands separated by lone
// semicolons. They add up until an empty setting.
func (u *Unit) addCommands(file string, value text) error {
	if value.s == "" {
		u.commands = nil
		return nil
	}
	for w := (words{in: value}); ; {
		first, ok, err := w.nextForgiving()
		if !ok || err != nil {
			return nil // systemd only warns here
		}
		if first.s == ";" {
			continue
		}
		command, rest := splitPrefixes(first)
		command.file = file
		more, err := u.complete(&command, rest, &w)
		switch {
		case err != nil && command.tolerant:
			return nil
		case err != nil:
			return err
		}
		u.commands = append(u.commands, command)
		if !more {
			return nil
		}
	}
}

// splitPrefixes reads the prefixes before the program: table 1 of
// systemd.service(5). argv has a place for the program, unless "@" says that
// argv[0] is a word of its own.
func splitPrefixes(first text) (c execStart, program text) {
	n := len(first.s) - len(strings.TrimLeft(first.s, "@-:+!|"))
	prefixes := first.s[:n]
	c.literal = strings.Contains(prefixes, ":")
	c.shell = strings.Contains(prefixes, "|")
	c.tolerant = strings.Contains(prefixes, "-")
	if !strings.Contains(prefixes, "@") {
		c.argv = make([]text, 1)
	}
	return c, first.slice(n, len(first.s))
}

// complete reads one command up to its end or to the semicolon after which
// there may be more.
func (u *Unit) complete(c *execStart, program text, w *words) (more bool, err error) {
	if c.path, err = u.resolve(c, program); err != nil {
		return false, err
	}
	if !validProgram(c.path.s) {
		return false, errPath
	}
	if len(c.argv) == 1 {
		c.argv[0] = c.path
	}
	for {
		rest := w.rest()
		switch {
		case isLone(rest, ";"):
			w.at++
			more = true
		case isLone(rest, `\;`):
			c.argv = append(c.argv, w.in.slice(w.at+1, w.at+2))
			w.at += 2
			continue
		case rest != "":
			word, _, err := w.nextForgiving()
			if err == nil {
				word, err = u.resolve(c, word)
			}
			if err != nil {
				return false, err
			}
			c.argv = append(c.argv, word)
			continue
		}
		if len(c.argv) == 0 {
			return false, errArgv0
		}
		return more, nil
	}
}

// validProgram reports whether systemd takes a program of that name.
func validProgram(p string) bool {
	absolute := strings.HasPrefix(p, "/")
	return p != "" && safe(p) && !strings.HasSuffix(p, "/") && (absolute || !strings.Contains(p, "/"))
}

// isLone reports whether the next word of s is spelled exactly so.
func isLone(s, word string) bool {
	rest, ok := strings.CutPrefix(s, word)
	return ok && (rest == "" || strings.IndexByte(blanks, rest[0]) >= 0)
}

// resolve expands the specifiers of one word of a command.
func (u *Unit) resolve(c *execStart, word text) (text, error) {
	word, unresolved, err := u.expand(word)
	for _, specifier := range unresolved {
		if !slices.Contains(c.unresolved, specifier) {
			c.unresolved = append(c.unresolved, specifier)
		}
	}
	return word, err
}
