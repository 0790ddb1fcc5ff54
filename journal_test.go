package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kletscan/fixtures"
	"kletscan/report"
	"kletscan/scanner/remote/sshdtest"
)

// kletscanProgram is this test program under the name by which it is kletscan.
func kletscanProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "kletscan")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// bigFleet starts n nodes and writes their inventory and SSH files into a new
// folder.
func bigFleet(t *testing.T, n int) (dir string) {
	t.Helper()
	nodes, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	nodes = slices.DeleteFunc(nodes, func(n fixtures.Node) bool { return n.Fault != "" || n.Want.Status != "ok" })
	fleet, err := fixtures.Start(t.Context(), fixtures.Replicate(nodes, n), fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fleet.Close(); err != nil {
			t.Error(err)
		}
	})
	dir = t.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A kill -9 at any moment loses no finished row and tears no line, and --resume
// brings the scan to an end with each node once.
func TestKilledScanGoesOn(t *testing.T) {
	const kills, size = 100, 500
	program, dir := kletscanProgram(t), bigFleet(t, size)
	file := filepath.Join(dir, "results.jsonl")
	killed, complete := 0, 0
	for rows := 0; killed < kills || complete == 0; {
		flag := "--resume"
		if _, err := os.Lstat(file); err != nil {
			flag, rows = "--results", 0
		}
		cmd := exec.Command(program, "scan", "-F", "ssh_config", "-i", "inventory", "--serving", "off", "-f", "16", "-o", "csv=all.csv", flag, "results.jsonl")
		cmd.Dir = dir
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var patience <-chan time.Time
		if killed < kills {
			patience = time.After(rand.N(600 * time.Millisecond))
		}
		select {
		case <-patience:
			_ = cmd.Process.Kill()
			<-ended
			killed++
		case <-ended:
		}
		now := wholeLines(t, file)
		if now < rows {
			t.Fatalf("kill %d: %d rows, and there were %d before", killed, now, rows)
		}
		rows = now
		if cmd.ProcessState.ExitCode() >= 0 { // it came to its end
			if code := cmd.ProcessState.ExitCode(); code != exitFailed {
				t.Fatalf("exit status %d: %s", code, stderr.String())
			}
			checkEachOnce(t, file, size)
			complete++
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d kills, %d scans came to their end", killed, complete)
}

// wholeLines counts the rows of a journal, every line of which must be whole.
func wholeLines(t *testing.T, file string) (rows int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var row struct{ Record string }
		if err := json.Unmarshal([]byte(line), &row); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("a torn line: %.200q, %v", line, err)
		}
		if row.Record == "result" {
			rows++
		}
	}
	return rows
}

// checkEachOnce reads results as kletscan report does and counts the nodes.
func checkEachOnce(t *testing.T, file string, size int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run, err := report.Read(file, f)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for r, err := range run.Results {
		if err != nil {
			t.Fatal(err)
		}
		seen[r.Node.Name]++
	}
	if len(seen) != size || run.Incomplete {
		t.Errorf("%d nodes, incomplete %v; want %d, whole", len(seen), run.Incomplete, size)
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
}

// On a disk that fills up what was written stays whole, the scan goes on, its
// other outputs are complete, and the program says what was lost.
func TestJournalOnAFullDisk(t *testing.T) {
	program, dir := kletscanProgram(t), bigFleet(t, 100)
	cmd := exec.Command("unshare", "-m", "sh", "-c",
		`mkdir small && mount -t tmpfs -o size=128k tmpfs small && "$0" "$@"; code=$?; cp small/results.jsonl kept.jsonl; exit $code`,
		program, "scan", "-F", "ssh_config", "-i", "inventory", "--serving", "off", "-o", "csv=all.csv", "--results", "small/results.jsonl")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "unshare failed") || strings.Contains(string(out), "mount:") || cmd.ProcessState == nil {
		sshdtest.Missing(t, "the right to mount a small file system: "+string(out)+err.Error())
	}
	if code := cmd.ProcessState.ExitCode(); code != exitInternal || !strings.Contains(string(out), "--results: write ") || !strings.Contains(string(out), "no space left on device: the rows from now on are not in it") {
		t.Errorf("exit status %d, %s", code, out)
	}
	if rows := wholeLines(t, filepath.Join(dir, "kept.jsonl")); rows == 0 || rows >= 100 {
		t.Errorf("%d rows were kept, want some and not all", rows)
	}
	table, err := os.ReadFile(filepath.Join(dir, "all.csv"))
	if err != nil || bytes.Count(table, []byte("\n")) < 101 {
		t.Errorf("the CSV has %d lines, %v; want all nodes", bytes.Count(table, []byte("\n")), err)
	}
	cmd = exec.Command(program, "scan", "-F", "ssh_config", "-i", "inventory", "--serving", "off", "-o", "csv=all.csv", "--resume", "kept.jsonl")
	cmd.Dir = dir // where there is space
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("%v, %s", err, out)
	}
	checkEachOnce(t, filepath.Join(dir, "kept.jsonl"), 100)
}

// What --resume goes on from is another scan's no more once it is read, and
// anybody's if it cannot be.
func TestResumeHoldsWhatItReads(t *testing.T) {
	for _, tt := range []struct {
		rule, text string
		held       bool
	}{
		{"a crash came before the first line", "", true},
		{"something else", "x", false},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			o := journalOptions{file: filepath.Join(t.TempDir(), "journal"), resume: true}
			if err := os.WriteFile(o.file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			kept := newSpool()
			defer kept.Close()
			run, err := o.read(nil, kept)
			if (err == nil) != tt.held || kept.Len() != 0 || run.ID != "" {
				t.Errorf("%d results of run %q, %v", kept.Len(), run.ID, err)
			}
			release, err := hold(o.file)
			if errors.Is(err, errHeld) != tt.held {
				t.Errorf("held by it: %v, want %v", err, tt.held)
			}
			for _, release := range []func(){release, o.release} {
				if release != nil {
					release()
				}
			}
		})
	}
}
