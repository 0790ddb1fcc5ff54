package report

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kletscan/scanner"
)

func manifest(t *testing.T, run Run, opts Options, artefacts ...Artefact) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteManifest(&out, run, opts, 3, artefacts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestManifestGolden(t *testing.T) {
	run := testRun(fleet()...)
	run.Arguments = []string{"scan", "-i", "my nodes.txt", "-o", "csv=audit.csv", "it's"}
	sum := sha256.Sum256([]byte("x"))
	got := manifest(t, run, Options{}, Artefact{Format: "table", SHA256: sum[:]}, Artefact{Format: "csv", File: "out/audit.csv", SHA256: sum[:]})
	path := filepath.Join("testdata", "fleet.manifest")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is\n%s\nand should be, -update rewrites:\n%s", path, want, got)
	}
}

// The real sha256sum takes a manifest without a complaint, whatever the names
// of files and what is hostile in the run, and notices a change.
func TestManifestPassesSha256sum(t *testing.T) {
	dir := t.TempDir()
	run := testRun(hostileFleet()...)
	run.Tool, run.Version, run.Inventory, run.Operator, run.Arguments = hostile[0], hostile[5], hostile[10], hostile[7], hostile
	var artefacts []Artefact
	for i, name := range []string{"audit.csv", "two words.json", "tab\tname", "line\nfeed", "carriage\rreturn", `back\slash`, "日本", "sub/x", "#hash", "-"} {
		content := fmt.Appendf(nil, "content %d", i)
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		artefacts = append(artefacts, Artefact{Format: "csv", File: name, SHA256: sum[:]})
	}
	artefacts = append(artefacts, Artefact{Format: "table", SHA256: make([]byte, sha256.Size)})
	file := filepath.Join(dir, "MANIFEST")
	if err := os.WriteFile(file, []byte(manifest(t, run, Options{}, artefacts...)), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func() (string, error) {
		c := exec.Command("sha256sum", "--check", "--strict", "--warn", "MANIFEST")
		c.Dir = dir
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if _, err := exec.LookPath("sha256sum"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	out, err := check()
	if err != nil || strings.Count(out, ": OK\n") != len(artefacts)-1 || strings.Contains(out, "WARNING") {
		t.Errorf("%v:\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "audit.csv"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := check(); err == nil || !strings.Contains(out, "audit.csv: FAILED") {
		t.Errorf("a file that was changed passes: %v:\n%s", err, out)
	}
}

// The numbers of the inventory line add up, whatever the results.
func TestManifestReconciles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	equation := regexp.MustCompile(`# inventory: (\d+) nodes = (\d+) assessed \+ (\d+) not reached \+ (\d+) not a node \+ (\d+) waived\n`)
	waivedOnce := false
	for range 50 {
		run := anyRun(rng, rng.IntN(30))
		m := equation.FindStringSubmatch(manifest(t, run, Options{Now: run.Started}))
		if m == nil {
			t.Fatal("no inventory line")
		}
		var n [5]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+1])
		}
		results, _ := run.Results.Collect()
		notNodes := 0
		for _, r := range results {
			if r.Status == scanner.NoKubelet || r.Status == scanner.NotLinux {
				notNodes++
			}
		}
		if n[0] != len(results) || n[0] != n[1]+n[2]+n[3]+n[4] || n[3] != notNodes {
			t.Errorf("%d results, %d of them no nodes: %s", len(results), notNodes, m[0])
		}
		waivedOnce = waivedOnce || n[4] > 0
	}
	if !waivedOnce {
		t.Error("no node was waived: the test does not test that")
	}
}
