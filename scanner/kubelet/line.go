package kubelet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// source is where a document's key stands.
func (d document) source(value any, keys ...string) Source {
	return Source{
		Kind: d.kind,
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
	last, _ := yamlLines(d.content, keys...)
	return last
}

// yamlLines finds a key's last line in the first document of block-style YAML,
// and how many lines have it.
func yamlLines(content []byte, keys ...string) (last, times int) {
	inside, started := false, false
	number := 0
	for line := range bytes.Lines(content) {
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
				last, times = number, times+1
			}
		case !indented:
			inside = false
		case inside && len(keys) == 2 && hasKey(bytes.TrimLeft(text, " "), keys[1]):
			last, times = number, times+1
		}
	}
	return last, times
}

// times is how often the first document has a key; 0 where the layout leaves a
// doubt.
func (d document) times(keys ...string) int {
	if d.json {
		return timesJSON(d.content, keys)
	}
	_, times := yamlLines(d.content, keys...)
	return times
}

// timesJSON counts a key of an object, or one below it.
func timesJSON(content []byte, keys []string) int {
	decoder := json.NewDecoder(bytes.NewReader(content))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return 0
	}
	times := 0
	for decoder.More() {
		key, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return times
		}
		switch {
		case key != keys[0]:
		case len(keys) == 1:
			times++
		default:
			times += timesJSON(value, keys[1:])
		}
	}
	return times
}

// behind is the step of a key in the second YAML document of a file, which the
// kubelet does not read.
func (d document) behind(keys ...string) (said, bool) {
	if d.json {
		return said{}, false
	}
	rest, before := secondDocument(d.content)
	last, _ := yamlLines(rest, keys...)
	if last == 0 {
		return said{}, false
	}
	number := 0
	for line := range bytes.Lines(rest) {
		if number++; number == last {
			rest = line
			break
		}
	}
	text := clip(string(bytes.TrimSpace(rest)))
	_, value, _ := strings.Cut(text, ":")
	return said{Step: Step{
		Value:  strings.TrimSpace(value),
		Source: Source{Kind: d.kind, Path: d.path, Line: before + last, Text: text},
		Note:   "ignored: only the first YAML document of a file is read",
	}}, true
}

// secondDocument is the text behind the first YAML document, from its marker
// on, and how many lines stand before it.
func secondDocument(content []byte) (rest []byte, lines int) {
	started, offset := false, 0
	for line := range bytes.Lines(content) {
		text := bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
		switch {
		case bytes.HasPrefix(line, []byte("---")) && started:
			return content[offset:], lines
		case len(text) > 0 && text[0] != '#' && !bytes.HasPrefix(text, []byte("---")):
			started = true
		}
		offset += len(line)
		lines++
	}
	return nil, 0
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
