//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kletscan/fixtures"
	"kletscan/scanner/remote/sshdtest"
)

// TestPulledPlugs takes away from a scan, in the middle of it, what it lives on. No
// row that was finished is lost, every node has one in the end, and --resume goes
// on with what is missing.
func TestPulledPlugs(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute: what is lost is given up only then")
	}
	noLeaks(t)
	for _, tt := range []struct {
		plug string
		pull func(*testing.T)
	}{
		{"the network goes black", testLostNetwork},
		{"the bastion is cut off", func(t *testing.T) { testLostBastion(t, severed) }},
		{"the bastion falls silent", func(t *testing.T) { testLostBastion(t, black) }},
		{"the agent is killed", testLostAgent},
		{"the laptop is suspended", testSuspended},
		{"the reader of jsonl has gone", func(t *testing.T) { testClosedPipe(t, "jsonl") }},
		{"the reader of a table has gone", func(t *testing.T) { testClosedPipe(t, "table") }},
		{"a second Ctrl-C", testSecondInterrupt},
		{"a second scan of one journal", testTwoScans},
		{"the machine crashes", testDirectorySynced},
	} {
		t.Run(tt.plug, func(t *testing.T) {
			t.Parallel() // they mostly wait
			tt.pull(t)
		})
	}
}

// noLeaks fails if the servers of a test outlive it.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// The network goes in the middle of visits, and nobody is told: neither bytes nor
// ends arrive. The scan comes to its end, what had answered stays, the rest timed
// out, and --resume --retry-failed has it when the network is back.
func testLostNetwork(t *testing.T) {
	s := newPlugSite(t, toTheCommand, toTheVersion)
	scan := s.start(t, s.command("-o", "csv=all.csv", "--results", journalFile, "--connect-timeout", "20s", "--command-timeout", "20s"))
	s.arrived(t)
	before := s.rows(t)
	s.become(black)
	if code := scan.code(); code != exitFailed {
		t.Errorf("exit %d, want %d: some of the near nodes are off\n%s", code, exitFailed, scan.said(t))
	}
	s.kept(t, before)
	s.lost(t, "within 20s", "timeout")
	if lines := bytes.Count(read(t, s.dir, "all.csv"), []byte("\n")); lines < 1+len(s.near)+len(s.far) {
		t.Errorf("the CSV has %d lines, want one for each node", lines)
	}
	s.resumed(t, "--retry-failed")
}

// behindABastion is a real sshd through which every node is reached.
func behindABastion(t *testing.T, s *plugSite) (bastion *wire, args []string) {
	t.Helper()
	h := sshdtest.NewHome(t)
	key := h.Key("id", "ed25519", "")
	server := sshdtest.Start(t, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}})
	bastion = newWire(t, server.Addr(), 0)
	bastion.become(passing)
	at := sshdtest.Endpoint{Host: "127.0.0.1", Port: bastion.Addr().(*net.TCPAddr).Port}
	known := "[127.0.0.1]:" + bastion.port() + " " + server.HostKeys[0].AuthorizedLine()
	s.write(t, fixtures.SSHConfigFile, at.HostBlock("bastion",
		"User "+server.User, "IdentityFile "+key.Path, "IdentitiesOnly yes", "UserKnownHostsFile "+h.Write("known_hosts", known),
		"ServerAliveInterval 1", "ServerAliveCountMax 3", "ConnectTimeout 5")+string(read(t, s.dir, fixtures.SSHConfigFile)))
	return bastion, []string{"-J", "bastion"}
}

// The bastion goes in the middle of visits: its connection is cut and nobody
// listens there any more, or it says no more. What had answered stays, and the
// others are told whose fault it is.
func testLostBastion(t *testing.T, how wireState) {
	s := newPlugSite(t, toTheCommand)
	bastion, args := behindABastion(t, s)
	scan := s.start(t, s.command(append(args, "-o", "csv=all.csv", "--results", journalFile, "--retries", "1")...))
	s.arrived(t)
	before := s.rows(t)
	bastion.become(how)
	if code := scan.code(); code != exitFailed {
		t.Errorf("exit %d, want %d\n%s", code, exitFailed, scan.said(t))
	}
	s.kept(t, before)
	s.lost(t, "jump host: ", "unreachable", "timeout")
	s.resumed(t, "--retry-failed") // without the bastion
}

// The agent goes in the middle of a scan: what had answered stays, the others
// say what is missing, and go on with a new one.
func testLostAgent(t *testing.T) {
	s := newPlugSite(t, toTheVersion)
	h := sshdtest.NewHome(t)
	agent := h.Agent()
	identity := filepath.Join(s.dir, fixtures.PrivateKeyFile)
	add := func(file string) {
		t.Helper()
		cmd := exec.Command("ssh-add", "-q", file)
		cmd.Env = append(os.Environ(), agent.Env()...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	add(identity)
	list := exec.Command("ssh-add", "-L")
	list.Env = append(os.Environ(), agent.Env()...)
	public, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, fixtures.PrivateKeyFile+".pub", string(public))
	elsewhere := filepath.Join(t.TempDir(), "key") // only the agent can sign
	if err := os.Rename(identity, elsewhere); err != nil {
		t.Fatal(err)
	}
	s.write(t, fixtures.SSHConfigFile, string(read(t, s.dir, fixtures.SSHConfigFile))+"Host *\n  IdentityAgent "+agent.Socket+"\n")
	scan := s.start(t, s.command("-o", "csv=all.csv", "--results", journalFile))
	s.arrived(t)
	before := s.rows(t)
	agent.Kill()
	s.become(passing)
	if code := scan.code(); code != exitFailed {
		t.Errorf("exit %d, want %d\n%s", code, exitFailed, scan.said(t))
	}
	s.kept(t, before)
	s.lost(t, "agent", "auth-failed")
	agent.Restart()
	add(elsewhere)
	s.resumed(t, "--retry-failed")
}

// The program stands still, as where a laptop is suspended, while every
// connection ends. Afterwards it visits those nodes again.
func testSuspended(t *testing.T) {
	s := newPlugSite(t, toTheCommand)
	scan := s.start(t, s.command("-o", "csv=all.csv", "--results", journalFile))
	s.arrived(t)
	before := s.rows(t)
	scan.signal(t, syscall.SIGSTOP)
	for _, w := range s.wires {
		w.drop()
	}
	time.Sleep(3 * time.Second) // of which it knows nothing
	scan.signal(t, syscall.SIGCONT)
	if code := scan.code(); code != exitFailed {
		t.Errorf("exit %d, want %d\n%s", code, exitFailed, scan.said(t))
	}
	s.kept(t, before)
	s.lost(t, "", "ok")
	checkEachOnce(t, filepath.Join(s.dir, journalFile), len(s.near)+len(s.far))
}

// Whoever reads the rows has seen enough: the scan goes on for its journal, and
// ends as it would.
func testClosedPipe(t *testing.T, format string) {
	s := newPlugSite(t, toTheCommand)
	cmd := s.command("-o", format, "--results", journalFile)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	scan := s.start(t, cmd)
	if format == "jsonl" { // as head -1 does
		if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	stdout.Close()
	s.arrived(t)
	s.become(passing)
	if code := scan.code(); code != exitFailed || scan.said(t) != "" {
		t.Errorf("exit %d, want %d, and no word: %s", code, exitFailed, scan.said(t))
	}
	s.kept(t, nil)
	checkEachOnce(t, filepath.Join(s.dir, journalFile), len(s.near)+len(s.far))
}

// The second Ctrl-C ends the program at once, and the journal is whole.
func testSecondInterrupt(t *testing.T) {
	s := newPlugSite(t, toTheCommand)
	scan := s.start(t, s.command("-o", "csv=all.csv", "-o", "json=all.json", "--results", journalFile))
	s.arrived(t)
	before := s.rows(t)
	scan.signal(t, os.Interrupt)
	eventually(t, "the first is heard", func() bool { return strings.Contains(scan.said(t), "again to end at once") })
	scan.signal(t, os.Interrupt)
	_ = scan.wait()
	if status := scan.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("%v, want the signal's own end\n%s", scan.ProcessState, scan.said(t))
	}
	s.tidy(t)
	s.kept(t, before)
	s.resumed(t)
}

// tidy fails if a scan that was ended left a temporary file behind.
func (s *plugSite) tidy(t *testing.T) {
	t.Helper()
	if left, err := filepath.Glob(filepath.Join(s.dir, ".*")); err != nil || left != nil {
		t.Errorf("%q are left, %v", left, err)
	}
}

// Two scans of one journal are one too many, whichever way they come to it.
func testTwoScans(t *testing.T) {
	s := newPlugSite(t, toTheCommand)
	first := s.start(t, s.command("-o", "csv=all.csv", "--results", journalFile))
	s.arrived(t)
	for _, tt := range []struct{ flag, says string }{
		{"--results", "kletscan: --results results.jsonl: the file exists: "},
		{"--resume", "kletscan: --resume: lock results.jsonl: another scan writes to it: wait for its end, or name another file\n"},
	} {
		second := s.start(t, s.command("-o", "csv=second.csv", tt.flag, journalFile))
		if code := second.code(); code != exitUsage || !strings.HasPrefix(second.said(t), tt.says) {
			t.Errorf("%s: exit %d, %s\nwant exit %d, %s", tt.flag, code, second.said(t), exitUsage, tt.says)
		}
	}
	first.signal(t, syscall.SIGKILL) // whose lock ends with it
	_ = first.wait()
	s.tidy(t)
	s.kept(t, nil)

	// Of some that begin at once, one goes on with it.
	var scans []*plugScan
	for i := range 4 {
		scans = append(scans, s.start(t, s.command("-o", fmt.Sprintf("csv=%d.csv", i), "--resume", journalFile)))
	}
	codes := make(map[int]int)
	ended := func() (n int) {
		for _, scan := range scans {
			if strings.Contains(scan.said(t), "another scan writes to it") {
				n++
			}
		}
		return n
	}
	eventually(t, "all but one are turned away", func() bool { return ended() == len(scans)-1 })
	s.become(passing)
	for _, scan := range scans {
		codes[scan.code()]++
	}
	if want := map[int]int{exitUsage: len(scans) - 1, exitFailed: 1}; !maps.Equal(codes, want) {
		t.Errorf("exit statuses %v, want %v", codes, want)
	}
	checkEachOnce(t, filepath.Join(s.dir, journalFile), len(s.near)+len(s.far))
}

// A new file survives a crash of the machine only when its directory is on the
// disk, too.
func testDirectorySynced(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		sshdtest.Missing(t, "strace")
	}
	s := newPlugSite(t, toTheCommand)
	s.become(passing)
	for _, flag := range []string{"--results", "--resume"} {
		cmd := s.command("-o", "csv=all.csv", flag, journalFile)
		traced := exec.Command("strace", append([]string{"-f", "-y", "-qq", "-o", "trace", "-e", "signal=none", "-e", "trace=rename,renameat,renameat2,fsync", s.program}, cmd.Args[1:]...)...)
		traced.Dir, traced.Env = cmd.Dir, cmd.Env
		scan := s.start(t, traced)
		if code := scan.code(); code != exitFailed && code != exitOK {
			t.Fatalf("exit %d: %s", code, scan.said(t))
		}
		trace := string(read(t, s.dir, "trace"))
		_, behind, renamed := strings.Cut(trace, `, "`+journalFile+`")`)
		if !renamed { // it was made in its place
			behind = trace
		}
		if renamed != (flag == "--resume") || !containsSync(behind, s.dir) {
			t.Errorf("%s: the directory is not synced behind it:\n%s", flag, trace)
		}
	}
}

// Whoever opened a journal before another scan put a new one in its place does
// not hold that.
func TestLockIsOfTheFileThatIsThere(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, journalFile)
	var files []*os.File
	for range 2 {
		if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), name); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	if err := lock(files[0]); !errors.Is(err, errHeld) {
		t.Errorf("the old file: %v, want %v", err, errHeld)
	}
	if err := lock(files[1]); err != nil {
		t.Errorf("the one that is there: %v", err)
	}
	if _, err := hold(name); !errors.Is(err, errHeld) {
		t.Errorf("a second time: %v, want %v", err, errHeld)
	}
}

// containsSync finds the fsync of a file in a trace.
func containsSync(trace, name string) bool {
	for line := range strings.Lines(trace) {
		if strings.Contains(line, "fsync(") && strings.Contains(line, "<"+name+">") {
			return true
		}
	}
	return false
}
