package inventory

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
)

// What kubectl itself prints of the Nodes of an API server reads as what the
// server gave it, in JSON and, by its lines, in YAML.
func TestKubectlPrintsWhatIsRead(t *testing.T) {
	tool, err := exec.LookPath("kubectl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("kubectl is not installed")
		}
		t.Skip("SKIPPED, NOT TESTED: kubectl is not installed")
	}
	archives, err := filepath.Glob("testdata/formats/kubernetes-json.good-*-*.txtar")
	if err != nil || len(archives) < 5 {
		t.Fatalf("%d samples, %v", len(archives), err)
	}
	for _, path := range archives {
		if strings.Contains(path, "one-node") {
			continue // no list
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := string(archive.Files[0].Data)
			want, err := Parse(Source{Name: "f", Text: []byte(text)}, "")
			if err != nil {
				t.Fatal(err)
			}
			server := apiServer(t, strings.Replace(text, `"kind": "List"`, `"kind": "NodeList"`, 1))
			for _, output := range []string{"json", "yaml"} {
				run := exec.Command(tool, "get", "nodes", "-o", output, "--server", server, "--cache-dir", t.TempDir())
				run.Env = append(os.Environ(), "KUBECONFIG="+os.DevNull)
				printed, err := run.Output()
				if err != nil {
					t.Fatalf("%v: %s", err, printed)
				}
				got, err := Parse(Source{Name: "f", Text: printed}, "")
				if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Node{}, "Source")); err != nil || diff != "" {
					t.Errorf("-o %s: %v (-server +kubectl):\n%s", output, err, diff)
				}
				if _, ok := readKubernetesLines(Source{Name: "f", Text: printed}); ok != (output == "yaml") {
					t.Errorf("-o %s: read by its lines: %v\n%s", output, ok, printed)
				}
			}
		})
	}
}

// apiServer is as much of an API server as kubectl get nodes asks for.
func apiServer(t *testing.T, nodes string) (url string) {
	answers := map[string]string{
		"/api":          `{"kind": "APIVersions", "versions": ["v1"]}`,
		"/apis":         `{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}`,
		"/api/v1":       `{"kind": "APIResourceList", "groupVersion": "v1", "resources": [{"name": "nodes", "namespaced": false, "kind": "Node", "verbs": ["get", "list"]}]}`,
		"/api/v1/nodes": nodes,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return server.URL
}
