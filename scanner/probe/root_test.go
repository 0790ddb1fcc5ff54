package probe

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
)

// rootOf makes a directory that mirrors a node's root. A content that begins
// with "-> " is a link.
func rootOf(t *testing.T, files map[string]string) Root {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, name)
		} else {
			err = os.WriteFile(name, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const kubeletConfig = "kind: KubeletConfiguration\n"

func TestRootFollowsLinksInsideAndNeverOut(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte(kubeletConfig+"outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := rootOf(t, map[string]string{
		"data/config":  kubeletConfig + "inside",
		"abs":          "-> /data/config",
		"rel":          "-> data/config",
		"dir":          "-> /data",
		"up":           "-> ../../../../../../../../data/config",
		"out":          "-> " + outside,
		"loop":         "-> /loop",
		"dangling":     "-> /nothing",
		"other/config": "-> ../abs",
	})
	for name, want := range map[string]evidence.State{
		"/data/config": evidence.Present, "/abs": evidence.Present, "/rel": evidence.Present, "/dir/config": evidence.Present,
		"/up": evidence.Present, "/other/config": evidence.Present,
		"/out": evidence.Absent, "/dangling": evidence.Absent, "/loop": evidence.Absent, "/nothing": evidence.Absent,
		"/data/config/below": evidence.Absent, "/data": evidence.NotRegular,
	} {
		f := r.file(evidence.KubeletConfig, name)
		if f.State != want {
			t.Errorf("%s is %q, want %q", name, f.State, want)
		}
		if want == evidence.Present && f.Content != kubeletConfig+"inside" {
			t.Errorf("%s holds %q", name, f.Content)
		}
	}
}

func TestRootKeepsOnlyWhatTheProbeWouldSend(t *testing.T) {
	r := rootOf(t, map[string]string{
		"etc/kubernetes/kubelet.conf": "kind: Config\nusers:\n- user: {token: hunter2}\n",
		"big":                         kubeletConfig + strings.Repeat("#", fileLimit),
		"proxy.conf":                  "[Service]\nEnvironment=HTTPS_PROXY=http://u:hunter2@p\n",
	})
	if err := exec.Command("mkfifo", r.real("/fifo")).Run(); err != nil {
		t.Skip("SKIPPED, NOT TESTED: this machine makes no FIFOs")
	}
	for _, tt := range []struct {
		kind evidence.Kind
		name string
		want evidence.State
	}{
		{evidence.KubeletConfig, "/etc/kubernetes/kubelet.conf", evidence.Withheld},
		{evidence.KubeletConfig, "/big", evidence.Truncated},
		{evidence.KubeletConfig, "/fifo", evidence.NotRegular},
		{evidence.Text, "/proxy.conf", evidence.Present},
	} {
		f := r.file(tt.kind, tt.name)
		if f.State != tt.want || strings.Contains(f.Content, "hunter2") {
			t.Errorf("%s is %q (%.60q), want %q", tt.name, f.State, f.Content, tt.want)
		}
	}
}

func TestRootSurveyFindsWhatAProbeWould(t *testing.T) {
	r := rootOf(t, map[string]string{
		"etc/hostname":                                         "node7\n",
		"etc/os-release":                                       "NAME=x\nPRETTY_NAME=\"Some Linux 1\"\n",
		"var/lib/kubelet/config.yaml":                          kubeletConfig,
		"usr/lib/systemd/system/kubelet.service":               "[Service]\nExecStart=/usr/bin/kubelet\n",
		"etc/systemd/system/kubelet.service.d/10":              "not a drop-in",
		"etc/systemd/system/kubelet.service.d/10-kubeadm.conf": "[Service]\n",
		"var/lib/kubelet/kubelet.conf.d/b/10.conf":             kubeletConfig,
		"var/lib/kubelet/kubelet.conf.d/20.conf":               kubeletConfig,
		"var/lib/kubelet/kubelet.conf.d/20.yaml":               kubeletConfig,
		"var/lib/kubelet/pki/kubelet.crt":                      "secret",
		"var/lib/kubelet/pki/kubelet-server-current.pem":       "-> /var/lib/kubelet/pki/kubelet-server-1.pem",
		"etc/rancher/k3s/config.yaml.d/10.yaml":                "kubelet-arg: v=2\n",
	})
	ev := r.Survey()
	if ev.Host.Name != "node7" || ev.Host.OSRelease != "Some Linux 1" || ev.Host.System != "Linux" {
		t.Errorf("host is %+v", ev.Host)
	}
	for _, name := range []string{
		"/var/lib/kubelet/config.yaml", "/usr/lib/systemd/system/kubelet.service", "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
		"/var/lib/kubelet/kubelet.conf.d/b/10.conf", "/var/lib/kubelet/kubelet.conf.d/20.conf", "/etc/rancher/k3s/config.yaml.d/10.yaml",
	} {
		if f := ev.File(0, name); f == nil || f.State != evidence.Present {
			t.Errorf("%s was not read: %+v", name, f)
		}
	}
	if len(ev.Files) != 6 {
		t.Errorf("%d files were read, want 6: %+v", len(ev.Files), ev.Files)
	}
	pki := ev.Dir(0, "/var/lib/kubelet/pki")
	if pki == nil || len(pki.Entries) != 2 || pki.Entries[0].Target == "" {
		t.Errorf("the certificates are %+v, want two names and where the link points", pki)
	}
	before := len(ev.Files)
	r.Fetch(ev, []evidence.Want{{Kind: evidence.KubeletConfig, Path: "/var/lib/kubelet/config.yaml"}, {Kind: evidence.Text, Path: "/no"}, {Kind: evidence.Program, Path: "/bin/true"}})
	if len(ev.Files) != before+1 || ev.File(0, "/no").State != evidence.Absent {
		t.Errorf("a second look read %d more files, want the absent one only", len(ev.Files)-before)
	}
}

func TestOpenRootWantsADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, file + "-nothing"} {
		if _, err := OpenRoot(dir); err == nil {
			t.Errorf("%s was accepted", dir)
		}
	}
}
