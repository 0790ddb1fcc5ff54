package systemd

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	unitPath   = "/etc/systemd/system/kubelet.service"
	dropInPath = "/etc/systemd/system/kubelet.service.d/10-test.conf"
	envPath    = "/etc/default/kubelet"
)

func present(path, content string) File {
	return File{Path: path, State: Present, Content: content}
}

// load reads kubelet.service from its unit file and drop-ins.
func load(t *testing.T, files ...File) Unit {
	t.Helper()
	u, err := Load("kubelet.service", Host{Name: "node1.example.org"}, files)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// service is a kubelet.service with these lines in [Service].
func service(t *testing.T, lines string) Unit {
	t.Helper()
	return load(t, present(unitPath, "[Service]\n"+lines))
}

func texts(words []Word) []string {
	list := []string{}
	for _, w := range words {
		list = append(list, w.Text)
	}
	return list
}

// proven fails unless the command is c's argument vector beyond doubt.
func proven(t *testing.T, c Command, want ...string) {
	t.Helper()
	if len(c.Missing) > 0 || c.Refused != "" {
		t.Errorf("missing %q, refused %q: want a proven command", c.Missing, c.Refused)
	}
	if diff := cmp.Diff(want, texts(c.Argv)); diff != "" {
		t.Errorf("argv (-want +got):\n%s", diff)
	}
}

func TestZeroValuesReadAsUnknown(t *testing.T) {
	if got := (File{Path: "/x"}).State.String(); got != "unread" {
		t.Errorf("zero state = %s", got)
	}
	if got := (Position{}).String(); got != "unknown" {
		t.Errorf("zero position = %s", got)
	}
	if c := (Unit{Name: "kubelet.service"}).Command(nil); c.Refused == "" || c.Argv != nil {
		t.Errorf("zero unit starts %v", c)
	}
	if got := State(9).String(); got != "State(9)" {
		t.Errorf("State(9) = %s", got)
	}
}
