package main

import (
	"cmp"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"kletscan/fixtures"
)

// row is what the JSON report says of one node.
type row struct {
	Node         string   `json:"node"`
	Status       string   `json:"status"`
	Error        string   `json:"error"`
	Rotation     string   `json:"rotation"`
	AfterRestart string   `json:"after_restart"`
	Conditions   []string `json:"conditions"`
	Distro       string   `json:"distro"`
	Version      string   `json:"kubelet_version"`
	Source       string   `json:"source"`
	Why          string   `json:"why"`
	CIS          string   `json:"cis_1_5_1_letter"`
	Datadog      string   `json:"datadog_letter"`
	KubeBench    string   `json:"kube_bench_letter"`
	Cert         string   `json:"cert_class"`
}

// scanFleet scans nodes of the fixtures as an operator would, with the given
// arguments, and returns the rows of the JSON report.
func scanFleet(t *testing.T, nodes []fixtures.Node, args ...string) (code int, rows []row) {
	t.Helper()
	fleet, err := fixtures.Start(t.Context(), nodes, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := fleet.Close(); err != nil {
			t.Error(err)
		}
		for _, v := range fleet.Violations() {
			t.Errorf("%s: outside the closed set: %s", v.Node, v.What)
		}
	}()
	dir := t.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"scan", "-F", filepath.Join(dir, "ssh_config"), "-i", filepath.Join(dir, "inventory"), "-o", "json",
	}, args...)
	code, stdout, stderr := kletscan(t.Context(), args...)
	if stderr != "" {
		t.Logf("stderr: %s", stderr)
	}
	var document struct {
		Results []row `json:"results"`
	}
	if err := json.Unmarshal([]byte(stdout), &document); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	return code, document.Results
}

// TestFleet is the main job from end to end: every node of the fixtures gets
// the verdict that its file says it must get.
func TestFleet(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	nodes, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	code, rows := scanFleet(t, nodes, "--connect-timeout", "20s", "--command-timeout", "20s")
	if code != exitFailed {
		t.Errorf("exit %d, want %d: some nodes are off", code, exitFailed)
	}
	if len(rows) != len(nodes) {
		t.Fatalf("%d rows for %d nodes", len(rows), len(nodes))
	}
	for i, n := range nodes {
		t.Run(n.Name, func(t *testing.T) { checkRow(t, rows[i], n) })
	}
}

func checkRow(t *testing.T, got row, n fixtures.Node) {
	want := n.Want
	if got.Node != n.Name || got.Status != want.Status || got.Rotation != want.Rotation {
		t.Fatalf("got %s: %s %s (%s%s), want %s: %s %s", got.Node, got.Status, got.Rotation, got.Error, got.Why, n.Name, want.Status, want.Rotation)
	}
	if want.Status != "ok" {
		if got.Error == "" {
			t.Error("no reason is given")
		}
		return
	}
	if got.Why == "" {
		t.Error("no reason is given")
	}
	if diff := gocmp.Diff(want.Conditions, got.Conditions, gocmp.Comparer(func(a, b []string) bool { return slices.Equal(a, b) })); diff != "" {
		t.Errorf("conditions: %s", diff)
	}
	for _, check := range []struct{ name, got, want string }{
		{"after restart", got.AfterRestart, want.AfterRestart},
		{"distro", cmp.Or(got.Distro, "none"), want.Distro},
		{"version", got.Version, want.Version},
		{"certificate", got.Cert, want.Cert},
		{"datadog", got.Datadog, want.Letter["datadog"]},
		{"cis-1.5.1", got.CIS, want.Letter["cis-1.5.1"]},
		{"kube-bench", got.KubeBench, want.Letter["kube-bench"]},
	} {
		if check.want != "" && check.got != check.want {
			t.Errorf("%s: got %q, want %q", check.name, check.got, check.want)
		}
	}
	if !strings.Contains(got.Source, want.Source) {
		t.Errorf("source: got %q, want %q in it", got.Source, want.Source)
	}
}
