package kubelet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxDocument  = 1 << 20 // bytes; a real KubeletConfiguration has a few thousand
	maxSpellings = 16      // of one field in one drop-in
	configGroup  = "kubelet.config.k8s.io/v1beta1"
	configKind   = "KubeletConfiguration"
)

// document is one configuration file, parsed as far as no version matters.
type document struct {
	kind    SourceKind // which layer it belongs to
	path    string
	content []byte
	missing string // why it says nothing of the process; empty: it does
	short   string // the same in the words of a step
	newer   bool   // it says nothing because it changed after the start
	syntax
}

// syntax is what the text of a file says, wherever the file stands. It may be
// that of many files (Memo), and is never changed.
type syntax struct {
	json    bool
	err     error          // what every kubelet that reads it exits with
	strict  error          // what a kubelet exits with that refuses duplicate keys
	untyped error          // what a kubelet exits with that decodes without types
	twice   string         // a key that JSON has twice, or its kind in several spellings: who decodes leniently needs a tokenizer to tell what counts
	fields  map[string]any // the top level of the first YAML document
}

// usable reports whether the file was read and is a mapping.
func (d document) usable() bool { return d.missing == "" && d.err == nil }

// changed is what is said of a file that is newer than its process.
const changed = "changed after the process started: proves nothing"

// readDocument parses a file the way the kubelet does; only drop-ins are read
// so that duplicate keys show. The kubelet takes what
// begins with "{" for JSON and nothing else (apimachinery's recognizer), and
// gives the rest to sigs.k8s.io/yaml, which is the YAML 1.1 decoder used here
// and a detour over JSON. The detour is left out: it writes an alias out each
// time, so that a file of 1 MiB could fill the memory; the decoder itself
// shares the strings, caps alias expansion and refuses nesting beyond 10,000.
func (m *Memo) readDocument(f File, named string, kind SourceKind) document {
	d := document{kind: kind, path: f.Path, content: f.Content}
	if d.path == "" {
		d.path = named
	}
	switch {
	case f.Newer:
		d.missing = fmt.Sprintf("%s changed after the process started and proves nothing about it: the served certificate or a restart would settle it", clip(d.path))
		d.short, d.newer = changed, f.State == Present
	case f.State == Absent:
		d.err = fmt.Errorf("failed to read kubelet config file %q, error: open %s: no such file or directory", clip(d.path), clip(d.path))
	case f.State == OtherKind: // the kubelet names the kind that it finds; we only know that it is another
		d.err = fmt.Errorf("no KubeletConfiguration in %s", clip(d.path))
	case f.State == Unreadable:
		d.missing = fmt.Sprintf("%s could not be read (%s): its content would settle it", clip(d.path), clip(f.Reason))
		d.short = "not read: " + clip(f.Reason)
	case f.State != Present:
		d.missing = fmt.Sprintf("%s was not read: its content would settle it", clip(d.path))
		d.short = "not read"
	case len(f.Content) > maxDocument:
		d.missing = fmt.Sprintf("%s is larger than 1 MiB: look at it by hand", clip(d.path))
		d.short = "not read: larger than 1 MiB"
	case len(f.Content) == 0:
		d.err = fmt.Errorf("kubelet config file %q was empty", clip(d.path))
	default:
		d.syntax = m.parse(f.Content, kind == FromDropIn)
		d.bound()
		if kind != FromDropIn {
			d = d.once()
		}
	}
	return d
}

// once refuses, for a kubelet that decodes leniently, JSON that names a key
// twice: each is decoded in turn over what is there.
func (d document) once() document {
	if d.twice != "" && d.usable() {
		d.missing = fmt.Sprintf("%s names %s twice in JSON: look at it by hand", clip(d.path), clip(d.twice))
		d.short = "not read: it names " + clip(d.twice) + " twice"
	}
	return d
}

// bound refuses a drop-in that spells a field in more ways than anyone would:
// each of them may count, and is looked for in the text.
func (d *document) bound() {
	if d.kind != FromDropIn || d.err != nil {
		return
	}
	for _, f := range fields {
		if n := len(d.spellings(f)); n > maxSpellings {
			d.missing = fmt.Sprintf("%s spells %s in %d ways: look at it by hand", clip(d.path), f.name, n)
			d.short = fmt.Sprintf("not read: it spells %s in %d ways", f.name, n)
			return
		}
	}
}

// spellings are the keys of the top level that encoding/json takes for the
// field, sorted.
func (s syntax) spellings(f field) []string {
	var list []string
	for key := range s.fields {
		if strings.EqualFold(key, f.name) {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

// parseSyntax parses a text; strict is for one in which duplicate keys count.
func parseSyntax(content []byte, strict bool) syntax {
	var s syntax
	s.json = bytes.HasPrefix(bytes.TrimLeftFunc(content, unicode.IsSpace), []byte("{"))
	var top any
	if s.json {
		top, s.err = parseJSON(content)
		if s.err == nil {
			s.twice = duplicateJSON(content)
		}
		if strict && s.twice != "" {
			s.strict = fmt.Errorf("strict decoding error: duplicate field %q", clip(s.twice))
		}
		if strict && s.err == nil && !floats(top) {
			s.untyped = errors.New("json: cannot unmarshal a number into Go value of type float64")
		}
	} else {
		top, s.strict, s.err = parseYAML(content, strict)
		if s.err == nil && !jsonable(top) {
			s.err = errors.New("error converting YAML to JSON: unsupported map key (null, a list or a mapping) or value (.inf or .nan)")
		}
	}
	if s.err != nil {
		s.err = fmt.Errorf("failed to decode: %w", s.err)
		return s
	}
	switch top := top.(type) {
	case nil: // an empty first document: the kubelet misses the kind
	case map[string]any:
		s.fields = top
	case map[any]any:
		s.fields = stringKeys(top)
	default:
		s.err = errors.New("failed to decode: couldn't get version/kind; json parse error: the document is not a mapping")
	}
	s.checkHead()
	return s
}

// checkHead refuses a kind or apiVersion that is no string, whatever its case,
// and marks JSON that has one in several spellings: the last in the text counts.
func (s *syntax) checkHead() {
	for _, name := range []string{"apiVersion", "kind"} {
		list := s.spellings(field{name: name})
		for _, key := range list {
			if value := s.fields[key]; value != nil {
				if _, err := stringField(value, name); err != nil {
					s.err = fmt.Errorf("failed to decode: couldn't get version/kind; json parse error: json: cannot unmarshal %s into Go struct field .%s of type string", jsonType(value), name)
					return
				}
			}
		}
		if s.json && len(list) > 1 && s.twice == "" {
			s.twice = name
		}
	}
}

// stringKeys keeps what a field name can be.
func stringKeys(m map[any]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		if key, ok := key.(string); ok {
			out[key] = value
		}
	}
	return out
}

// config is the part of a KubeletConfiguration that decides the serving
// certificate. A nil field is not written, or null, which is the same.
type config struct {
	serverTLSBootstrap *bool
	tlsCertFile        *string
	tlsPrivateKeyFile  *string
	address            *string
	port               *int
	enableServer       *bool
	featureGates       map[string]bool
}

// decode gives the typed fields as --config does from 1.10 to today: exact
// case, unknown fields ignored, duplicate keys last wins (lenient up to 1.16;
// later strict, and lenient again after a strict error), apiVersion and kind
// required, wrong types refused (pkg/kubelet/kubeletconfig/util/codec).
func (d document) decode() (config, error) {
	var c config
	if err := d.checkKind(configKind); err != nil {
		return c, err
	}
	var errs [7]error
	c.serverTLSBootstrap, errs[0] = boolField(d.fields["serverTLSBootstrap"], "serverTLSBootstrap")
	c.tlsCertFile, errs[1] = stringField(d.fields["tlsCertFile"], "tlsCertFile")
	c.tlsPrivateKeyFile, errs[2] = stringField(d.fields["tlsPrivateKeyFile"], "tlsPrivateKeyFile")
	c.address, errs[3] = stringField(d.fields["address"], "address")
	c.port, errs[4] = intField(d.fields["port"], "port")
	c.enableServer, errs[5] = boolField(d.fields["enableServer"], "enableServer")
	c.featureGates, errs[6] = gatesField(d.fields["featureGates"])
	for _, err := range errs {
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// printed is an error in the kubelet's own words.
type printed string

func (p printed) Error() string { return string(p) }

// checkKind wants the one group and version that exists since 1.10.
func (d document) checkKind(want string) error {
	group, kind := fold(d.fields, "apiVersion"), fold(d.fields, "kind")
	switch {
	case kind == "":
		return printed("Object 'Kind' is missing")
	case group == "":
		return printed("Object 'apiVersion' is missing")
	case kind != want || group != configGroup:
		return fmt.Errorf("no kind %q is registered for version %q", clip(kind), clip(group))
	}
	return nil
}

// fold gives a string whose key may have any case, as encoding/json finds it:
// of several spellings the one that sorts last counts.
func fold(fields map[string]any, name string) string {
	last, text := "", ""
	for key, value := range fields {
		if value, ok := value.(string); ok && key >= last && strings.EqualFold(key, name) {
			last, text = key, value
		}
	}
	return text
}

func boolField(v any, name string) (*bool, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case bool:
		return &v, nil
	default:
		return nil, typeError(v, name, "bool")
	}
}

func stringField(v any, name string) (*string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return &v, nil
	default:
		return nil, typeError(v, name, "string")
	}
}

func intField(v any, name string) (*int, error) {
	n := 0
	switch v := v.(type) {
	case nil:
		return nil, nil
	case int:
		n = v
	case float64:
		// YAML's 10250.0 becomes JSON's 10250 on its way.
		if v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 {
			return nil, typeError(v, name, "int32")
		}
		n = int(v)
	case json.Number:
		i, err := strconv.ParseInt(v.String(), 10, 32)
		if err != nil {
			return nil, typeError(v, name, "int32")
		}
		n = int(i)
	default:
		return nil, typeError(v, name, "int32")
	}
	if n > math.MaxInt32 || n < math.MinInt32 {
		return nil, typeError(n, name, "int32")
	}
	return &n, nil
}

func gatesField(v any) (map[string]bool, error) {
	var fields map[string]any
	switch v := v.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		fields = v
	case map[any]any:
		fields = stringKeys(v)
	default:
		return nil, typeError(v, "featureGates", "map[string]bool")
	}
	named := make(map[string]bool, len(fields))
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		value := fields[key]
		b, err := boolField(value, key)
		if err != nil {
			return nil, typeError(value, "featureGates", "bool")
		}
		// A null gate is named and false.
		named[key] = b != nil && *b
	}
	return named, nil
}

func typeError(v any, field, want string) error {
	return fmt.Errorf("json: cannot unmarshal %s into Go struct field KubeletConfiguration.%s of type %s", jsonType(v), field, want)
}

// jsonType is a value's type in the words of encoding/json.
func jsonType(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case string:
		return "string"
	case int, int64, uint64, float64, json.Number:
		return "number"
	case []any:
		return "array"
	case map[any]any, map[string]any:
		return "object"
	}
	return "value"
}

// beside resolves a relative file name against the configuration file's
// directory (resolveRelativePaths in pkg/kubelet/kubeletconfig/configfiles).
func (d document) beside(name string) string {
	if name == "" || path.IsAbs(name) {
		return name
	}
	return path.Join(path.Dir(d.path), name)
}
