package distro

import (
	"slices"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// running is the subject of a process with this argument vector.
func running(comm string, argv ...string) Subject {
	s := Subject{
		Evidence: new(evidence.Evidence),
		Process:  &evidence.Process{PID: 1, Comm: comm, Argv: argv},
	}
	s.Flags, _ = kubelet.ParseFlags(kubelet.Argv(argv))
	return s
}

func TestOf(t *testing.T) {
	unit := func(s Subject, name string) Subject { s.Process.Unit = name; return s }
	version := func(s Subject, v string) Subject { s.Process.Version = v; return s }
	tests := []struct {
		name string
		s    Subject
		want ID
	}{
		{
			"kubeadm by its bootstrap kubeconfig",
			running("kubelet", "/usr/bin/kubelet", "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf", "--config=/var/lib/kubelet/config.yaml"),
			Kubeadm,
		},
		{
			"kubeadm before 1.11 has no configuration file",
			running("kubelet", "/usr/bin/kubelet", "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf", "--pod-manifest-path=/x"),
			Kubeadm,
		},
		{
			"kubespray shares the kubeconfig, not the configuration",
			running("kubelet", "/usr/local/bin/kubelet", "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf", "--config=/etc/kubernetes/kubelet-config.yaml"),
			"",
		},
		{"EKS by its version", version(running("kubelet", "/usr/bin/kubelet"), "Kubernetes v1.29.3-eks-adc7111"), EKS},
		{"EKS by its credential provider, in the space form", running("kubelet", "kubelet", "--image-credential-provider-config", "/etc/eks/x/config.json"), EKS},
		{"EKS by its node label", running("kubelet", "kubelet", "--node-labels=eks.amazonaws.com/nodegroup=a"), EKS},
		{"the first EKS images", running("kubelet", "kubelet", "--kubeconfig=/var/lib/kubelet/kubeconfig", "--cloud-provider=aws"), EKS},
		{"k3s server", running("k3s-server", "/usr/local/bin/k3s server"), K3s},
		{"k3s agent", running("k3s-agent", "/usr/local/bin/k3s agent"), K3s},
		{"RKE2 by its unit", unit(running("kubelet", "kubelet"), "rke2-agent.service"), RKE2},
		{"RKE2 by its kubeconfig", running("kubelet", "kubelet", "--kubeconfig=/var/lib/rancher/rke2/agent/kubelet.kubeconfig"), RKE2},
		{"an unknown one", running("kubelet", "/opt/kubelet", "--config=/etc/k.yaml"), ""},
		{"a path that only begins alike", running("kubelet", "kubelet", "--image-credential-provider-config=/etc/eksotic/c.json"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Of(tt.s).ID; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEveryDistroKeepsTheContract(t *testing.T) {
	seen := map[ID]bool{}
	for _, d := range List {
		if d.ID == "" || d.Detect == nil || seen[d.ID] {
			t.Errorf("%+v: expected an ID of its own and a Detect", d.ID)
		}
		seen[d.ID] = true
		if d.Detect(Subject{}) || d.Detect(Subject{Process: new(evidence.Process), Evidence: new(evidence.Evidence)}) {
			t.Errorf("%s recognises a subject of which nothing is known", d.ID)
		}
	}
}

// k3sNode is a k3s server with the given unit and configuration files.
func k3sNode(exec string, files ...evidence.File) Subject {
	s := running("k3s-server", "/usr/local/bin/k3s server")
	s.Process.Unit = "k3s.service"
	s.Evidence.Files = files
	if exec != "" {
		s.Evidence.Files = append(s.Evidence.Files, evidence.File{
			Path: "/etc/systemd/system/k3s.service", State: evidence.Present, Content: "[Service]\nExecStart=" + exec + "\n",
		})
	}
	s.Start = StartOf(s.Evidence, "k3s.service")
	return s
}

func config(path, content string) evidence.File {
	return evidence.File{Path: path, State: evidence.Present, Content: content}
}

func TestK3sArguments(t *testing.T) {
	const server = "/usr/local/bin/k3s server"
	tests := []struct {
		name string
		s    Subject
		want []string // the arguments that the user gave, in order
	}{
		{"as it comes", k3sNode(server), nil},
		{
			"the unit's words, joined and apart",
			k3sNode(server + " '--kubelet-arg=rotate-server-certificates=true' --kubelet-arg v=2"),
			[]string{"--rotate-server-certificates=true", "--v=2"},
		},
		{
			"a list in config.yaml",
			k3sNode(server, config(k3sPaths.config, "kubelet-arg:\n- rotate-server-certificates=true\n- \"v=2\"\n")),
			[]string{"--rotate-server-certificates=true", "--v=2"},
		},
		{"a scalar", k3sNode(server, config(k3sPaths.config, "kubelet-arg: v=2\n")), []string{"--v=2"}},
		{
			"the unit's words come after the file's",
			k3sNode(server+" --kubelet-arg=v=3", config(k3sPaths.config, "kubelet-arg: v=2\n")),
			[]string{"--v=2", "--v=3"},
		},
		{
			"a later file replaces the key",
			k3sNode(server, config(k3sPaths.config, "kubelet-arg: v=1\n"), config(k3sPaths.config+".d/10.yaml", "kubelet-arg: v=2\n")),
			[]string{"--v=2"},
		},
		{
			"a key that ends in + adds to it",
			k3sNode(server, config(k3sPaths.config, "kubelet-arg: v=1\n"), config(k3sPaths.config+".d/10.yaml", "kubelet-arg+:\n- v=2\n")),
			[]string{"--v=1", "--v=2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := k3sPaths.arguments(tt.s)
			if a.Incomplete != "" {
				t.Errorf("incomplete: %s", a.Incomplete)
			}
			var got []string
			for _, arg := range a.Args {
				if arg.Source.Kind != kubelet.FromDistribution {
					got = append(got, arg.Text)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestK3sPassesItsOwnCertificate(t *testing.T) {
	has := func(a Arguments, text string) bool {
		return slices.ContainsFunc(a.Args, func(arg kubelet.Arg) bool { return arg.Text == text })
	}
	a := k3sPaths.arguments(k3sNode("/usr/local/bin/k3s server --data-dir /srv/k3s/"))
	if !has(a, "--tls-cert-file=/srv/k3s/agent/serving-kubelet.crt") {
		t.Errorf("no certificate below the data directory in %+v", a.Args)
	}
	s := k3sNode("/usr/local/bin/k3s server")
	s.Evidence.Dirs = []evidence.Dir{{Path: "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d", State: evidence.Denied}}
	a = k3sPaths.arguments(s)
	if !has(a, "--config-dir=/var/lib/rancher/k3s/agent/etc/kubelet.conf.d") || has(a, "--tls-cert-file=/var/lib/rancher/k3s/agent/serving-kubelet.crt") {
		t.Errorf("from 1.32 on the certificate stands in the drop-ins: %+v", a.Args)
	}
}

func TestK3sIsIncompleteWhereSomethingCouldNotBeRead(t *testing.T) {
	denied := evidence.File{Path: k3sPaths.config, State: evidence.Denied}
	refused := denied
	refused.Sudo = true
	tests := []struct {
		name  string
		s     Subject
		why   string
		wants int
	}{
		{"no unit", k3sNode(""), "hides its arguments", 0},
		{"a configuration that is denied is wanted", k3sNode("/usr/local/bin/k3s server", denied), k3sPaths.config, 1},
		{"and not wanted again after sudo was refused", k3sNode("/usr/local/bin/k3s server", refused), k3sPaths.config, 0},
		{"a configuration that stayed on the node", k3sNode("/usr/local/bin/k3s server", evidence.File{Path: k3sPaths.config, State: evidence.Withheld}), "withheld", 0},
		{"bad YAML", k3sNode("/usr/local/bin/k3s server", config(k3sPaths.config, "kubelet-arg: [")), "not valid YAML", 0},
		{"another configuration file", k3sNode("/usr/local/bin/k3s server --config /srv/k3s.yaml"), "/srv/k3s.yaml", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := k3sPaths.arguments(tt.s)
			if !strings.Contains(a.Incomplete, tt.why) {
				t.Errorf("incomplete %q, want %q in it", a.Incomplete, tt.why)
			}
			if len(a.Wants) != tt.wants {
				t.Errorf("wants %+v, want %d", a.Wants, tt.wants)
			}
		})
	}
}

func TestAYAMLBombOfANodeIsRefused(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ",") + "]\n"
	}
	a := k3sPaths.arguments(k3sNode("/usr/local/bin/k3s server", config(k3sPaths.config, bomb+"kubelet-arg: *j\n")))
	if a.Incomplete == "" || len(a.Args) > 10 {
		t.Errorf("%d arguments, incomplete %q", len(a.Args), a.Incomplete)
	}
}

func TestStartOf(t *testing.T) {
	const fragment, dropIn = "/usr/lib/systemd/system/kubelet.service", "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
	files := []evidence.File{
		config(fragment, "[Service]\nExecStart=/usr/bin/kubelet\n"),
		config(dropIn, "[Service]\nEnvironmentFile=-/etc/default/kubelet\nExecStart=\nExecStart=/usr/local/bin/wrap /usr/bin/kubelet --v=2 $EXTRA\n"),
	}
	texts := func(args []kubelet.Arg) (list []string) {
		for _, arg := range args {
			list = append(list, arg.Text)
		}
		return list
	}
	t.Run("an environment file nobody read leaves it unproven, and is wanted", func(t *testing.T) {
		s := StartOf(&evidence.Evidence{Files: files}, "kubelet.service")
		if s.Complete() || len(s.Wants) != 1 || s.Wants[0].Path != "/etc/default/kubelet" || !strings.Contains(s.Missing, "/etc/default/kubelet") {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("with it, each word says where it stood, and a wrapper does not count", func(t *testing.T) {
		ev := &evidence.Evidence{Files: append(files[:2:2], config("/etc/default/kubelet", "# a comment\nEXTRA=--rotate-server-certificates=true\n"))}
		s := StartOf(ev, "kubelet.service")
		if !s.Complete() {
			t.Fatalf("missing %q", s.Missing)
		}
		args := s.Args()
		if want := []string{"--v=2", "--rotate-server-certificates=true"}; !slices.Equal(texts(args), want) {
			t.Errorf("got %q, want %q", texts(args), want)
		}
		if last := args[len(args)-1].Source; last.Path != "/etc/default/kubelet" || last.Line != 2 {
			t.Errorf("it stood at %+v, want /etc/default/kubelet:2", last)
		}
	})
	t.Run("what systemctl named comes in its order", func(t *testing.T) {
		ev := &evidence.Evidence{
			Files: append(files[:2:2], config("/run/x.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --v=9\n")),
			Units: []evidence.Unit{{Name: "kubelet.service", LoadState: "loaded", Fragment: fragment, DropIns: []string{dropIn, "/run/x.conf"}}},
		}
		if got := texts(StartOf(ev, "kubelet.service").Args()); !slices.Equal(got, []string{"--v=9"}) {
			t.Errorf("got %q, want --v=9", got)
		}
	})
	t.Run("no unit", func(t *testing.T) {
		if s := StartOf(&evidence.Evidence{Files: files}, "k3s.service"); s.Unit != "" || s.Words != nil {
			t.Errorf("got %+v", s)
		}
	})
}
