package systemd

import (
	"errors"
	"fmt"
	"iter"
	"strings"
)

// setting is one key=value of a unit file.
type setting struct {
	section, key string
	value        text // without blanks at its ends
}

// eachSetting calls do with the settings of a unit file in order, until it
// fails. What systemd only warns of is left out. An error is one at which
// systemd stops reading: the settings before it count.
func eachSetting(f File, do func(setting) error) error {
	section := ""
	for l := range logicalLines(f.Content) {
		l = l.trim()
		switch {
		case l.s == "":
		case l.s[0] == '[':
			name, ok := strings.CutSuffix(l.s[1:], "]")
			if !ok || !safe(name) {
				return fmt.Errorf("%s:%d: invalid section header, expected [NAME]", f.Path, l.line(0))
			}
			section = name
		case section != "":
			key, _, ok := strings.Cut(l.s, "=")
			if !ok || key == "" {
				continue
			}
			value := l.slice(len(key)+1, len(l.s)).trim()
			if err := do(setting{section, strings.TrimRight(key, blanks), value}); err != nil {
				return err
			}
		}
	}
	return nil
}

// logicalLines joins lines as systemd.syntax(7) says: a backslash at the end
// becomes a space and the next line is appended; comment lines are dropped, in
// between as well. An empty line is not a comment: it ends the joining.
func logicalLines(content string) iter.Seq[text] {
	return func(yield func(text) bool) {
		var joined *builder
		number := 0
		for l := range physicalLines(strings.TrimPrefix(content, "\ufeff")) {
			number++
			if first := strings.TrimLeft(l, blanks); first != "" && (first[0] == '#' || first[0] == ';') {
				continue
			}
			head, more := continues(l)
			if more {
				if joined == nil {
					joined = newBuilder(number)
				}
				joined.add(number, head+" ")
				continue
			}
			line := text{s: l, first: number}
			if joined != nil {
				joined.addText(line)
				line, joined = joined.text(), nil
			}
			if !yield(line) {
				return
			}
		}
		if joined != nil {
			yield(joined.text())
		}
	}
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
func physicalLines(content string) iter.Seq[string] {
	const ends = "\n\r\x00"
	return func(yield func(string) bool) {
		for rest := content; rest != ""; {
			i := strings.IndexAny(rest, ends)
			if i < 0 {
				yield(rest)
				return
			}
			if !yield(rest[:i]) {
				return
			}
			j := i + 1
			for j < len(rest) && strings.IndexByte(ends, rest[j]) >= 0 && strings.IndexByte(rest[i:j], rest[j]) < 0 {
				j++
			}
			rest = rest[j:]
		}
	}
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
