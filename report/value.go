package report

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is what one column says of one node. Exactly one kind of content is
// set; the zero value is "nothing to say": an empty cell, and null in JSON.
type value struct {
	kind   kind
	text   string   // kindText
	number string   // kindNumber: a JSON number
	list   []string // kindList
	pairs  []pair   // kindPairs
	truth  bool     // kindBool

	objects [][]field // kindObjects: all clean
}

type kind uint8

const (
	kindNone kind = iota
	kindText
	kindNumber
	kindList
	kindPairs
	kindBool
	kindObjects // JSON only
)

type pair struct{ key, value string }

func text[S ~string](s S) value { return value{kind: kindText, text: string(s)} }

// number is n, and nothing for 0: no number here has a meaning at 0.
func number(n int) value {
	if n == 0 {
		return value{}
	}
	return value{kind: kindNumber, number: strconv.Itoa(n)}
}

// seconds is a duration in seconds, to the millisecond.
func seconds(d time.Duration) value {
	return value{kind: kindNumber, number: strconv.FormatFloat(d.Seconds(), 'f', 3, 64)}
}

// moment is a time in UTC as RFC 3339 writes it, and nothing for the zero time.
func moment(t time.Time) value {
	if t.IsZero() {
		return value{}
	}
	return text(t.UTC().Format(time.RFC3339))
}

func list[S ~string](items []S) value {
	v := value{kind: kindList, list: make([]string, len(items))}
	for i, item := range items {
		v.list[i] = string(item)
	}
	return v
}

// pairs are the entries of m, sorted by key.
func pairs(m map[string]string) value {
	v := value{kind: kindPairs}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		v.pairs = append(v.pairs, pair{key, m[key]})
	}
	return v
}

func boolean(b bool) value { return value{kind: kindBool, truth: b} }

// objects is a list of objects, cleaned.
func objects(list [][]field) value {
	for _, fields := range list {
		for i := range fields {
			fields[i].value = fields[i].value.clean()
		}
	}
	return value{kind: kindObjects, objects: list}
}

// clean is v with every string in it cleaned.
func (v value) clean() value {
	c := value{kind: v.kind, text: Clean(v.text), number: v.number, truth: v.truth, objects: v.objects}
	for _, item := range v.list {
		c.list = append(c.list, Clean(item))
	}
	for _, p := range v.pairs {
		c.pairs = append(c.pairs, pair{Clean(p.key), Clean(p.value)})
	}
	return c
}

// String is v as one cell. Items of a list and pairs, then key=value, have "; "
// between them; a long list is cut as any long text is.
func (v value) String() string {
	switch v.kind {
	case kindText:
		return v.text
	case kindNumber:
		return v.number
	case kindList:
		return v.joined("; ")
	case kindPairs:
		items := make([]string, len(v.pairs))
		for i, p := range v.pairs {
			items[i] = p.key + "=" + p.value
		}
		return Clean(strings.Join(items, "; "))
	}
	return ""
}

// joined is a list as one text.
func (v value) joined(separator string) string { return Clean(strings.Join(v.list, separator)) }

// MarshalJSON gives a string, a number, an array of strings or an object of
// strings.
func (v value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case kindText:
		return json.Marshal(v.text)
	case kindNumber:
		return []byte(v.number), nil
	case kindBool:
		return json.Marshal(v.truth)
	case kindObjects:
		list := make([]row, len(v.objects))
		for i, fields := range v.objects {
			list[i] = fields
		}
		return json.Marshal(list)
	case kindList:
		return json.Marshal(append([]string{}, v.list...)) // never null
	case kindPairs:
		fields := make([]field, len(v.pairs))
		for i, p := range v.pairs {
			fields[i] = field{p.key, text(p.value)}
		}
		return marshalObject(fields)
	}
	return []byte("null"), nil
}

// field is one member of a JSON object.
type field struct {
	key   string
	value value
}

// marshalObject writes an object whose members stand in the order given, which
// encoding/json does for struct types only.
func marshalObject(fields []field) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		content, err := f.value.MarshalJSON()
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(content)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
