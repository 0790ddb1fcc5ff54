package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// standInKubelet behaves as far as can be seen from outside: it has a kubelet's
// argument vector, prints a version, serves a certificate of the rotated kind
// at --port, and runs until it is killed.
func standInKubelet() {
	for _, arg := range os.Args[1:] {
		if arg == "--version" {
			fmt.Println("Kubernetes v1.31.4")
			os.Exit(0)
		}
		if port, ok := strings.CutPrefix(arg, "--port="); ok {
			serveRotated(port)
		}
	}
	for {
		time.Sleep(time.Hour)
	}
}

// serveRotated serves TLS on loopback until the process ends.
func serveRotated(port string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(7),
		Subject:      pkix.Name{CommonName: "system:node:box", Organization: []string{"system:nodes"}},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "kubernetes"}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
	if err != nil {
		panic(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:"+port, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		panic(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
		}()
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
