package scanner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"kletscan/fixtures"
	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/evidence"
	"kletscan/scanner/probe"
	"kletscan/scanner/scannertest"
)

// A node can mislead whoever reads it in 33 known ways, the traps. Each has a
// test that sends the real probe to a virtual node which sets the trap, and
// visits it as a scan does; only SSH is left out. They stand in four files:
// processes here, then systemd, settings and transport.

// nodeConn is a connection to a virtual node without a network in between.
type nodeConn struct {
	t    *testing.T
	node fixtures.Node
	bend func(probe.Output) probe.Output // what happens to an answer on the way; nil: nothing
	said *bytes.Buffer                   // all that the node ever sent
}

func (c nodeConn) Exec(ctx context.Context, command, stdin string) (probe.Output, error) {
	ran, err := c.node.Exec(ctx, command, stdin)
	if err != nil {
		return probe.Output{}, err
	}
	for _, v := range ran.Violations {
		c.t.Errorf("%s: outside the closed set: %s", c.node.Name, v)
	}
	out := probe.Output{Stdout: ran.Stdout, Stderr: ran.Stderr, ExitCode: ran.Status}
	if c.bend != nil {
		out = c.bend(out)
	}
	out.Stderr = out.Stderr[:min(len(out.Stderr), probe.StderrLimit)]
	if out.Truncated = len(out.Stdout) > probe.OutputLimit; out.Truncated {
		out.Stdout = out.Stdout[:probe.OutputLimit]
	}
	c.said.Write(out.Stdout)
	c.said.Write(out.Stderr)
	return out, nil
}

func (nodeConn) DialTCP(context.Context, string) (net.Conn, error) {
	return nil, scanner.ErrForwardingRefused
}

func (nodeConn) Close() error { return nil }

// visited is the outcome of one visit.
type visited struct {
	scanner.Result
	said     string             // all bytes that the node sent
	evidence *evidence.Evidence // nil: there is none
	kept     string             // the same as it would be kept, in JSON
}

// visit visits a virtual node.
func visit(t *testing.T, node fixtures.Node, bend func(probe.Output) probe.Output) visited {
	t.Helper()
	conn := nodeConn{t: t, node: node, bend: bend, said: new(bytes.Buffer)}
	var v visited
	s := scanner.Scanner{
		Resolve: scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) { return conn, nil }),
		Keep: func(_ *scanner.Result, ev *evidence.Evidence) {
			text, err := json.Marshal(ev)
			if err != nil {
				t.Error(err)
			}
			v.evidence, v.kept = ev, string(text)
		},
		NodeTimeout: 20 * time.Second, // for whoever hangs at a FIFO
	}
	v.Result = scannertest.Scan(t.Context(), &s, nodes(node.Name))[0]
	v.said = conn.said.String()
	return v
}

// trap makes a node from header lines and sections in the words of
// fixtures.Load, and visits it.
func trap(t *testing.T, header, sections string) visited {
	t.Helper()
	return visit(t, trapNode(t, header, sections), nil)
}

func trapNode(t *testing.T, header, sections string) fixtures.Node {
	t.Helper()
	text := "about: a trap\ngroup: traps\nwant-status: no-kubelet\n" + header + "\n" + sections
	list, err := fixtures.Load(fstest.MapFS{"trap.txtar": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

// trapNamed visits a node that comes with the fixtures.
func trapNamed(t *testing.T, name string) visited {
	t.Helper()
	list, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		if n.Name == name {
			return visit(t, n, nil)
		}
	}
	t.Fatalf("the fixtures have no node %s", name)
	return visited{}
}

// is checks the outcome: a rotation, or a status where the node could not be
// judged, with its conditions ("off restart-pending"), and words that the
// reason or the source must have.
func (v visited) is(t *testing.T, want string, words ...string) {
	t.Helper()
	got := v.Status.String()
	if v.Status == scanner.OK {
		got = v.Verdict.Rotation.String()
	}
	for _, c := range v.Verdict.Conditions {
		got += " " + string(c)
	}
	reason := fmt.Sprintf("%s%s (%s)", v.Error, v.Verdict.Why, v.Verdict.Source)
	if got != want {
		t.Errorf("got %s: %s\nwant %s", got, reason, want)
	}
	for _, w := range words {
		if !strings.Contains(reason, w) {
			t.Errorf("%s: %s\nwant %q in it", got, reason, w)
		}
	}
}

// prints runs a command line on a node, to prove that its trap is set.
func prints(t *testing.T, node fixtures.Node, line string) string {
	t.Helper()
	out, err := node.Exec(t.Context(), line, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(out.Stdout)
}

// Pieces of a node.
const (
	binary = "-- /usr/bin/kubelet type=program --\nKubernetes v1.31.4\n"
	head   = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
	yes    = head + "serverTLSBootstrap: true\n"
	no     = head + "rotateCertificates: true\n"
)

// running is a kubelet 1.31 of the host that runs with these arguments.
func running(args ...string) string {
	return process("912 comm=kubelet start=-20d exe=/usr/bin/kubelet cgroup=/system.slice/kubelet.service",
		append([]string{"/usr/bin/kubelet", "--kubeconfig=/etc/kubernetes/kubelet.conf"}, args...)...) + binary
}

// process is the section of one process: attributes as fixtures.Load has them.
func process(attributes string, argv ...string) string {
	text := "-- process " + attributes + " --\n"
	for _, arg := range argv {
		if strings.ContainsAny(arg, "\n\"") || !utf8.ValidString(arg) {
			arg = strconv.Quote(arg)
		}
		text += arg + "\n"
	}
	return text
}

// file is the section of one file: its path, and attributes if need be.
func file(path, content string) string { return "-- " + path + " --\n" + content }

// TestEveryTrapHasATest compares the list of traps with the tests here.
func TestEveryTrapHasATest(t *testing.T) {
	tested := trapTests(t)
	for n := 1; n <= 33; n++ {
		if !tested[n] {
			t.Errorf("trap %d has no test", n)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "domain", "node-layouts.md"))
	if err != nil {
		t.Skipf("SKIPPED: the list of traps is not here to compare with: %v", err)
	}
	_, list, found := strings.Cut(string(text), "\n## 4. Traps\n")
	list, _, _ = strings.Cut(list, "\n## ")
	numbers := regexp.MustCompile(`(?m)^(\d+)\. `).FindAllStringSubmatch(list, -1)
	if !found || len(numbers) == 0 {
		t.Fatal("the list of traps has no section \"4. Traps\" with numbered traps any more")
	}
	for _, match := range numbers {
		if n, _ := strconv.Atoi(match[1]); !tested[n] {
			t.Errorf("trap %d of the list has no test", n)
		}
	}
}

// trapTests are the numbers of the functions TestTrapNN... of this package.
func trapTests(t *testing.T) map[int]bool {
	t.Helper()
	files, err := filepath.Glob("traps*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[int]bool{}
	for _, name := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range parsed.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if match := regexp.MustCompile(`^TestTrap(\d\d)[A-Z]`).FindStringSubmatch(f.Name.Name); match != nil {
				n, _ := strconv.Atoi(match[1])
				numbers[n] = true
			}
		}
	}
	return numbers
}
