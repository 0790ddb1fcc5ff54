package evidence

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEvidenceSurvivesJSONToTheByte(t *testing.T) {
	want := Evidence{
		Host: Host{System: "Linux", UID: -1},
		Processes: []Process{
			{PID: 1, Comm: "kubelet", Argv: []string{"kubelet", "", "--a=\x00b c\n"}, ArgvState: Present},
			{PID: 2, Comm: "kubelet", Argv: []string{"kubelet", "--node-labels=\xff\xfe", ""}, ArgvState: Truncated},
			{PID: 3, Comm: "k3s-server"},
		},
		Files: []File{
			{Path: "/a", State: Present, Content: "kind: x\n"},
			{Path: "/b", State: Present, Content: "kind: \xff\n"},
			{Path: "/c", State: Denied, Sudo: true, Refusal: "sudo: no"},
		},
		Version: "v1.31.4",
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), `\ufffd`) || strings.Contains(string(data), "\ufffd") {
		t.Errorf("a byte was lost: %s", data)
	}
	var got Evidence
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
