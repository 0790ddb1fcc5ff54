package report

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// sameAsGolden compares with a file below testdata, or rewrites it.
func sameAsGolden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update rewrites:\n%s", path, diff)
	}
}

// toDo is a fleet with something of everything to do.
func toDo() []scanner.Result {
	kubeadm := func(name, group string, line int) scanner.Result {
		return node(name, group, scanner.Verdict{Rotation: kubelet.Off, Distro: "kubeadm", Remedy: []string{
			fmt.Sprintf("Set serverTLSBootstrap: true in %s line %d.", configPath, line),
			"Add it to the ConfigMap kubelet-config in kube-system as well (kubectl -n kube-system edit configmap kubelet-config), from which kubeadm upgrade and kubeadm join write that file.",
			"Then systemctl restart kubelet.",
			"Nothing approves these certificate requests by itself, not even kube-controller-manager: look at kubectl get csr and run kubectl certificate approve NAME, or install an approver such as kubelet-csr-approver.",
		}})
	}
	results := []scanner.Result{kubeadm("cp-1", "control-plane", 31), kubeadm("cp-2", "control-plane", 31)}
	for i := range 25 {
		results = append(results, kubeadm(fmt.Sprintf("worker%02d", i+1), "workers", 31+i%2))
	}
	results = append(results,
		node("edge-1", "edge", scanner.Verdict{Rotation: kubelet.Off, Distro: "bottlerocket", Remedy: []string{
			"apiclient set settings.kubernetes.server-tls-bootstrap=true, or [settings.kubernetes] server-tls-bootstrap = true in the user data; it writes /etc/kubernetes/kubelet/config anew, which is never edited by hand.",
			"Bottlerocket restarts the kubelet by itself.",
		}}),
		node("odd-1", "", scanner.Verdict{Rotation: kubelet.Off, Conditions: []scanner.Condition{scanner.NoServer}, Why: "nothing is served"}),
		node("fine-1", "workers", scanner.Verdict{Rotation: kubelet.On, Distro: "kubeadm"}),
		node("masked-1", "workers", scanner.Verdict{Rotation: kubelet.On, Distro: "kubeadm", Conditions: []scanner.Condition{scanner.Masked}, Remedy: []string{
			"tlsCertFile and tlsPrivateKeyFile (/c lines 3 and 4) must go, too: up to Kubernetes 1.35 clients that dial by IP, as the API server does, are served that certificate.",
			"Then systemctl restart kubelet.",
		}}),
		node("pending-1", "workers", scanner.Verdict{Rotation: kubelet.On, Distro: "kubeadm", Conditions: []scanner.Condition{scanner.NotIssued}, Remedy: []string{
			"Look at kubectl get csr: a request of this node that is Pending wants kubectl certificate approve NAME; one that was Denied is asked for again only later; none at all means that the kubelet cannot reach the API server.",
		}}),
	)
	return append(results, fleet()[1:]...)
}

func TestPlanGolden(t *testing.T) {
	waived := testRun(toDo()...)
	waived.Waivers = Waivers{{Nodes: "cp-*", Rotation: "off", Reason: "freeze", Owner: "Ada", Expires: day("2026-12-31")}}
	for file, run := range map[string]Run{"todo.plan.md": testRun(toDo()...), "waived.plan.md": waived, "hostile.plan.md": testRun(hostileFleet()...), "empty.plan.md": testRun()} {
		t.Run(file, func(t *testing.T) { sameAsGolden(t, file, render(t, "plan", run, Options{Now: began})) })
	}
}

// Every node is in exactly one part of the plan, and restarted at most once.
func TestPlanHasEveryNodeOnce(t *testing.T) {
	for _, results := range [][]scanner.Result{fleet(), toDo(), hostileFleet(), homogeneous(), nil} {
		for _, waivers := range []Waivers{nil, {{Nodes: "worker[01-12]", Rotation: "off", Expires: day("2027-01-01")}}} {
			run := testRun(results...)
			run.Waivers = waivers
			p, err := newPlan(run, Options{Now: began})
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, texts := range []nodeTexts{p.unclear, p.external, p.waived} {
				for _, text := range texts.list {
					got = append(got, text.names...)
				}
			}
			for _, d := range p.distros {
				got = append(got, d.running...)
				for _, batch := range d.batches() {
					for _, target := range batch {
						got = append(got, target.name)
					}
				}
			}
			for _, r := range results {
				if r.Status == scanner.OK && r.Verdict.Rotation == kubelet.On && len(r.Verdict.Remedy) == 0 {
					p.fine--
					continue
				}
				want = append(want, Clean(r.Node.Name))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" || p.fine != 0 || p.total != len(results) {
				t.Errorf("%d too many are fine, %d in all (-want +got):\n%s", p.fine, p.total, diff)
			}
		}
	}
}

func TestBatches(t *testing.T) {
	for _, tt := range []struct {
		control, workers int
		want             []int
	}{
		{0, 0, nil},
		{3, 0, []int{1, 1, 1}},
		{1, 3, []int{1, 1, 1, 1}},
		{0, 25, []int{1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}},
		{1, 100, []int{1, 1, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9}},
	} {
		d := distroPlan{control: make([]target, tt.control), workers: make([]target, tt.workers)}
		var got []int
		for _, batch := range d.batches() {
			got = append(got, len(batch))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d of the control plane and %d workers: batches of %v, want %v", tt.control, tt.workers, got, tt.want)
		}
	}
	d := distroPlan{workers: make([]target, 10000)}
	for _, batch := range d.batches() {
		if len(batch) > maxBatch {
			t.Errorf("a batch of %d", len(batch))
		}
	}
}

func TestIsControlPlane(t *testing.T) {
	for _, tt := range []struct {
		key, value string
		want       bool
	}{
		{"group", "control-plane", true},
		{"group", "kube_control_plane", true},
		{"group", "Masters", true},
		{"role", "cp", true},
		{"node-role.kubernetes.io/control-plane", "", true},
		{"node-role.kubernetes.io/master", "", true},
		{"group", "workers", false},
		{"zone", "masterton", false},
		{"group", "cpu-pool", false},
	} {
		if got := isControlPlane(inventory.Node{Labels: map[string]string{tt.key: tt.value}}); got != tt.want {
			t.Errorf("%s=%s: got %v", tt.key, tt.value, got)
		}
	}
}

func TestScanAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  Run
		want []string
	}{
		{"the same scan", Run{Arguments: []string{"scan", "-F", "conf", "-i", "nodes.txt", "cp-1"}}, []string{"-F", "conf", "-i", "nodes.txt", "cp-1"}},
		{"without its outputs", Run{Arguments: []string{"scan", "-o", "plan", "--output=csv=a.csv", "-o=table", "--manifest", "m", "-i=x", "-u", "o", "--evidence-dir", "e", "-i", "n"}}, []string{"-i=x", "-u", "o", "-i", "n"}},
		{"of another command only the inventory is known", Run{Arguments: []string{"report", "a.json"}, Inventory: "nodes.txt"}, []string{"-i", "nodes.txt"}},
		{"an inventory that was no file", Run{Inventory: "command line"}, []string{"-i", "INVENTORY"}},
		{"nothing is known", Run{}, []string{"-i", "INVENTORY"}},
	} {
		if got := scanAgain(tt.run); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBatchesAreScannedAsTheFleetWas(t *testing.T) {
	run := testRun(toDo()...)
	run.Arguments = []string{"scan", "-i", "nodes.txt", "-F", "my config", "--private-key=k1", "-o", "plan", "-u", "admin"}
	if out := render(t, "plan", run, Options{}); !strings.Contains(out, "\n   kletscan scan --fail-on off,invalid,not-issued,no-listener,kubelet-down -F 'my config' --private-key=k1 -u admin core@cp-1\n") {
		t.Errorf("the batches do not log in as the scan did:\n%s", out)
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"cp-1":                 "cp-1",
		"core@[2001:db8::1]:2": "'core@[2001:db8::1]:2'",
		"":                     "''",
		"a b":                  "'a b'",
		"$(reboot)":            "'$(reboot)'",
		"it's":                 `'it'\''s'`,
		"`x`;\\":               "'`x`;\\'",
		"=x":                   "'=x'",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// A real shell makes of a word what it was made of.
func TestShellWordInAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("SKIPPED, NOT TESTED: there is no sh")
	}
	for _, s := range append(slices.Clone(hostile), "~", "*", "a'b'", "!x", "#x", "-n") {
		s = Clean(s)
		out, err := exec.Command(sh, "-c", "printf %s "+shellWord(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q: %q, %v", s, out, err)
		}
	}
}

var fenced = regexp.MustCompile("^ *(````*)(sh)?$")

// Nothing that a node says ends a block of commands, or begins a line of its
// own: outside blocks every line begins as the plan writes it.
func TestPlanHoldsHostileText(t *testing.T) {
	results := hostileFleet()
	for _, s := range append(slices.Clone(hostile), "```", "a\n```\nrm -rf /", "``` ` ````", "<script>alert(1)</script>", "# x", "| x") {
		for _, rotation := range []kubelet.Rotation{kubelet.On, kubelet.Off, kubelet.External, kubelet.Unknown} {
			r := filled(s, scanner.OK)
			r.Verdict.Rotation = rotation
			results = append(results, r)
		}
	}
	ours := regexp.MustCompile(`^(# Remediation plan|##.*|\|.*\||\d+\. ` + "`.*`" + `|[A-Z].*|\*\*.*|` + "`before.json`.*" + `)?$`)
	inside, fence := false, ""
	for line := range strings.Lines(render(t, "plan", testRun(results...), Options{Now: began})) {
		line = strings.TrimSuffix(line, "\n")
		m := fenced.FindStringSubmatch(line)
		switch {
		case m != nil && !inside:
			inside, fence = true, m[1]
		case m != nil && m[1] == fence:
			inside = false
		case inside && !strings.HasPrefix(strings.TrimSpace(line), "kletscan "):
			t.Errorf("a line in a block that is no command of ours: %q", line)
		case !inside && !ours.MatchString(line):
			t.Errorf("a line that the plan does not write: %q", line)
		}
		if outside := regexp.MustCompile("`+[^`].*?`+").ReplaceAllString(line, ""); !inside && strings.ContainsAny(outside, "<>") {
			t.Errorf("markup outside a code span: %q", line)
		}
	}
	if inside {
		t.Error("a block that does not end")
	}
}
