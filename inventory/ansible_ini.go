package inventory

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// parseAnsibleINI reads an INI inventory of Ansible:
//
//	bastion ansible_host=203.0.113.7
//	[workers]
//	worker[01:50].example ansible_user=core
//	[workers:vars]
//	ansible_ssh_common_args="-o ProxyJump=bastion"
//	[cluster:children]
//	workers
//
// The rules are those of Ansible's ini plugin. What it takes without a word and
// cannot be meant is a mistake here: an empty range, an unknown group. Files of
// group_vars and host_vars are not read; ansible-inventory --list has them. The
// errors are those of Parse.
func parseAnsibleINI(s Source) ([]Node, error) {
	r := iniReader{
		ansible: newAnsible(s.Name), at: Position{File: s.Name},
		declared: map[string]bool{"all": true, "ungrouped": true}, used: map[string]Position{},
	}
	r.section = r.group("ungrouped", r.at)
	for line := range bytes.Lines(s.Text) {
		r.at.Line++
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) > maxLine {
			r.list.errs.stop(tooLong(r.at))
			break
		}
		r.line(string(line))
	}
	for _, name := range r.names {
		if !r.declared[name] {
			r.list.errs.stop(mistake(r.used[name], name, "unknown group: expected a section [%s] or [%s:children]%s",
				name, name, didYouMean(name, slices.Values(slices.Sorted(maps.Keys(r.declared))))))
		}
	}
	return r.result()
}

// iniReader is at a line of an INI inventory.
type iniReader struct {
	*ansible
	at       Position
	section  *ansibleGroup
	part     string // of the section: "", "children" or "vars"
	skipping bool   // the header of the section was wrong
	declared map[string]bool
	used     map[string]Position // where groups are named first other than by a section of theirs
	names    []string            // the keys of used, in order
}

// sectionHeader is a group, what of it follows, and the rest of the line.
var sectionHeader = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)

// line reads one line without its end.
func (r *iniReader) line(line string) {
	if i := strings.IndexFunc(line, isControl); i >= 0 {
		// Ansible ends lines at most of them.
		r.mistake(i, line[i:], "a control character or line separator: expected none, not even in a comment")
		return
	}
	start := len(line) - len(strings.TrimLeft(line, " \t"))
	line = strings.TrimRight(line, " \t")
	rest := line[min(start, len(line)):]
	if rest == "" || rest[0] == '#' || rest[0] == ';' {
		return
	}
	if header := sectionHeader.FindStringSubmatch(rest); header != nil {
		r.header(start, header[1], header[2])
		return
	}
	switch {
	case rest[0] == '[' && rest[len(rest)-1] == ']' && !strings.Contains(rest, "="):
		r.skipping = true
		r.mistake(start, rest, "expected a section such as [workers], [workers:children] or [workers:vars], without blanks")
	case r.skipping:
	case r.part == "vars":
		r.variable(start, rest)
	case r.part == "children":
		r.child(start, rest)
	default:
		r.host(line)
	}
}

// mistake adds a mistake at a byte of the line, after which nobody knows what
// belongs to which host.
func (r *iniReader) mistake(offset int, text, problem string) {
	r.at.Column = offset + 1
	r.list.errs.stop(mistake(r.at, text, "%s", problem))
}

// header begins a section.
func (r *iniReader) header(start int, name, part string) {
	r.at.Column = start + 2
	r.skipping = false
	switch part {
	case "", "hosts", "children":
		r.declared[name] = true
	case "vars":
		r.use(name)
	default:
		r.skipping = true
		r.mistake(start, part, unknownKey(part, []string{"children", "hosts", "vars"}))
		return
	}
	r.section, r.part = r.group(name, r.at), strings.TrimPrefix(part, "hosts")
	r.section.pending = false
}

// use notes a group that must be declared somewhere.
func (r *iniReader) use(name string) {
	if _, ok := r.used[name]; !ok {
		r.used[name] = r.at
		r.names = append(r.names, name)
	}
}

// child reads a line of [GROUP:children].
func (r *iniReader) child(start int, line string) {
	name, after := line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		name, after = line[:i], strings.TrimLeft(line[i:], " \t")
	}
	if after != "" && after[0] != '#' || strings.ContainsAny(name, ":]") {
		r.mistake(start, line, "expected the name of one group")
		return
	}
	r.at.Column = start + 1
	r.use(name)
	_, known := r.groups[name]
	child := r.group(name, r.at)
	child.pending = child.pending || !known
	r.addChild(r.section, child, r.at)
}

// variable reads a line of [GROUP:vars].
func (r *iniReader) variable(start int, line string) {
	key, val, found := strings.Cut(line, "=")
	if !found {
		r.mistake(start, line, "expected key=value")
		return
	}
	column := start + len(key) + 1 + len(val) - len(strings.TrimLeft(val, " \t"))
	name := value{kind: textKind, text: strings.TrimRight(key, " \t"), line: int32(r.at.Line), column: int32(start + 1)}
	r.setGroup(r.section, name, r.literal(column, strings.TrimSpace(val)))
}

// host reads a line of hosts: a pattern, and variables of all its hosts.
func (r *iniReader) host(line string) {
	fields, problem := splitShell(line, true)
	if problem != "" {
		r.mistake(0, line, problem)
		return
	}
	if len(fields) == 0 {
		return
	}
	r.at.Column = fields[0].at + 1
	hosts := r.addHosts(r.section, fields[0].text, r.at)
	secret := false
	for _, field := range fields[1:] {
		key, val, found := strings.Cut(field.text, "=")
		if !found {
			if secret { // what follows a blank in a password without quotes
				field.text = "..."
			}
			r.at.Column = field.at + 1
			r.list.errs.add(mistake(r.at, field.text, "expected key=value after the host, and values with blanks in quotes"))
			for _, h := range hosts {
				h.bad = true
			}
			continue
		}
		secret = strings.Contains(key, "pass")
		name := value{kind: textKind, text: key, line: int32(r.at.Line), column: int32(field.at + 1)}
		r.setHosts(hosts, name, r.literal(field.at+len(key)+1, val))
	}
}

// literal reads the value of a variable as Python's ast.literal_eval does: a
// quoted text, a number, a boolean or None. What is none of these is text as it
// stands; a list or dictionary is neither.
func (r *iniReader) literal(offset int, raw string) value {
	v := value{kind: textKind, text: raw, line: int32(r.at.Line), column: int32(offset + 1)}
	trimmed := strings.Trim(raw, " \t")
	if trimmed == "" {
		return v
	}
	if quote := trimmed[0]; quote == '"' || quote == '\'' {
		inside, after, closed := strings.Cut(trimmed[1:], trimmed[:1])
		after = strings.TrimLeft(after, " \t")
		switch {
		case !closed: // not Python: the text as it stands
		case after != "" && after[0] != '#' || strings.Contains(inside, `\`):
			v.kind = listKind // an escape, or several texts that Python joins
		default:
			v.text = inside
		}
		return v
	}
	word, _, _ := strings.Cut(trimmed, "#")
	switch word = strings.TrimRight(word, " \t"); {
	case strings.ContainsRune("[({", rune(trimmed[0])) && !strings.HasPrefix(trimmed, "{{"):
		v.kind = listKind
	case word == "None":
		v.kind = nullKind
	case word == "True" || word == "False":
		v.kind, v.text = boolKind, word
	case pythonNumber.MatchString(word):
		v.kind, v.text = numberKind, word
	case pythonString.MatchString(trimmed):
		v.kind = listKind
	}
	return v
}

// A number of Python; a leading zero makes it text. A string with a prefix.
var (
	pythonNumber = regexp.MustCompile(`^[+-]*(0|0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[1-9][\d_]*|\d[\d_]*\.\d*|\.\d+|\d[\d_]*[eE][+-]?\d+|\d*\.\d*[eE][+-]?\d+)[jJ]?$`)
	pythonString = regexp.MustCompile(`^[bBuUrR]{1,2}["'].*["']$`)
)

// isControl is the set of characters at which Python, or a terminal, may end a
// line or turn a text around.
func isControl(c rune) bool {
	return c < ' ' && c != '\t' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == '\u2028' || c == '\u2029' || c == utf8.RuneError
}

// iniSection is the header of a section, told from a range such as [1-3] and
// from an IPv6 address.
var iniSection = regexp.MustCompile(`^\[[A-Za-z_][^\]:\s,]*(:(vars|children|hosts))?\]\s*(#.*)?$`)

// looksAnsibleINI reports a text with the header of a section, or with a host
// that has a variable of Ansible's.
func looksAnsibleINI(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#' || line[0] == ';':
		case line[0] == '[' && len(line) < maxLine && iniSection.Match(line):
			return true
		case bytes.Contains(line, []byte(" ansible_")) || bytes.Contains(line, []byte("\tansible_")):
			return true
		}
	}
	return false
}
