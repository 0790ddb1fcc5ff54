package sshconfig

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sshProgram finds OpenSSH's client. Without it a test is skipped, but not in
// CI.
func sshProgram(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("ssh")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ssh is missing: install OpenSSH's client")
		}
		t.Skip("ssh is missing: install OpenSSH's client")
	}
	return program
}

func write(t testing.TB, file, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	// A process that another test forks meanwhile would keep a program open for
	// writing, which cannot run then: text file busy (golang/go#22315).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func testEnv(name string) (string, bool) {
	value, ok := map[string]string{"KEYS": "/keys", "SOCK": "/run/a.sock", "SSH_AUTH_SOCK": "/run/agent"}[name]
	return value, ok
}

var testEnviron = []string{"KEYS=/keys", "SOCK=/run/a.sock", "SSH_AUTH_SOCK=/run/agent", "PATH=/usr/bin:/bin"}

// options are those with which the reader and ssh -G know the same computer.
func options(t testing.TB, file string) Options {
	t.Helper()
	o := Options{File: file, SystemDir: "/etc/ssh", SSH: sshProgram(t), Env: testEnv, Environ: testEnviron}
	self, err := newClient(o).know(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	o.Home, o.LocalUser, o.LocalHost = self.home, self.user, self.host
	return o
}

func newResolver(t testing.TB, o Options) *Resolver {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantError checks that an error is one line and holds all words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", words)
		return
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v\ndoes not say %q", err, word)
		}
	}
}
