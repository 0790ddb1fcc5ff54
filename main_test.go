package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary stand in for other programs: kletscan in the
// transcripts, and a kubelet in the tests against real OpenSSH.
func TestMain(m *testing.M) {
	if exe, err := os.Executable(); err == nil && filepath.Base(exe) == "kubelet" {
		standInKubelet()
	}
	testscript.Main(m, map[string]func(){"kletscan": main})
}

// standInKubelet behaves as far as the probe can see: it has a kubelet's
// argument vector, prints a version, and runs until it is killed.
func standInKubelet() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("Kubernetes v1.31.4")
		os.Exit(0)
	}
	for {
		time.Sleep(time.Hour)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("SSH_AUTH_SOCK", "")
			e.Setenv("TMPDIR", filepath.Join(e.WorkDir, "tmp"))
			return os.Mkdir(filepath.Join(e.WorkDir, "tmp"), 0o700)
		},
	})
}

// kletscan runs the program in process.
func kletscan(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, append([]string{"kletscan"}, args...), new(bytes.Buffer), &out, &errs)
	return code, out.String(), errs.String()
}

// missing skips a test that needs something this machine lacks, loudly; in CI
// it fails instead.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI lacks %s", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: this machine lacks %s", what)
}
