package report

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is what one column says of one node. Exactly one kind of content is
// set; the zero value is "nothing to say": an empty cell, and null in JSON.
type value struct {
	kind  kind
	truth bool     // kindBool
	text  string   // kindText; kindNumber: a JSON number; kindJSON: of our own making, and clean
	list  []string // kindList
	pairs []pair   // kindPairs

	objects func([]byte) []byte // kindObjects: adds them
}

type kind uint8

const (
	kindNone kind = iota
	kindText
	kindNumber
	kindList
	kindPairs
	kindBool
	kindJSON    // JSON only
	kindObjects // JSON only
)

type pair struct{ key, value string }

func text[S ~string](s S) value { return value{kind: kindText, text: string(s)} }

// number is n, and nothing for 0: no number here has a meaning at 0.
func number(n int) value {
	if n == 0 {
		return value{}
	}
	return value{kind: kindNumber, text: strconv.Itoa(n)}
}

// seconds is a duration in seconds, to the millisecond.
func seconds(d time.Duration) value {
	return value{kind: kindNumber, text: strconv.FormatFloat(d.Seconds(), 'f', 3, 64)}
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

// pairs are the entries of m, cleaned and then sorted by key.
func pairs(m map[string]string) value {
	clean := cleanMap(m)
	v := value{kind: kindPairs}
	for _, key := range slices.Sorted(maps.Keys(clean)) {
		v.pairs = append(v.pairs, pair{key, clean[key]})
	}
	return v
}

// cleanMap is m with its keys and values cleaned. Of keys that are the same when
// clean, the last stays.
func cleanMap(m map[string]string) map[string]string {
	clean := make(map[string]string, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		clean[Clean(key)] = Clean(m[key])
	}
	return clean
}

func boolean(b bool) value { return value{kind: kindBool, truth: b} }

// objects is a list of objects, each with the members that are added to its row.
func objects[T any](items []T, members func(row, T) row) value {
	return value{kind: kindObjects, objects: func(b []byte) []byte {
		var object row // one for all: there are many of them for a fleet
		return appendArray(b, items, func(b []byte, item T) []byte {
			object = members(object[:0], item)
			return object.appendJSON(b)
		})
	}}
}

// clean is v with every string in it cleaned.
func (v value) clean() value {
	switch v.kind {
	case kindText:
		v.text = Clean(v.text)
	case kindList:
		for i, item := range v.list {
			if !isPlain(item) || len(item) > MaxCell {
				v.list = append(v.list[:i:i], cleanAll(v.list[i:])...)
				break
			}
		}
	case kindPairs:
		cleaned := make([]pair, len(v.pairs))
		for i, p := range v.pairs {
			cleaned[i] = pair{Clean(p.key), Clean(p.value)}
		}
		v.pairs = cleaned
	}
	return v
}

// String is v as one cell. Items of a list and pairs, then key=value, have "; "
// between them; a long list is cut as any long text is.
func (v value) String() string {
	switch v.kind {
	case kindText, kindNumber:
		return v.text
	case kindBool:
		return strconv.FormatBool(v.truth)
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

// appendJSON adds a string, a number, a truth, an array or an object, or null.
func (v value) appendJSON(b []byte) []byte {
	switch v.kind {
	case kindText:
		return appendString(b, v.text)
	case kindNumber, kindJSON:
		return append(b, v.text...)
	case kindBool:
		return strconv.AppendBool(b, v.truth)
	case kindObjects:
		return v.objects(b)
	case kindList:
		return appendArray(b, v.list, appendString)
	case kindPairs:
		fields := make(row, len(v.pairs))
		for i, p := range v.pairs {
			fields[i] = field{p.key, text(p.value)}
		}
		return fields.appendJSON(b)
	}
	return append(b, "null"...)
}

func appendArray[T any](b []byte, items []T, add func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = add(b, item)
	}
	return append(b, ']')
}

// appendString leaves to encoding/json what is not printable ASCII, or could end
// the string or begin a tag.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			quoted, _ := json.Marshal(s) // of a string it does not fail
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// field is one member of a JSON object.
type field struct {
	key   string
	value value
}

// row is one JSON object. Its members stand in this order, which encoding/json
// keeps for struct types only.
type row []field

func (r row) appendJSON(b []byte) []byte {
	b = append(b, '{')
	for i := range r {
		if i > 0 {
			b = append(b, ',')
		}
		b = r[i].value.clean().appendJSON(append(appendString(b, r[i].key), ':'))
	}
	return append(b, '}')
}

func (r row) members() iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		for _, f := range r {
			if !yield(f.key, f.value) {
				return
			}
		}
	}
}

// appendMembers adds the members of an object, without its braces.
func appendMembers(b []byte, members iter.Seq2[string, value]) []byte {
	first := true
	for key, v := range members {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = v.appendJSON(append(appendString(b, key), ':'))
	}
	return b
}
