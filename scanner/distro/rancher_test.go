package distro

import (
	"strings"
	"testing"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// texts are the arguments of a distribution that the user gave, with blanks
// between them.
func texts(a Arguments) string {
	var list []string
	for _, arg := range a.Args {
		if arg.Source.Kind != kubelet.FromDistribution {
			list = append(list, arg.Text)
		}
	}
	return strings.Join(list, " ")
}

// has reports whether an argument is among them.
func has(a Arguments, text string) bool {
	for _, arg := range a.Args {
		if arg.Text == text {
			return true
		}
	}
	return false
}

func TestRancherSettings(t *testing.T) {
	const server = "/usr/local/bin/k3s server"
	yaml := k3sPaths.config
	tests := []struct {
		name, want string
		s          Subject
	}{
		{"a name without a value is true", "--rotate-server-certificates=true", k3sNode(server + " --kubelet-arg=rotate-server-certificates")},
		{"dashes are taken off", "--v=2", k3sNode(server + " --kubelet-arg=--v=2")},
		{"a name may add to a list of k3s's own", "--feature-gates=A=true", k3sNode(server + " --kubelet-arg=feature-gates+=A=true")},
		{"numbers and booleans are texts", "--v=2 --seccomp-default=true", k3sNode(server, config(yaml, "kubelet-arg:\n- v=2\n- seccomp-default\n"))},
		{"keys count in their order: the plain one replaces what was added", "--v=2", k3sNode(server, config(yaml, "kubelet-arg+: v=1\nkubelet-arg: v=2\n"))},
		{"and what comes after it is added", "--v=2 --v=1", k3sNode(server, config(yaml, "kubelet-arg: v=2\nkubelet-arg+: v=1\n"))},
		{"files of config.yaml.d come in the order of their names, .yml too", "--v=3", k3sNode(server,
			config(yaml+".d/20.yml", "kubelet-arg: v=3\n"), config(yaml+".d/10.yaml", "kubelet-arg: v=2\n"), config(yaml, "kubelet-arg: v=1\n"))},
		{"other files there are not read", "--v=1", k3sNode(server, config(yaml, "kubelet-arg: v=1\n"), config(yaml+".d/20.json", "kubelet-arg: v=3\n"), config(yaml+".d/x/1.yaml", "kubelet-arg: v=4\n"))},
		{"another file by a flag", "--v=7", k3sNode(server+" -c /srv/k.yaml", config("/srv/k.yaml", "kubelet-arg: v=7\n"), config(yaml, "kubelet-arg: v=1\n"))},
		{"another file by the environment", "--v=7", edit(k3sNode(""), func(s *Subject) {
			s.Evidence.Files = []evidence.File{
				service("/etc/systemd/system/k3s.service", "EnvironmentFile=/etc/k3s.env\nExecStart="+server), config("/etc/k3s.env", "K3S_CONFIG_FILE=/srv/k.yaml\n"),
				config("/srv/k.yaml", "kubelet-arg: v=7\n"),
			}
			s.Start = StartOf(s.Evidence, "k3s.service")
		})},
		{"the arguments of before 1.19", "--v=5", edit(running("k3s", "/usr/local/bin/k3s", "server", "--kubelet-arg", "v=5"), func(*Subject) {})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Contains(tt.name, "another file") {
				tt.s.Evidence.Dirs = append(tt.s.Evidence.Dirs, evidence.Dir{Path: "/srv/k.yaml.d", State: evidence.Absent})
			}
			a := k3sPaths.arguments(tt.s)
			if got := texts(a); got != tt.want || a.Incomplete != "" {
				t.Errorf("got %q, want %q (incomplete: %q)", got, tt.want, a.Incomplete)
			}
		})
	}
}

func TestRancherDataDirectory(t *testing.T) {
	withEnvironment := edit(k3sNode(""), func(s *Subject) {
		s.Evidence.Files = []evidence.File{
			service("/etc/systemd/system/k3s.service", "EnvironmentFile=-/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s server"),
			config("/etc/systemd/system/k3s.service.env", "# K3S_TOKEN: withheld\nK3S_DATA_DIR=/srv/env\n"),
		}
		s.Start = StartOf(s.Evidence, "k3s.service")
	})
	for want, s := range map[string]Subject{
		"/var/lib/rancher/k3s": k3sNode("/usr/local/bin/k3s server"),
		"/srv/flag":            k3sNode("/usr/local/bin/k3s server -d /srv/flag", config(k3sPaths.config, "data-dir: /srv/file\n")),
		"/srv/file":            k3sNode("/usr/local/bin/k3s server", config(k3sPaths.config, "data-dir: /srv/file/\n")),
		"/srv/env":             withEnvironment,
	} {
		if a := k3sPaths.arguments(s); !has(a, "--kubeconfig="+want+"/agent/kubelet.kubeconfig") {
			t.Errorf("the data directory is not %s in %+v", want, a.Args)
		}
	}
	t.Run("an environment file that is denied may set it", func(t *testing.T) {
		withEnvironment.Evidence.Files[1] = evidence.File{Path: "/etc/systemd/system/k3s.service.env", State: evidence.Denied}
		withEnvironment.Start = StartOf(withEnvironment.Evidence, "k3s.service")
		a := k3sPaths.arguments(withEnvironment)
		if !strings.Contains(a.Incomplete, "k3s.service.env") || len(a.Wants) == 0 {
			t.Errorf("incomplete %q, wants %v: want the file in both", a.Incomplete, a.Wants)
		}
	})
}

// From 1.32 on a configuration that the user names is copied into the drop-in
// directory, and is no flag any more.
func TestRancherCopiesAUsersConfiguration(t *testing.T) {
	const command = "/usr/local/bin/k3s server --kubelet-arg=config=/etc/k.yaml --kubelet-arg=config-dir=/etc/k.d --kubelet-arg=v=2"
	if got := texts(k3sPaths.arguments(k3sNode(command))); got != "--config=/etc/k.yaml --config-dir=/etc/k.d --v=2" {
		t.Errorf("before 1.32: got %q", got)
	}
	s := k3sNode(command)
	s.Evidence.Dirs = []evidence.Dir{{Path: "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d", State: evidence.Present}}
	a := k3sPaths.arguments(s)
	if got := texts(a); got != "--v=2" || !has(a, "--config-dir=/var/lib/rancher/k3s/agent/etc/kubelet.conf.d") {
		t.Errorf("from 1.32 on: got %q of %+v", got, a.Args)
	}
}

// A login that is not root may not see what is there.
func TestRancherLooksTwiceWithoutRoot(t *testing.T) {
	s := k3sNode("/usr/local/bin/k3s server")
	s.Evidence.Host.UID = 1000
	wants := map[string]bool{}
	a := k3sPaths.arguments(s)
	for _, w := range a.Wants {
		wants[w.Path] = true
	}
	if a.Incomplete == "" || !wants[k3sPaths.config] || !wants[k3sPaths.config+".d"] {
		t.Fatalf("incomplete %q, wants %v", a.Incomplete, a.Wants)
	}
	s.Evidence.Files = append(s.Evidence.Files, evidence.File{Path: k3sPaths.config, State: evidence.Absent})
	s.Evidence.Dirs = []evidence.Dir{
		{Path: k3sPaths.config + ".d", State: evidence.Absent},
		{Path: "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d", State: evidence.Absent},
	}
	if a := k3sPaths.arguments(s); a.Incomplete != "" || len(a.Wants) > 0 {
		t.Errorf("incomplete %q, wants %v: want nothing more", a.Incomplete, a.Wants)
	}
	s.Evidence.Dirs[0] = evidence.Dir{Path: k3sPaths.config + ".d", State: evidence.Present, Sudo: true}
	if a := k3sPaths.arguments(s); !strings.Contains(a.Incomplete, "config.yaml.d") {
		t.Errorf("incomplete %q: what only root can list may hold anything", a.Incomplete)
	}
}

// k3sStarted is a k3s that started at 1000 seconds.
func k3sStarted() Subject {
	s := k3sNode("/usr/local/bin/k3s server", config(k3sPaths.config, "kubelet-arg: rotate-server-certificates=true\n"))
	s.Evidence.Host.BootTime, s.Evidence.Host.ClockTicks, s.Process.StartTick = 900, 100, 100*100
	return s
}

func TestFilesNewerThanTheProcessProveNothing(t *testing.T) {
	s := k3sStarted()
	if a := k3sPaths.arguments(s); a.Incomplete != "" || a.Newer != "" {
		t.Fatalf("incomplete %q, newer %q: want neither", a.Incomplete, a.Newer)
	}
	for i, name := range []string{k3sPaths.config, "/etc/systemd/system/k3s.service"} {
		s := k3sStarted()
		s.Evidence.Files[i].ModTime = 1000 + slack + 1
		a := k3sPaths.arguments(s)
		if a.Newer != name || !strings.Contains(a.Incomplete, name) || texts(a) == "" {
			t.Errorf("newer %q, incomplete %q: want %s in both, and the arguments of a restart", a.Newer, a.Incomplete, name)
		}
	}
	s = k3sStarted()
	s.Evidence.Files[0].ModTime = 5000
	s.Evidence.Files = append(s.Evidence.Files, evidence.File{Path: k3sPaths.config + ".d/1.yaml", State: evidence.Denied, Sudo: true})
	if a := k3sPaths.arguments(s); a.Newer != "" || !strings.Contains(a.Incomplete, "1.yaml") {
		t.Errorf("newer %q, incomplete %q: a restart would not settle it", a.Newer, a.Incomplete)
	}
}

// k3s writes the kubelet's drop-in just before it starts the kubelet, so that
// it is newer than k3s itself.
func TestADropInOfTheProgramItselfSaysWhenItWasRead(t *testing.T) {
	const defaults = "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf"
	for written, want := range map[int64]int64{900: 0, 1020: 1020, 1600: 1600, 1601: 0} {
		s := k3sStarted()
		s.Evidence.Dirs = []evidence.Dir{{Path: "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d", State: evidence.Present}}
		s.Evidence.Files = append(s.Evidence.Files, evidence.File{Path: defaults, State: evidence.Present, ModTime: written})
		if a := k3sPaths.arguments(s); a.Read != want {
			t.Errorf("written at %d: read at %d, want %d", written, a.Read, want)
		}
	}
	s := running("microshift", "microshift", "run")
	s.Evidence.Host.BootTime, s.Process.StartTick = 900, 100*100
	s.Evidence.Files = []evidence.File{{Path: microshiftKubelet + "/config/config.yaml", State: evidence.Present, ModTime: 1030}}
	if a := Of(s).Arguments(s); a.Read != 1030 {
		t.Errorf("MicroShift: read at %d, want 1030", a.Read)
	}
}

func TestRancherInAContainerIsNotTheHosts(t *testing.T) {
	s := k3sNode("/usr/local/bin/k3s server --kubelet-arg=v=2")
	s.Process.Cgroup = "/system.slice/docker-8c1f.scope"
	if a := k3sPaths.arguments(s); a.Incomplete == "" || len(a.Args) > 0 || len(a.Wants) > 0 {
		t.Errorf("got %+v: want nothing from the host", a)
	}
}

func TestRKE2WithoutItsChild(t *testing.T) {
	files := []evidence.File{
		service("/usr/lib/systemd/system/rke2-server.service", "EnvironmentFile=-/etc/default/%N\nExecStart=/usr/bin/rke2 server"),
		{Path: "/etc/default/rke2-server", State: evidence.Absent},
		config("/etc/rancher/rke2/config.yaml", "kubelet-arg:\n- rotate-server-certificates=true\n"),
	}
	s := down("rke2-server.service", files...)
	s.Evidence.Dirs = []evidence.Dir{{Path: "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d", State: evidence.Present}}
	a := Of(s).Arguments(s)
	if texts(a) != "--rotate-server-certificates=true" || a.Incomplete != "" || !has(a, "--config-dir=/var/lib/rancher/rke2/agent/etc/kubelet.conf.d") {
		t.Errorf("got %+v", a)
	}
}

func FuzzRancherKeys(f *testing.F) {
	for _, seed := range []string{
		"kubelet-arg: v=2\n", "kubelet-arg:\n- a=b\n- 1\n- true\n- null\n", "kubelet-arg+: [a, b]\ndata-dir: /x\n", "{kubelet-arg: {a: b}}",
		"a: &a [x,x]\nkubelet-arg: *a\n", "\xef\xbb\xbfkubelet-arg: x\r\n", "? [a]\n: b\n", "kubelet-arg: !!binary aGk=\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		keys, err := rancherKeys(evidence.File{Path: "/f", Content: content})
		if err != nil && keys != nil {
			t.Errorf("keys beside the error %v", err)
		}
		total := 0
		for _, key := range keys {
			if key.name != "kubelet-arg" && key.name != "data-dir" {
				t.Errorf("key %q leaves the file", key.name)
			}
			for _, x := range key.values {
				total += len(x.value)
				if x.source.Path != "/f" || x.source.Line < 0 || x.source.Line > strings.Count(content, "\n")+1 {
					t.Errorf("%q stood at %+v", x.value, x.source)
				}
			}
		}
		if total > 1<<20+100*len(content) {
			t.Errorf("%d bytes grew to %d", len(content), total)
		}
	})
}
