package inventory

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the formats read into testdata/formats")

// Each archive of testdata/formats is named after its format and holds one
// inventory, "input", with what is read of it: nodes, one a line, and errors.
// An archive of good nodes is recognised without the name of its format.
func TestSamples(t *testing.T) {
	archives, err := filepath.Glob("testdata/formats/*.txtar")
	if err != nil || len(archives) < 2*len(structured) {
		t.Fatalf("%d samples, %v: expected a good and a bad one of each format", len(archives), err)
	}
	for _, path := range archives {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			format, good := sampleFormat(t, path)
			files := map[string]string{}
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			source := Source{Name: "input", Text: []byte(files["input"])}
			source.AddressType = strings.TrimSpace(files["address-type"])
			source.Include = func(pattern string) ([]Source, error) {
				if text, ok := files[pattern]; ok {
					return []Source{{Name: pattern, Text: []byte(text)}}, nil
				}
				return nil, nil
			}
			name := format
			if found, err := formatOf(source.Text, ""); good && (err != nil || found.Name != format) {
				t.Errorf("recognised as %q, %v", found.Name, err)
			}
			nodes, err := Parse(source, name)
			if good != (err == nil) {
				t.Errorf("error %v", err)
			}
			got := dump(nodes, err)
			if *update {
				archive.Files = append(keepInputs(archive.Files), txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(files["want"], got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// sampleFormat is the format of an archive such as ansible-ini.good-fleet.txtar.
func sampleFormat(t *testing.T, path string) (format string, good bool) {
	format, rest, _ := strings.Cut(filepath.Base(path), ".")
	good = strings.HasPrefix(rest, "good")
	if !good && !strings.HasPrefix(rest, "bad") {
		t.Fatalf("%s: expected FORMAT.good-NAME.txtar or FORMAT.bad-NAME.txtar", path)
	}
	return format, good
}

func keepInputs(files []txtar.File) []txtar.File {
	var kept []txtar.File
	for _, f := range files {
		if f.Name != "want" {
			kept = append(kept, f)
		}
	}
	return kept
}

// dump writes nodes as JSON, one a line, and errors below them.
func dump(nodes []Node, err error) string {
	var b strings.Builder
	for _, n := range nodes {
		line, _ := json.Marshal(n)
		b.Write(line)
		b.WriteByte('\n')
	}
	if err != nil {
		b.WriteString(err.Error() + "\n")
	}
	return b.String()
}

func TestRecognition(t *testing.T) {
	for _, tt := range []struct{ rule, text, want string }{
		{"hosts alone are a plain list", "a\nb\n", "plain"},
		{"a port is no key of YAML", "a:22\nfe80::1\n", "plain"},
		{"a range of letters, and an address, are no section", "[1-3]\n[fe80::1]:22\n", "plain"},
		{"a comment says nothing", "# [web]\n# nodes:\na\n", "plain"},
		{"a section below hosts", "a\n\n[web]\nb\n", "ansible-ini"},
		{"a variable of Ansible's", "a\tansible_host=b\n", "ansible-ini"},
		{"a section is no list of JSON", "[null]\na\n", "ansible-ini"},
		{"a list of JSON over lines", "\n [\n\n \"a\"]", "json"},
		{"an empty list of JSON", "[]", "json"},
		{"_meta at the end", `{"web": {"hosts": ["_meta"]}, "_meta": {}}`, "ansible-json"},
		{"_meta within a group only", `{"nodes": ["_meta"]}`, "json"},
		{"a NodeList of the API", `{"kind": "NodeList"}`, "kubernetes-json"},
		{"a group without all", "web:\n  hosts:\n    a:\n", "ansible-yaml"},
		{"a mapping of something else", "web:\n  a: b\n", "yaml"},
		{"a list of YAML that names hosts", "- name: a\n  hosts:\n", "yaml"},
		{"a marker before nodes", "# x\n---\nnodes:\n- a\n", "yaml"},
		{"an object of the API", "---\nkind: List\nitems: []\n", "kubernetes-yaml"},
		{"the table without wide", "NAME STATUS ROLES AGE VERSION\n", "kubernetes-wide"},
		{"Host in any case", "# x\n\n  HOST=a\n", "ssh-config"},
		{"a host that is named host", "match\nhost\n", "plain"},
		{"options first are not recognised", "AddKeysToAgent yes\nHost a\n", "plain"},
	} {
		if got, err := formatOf([]byte(tt.text), ""); err != nil || got.Name != tt.want {
			t.Errorf("%s: %q is %q, %v, want %q", tt.rule, tt.text, got.Name, err, tt.want)
		}
	}
}

func TestPatternsOfSSHConfig(t *testing.T) {
	for _, tt := range []struct {
		pattern, alias string
		want           bool
	}{
		{"*", "", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"?", "", false},
		{"w?", "w1", true},
		{"w?", "w12", false},
		{"W1", "w1", false},
		{"*a", "aab", false},
		{"**", "x", true},
	} {
		if got := matchPattern(tt.pattern, tt.alias); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.alias, got)
		}
	}
}
