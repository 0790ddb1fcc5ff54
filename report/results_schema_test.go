package report

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// resultsSchema is the published schema of JSON and JSON lines.
var resultsSchema = filepath.Join("..", "docs", "schema", "results-v1.json")

func compileResultsSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(resultsSchema)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return schema.Validate(instance)
}

func TestJSONFollowsItsSchema(t *testing.T) {
	schema := compileResultsSchema(t)
	rng := rand.New(rand.NewPCG(3, 3))
	single := testRun(fleet()[0])
	single.Single = true
	runs := []Run{testRun(), testRun(fleet()...), single}
	for range 10 {
		runs = append(runs, anyRun(rng, 5))
	}
	for i, run := range runs {
		opts := Options{Now: run.Started}
		if err := validate(t, schema, render(t, "json", run, opts)); err != nil {
			t.Errorf("run %d: %v", i, err)
		}
		for line := range strings.Lines(render(t, "jsonl", run, opts)) {
			if err := validate(t, schema, line); err != nil {
				t.Errorf("run %d: %v", i, err)
			}
		}
	}
}

// The schema refuses what is not a result: it is no schema of anything.
func TestSchemaRefuses(t *testing.T) {
	schema := compileResultsSchema(t)
	document := render(t, "json", testRun(fleet()...), Options{})
	for _, tt := range []struct{ rule, old, new string }{
		{"another version", `"schema_version": 1`, `"schema_version": 2`},
		{"a word that is no rotation", `"rotation": "off"`, `"rotation": "maybe"`},
		{"an assessed node without an answer", `"rotation": "off"`, `"rotation": ""`},
		{"an answer of a node that was not reached", `"rotation": ""`, `"rotation": "on"`},
		{"a time that is not in UTC", `"scan_started": "2026-11-23T11:17:00Z"`, `"scan_started": "2026-11-23T12:17:00+01:00"`},
		{"a member that is missing", `"node":`, `"name":`},
		{"a number in quotes", `"port": 2222`, `"port": "2222"`},
	} {
		changed := strings.Replace(document, tt.old, tt.new, 1)
		if changed == document {
			t.Errorf("%s: %s is not in the document", tt.rule, tt.old)
		}
		if validate(t, schema, changed) == nil {
			t.Errorf("%s passes", tt.rule)
		}
	}
}

// The schema names every member that is written, and no other.
func TestSchemaNamesEveryMember(t *testing.T) {
	content, err := os.ReadFile(resultsSchema)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	run := testRun(fleet()...)
	run.Waivers = anyWaivers()
	keys := func(r row) (list []string) {
		for _, f := range r {
			if f.key != finishedKey { // only the document has it there
				list = append(list, f.key)
			}
		}
		slices.Sort(list)
		return list
	}
	var result row
	for key, v := range membersFor(&run, Options{}, &fleet()[0]) {
		result = append(result, field{key, v})
	}
	for def, written := range map[string]row{
		"head":    headFor(run, Options{}),
		"result":  result,
		"setting": settingRow(nil, fleet()[0].Verdict.Settings[0]),
		"letter":  letterRow(nil, fleet()[0].Verdict.Letter[0]),
		"waiver":  waiverRow(nil, run.Waivers[0]),
	} {
		if diff := cmp.Diff(keys(written), slices.Sorted(maps.Keys(schema.Defs[def].Properties))); diff != "" {
			t.Errorf("%s (-written +schema):\n%s", def, diff)
		}
	}
}
