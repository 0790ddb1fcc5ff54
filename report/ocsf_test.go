package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// ocsfDefinition is a class, an object or the dictionary, in OCSF's own
// language.
type ocsfDefinition struct {
	UID         int
	Extends     string
	Constraints struct {
		AtLeastOne []string `json:"at_least_one"`
	}
	Attributes map[string]json.RawMessage
	Types      struct{ Attributes map[string]ocsfType }
}

type ocsfAttribute struct {
	Type        string
	IsArray     bool `json:"is_array"`
	Requirement string
	Enum        map[string]struct{ Caption string }
	Sibling     string
	Deprecated  json.RawMessage `json:"@deprecated"`
}

type ocsfType struct {
	Type   string
	Regex  string
	MaxLen int `json:"max_len"`
}

// ocsfSchema checks events by the files of the public schema.
type ocsfSchema struct {
	t          *testing.T
	dir        string
	dictionary ocsfDefinition
	known      map[string]map[string]ocsfAttribute // by file
	atLeastOne map[string][]string
}

func openOCSF(t *testing.T) *ocsfSchema {
	s := &ocsfSchema{t: t, dir: schemaFile(t, "ocsf-1.9.0-dev"), known: map[string]map[string]ocsfAttribute{}, atLeastOne: map[string][]string{}}
	s.dictionary = s.read("dictionary")
	return s
}

func (s *ocsfSchema) read(name string) (d ocsfDefinition) {
	s.t.Helper()
	content, err := os.ReadFile(s.dir + "/" + name + ".json")
	if err == nil {
		err = json.Unmarshal(content, &d)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// attributes are those of a class or object and of what it extends, each on
// top of what the dictionary says of it.
func (s *ocsfSchema) attributes(name string) map[string]ocsfAttribute {
	if known := s.known[name]; known != nil {
		return known
	}
	d, all := s.read(name), map[string]ocsfAttribute{}
	s.atLeastOne[name] = d.Constraints.AtLeastOne
	if parent := map[string]string{"finding": "events/findings/finding", "base_event": "events/base_event"}[d.Extends]; parent != "" {
		maps.Copy(all, s.attributes(parent))
	} else if d.Extends != "" && d.Extends != "object" {
		maps.Copy(all, s.attributes("objects/"+d.Extends))
	}
	for key, raw := range d.Attributes {
		if key == "$include" { // profiles, of which the events use none
			continue
		}
		if key == "class_uid" || key == "category_uid" {
			raw = []byte(`{"requirement": "required"}`) // the enumeration is that of the base event alone
		}
		a, inherited := all[key]
		if !inherited {
			if err := json.Unmarshal(s.dictionary.Attributes[key], &a); err != nil {
				s.t.Fatalf("%s: %s: %v", name, key, err)
			}
		}
		enum := maps.Clone(a.Enum)
		if enum == nil {
			enum = map[string]struct{ Caption string }{}
		}
		a.Enum = nil
		if err := json.Unmarshal(raw, &a); err != nil {
			s.t.Fatal(err)
		}
		maps.Copy(enum, a.Enum)
		a.Enum = enum
		all[key] = a
	}
	s.known[name] = all
	return all
}

// check is what is wrong with an object of a class or of an object type.
func (s *ocsfSchema) check(at, name string, object map[string]any) (wrong []string) {
	attributes := s.attributes(name)
	for key, a := range attributes {
		if _, ok := object[key]; !ok && a.Requirement == "required" {
			wrong = append(wrong, at+": required and missing: "+key)
		}
	}
	if one := s.atLeastOne[name]; one != nil && !slices.ContainsFunc(one, func(key string) bool { return object[key] != nil }) {
		wrong = append(wrong, fmt.Sprintf("%s: expected one of %v", at, one))
	}
	for key, v := range object {
		a, ok := attributes[key]
		where := at + "." + key
		switch list, isList := v.([]any); {
		case !ok:
			wrong = append(wrong, where+": there is no such attribute in "+name)
		case a.Deprecated != nil:
			wrong = append(wrong, where+": deprecated")
		case a.IsArray != isList:
			wrong = append(wrong, where+": an array where there should be none, or none where there should be")
		case isList:
			for i, item := range list {
				wrong = append(wrong, s.checkValue(fmt.Sprintf("%s[%d]", where, i), a, item)...)
			}
		default:
			wrong = append(wrong, s.checkValue(where, a, v)...)
			wrong = append(wrong, checkSibling(where, a, v, object[a.Sibling])...)
		}
	}
	return wrong
}

// checkSibling holds a caption, such as status, to the number it stands for.
func checkSibling(where string, a ocsfAttribute, v, sibling any) []string {
	caption := a.Enum[fmt.Sprint(v)].Caption
	if a.Sibling == "" || sibling == nil || caption == "" || caption == "Other" || caption == sibling {
		return nil
	}
	return []string{fmt.Sprintf("%s: %v is %q, and not %q", where, v, caption, sibling)}
}

func (s *ocsfSchema) checkValue(at string, a ocsfAttribute, v any) []string {
	if len(a.Enum) > 0 {
		if _, ok := a.Enum[fmt.Sprint(v)]; !ok {
			return []string{fmt.Sprintf("%s: %v is not in the enumeration", at, v)}
		}
	}
	kind := s.dictionary.Types.Attributes[a.Type]
	base := a.Type
	if kind.Type != "" {
		base = kind.Type
	}
	switch base {
	case "string_t":
		text, ok := v.(string)
		if !ok || kind.MaxLen > 0 && len(text) > kind.MaxLen || !regexp.MustCompile(kind.Regex).MatchString(text) {
			return []string{fmt.Sprintf("%s: %v is no %s", at, v, a.Type)}
		}
	case "integer_t", "long_t", "timestamp_t":
		if n, ok := v.(float64); !ok || n != float64(int64(n)) {
			return []string{fmt.Sprintf("%s: %v is no %s", at, v, a.Type)}
		}
	case "json_t":
	default:
		object, ok := v.(map[string]any)
		if !ok {
			return []string{at + ": expected an object " + a.Type}
		}
		return s.check(at, "objects/"+a.Type, object)
	}
	return nil
}

func ocsfEvents(t *testing.T, run Run, opts Options) (events []map[string]any) {
	t.Helper()
	for line := range strings.Lines(render(t, "ocsf", run, opts)) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	return events
}

const ocsfClass = "events/findings/compliance_finding"

func TestOCSFIsValid(t *testing.T) {
	s := openOCSF(t)
	for name, run := range judgedRuns() {
		t.Run(name, func(t *testing.T) {
			for _, event := range ocsfEvents(t, run, Options{}) {
				for _, wrong := range s.check("event", ocsfClass, event) {
					t.Error(wrong)
				}
			}
		})
	}
	const category = 2 // findings
	e := ocsfEventOf(finding{})
	if class := category*1000 + s.read(ocsfClass).UID; e.CategoryUID != category || e.ClassUID != class || e.TypeUID != class*100+e.ActivityID {
		t.Errorf("category %d, class %d, type %d of a class whose number is %d", e.CategoryUID, e.ClassUID, e.TypeUID, class)
	}
}

// A validator that finds nothing wrong must be able to.
func TestOCSFCheckFindsMistakes(t *testing.T) {
	s := openOCSF(t)
	for _, tt := range []struct {
		rule  string
		spoil func(event map[string]any)
	}{
		{"a required attribute is missing", func(e map[string]any) { delete(e, "finding_info") }},
		{"a required attribute of an object is missing", func(e map[string]any) { delete(e["metadata"].(map[string]any), "product") }},
		{"no such attribute", func(e map[string]any) { e["node"] = "a" }},
		{"not in the enumeration", func(e map[string]any) { e["compliance"].(map[string]any)["status_id"] = 7.0 }},
		{"a number with the caption of another", func(e map[string]any) { e["compliance"].(map[string]any)["status_id"] = 2.0 }},
		{"no array", func(e map[string]any) { e["resources"] = map[string]any{"uid": "a"} }},
		{"no number", func(e map[string]any) { e["time"] = "now" }},
		{"no string", func(e map[string]any) { e["message"] = 1.0 }},
		{"no address", func(e map[string]any) { e["resources"].([]any)[0].(map[string]any)["ip"] = "a" }},
		{"evidence of nothing", func(e map[string]any) { delete(e["evidences"].([]any)[0].(map[string]any), "data") }},
	} {
		event := ocsfEvents(t, testRun(fleet()[0]), Options{})[0]
		tt.spoil(event)
		if len(s.check("event", ocsfClass, event)) == 0 {
			t.Errorf("%s: nothing was found", tt.rule)
		}
	}
}

func TestOCSFStatus(t *testing.T) {
	for _, tt := range []struct {
		result                          scanner.Result
		compliance, finding, severityID float64
	}{
		{node("on", "", scanner.Verdict{Rotation: kubelet.On}), 1, 1, 1},
		{node("off", "", scanner.Verdict{Rotation: kubelet.Off}), 3, 1, 3},
		{node("invalid", "", scanner.Verdict{Rotation: kubelet.Invalid}), 3, 1, 4},
		{node("unknown", "", scanner.Verdict{}), 2, 1, 0},
		{node("external", "", scanner.Verdict{Rotation: kubelet.External}), 99, 1, 1},
		{missed("unreachable", "", scanner.Unreachable, "gone"), 2, 1, 0},
		{missed("no-kubelet", "", scanner.NoKubelet, "none"), 99, 1, 1},
		{node("waived", "", scanner.Verdict{Rotation: kubelet.Off}), 3, 3, 3},
	} {
		run := testRun(tt.result)
		run.Waivers = Waivers{{Nodes: "waived", Rotation: "off", Reason: "accepted", Owner: "ops", Expires: began}}
		e := ocsfEvents(t, run, Options{Now: began})[0]
		c := e["compliance"].(map[string]any)
		if c["status_id"] != tt.compliance || e["status_id"] != tt.finding || e["severity_id"] != tt.severityID {
			t.Errorf("%s: compliance %v, finding %v, severity %v; want %v, %v, %v", tt.result.Node.Name,
				c["status_id"], e["status_id"], e["severity_id"], tt.compliance, tt.finding, tt.severityID)
		}
	}
}

// The UID of a finding is the same in every run, that of an event in none.
func TestOCSFUIDs(t *testing.T) {
	run := testRun(fleet()...)
	run.ID = "1"
	first := ocsfEvents(t, run, Options{})
	run.ID = "2"
	for i, e := range ocsfEvents(t, run, Options{}) {
		uid := func(e map[string]any, key string) string { return e[key].(map[string]any)["uid"].(string) }
		if uid(e, "finding_info") != uid(first[i], "finding_info") || uid(e, "metadata") == uid(first[i], "metadata") {
			t.Errorf("%v: finding %s and %s, event %s and %s", e["message"],
				uid(e, "finding_info"), uid(first[i], "finding_info"), uid(e, "metadata"), uid(first[i], "metadata"))
		}
	}
}

func TestOCSFAddress(t *testing.T) {
	for host, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "2001:DB8::7": "2001:db8::7", "cp-1": "",
		"fe80::1%a-zone-name-that-makes-it-longer-than-the-type": "",
	} {
		r := fleet()[0]
		r.Node.Host = host
		run := testRun(r)
		for f := range findings(run, Options{}) {
			if got := ocsfResourceOf(f).IP; got != want {
				t.Errorf("%s: address %q, want %q", host, got, want)
			}
		}
	}
}
