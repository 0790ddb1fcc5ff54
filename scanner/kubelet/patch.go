package kubelet

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// spelled is one value of a merged JSON object, under one spelling of its key.
type spelled struct {
	value   any    // never null; a map[string]spelled for an object
	missing string // why the value, or an object's other keys, are not known
	source  Source
}

// object is one field of the merged object by spelling: encoding/json takes a
// key in any case, and of several spellings the one that sorts last.
type object map[string]spelled

// field is one field of KubeletConfiguration that drop-ins may patch.
type field struct {
	name string // in v1beta1
	goes string // the Go field, which is its JSON key up to 1.31
}

var (
	fieldBootstrap = field{"serverTLSBootstrap", "ServerTLSBootstrap"}
	fieldCert      = field{"tlsCertFile", "TLSCertFile"}
	fieldKey       = field{"tlsPrivateKeyFile", "TLSPrivateKeyFile"}
	fieldAddress   = field{"address", "Address"}
	fieldPort      = field{"port", "Port"}
	fieldServer    = field{"enableServer", "EnableServer"}
	fieldGates     = field{"featureGates", "FeatureGates"}
)

var fields = []field{fieldBootstrap, fieldCert, fieldKey, fieldAddress, fieldPort, fieldServer, fieldGates}

// undecodable begins what the kubelet says of a merged object that does not
// fit its types.
const undecodable = "failed to merge kubelet configs: failed to unmarshal merged JSON into kubelet configuration: "

// base is the key under which 1.minor writes what it had before the drop-ins.
func (f field) base(minor int) string {
	if minor <= 31 {
		return f.goes
	}
	return f.name
}

// patch merges files as 1.29 and later do: JSON merge patches (RFC 7396) in
// the order of the files, and one decoding at the end.
func (s *settings) patch(docs []document, minor int) *problem {
	return firstOf(
		patchScalar(&s.bootstrap, fieldBootstrap, docs, minor, boolField),
		patchScalar(&s.cert, fieldCert, docs, minor, stringField),
		patchScalar(&s.key, fieldKey, docs, minor, stringField),
		patchScalar(&s.address, fieldAddress, docs, minor, stringField),
		patchScalar(&s.port, fieldPort, docs, minor, wholeField),
		patchScalar(&s.enableServer, fieldServer, docs, minor, boolField),
		s.patchGates(docs, minor),
	)
}

func firstOf(problems ...*problem) *problem {
	for _, p := range problems {
		if p != nil {
			return p
		}
	}
	return nil
}

// wholeField is intField for a value that was decoded without types and written
// again: JSON's 1.0 and 1e4 are 1 and 10000 by then.
func wholeField(v any, name string) (*int, error) {
	if number, ok := v.(json.Number); ok {
		if f, err := number.Float64(); err == nil {
			v = f
		}
	}
	return intField(v, name)
}

// patchScalar merges one field that is not an object.
func patchScalar[T comparable](s *Setting[T], f field, docs []document, minor int, decode func(any, string) (*T, error)) *problem {
	var zero T
	var standard Setting[T] // what a removed or zero value becomes from 1.32 on
	switch value := any(&standard.Value).(type) {
	case *bool:
		*value = f == fieldServer
	case *string:
		if f == fieldAddress {
			*value = "0.0.0.0"
		}
	case *int:
		*value = 10250
	}
	standard.Source = byDefault(minor)

	o := make(object)
	// omitempty: from 1.32 on a zero is not written, except behind a pointer.
	if minor <= 31 || !s.Known() || s.Value != zero || f == fieldServer {
		o[f.base(minor)] = spelled{value: s.Value, missing: s.Missing, source: s.Source}
	}
	o.merge(f, docs)
	result := *s
	if minor >= 32 {
		result = standard
	}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		sp := o[key]
		if sp.missing != "" {
			result = unknown[T](sp.missing)
			continue
		}
		value, err := decode(sp.value, f.name)
		if err != nil {
			return &problem{undecodable + err.Error(), sp.source}
		}
		result = known(*value, sp.source)
		// Only behind a pointer zero is not the default.
		if minor >= 32 && *value == zero && f != fieldServer && standard.Value != zero {
			result = standard
		}
	}
	*s = result
	return nil
}

// merge applies every file's patch to one field.
func (o object) merge(f field, docs []document) {
	for _, d := range docs {
		if d.missing != "" {
			clear(o)
			o[f.name] = spelled{missing: d.missing}
			continue
		}
		for key, value := range d.fields {
			if !strings.EqualFold(key, f.name) {
				continue
			}
			if value == nil {
				delete(o, key)
				continue
			}
			o[key] = o[key].patched(d, f.name, key, value)
		}
	}
}

// patched is the value with one file's patch applied: objects merge key by
// key and a null removes one, anything else replaces.
func (sp spelled) patched(d document, name, key string, value any) spelled {
	patch, ok := asObject(value)
	if !ok || name != fieldGates.name {
		return spelled{value: value, source: d.source(value, key)}
	}
	children, ok := sp.value.(map[string]spelled)
	if children = maps.Clone(children); children == nil {
		children = make(map[string]spelled, len(patch))
	}
	if !ok && sp.value != nil {
		sp.missing = ""
	}
	for child, value := range patch {
		if value == nil {
			delete(children, child)
			continue
		}
		children[child] = spelled{value: value}
		if decisive(child) {
			children[child] = spelled{value: value, source: d.source(value, key, child)}
		}
	}
	return spelled{value: children, missing: sp.missing, source: Source{Kind: FromDropIn, Path: d.path}}
}

func asObject(value any) (map[string]any, bool) {
	switch value := value.(type) {
	case map[string]any:
		return value, true
	case map[any]any:
		return stringKeys(value), true
	}
	return nil, false
}

// patchGates merges featureGates.
func (s *settings) patchGates(docs []document, minor int) *problem {
	children := make(map[string]spelled, len(s.gates.named))
	for key, g := range s.gates.named {
		children[key] = spelled{value: g.value, source: g.source}
	}
	o := object{fieldGates.base(minor): {value: children, missing: s.gates.missing}}
	o.merge(fieldGates, docs)
	base, ok := o[fieldGates.base(minor)]
	null := ok && base.source.Kind == FromNowhere && len(s.gates.named) == 0 // nobody wrote gates there
	var result gates
	if minor <= 31 {
		result = s.gates // decoded over the object that is there
	}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		sp := o[key]
		if sp.missing != "" {
			result.forget(sp.missing)
		}
		if sp.value == nil {
			continue
		}
		layer, p := gateLayer(sp)
		if p != nil {
			return p
		}
		result.put(layer)
		// Without gates in it the merged object has "FeatureGates": null, which
		// is decoded after a key that sorts before it and drops what that named.
		if null && minor <= 31 && key < fieldGates.base(minor) {
			result.forget(fmt.Sprintf("a drop-in spells featureGates as %s, which v1.%d may drop again: look at it by hand", clip(key), minor))
		}
	}
	s.gates = result
	return nil
}

// gateLayer checks the types of one featureGates object.
func gateLayer(sp spelled) (map[string]gate, *problem) {
	children, ok := sp.value.(map[string]spelled)
	if !ok {
		return nil, &problem{undecodable + typeError(sp.value, fieldGates.name, "map[string]bool").Error(), sp.source}
	}
	layer := make(map[string]gate, len(children))
	for _, key := range slices.Sorted(maps.Keys(children)) {
		child := children[key]
		value, ok := child.value.(bool)
		if !ok {
			return nil, &problem{undecodable + typeError(child.value, fieldGates.name, "bool").Error(), sp.source}
		}
		layer[key] = gate{value, child.source}
	}
	return layer, nil
}
