package inventory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a new directory and goes there.
func tree(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func names(nodes []Node) string {
	var list []string
	for _, node := range nodes {
		list = append(list, node.Name)
	}
	return strings.Join(list, " ")
}

func TestLoad(t *testing.T) {
	tree(t, map[string]string{
		"nodes.txt": "a zone=eu\nb\n", "more.csv": "host,rack\nb,7\nc,8\n",
		"dir/20.txt": "y\n", "dir/10.txt": "x\n", "dir/.hidden": "|", "dir/old~": "|", "dir/ansible.cfg": "|", "dir/README.md": "|",
		"dir/sub/z": "z\n", "dir/group_vars/all": "|", "dir/host_vars/a": "|",
	})
	var argv []string
	l := Loader{
		Stdin: strings.NewReader("s\n"),
		Run: func(_ context.Context, a []string) ([]byte, error) {
			argv = a
			return []byte("d\n"), nil
		},
	}
	nodes, notes, err := l.Load(t.Context(), []string{"nodes.txt", "more.csv", "-", "!tool 'a b' c", "dir"})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(nodes); got != "a b c s d x y z" {
		t.Errorf("nodes %s", got)
	}
	if diff := cmp.Diff(map[string]string{"rack": "7"}, nodes[1].Labels); diff != "" {
		t.Errorf("b is not merged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"tool", "a b", "c"}, argv); diff != "" {
		t.Errorf("argv (-want +got):\n%s", diff)
	}
	want := []string{
		"dir/README.md: passed over, as Ansible does in a directory: -i with its name reads it",
		"dir/ansible.cfg: passed over, as Ansible does in a directory: -i with its name reads it",
		"dir/old~: passed over, as Ansible does in a directory: -i with its name reads it",
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	for i, want := range map[int]string{3: "-:1:1", 4: "!tool:1:1", 7: "dir/sub/z:1:1"} {
		if got := nodes[i].Source.String(); got != want {
			t.Errorf("position %s, want %s", got, want)
		}
	}
}

func TestLoadMistakes(t *testing.T) {
	tree(t, map[string]string{
		"one": "a zone=eu\nb:x\n", "two": "A zone=us\n", "script": "#!/bin/sh\necho a\n", "empty/.keep": "", "ring/x": "x\n",
	})
	if err := os.Symlink(".", "ring/ring"); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: no symbolic links here: %v", err)
	}
	failing := func(context.Context, []string) ([]byte, error) { return nil, errors.New("exit status 1") }
	for _, tt := range []struct {
		rule    string
		loader  Loader
		sources []string
		ended   bool
		want    string
	}{
		{"all sources together", Loader{}, []string{"one", "two"}, false, `one:2:1: "b:x": port "x" is not a number from 1 to 65535
two:1:1: "A": label "zone" is "us" here and "eu" at one:1:1: expected one answer, or two names (--limit chooses among the nodes of an inventory)`},
		{"no file", Loader{}, []string{"none"}, true, `inventory: open none: no such file or directory: expected a readable file behind -i`},
		{"an empty directory", Loader{}, []string{"empty"}, true, `empty: no inventory in this directory: expected at least one`},
		{"links in a ring", Loader{}, []string{"ring"}, true, strings.Repeat("ring/", 8) + `ring: more than 8 directories in each other: expected fewer`},
		{"a script", Loader{}, []string{"script"}, true, `script:1: a script: expected an inventory, or '!script --list' to run it`},
		{"stdin twice", Loader{Stdin: strings.NewReader("a")}, []string{"-", "-"}, true, `-: standard input twice: expected it once`},
		{"no stdin", Loader{}, []string{"-"}, true, `-: no standard input here: expected a file`},
		{"stdin breaks", Loader{Stdin: iotest.ErrReader(errors.New("input/output error"))}, []string{"-"}, true, `-: input/output error`},
		{"no commands", Loader{}, []string{"!tool"}, true, `"!tool": no commands are run here: expected a file`},
		{"a command fails", Loader{Run: failing}, []string{"!tool"}, true, `"!tool": exit status 1`},
		{"a command is no command", Loader{Run: failing}, []string{"! "}, true, `"! ": no command: expected one, as in !cat FILE`},
		{"UTF-16", Loader{Stdin: strings.NewReader("\xff\xfea\x00")}, []string{"-"}, true, `-: UTF-16 text: expected UTF-8`},
	} {
		_, _, err := tt.loader.Load(t.Context(), tt.sources)
		var mistakes *Errors
		if !errors.As(err, &mistakes) || err.Error() != tt.want || mistakes.Ended() != tt.ended {
			t.Errorf("%s: %v\nwant %s", tt.rule, err, tt.want)
		}
	}
}

func TestSourceTooLarge(t *testing.T) {
	if text, err := readAll("-", strings.NewReader("12345"), 5); string(text) != "12345" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := readAll("-", strings.NewReader("123456"), 5); err == nil || err.Error() != "-: more than 5 bytes: expected an inventory" {
		t.Error(err)
	}
}

func TestSplitWords(t *testing.T) {
	for text, want := range map[string][]string{
		`kubectl get nodes -o json`:   {"kubectl", "get", "nodes", "-o", "json"},
		` a  "b c" 'd "e' f"g"h `:     {"a", "b c", `d "e`, "fgh"},
		`a "" ''`:                     {"a", "", ""},
		`a\ b "c\"d\e" 'f\g'`:         {"a b", `c"d\e`, `f\g`},
		`sh -c 'a | b > $c'`:          {"sh", "-c", "a | b > $c"},
		`a -o=jsonpath="{.items[*]}"`: {"a", "-o=jsonpath={.items[*]}"},
	} {
		got, err := splitWords(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for text, want := range map[string]string{
		`a | b`:    `'|' outside quotes: no shell runs this: expected it in quotes, or sh -c 'the whole of it'`,
		`a $HOME`:  `'$' outside quotes: no shell runs this: expected it in quotes, or sh -c 'the whole of it'`,
		`a 'b`:     `quote without an end: expected another '`,
		``:         `no command: expected one, as in !cat FILE`,
		`'' a`:     `no command: expected one, as in !cat FILE`,
		"a `id` b": "'`' outside quotes: no shell runs this: expected it in quotes, or sh -c 'the whole of it'",
	} {
		if words, err := splitWords(text); err == nil || err.Error() != want {
			t.Errorf("%s: %q, %v, want %s", text, words, err, want)
		}
	}
}

func TestVariablesBesideAnsibleInventories(t *testing.T) {
	tree(t, map[string]string{
		"quiet/hosts.ini": "[workers]\na ansible_host=10.0.0.1\n", "quiet/group_vars/workers/main.yml": "# ansible_host: no\nkube_version: 1\n",
		"loud/hosts.ini": "[workers]\na\n", "loud/host_vars/a.yml": "---\nx: 1\nansible_host: 10.0.0.7\n",
		"plain/nodes.txt": "a\n", "plain/group_vars/all": "ansible_user: core\n",
	})
	for file, want := range map[string]string{
		"quiet/hosts.ini": "", "plain/nodes.txt": "",
		"loud/hosts.ini": `loud/host_vars/a.yml:3: "ansible_host": group_vars and host_vars are not read: expected -i '!ansible-inventory -i loud --list', which reads them`,
	} {
		_, _, err := Loader{}.Load(t.Context(), []string{file})
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) {
			t.Errorf("%s: %v\nwant %s", file, err, want)
		}
	}
}

func TestIncludeOfAnSSHConfig(t *testing.T) {
	tree(t, map[string]string{
		"config": "Include more/*\nInclude ~/own\nHost c\n", ".ssh/more/2": "Host b\n", ".ssh/more/1": "Host a\n", "own": "Host o\n",
	})
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	nodes, _, err := Loader{Format: "ssh-config", Home: home}.Load(t.Context(), []string{"config"})
	if got := names(nodes); got != "a b o c" || err != nil {
		t.Errorf("nodes %s, %v", got, err)
	}
	if _, _, err := (Loader{Format: "ssh-config"}).Load(t.Context(), []string{"config"}); err == nil {
		t.Error("an Include that nobody follows is accepted")
	}
}

func FuzzSplitWords(f *testing.F) {
	for _, seed := range []string{`a "b c" 'd'`, `a\ b`, `'`, `"\`, "a\x00b", `a | b`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := splitWords(text)
		if (err == nil) != (len(words) > 0) {
			t.Fatalf("%q: %q, %v", text, words, err)
		}
		var quoted []string
		for _, word := range words {
			quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'"'"'`)+"'")
		}
		if again, err := splitWords(strings.Join(quoted, " ")); err == nil && strings.Join(again, "\x00") != strings.Join(words, "\x00") || err != nil && words != nil {
			t.Errorf("%q: %q, quoted and split again %q, %v", text, words, again, err)
		}
	})
}
