package inventory

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMergeUnitesWhatDoesNotContradict(t *testing.T) {
	at := func(file string) Position { return Position{File: file, Line: 1} }
	a := Node{
		Name: "worker-1", Host: "10.0.0.1", User: "core", Groups: []string{"workers"},
		Labels: map[string]string{"zone": "eu-1", "role": "worker"}, Source: at("a"),
	}
	b := Node{
		Name: "Worker-1", Host: "::ffff:10.0.0.1", Port: 2222, Groups: []string{"all", "workers"}, PrivateKeys: []string{"k"},
		Labels: map[string]string{"role": "worker", "rack": "7"}, Jump: "bastion", OS: "linux", Kubelet: "v1.31.4", Source: at("b"),
	}
	want := Node{
		Name: "worker-1", Host: "10.0.0.1", Port: 2222, User: "core", Groups: []string{"workers", "all"},
		Labels:      map[string]string{"zone": "eu-1", "role": "worker", "rack": "7"},
		PrivateKeys: []string{"k"}, Jump: "bastion", OS: "linux", Kubelet: "v1.31.4", Source: at("a"),
	}
	other := Node{Name: "worker-2", Host: "worker-2", Source: at("b")}
	got, err := Merge([]Node{a}, nil, []Node{b, other})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Node{want, other}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(a.Labels) != 2 || len(b.Labels) != 2 || len(a.Groups) != 1 {
		t.Error("the labels or groups of what was merged have changed")
	}
	if got, err := Merge(); got != nil || err != nil {
		t.Errorf("Merge() = %v, %v", got, err)
	}
}

func TestMergeReportsContradictions(t *testing.T) {
	first := Node{
		Name: "a", Host: "10.0.0.1", Port: 22, User: "core", Labels: map[string]string{"zone": "eu"}, PrivateKeys: []string{"k"},
		Jump: "j", OS: "linux", Kubelet: "v1.31.4", Source: Position{"one", 2, 3},
	}
	for _, tt := range []struct {
		rule   string
		change func(*Node)
		want   string
	}{
		{"host", func(n *Node) { n.Host = "10.0.0.2" }, `the host is "10.0.0.2" here and "10.0.0.1"`},
		{"port", func(n *Node) { n.Port = 23 }, `the port is 23 here and 22`},
		{"user", func(n *Node) { n.User = "root" }, `the user is "root" here and "core"`},
		{"label", func(n *Node) { n.Labels = map[string]string{"zone": "us"} }, `label "zone" is "us" here and "eu"`},
		{"empty label", func(n *Node) { n.Labels = map[string]string{"zone": ""} }, `label "zone" is "" here and "eu"`},
		{"key", func(n *Node) { n.PrivateKeys = []string{"other"} }, `the private key is "other" here and "k"`},
		{"jump host", func(n *Node) { n.Jump = "none" }, `the jump host is "none" here and "j"`},
		{"operating system", func(n *Node) { n.OS = "windows" }, `the operating system is "windows" here and "linux"`},
		{"kubelet version", func(n *Node) { n.Kubelet = "v1.32.0" }, `the kubelet version is "v1.32.0" here and "v1.31.4"`},
	} {
		second := Node{Name: "A", Host: "10.0.0.1", Source: Position{"two", 7, 1}}
		tt.change(&second)
		got, err := Merge([]Node{first}, []Node{second})
		want := `two:7:1: "A": ` + tt.want + ` at one:2:3: expected one answer, or two names (--limit chooses among the nodes of an inventory)`
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", tt.rule, err, want)
		}
		if diff := cmp.Diff([]Node{first}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, diff)
		}
	}
}

func TestMergeRefusesTwoNamesForOneAddress(t *testing.T) {
	x := Node{Name: "x", Host: "10.0.0.1", Source: Position{"one", 1, 0}}
	y := Node{Name: "y", Host: "10.0.0.1", Source: Position{"two", 1, 0}}
	want := `two:1: "y": the same node as "x" at one:1: expected every node once`
	if _, err := Merge([]Node{x}, []Node{y}); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	// What two sources say together may be an address that is taken.
	z := Node{Name: "z", Host: "10.0.0.1", Port: 22, Source: Position{"one", 2, 0}}
	x22 := Node{Name: "x", Host: "10.0.0.1", Port: 22, Source: Position{"two", 1, 0}}
	got, err := Merge([]Node{x, z}, []Node{x22})
	if want := `one:1: "x": the same node as "z" at one:2: expected every node once`; err == nil || err.Error() != want || len(got) != 2 {
		t.Errorf("%v, error %v, want %s", got, err, want)
	}
}

// Lines with the same labels share them, and a list that adds one to a node adds
// it to no other.
func TestMergeLeavesSharedLabelsAlone(t *testing.T) {
	plain, err := Parse(Source{Name: "a", Text: []byte("one zone=x\ntwo zone=x\n")}, "plain")
	if err != nil {
		t.Fatal(err)
	}
	more, err := Parse(Source{Name: "b", Text: []byte("one rack=7\n")}, "plain")
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := Merge(plain, more)
	if err != nil {
		t.Fatal(err)
	}
	if got := nodes[0].String() + ", " + nodes[1].String(); got != "one rack=7 zone=x, two zone=x" {
		t.Error(got)
	}
}
