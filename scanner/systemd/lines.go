package systemd

import (
	"errors"
	"fmt"
	"strings"
)

// setting is one key=value of a unit file.
type setting struct {
	section, key string
	value        text // without blanks at its ends
}

// parseSettings reads the settings of a unit file in order. What systemd only
// warns of is left out. An error is one at which systemd stops reading: the
// settings before it count.
func parseSettings(f File) ([]setting, error) {
	var settings []setting
	section := ""
	for _, l := range logicalLines(f.Content) {
		l = l.trim()
		switch {
		case l.s == "":
		case l.s[0] == '[':
			name, ok := strings.CutSuffix(l.s[1:], "]")
			if !ok || !safe(name) {
				return settings, fmt.Errorf("%s:%d: invalid section header, expected [NAME]", f.Path, l.line(0))
			}
			section = name
		case section != "":
			if key, _, ok := strings.Cut(l.s, "="); ok && key != "" {
				value := l.slice(len(key)+1, len(l.s)).trim()
				settings = append(settings, setting{section, strings.TrimRight(key, blanks), value})
			}
		}
	}
	return settings, nil
}

// logicalLines joins lines as systemd.syntax(7) says: a backslash at the end
// becomes a space and the next line is appended; comment lines are dropped, in
// between as well. An empty line is not a comment: it ends the joining.
func logicalLines(content string) []text {
	var lines []text
	var joined *builder
	for i, l := range physicalLines(strings.TrimPrefix(content, "\ufeff")) {
		if first := strings.TrimLeft(l, blanks); first != "" && (first[0] == '#' || first[0] == ';') {
			continue
		}
		if joined == nil {
			joined = newBuilder(i + 1)
		}
		if head, more := continues(l); more {
			joined.add(i+1, head+" ")
			continue
		}
		joined.add(i+1, l)
		lines = append(lines, joined.text())
		joined = nil
	}
	if joined != nil {
		lines = append(lines, joined.text())
	}
	return lines
}

// continues reports whether a line ends in a backslash that is not itself
// escaped, and gives what is before that.
func continues(line string) (head string, more bool) {
	backslashes := len(line) - len(strings.TrimRight(line, `\`))
	if backslashes%2 == 0 {
		return line, false
	}
	return line[:len(line)-1], true
}

// physicalLines splits as systemd's read_line() does: LF, CR and NUL end a
// line, and a run of different ones, such as CR LF, ends one line.
func physicalLines(content string) []string {
	const ends = "\n\r\x00"
	var lines []string
	for content != "" {
		i := strings.IndexAny(content, ends)
		if i < 0 {
			return append(lines, content)
		}
		lines = append(lines, content[:i])
		j := i + 1
		for j < len(content) && strings.IndexByte(ends, content[j]) >= 0 && strings.IndexByte(content[i:j], content[j]) < 0 {
			j++
		}
		content = content[j:]
	}
	return lines
}

// safe reports whether s is free of quotes, backslashes and control
// characters: string_is_safe() of systemd, asked of section names and of
// programs.
func safe(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\\' || r == '"' || r == '\''
	}) < 0
}

var errTooLarge = errors.New("larger than 1 MiB")

// maxFile bounds unit files and environment files, in bytes. systemd's own
// limit is 1 MiB for a line.
const maxFile = 1 << 20

// checkSize refuses a file above maxFile.
func checkSize(f File) error {
	if len(f.Content) > maxFile {
		return fmt.Errorf("%s: %w", f.Path, errTooLarge)
	}
	return nil
}
