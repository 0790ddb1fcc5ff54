package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"unsafe"

	"kletscan/fixtures"
	"kletscan/report"
	"kletscan/scanner/remote/sshdtest"
)

// What is typed into the terminal, and is nowhere else.
const (
	typedBecome = "hush-become-password"
	typedLogin  = "hush-login-password"
	typedPhrase = "hush-passphrase"
)

// askingNode wants sudo's password, and has secrets where only root reads.
const askingNode = `about: credentials behind a password of sudo
group: secrets
login: scan
sudo: password
sudo-password: ` + typedBecome + `
want-status: ok
want-rotation: on
-- process 812 comm=kubelet exe=/usr/bin/kubelet cgroup=/system.slice/kubelet.service --
/usr/bin/kubelet
--kubeconfig=/etc/kubernetes/kubelet.conf
--config=/etc/k.yaml
-- /usr/bin/kubelet type=program --
Kubernetes v1.31.4
-- /etc/systemd/system/kubelet.service --
[Service]
ExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --config=/etc/k.yaml
-- /etc/k.yaml mode=0600 --
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
serverTLSBootstrap: true
staticPodURLHeader:
  Authorization:
  - Bearer hush-closed
`

// canarySite is nodes with secrets, one of them behind a wire, one that is logged
// in to with a password, and a key with a passphrase.
type canarySite struct {
	plugSite
	out      string   // where all files of a scan are to go
	canaries []string // nothing that is written may have one of them
}

func newCanarySite(t *testing.T) *canarySite {
	t.Helper()
	sources := maps.Clone(secretNodes)
	sources["asking.txtar"] = &fstest.MapFile{Data: []byte(askingNode)}
	nodes, err := fixtures.Load(sources)
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := fixtures.Start(t.Context(), nodes, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Close() })
	s := &canarySite{plugSite: plugSite{dir: t.TempDir(), program: kletscanProgram(t)}, out: t.TempDir(), canaries: []string{"hush-"}}
	if err := fleet.WriteFiles(s.dir); err != nil {
		t.Fatal(err)
	}
	s.far = []string{"asking"}
	s.layWires(t, toTheCommand)
	s.addLogin(t)
	key := read(t, s.dir, fixtures.PrivateKeyFile)
	for line := range strings.Lines(string(key)) {
		if !strings.HasPrefix(line, "-----") && len(line) > 60 {
			s.canaries = append(s.canaries, strings.TrimSpace(line))
		}
	}
	lock := exec.Command("ssh-keygen", "-q", "-p", "-P", "", "-N", typedPhrase, "-f", filepath.Join(s.dir, fixtures.PrivateKeyFile))
	if out, err := lock.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return s
}

// addLogin adds a server that takes a password only.
func (s *canarySite) addLogin(t *testing.T) {
	t.Helper()
	server := sshdtest.StartAuth(t, sshdtest.AuthOptions{
		Accounts: []sshdtest.Account{{User: "operator", Password: typedLogin}},
		Exec:     func(string, string, io.Reader, io.Writer, io.Writer) int { return 0 },
	})
	for name, more := range map[string]string{
		fixtures.InventoryFile:  "login\n",
		fixtures.KnownHostsFile: server.KnownHostsLine(false),
		fixtures.SSHConfigFile: server.HostBlock("login", "User operator", "UserKnownHostsFile "+filepath.Join(s.dir, fixtures.KnownHostsFile),
			"IdentityFile "+filepath.Join(s.dir, fixtures.PrivateKeyFile), "IdentitiesOnly yes"),
	} {
		s.write(t, name, string(read(t, s.dir, name))+more)
	}
}

// screen is what a terminal shows.
type screen struct {
	keyboard *os.File
	mu       sync.Mutex
	text     bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// answer waits for a question that does not show what is typed, and types it.
func (s *screen) answer(t *testing.T, question, answer string) {
	t.Helper()
	eventually(t, "it is asked for "+question, func() bool {
		var settings syscall.Termios
		control(t, s.keyboard, syscall.TCGETS, unsafe.Pointer(&settings))
		return strings.Contains(s.String(), question) && strings.HasSuffix(s.String(), ": ") && settings.Lflag&syscall.ECHO == 0
	})
	if _, err := io.WriteString(s.keyboard, answer+"\n"); err != nil {
		t.Fatal(err)
	}
}

// scan begins a scan with everything that can be written, under strace, and types
// the passwords. It returns when the far node's command is under way.
func (s *canarySite) scan(t *testing.T) (*plugScan, *screen) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(s.out, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"-f", "-qq", "-s", "2097152", "-o", filepath.Join(s.out, "trace"), "-e", "signal=none",
		"-e", "trace=execve,write,writev,pwrite64,pwritev,sendto,sendmsg,sendmmsg,copy_file_range", s.program,
		"scan", "-F", "ssh_config", "-i", "inventory", "-vv", "--command-timeout", "2m", "--node-timeout", "5m", "--ask-pass", "--ask-become-pass",
		"--evidence-dir", filepath.Join(s.out, "evidence"), "--results", filepath.Join(s.out, journalFile), "-o", "table",
	}
	for _, f := range report.Formats {
		args = append(args, "-o", f.Name+"="+filepath.Join(s.out, "report."+f.Name))
	}
	cmd := exec.Command("strace", args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "SSH_AUTH_SOCK=", "TMPDIR="+filepath.Join(s.out, "tmp"))
	scan, master := s.onTerminal(t, cmd)
	shown := &screen{keyboard: master}
	var reader sync.WaitGroup
	reader.Go(func() { _, _ = io.Copy(shown, master) }) // until the terminal is gone
	t.Cleanup(func() {
		master.Close()
		reader.Wait()
	})
	shown.answer(t, "become", typedBecome)
	shown.answer(t, "password for the nodes", typedLogin)
	shown.answer(t, "passphrase", typedPhrase)
	eventually(t, "the far node is being visited", func() bool { return s.wires[0].arrived() > 0 })
	return scan, shown
}

// check looks for canaries in a text.
func (s *canarySite) check(t *testing.T, what, text string) {
	t.Helper()
	for _, canary := range s.canaries {
		if at := strings.Index(text, canary); at >= 0 {
			t.Errorf("a secret is in %s: ...%.160q", what, text[max(0, at-60):])
		}
	}
}

// checkFiles looks through every file that there is, and returns how many.
func (s *canarySite) checkFiles(t *testing.T) (files int) {
	t.Helper()
	err := filepath.WalkDir(s.out, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		s.check(t, name, string(text))
		files++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Passwords that are typed, a key that is opened, and what nodes keep secret are
// in nothing that the program writes: not on the terminal with -vv, in no format,
// no evidence, no journal, no temporary file, no message, no argument and no
// environment of a process, and not in the text of a crash.
func TestCanaries(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		sshdtest.Missing(t, "strace")
	}
	noLeaks(t)
	t.Run("a scan", func(t *testing.T) {
		s := newCanarySite(t)
		scan, shown := s.scan(t)
		processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		looked := 0
		for _, name := range processes {
			environ, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "environ")) // it may have ended
			if !bytes.Contains(environ, []byte("TMPDIR="+s.out)) {
				continue
			}
			arguments, _ := os.ReadFile(name)
			s.check(t, name, string(arguments)+string(environ))
			looked++
		}
		if looked < 2 {
			t.Errorf("%d processes were looked at, want strace and kletscan", looked)
		}
		s.become(passing)
		if code := scan.code(); code != exitIncomplete {
			t.Errorf("exit %d, want %d: one node is not a node\n%s", code, exitIncomplete, shown)
		}
		s.check(t, "the terminal", shown.String())
		if files, want := s.checkFiles(t), len(report.Formats)+len(secretNodes)+3; files < want {
			t.Errorf("%d files were looked through, want %d at least", files, want)
		}
		rows := rowsOf(t, read(t, s.out, "report.json"))
		on := 0
		for _, r := range rows {
			if r.Rotation == "on" {
				on++
			} else {
				t.Logf("%s: %s %s", r.Node, r.Status, r.Error)
			}
		}
		if on != 3 || len(rows) != 4 {
			t.Errorf("%d of %d nodes are on, want 3 of 4: or else the secrets had no way to get out\n%s", on, len(rows), shown)
		}
	})
	t.Run("a crash", func(t *testing.T) {
		s := newCanarySite(t)
		scan, shown := s.scan(t)
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", scan.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		if _, err := fmt.Sscan(string(children), &pid); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		_ = scan.wait()
		eventually(t, "the stacks are shown", func() bool {
			return strings.Contains(shown.String(), "rip ") || strings.Contains(shown.String(), "goroutine 1")
		})
		if text := shown.String(); strings.Count(text, "goroutine ") < 10 {
			t.Errorf("expected the stacks of many goroutines: %s", text)
		}
		s.check(t, "the stacks", shown.String())
		s.checkFiles(t)
	})
}
