package systemd

import (
	"math"
	"slices"
	"strings"
)

// expander puts the values of variables into one command.
type expander struct {
	vars    environ
	split   map[string][]text // values already split, by name
	size    int               // of the words so far, in bytes with one more for each
	lowest  int               // the lowest rank among the sources of the variables used
	missing []string
}

func newExpander(vars environ) *expander {
	return &expander{vars: vars, split: map[string][]text{}, lowest: math.MaxInt}
}

// maxMissing bounds the sentences about one command.
const maxMissing = 100

// lack records what leaves the argument vector unproven.
func (e *expander) lack(why string) {
	if len(e.missing) < maxMissing && !slices.Contains(e.missing, why) {
		e.missing = append(e.missing, why)
	}
}

// lacking is what lack recorded, and every unread file that is read after the
// source of one of the variables used.
func (e *expander) lacking() []string {
	for _, file := range e.vars.unread {
		if file.rank > e.lowest {
			e.lack(file.reason)
		}
	}
	return e.missing
}

// lookup is the value of a variable; ok is false for one that is not set, or
// not known to be.
func (e *expander) lookup(name string) (a assignment, ok bool) {
	if !validName(name) || e.vars.unset[name] {
		return assignment{}, false
	}
	a, ok = e.vars.vars[name]
	e.lowest = min(e.lowest, a.rank)
	switch {
	case !ok && e.vars.pass[name]:
		e.lack("$" + name + ": PassEnvironment= takes it from systemd's own environment")
	case !ok && (slices.Contains(systemVariables, name) || strings.HasPrefix(name, "LC_")):
		e.lack("$" + name + ": systemd itself may set it")
	}
	for _, specifier := range a.unresolved {
		e.lack("$" + name + " in " + a.path + ": only the node can resolve the specifier " + specifier)
	}
	return a, ok
}

// word makes a Word of a text in a file and counts it.
func (e *expander) word(t text, path, variable string) Word {
	e.size += len(t.s) + 1
	return Word{t.s, Position{path, t.line(0), variable}}
}

// argv expands the command: "COMMAND LINES" in systemd.service(5). It stops
// when maxArgv is passed.
func (e *expander) argv(c execStart) []Word {
	var argv []Word
	for _, t := range c.argv {
		name, isVariable := strings.CutPrefix(t.s, "$")
		switch {
		case e.size > maxArgv:
			return nil
		case c.literal:
			argv = append(argv, e.word(t, c.file, ""))
		case isVariable && !strings.HasPrefix(name, "{") && !strings.HasPrefix(name, "$"):
			argv = e.appendSplit(argv, name)
		default:
			argv = append(argv, e.braces(t, c.file))
		}
	}
	return argv
}

// appendSplit is $NAME as a word of its own: no word, or several.
func (e *expander) appendSplit(argv []Word, name string) []Word {
	a, ok := e.lookup(name)
	if !ok {
		return argv
	}
	if _, done := e.split[name]; !done {
		parts := []text{}
		for w := (words{in: a.value}); ; {
			part, ok, _ := w.next(plain) // plain has no errors
			if !ok {
				break
			}
			parts = append(parts, part)
		}
		e.split[name] = parts
	}
	for _, part := range e.split[name] {
		argv = append(argv, e.word(part, a.path, name))
		if e.size > maxArgv {
			break
		}
	}
	return argv
}

// braces replaces every ${NAME} of a word by its value and every $$ by a
// dollar sign: one word, whatever the values hold.
func (e *expander) braces(t text, file string) Word {
	if !strings.Contains(t.s, "$") {
		return e.word(t, file, "")
	}
	if name, ok := wholeVariable(t.s); ok {
		if a, ok := e.lookup(name); ok && a.value.first > 0 {
			return e.word(a.value, a.path, name)
		}
	}
	out := newBuilder(t.line(0))
	for i := 0; i < len(t.s) && e.size+out.Len() <= maxArgv; {
		rest, line := t.s[i:], t.line(i)
		switch {
		case strings.HasPrefix(rest, "$$"):
			out.add(line, "$")
			i += 2
		case strings.HasPrefix(rest, "${"):
			end := strings.IndexAny(rest, "}:")
			if end < 0 {
				end = len(rest) - 1
			}
			if rest[end] == '}' {
				a, _ := e.lookup(rest[2:end])
				out.add(line, a.value.s)
			} else { // not closed, or ${NAME:-default} of a shell: kept
				out.add(line, rest[:end+1])
			}
			i += end + 1
		default:
			out.add(line, rest[:1])
			i++
		}
	}
	return e.word(out.text(), file, "")
}

// wholeVariable is NAME of a word that is ${NAME} and nothing else.
func wholeVariable(s string) (name string, ok bool) {
	name, opened := strings.CutPrefix(s, "${")
	name, closed := strings.CutSuffix(name, "}")
	return name, opened && closed && validName(name)
}
