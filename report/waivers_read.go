package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

const (
	maxWaiversFile = 1 << 20 // in bytes
	maxWaivers     = 1000
	maxWaiverYears = 2 // ahead: after that somebody has to look again
)

// waiverKeys are the keys of a waiver, in the order in which errors name them.
var waiverKeys = []string{"id", "nodes", "labels", "rotation", "condition", "reason", "owner", "expires"}

// ReadWaivers reads a YAML list of waivers. The name of the file is for
// messages. It reports all mistakes together, one a line, each with its
// position; a file with a mistake gives no waivers at all, and one without
// waivers gives an empty list.
func ReadWaivers(file string, in io.Reader, now time.Time) (Waivers, error) {
	content, err := io.ReadAll(io.LimitReader(in, maxWaiversFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: expected a list of waivers", file, err)
	}
	if len(content) > maxWaiversFile {
		return nil, fmt.Errorf("%s: larger than %d MiB: expected a list of waivers", file, maxWaiversFile>>20)
	}
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return Waivers{}, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %s: expected a YAML list of waivers", file, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	r := waiverReader{file: file, now: now, ids: map[string]int{}}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		r.mistake(&more, "expected one YAML document and nothing behind it")
	}
	list := r.list(doc.Content[0])
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return list, nil
}

// waiverReader collects mistakes.
type waiverReader struct {
	file string
	now  time.Time
	ids  map[string]int // the line on which each stands
	errs []error
}

func (r *waiverReader) mistake(at *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: %s", r.file, at.Line, at.Column, fmt.Sprintf(format, args...)))
}

func (r *waiverReader) list(node *yaml.Node) Waivers {
	list := Waivers{}
	switch {
	case node.Kind == yaml.ScalarNode && node.Tag == "!!null": // only comments
	case node.Kind != yaml.SequenceNode:
		r.mistake(node, `expected a list of waivers, each beginning with "- "`)
	case len(node.Content) > maxWaivers:
		r.mistake(node, "%d waivers: expected at most %d; patterns and labels name many nodes at once", len(node.Content), maxWaivers)
	default:
		for _, item := range node.Content {
			list = append(list, r.waiver(item))
		}
	}
	return list
}

// waiver reads one waiver. It is of use only where there was no mistake.
func (r *waiverReader) waiver(node *yaml.Node) (w Waiver) {
	w.Source = fmt.Sprintf("%s:%d", r.file, node.Line)
	if node.Kind != yaml.MappingNode {
		r.mistake(node, "expected a waiver: %s", strings.Join(waiverKeys, ", "))
		return w
	}
	seen := map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case !slices.Contains(waiverKeys, key.Value):
			r.mistake(key, "key %q: expected one of %s%s", key.Value, strings.Join(waiverKeys, ", "), didYouMean(key.Value, waiverKeys))
			continue
		case seen[key.Value]:
			r.mistake(key, "key %q: expected once in a waiver", key.Value)
			continue
		}
		seen[key.Value] = true
		r.field(&w, key.Value, value)
	}
	for _, key := range []string{"reason", "owner", "expires"} {
		if !seen[key] {
			r.mistake(node, "no %s: expected why, by whom and until when (reason, owner, expires)", key)
		}
	}
	if seen["rotation"] == seen["condition"] {
		r.mistake(node, "expected what is waived, either rotation or condition")
	}
	if !seen["nodes"] && !seen["labels"] {
		r.mistake(node, `expected nodes or labels that name the nodes; nodes: "*" is all of them`)
	}
	return w
}

// field reads one value of a waiver.
func (r *waiverReader) field(w *Waiver, key string, value *yaml.Node) {
	switch key {
	case "id":
		w.ID = r.text(key, value)
		if line, ok := r.ids[w.ID]; ok && w.ID != "" {
			r.mistake(value, "id %q: line %d has it, too; expected each once", w.ID, line)
		}
		r.ids[w.ID] = value.Line
	case "nodes":
		w.Nodes = r.nodes(value)
	case "labels":
		w.Labels = r.labels(value)
	case "rotation":
		w.Rotation = r.rotation(value)
	case "condition":
		var known []string
		for _, c := range scanner.Conditions {
			known = append(known, string(c))
		}
		w.Condition = r.oneOf(key, value, known)
	case "reason":
		w.Reason = r.text(key, value)
	case "owner":
		w.Owner = r.text(key, value)
	case "expires":
		w.Expires = r.day(value)
	}
}

// text is a scalar that says something, as it was written: YAML's own ideas of
// off and of dates do not matter here.
func (r *waiverReader) text(key string, node *yaml.Node) string {
	if node.Kind != yaml.ScalarNode || strings.TrimSpace(node.Value) == "" {
		r.mistake(node, "%s: expected a text", key)
		return ""
	}
	return strings.TrimSpace(node.Value)
}

func (r *waiverReader) oneOf(key string, node *yaml.Node, known []string) string {
	word := r.text(key, node)
	if word != "" && !slices.Contains(known, word) {
		r.mistake(node, "%s %q: expected one of %s%s", key, word, strings.Join(known, ", "), didYouMean(word, known))
	}
	return word
}

// rotation is what may be waived of it.
func (r *waiverReader) rotation(node *yaml.Node) string {
	if node.Value == kubelet.Unknown.String() {
		r.mistake(node, "rotation unknown: nobody can accept a risk that nobody has seen; settle it, kletscan explain says how")
		return ""
	}
	return r.oneOf("rotation", node, []string{kubelet.Off.String(), kubelet.Invalid.String(), kubelet.External.String()})
}

// rangeBesides finds a range that stands beside a digit, a wildcard or another
// range: where its number begins or ends would be a guess.
var rangeBesides = regexp.MustCompile(`[0-9*?\]]\[[0-9,-]+\]|\[[0-9,-]+\][0-9*?]`)

// nodes is one pattern or a list of them.
func (r *waiverReader) nodes(node *yaml.Node) string {
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode && len(node.Content) > 0 {
		items = node.Content
	}
	var patterns []string
	for _, item := range items {
		pattern := r.text("nodes", item)
		r.checkPattern(item, "nodes", pattern)
		patterns = append(patterns, pattern)
	}
	return strings.Join(patterns, ",")
}

func (r *waiverReader) checkPattern(at *yaml.Node, key, pattern string) {
	switch {
	case strings.Count(pattern, "[") != strings.Count(pattern, "]"):
		r.mistake(at, "%s %q: expected a ] for each [, as in worker[01-40]", key, pattern)
	case rangeBesides.MatchString(pattern):
		r.mistake(at, "%s %q: expected no digit, *, ? or range right beside a range", key, pattern)
	}
}

// labels are keys with patterns.
func (r *waiverReader) labels(node *yaml.Node) map[string]string {
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
		r.mistake(node, "labels: expected keys and values, as in {group: edge}")
		return nil
	}
	labels := map[string]string{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := r.text("labels", node.Content[i]), r.text("labels", node.Content[i+1])
		if _, ok := labels[key]; ok {
			r.mistake(node.Content[i], "label %q: expected once in a waiver", key)
		}
		r.checkPattern(node.Content[i+1], "label "+key, value)
		labels[key] = value
	}
	return labels
}

// day is a date that is not too far ahead.
func (r *waiverReader) day(node *yaml.Node) time.Time {
	day, err := time.Parse(time.DateOnly, node.Value)
	switch {
	case err != nil || node.Kind != yaml.ScalarNode:
		r.mistake(node, "expires %q: expected a date such as 2027-01-31, the last day on which the waiver holds, in UTC", node.Value)
	case !r.now.IsZero() && day.After(r.now.AddDate(maxWaiverYears, 0, 0)):
		r.mistake(node, "expires %s: expected a day at most %d years ahead, when somebody looks at it again", node.Value, maxWaiverYears)
	}
	return day
}

// didYouMean ends an error with the word that was most likely meant, if there
// is one.
func didYouMean(word string, known []string) string {
	best, least := "", max(1, min(2, len(word)/3))+1
	for _, candidate := range known {
		if d := distance(strings.ToLower(word), candidate); d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is how many letters were left out, put in or changed between two
// words (Levenshtein). Words that are hopelessly long are not compared.
func distance(a, b string) int {
	if len(a) > 2*len(b) {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
