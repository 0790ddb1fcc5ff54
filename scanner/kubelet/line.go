package kubelet

import (
	"bytes"
	"fmt"
)

// source is where a document's key stands.
func (d document) source(kind SourceKind, value any, keys ...string) Source {
	return Source{
		Kind: kind,
		Path: d.path,
		Line: d.line(keys...),
		Text: clip(fmt.Sprintf("%s: %v", keys[len(keys)-1], value)),
	}
}

// line finds a key's line: keys is one field of the top level, or a field and
// a key below it. The decoder does not tell, so it looks at the text and gives
// 0 where the layout leaves a doubt. It is for the reader; nothing depends on
// it.
func (d document) line(keys ...string) int {
	if d.json {
		return onlyLine(d.content, keys[len(keys)-1])
	}
	found, inside, started := 0, false, false
	number := 0
	for line := range bytes.Lines(d.content) {
		number++
		text := bytes.TrimRight(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")), "\r\n")
		blank := len(text) == 0 || text[0] == '#'
		if bytes.HasPrefix(text, []byte("---")) || bytes.HasPrefix(text, []byte("...")) {
			if started {
				break // only the first document counts
			}
			continue
		}
		if blank {
			continue
		}
		started = true
		indented := text[0] == ' ' || text[0] == '-'
		switch {
		case !indented && hasKey(text, keys[0]):
			inside = true
			if len(keys) == 1 || bytes.Contains(text, []byte(keys[1])) {
				found = number
			}
		case !indented:
			inside = false
		case inside && len(keys) == 2 && hasKey(bytes.TrimLeft(text, " "), keys[1]):
			found = number
		}
	}
	return found
}

// hasKey reports whether a line of block-style YAML begins with the key.
func hasKey(line []byte, key string) bool {
	if len(line) > 0 && (line[0] == '"' || line[0] == '\'') {
		quote := line[0]
		line = line[1:]
		rest, ok := bytes.CutPrefix(line, []byte(key))
		if !ok || len(rest) == 0 || rest[0] != quote {
			return false
		}
		return bytes.HasPrefix(bytes.TrimLeft(rest[1:], " \t"), []byte(":"))
	}
	rest, ok := bytes.CutPrefix(line, []byte(key))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte(":"))
}

// onlyLine gives the line of a JSON key that occurs once, else 0.
func onlyLine(content []byte, key string) int {
	quoted := []byte(`"` + key + `"`)
	i := bytes.Index(content, quoted)
	if i < 0 || bytes.Contains(content[i+len(quoted):], quoted) {
		return 0
	}
	return 1 + bytes.Count(content[:i], []byte("\n"))
}
