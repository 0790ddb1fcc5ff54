package systemd

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
)

// errSpecifier is systemd's "Invalid slot": a letter or digit after % that it
// does not know. Before release 242 such text was kept as it is.
var errSpecifier = errors.New("unknown specifier")

var errGrowth = errors.New("its specifiers expand to more than systemd would take")

// nodeSpecifiers are those that systemd resolves from what only the node
// knows: architecture, identifiers, release, user, groups, directories that
// can be moved.
const nodeSpecifiers = "aAbBcCdDfgGhmMoqrRsTuUvVwW"

// specifiers resolves what systemd.unit(5), "Specifiers", lists, as far as the
// unit's name and the host tell.
type specifiers struct {
	unit     string // with its suffix
	fragment string
	host     Host
	budget   int // how many bytes longer than it is written a text may become
}

// expand replaces the specifiers of t. Those of nodeSpecifiers stay as they
// are written, and unresolved names them, each once.
func (s specifiers) expand(t text) (expanded text, unresolved []string, err error) {
	if !strings.Contains(t.s, "%") {
		return t, nil, nil
	}
	out := newBuilder(t.line(0))
	for i := 0; i < len(t.s); i++ {
		line := t.line(i)
		if t.s[i] != '%' || i+1 == len(t.s) {
			out.add(line, t.s[i:i+1])
			continue
		}
		i++
		if out.Len() > len(t.s)+s.budget {
			return text{}, nil, errGrowth
		}
		value, known := s.value(t.s[i])
		switch c := t.s[i]; {
		case known:
			out.add(line, value)
		case strings.IndexByte(nodeSpecifiers, c) >= 0, strings.IndexByte("Hl", c) >= 0:
			out.add(line, t.s[i-1:i+1])
			if spelled := t.s[i-1 : i+1]; !slices.Contains(unresolved, spelled) {
				unresolved = append(unresolved, spelled)
			}
		case isAlnum(c):
			return text{}, nil, errSpecifier
		default:
			out.add(line, t.s[i-1:i+1])
		}
	}
	return out.text(), unresolved, nil
}

// value is the value of one specifier.
func (s specifiers) value(c byte) (value string, known bool) {
	id := strings.TrimSuffix(s.unit, serviceSuffix)
	prefix, instance, _ := strings.Cut(id, "@")
	last := prefix[strings.LastIndexByte(prefix, '-')+1:]
	switch c {
	case '%':
		return "%", true
	case 'n':
		return s.unit, true
	case 'N':
		return id, true
	case 'p':
		return prefix, true
	case 'P':
		return unescapeName(prefix), true
	case 'i':
		return instance, true
	case 'I':
		return unescapeName(instance), true
	case 'j':
		return last, true
	case 'J':
		return unescapeName(last), true
	case 'H':
		return s.host.Name, s.host.Name != ""
	case 'l':
		short, _, _ := strings.Cut(s.host.Name, ".")
		return short, short != ""
	case 'y':
		return s.fragment, true
	case 'Y':
		return path.Dir(s.fragment), true
	case 'E':
		return "/etc", true
	case 'L':
		return "/var/log", true
	case 'S':
		return "/var/lib", true
	case 't':
		return "/run", true
	}
	return "", false
}

// unescapeName undoes systemd-escape(1): "-" is a slash, \xNN a byte.
func unescapeName(name string) string {
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] == '-':
			out.WriteByte('/')
		case strings.HasPrefix(name[i:], `\x`) && len(name) >= i+4:
			b, err := strconv.ParseUint(name[i+2:i+4], 16, 8)
			if err != nil {
				return name
			}
			out.WriteByte(byte(b))
			i += 3
		default:
			out.WriteByte(name[i])
		}
	}
	return out.String()
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
