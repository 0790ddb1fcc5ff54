package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"kletscan/fixtures"
	"kletscan/scanner/remote/sshdtest"
)

// exampleFleet writes what the examples of docs/scale.md name: nodes.txt,
// known_hosts and id_ed25519, for eight nodes of which some are off.
func exampleFleet(t *testing.T) (dir string) {
	t.Helper()
	nodes, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	nodes = slices.DeleteFunc(nodes, func(n fixtures.Node) bool { return n.Fault != "" || n.Want.Status != "ok" })[:8]
	fleet, err := fixtures.Start(t.Context(), nodes, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	dir = t.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&list, "%s@%s\n", n.Login, fleet.Addr(n.Name))
	}
	if err := os.WriteFile(filepath.Join(dir, "nodes.txt"), []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// example runs a script of the documentation by a shell, where kletscan is on the
// PATH, and returns its exit status and what it prints.
func example(t *testing.T, dir string, shell []string, script string, env ...string) (code int, out string) {
	t.Helper()
	if _, err := exec.LookPath(shell[0]); err != nil {
		sshdtest.Missing(t, shell[0])
	}
	cmd := exec.Command(shell[0], append(shell[1:], script)...)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"PATH=" + filepath.Dir(kletscanProgram(t)) + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + t.TempDir(),
	}, env...)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// codeBlock is the first block of code behind a line of docs/scale.md.
func codeBlock(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	_, behind, found := strings.Cut(string(text), "\n"+heading+"\n")
	_, block, begun := strings.Cut(behind, "\n```\n")
	block, _, ended := strings.Cut(block, "\n```\n")
	if !found || !begun || !ended {
		t.Fatalf("no block of code behind %q", heading)
	}
	return block
}

// The lines for GNU parallel are run as they stand there.
func TestExampleForParallel(t *testing.T) {
	if _, err := exec.LookPath("parallel"); err != nil {
		sshdtest.Missing(t, "GNU parallel")
	}
	dir := exampleFleet(t)
	if err := os.Mkdir(filepath.Join(dir, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id_ed25519", "known_hosts"} { // where ssh has them
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, ".ssh", name)); err != nil {
			t.Fatal(err)
		}
	}
	code, out := example(t, dir, []string{"sh", "-c"}, codeBlock(t, "### GNU parallel"))
	if code != exitFailed || !strings.Contains(out, "\n8 nodes: 8 assessed (") {
		t.Errorf("exit status %d\n%s", code, out)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "report.html")); err != nil || !strings.Contains(string(page), " of 8 nodes ") {
		t.Errorf("the page: %v", err)
	}
}

// The commands of the Indexed Job do what the documentation says, each index and
// once more, as when a pod is tried again; and so does the report.
func TestExampleJob(t *testing.T) {
	dir := exampleFleet(t)
	for _, name := range []string{"key", "fleet", "results"} { // the volumes
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for file, volume := range map[string]string{"id_ed25519": "key", "nodes.txt": "fleet", "known_hosts": "fleet"} {
		if err := os.Rename(filepath.Join(dir, file), filepath.Join(dir, volume, file)); err != nil {
			t.Fatal(err)
		}
	}
	scan, shards := containerArgs(t, "docs/examples/job.yaml", 1, dir)
	scan = strings.Replace(scan, "--splay 30s", "--splay 1ms", 1)
	for range 2 {
		for index := range 4 {
			code, out := example(t, dir, []string{"sh", "-c"}, scan, fmt.Sprint("JOB_COMPLETION_INDEX=", index), "SHARDS="+shards)
			if code != 0 || strings.Contains(out, "not found") {
				t.Errorf("index %d: exit status %d\n%s", index, code, out)
			}
		}
	}
	report, _ := containerArgs(t, "docs/examples/report.yaml", 0, dir)
	code, out := example(t, dir, []string{"sh", "-c"}, report)
	if code != exitFailed || !strings.Contains(out, "\n8 nodes: 8 assessed (") {
		t.Errorf("the report: exit status %d\n%s", code, out)
	}
}

// containerArgs is the script of the container in a document of a file, with the
// volumes in dir, and its SHARDS.
func containerArgs(t *testing.T, file string, document int, dir string) (script, shards string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var job struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Args []string
						Env  []struct{ Name, Value string }
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(strings.Split(string(text), "\n---\n")[document]), &job); err != nil {
		t.Fatal(err)
	}
	c := job.Spec.Template.Spec.Containers[0]
	for _, env := range c.Env {
		shards = env.Value
	}
	mount := regexp.MustCompile(`/(key|fleet|results)\b`)
	return mount.ReplaceAllString(c.Args[0], dir+"/$1"), shards
}

// workflow is a workflow of GitHub Actions, as far as it is looked at here.
type workflow struct {
	Name        string
	On          map[string]any
	Permissions map[string]string
	Jobs        map[string]struct {
		RunsOn   []string `yaml:"runs-on"`
		Needs    string
		If       string
		Env      map[string]string
		Strategy struct {
			FailFast bool `yaml:"fail-fast"`
			Matrix   struct{ Shard []int }
		}
		Steps []struct {
			Name, If, Uses, Run string
			With                map[string]any
			Env                 map[string]string
		}
	}
}

// The workflow is valid, and its commands do what the documentation says. GitHub
// runs them by bash -e.
func TestExampleWorkflow(t *testing.T) {
	text, err := os.Open("docs/examples/workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	in := yaml.NewDecoder(text)
	in.KnownFields(true)
	var w workflow
	if err := in.Decode(&w); err != nil {
		t.Fatal(err)
	}
	dir := exampleFleet(t)
	key, err := os.ReadFile(filepath.Join(dir, "id_ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	bash := []string{"bash", "-e", "-c"}
	shards := w.Jobs["scan"].Strategy.Matrix.Shard
	for _, shard := range shards {
		fill := strings.NewReplacer("${{ matrix.shard }}", fmt.Sprint(shard), "${{ strategy.job-total }}", fmt.Sprint(len(shards))).Replace
		script := strings.Replace(fill(w.Jobs["scan"].Steps[1].Run), "-u scan ", "", 1)
		code, out := example(t, dir, bash, script, "RESULTS="+fill(w.Jobs["scan"].Env["RESULTS"]), "KEY="+strings.TrimSpace(string(key)))
		if code != 0 || strings.Contains(script, "${{") {
			t.Errorf("shard %d: exit status %d\n%s\n%s", shard, code, script, out)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "results"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		name := fmt.Sprintf("shard-%d.jsonl", shard)
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, "results", name)); err != nil {
			t.Fatal(err)
		}
	}
	summary := filepath.Join(dir, "summary")
	code, out := example(t, dir, bash, w.Jobs["report"].Steps[1].Run, "GITHUB_STEP_SUMMARY="+summary)
	said, err := os.ReadFile(summary)
	if code != exitFailed || err != nil || !strings.Contains(string(said), " of 8 nodes ") {
		t.Errorf("the report: exit status %d, %v\n%s\n%.500s", code, err, out, said)
	}
}
