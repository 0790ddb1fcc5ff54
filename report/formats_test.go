package report

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
)

func TestLookup(t *testing.T) {
	for _, f := range Formats {
		if got, err := Lookup(f.Name); err != nil || got.Name != f.Name || f.Help == "" {
			t.Errorf("Lookup(%q) = %q, %v", f.Name, got.Name, err)
		}
	}
	_, err := Lookup("xml")
	if want := `format "xml": expected one of table, wide, folded, csv, json, jsonl, `; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

var errFull = errors.New("no space left on device")

// fullDisk takes n bytes.
type fullDisk struct{ n int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.n {
		return d.n, errFull
	}
	d.n -= len(p)
	return len(p), nil
}

func TestEveryFormatReportsAFullDisk(t *testing.T) {
	for _, f := range Formats {
		for _, room := range []int{0, 100} {
			if err := f.Write(&fullDisk{room}, testRun(fleet()...), Options{}); !errors.Is(err, errFull) {
				t.Errorf("%s with room for %d bytes: error %v", f.Name, room, err)
			}
		}
	}
}

func TestColumnNames(t *testing.T) {
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen := map[string]bool{}
	var headings []string
	for _, c := range columns {
		if !snake.MatchString(c.key) || seen[c.key] {
			t.Errorf("key %q is not in snake case, or there twice", c.key)
		}
		seen[c.key] = true
		if c.heading != "" {
			headings = append(headings, c.heading)
		}
	}
	want := []string{"NODE", "GROUP", "DISTRO", "KUBELET", "ROTATION", "SOURCE", "CERT", "CIS 1.5.1 4.2.12", "WHY"}
	if diff := cmp.Diff(want, headings); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
}

// A row is every node of the inventory, whatever happened to it, in its order.
func TestCSVHasEveryNodeOnce(t *testing.T) {
	run := testRun(fleet()...)
	rows, err := csv.NewReader(strings.NewReader(render(t, "csv", run, Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, row := range rows[1:] {
		got = append(got, cellOf(t, rows[0], row, "node"))
	}
	for _, r := range fleet() {
		want = append(want, r.Node.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	if strings.Contains(render(t, "csv", run, Options{}), "\r") {
		t.Error("lines do not end in LF alone")
	}
}

func cellOf(t *testing.T, header, row []string, key string) string {
	t.Helper()
	for i, k := range header {
		if k == key {
			return row[i]
		}
	}
	t.Fatalf("no column %q", key)
	return ""
}

// A node that nobody saw has no rotation, not even "unknown".
func TestNotAssessedHasNoRotation(t *testing.T) {
	r := missed("a", "", scanner.Timeout, "connect: timeout")
	r.Verdict.Rotation = 1 // on, by mistake
	r.Verdict.Conditions = []scanner.Condition{scanner.RestartPending}
	rows, err := csv.NewReader(strings.NewReader(render(t, "csv", testRun(r), Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"rotation", "after_restart"} {
		if got := cellOf(t, rows[0], rows[1], key); got != "" {
			t.Errorf("%s is %q", key, got)
		}
	}
	if out := render(t, "table", testRun(r), Options{}); strings.Contains(out, " on") || !strings.Contains(out, "timeout") {
		t.Errorf("table:\n%s", out)
	}
}

func TestNeutralise(t *testing.T) {
	for in, want := range map[string]string{
		"":           "",
		"kubeadm":    "kubeadm",
		"a=1":        "a=1",
		"'=1":        "'=1",
		"=1+1":       "'=1+1",
		"+1":         "'+1",
		"--flag":     "'--flag",
		"@SUM(A1)":   "'@SUM(A1)",
		"\t=1":       "'\t=1",
		"\r=1":       "'\r=1",
		"＝1":         "'＝1",
		"＋1":         "'＋1",
		"－1":         "'－1",
		"＠x":         "'＠x",
		"  =1":       "'  =1",
		"/etc/x:1=2": "/etc/x:1=2",
	} {
		if got := neutralise(in); got != want {
			t.Errorf("neutralise(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNumbersStayNumbersInCSV(t *testing.T) {
	r := node("a", "", scanner.Verdict{PID: 7})
	r.Duration = -1e9 // the clock was set back
	rows, err := csv.NewReader(strings.NewReader(render(t, "csv", testRun(r), Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := cellOf(t, rows[0], rows[1], "visit_seconds"); got != "-1.000" {
		t.Errorf("visit_seconds %q", got)
	}
}

func TestJSONHasTheColumnsInOrder(t *testing.T) {
	var doc struct {
		SchemaVersion int `json:"schema_version"`
		Results       []json.RawMessage
	}
	out := render(t, "json", testRun(fleet()...), Options{})
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.SchemaVersion != SchemaVersion || len(doc.Results) != len(fleet()) {
		t.Errorf("schema_version %d, %d results", doc.SchemaVersion, len(doc.Results))
	}
	var want []string
	for _, c := range columns {
		if !c.perRun {
			want = append(want, c.key)
		}
	}
	want = append(want, "settings", "letter", "inventory_index", "stages")
	for _, result := range doc.Results {
		if diff := cmp.Diff(want, topLevelKeys(t, result)); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
	}
}

func TestJSONOfOneNodeIsThatNodesObject(t *testing.T) {
	run := testRun(fleet()[0])
	run.Single = true
	keys := topLevelKeys(t, []byte(render(t, "json", run, Options{})))
	if want := []string{"schema_version", "run_id", "tool", "tool_version"}; !slices.Equal(keys[:4], want) {
		t.Errorf("keys begin with %q, want %q", keys[:4], want)
	}
	if slices.Contains(keys, "results") || !slices.Contains(keys, "settings") {
		t.Errorf("keys are %q, want the node's own", keys)
	}
}

// topLevelKeys are the keys of an object in their order.
func topLevelKeys(t *testing.T, object []byte) (keys []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(object)))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}
