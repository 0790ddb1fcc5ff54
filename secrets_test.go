package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"kletscan/fixtures"
	"kletscan/report"
)

// secretNodes have a credential, a word that begins with hush-, in every place
// that a probe looks at.
var secretNodes = fstest.MapFS{
	"k3s.txtar": {Data: []byte(`about: credentials of k3s
group: secrets
want-status: ok
want-rotation: on
-- process 702 comm=k3s-server exe=/usr/local/bin/k3s cgroup=/system.slice/k3s.service --
/usr/local/bin/k3s
server
--token
hush-argument
-t=hush-short
--datastore-endpoint=mysql://root:hush-database@tcp(db:3306)/k3s
--kubelet-arg=rotate-server-certificates=true
-- environ 702 --
K3S_TOKEN=hush-process
-- /usr/local/bin/k3s type=program --
k3s version v1.31.6+k3s1 (6ab750f9)
-- /etc/systemd/system/k3s.service --
[Service]
Environment="A=b" "HTTPS_PROXY=http://user:hush-proxy@proxy:3128"
EnvironmentFile=/etc/systemd/system/k3s.service.env
ExecStart=/usr/local/bin/k3s server '--token' \
	'hush-unit' --kubelet-arg=rotate-server-certificates=true
-- /etc/systemd/system/k3s.service.env mode=0600 --
K3S_TOKEN=hush-env
AWS_SECRET_ACCESS_KEY="hush-a \
hush-b"
-- /etc/rancher/k3s/config.yaml mode=0600 --
token: hush-token
kubelet-arg: rotate-server-certificates=true
`)},
	"kubelet.txtar": {Data: []byte(`about: credentials of a kubelet
group: secrets
want-status: ok
want-rotation: on
-- process 912 comm=kubelet exe=/usr/bin/kubelet cgroup=/system.slice/kubelet.service --
/usr/bin/kubelet
--kubeconfig=/etc/kubernetes/kubelet.conf
--config=/etc/k.yaml
-- /usr/bin/kubelet type=program --
Kubernetes v1.31.4
-- /etc/systemd/system/kubelet.service --
[Service]
EnvironmentFile=/etc/default/kubelet
ExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --config=/etc/k.yaml $KUBELET_EXTRA_ARGS
-- /etc/default/kubelet --
KUBELET_EXTRA_ARGS="--cloud-secret-key=hush-cloud --manifest-url-header=Authorization:hush-flag"
-- /etc/k.yaml --
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
serverTLSBootstrap: true
staticPodURL: http://user:hush-url@h/x
staticPodURLHeader:
  Authorization:
  - Bearer hush-header
-- /etc/kubernetes/kubelet.conf mode=0600 --
kind: Config
users:
- user: {client-key-data: hush-kubeconfig}
-- /var/lib/kubelet/pki/kubelet-client-current.pem mode=0600 --
-----BEGIN EC PRIVATE KEY-----
hush-key
-----END EC PRIVATE KEY-----
`)},
}

// TestNoCredentialIsInAnyOutput scans those nodes as an operator would, and
// looks through everything that is printed or written: every format, the
// evidence, what judge and explain make of it, messages and temporary files.
func TestNoCredentialIsInAnyOutput(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	nodes, err := fixtures.Load(secretNodes)
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := fixtures.Start(t.Context(), nodes, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	dir, out := t.TempDir(), t.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", filepath.Join(out, "tmp"))
	if err := os.Mkdir(filepath.Join(out, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"-F", filepath.Join(dir, "ssh_config"), "-i", filepath.Join(dir, "inventory")}
	evidence := filepath.Join(out, "evidence")
	scan := append([]string{"scan", "--evidence-dir", evidence}, args...)
	for _, f := range report.Formats {
		scan = append(scan, "-o", f.Name+"="+filepath.Join(out, "report."+f.Name))
	}
	records := []string{filepath.Join(evidence, "k3s.json"), filepath.Join(evidence, "kubelet.json")}
	lines := [][]string{scan, append([]string{"judge", "--evidence", "-o", "json"}, records...)}
	for _, record := range records {
		lines = append(lines, []string{"explain", "--evidence", record})
	}
	for _, line := range lines {
		code, stdout, stderr := kletscan(t.Context(), line...)
		if code == exitUsage || len(stdout+stderr) == 0 && line[0] != "scan" {
			t.Fatalf("%s: exit %d\n%s", line[0], code, stderr)
		}
		if line[0] == "judge" && strings.Count(stdout, `"rotation": "on"`) != len(records) {
			t.Errorf("the verdicts are no longer on: %s", stdout)
		}
		if strings.Contains(stdout+stderr, "hush-") {
			t.Errorf("a credential is in what %s prints:\n%s%s", line[0], stdout, stderr)
		}
	}
	files := 0
	err = filepath.WalkDir(out, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		files++
		if at := strings.Index(string(text), "hush-"); at >= 0 {
			t.Errorf("a credential is in %s: ...%.120q", name, text[max(0, at-60):])
		}
		return err
	})
	if err != nil || files < len(report.Formats)+len(records) {
		t.Errorf("%v: %d files were looked through", err, files)
	}
	for _, record := range records {
		text, err := os.ReadFile(record)
		if err != nil || !strings.Contains(string(text), "(withheld)") {
			t.Errorf("%s: %v: expected that something was withheld: %s", record, err, text)
		}
	}
}
