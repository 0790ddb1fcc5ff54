package probe

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner/evidence"
)

const processFrames = "\n@N process 812 kubelet\n" +
	"\n@N status\nPPid:\t1\nUid:\t0\t0\t0\t0\n" +
	"\n@N stat\n812 (ku) be) S 1 812 812 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 14 0 4711 1 2\n" +
	"\n@N cmdline\n/usr/bin/kubelet\x00--node-labels\x00\x00--config=/etc/a b\x00" +
	"\n@N rc 0\n" +
	"\n@N cgroup\n0::/system.slice/kubelet.service\n" +
	"\n@N exe\n/usr/bin/kubelet\n" +
	"\n@N cwd\n/\n" +
	"\n@N mnt\nmnt:[1]" +
	"\n@N environ\n" +
	"\n@N rc 1\n" +
	"\n@N program /usr/bin/kubelet\nKubernetes v1.31.4\n"

func parsed(t *testing.T, out []byte, stderr string) *evidence.Evidence {
	t.Helper()
	ev := new(evidence.Evidence)
	if err := parse(ev, out, []byte(stderr), "N"); err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestProcessFacts(t *testing.T) {
	got := parsed(t, answer(processFrames, "\n@N pids 240 239\n"), "")
	want := evidence.Process{
		PID: 812, PPID: 1, UID: 0, Comm: "kubelet",
		Argv:      []string{"/usr/bin/kubelet", "--node-labels", "", "--config=/etc/a b"},
		ArgvState: evidence.Present, StartTick: 4711, Exe: "/usr/bin/kubelet", Cwd: "/", MountNS: "mnt:[1]",
		Cgroup: "0::/system.slice/kubelet.service", Unit: "kubelet.service", Version: "Kubernetes v1.31.4", DropInEnv: "unset",
	}
	if diff := cmp.Diff([]evidence.Process{want}, got.Processes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(evidence.PIDs{Seen: 240, Readable: 239}, got.PIDs); diff != "" {
		t.Error(diff)
	}
}

func TestArgvThatCannotBeReadIsDenied(t *testing.T) {
	frames := strings.Replace(processFrames, "\x00\n@N rc 0\n", "\n@N rc 1\n", 1)
	got := parsed(t, answer(frames), "").Processes[0]
	if got.ArgvState != evidence.Denied {
		t.Errorf("state %q, want denied", got.ArgvState)
	}
}

func TestArgvOverTheLimitIsTruncated(t *testing.T) {
	args, state := argv(strings.Repeat("a\x00", fileLimit))
	if state != evidence.Truncated || len(args) == 0 {
		t.Errorf("state %q with %d arguments, want truncated with some", state, len(args))
	}
}

func TestUnitOfIsTheLastServiceOfTheControlGroup(t *testing.T) {
	tests := map[string]string{
		"0::/system.slice/kubelet.service":                   "kubelet.service",
		"0::/system.slice/k3s-agent.service/init":            "k3s-agent.service",
		"12:pids:/system.slice/kubelet.service\n0::/x":       "kubelet.service",
		"0::/system.slice/system-k3s.slice/k3s@a.service":    "k3s@a.service",
		"0::/kubepods.slice/kubepods-pod1.slice/cri-1.scope": "",
		"0::/": "",
		"":     "",
		"0::/system.slice/containerd.service/kubepods-burstable/x.service/y": "x.service",
	}
	for cgroup, want := range tests {
		if got := unitOf(cgroup); got != want {
			t.Errorf("unitOf(%q) = %q, want %q", cgroup, got, want)
		}
	}
}

func TestHidePID(t *testing.T) {
	tests := map[string]string{
		"proc /proc proc rw,relatime 0 0":                       "",
		"proc /proc proc rw,relatime,hidepid=2 0 0":             "2",
		"proc /proc proc rw,hidepid=invisible,gid=5 0 0":        "invisible",
		"proc /proc proc rw,hidepid=0 0 0":                      "",
		"systemd-1 /proc/sys/fs/binfmt_misc autofs rw 0 0":      "",
		"proc /var/chroot/proc proc rw,hidepid=2 0 0":           "",
		"proc /proc proc rw,nosuid,hidepid=ptraceable 0 0 junk": "ptraceable",
	}
	for line, want := range tests {
		if got := hidePID(line); got != want {
			t.Errorf("hidePID(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestFileStates(t *testing.T) {
	tests := []struct {
		name, frames, stderr string
		want                 evidence.File
	}{
		{
			"present", "\n@N file 0 /etc/a b\nkind: x\n\n@N state present no 17 640 0\n", "",
			evidence.File{Path: "/etc/a b", State: evidence.Present, ModTime: 17, Mode: "640", Content: "kind: x\n"},
		},
		{
			"absent", "\n@N file 0 /x\n\n@N state absent no 0 - -1\n", "",
			evidence.File{Path: "/x", State: evidence.Absent, UID: -1},
		},
		{
			"withheld content that was begun is dropped", "\n@N file 0 /x\ntoken: y\n\n@N state withheld no 1 600 0\n", "",
			evidence.File{Path: "/x", State: evidence.Withheld, ModTime: 1, Mode: "600"},
		},
		{
			"denied without sudo", "\n@N file 0 /x\n\n@N state denied no 1 600 0\n", "",
			evidence.File{Path: "/x", State: evidence.Denied, ModTime: 1, Mode: "600"},
		},
		{
			"denied, and sudo says why", "\n@N file 0 /x\n\n@N state denied sudo 1 600 0\n", "@N sudo /x\nsudo: a password is required\n",
			evidence.File{Path: "/x", State: evidence.Denied, Sudo: true, Refusal: "sudo: a password is required", ModTime: 1, Mode: "600"},
		},
		{
			"sudo's eyes see that it is not there", "\n@N file 0 /x\n\n@N state denied sudo 0 - -1\n", "@N sudo /x\ncat: /x: No such file or directory\n",
			evidence.File{Path: "/x", State: evidence.Absent, Sudo: true, UID: -1},
		},
		{
			"through a process's root", "\n@N file 42 /x\nkind: x\n\n@N state present sudo 1 600 0\n", "",
			evidence.File{PID: 42, Path: "/x", State: evidence.Present, Sudo: true, ModTime: 1, Mode: "600", Content: "kind: x\n"},
		},
		{
			"over the limit", "\n@N file 0 /x\n" + strings.Repeat("#", fileLimit) + "\n@N state present no 1 644 0\n", "",
			evidence.File{Path: "/x", State: evidence.Truncated, ModTime: 1, Mode: "644", Content: strings.Repeat("#", fileLimit)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := parsed(t, answer(tt.frames), tt.stderr)
			if diff := cmp.Diff([]evidence.File{tt.want}, got.Files); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASecondLookReplacesTheFirst(t *testing.T) {
	ev := parsed(t, answer("\n@N file 0 /x\n\n@N state denied no 1 600 0\n", "\n@N dir 0 /d\n\n@N state denied no 1 700 0\n"), "")
	second := answer("\n@N file 0 /x\nkind: y\n\n@N state present sudo 1 600 0\n", "\n@N dir 0 /d\n\n@N state present sudo 1 700 0\n")
	if err := parse(ev, second, nil, "N"); err != nil {
		t.Fatal(err)
	}
	if len(ev.Files) != 1 || ev.Files[0].State != evidence.Present || len(ev.Dirs) != 1 || ev.Dirs[0].State != evidence.Present {
		t.Errorf("got %+v %+v, want one file and one directory, both present", ev.Files, ev.Dirs)
	}
}

func TestUnitsThatExistAreKept(t *testing.T) {
	shown := "Id=kubelet.service\nLoadState=loaded\nActiveState=active\nMainPID=812\nFragmentPath=/lib/systemd/system/kubelet.service\n" +
		"DropInPaths=/etc/systemd/system/kubelet.service.d/10-kubeadm.conf /run/x.conf\n" +
		"EnvironmentFiles=/var/lib/kubelet/kubeadm-flags.env (ignore_errors=yes)\nEnvironmentFiles=/etc/default/kubelet (ignore_errors=no)\n" +
		"NeedDaemonReload=yes\n\nId=k3s.service\nLoadState=not-found\nActiveState=inactive"
	want := []evidence.Unit{{
		Name: "kubelet.service", LoadState: "loaded", ActiveState: "active", MainPID: 812,
		Fragment:         "/lib/systemd/system/kubelet.service",
		DropIns:          []string{"/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "/run/x.conf"},
		EnvironmentFiles: []string{"/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet"},
		NeedReload:       true,
	}}
	if diff := cmp.Diff(want, units(shown)); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedAnswersAreErrors(t *testing.T) {
	for name, frame := range map[string]string{
		"an unknown marker":           "\n@N surprise\n",
		"a state of nothing":          "\n@N state present no 1 644 0\n",
		"a state with words missing":  "\n@N file 0 /x\n\n@N state present\n",
		"a state that does not exist": "\n@N file 0 /x\n\n@N state fine no 1 644 0\n",
		"a file without a path":       "\n@N file 0\n",
		"a relative path":             "\n@N file 0 x\n",
		"a fact of no process":        "\n@N cmdline\n",
		"an exit status of nothing":   "\n@N rc 0\n",
		"a process without a pid":     "\n@N process x kubelet\n",
		"an entry of no directory":    "\n@N entry 1 644 0 /x\n",
	} {
		t.Run(name, func(t *testing.T) {
			if err := parse(new(evidence.Evidence), answer(frame), nil, "N"); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestAHostileNodeCannotMakeUsHoldMore(t *testing.T) {
	for name, frame := range map[string]string{
		"processes": strings.Repeat("\n@N process 1 kubelet\n", maxProcesses+1),
		"names":     "\n@N dir 0 /d\n\n@N state present no 1 755 0\n" + strings.Repeat("\n@N entry 1 644 0 /d/x\n", maxEntries+1),
	} {
		t.Run(name, func(t *testing.T) {
			if err := parse(new(evidence.Evidence), answer(frame), nil, "N"); err == nil {
				t.Error("no error")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(answer(processFrames), []byte("@N sudo /x\nsudo: no\n"))
	f.Add(answer("\n@N host\nsystem=Linux\nuid=0\nbtime 5\nproc /proc proc hidepid=2 0 0\n"), []byte(nil))
	f.Add(answer("\n@N file 0 /x\nabc\n@N state present no 1 644 0\n", "\n@N dir 0 /d\n\n@N state present no 1 755 0\n\n@N entry 1 644 0 /d/x\nt\n"), []byte(nil))
	f.Add(answer("\n@N units\nId=a.service\nLoadState=loaded\n"), []byte(nil))
	f.Fuzz(func(t *testing.T, out, stderr []byte) {
		ev := new(evidence.Evidence)
		if err := parse(ev, out, stderr, "N"); err != nil {
			return
		}
		for _, file := range ev.Files {
			if file.Content != "" && file.State != evidence.Present && file.State != evidence.Truncated {
				t.Errorf("%s is %s and has content", file.Path, file.State)
			}
		}
	})
}
