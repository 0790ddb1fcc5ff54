package report

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// oscalSchema is NIST's schema. Some of its definitions have an $id beside a
// $ref, where draft 07 ignores it and references to it lead nowhere: there the
// $ref is moved into an allOf, which means the same.
func oscalSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	content, err := os.ReadFile(schemaFile(t, "oscal-assessment-results-1.0.4.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range doc.(map[string]any)["definitions"].(map[string]any) {
		d := d.(map[string]any)
		if ref := d["$ref"]; ref != nil && d["$id"] != nil {
			d["allOf"] = []any{map[string]any{"$ref": ref}}
			delete(d, "$ref")
		}
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("oscal.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("oscal.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestOSCALIsValid(t *testing.T) {
	schema := oscalSchema(t)
	for name, run := range judgedRuns() {
		t.Run(name, func(t *testing.T) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(render(t, "oscal", run, Options{})))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Error(err)
			}
		})
	}
}

type oscalRead struct {
	Results []struct {
		Definitions struct {
			Items []oscalInventoryItem `json:"inventory-items"`
		} `json:"local-definitions"`
		Observations []oscalObservation
		Risks        []oscalRisk
		Findings     []oscalFinding
	}
}

func readOSCAL(t *testing.T, run Run) oscalRead {
	t.Helper()
	var doc struct {
		Results oscalRead `json:"assessment-results"`
	}
	if err := json.Unmarshal([]byte(render(t, "oscal", run, Options{Now: began})), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Results
}

// A control is satisfied only where all was seen and nothing is off.
func TestOSCALSatisfied(t *testing.T) {
	on, off := scanner.Verdict{Rotation: kubelet.On}, scanner.Verdict{Rotation: kubelet.Off}
	external := node("external", "", scanner.Verdict{Rotation: kubelet.External})
	waivers := Waivers{{Nodes: "waived", Rotation: "off", Expires: began}}
	for _, tt := range []struct {
		rule    string
		results []scanner.Result
		want    oscalStatus
	}{
		{"all on", []scanner.Result{node("a", "", on)}, oscalStatus{"satisfied", "pass"}},
		{"on, and external where it does not apply", []scanner.Result{node("a", "", on), external}, oscalStatus{"satisfied", "pass"}},
		{"one off", []scanner.Result{node("a", "", on), node("b", "", off)}, oscalStatus{"not-satisfied", "fail"}},
		{"one unknown", []scanner.Result{node("a", "", on), node("b", "", scanner.Verdict{})}, oscalStatus{"not-satisfied", "other"}},
		{"one not reached", []scanner.Result{node("a", "", on), missed("b", "", scanner.Timeout, "x")}, oscalStatus{"not-satisfied", "other"}},
		{"off, and others not reached", []scanner.Result{node("a", "", off), missed("b", "", scanner.Timeout, "x")}, oscalStatus{"not-satisfied", "fail"}},
		{"a risk that was accepted", []scanner.Result{node("a", "", on), node("waived", "", off)}, oscalStatus{"not-satisfied", "other"}},
		{"it applies nowhere", []scanner.Result{external}, oscalStatus{"not-satisfied", "other"}},
		{"no nodes", nil, oscalStatus{"not-satisfied", "other"}},
	} {
		run := testRun(tt.results...)
		run.Waivers = waivers
		for _, f := range readOSCAL(t, run).Results[0].Findings {
			if f.Target.Status != tt.want {
				t.Errorf("%s: %s is %v, want %v", tt.rule, f.Target.ID, f.Target.Status, tt.want)
			}
		}
	}
	incomplete := testRun(node("a", "", on))
	incomplete.Incomplete = true
	if got := readOSCAL(t, incomplete).Results[0].Findings[0].Target.Status.State; got != "not-satisfied" {
		t.Errorf("results that were not written to their end: %s", got)
	}
}

// Each UUID names one thing, each reference one that is there, and the same run
// gives the same document.
func TestOSCALReferences(t *testing.T) {
	for name, run := range judgedRuns() {
		result := readOSCAL(t, run).Results[0]
		items, observations, risks := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, i := range result.Definitions.Items {
			items[i.UUID] = true
		}
		for _, o := range result.Observations {
			observations[o.UUID] = true
			if !items[o.Subjects[0].UUID] {
				t.Errorf("%s: %s is about no inventory item", name, o.Title)
			}
		}
		for _, r := range result.Risks {
			risks[r.UUID] = true
		}
		if len(items) != len(result.Definitions.Items) || len(observations) != len(result.Observations) || len(items) != len(observations) {
			t.Errorf("%s: %d items, %d observations with a UUID of their own", name, len(items), len(observations))
		}
		for _, f := range result.Findings {
			for _, o := range f.Observations {
				if !observations[o.UUID] {
					t.Errorf("%s: no observation %s", name, o.UUID)
				}
			}
			for _, r := range f.Risks {
				if !risks[r.UUID] {
					t.Errorf("%s: no risk %s", name, r.UUID)
				}
			}
			if len(f.Observations) != len(observations) || len(f.Risks) != len(risks) {
				t.Errorf("%s: %s rests on %d observations and %d risks", name, f.Title, len(f.Observations), len(f.Risks))
			}
		}
		first, second := render(t, "oscal", run, Options{}), render(t, "oscal", run, Options{})
		if first != second {
			t.Errorf("%s: two documents of one run differ", name)
		}
	}
}
