package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"kletscan/inventory"
)

func routes() []Route {
	return []Route{
		{
			Node: inventory.Node{Name: "cp-1", Host: "cp-1", Labels: map[string]string{"group": "control-plane"}},
			Resolved: &Way{
				Address: "10.0.0.1:22", User: "admin", Identities: []string{"SHA256:abc (ED25519)"}, Jump: []string{"admin@bastion:22", "inner:22"},
				KnownHosts: []string{"/home/a/.ssh/known_hosts"}, HostKey: "not on file", Policy: "strict",
			},
		},
		{
			Node:     inventory.Node{Name: "cp-2", Host: "cp-2"},
			Resolved: &Way{Problem: "ssh_config says \x1b[2Jno", ProxyCommand: "nc \u202e%h"},
		},
	}
}

// Each node has a row; a key that is missing is said, and text of ssh_config
// does nothing to the terminal.
func TestRoutesTable(t *testing.T) {
	var out bytes.Buffer
	if err := WriteRoutes(&out, routes(), Options{}); err != nil {
		t.Fatal(err)
	}
	want := `NODE  GROUP          ADDRESS      USER   VIA                         KEYS                  HOST KEY     PROBLEM
------------------------------------------------------------------------------------------------------------
cp-1  control-plane  10.0.0.1:22  admin  admin@bastion:22, inner:22  SHA256:abc (ED25519)  not on file
cp-2                                     command: nc \u202e%h                                            ssh_config says \x1b[2Jno
`
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 5 || lines[0] != strings.Split(want, "\n")[0] || lines[2] != strings.Split(want, "\n")[2] || strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestRoutesAreWrapped(t *testing.T) {
	var out bytes.Buffer
	if err := WriteRoutes(&out, routes(), Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := measure(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

func TestRoutesJSON(t *testing.T) {
	var out bytes.Buffer
	if err := WriteRoutesJSON(&out, append(routes(), Route{Node: inventory.Node{Name: "plain"}})); err != nil {
		t.Fatal(err)
	}
	var got struct {
		SchemaVersion int `json:"schema_version"`
		Nodes         []struct {
			Name string
			SSH  *Way
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.SchemaVersion != SchemaVersion || len(got.Nodes) != 3 || got.Nodes[0].SSH.Jump[1] != "inner:22" || got.Nodes[1].SSH.Identities == nil || got.Nodes[2].SSH != nil {
		t.Errorf("got %s", out.String())
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("a control character got through: %s", out.String())
	}
}
