package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kletscan/fixtures"
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "fleet": fleet},
	})
}

// exits CODE COMMAND ARG...: runs the command and wants that exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		code = exit.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit status %d, want %s\nstdout: %s\nstderr: %s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// fleet NODE...: starts those nodes of the fixtures, until the script ends,
// and writes inventory, ssh_config, id_ed25519 and known_hosts.
func fleet(ts *testscript.TestScript, neg bool, args []string) {
	all, err := fixtures.Nodes()
	ts.Check(err)
	var nodes []fixtures.Node
	for _, name := range args {
		i := slices.IndexFunc(all, func(n fixtures.Node) bool { return n.Name == name })
		if neg || i < 0 {
			ts.Fatalf("there is no node %s in the fixtures", name)
		}
		nodes = append(nodes, all[i])
	}
	f, err := fixtures.Start(context.Background(), nodes, fixtures.Options{})
	ts.Check(err)
	ts.Defer(func() {
		ts.Check(f.Close())
		for _, v := range f.Violations() {
			ts.Logf("%s: outside the closed set: %s", v.Node, v.What)
			ts.Fatalf("a node was asked for something outside the closed set")
		}
	})
	ts.Check(f.WriteFiles(ts.MkAbs(".")))
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
