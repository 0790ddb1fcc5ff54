package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/fixtures"
)

// truthCase is one line of the records of real kubelets.
type truthCase struct {
	ID      string            `json:"id"`
	Version string            `json:"kubelet_version"`
	Argv    []string          `json:"argv"`
	Files   map[string]string `json:"files"`
	Links   map[string]string `json:"symlinks"`
	Changed bool              `json:"files_changed_after_start"`
	Want    struct {
		Rotation     string `json:"rotation"`
		AfterRestart string `json:"after_restart"`
		Masked       bool   `json:"masked"`
	} `json:"want"`
}

// TestJudgeAgreesWithRealKubelets judges, as a user would, what real kubelets
// were started with, and wants what they did.
func TestJudgeAgreesWithRealKubelets(t *testing.T) {
	file, err := os.Open(filepath.Join("..", "shared", "truth", "kubelet-truth.jsonl"))
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: the records of real kubelets are not at hand: %v", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	count := 0
	for ; lines.Scan(); count++ {
		var c truthCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		t.Run(c.ID, func(t *testing.T) { checkTruth(t, c) })
	}
	if err := lines.Err(); err != nil || count < 100 {
		t.Errorf("%d cases were read: %v", count, err)
	}
}

func checkTruth(t *testing.T, c truthCase) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	for name, content := range c.Files {
		name = filepath.Join(root, name)
		mkdir(t, filepath.Dir(name))
		if _, link := c.Links[strings.TrimPrefix(name, root)]; link {
			continue
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range c.Links {
		name = filepath.Join(root, name)
		mkdir(t, filepath.Dir(name))
		if !filepath.IsAbs(target) {
			mkdir(t, filepath.Dir(filepath.Join(filepath.Dir(name), target)))
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	mkdir(t, root)
	argv := filepath.Join(dir, "argv")
	if err := os.WriteFile(argv, []byte(strings.Join(c.Argv, "\x00")+"\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"judge", "--root", root, "--argv", argv, "--kubelet-version", c.Version, "-o", "json"}
	if c.Changed {
		args = append(args, "--changed-after-start")
	}
	_, stdout, stderr := kletscan(t.Context(), args...)
	var got row
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	if got.Rotation != c.Want.Rotation || got.Why == "" {
		t.Errorf("rotation %q, want %q: %s", got.Rotation, c.Want.Rotation, got.Why)
	}
	if c.Want.AfterRestart != "" && got.AfterRestart != c.Want.AfterRestart {
		t.Errorf("after a restart %q, want %q", got.AfterRestart, c.Want.AfterRestart)
	}
	if c.Want.Masked != slices.Contains(got.Conditions, "masked") && c.Want.Masked {
		t.Errorf("conditions %q, want masked", got.Conditions)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestEvidenceJudgedAgainGivesTheSame scans the whole fleet, and judges what
// was kept of it.
func TestEvidenceJudgedAgainGivesTheSame(t *testing.T) {
	nodes, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	nodes = slices.DeleteFunc(nodes, func(n fixtures.Node) bool { return n.Want.Status == "timeout" })
	dir := filepath.Join(t.TempDir(), "evidence")
	scanCode, scanned := scanFleet(t, nodes, "--evidence-dir", dir, "--command-timeout", "10s")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(nodes) {
		t.Fatalf("%v: %d records of %d nodes", err, len(entries), len(nodes))
	}
	args := []string{"judge", "--evidence", "-o", "json"}
	for _, n := range nodes {
		args = append(args, filepath.Join(dir, n.Name+".json"))
	}
	code, stdout, stderr := kletscan(t.Context(), args...)
	var document struct {
		Results []row `json:"results"`
	}
	if err := json.Unmarshal([]byte(stdout), &document); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	if diff := cmp.Diff(scanned, document.Results); diff != "" {
		t.Errorf("(-scan +judge):\n%s", diff)
	}
	if strings.Contains(stdout, fixtures.CanaryKey) {
		t.Error("the report holds a private key")
	}
	if code != scanCode {
		t.Errorf("exit %d, the scan's was %d", code, scanCode)
	}
	for _, entry := range entries {
		record, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(record), fixtures.CanaryKey) || strings.Contains(string(record), "PRIVATE KEY-----\\n") {
			t.Errorf("%s holds a private key", entry.Name())
		}
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v", entry.Name(), info.Mode())
		}
	}
}

func TestRecordNamesAreSafeAndNeverMeet(t *testing.T) {
	seen := map[string]string{}
	for _, node := range []string{"cp-1", "cp-1.json", "[::1]:22", "__::1__:22", "a/b", "a_b", "..", ".hidden", strings.Repeat("x", 300), strings.Repeat("x", 301), "ä"} {
		name := recordName(node)
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q are both %q", node, other, name)
		}
		seen[name] = node
		if strings.ContainsAny(name, "/\\:") || strings.HasPrefix(name, ".") || len(name) > 230 {
			t.Errorf("%q is %q", node, name)
		}
	}
	if recordName("cp-1") != "cp-1.json" {
		t.Errorf("cp-1 is %q", recordName("cp-1"))
	}
}
