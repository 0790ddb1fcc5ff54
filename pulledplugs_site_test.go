//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kletscan/fixtures"
)

// plugSite is a fleet with plugs to pull: near nodes, which answer, and far ones,
// each behind a wire that is blocked.
type plugSite struct {
	dir       string // the files of who scans it; every scan runs there
	near, far []string
	wires     []*wire // of the far ones
	program   string
}

// newPlugSite starts a few nodes, the far ones blocked behind so many bytes of a
// client, by turns. What a scan waits for is longer than a busy machine takes.
func newPlugSite(t *testing.T, after ...int) *plugSite {
	t.Helper()
	const near, far = 4, 3
	s := &plugSite{dir: bigFleet(t, near+far), program: kletscanProgram(t)}
	s.write(t, fixtures.SSHConfigFile, string(read(t, s.dir, fixtures.SSHConfigFile))+"Host *\n  ConnectTimeout 60\n")
	for line := range strings.Lines(string(read(t, s.dir, fixtures.InventoryFile))) {
		s.near = append(s.near, strings.Fields(line)[0])
	}
	s.near, s.far = s.near[:near], s.near[near:]
	s.layWires(t, after...)
	return s
}

// layWires puts a blocked wire before each far node.
func (s *plugSite) layWires(t *testing.T, after ...int) {
	t.Helper()
	config, known := string(read(t, s.dir, fixtures.SSHConfigFile)), string(read(t, s.dir, fixtures.KnownHostsFile))
	for i, name := range s.far {
		head := "Host " + name + "\n  HostName 127.0.0.1\n  Port "
		_, behind, _ := strings.Cut(config, head)
		port, _, _ := strings.Cut(behind, "\n")
		w := newWire(t, "127.0.0.1:"+port, after[i%len(after)])
		s.wires = append(s.wires, w)
		config = strings.Replace(config, head+port, head+w.port(), 1)
		_, key, found := strings.Cut(known, "[127.0.0.1]:"+port+" ")
		if !found {
			t.Fatalf("%s: its port %q is not in known_hosts", name, port)
		}
		key, _, _ = strings.Cut(key, "\n")
		known += "[127.0.0.1]:" + w.port() + " " + key + "\n"
	}
	s.write(t, fixtures.SSHConfigFile, config)
	s.write(t, fixtures.KnownHostsFile, known)
}

func (s *plugSite) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *plugSite) become(state wireState) {
	for _, w := range s.wires {
		w.become(state)
	}
}

// arrived waits until every near node has its row, and every far one its
// connection.
func (s *plugSite) arrived(t *testing.T) {
	t.Helper()
	eventually(t, "all near nodes have their row", func() bool { return len(s.rows(t)) >= len(s.near) })
	eventually(t, "all far nodes are being visited", func() bool {
		return !slices.ContainsFunc(s.wires, func(w *wire) bool { return w.arrived() == 0 })
	})
}

// eventually waits for what must come, however slow the machine is.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 10_000 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("waited in vain until %s", what)
}

// journalFile is where all scans of a site keep their results.
const journalFile = "results.jsonl"

// rows are the lines of nodes in the journal so far. One may be about to be
// written.
func (s *plugSite) rows(t *testing.T) (rows []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, journalFile))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"record":"result"`) && strings.HasSuffix(line, "\n") {
			rows = append(rows, line)
		}
	}
	return rows
}

// plugScan is a scan under way, as a process of its own.
type plugScan struct {
	*exec.Cmd
	stderr string // file
	wait   func() error
}

// command is a scan of the site.
func (s *plugSite) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, append([]string{"scan", "-F", "ssh_config", "-i", "inventory", "--serving", "off", "--command-timeout", "2m", "--node-timeout", "5m"}, args...)...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=")
	return cmd
}

// start begins a scan. Its end is waited for at the end of the test, too.
func (s *plugSite) start(t *testing.T, cmd *exec.Cmd) *plugScan {
	t.Helper()
	if cmd.Stderr == nil {
		stderr, err := os.CreateTemp(t.TempDir(), "stderr")
		if err != nil {
			t.Fatal(err)
		}
		defer stderr.Close()
		cmd.Stderr = stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scan := &plugScan{Cmd: cmd, stderr: cmd.Stderr.(*os.File).Name(), wait: sync.OnceValue(cmd.Wait)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = scan.wait()
	})
	return scan
}

// code waits for the end of a scan.
func (p *plugScan) code() int {
	_ = p.wait() // its exit status says it
	return p.ProcessState.ExitCode()
}

// said is what the scan wrote to stderr so far.
func (p *plugScan) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(p.stderr)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// signal sends a signal.
func (p *plugScan) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// statuses are the rows of a journal that is whole, by node.
func (s *plugSite) statuses(t *testing.T) map[string]row {
	t.Helper()
	name := filepath.Join(s.dir, journalFile)
	wholeLines(t, name)
	_, stdout, stderr := kletscan(t.Context(), "report", "-q", "-o", "json", name)
	if stderr != "" {
		t.Fatal(stderr)
	}
	rows := make(map[string]row)
	for _, r := range rowsOf(t, []byte(stdout)) {
		rows[r.Node] = r
	}
	return rows
}

// kept fails if a row of before is not in the journal any more, or one of the
// near nodes never was.
func (s *plugSite) kept(t *testing.T, before []string) {
	t.Helper()
	after := s.rows(t)
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("a row is lost: %.200s", line)
		}
	}
	rows := s.statuses(t)
	for _, name := range s.near {
		if rows[name].Status != "ok" {
			t.Errorf("%s, which had answered: %q %s", name, rows[name].Status, rows[name].Error)
		}
	}
}

// resumed goes on with the journal, with all plugs in again, and wants every node
// once, with its answer.
func (s *plugSite) resumed(t *testing.T, args ...string) {
	t.Helper()
	s.become(passing)
	scan := s.start(t, s.command(append([]string{"-o", "csv=again.csv", "--resume", journalFile}, args...)...))
	if code := scan.code(); code != exitFailed {
		t.Errorf("--resume: exit %d, want %d: some nodes are off\n%s", code, exitFailed, scan.said(t))
	}
	checkEachOnce(t, filepath.Join(s.dir, journalFile), len(s.near)+len(s.far))
	for name, r := range s.statuses(t) {
		if r.Status != "ok" {
			t.Errorf("%s: %s %s", name, r.Status, r.Error)
		}
	}
}

// lost fails if a far node has another status than one of want, or a reason that
// does not say why.
func (s *plugSite) lost(t *testing.T, reason string, want ...string) {
	t.Helper()
	rows := s.statuses(t)
	for _, name := range s.far {
		if r := rows[name]; !slices.Contains(want, r.Status) || !strings.Contains(r.Error, reason) {
			t.Errorf("%s: %q %s, want one of %q, and %q", name, r.Status, r.Error, want, reason)
		}
	}
}
