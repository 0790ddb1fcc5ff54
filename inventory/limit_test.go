package inventory

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// fleetOf is a small inventory for the tests of Selection.
func fleetOf(t testing.TB) []Node {
	t.Helper()
	nodes, err := Parse(Source{Name: "f", Text: []byte(`cp-1 role=cp zone=eu-1
cp-2:2222 role=cp zone=eu-2
worker-[1-4] role=worker group=workers
10.0.0.9
[::1]:22
`)}, "plain")
	if err != nil {
		t.Fatal(err)
	}
	nodes[0].Groups = []string{"masters", "all-eu"}
	nodes[1].Groups = []string{"masters"}
	return nodes
}

func readList(name string) ([]byte, error) {
	files := map[string]string{
		"./more": "# comment\nworker-1 # why\n\ncp-*\n!cp-2:2222\n", "both": "cp-1\n", "masters": "cp-1\n",
		"nested": "@./more\n", "typo": "worker-1\n\nwroker-2\n", "empty": "# nothing\n", "binary": "a\x00b\n",
	}
	if text, ok := files[name]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("no such file or directory")}
}

func TestSelection(t *testing.T) {
	const workers = "worker-1 worker-2 worker-3 worker-4"
	const every = "cp-1 cp-2:2222 " + workers + " 10.0.0.9 [::1]:22"
	for _, tt := range []struct{ rule, limit, exclude, want string }{
		{"no selection", "", "", every},
		{"a name", "worker-2", "", "worker-2"},
		{"case does not count", "WORKER-2", "", "worker-2"},
		{"the host of a node with a port", "cp-2", "", "cp-2:2222"},
		{"a name with a colon", "cp-2:2222", "", "cp-2:2222"},
		{"IPv6", "[::1]:22", "", "[::1]:22"},
		{"the host of IPv6", "::1", "", "[::1]:22"},
		{"in the order of the inventory", "worker-2,cp-1", "", "cp-1 worker-2"},
		{"colons as commas", "worker-2:cp-1", "", "cp-1 worker-2"},
		{"a glob", "worker-*", "", workers},
		{"a question mark", "cp-?", "", "cp-1 cp-2:2222"},
		{"a group", "masters", "", "cp-1 cp-2:2222"},
		{"a glob of groups", "mast*", "", "cp-1 cp-2:2222"},
		{"the label group is a group", "workers", "", workers},
		{"a group with @", "@workers", "", workers},
		{"all", "all", "", every},
		{"star", "*", "", every},
		{"a range; what is not there is passed over", "worker-[2-9]", "", "worker-2 worker-3 worker-4"},
		{"a range and a glob", "w*-[2-3],*-[3-4]", "", "worker-2 worker-3 worker-4"},
		{"commas in brackets", "worker-[1,3]", "", "worker-1 worker-3"},
		{"a label", "role=cp", "", "cp-1 cp-2:2222"},
		{"a glob of a label", "zone=eu-*", "", "cp-1 cp-2:2222"},
		{"the absence of a label", "role!=worker", "", "cp-1 cp-2:2222 10.0.0.9 [::1]:22"},
		{"the absence of a group", "group!=workers", "", "cp-1 cp-2:2222 10.0.0.9 [::1]:22"},
		{"a regular expression fits the beginning", "~w.*-[12]", "", "worker-1 worker-2"},
		{"a regular expression holds operators", "~(cp|10)[^!]", "", "cp-1 cp-2:2222 10.0.0.9"},
		{"Ansible: not", "workers,!worker-2", "", "worker-1 worker-3 worker-4"},
		{"Ansible: not, with colons", "workers:!worker-2", "", "worker-1 worker-3 worker-4"},
		{"Ansible: not comes last wherever it stands", "!worker-2,workers", "", "worker-1 worker-3 worker-4"},
		{"Ansible: not alone is of all", "!workers", "", "cp-1 cp-2:2222 10.0.0.9 [::1]:22"},
		{"Ansible: and", "role=cp:&zone=eu-1", "", "cp-1"},
		{"Ansible: and before not", "!cp-1,&masters,all", "", "cp-2:2222"},
		{"ClusterShell: difference", "worker-[1-4]!worker-2", "", "worker-1 worker-3 worker-4"},
		{"ClusterShell: from left to right", "worker-[1-4]!worker-[2-3],worker-2", "", "worker-1 worker-2 worker-4"},
		{"ClusterShell: of all before it", "cp-1,worker-1!worker-*", "", "cp-1"},
		{"ClusterShell: intersection", "worker-[1-3]&worker-[2-4]", "", "worker-2 worker-3"},
		{"ClusterShell: symmetric difference", "worker-[1-3]^worker-[2-4]", "", "worker-1 worker-4"},
		{"a file; its ! is of the whole list", "@./more", "", "cp-1 worker-1"},
		{"a file and more", "@./more,worker-4", "", "cp-1 worker-1 worker-4"},
		{"exclude", "", "workers,cp-1", "cp-2:2222 10.0.0.9 [::1]:22"},
		{"exclude is the last word", "worker-1,cp-1", "worker-*", "cp-1"},
		{"exclude knows the operators", "", "all!worker-[1-2]", "worker-1 worker-2"},
		{"blanks round commas", "worker-1 , cp-1", "", "cp-1 worker-1"},
	} {
		s := Selection{ReadFile: readList}
		if tt.limit != "" {
			s.Limit = []string{tt.limit}
		}
		if tt.exclude != "" {
			s.Exclude = []string{tt.exclude}
		}
		nodes, notes, err := s.Apply(fleetOf(t))
		var names []string
		for _, node := range nodes {
			names = append(names, node.Name)
		}
		if got := strings.Join(names, " "); got != tt.want || err != nil || notes != nil {
			t.Errorf("%s: %s gives %q, %q, %v\nwant %q", tt.rule, tt.limit, got, notes, err, tt.want)
		}
	}
}

func TestSelectionMistakes(t *testing.T) {
	const unknown = " fits no node: expected a name, a group or a label of the inventory"
	for _, tt := range []struct{ limit, want string }{
		{"wroker-2", `--limit: "wroker-2"` + unknown + `; did you mean worker-2?`},
		{"worker-7x", `--limit: "worker-7x"` + unknown + `; did you mean worker-1?`},
		{"master", `--limit: "master"` + unknown + `; did you mean masters?`},
		{"nothing-like-it", `--limit: "nothing-like-it"` + unknown},
		{"role=wroker", `--limit: "role=wroker"` + unknown},
		{"roel!=cp", `--limit: "roel!=cp": no node has a label "roel": expected one of the inventory's; did you mean role?`},
		{"cp-1,", `--limit: "": expected a pattern, such as worker-*`},
		{"cp-1!", `--limit: "": expected a pattern, such as worker-*`},
		{"", `--limit: "": expected a pattern, such as worker-*`},
		{"worker-[1:2]", `--limit: "worker-[1:2]": "1:2" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2], with "-" (":" is for Ansible inventories)`},
		{"~(", "--limit: \"~(\": expected a regular expression behind ~: error parsing regexp: missing closing ): `^(?:()`"},
		{"workers,!worker-[1-4]", `--limit and --exclude leave none of the 8 nodes: expected at least one`},
		{"@binary", `--limit: "@binary": not text, byte 2 is "\x00": expected patterns, one a line`},
		{"@nowhere", `--limit: "@nowhere": expected a group of the inventory, or a readable file: open nowhere: no such file or directory`},
		{"@worker", `--limit: "@worker": expected a group of the inventory; did you mean workers?, or a readable file: open worker: no such file or directory`},
		{"@masters", `--limit: "@masters": both a group and a file: expected masters for the group, or @./masters for the file`},
		{"@nested", `@nested:1: "@./more": a file named in a file: expected patterns`},
		{"@typo", `@typo:3: "wroker-2"` + unknown + `; did you mean worker-2?`},
		{"@empty", `--limit: "@empty": no patterns in it: expected one a line`},
		{"all,!@./more", `--limit: "@./more": a file behind an operator: expected it in --limit or --exclude by itself`},
		{"x1,x2", `--limit: "x1"` + unknown + "\n" + `--limit: "x2"` + unknown},
	} {
		nodes, _, err := Selection{Limit: []string{tt.limit}, ReadFile: readList}.Apply(fleetOf(t))
		if err == nil || err.Error() != tt.want || nodes != nil {
			t.Errorf("%s: %d nodes, %v\nwant %s", tt.limit, len(nodes), err, tt.want)
		}
	}
}

// What takes nodes away and fits none changes nothing, and is noted.
func TestExclusionsThatFitNothingAreNoted(t *testing.T) {
	for _, s := range []Selection{
		{Exclude: []string{"worker-9"}},
		{Limit: []string{"all,!worker-9"}},
		{Limit: []string{"all!worker-9"}},
	} {
		nodes, notes, err := s.Apply(fleetOf(t))
		if len(nodes) != 8 || err != nil || len(notes) != 1 || !strings.HasSuffix(notes[0], `: "worker-9" fits no node: nothing is excluded by it`) {
			t.Errorf("%v: %d nodes, %q, %v", s, len(nodes), notes, err)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"port", "port", 0},
		{"prot", "port", 1},
		{"adress", "address", 1},
		{"hosts", "host", 1},
		{"hst", "host", 1},
		{"node", "mode", 1},
		{"ab", "ba", 1},
		{"", "a", 1},
		{"port", "user", 3},
	} {
		if got, back := distance(tt.a, tt.b, 3), distance(tt.b, tt.a, 3); got != tt.want || back != tt.want {
			t.Errorf("%s and %s: %d and %d, want %d", tt.a, tt.b, got, back, tt.want)
		}
	}
}

func FuzzSelection(f *testing.F) {
	for _, seed := range []string{
		"worker-[1-2]!cp-*,&@workers", "~w|x", "role!=worker:!x", "a^b&c", "@./more", "[::1]:22", "::1", "*", "!", ":", ",", "role==",
	} {
		f.Add(seed)
	}
	nodes := fleetOf(f)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 100 || strings.Contains(text, "[") && strings.ContainsAny(text, "*?") {
			return // slow, and no more than that
		}
		limited, _, err := Selection{Limit: []string{text}, ReadFile: readList}.Apply(nodes)
		if (err == nil) == (len(limited) == 0) {
			t.Fatalf("%q: %d nodes, %v", text, len(limited), err)
		}
		rest, _, err2 := Selection{Exclude: []string{text}, ReadFile: readList}.Apply(nodes)
		if err == nil && err2 == nil && len(limited)+len(rest) != len(nodes) {
			t.Errorf("%q: %d nodes and %d others of %d", text, len(limited), len(rest), len(nodes))
		}
	})
}

func TestOperatorsAgreeWithNodeset(t *testing.T) {
	for _, pattern := range []string{
		"worker-[1-4]!worker-2", "worker-[1-4]!worker-[2-3],worker-2", "cp-1,worker-1!worker-[1-4]", "worker-[1-3]&worker-[2-4]",
		"worker-[1-3]^worker-[2-4]", "cp-1,worker-[1-3]^worker-[2-4]&worker-[3-4]", "worker-[1-4/3],worker-2",
	} {
		nodes, _, err := Selection{Limit: []string{pattern}}.Apply(fleetOf(t))
		theirs, ok := nodeset(t, "-e", pattern)
		if names(nodes) != theirs || err != nil || !ok {
			t.Errorf("%s: nodeset gives %q, we give %q, %v", pattern, theirs, names(nodes), err)
		}
	}
}
