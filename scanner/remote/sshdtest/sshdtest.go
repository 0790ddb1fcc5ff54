// Package sshdtest gives tests real OpenSSH peers on loopback: an operator's
// [Home] with keys, certificates and agents, sshd as a [Server] or as many
// [Targets], a [Master] connection of ssh, and two peers that sshd cannot play:
// a [Proxy] that fails on demand, and an [AuthServer] that asks for passwords
// and codes.
//
// It is for tests only. Everything that it starts is a child of the test, and
// ends with it. Everything is made for one test or subtest: what fails, fails
// the test that it was made for. All of it may be used by parallel tests.
package sshdtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that takes milliseconds on an idle
// machine.
const patience = 30 * time.Second

// Missing skips a test that needs something this machine lacks, loudly. Where
// CI is set in the environment it fails the test instead.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI lacks %s", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: this machine lacks %s", what)
}

// Version is the version of the sshd that [Start] runs. MaxStartups is answered
// in other words, and PerSourcePenalties exists, from 9.8 on.
func Version(t testing.TB) (major, minor int) {
	t.Helper()
	// A version that does not know -V says its version above its usage.
	out, err := exec.CommandContext(t.Context(), tool(t, "sshd"), "-V").CombinedOutput()
	found := regexp.MustCompile(`OpenSSH_(\d+)\.(\d+)`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("sshd -V says no version: %q, %v", out, err)
	}
	major, _ = strconv.Atoi(string(found[1]))
	minor, _ = strconv.Atoi(string(found[2]))
	return major, minor
}

// tool is the absolute path of a program of OpenSSH; sshd insists on being
// called by it.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && name == "sshd" { // often not in the path of an ordinary user
		path, err = exec.LookPath("/usr/sbin/sshd")
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		Missing(t, name)
	}
	return path
}

// write writes a file that only its owner can read, and the folders above it.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	// A process that another test forks meanwhile would keep a program open for
	// writing, which cannot run then: text file busy (golang/go#22315).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// socketDir is a folder whose name is short enough for a socket in it: the
// address of a Unix socket has at most 104 bytes on some systems, and the
// folders of the testing package are longer.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ssh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// randomPort is below the ranges from which systems take ports by themselves:
// 32768 on Linux, 49152 elsewhere. Whoever takes it must be ready to find it
// taken, and try another.
func randomPort() int { return 20000 + rand.IntN(10000) }

// listen listens on one free port of every host.
func listen(t testing.TB, hosts ...string) ([]net.Listener, int) {
	t.Helper()
	for range 100 {
		port := randomPort()
		var listeners []net.Listener
		var err error
		for _, host := range hosts {
			var listener net.Listener
			if listener, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
				break
			}
			listeners = append(listeners, listener)
		}
		if err == nil {
			return listeners, port
		}
		for _, listener := range listeners {
			listener.Close()
		}
		if errors.Is(err, syscall.EADDRNOTAVAIL) { // 127.0.0.1 alone, as on macOS
			Missing(t, fmt.Sprintf("the addresses of 127.0.0.0/8 on loopback: %v", err))
		}
	}
	t.Fatalf("no port from 20000 to 29999 is free on %q", hosts)
	return nil, 0
}

// eventually waits until ok, and reports whether that happened.
func eventually(ok func() bool) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once it was reaped
}

// run starts cmd. Its Stdout and Stderr are files, or nil, so that no
// descendant can keep it from being reaped.
func run(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// kill ends the process with all its descendants, and waits for it. It may have
// ended before.
func (p *process) kill() {
	killTree(p.cmd.Process)
	<-p.ended
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}
