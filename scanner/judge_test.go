package scanner

import (
	"slices"
	"strings"
	"testing"

	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

const header = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

// node builds evidence of an ordinary kubeadm node, changed by edit.
func node(edit func(*evidence.Evidence)) *evidence.Evidence {
	ev := &evidence.Evidence{
		Host: evidence.Host{System: "Linux", UID: 0, User: "root", BootTime: 1000, ClockTicks: 100, MountNS: "mnt:[1]"},
		PIDs: evidence.PIDs{Seen: 90, Readable: 90},
		Processes: []evidence.Process{{
			PID: 812, Comm: "kubelet", ArgvState: evidence.Present, StartTick: 5000, MountNS: "mnt:[1]",
			Unit: "kubelet.service", Version: "Kubernetes v1.31.4", Cwd: "/",
			Argv: []string{
				"/usr/bin/kubelet", "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
				"--kubeconfig=/etc/kubernetes/kubelet.conf", "--config=/var/lib/kubelet/config.yaml",
			},
		}},
		Files: []evidence.File{{Path: "/var/lib/kubelet/config.yaml", State: evidence.Present, ModTime: 1000, Mode: "644", Content: header}},
	}
	if edit != nil {
		edit(ev)
	}
	return ev
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name       string
		edit       func(*evidence.Evidence)
		status     Status
		rotation   kubelet.Rotation
		conditions []Condition
		why        string // what the reason or why must say
	}{
		{"kubeadm as it comes is off", nil, OK, kubelet.Off, nil, "serverTLSBootstrap"},
		{
			"the configuration file switches it on",
			func(ev *evidence.Evidence) { ev.Files[0].Content += "serverTLSBootstrap: true\n" },
			OK, kubelet.On, nil, "/var/lib/kubelet/config.yaml",
		},
		{
			"a flag beats the file",
			func(ev *evidence.Evidence) {
				ev.Files[0].Content += "serverTLSBootstrap: true\n"
				ev.Processes[0].Argv = append(ev.Processes[0].Argv, "--rotate-server-certificates=false")
			},
			OK, kubelet.Off, nil, "--rotate-server-certificates=false",
		},
		{
			"a file that is denied is unknown, and wanted",
			func(ev *evidence.Evidence) {
				ev.Files[0] = evidence.File{Path: ev.Files[0].Path, State: evidence.Denied}
			},
			OK, kubelet.Unknown, nil, "/var/lib/kubelet/config.yaml could not be read (not readable by root)",
		},
		{
			"a refusal of sudo is told",
			func(ev *evidence.Evidence) {
				ev.Host.User = "admin"
				ev.Files[0] = evidence.File{
					Path: ev.Files[0].Path, State: evidence.Denied, Mode: "600", Sudo: true, Refusal: "sudo: a password is required",
				}
			},
			OK, kubelet.Unknown, nil, "not readable by admin, mode 600; sudo -n was refused: sudo: a password is required",
		},
		{
			"a file newer than the process proves nothing about it",
			func(ev *evidence.Evidence) {
				ev.Files[0].Content += "serverTLSBootstrap: true\n"
				ev.Files[0].ModTime = 1000 + 50 + slack + 1
			},
			OK, kubelet.Unknown,
			[]Condition{RestartPending},
			"a restart would give: on",
		},
		{
			"a file written as the kubelet started is not newer",
			func(ev *evidence.Evidence) { ev.Files[0].ModTime = 1000 + 50 + slack },
			OK, kubelet.Off, nil, "",
		},
		{
			"a flag decides whatever the file became",
			func(ev *evidence.Evidence) {
				ev.Files[0].ModTime = 5000
				ev.Processes[0].Argv = append(ev.Processes[0].Argv, "--rotate-server-certificates=true")
			},
			OK, kubelet.On,
			[]Condition{RestartPending},
			"--rotate-server-certificates=true",
		},
		{
			"a process that is not root's is not the node's kubelet",
			func(ev *evidence.Evidence) { ev.Processes[0].UID = 1000 },
			NoKubelet, kubelet.Unknown, nil, "does not run as root",
		},
		{
			"a name in comm alone is not a kubelet",
			func(ev *evidence.Evidence) { ev.Processes[0].Argv = []string{"/bin/sh", "/opt/kubelet"} },
			NoKubelet, kubelet.Unknown, nil, "no kubelet",
		},
		{
			"an argument vector that cannot be read is unknown",
			func(ev *evidence.Evidence) {
				ev.Processes[0].Argv, ev.Processes[0].ArgvState = nil, evidence.Denied
			},
			OK, kubelet.Unknown, nil, "argument vector cannot be read",
		},
		{
			"hidden processes are not absent ones",
			func(ev *evidence.Evidence) {
				ev.Processes, ev.Host.UID, ev.Host.User, ev.Host.HidePID = nil, 1000, "admin", "2"
			},
			Denied, kubelet.Unknown, nil, "hidepid=2",
		},
		{
			"most processes unreadable is not no kubelet",
			func(ev *evidence.Evidence) {
				ev.Processes, ev.Host.UID, ev.PIDs = nil, 1000, evidence.PIDs{Seen: 90, Readable: 5}
			},
			Denied, kubelet.Unknown, nil, "only 5 of 90",
		},
		{
			"another system",
			func(ev *evidence.Evidence) { ev.Host.System = "" },
			NotLinux, kubelet.Unknown, nil, "only Linux",
		},
		{
			"a relative path without its directory is unknown",
			func(ev *evidence.Evidence) {
				ev.Processes[0].Argv[3], ev.Processes[0].Cwd = "--config=kubelet.yaml", ""
			},
			OK, kubelet.Unknown, nil, "only root can see",
		},
		{
			"a relative path is the working directory's",
			func(ev *evidence.Evidence) {
				ev.Processes[0].Argv[3], ev.Processes[0].Cwd = "--config=config.yaml", "/var/lib/kubelet"
			},
			OK, kubelet.Off, nil, "/var/lib/kubelet/config.yaml",
		},
		{
			"a kubelet in a container names files of its own",
			func(ev *evidence.Evidence) { ev.Processes[0].MountNS = "mnt:[2]" },
			OK, kubelet.Unknown, nil, "/var/lib/kubelet/config.yaml",
		},
		{
			"whose files only root can read",
			func(ev *evidence.Evidence) {
				ev.Host.UID, ev.Processes[0].MountNS = 1000, ""
				ev.Processes[0].Cgroup = "0::/system.slice/docker-4f.scope"
			},
			OK, kubelet.Unknown, nil, "/var/lib/kubelet/config.yaml was not read",
		},
		{
			"the host's own kubelet comes before a nested one",
			func(ev *evidence.Evidence) {
				nested := ev.Processes[0]
				nested.PID, nested.MountNS = 7, "mnt:[2]"
				nested.Argv = append(slices.Clone(nested.Argv), "--rotate-server-certificates")
				ev.Processes = append([]evidence.Process{nested}, ev.Processes...)
			},
			OK, kubelet.Off, nil, "",
		},
		{
			"a binary that was replaced after the start says nothing of the process",
			func(ev *evidence.Evidence) {
				ev.Processes[0].Argv = append(ev.Processes[0].Argv, "--network-plugin=cni") // gone from 1.24 on
			},
			OK, kubelet.Off,
			[]Condition{RestartPending},
			"a restart would give: invalid, it would exit with: unknown flag: --network-plugin",
		},
		{
			"a kubelet that is down is judged from its unit",
			func(ev *evidence.Evidence) {
				ev.Processes = nil
				ev.Files = append(ev.Files, evidence.File{
					Path: "/etc/systemd/system/kubelet.service", State: evidence.Present,
					Content: "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/k --rotate-server-certificates\n",
				})
			},
			OK, kubelet.On,
			[]Condition{KubeletDown},
			"would start with",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := Judge(node(tt.edit))
			v := j.Verdict
			if j.Status != tt.status || v.Rotation != tt.rotation {
				t.Errorf("got %v %v, want %v %v (%s%s)", j.Status, v.Rotation, tt.status, tt.rotation, j.Reason, v.Why)
			}
			if !slices.Equal(v.Conditions, tt.conditions) {
				t.Errorf("conditions %v, want %v", v.Conditions, tt.conditions)
			}
			if said := j.Reason + v.Why; !strings.Contains(said, tt.why) {
				t.Errorf("said %q, want %q in it", said, tt.why)
			}
		})
	}
}

func TestJudgeWantsWhatArgvNames(t *testing.T) {
	ev := node(func(ev *evidence.Evidence) {
		ev.Files = []evidence.File{{Path: "/etc/kubernetes/kubelet.yaml", State: evidence.Denied}}
		ev.Processes[0].Argv = []string{"kubelet", "--config=/etc/kubernetes/kubelet.yaml", "--config-dir", "/etc/kubelet.conf.d/"}
	})
	want := []evidence.Want{
		{Kind: evidence.KubeletConfig, Path: "/etc/kubernetes/kubelet.yaml"},
		{Kind: evidence.DropInDir, Path: "/etc/kubelet.conf.d"},
	}
	if got := Judge(ev).Wants; !slices.Equal(got, want) {
		t.Errorf("wants %+v, want %+v", got, want)
	}
	ev.Files[0].Sudo = true
	ev.Dirs = []evidence.Dir{{Path: "/etc/kubelet.conf.d", State: evidence.Denied, Sudo: true}}
	if got := Judge(ev).Wants; len(got) != 0 {
		t.Errorf("wants %+v again, after sudo was refused", got)
	}
}

func TestDropInsAreReadInTheOrderOfWalkDir(t *testing.T) {
	dir := "/etc/kubelet.conf.d"
	ev := node(func(ev *evidence.Evidence) {
		ev.Processes[0].Argv = append(ev.Processes[0].Argv, "--config-dir="+dir)
		ev.Dirs = []evidence.Dir{{Path: dir, State: evidence.Present, ModTime: 1000}}
		for _, name := range []string{"b.conf", "a.conf", "a/z.conf", "B.conf", "a-b/y.conf", "skip.yaml"} {
			ev.Files = append(ev.Files, evidence.File{Path: dir + "/" + name, State: evidence.Present, Content: header})
		}
	})
	s, _, _ := findSubject(ev)
	var got []string
	for _, f := range gather(s, distro.Of(s)).now.DropIns.Files {
		got = append(got, strings.TrimPrefix(f.Path, dir+"/"))
	}
	want := []string{"B.conf", "a/z.conf", "a-b/y.conf", "a.conf", "b.conf"}
	if !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestLetters(t *testing.T) {
	with := func(args ...string) func(*evidence.Evidence) {
		return func(ev *evidence.Evidence) { ev.Processes[0].Argv = append(ev.Processes[0].Argv, args...) }
	}
	file := func(text string) func(*evidence.Evidence) {
		return func(ev *evidence.Evidence) { ev.Files[0].Content += text }
	}
	tests := []struct {
		name               string
		edit               func(*evidence.Evidence)
		datadog, cis, kube LetterResult
		rotation           kubelet.Rotation
	}{
		{"nothing named", nil, LetterFail, LetterFail, LetterPass, kubelet.Off},
		{"rotation on, gate not named", file("serverTLSBootstrap: true\n"), LetterFail, LetterFail, LetterPass, kubelet.On},
		{"the gate alone, as the remediation says", with("--feature-gates=RotateKubeletServerCertificate=true"), LetterPass, LetterPass, LetterPass, kubelet.Off},
		{"the gate in the file", file("featureGates:\n  RotateKubeletServerCertificate: true\n"), LetterFail, LetterPass, LetterPass, kubelet.Off},
		{"the gate is false", with("--feature-gates=RotateKubeletServerCertificate=false"), LetterFail, LetterFail, LetterFail, kubelet.Off},
		{"the gate is False, which is no word of kube-bench's", with("--feature-gates=RotateKubeletServerCertificate=False"), LetterFail, LetterFail, LetterPass, kubelet.Off},
		{"another gate behind it is false", with("--feature-gates=RotateKubeletServerCertificate=true,CSIMigration=false"), LetterPass, LetterPass, LetterFail, kubelet.Off},
		{
			"a static certificate is out of scope",
			with("--tls-cert-file=/a.crt", "--tls-private-key-file=/a.key"),
			LetterFail, LetterNA, LetterPass, kubelet.External,
		},
		{
			"the file cannot be read",
			func(ev *evidence.Evidence) {
				ev.Files[0] = evidence.File{Path: ev.Files[0].Path, State: evidence.Denied, Sudo: true}
			},
			LetterFail, LetterUnknown, LetterUnknown, kubelet.Unknown,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := Judge(node(tt.edit)).Verdict
			if v.Rotation != tt.rotation {
				t.Errorf("rotation %v, want %v", v.Rotation, tt.rotation)
			}
			want := []LetterResult{tt.datadog, tt.cis, tt.kube}
			for i, l := range v.Letter {
				if l.Result != want[i] || l.Why == "" {
					t.Errorf("%s: %s (%s), want %s", l.Rule, l.Result, l.Why, want[i])
				}
				differs := l.Result == LetterPass && (tt.rotation == kubelet.Off || tt.rotation == kubelet.External) || l.Result == LetterFail && tt.rotation == kubelet.On
				if differs != strings.Contains(l.Why, "; yet ") {
					t.Errorf("%s: %q, want it to say why it differs from the truth: %v", l.Rule, l.Why, differs)
				}
			}
		})
	}
}
