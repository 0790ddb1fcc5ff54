package kubelet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"go.yaml.in/yaml/v2"
)

// parseYAML decodes the first document. The strict error is about duplicate
// keys at any depth, which a lenient decoder settles by "last wins".
func parseYAML(content []byte, strict bool) (top any, duplicate, err error) {
	if strict {
		duplicate = yaml.UnmarshalStrict(content, &top)
		if _, ok := errors.AsType[*yaml.TypeError](duplicate); !ok {
			return top, nil, duplicate
		}
		top = nil
	}
	err = yaml.Unmarshal(content, &top)
	return top, duplicate, err
}

func parseJSON(content []byte) (any, error) {
	var top map[string]any
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(&top); err != nil {
		return nil, fmt.Errorf("couldn't get version/kind; json parse error: %w", err)
	}
	if rest := bytes.TrimSpace(content[decoder.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("couldn't get version/kind; json parse error: invalid character %q after top-level value", rest[0])
	}
	return top, nil
}

// duplicateJSON finds a key that an object has twice, at any depth; empty: there
// is none.
func duplicateJSON(content []byte) string {
	type level struct {
		keys  map[string]bool // nil: an array
		value bool            // the next string is a value, not a key
	}
	var stack []level
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber() // one beyond float64 would end it
	for {
		token, err := decoder.Token()
		if err != nil {
			return "" // the end; the syntax was checked before
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 && stack[n-1].keys != nil {
			top := &stack[n-1]
			if key, ok := token.(string); ok && !top.value {
				if top.keys[key] {
					return key
				}
				top.keys[key], top.value = true, true
				continue
			}
			top.value = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{keys: make(map[string]bool)})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}

// jsonable reports whether JSON can say what YAML said: the kubelet turns every
// document into JSON first (sigs.k8s.io/yaml), and exits where it cannot.
func jsonable(value any) bool {
	switch value := value.(type) {
	case float64:
		return !math.IsNaN(value) && !math.IsInf(value, 0)
	case []any:
		for _, item := range value {
			if !jsonable(item) {
				return false
			}
		}
	case map[any]any:
		for key, item := range value {
			switch key.(type) {
			case string, int, int64, float64, bool:
			default:
				return false
			}
			if !jsonable(item) {
				return false
			}
		}
	}
	return true
}

// floats reports whether every number of a JSON document is one for float64.
func floats(value any) bool {
	switch value := value.(type) {
	case json.Number:
		_, err := value.Float64()
		return err == nil
	case []any:
		for _, item := range value {
			if !floats(item) {
				return false
			}
		}
	case map[string]any:
		for _, item := range value {
			if !floats(item) {
				return false
			}
		}
	}
	return true
}
