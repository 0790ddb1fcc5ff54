package distro

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/systemd"
)

// openRC is StartOf for a service of OpenRC: what its script in /etc/init.d
// assigns to command and command_args, after /etc/conf.d. A script can do
// anything; here its assignments and the files that it sources are read as if
// every condition held, and what only a shell could tell leaves the command
// unproven.
// Source: openrc-run(8), openrc/sh/openrc-run.sh.in.
func openRC(ev *evidence.Evidence, unit string) Start {
	name := strings.TrimSuffix(unit, ".service")
	main := ev.File(0, "/etc/init.d/"+name)
	if !present(main) || !strings.Contains(beginning(main.Content), "openrc-run") {
		return Start{}
	}
	s := Start{Unit: name}
	script := rcScript{ev: ev, start: &s, values: map[string]string{"RC_SVCNAME": name, "SVCNAME": name}, unclear: map[string]string{}}
	script.source("/etc/conf.d/" + name)
	script.source(main.Path)
	script.command()
	s.variable = func(name string) (value, missing string) {
		return script.values[name], cmp.Or(script.unread, script.unclear[name])
	}
	s.prove()
	return s
}

// beginning is the first line of a file.
func beginning(content string) string {
	line, _, _ := strings.Cut(content, "\n")
	return line
}

// rcScript is a service script as far as it was read.
type rcScript struct {
	ev      *evidence.Evidence
	start   *Start
	values  map[string]string
	unclear map[string]string // why a variable's value is not certain
	unread  string            // the first file that it sources and nobody read
	depth   int
}

// source reads one file's assignments. A file that does not exist changes
// nothing: scripts look before they source.
func (r *rcScript) source(name string) {
	const maxDepth, maxFiles = 3, 20
	if r.depth >= maxDepth || len(r.start.files) >= maxFiles {
		return
	}
	f := r.ev.File(0, name)
	isRoot := r.ev.Host.UID == 0
	switch {
	case present(f):
	case f != nil && f.State == evidence.Absent, f == nil && isRoot:
		return
	default:
		if wanted(f) {
			r.start.Wants = append(r.start.Wants, evidence.Want{Kind: evidence.Text, Path: name})
		}
		r.unread = cmp.Or(r.unread, name+": not read")
		return
	}
	r.start.files = append(r.start.files, name)
	r.depth++
	defer func() { r.depth-- }()
	for text := f.Content; text != ""; {
		end := unquoted(text, "\n") // a command may span lines: its quotes do
		if end < 0 {
			end = len(text) - 1
		}
		r.line(strings.TrimSpace(text[:end+1]))
		text = text[end+1:]
	}
}

// line reads NAME=value, export NAME=value, : ${NAME:=value} and . FILE.
func (r *rcScript) line(line string) {
	line = strings.TrimPrefix(line, "export ")
	if name, ok := strings.CutPrefix(line, ". "); ok {
		name = strings.TrimRight(strings.TrimSpace(name), ";")
		if name, _ = expandVariables(strings.Trim(name, `"'`), r.values); strings.HasPrefix(name, "/") {
			r.source(path.Clean(name))
		}
		return
	}
	if rest, ok := strings.CutPrefix(line, ": ${"); ok {
		name, value, ok := strings.Cut(rest, ":=")
		value, _, closed := strings.Cut(value, "}")
		if ok && closed && r.values[name] == "" {
			r.assign(name, value)
		}
		return
	}
	name, value, ok := strings.Cut(line, "=")
	if _, length := variableName(name); ok && length == len(name) && length > 0 && name[0] != '{' {
		r.assign(name, value)
	}
}

// assign gives a variable its value.
func (r *rcScript) assign(name, text string) {
	if !strings.Contains(text, "$") {
		delete(r.unclear, name)
	}
	var value strings.Builder
	for text != "" && value.Len() < longest {
		part := text
		switch quote := text[0]; {
		case strings.IndexByte(" \t\n;", quote) >= 0: // an unquoted value ends here
			text = ""
			continue
		case quote == '\'':
			end := strings.IndexByte(text[1:], quote)
			if end < 0 {
				r.unclear[name] = name + " has an open quote in the service script"
				return
			}
			value.WriteString(text[1 : end+1])
			text = text[end+2:]
			continue
		case quote == '"':
			end := closing(text)
			if end < 0 {
				r.unclear[name] = name + " has an open quote in the service script"
				return
			}
			part, text = text[1:end], text[end+1:]
			part = strings.ReplaceAll(strings.ReplaceAll(part, "\\\n", ""), `\"`, `"`)
		default:
			if end := strings.IndexAny(text, "'\" \t\n;"); end >= 0 {
				part = text[:end]
			}
			text = text[len(part):]
		}
		value.WriteString(r.expand(name, part))
	}
	r.values[name] = value.String()
}

// closing is where the double quote that begins text ends, or -1.
func closing(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// expand puts variables into a part of name's value.
func (r *rcScript) expand(name, part string) string {
	for _, used := range slices.Sorted(maps.Keys(r.unclear)) {
		if strings.Contains(part, "$"+used) || strings.Contains(part, "${"+used+"}") {
			r.unclear[name] = r.unclear[used]
			break
		}
	}
	expanded, unknown := expandVariables(part, r.values) // one that nobody set is empty
	if strings.Contains(part, "`") || strings.Contains(part, "$(") || unknown == "{" {
		r.unclear[name] = name + " in the service script is a matter for a shell"
	}
	return expanded
}

// command makes the words of what the service runs. command_args is read by a
// shell once more, and what follows a redirection is not for the program.
func (r *rcScript) command() {
	program, args := r.values["command"], r.values["command_args"]
	if i := unquoted(args, ">"); i >= 0 {
		args = strings.TrimRight(args[:i], "0123456789")
	}
	words, ok := shellWords(args)
	why := cmp.Or(r.unread, r.unclear["command"], r.unclear["command_args"])
	switch {
	case why != "":
		r.start.unproven = why
	case !ok:
		r.start.unproven = "command_args in /etc/init.d/" + r.start.Unit + " is a matter for a shell"
	case program == "":
		r.start.unproven = "/etc/init.d/" + r.start.Unit + " names no command"
		return
	}
	if program == "" {
		return
	}
	for _, text := range append([]string{program}, words...) {
		r.start.Words = append(r.start.Words, systemd.Word{Text: text, Source: r.find(text)})
	}
}

// find is where a word stands in the files of the service, for the reader.
func (r *rcScript) find(text string) systemd.Position {
	for _, name := range r.start.files {
		if line := lineOf(r.ev.File(0, name).Content, text); line > 0 {
			return systemd.Position{Path: name, Line: line}
		}
	}
	return systemd.Position{}
}
