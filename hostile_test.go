package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"go.uber.org/goleak"

	"kletscan/fixtures"
	"kletscan/scanner/remote"
)

// hostileKinds are n kinds of hostile servers, each at least once.
func hostileKinds(n int) []fixtures.Hostile {
	rows := fixtures.HostileRows()
	kinds := make([]fixtures.Hostile, max(n, len(rows)))
	for i := range kinds {
		kinds[i] = rows[i%len(rows)].Hostile
	}
	return kinds
}

// goodNodes are n nodes of the fixtures whose servers do not misbehave.
func goodNodes(t *testing.T, n int) []fixtures.Node {
	t.Helper()
	nodes, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	return fixtures.Replicate(slices.DeleteFunc(nodes, func(n fixtures.Node) bool { return n.Want.Status != "ok" }), n)
}

// mixed starts good nodes and hostile servers, and writes one inventory of them
// all into a folder: a hostile one behind every few good ones.
func mixed(t *testing.T, good []fixtures.Node, kinds []fixtures.Hostile) (dir string, room *fixtures.HostileRoom) {
	t.Helper()
	fleet, err := fixtures.Start(t.Context(), good, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	room, err = fixtures.StartHostile(t.Context(), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		room.Close()
		if told := room.Told(); len(told) > 0 {
			t.Errorf("hostile servers were told %q", told)
		}
	})
	dir = t.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string]string{
		fixtures.InventoryFile:  room.Inventory(),
		fixtures.SSHConfigFile:  room.SSHConfig(dir),
		fixtures.KnownHostsFile: room.KnownHosts(),
	} {
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = file.WriteString(more)
			file.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, room
}

// A fifth of the fleet is hostile, in every way: each node has its one row, the
// good ones are right, the hostile ones say what is wrong with them, the run
// ends and the memory is bounded. The program runs as a process of its own, so
// that its memory is not that of the servers.
func TestHostileFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute: servers that stall are given up only then")
	}
	const nodeTimeout = 70 * time.Second
	size := 200
	if underRace() { // everything takes ten times as long
		size = 40
	}
	good, kinds := goodNodes(t, size), hostileKinds(50)
	dir, room := mixed(t, good, kinds)
	program := exec.CommandContext(t.Context(), "kletscan",
		"scan", "-F", filepath.Join(dir, "ssh_config"), "-i", filepath.Join(dir, "inventory"), "-f", fmt.Sprint(len(good)+len(kinds)),
		"--connect-timeout", "40s", "--command-timeout", "50s", "--node-timeout", nodeTimeout.String(),
		"-o", "table", "-o", "json="+filepath.Join(dir, "out.json"), "-o", "csv="+filepath.Join(dir, "out.csv"))
	var stdout, stderr bytes.Buffer
	program.Stdout, program.Stderr = &stdout, &stderr
	began := time.Now()
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	memory := watchMemory(t, program.Process.Pid)
	err := program.Wait()
	if took := time.Since(began); took > nodeTimeout+nodeTimeout/10 {
		t.Errorf("the run took %v, want at most the node timeout of %v and a tenth of it", took, nodeTimeout)
	}
	if code := program.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("exit %d (%v), want %d: some nodes are off\n%s", code, err, exitFailed, stderr.String())
	}
	if peak, known := memory(); known {
		t.Logf("%v, peak memory %d MiB", time.Since(began).Round(time.Second), peak>>20)
		if bound := int64(3*remote.DefaultMemory + 128<<20); peak > bound {
			t.Errorf("peak memory %d MiB, want at most %d", peak>>20, bound>>20)
		}
	}
	outputs := map[string][]byte{"table": stdout.Bytes(), "stderr": stderr.Bytes(), "json": read(t, dir, "out.json"), "csv": read(t, dir, "out.csv")}
	for name, text := range outputs {
		checkClean(t, name, text)
	}
	checkHostileRows(t, rowsOf(t, outputs["json"]), good, room.Rows())
}

// underRace reports whether this program looks for data races.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func rowsOf(t *testing.T, document []byte) []row {
	t.Helper()
	var parsed struct {
		Results []row `json:"results"`
	}
	if err := json.Unmarshal(document, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed.Results
}

// checkClean finds what a terminal would act upon, and what may not leave a node.
func checkClean(t *testing.T, name string, text []byte) {
	t.Helper()
	if bytes.Contains(text, []byte(fixtures.ShadowCanary)) {
		t.Errorf("%s has a line of /etc/shadow", name)
	}
	for line := range strings.Lines(string(text)) {
		for _, r := range strings.TrimRight(line, "\r\n") {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar && name == "table" || r == '\u200b' {
				t.Errorf("%s: %U in %.200q", name, r, line)
				break
			}
		}
	}
}

// checkHostileRows wants every node once, and of each what is true.
func checkHostileRows(t *testing.T, rows []row, good []fixtures.Node, hostile map[string]fixtures.HostileRow) {
	t.Helper()
	if len(rows) != len(good)+len(hostile) {
		t.Errorf("%d rows for %d nodes", len(rows), len(good)+len(hostile))
	}
	got := make(map[string]row, len(rows))
	for _, r := range rows {
		got[r.Node] = r
	}
	for _, n := range good {
		t.Run(n.Name, func(t *testing.T) { checkRow(t, got[n.Name], n) })
	}
	for name, want := range hostile {
		r := got[name]
		if r.Status != want.Status || r.Rotation != want.Rotation || !strings.Contains(cmp.Or(r.Error, r.Why), want.Reason) {
			t.Errorf("%s: got %s %s (%s%s), want %s %s (%s)", name, r.Status, r.Rotation, r.Error, r.Why, want.Status, want.Rotation, want.Reason)
		}
	}
}

// Whatever servers do, nothing of them stays: no goroutine and no descriptor.
func TestNothingOfHostileServersStays(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	_, early := mixed(t, nil, hostileKinds(0)[:1]) // the descriptors of the runtime's own
	early.Close()
	before := descriptors(t)
	dir, room := mixed(t, nil, hostileKinds(0))
	defer room.Close()
	code, stdout, stderr := kletscan(context.Background(),
		"scan", "-F", filepath.Join(dir, "ssh_config"), "-i", filepath.Join(dir, "inventory"), "-f", "100", "--retries", "0",
		"--connect-timeout", "4s", "--command-timeout", "4s", "-o", "json")
	if got := len(rowsOf(t, []byte(stdout))); got != len(hostileKinds(0)) {
		t.Errorf("exit %d, %d rows for %d servers\n%s", code, got, len(hostileKinds(0)), stderr)
	}
	room.Close()
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
}

// descriptors are how many are open; 0 where the system does not tell.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
