package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/probe"
	"kletscan/scanner/scannertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// conn answers each exec with the next of its answers, in which N stands for
// the nonce.
type conn struct {
	answers []string
	scripts []string
	exec    func(ctx context.Context) error // nil: answer at once
	closed  atomic.Int32
}

func (c *conn) Exec(ctx context.Context, command, stdin string) (probe.Output, error) {
	script, ok := strings.CutPrefix(command, "exec /bin/sh -c '")
	if script += stdin; !ok && command != probe.StdinCommand {
		return probe.Output{}, fmt.Errorf("command %.40q, want a probe", command)
	}
	if c.exec != nil {
		if err := c.exec(ctx); err != nil {
			return probe.Output{}, err
		}
	}
	nonce := script[len("K="):strings.IndexAny(script, ";\n")]
	c.scripts = append(c.scripts, script)
	if len(c.answers) == 0 {
		return probe.Output{}, errors.New("one exec too many")
	}
	answer := strings.ReplaceAll(c.answers[0], "@N ", "@"+nonce+" ")
	c.answers = c.answers[1:]
	return probe.Output{Stdout: []byte(answer)}, nil
}

func (c *conn) Close() error { c.closed.Add(1); return nil }

func (c *conn) DialTCP(context.Context, string) (net.Conn, error) {
	return nil, scanner.ErrForwardingRefused
}

const (
	kubeadmNode = "\n@N begin\n" +
		"\n@N host\nsystem=Linux\nuid=0\nuser=root\nclk=100\nmnt=mnt:[1]\nbtime 1000\n" +
		"\n@N process 812 kubelet\n\n@N status\nPPid:\t1\nUid:\t0\t0\t0\t0\n\n@N cmdline\n" +
		"/usr/bin/kubelet\x00--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf\x00--kubeconfig=/etc/kubernetes/kubelet.conf\x00" +
		"--config=/var/lib/kubelet/config.yaml\x00\n@N rc 0\n\n@N mnt\nmnt:[1]\n@N program /usr/bin/kubelet\nKubernetes v1.31.4\n\n@N pids 90 90\n"
	configOn  = "\n@N file 0 /var/lib/kubelet/config.yaml\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nserverTLSBootstrap: true\n\n@N state present no 900 644 0\n"
	configNo  = "\n@N file 0 /var/lib/kubelet/config.yaml\n\n@N state denied no 900 600 0\n"
	noKubelet = "\n@N begin\n\n@N host\nsystem=Linux\nuid=0\n\n@N pids 90 90\n\n@N end\n"
	end       = "\n@N end\n"
)

func nodes(names ...string) []inventory.Node {
	var list []inventory.Node
	for _, name := range names {
		list = append(list, inventory.Node{Name: name, Host: name})
	}
	return list
}

// scan visits one node whose connection is c.
func scan(t *testing.T, c *conn) scanner.Result {
	t.Helper()
	s := scanner.Scanner{Resolve: scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) { return c, nil })}
	results := scannertest.Scan(t.Context(), &s, nodes("a"))
	if len(results) != 1 {
		t.Fatalf("%d results for one node", len(results))
	}
	if c.closed.Load() == 0 {
		t.Error("the connection was not closed")
	}
	return results[0]
}

func TestAnOrdinaryNodeCostsOneExec(t *testing.T) {
	c := &conn{answers: []string{kubeadmNode + configOn + end}}
	r := scan(t, c)
	if r.Status != scanner.OK || r.Verdict.Rotation != kubelet.On {
		t.Errorf("got %v %v (%s %s), want ok on", r.Status, r.Verdict.Rotation, r.Error, r.Verdict.Why)
	}
	if len(c.scripts) != 1 {
		t.Errorf("%d execs, want 1", len(c.scripts))
	}
}

func TestASecondExecAsksForWhatArgvNames(t *testing.T) {
	c := &conn{answers: []string{kubeadmNode + configNo + end, "\n@N begin\n" + strings.Replace(configOn, "present no", "present sudo", 1) + end}}
	r := scan(t, c)
	if r.Status != scanner.OK || r.Verdict.Rotation != kubelet.On {
		t.Errorf("got %v %v (%s %s), want ok on", r.Status, r.Verdict.Rotation, r.Error, r.Verdict.Why)
	}
	if len(c.scripts) != 2 || !strings.Contains(c.scripts[1], `file k 0 "/var/lib/kubelet/config.yaml"`) {
		t.Errorf("%d execs, want a second one for the configuration", len(c.scripts))
	}
}

func TestANodeThatNeverGivesWhatIsWantedEndsAfterThreeRounds(t *testing.T) {
	again := "\n@N begin\n" + configNo + end
	c := &conn{answers: []string{kubeadmNode + configNo + end, again, again, again, again}}
	r := scan(t, c)
	if len(c.scripts) != 3 {
		t.Errorf("%d execs, want 3", len(c.scripts))
	}
	if r.Status != scanner.OK || r.Verdict.Rotation != kubelet.Unknown {
		t.Errorf("got %v %v, want ok unknown: an unreadable file is never off", r.Status, r.Verdict.Rotation)
	}
	if !strings.Contains(r.Verdict.Why, "/var/lib/kubelet/config.yaml") {
		t.Errorf("why %q does not name the file", r.Verdict.Why)
	}
}

func TestStatusOfAVisitThatFails(t *testing.T) {
	tests := []struct {
		name   string
		dial   scanner.ResolveFunc
		status scanner.Status
		want   string
	}{
		{
			"a dial error keeps its status",
			scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) {
				return nil, &scanner.Error{Op: "connect", Status: scanner.Unreachable, Err: errors.New("connection refused")}
			}),
			scanner.Unreachable, "connect: connection refused",
		},
		{
			"any other dial error is a defect",
			scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) { return nil, errors.New("oops") }),
			scanner.Internal, "oops",
		},
		{
			"an exec error keeps its status",
			answering(&conn{exec: func(context.Context) error {
				return &scanner.Error{Op: "run the probe", Status: scanner.Timeout, Err: errors.New("no answer within 30s")}
			}}),
			scanner.Timeout, "run the probe: no answer within 30s",
		},
		{"something else answers", answering(&conn{answers: []string{"This account is for backups.\n", "This account is for backups.\n"}}), scanner.Denied, "did not run the probe"},
		{"the answer is cut off", answering(&conn{answers: []string{"\n@N begin\n\n@N host\nsys"}}), scanner.Denied, "end marker is missing"},
		{"no kubelet", answering(&conn{answers: []string{noKubelet}}), scanner.NoKubelet, "no kubelet among 90 processes"},
		{
			"another system",
			answering(&conn{answers: []string{"\n@N begin\n\n@N host\nsystem=FreeBSD\nuid=0\n\n@N end\n"}}),
			scanner.NotLinux, `"FreeBSD"`,
		},
		{
			"a panic",
			scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) { panic("index out of range") }),
			scanner.Internal, "a panic with a string at scanner_test.go:",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := scanner.Scanner{Resolve: tt.dial}
			r := scannertest.Scan(t.Context(), &s, nodes("a"))[0]
			if r.Status != tt.status || !strings.Contains(r.Error, tt.want) {
				t.Errorf("got %v %q, want %v with %q", r.Status, r.Error, tt.status, tt.want)
			}
			if r.Verdict.Rotation != kubelet.Unknown {
				t.Errorf("rotation is %v without evidence", r.Verdict.Rotation)
			}
		})
	}
}

func TestAnOperatingSystemWithoutSSHIsNotDialled(t *testing.T) {
	for system, status := range map[string]scanner.Status{
		"windows": scanner.NotLinux, "talos": scanner.NotLinux, "": scanner.OK, "linux": scanner.OK, "bottlerocket": scanner.OK,
	} {
		dialled := false
		s := scanner.Scanner{Resolve: scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) {
			dialled = true
			return &conn{answers: []string{kubeadmNode + configOn + end}}, nil
		})}
		r := scannertest.Scan(t.Context(), &s, []inventory.Node{{Name: "a", Host: "a", OS: system, Source: inventory.Position{File: "nodes.json", Line: 7}}})[0]
		if r.Status != status || dialled != (status == scanner.OK) || status != scanner.OK && !strings.Contains(r.Error, "nodes.json:7") {
			t.Errorf("%q: %v %q, dialled %v", system, r.Status, r.Error, dialled)
		}
	}
}

// What the API server said counts where the node itself does not tell.
func TestVersionOfTheInventory(t *testing.T) {
	silent := strings.Replace(kubeadmNode, "\n@N program /usr/bin/kubelet\nKubernetes v1.31.4\n", "", 1)
	for _, tt := range []struct{ rule, answer, listed, version, source string }{
		{"the node's own word wins", kubeadmNode, "v1.29.3", "v1.31.4", ""},
		{"the list where the node is silent", silent, "v1.29.3", "v1.29.3", "nodes.json:7:5"},
		{"neither", silent, "", "", ""},
		{"a list that says nonsense", silent, "latest", "", ""},
	} {
		s := scanner.Scanner{Resolve: answering(&conn{answers: []string{tt.answer + configOn + end}})}
		node := inventory.Node{Name: "a", Host: "a", Kubelet: tt.listed, Source: inventory.Position{File: "nodes.json", Line: 7, Column: 5}}
		v := scannertest.Scan(t.Context(), &s, []inventory.Node{node})[0].Verdict
		if v.Version != tt.version || v.VersionSource != tt.source {
			t.Errorf("%s: version %q from %q, want %q from %q", tt.rule, v.Version, v.VersionSource, tt.version, tt.source)
		}
	}
}

func answering(c *conn) scanner.ResolveFunc {
	return scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) { return c, nil })
}

func TestEveryNodeHasOneResultInInventoryOrder(t *testing.T) {
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("node-%03d", i))
	}
	var running, most atomic.Int32
	s := scanner.Scanner{Fanout: 7, Resolve: scannertest.Resolve(func(_ context.Context, n inventory.Node) (scanner.Conn, error) {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		if strings.HasSuffix(n.Name, "3") {
			return nil, &scanner.Error{Op: "connect", Status: scanner.Unreachable, Err: errors.New("refused")}
		}
		return &conn{answers: []string{kubeadmNode + configOn + end}}, nil
	})}
	told := make(map[string]int)
	results := make([]scanner.Result, len(names))
	s.Scan(t.Context(), nodes(names...), func(i int, r scanner.Result) { // -race proves one goroutine at a time
		results[i] = r
		told[r.Node.Name]++
	})
	var got []string
	for _, r := range results {
		got = append(got, r.Node.Name)
		if want := map[bool]scanner.Status{true: scanner.Unreachable, false: scanner.OK}[strings.HasSuffix(r.Node.Name, "3")]; r.Status != want {
			t.Errorf("%s: %v, want %v", r.Node.Name, r.Status, want)
		}
		if told[r.Node.Name] != 1 {
			t.Errorf("%s: told %d times", r.Node.Name, told[r.Node.Name])
		}
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Error(diff)
	}
	if most.Load() > 7 {
		t.Errorf("%d visits at once, want at most 7", most.Load())
	}
}

func TestCancelEndsVisitsAndBeginsNone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var dialled atomic.Int32
	var once sync.Once
	s := scanner.Scanner{Fanout: 2, Resolve: scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) {
		dialled.Add(1)
		return &conn{exec: func(ctx context.Context) error {
			once.Do(cancel)
			<-ctx.Done()
			return ctx.Err()
		}}, nil
	})}
	results := scannertest.Scan(ctx, &s, nodes("a", "b", "c", "d", "e", "f"))
	for _, r := range results {
		if r.Status != scanner.Cancelled || r.Node.Name == "" {
			t.Errorf("%q is %v, want cancelled", r.Node.Name, r.Status)
		}
	}
	if n := dialled.Load(); n > 2 {
		t.Errorf("%d nodes were dialled, want at most the 2 under way", n)
	}
}

// The first Ctrl-C lets what is nearly done come to its end, and no longer.
func TestCancelGivesGrace(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		takes time.Duration // of the command, behind the cancel
		want  scanner.Status
		ends  time.Duration
	}{
		{"a visit that ends within the grace counts", 3 * time.Second, scanner.OK, 3 * time.Second},
		{"one that does not is interrupted", time.Hour, scanner.Cancelled, 5 * time.Second},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s := scanner.Scanner{Fanout: 1, Grace: 5 * time.Second, NodeTimeout: time.Minute, Resolve: answering(&conn{answers: []string{kubeadmNode + configOn + end}, exec: func(ctx context.Context) error {
					cancel()
					select {
					case <-time.After(tt.takes):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}})}
				start := time.Now()
				results := scannertest.Scan(ctx, &s, nodes("a", "b"))
				if results[0].Status != tt.want || results[1].Status != scanner.Cancelled || time.Since(start) != tt.ends {
					t.Errorf("got %v and %v after %v, want %v and cancelled after %v", results[0].Status, results[1].Status, time.Since(start), tt.want, tt.ends)
				}
			})
		})
	}
}

func TestNodeTimeoutIsForTheWholeVisit(t *testing.T) {
	s := scanner.Scanner{NodeTimeout: 20 * time.Millisecond, Resolve: answering(&conn{exec: func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("the connection went away")
	}})}
	r := scannertest.Scan(t.Context(), &s, nodes("a"))[0]
	if r.Status != scanner.Timeout || !strings.Contains(r.Error, "node timeout of 20ms") {
		t.Errorf("got %v %q, want a timeout that names the limit", r.Status, r.Error)
	}
}

func TestStatusWordsRoundTrip(t *testing.T) {
	for s := scanner.StatusUnknown; s <= scanner.Internal; s++ {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got scanner.Status
		if err := got.UnmarshalText(text); err != nil || got != s {
			t.Errorf("%v came back as %v, %v", s, got, err)
		}
	}
	if err := new(scanner.Status).UnmarshalText([]byte("pass")); err == nil {
		t.Error("an unknown word was accepted")
	}
}
