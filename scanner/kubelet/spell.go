package kubelet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What one file says about one setting, for a Chain.

func unseen(d document, note string) said {
	return said{Step: Step{Value: "?", Source: Source{Kind: d.kind, Path: d.path}, Note: note}}
}

func exitsOn(err error) string { return "the kubelet exits on it: " + clip(err.Error()) }

// read gives a file whose fields say something, or the one step that says why
// they do not. Of a file that is too new it gives what it holds now.
func (x explainer) read(d document) (document, []said) {
	if d.newer {
		d = x.p.in.Memo.readDocument(File{Path: d.path, State: Present, Content: d.content}, d.path, d.kind)
		d.newer = true
	}
	if x.merges28(d) {
		d = d.once()
	}
	err := d.err
	switch {
	case err != nil || d.missing != "":
	case d.kind == FromDropIn:
		err = d.refusal(x.minor)
	default:
		_, err = d.decode()
	}
	switch {
	case d.newer && (err != nil || d.missing != ""):
		return d, []said{unseen(d, changed)}
	case d.missing != "":
		return d, []said{unseen(d, d.short)}
	case err != nil:
		return d, []said{unseen(d, exitsOn(err))}
	}
	return d, nil
}

// fields is what one file says about one field, in every spelling.
func (x explainer) fields(d document, f field, standard string) []said {
	d, steps := x.read(d)
	if steps != nil {
		return steps
	}
	for _, key := range x.keys(d, f) {
		steps = append(steps, x.spelling(d, f, key))
	}
	if value := d.fields[f.name]; x.merges28(d) && (f == fieldServer && value == nil || f.standard() && zero(value)) {
		steps = append(steps, said{Step: Step{
			Value: standard, Source: Source{Kind: d.kind, Path: d.path, Line: d.line(f.name), Text: f.name + ": " + standard},
			Note: "not set there: v1.28 merges a drop-in's defaults, too",
		}})
	}
	if s, ok := d.behind(f.name); ok {
		steps = append(steps, s)
	}
	return d.asOf(steps)
}

// keys are the spellings of a field that are shown. Where only the exact one
// counts there may be any number of others.
func (x explainer) keys(d document, f field) []string {
	list := d.spellings(f)
	if len(list) <= maxSpellings {
		return list
	}
	if shown := list[:maxSpellings]; d.fields[f.name] == nil || slices.Contains(shown, f.name) {
		return shown
	}
	return append([]string{f.name}, list[:maxSpellings]...)
}

// asOf marks what a file says that is newer than the process.
func (d document) asOf(steps []said) []said {
	if !d.newer {
		return steps
	}
	if len(steps) == 0 {
		return []said{unseen(d, changed)}
	}
	for i := range steps {
		steps[i].Note, steps[i].resets = changed, false
	}
	return steps
}

// merges28 reports whether the file is merged as 1.28 does.
func (x explainer) merges28(d document) bool { return d.kind == FromDropIn && x.minor == 28 }

// exact reports whether the file is decoded by the exact case of its keys.
func (x explainer) exact(d document) bool { return d.kind != FromDropIn || x.minor == 28 }

// spelling is the step of one key of one file.
func (x explainer) spelling(d document, f field, key string) said {
	value := d.fields[key]
	if value == nil {
		return x.null(d, f, key)
	}
	if n, err := intField(value, key); f == fieldPort && err == nil && n != nil && x.exact(d) {
		value = *n
	}
	s := said{key: key, Step: Step{Value: words(value), Source: d.source(value, key)}}
	switch {
	case x.exact(d) && key != f.name:
		s.Note = "ignored: the case of the key is wrong, and it matters here"
	case f == fieldBootstrap && !hasBootstrapField(x.minor), f == fieldServer && !hasServerField(x.minor):
		s.Note = fmt.Sprintf("ignored: v1.%d has no such field", x.minor)
	case !x.exact(d) && f.decode(value) != nil:
		s.Note = "of the wrong type: the kubelet exits unless a later file replaces it"
	case f.standard() && zero(value) && (x.exact(d) || x.minor >= 32):
		s.Note, s.resets = "empty is not set: the default counts", !x.exact(d)
	case zero(value) && x.merges28(d):
		s.Note = "ignored: v1.28 merges no false and nothing empty"
	case value == "" && x.exact(d):
		s.Note = "ignored: empty is not set"
	}
	s.Note = join(s.Note, d.repeated(key))
	return s
}

// null is the step of a key that is null.
func (x explainer) null(d document, f field, keys ...string) said {
	key := keys[len(keys)-1]
	s := said{key: key, Step: Step{Value: "null", Source: d.source("null", keys...)}}
	if key == fieldGates.name {
		s.key = "" // it is about every gate
	}
	switch {
	case x.exact(d) && keys[0] != f.name:
		s.Note = "ignored: the case of the key is wrong, and it matters here"
	case x.exact(d) && d.kind != FromDropIn:
		s.Note = "ignored: null is not set"
	case x.merges28(d):
		s.Note = "ignored: null does not reset in v1.28"
	case x.minor <= 31:
		s.Note = "null does not reset before v1.32: it only takes earlier drop-ins back"
	default:
		s.Note, s.resets = "null takes "+clip(key)+" back from v1.32 on", true
	}
	s.Note = join(s.Note, d.repeated(keys...))
	return s
}

// standard reports whether the field has a default that is not its zero and
// that a zero brings back.
func (f field) standard() bool { return f == fieldAddress || f == fieldPort }

func zero(value any) bool {
	if number, ok := value.(json.Number); ok {
		value, _ = number.Float64()
	}
	return value == nil || value == "" || value == false || value == 0 || value == 0.0
}

// decode is why the value does not fit the field's type.
func (f field) decode(value any) error {
	var err error
	switch f {
	case fieldBootstrap, fieldServer:
		_, err = boolField(value, f.name)
	case fieldPort:
		_, err = wholeField(value, f.name)
	default:
		_, err = stringField(value, f.name)
	}
	return err
}

// repeated is the note of a key that a file has more than once: there is one
// step for all of them.
func (d document) repeated(keys ...string) string {
	n := d.times(keys...)
	if n < 2 {
		return ""
	}
	return fmt.Sprintf("named %d times: the last one counts", n)
}

func join(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(n string) bool { return n == "" }), "; ")
}

// words is a value of a file as a step shows it.
func words(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		return clip(value)
	case bool, int, int64, uint64, float64, json.Number:
		return clip(fmt.Sprint(value))
	case []any:
		return "a list"
	}
	return "an object"
}

// gateKeys are the gates that can make RotateKubeletServerCertificate what it
// is.
var gateKeys = []string{"AllAlpha", "AllBeta", rotationGate}

// gate is the history of RotateKubeletServerCertificate.
func (x explainer) gate(standard, outcome Setting[bool]) Chain {
	steps := []said{{Step: Step{Value: strconv.FormatBool(standard.Value), Source: standard.Source}}}
	steps = append(steps, x.local(x.gates, false)...)
	steps = append(steps, x.dynamic(x.gates)...)
	last := x.p.flags.place("feature-gates")
	for i, o := range x.p.flags.given {
		if o.name != "feature-gates" {
			continue
		}
		named := make(map[string]gate)
		_ = o.addGates(named, x.minor) // what stands before a mistake; the mistake itself is Effective.Problem
		for _, key := range gateKeys {
			g, ok := named[key]
			if !ok {
				continue
			}
			s := said{key: key, Step: Step{Value: strconv.FormatBool(g.value), Source: g.source, Note: x.all(key, g.value)}}
			if x.minor <= 8 && i != last {
				s.Note = "ignored: up to v1.8 the last --feature-gates replaces the others"
			}
			steps = append(steps, s)
		}
	}
	return Chain{gateName, ruleOf(gateName, x.minor), x.decide(steps, outcome.Source)}
}

// all is why AllAlpha or AllBeta changes nothing; empty: it does.
func (x explainer) all(key string, value bool) string {
	switch {
	case key == "AllAlpha" && x.minor >= 12:
		return "ignored: AllAlpha does not cover a beta gate"
	case key == "AllAlpha" && !value, key == "AllBeta" && value:
		return fmt.Sprintf("%s=%t leaves the gate at its default", key, value)
	}
	return ""
}

// gates is what one file says about RotateKubeletServerCertificate.
func (x explainer) gates(d document) []said {
	d, steps := x.read(d)
	if steps != nil {
		return steps
	}
	for _, key := range x.keys(d, fieldGates) {
		value := d.fields[key]
		children, _ := asObject(value)
		if value == nil && d.kind == FromDropIn {
			steps = append(steps, x.null(d, fieldGates, key))
		}
		for _, name := range gateKeys {
			if child, ok := children[name]; ok {
				steps = append(steps, x.child(d, key, name, child))
			}
		}
	}
	if s, ok := d.behind(fieldGates.name, rotationGate); ok {
		steps = append(steps, s)
	}
	return d.asOf(steps)
}

// child is the step of one gate of one file; key is how featureGates is
// spelled.
func (x explainer) child(d document, key, name string, value any) said {
	if value == nil && !x.exact(d) {
		return x.null(d, fieldGates, key, name)
	}
	b, ok := value.(bool)
	s := said{key: name, Step: Step{Value: words(value), Source: d.source(value, key, name), Note: x.all(name, b)}}
	switch {
	case x.exact(d) && key != fieldGates.name:
		s.Note = "ignored: the case of featureGates is wrong, and it matters here"
	case value == nil:
		s.Source, s.Note = d.source(false, key, name), join("null is false here", s.Note)
	case !ok:
		s.Note = "of the wrong type: the kubelet exits unless a later file replaces it"
	}
	s.Note = join(s.Note, d.repeated(key, name))
	return s
}
