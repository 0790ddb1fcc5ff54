package inventory

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// inputs are the inventories of testdata/formats.
func inputs(t testing.TB) []string {
	archives, err := filepath.Glob("testdata/formats/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	var texts []string
	for _, path := range archives {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range txtar.Parse(raw).Files {
			if f.Name == "input" {
				texts = append(texts, string(f.Data))
			}
		}
	}
	return texts
}

// Whatever the text, every format reads it without a panic, gives the same twice,
// and lets nothing through that is not data.
func FuzzFormats(f *testing.F) {
	for _, text := range inputs(f) {
		f.Add(text)
	}
	for _, text := range ansibleSamples {
		f.Add(text)
	}
	large := regexp.MustCompile(`\d{3}[^\]]*\]|(\[.*){4}`)
	f.Fuzz(func(t *testing.T, text string) {
		if large.MatchString(text) && strings.Contains(text, ":") {
			return // a range of many hosts takes its time
		}
		for _, format := range append([]string{""}, structured...) {
			source := Source{Name: "f", Text: []byte(text)}
			nodes, err := Parse(source, format)
			if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r > '~' || r < ' ' && r != '\n' }) {
				t.Errorf("%s: raw character in %q", format, err)
			}
			if err == nil && len(nodes) == 0 {
				t.Errorf("%s: neither nodes nor an error", format)
			}
			again, err2 := Parse(source, format)
			if diff := cmp.Diff(dump(nodes, err), dump(again, err2)); diff != "" {
				t.Errorf("%s: twice (-first +second):\n%s", format, diff)
			}
			for _, n := range nodes {
				checkNode(t, format, n)
			}
		}
	})
}

// checkNode looks whether all parts of a node are of the characters that they
// may be of.
func checkNode(t *testing.T, format string, n Node) {
	t.Helper()
	problems := []string{checkHost(n.Host)}
	if format != "" && format != "plain" && format != "csv" && !strings.Contains(n.Name, ":") {
		problems = append(problems, checkHost(n.Name))
	}
	if n.User != "" {
		problems = append(problems, checkUser(n.User))
	}
	for _, group := range n.Groups {
		problems = append(problems, checkGroup(group))
	}
	for key, label := range n.Labels {
		problems = append(problems, labelProblem(key, label))
	}
	for _, path := range n.PrivateKeys {
		problems = append(problems, checkPath(path))
	}
	if n.Kubelet != "" && !isVersion(n.Kubelet) {
		problems = append(problems, "kubelet "+n.Kubelet)
	}
	if strings.HasPrefix(n.Jump, "-") || strings.ContainsAny(n.Jump, " \t\n;|&$`'\"\\") {
		problems = append(problems, "jump "+n.Jump)
	}
	for _, problem := range problems {
		if problem != "" {
			t.Errorf("%s: %s in %+v", format, problem, n)
		}
	}
}

// The JSON reader takes what encoding/json takes.
func FuzzJSON(f *testing.F) {
	for _, text := range append(inputs(f), `[1e5,-0.1,"\u00e9\ud83d",true]`, `{"a":{},"b":[[]]}`, `[01]`, "[\"a\tb\"]", `[1,]`, `{"a":1,}`, `"\x"`) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var errs Errors
		v, ok := readJSON(Source{Text: []byte(text)}, nil, &errs)
		want := json.Valid([]byte(text)) && strings.ToValidUTF8(text, "") == text
		if ok != want && !(want && strings.Count(text, "[")+strings.Count(text, "{") > maxNesting) {
			t.Errorf("%q: %v, encoding/json says %v", text, &errs, want)
		}
		r := newJSONReader(Source{Text: []byte(text)}, new(Errors))
		r.skip()
		r.end()
		if r.broken == ok {
			t.Errorf("%q: read %v, skipped %v", text, ok, !r.broken)
		}
		if s := ""; ok && v.kind == textKind && (json.Unmarshal([]byte(text), &s) != nil || s != v.text) {
			t.Errorf("%q reads as %q, want %q", text, v.text, s)
		}
	})
}

// Where the line reader of kubectl's YAML gives an answer, it is that of the
// YAML parser.
func FuzzKubernetesLines(f *testing.F) {
	for _, text := range append(inputs(f), string(fleet("kubernetes-yaml", 2))) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source := Source{Name: "f", Text: []byte(text)}
		lines, ok := readKubernetesLines(source)
		if !ok {
			return
		}
		slow := kubernetes{file: "f", list: newList()}
		root, ok := readYAML(source, &slow.list.errs)
		if !ok || slow.list.errs.orNil() != nil {
			return // something is wrong in what does not count, which the lines do not see
		}
		items, listed := root.get("items")
		for _, item := range items.items {
			slow.add(item)
		}
		slow.root(root, listed)
		fast := kubernetes{file: "f", list: newList()}
		for _, n := range lines {
			fast.addNode(n)
		}
		want, wantErr := slow.list.orEmpty("f", "")
		got, gotErr := fast.list.orEmpty("f", "")
		if diff := cmp.Diff(dump(want, wantErr), dump(got, gotErr)); diff != "" {
			t.Errorf("(-yaml +lines):\n%s\n%s", diff, text)
		}
	})
}

// The samples of kubectl's YAML are in the layout that the line reader knows.
func TestLinesOfKubectlAreRead(t *testing.T) {
	for _, text := range append(inputs(t), string(fleet("kubernetes-yaml", 3))) {
		if !strings.HasPrefix(text, "apiVersion: v1\nitems:") || strings.Contains(text, "Pod") {
			continue
		}
		nodes, ok := readKubernetesLines(Source{Name: "f", Text: []byte(text)})
		if !ok || len(nodes) != strings.Count(text, "kind: Node\n") {
			t.Errorf("%d nodes, %v of\n%s", len(nodes), ok, text)
		}
	}
}
