package kubelet

import (
	"bufio"
	"encoding/json"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

const truthFile = "../../../shared/truth/kubelet-truth.jsonl"

// exits are words in which every version refuses the same thing.
var exits = []string{
	"unknown command",
	"requires feature gate RotateKubeletServerCertificate",
	"invalid value of RotateKubelet",
	"failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to",
	"lstat /etc/kubernetes/kubelet.conf.d: no su",
	"failed to load kubelet dropin file, path: /",
	"json: cannot unmarshal string into Go struct field KubeletConfigura",
}

// truth is one real kubelet that was started and watched.
type truth struct {
	ID      string            `json:"id"`
	Version string            `json:"kubelet_version"`
	Argv    []string          `json:"argv"`
	Files   map[string]string `json:"files"`
	Changed bool              `json:"files_changed_after_start"`
	Want    struct {
		Rotation     Rotation `json:"rotation"`
		AfterRestart Rotation `json:"after_restart"`
	} `json:"want"`
	Observed struct {
		Started bool   `json:"started"`
		ByIP    string `json:"served_to_ip_client"`
		Exit    string `json:"exit_reason"`
	} `json:"observed"`
}

func readTruth(t *testing.T) []truth {
	t.Helper()
	f, err := os.Open(truthFile)
	if err != nil {
		t.Skipf("SKIPPED: the records of real kubelets are not at hand: %v", err)
	}
	defer f.Close()
	var list []truth
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var tr truth
		if err := json.Unmarshal(lines.Bytes(), &tr); err != nil {
			t.Fatalf("line %d: %v", len(list)+1, err)
		}
		list = append(list, tr)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	const least = 108
	if len(list) < least {
		t.Fatalf("%d records, want at least %d", len(list), least)
	}
	return list
}

func (tr truth) input(t *testing.T, newer bool) Input {
	t.Helper()
	v, err := ParseVersion(tr.Version)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Version: v, Args: Argv(tr.Argv)}
	flags, _ := ParseFlags(in.Args)
	paths := flags.Paths()
	in.Config = File{Path: paths.Config, State: Absent}
	if content, ok := tr.Files[paths.Config]; ok {
		in.Config = File{Path: paths.Config, State: Present, Content: []byte(content), Newer: newer}
	}
	in.DropIns = DropInDir{Path: paths.ConfigDir, State: Absent}
	for name, content := range tr.Files {
		if paths.ConfigDir == "" || path.Dir(name) != paths.ConfigDir {
			continue
		}
		in.DropIns.State = Present
		in.DropIns.Files = append(in.DropIns.Files, File{Path: name, State: Present, Content: []byte(content), Newer: newer})
	}
	slices.SortFunc(in.DropIns.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return in
}

// TestTruth replays kubelets that really ran.
func TestTruth(t *testing.T) {
	t.Parallel()
	for _, tr := range readTruth(t) {
		t.Run(tr.ID, func(t *testing.T) {
			t.Parallel()
			e := Resolve(tr.input(t, tr.Changed))
			if e.Rotation != tr.Want.Rotation {
				t.Errorf("rotation %s, want %s: %s", e.Rotation, tr.Want.Rotation, e.Why)
			}
			if tr.Changed {
				if later := Resolve(tr.input(t, false)); later.Rotation != tr.Want.AfterRestart {
					t.Errorf("after a restart %s, want %s: %s", later.Rotation, tr.Want.AfterRestart, later.Why)
				}
			}
			if started := e.Problem == ""; started != tr.Observed.Started {
				t.Errorf("problem %q, but started is %t: %s", e.Problem, tr.Observed.Started, tr.Observed.Exit)
			}
			if (e.Rotation == Invalid) != (e.Problem != "") {
				t.Errorf("rotation %s with problem %q", e.Rotation, e.Problem)
			}
			// From 1.36 on the static certificate is only served until one is issued.
			masked := e.Rotation == On && tr.Observed.ByIP == "static" && e.Versions.Min.Minor <= 35
			if e.Masked != masked {
				t.Errorf("masked %t, but %s was served to a client that dials by IP", e.Masked, tr.Observed.ByIP)
			}
			standalone := !slices.ContainsFunc(tr.Argv, func(a string) bool { return strings.HasPrefix(a, "--kubeconfig") })
			if e.NoAPIClient != standalone {
				t.Errorf("no API client %t, want %t", e.NoAPIClient, standalone)
			}
			for _, words := range exits {
				if strings.Contains(tr.Observed.Exit, words) && !strings.Contains(e.Problem, words) {
					t.Errorf("problem %q, but the kubelet said %q", e.Problem, tr.Observed.Exit)
				}
			}
		})
	}
}

// TestTruthUnknownVersion replays them without their version: the answer must
// be the same or unknown, never another.
func TestTruthUnknownVersion(t *testing.T) {
	t.Parallel()
	for _, tr := range readTruth(t) {
		t.Run(tr.ID, func(t *testing.T) {
			t.Parallel()
			in := tr.input(t, tr.Changed)
			in.Version = Version{}
			if e := Resolve(in); e.Rotation != tr.Want.Rotation && e.Rotation != Unknown {
				t.Errorf("rotation %s, want %s or unknown: %s", e.Rotation, tr.Want.Rotation, e.Why)
			}
		})
	}
}
