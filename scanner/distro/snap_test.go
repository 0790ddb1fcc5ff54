package distro

import (
	"slices"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

const kubeliteFile = "/var/snap/microk8s/9044/args/kubelet"

// kubelite is a MicroK8s that runs, with this content of its arguments file.
func kubelite(content string) Subject {
	s := running("kubelite", "/snap/microk8s/9044/kubelite", "--kubelet-args-file="+kubeliteFile)
	if content != "" {
		s.Evidence.Files = []evidence.File{config(kubeliteFile, content)}
	}
	return s
}

func TestMicroK8sArgumentsFile(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"variables of the snap", "--cert-dir=${SNAP_DATA}/certs\n--root-dir=$SNAP_COMMON/k\n", "--cert-dir=/var/snap/microk8s/9044/certs|--root-dir=/var/snap/microk8s/common/k"},
		{"comments and empty lines", "# --v=9\n\n  \t\n  --v=2  \n", "--v=2"},
		{"every quote goes", "--eviction-hard=\"memory.available<100Mi\" --x='y'\n", "--eviction-hard=memory.available<100Mi|--x=y"},
		{"several on a line, each blank splits", "--a --b  --c\n", "--a|--b||--c"},
		{"a quoted blank splits all the same", "--node-labels=\"a=b c\"\n", "--node-labels=a=b|c"},
		{"no line end, or that of Windows", "--v=2\r\n--x=y", "--v=2|--x=y"},
		{"a dollar that names nothing", "--x=$\n", "--x=$"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := microk8sArguments(kubelite(tt.content))
			var got []string
			for _, arg := range a.Args {
				got = append(got, arg.Text)
			}
			if want := strings.Split(tt.want, "|"); !slices.Equal(got, want) || a.Incomplete != "" {
				t.Errorf("got %q, want %q (incomplete: %q)", got, want, a.Incomplete)
			}
		})
	}
	t.Run("each says where it stood", func(t *testing.T) {
		a := microk8sArguments(kubelite("# x\n--v=2\n"))
		if got := a.Args[0].Source; got.Path != kubeliteFile || got.Line != 2 || got.Kind != kubelet.FromFlag {
			t.Errorf("it stood at %+v", got)
		}
	})
	t.Run("a variable that nobody knows", func(t *testing.T) {
		if a := microk8sArguments(kubelite("--v=$LEVEL\n")); !strings.Contains(a.Incomplete, "$LEVEL") {
			t.Errorf("incomplete %q, want the variable in it", a.Incomplete)
		}
	})
}

func TestMicroK8sIsIncompleteWithoutItsFile(t *testing.T) {
	s := kubelite("")
	a := microk8sArguments(s)
	if a.Incomplete == "" || len(a.Wants) != 1 || a.Wants[0] != (evidence.Want{Kind: evidence.Text, Path: kubeliteFile}) {
		t.Errorf("got %+v, want the file", a)
	}
	s.Evidence.Files = []evidence.File{{Path: kubeliteFile, State: evidence.Denied, Sudo: true}}
	if a := microk8sArguments(s); !strings.Contains(a.Incomplete, kubeliteFile) || len(a.Wants) > 0 {
		t.Errorf("got %+v, want nothing again after sudo was refused", a)
	}
	if a := microk8sArguments(running("kubelite", "/snap/microk8s/9044/kubelite")); a.Incomplete == "" {
		t.Error("an argv without the file proves nothing")
	}
}

func TestMicroK8sSuppliesItsCertificate(t *testing.T) {
	const dir, file = "/var/snap/microk8s/9044/certs", "/var/snap/microk8s/9044/certs/kubelet.crt"
	listed := func(path string, names ...string) evidence.Dir {
		d := evidence.Dir{Path: path, State: evidence.Present}
		for _, name := range names {
			d.Entries = append(d.Entries, evidence.Entry{Path: path + "/" + name})
		}
		return d
	}
	args := "--cert-dir=${SNAP_DATA}/certs\n"
	tests := []struct {
		name, content string
		dirs          []evidence.Dir
		want          string
	}{
		{"it lies in the certificate directory", args, []evidence.Dir{listed(dir, "kubelet.crt", "kubelet.key")}, file},
		{"listed under the other name of the directory", args, []evidence.Dir{listed(microk8sCurrent, "kubelet.crt")}, file},
		{"it is not there", args, []evidence.Dir{listed(dir, "kubelet.key")}, ""},
		{"nobody may look: the snap always puts one there", args, []evidence.Dir{{Path: dir, State: evidence.Denied}}, file},
		{"a release that made none", args + "--network-plugin=cni\n", []evidence.Dir{listed(dir, "kubelet.crt")}, ""},
		{"no certificate directory", "--v=2\n", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := kubelite(tt.content)
			s.Evidence.Dirs = tt.dirs
			if got := Of(s).Supplied(s); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("the directory is wanted where nobody listed it", func(t *testing.T) {
		a := microk8sArguments(kubelite(args))
		if want := []evidence.Want{{Kind: evidence.CertDir, Path: dir}}; !slices.Equal(a.Wants, want) || a.Incomplete != "" {
			t.Errorf("wants %v, incomplete %q", a.Wants, a.Incomplete)
		}
	})
}

func TestSnapsThatAreDown(t *testing.T) {
	unit := func(name, application string, files ...evidence.File) Subject {
		return down(name+".service", append(files, service("/etc/systemd/system/"+name+".service", "ExecStart=/usr/bin/snap run "+application))...)
	}
	tests := []struct {
		name string
		s    Subject
		want string
		why  string // why it is incomplete
	}{
		{"MicroK8s", unit("snap.microk8s.daemon-kubelite", "microk8s.daemon-kubelite", config("/var/snap/microk8s/current/args/kubelet", "--cert-dir=${SNAP_DATA}/certs\n")), "--cert-dir=/var/snap/microk8s/current/certs", ""},
		{"Canonical Kubernetes", unit("snap.k8s.kubelet", "k8s.kubelet", config(k8sSnapFile, "--tls-cert-file=/etc/kubernetes/pki/kubelet.crt\n--node-labels='a=b c'\n")), "--tls-cert-file=/etc/kubernetes/pki/kubelet.crt --node-labels=a=b c", ""},
		{"Charmed Kubernetes", unit("snap.kubelet.daemon", "kubelet.daemon", config("/var/snap/kubelet/current/args", "--config=\"/root/cdk/kubelet/config.yaml\"\n--v=\"0\"\n")), "--config=/root/cdk/kubelet/config.yaml --v=0", ""},
		{"what only a shell can tell", unit("snap.k8s.kubelet", "k8s.kubelet", config(k8sSnapFile, "--v=$(id -u)\n")), "", "a shell"},
		{"without its file", unit("snap.k8s.kubelet", "k8s.kubelet"), "", k8sSnapFile},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := Of(tt.s).Arguments(tt.s)
			if got := texts(a); got != tt.want || (a.Incomplete == "") != (tt.why == "") || !strings.Contains(a.Incomplete, tt.why) {
				t.Errorf("got %q (incomplete: %q), want %q (%q)", got, a.Incomplete, tt.want, tt.why)
			}
		})
	}
}

func TestK0sThatIsDown(t *testing.T) {
	const written = "/run/k0s/kubelet/config.yaml"
	k0s := func(command string, files ...evidence.File) Arguments {
		s := down("k0sworker.service", append(files, service("/etc/systemd/system/k0sworker.service", "ExecStart=/usr/local/bin/k0s "+command))...)
		return Of(s).Arguments(s)
	}
	if a := k0s("worker", config(written, "x")); a.Incomplete != "" || !has(a, "--config="+written) || !has(a, "--cert-dir=/var/lib/k0s/kubelet/pki") {
		t.Errorf("got %+v", a)
	}
	if a := k0s("worker --data-dir=/srv/k0s --kubelet-root-dir /srv/kubelet", config("/srv/k0s/kubelet-config.yaml", "x")); !has(a, "--config=/srv/k0s/kubelet-config.yaml") || !has(a, "--root-dir=/srv/kubelet") {
		t.Errorf("before 2024-11, with directories of its own: got %+v", a)
	}
	if a := k0s("worker '--kubelet-extra-args=--rotate-server-certificates=false --v=2'", config(written, "x")); texts(a) != "--rotate-server-certificates=false --v=2" {
		t.Errorf("extra arguments: got %q", texts(a))
	}
	if a := k0s("worker", evidence.File{Path: written, State: evidence.Absent}); !strings.Contains(a.Incomplete, "when it starts") {
		t.Errorf("incomplete %q: what it will write is not known", a.Incomplete)
	}
	if a := k0s("controller", config(written, "x")); !strings.Contains(a.Incomplete, "--enable-worker") {
		t.Errorf("incomplete %q: a controller alone has no kubelet", a.Incomplete)
	}
	if a := k0s("controller --enable-worker", config(written, "x")); a.Incomplete != "" {
		t.Errorf("incomplete %q", a.Incomplete)
	}
}

func FuzzArgsFile(f *testing.F) {
	for _, seed := range []string{
		"--cert-dir=${SNAP_DATA}/certs\n", "# x\n\n--a --b\n", "--x=\"a b\" '\n", "$", "${", "${}", "${a-b}", "$$", "--x=$SNAP$SNAP_NAME$1", "\x00\r\n\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		for _, read := range []func(*parts, evidence.File){argsFile, arrayFile} {
			var p parts
			read(&p, config(kubeliteFile, content))
			total := 0
			for _, arg := range p.Args {
				total += len(arg.Text)
				if arg.Source.Path != kubeliteFile || arg.Source.Line > strings.Count(content, "\n")+1 {
					t.Errorf("%q stood at %+v", arg.Text, arg.Source)
				}
			}
			if total > 40*len(content) {
				t.Errorf("%d bytes grew to %d", len(content), total)
			}
		}
	})
}
