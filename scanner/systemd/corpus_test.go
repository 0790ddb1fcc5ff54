package systemd

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpusDir holds node files of many distributions. It is not part of the
// project, and the tests of it are skipped where it is absent.
const corpusDir = "../../../shared/corpus"

func corpus(t *testing.T) fs.FS {
	t.Helper()
	if _, err := os.Stat(corpusDir); err != nil {
		t.Skipf("SKIPPED: there is no corpus of node files at %s", corpusDir)
	}
	return os.DirFS(corpusDir)
}

func readCorpus(t *testing.T, fsys fs.FS, name string) string {
	t.Helper()
	content, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// onNode is the part of a corpus path that is the path on a node.
var onNode = regexp.MustCompile(`/(etc|run|usr|lib|var)/.*`)

// nodeFiles gives all files below some folders, under their paths on the node.
func nodeFiles(t *testing.T, fsys fs.FS, roots ...string) []File {
	t.Helper()
	var files []File
	for _, root := range roots {
		err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				if p := onNode.FindString(strings.TrimPrefix(name, root)); p != "" {
					files = append(files, present(p, readCorpus(t, fsys, name)))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// environmentOf gives the unit's environment files among files; those that
// are not there are absent.
func environmentOf(u Unit, files []File) []File {
	var env []File
	for _, e := range u.EnvironmentFiles() {
		i := slices.IndexFunc(files, func(f File) bool { return f.Path == e.Path })
		if i < 0 {
			env = append(env, File{Path: e.Path, State: Absent})
			continue
		}
		env = append(env, files[i])
	}
	return env
}

func cmdline(t *testing.T, fsys fs.FS, name string) []string {
	t.Helper()
	return strings.Split(strings.TrimSuffix(readCorpus(t, fsys, name), "\x00"), "\x00")
}

const kubeadmUnit = "kubeadm/v1.5-deb/lib/systemd/system/kubelet.service"

// Unit, drop-ins and environment files of a node give the argument vector that
// its process has.
func TestCorpusCommandLines(t *testing.T) {
	fsys := corpus(t)
	tests := []struct {
		name    string
		roots   []string
		extra   []File
		wrapper []string // stands before the kubelet in the unit and is gone from its process
		cmdline string
		short   []string // flags that the corpus leaves out of a process which it derived by hand
	}{
		{name: "kubeadm", roots: []string{"kubeadm/pkgs.k8s.io-rpm"}, cmdline: "kubeadm/pkgs.k8s.io-rpm"},
		{name: "kubeadm 1.8", roots: []string{"kubeadm/v1.8-1.10-deb"}, extra: []File{present("/lib/systemd/system/kubelet.service", readCorpus(t, fsys, kubeadmUnit))}, cmdline: "kubeadm/v1.8-1.10-deb"},
		{name: "EKS AL2", roots: []string{"eks-al2/etc", "eks-al2/rendered"}, extra: []File{present("/etc/systemd/system/kubelet.service", readCorpus(t, fsys, "eks-al2/etc/systemd/system/kubelet.service"))}, cmdline: "eks-al2/rendered", short: []string{"--pod-infra-container-image=", "--hostname-override="}},
		{name: "EKS AL2023", roots: []string{"eks-al2023/rendered"}, extra: []File{present("/etc/systemd/system/kubelet.service", readCorpus(t, fsys, "eks-al2023/etc/systemd/system/kubelet.service"))}, cmdline: "eks-al2023/rendered"},
		{name: "GKE", roots: []string{"gke/real-2022"}, cmdline: "gke/real-2022"},
		{name: "kOps", roots: []string{"kops"}, cmdline: "kops"},
		{name: "kubespray", roots: []string{"kubespray/rendered"}, cmdline: "kubespray/rendered"},
		{name: "OpenShift", roots: []string{"openshift/rendered"}, extra: []File{present("/etc/os-release", "ID=\"rhcos\"\n")}, wrapper: []string{"/usr/local/bin/kubenswrapper"}, cmdline: "openshift/rendered", short: []string{"--image-credential-provider-"}},
		{name: "Bottlerocket", extra: bottlerocket(t, fsys), cmdline: "bottlerocket/derived"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := append(nodeFiles(t, fsys, test.roots...), test.extra...)
			u := load(t, files...)
			want := append(test.wrapper, cmdline(t, fsys, test.cmdline+"/cmdline.nul")...)
			c := u.Command(environmentOf(u, files))
			c.Argv = slices.DeleteFunc(c.Argv, func(w Word) bool {
				return slices.ContainsFunc(test.short, func(flag string) bool { return strings.HasPrefix(w.Text, flag) })
			})
			proven(t, c, want...)
		})
	}
}

// bottlerocket renders the templates of the distribution for one node.
func bottlerocket(t *testing.T, fsys fs.FS) []File {
	var lines []string
	for line := range strings.Lines(readCorpus(t, fsys, "bottlerocket/kubelet-exec-start-conf")) {
		if !strings.HasPrefix(line, "{{") && !regexp.MustCompile(`--bootstrap-kubeconfig|--cloud-provider ""|--image-credential`).MatchString(line) {
			lines = append(lines, line)
		}
	}
	_, dropIn, _ := strings.Cut(strings.Join(lines, ""), "+++\n")
	dropIn = strings.NewReplacer(`{{default "external" settings.kubernetes.cloud-provider}}`, "external",
		"{{settings.kubernetes.hostname-override}}", "ip-10-0-0-9.ec2.internal",
		"{{settings.kubernetes.log-level}}", "2").Replace(dropIn)
	return []File{
		present("/usr/lib/systemd/system/kubelet.service", readCorpus(t, fsys, "bottlerocket/kubelet.service")),
		present("/etc/systemd/system/kubelet.service.d/exec-start.conf", dropIn),
		present("/etc/network/proxy.env", ""),
		present("/etc/kubernetes/kubelet/env", "NODE_IP=10.0.0.9\nNODE_LABELS=\nNODE_TAINTS=\n"),
	}
}

// The AKS process is of another release than the unit: what the environment
// file gives is the same.
func TestCorpusAKS(t *testing.T) {
	fsys := corpus(t)
	files := append(nodeFiles(t, fsys, "aks/rendered", "aks/real-2022"),
		present(unitPath, readCorpus(t, fsys, "aks/etc/systemd/system/kubelet.service")))
	u := load(t, files...)
	got, want := u.Command(environmentOf(u, files)), cmdline(t, fsys, "aks/real-2022/cmdline.nul")
	if len(got.Missing) > 0 || got.Refused != "" {
		t.Errorf("missing %q, refused %q", got.Missing, got.Refused)
	}
	from := slices.Index(want, "--address=0.0.0.0")
	tail := texts(got.Argv)
	if diff := cmp.Diff(want[from:], tail[len(tail)-(len(want)-from):]); diff != "" {
		t.Errorf("KUBELET_FLAGS (-want +got):\n%s", diff)
	}
	if !slices.Contains(tail, want[2]) || !strings.HasPrefix(want[2], "--node-labels=") {
		t.Errorf("no %s in %q", want[2], tail)
	}
	if i := slices.Index(tail, "--config"); i < 0 || tail[i+1] != "/etc/default/kubeletconfig.json" {
		t.Errorf("no --config in %q", tail)
	}
}

// k3s overwrites its argument vector: only the unit shows the kubelet's.
func TestCorpusK3s(t *testing.T) {
	fsys := corpus(t)
	files := nodeFiles(t, fsys, "k3s/rendered")
	u, err := Load("k3s.service", Host{}, files)
	if err != nil {
		t.Fatal(err)
	}
	want := append(strings.Fields(readCorpus(t, fsys, "k3s/rendered/ps-args.txt")),
		"--kubelet-arg=rotate-server-certificates=true", "--kubelet-arg=feature-gates=RotateKubeletServerCertificate=true")
	proven(t, u.Command(environmentOf(u, files)), want...)
}

// Every unit of the corpus loads, with the drop-ins and environment files
// beside it, and has a command.
func TestCorpusUnits(t *testing.T) {
	fsys := corpus(t)
	units := map[string]string{} // folder -> unit name
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".service") && !d.IsDir() {
			units[strings.TrimSuffix(name, onNode.FindString(name))+" "+path.Base(name)] = name
		} else if strings.HasSuffix(name, ".service.d") && d.IsDir() {
			root := strings.TrimSuffix(name, onNode.FindString(name))
			if key := root + " " + strings.TrimSuffix(path.Base(name), ".d"); units[key] == "" {
				units[key] = kubeadmUnit
			}
		}
		return err
	})
	if err != nil || len(units) < 25 {
		t.Fatalf("%d units, err = %v", len(units), err)
	}
	for key, file := range units {
		root, name, _ := strings.Cut(key, " ")
		t.Run(key, func(t *testing.T) {
			content := strings.ReplaceAll(readCorpus(t, fsys, file), "{{ sysusr_prefix }}", "/usr")
			var files []File
			if root != file {
				files = nodeFiles(t, fsys, root)
			}
			if !slices.ContainsFunc(files, func(f File) bool { return strings.HasSuffix(f.Path, "/"+name) }) {
				files = append(files, present("/usr/lib/systemd/system/"+name, content))
			}
			u, err := Load(name, Host{}, files)
			if err != nil {
				t.Fatal(err)
			}
			c := u.Command(environmentOf(u, files))
			if len(c.Argv) == 0 || len(c.Missing) > 0 || (c.Refused != "" && !strings.Contains(c.Refused, "does not exist")) {
				t.Errorf("%+v", c)
			}
		})
	}
}

// What systemd 252 made of a file with one trap in each line. The generator it
// was run through leaves out empty values and expands $, which EnvironmentFile=
// does not.
func TestCorpusEnvironmentFileOfSystemd252(t *testing.T) {
	fsys := corpus(t)
	want := map[string]string{"EMPTY": "", "DOLLAR": "$UNQ"}
	for line := range strings.Lines(readCorpus(t, fsys, "traps/systemd-envfile/expected-systemd-252.txt")) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if ok && validName(key) && key != "DOLLAR" {
			want[key] = value
		}
	}
	content := readCorpus(t, fsys, "traps/systemd-envfile/input.env")
	for version, after := range map[int]bool{252: false, 254: true} {
		vars, err := parseEnvironmentFile(present(envPath, content), version)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name, a := range vars {
			got[name] = a.value.s
		}
		if _, ok := got["AFTER_COMMENT"]; ok != after {
			t.Errorf("systemd %d: AFTER_COMMENT is set: %t", version, ok)
		}
		delete(got, "AFTER_COMMENT")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("systemd %d (-want +got):\n%s", version, diff)
		}
	}
}
