package distro

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// running is the subject of a process with this argument vector, as a login
// sees it that is not root: no program, no directory, no version.
func running(comm string, argv ...string) Subject {
	s := Subject{
		Evidence: new(evidence.Evidence),
		Process:  &evidence.Process{PID: 1, Comm: comm, Argv: argv},
	}
	s.Flags, _ = kubelet.ParseFlags(kubelet.Argv(argv))
	return s
}

// argv is a running kubelet's, by its words.
func argv(command string) Subject {
	return running("kubelet", strings.Fields(command)...)
}

// down is the subject of a node on which nothing runs, with these files.
func down(unit string, files ...evidence.File) Subject {
	s := Subject{Evidence: &evidence.Evidence{Files: files}}
	s.Start = StartOf(s.Evidence, unit)
	s.Flags, _ = kubelet.ParseFlags(s.Start.Args())
	return s
}

// service is a unit that starts a command.
func service(path, command string) evidence.File {
	return config(path, "[Service]\n"+command+"\n")
}

func config(path, content string) evidence.File {
	return evidence.File{Path: path, State: evidence.Present, Content: content}
}

const (
	kubeletUnit    = "/etc/systemd/system/kubelet.service"
	kubeadmDropIn  = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
	kubeadmCommand = "/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml"
)

// kubeadmUnit is the unit of kubeadm's packages, stopped, with more files.
func kubeadmUnit(more ...evidence.File) Subject {
	return down("kubelet.service", append([]evidence.File{
		service(kubeletUnit, "ExecStart=/usr/bin/kubelet"),
		service(kubeadmDropIn, "EnvironmentFile=-/etc/default/kubelet\nExecStart=\nExecStart="+kubeadmCommand+" $KUBELET_EXTRA_ARGS"),
	}, more...)...)
}

func edit(s Subject, change func(*Subject)) Subject { change(&s); return s }

func inUnit(s Subject, name string) Subject {
	return edit(s, func(s *Subject) { s.Process.Unit = name })
}

func printing(s Subject, version string) Subject {
	return edit(s, func(s *Subject) { s.Process.Version = version })
}

func onOS(s Subject, name string) Subject {
	return edit(s, func(s *Subject) { s.Evidence.Host.OSRelease = name })
}

// up is how each distribution looks that runs, to a login that is not root
// unless the name says otherwise.
var up = []struct {
	name string
	s    Subject
	want ID
}{
	{"kubeadm", argv(kubeadmCommand), Kubeadm},
	{"kubeadm before 1.11 has no configuration file", argv("/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --pod-manifest-path=/x"), Kubeadm},
	{"kubeadm before 1.8 has no bootstrap kubeconfig", argv("/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --require-kubeconfig=true"), Kubeadm},
	{"image-builder by its drop-in directory", argv(kubeadmCommand + " --config-dir /var/lib/kubelet/kubelet.conf.d"), ImageBuilder},
	{"kind by its provider", argv(kubeadmCommand + " --provider-id=kind://docker/kind/kind-worker"), Kind},
	{"another provider on kubeadm", argv(kubeadmCommand + " --provider-id=aws:///a/i-1"), Kubeadm},
	{"minikube by its binaries", argv("/var/lib/minikube/binaries/v1.28.3/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --config=/var/lib/kubelet/config.yaml"), Minikube},
	{"Alpine by its system", onOS(argv(kubeadmCommand), "Alpine Linux v3.20"), Alpine},
	{"k3s on Alpine is k3s", onOS(running("k3s-server", "/usr/local/bin/k3s server"), "Alpine Linux v3.20"), K3s},
	{"kubespray", argv("/usr/local/bin/kubelet --v=2 --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --config=/etc/kubernetes/kubelet-config.yaml --kubeconfig=/etc/kubernetes/kubelet.conf"), Kubespray},
	{"kOps by its configuration", argv("/usr/local/bin/kubelet --cloud-provider=external --kubeconfig=/var/lib/kubelet/kubeconfig --config=/var/lib/kubelet/kubelet.conf"), KOps},
	{"kOps on COS", argv("/home/kubernetes/bin/kubelet --kubeconfig=/var/lib/kubelet/kubeconfig --config=/var/lib/kubelet/kubelet.conf"), KOps},
	{"kOps before it had one, on AWS", argv("/usr/local/bin/kubelet --cloud-provider=aws --kubeconfig=/var/lib/kubelet/kubeconfig --node-labels=kops.k8s.io/instancegroup=nodes"), KOps},
	{"EKS by its version", printing(argv("/usr/bin/kubelet"), "Kubernetes v1.29.3-eks-adc7111"), EKS},
	{"EKS by its credential provider, in the space form", argv("kubelet --image-credential-provider-config /etc/eks/x/config.json"), EKS},
	{"EKS by its node label", argv("kubelet --node-labels=a=b,eks.amazonaws.com/nodegroup=a"), EKS},
	{"EKS by its configuration", argv("/usr/bin/kubelet --config=/etc/kubernetes/kubelet/config.json --kubeconfig=/var/lib/kubelet/kubeconfig"), EKS},
	{"EKS of 2018", argv("/usr/bin/kubelet --cloud-provider aws --config /etc/systemd/system/kubelet.service.d/kubelet-config.json --kubeconfig /var/lib/kubelet/kubeconfig"), EKS},
	{"the first EKS images", argv("/usr/bin/kubelet --kubeconfig=/var/lib/kubelet/kubeconfig --cloud-provider=aws"), EKS},
	{"EKS on Ubuntu", inUnit(argv("/snap/kubelet-eks/2/kubelet"), "snap.kubelet-eks.daemon.service"), EKS},
	{"AKS by its labels", argv("/usr/local/bin/kubelet --enable-server --node-labels=agentpool=a,kubernetes.azure.com/cluster=MC_x --kubeconfig /var/lib/kubelet/kubeconfig"), AKS},
	{"AKS by its configuration", argv("/opt/bin/kubelet --config /etc/default/kubeletconfig.json"), AKS},
	{"GKE by its version", printing(argv("/home/kubernetes/bin/kubelet --config /home/kubernetes/kubelet-config.yaml"), "Kubernetes v1.30.9-gke.1127000"), GKE},
	{"GKE by a flag of its own", argv("/home/kubernetes/bin/kubelet --config /home/kubernetes/kubelet-config.yaml --pod-sysctls=net.core.somaxconn=1024"), GKE},
	{"kube-up has the same paths", argv("/home/kubernetes/bin/kubelet --config /home/kubernetes/kubelet-config.yaml"), KubeUp},
	{"k3s server", running("k3s-server", "/usr/local/bin/k3s server", "", ""), K3s},
	{"k3s agent", running("k3s-agent", "/usr/local/bin/k3s agent"), K3s},
	{"k3s before it hid its arguments", running("k3s", "/usr/local/bin/k3s", "server", "--kubelet-arg=v=2"), K3s},
	{"k3s kubectl is no kubelet", running("k3s", "k3s", "kubectl", "get", "nodes"), ""},
	{"RKE2 by its unit", inUnit(argv("kubelet"), "rke2-agent.service"), RKE2},
	{"RKE2 by its kubeconfig", argv("kubelet --kubeconfig=/var/lib/rancher/rke2/agent/kubelet.kubeconfig"), RKE2},
	{"RKE2 by its program, as root", edit(argv("kubelet"), func(s *Subject) { s.Process.Exe = "/var/lib/rancher/rke2/data/v1.32.5-rke2r1-a/bin/kubelet" }), RKE2},
	{"RKE2 with another data directory, by its parent", edit(argv("kubelet --kubeconfig=/srv/rke2/agent/kubelet.kubeconfig"), func(s *Subject) {
		s.Process.PPID = 7
		s.Evidence.Processes = []evidence.Process{{PID: 7, Comm: "rke2"}}
	}), RKE2},
	{"RKE1", argv("kubelet --kubeconfig=/etc/kubernetes/ssl/kubecfg-kube-node.yaml --cgroups-per-qos=True"), RKE1},
	{"MicroK8s", running("kubelite", "/snap/microk8s/9044/kubelite", "--kubelet-args-file=/var/snap/microk8s/9044/args/kubelet"), MicroK8s},
	{"MicroK8s before 1.21", inUnit(argv("/snap/microk8s/1910/kubelet --cert-dir=/var/snap/microk8s/1910/certs"), "snap.microk8s.daemon-kubelet.service"), MicroK8s},
	{"Canonical Kubernetes has kubeadm's kubeconfig", argv("/snap/k8s/2497/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf"), K8sSnap},
	{"Charmed Kubernetes", argv("/snap/kubelet/2793/kubelet --config=/root/cdk/kubelet/config.yaml --kubeconfig=/root/cdk/kubeconfig"), Charmed},
	{"k0s", argv("/var/lib/k0s/bin/kubelet --config=/run/k0s/kubelet/config.yaml --kubeconfig=/var/lib/k0s/kubelet.conf"), K0s},
	{"k0s by its parent", edit(argv("/srv/k0s/bin/kubelet --config=/srv/k0s/kubelet-config.yaml"), func(s *Subject) {
		s.Process.PPID = 7
		s.Evidence.Processes = []evidence.Process{{PID: 7, Comm: "k0s"}}
	}), K0s},
	{"OpenShift by its drop-ins", argv("/usr/bin/kubelet --config=/etc/kubernetes/kubelet.conf --config-dir=/etc/openshift/kubelet.conf.d"), OpenShift},
	{"OpenShift by its kubeconfig", argv("/usr/bin/kubelet --config=/etc/kubernetes/kubelet.conf --bootstrap-kubeconfig=/etc/kubernetes/kubeconfig --kubeconfig=/var/lib/kubelet/kubeconfig"), OpenShift},
	{"Kubermatic has OpenShift's configuration", argv("/opt/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/var/lib/kubelet/kubeconfig --config=/etc/kubernetes/kubelet.conf --cert-dir=/etc/kubernetes/pki"), Kubermatic},
	{"MicroShift", running("microshift", "microshift", "run"), MicroShift},
	{"another command of MicroShift", running("microshift", "microshift", "show-config"), ""},
	{"OpenShift 3", running("hyperkube", "hyperkube", "kubelet", "--kubeconfig=/etc/origin/node/node.kubeconfig"), OpenShift3},
	{"OpenShift 3 by its unit", inUnit(running("hyperkube", "/usr/bin/hyperkube", "kubelet"), "atomic-openshift-node.service"), OpenShift3},
	{"hyperkube alone is nobody's", running("hyperkube", "hyperkube", "kubelet", "--kubeconfig=/k"), ""},
	{"Bottlerocket, whose version is that of EKS", printing(argv("/usr/bin/kubelet --kubeconfig /etc/kubernetes/kubelet/kubeconfig --config /etc/kubernetes/kubelet/config"), "Kubernetes v1.31.2-eks-94953ac"), Bottlerocket},
	{"Typhoon", argv("/usr/local/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/kubeconfig --config=/etc/kubernetes/kubelet.yaml --kubeconfig=/var/lib/kubelet/kubeconfig"), Typhoon},
	{"Talos has Typhoon's configuration", argv("/usr/local/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubeconfig --config=/etc/kubernetes/kubelet.yaml"), ""},
	{"Gardener", argv("/opt/bin/kubelet --config=/var/lib/kubelet/config/kubelet --kubeconfig=/var/lib/kubelet/kubeconfig-real"), Gardener},
	{"Kubernetes The Hard Way", argv("/usr/local/bin/kubelet --config=/var/lib/kubelet/kubelet-config.yaml --kubeconfig=/var/lib/kubelet/kubeconfig"), KTHW},
	{"kubeasz has kubeadm's configuration", argv("/opt/kube/bin/kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/etc/kubernetes/kubelet.kubeconfig"), Kubeasz},
	{"the rpm by its environment files", edit(argv("/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.kubeconfig --cgroup-driver=systemd"), func(s *Subject) {
		s.Evidence.Files = []evidence.File{service(kubeletUnit, "EnvironmentFile=-/etc/kubernetes/config\nEnvironmentFile=-/etc/kubernetes/kubelet\nExecStart=/usr/bin/kubelet $KUBELET_ARGS")}
		s.Start = StartOf(s.Evidence, "kubelet.service")
	}), KubernetesRPM},
	{"an unknown one", argv("/opt/kubelet --config=/etc/k.yaml"), ""},
	{"a path that only begins alike", argv("kubelet --image-credential-provider-config=/etc/eksotic/c.json"), ""},
	{"a label that only begins alike", argv("kubelet --node-labels=team=eks.amazonaws.com/x"), ""},
}

// stopped is how each looks where nothing runs, as a mounted disk does, too.
var stopped = []struct {
	name string
	s    Subject
	want ID
}{
	{"kubeadm", kubeadmUnit(), Kubeadm},
	{"kubeadm of the etcd guide", kubeadmUnit(service("/etc/systemd/system/kubelet.service.d/20-etcd-service-manager.conf", "ExecStart=\nExecStart=/usr/bin/kubelet --config=/etc/systemd/system/kubelet.service.d/kubelet.conf")), Kubeadm},
	{"image-builder by both environment files", kubeadmUnit(service("/etc/systemd/system/kubelet.service.d/20-x.conf", "EnvironmentFile=-/etc/sysconfig/kubelet")), ImageBuilder},
	{"image-builder by its drop-in", kubeadmUnit(service("/etc/systemd/system/kubelet.service.d/11-resource-sizing.conf", "")), ImageBuilder},
	{"kind by its drop-in", kubeadmUnit(service("/etc/systemd/system/kubelet.service.d/11-kind.conf", "ExecStartPre=/bin/true")), Kind},
	{"minikube", down("kubelet.service", service(kubeletUnit, "ExecStart=/var/lib/minikube/binaries/v1.28.3/kubelet --config=/var/lib/kubelet/config.yaml")), Minikube},
	{"Alpine", down("kubelet.service", config("/etc/init.d/kubelet", "#!/sbin/openrc-run\ncommand=/usr/bin/kubelet\ncommand_args=\"${command_args}\"\n"),
		config("/etc/conf.d/kubelet", "command_args=\"--kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml\"\n")), Alpine},
	{"kubespray", down("kubelet.service", service(kubeletUnit, "EnvironmentFile=-/etc/kubernetes/kubelet.env\nExecStart=/usr/local/bin/kubelet $KUBELET_ARGS")), Kubespray},
	{"kOps", down("kubelet.service", service(kubeletUnit, "EnvironmentFile=/etc/sysconfig/kubelet\nExecStart=/usr/local/bin/kubelet \"$DAEMON_ARGS\""),
		config("/etc/sysconfig/kubelet", "DAEMON_ARGS=\"--v=2 --kubeconfig=/var/lib/kubelet/kubeconfig\"\n")), KOps},
	{"EKS", down("kubelet.service", service(kubeletUnit, "EnvironmentFile=/etc/eks/kubelet/environment\nExecStart=/usr/bin/kubelet $NODEADM_KUBELET_ARGS")), EKS},
	{"AKS", down("kubelet.service", service(kubeletUnit, "ExecStart=/opt/bin/kubelet $KUBELET_FLAGS"), service("/etc/systemd/system/kubelet.service.d/10-tlsbootstrap.conf", "")), AKS},
	{"GKE and kube-up cannot be told apart", down("kubelet.service", service(kubeletUnit, "ExecStart=/home/kubernetes/bin/kubelet $KUBELET_OPTS")), KubeUp},
	{"k3s", down("k3s.service", service("/etc/systemd/system/k3s.service", "ExecStart=/usr/local/bin/k3s server")), K3s},
	{"k3s under OpenRC", down("k3s.service", config("/etc/init.d/k3s", "#!/sbin/openrc-run\ncommand=\"/usr/local/bin/k3s\"\ncommand_args=\"server\"\n")), K3s},
	{"RKE2", down("rke2-agent.service", service("/usr/lib/systemd/system/rke2-agent.service", "ExecStart=/usr/bin/rke2 agent")), RKE2},
	{"MicroK8s", down("snap.microk8s.daemon-kubelite.service", service("/etc/systemd/system/snap.microk8s.daemon-kubelite.service", "ExecStart=/usr/bin/snap run microk8s.daemon-kubelite")), MicroK8s},
	{"Canonical Kubernetes", down("snap.k8s.kubelet.service", service("/etc/systemd/system/snap.k8s.kubelet.service", "ExecStart=/usr/bin/snap run k8s.kubelet")), K8sSnap},
	{"Charmed Kubernetes", down("snap.kubelet.daemon.service", service("/etc/systemd/system/snap.kubelet.daemon.service", "ExecStart=/usr/bin/snap run kubelet.daemon")), Charmed},
	{"k0s", down("k0sworker.service", service("/etc/systemd/system/k0sworker.service", "ExecStart=/usr/local/bin/k0s worker")), K0s},
	{"k0s under OpenRC", down("k0sworker.service", config("/etc/init.d/k0sworker", "#!/sbin/openrc-run\ncommand=/usr/local/bin/k0s\ncommand_args=\"'worker' '--token-file=/etc/k0s/token' \"\n")), K0s},
	{"OpenShift behind its wrapper", down("kubelet.service", service(kubeletUnit, "ExecStart=/usr/local/bin/kubenswrapper /usr/bin/kubelet --config=/etc/kubernetes/kubelet.conf --bootstrap-kubeconfig=/etc/kubernetes/kubeconfig")), OpenShift},
	{"MicroShift", down("microshift.service", service("/usr/lib/systemd/system/microshift.service", "ExecStart=microshift run")), MicroShift},
	{"OpenShift 3", down("origin-node.service", service("/etc/systemd/system/origin-node.service", "ExecStart=/usr/local/bin/openshift-node")), OpenShift3},
	{"Bottlerocket", down("kubelet.service", service("/usr/lib/systemd/system/kubelet.service", "ExecStart=/usr/bin/false"),
		service("/etc/systemd/system/kubelet.service.d/exec-start.conf", "ExecStart=\nExecStart=/usr/bin/kubelet --config /etc/kubernetes/kubelet/config")), Bottlerocket},
	{"Typhoon on Fedora CoreOS", down("kubelet.service", service(kubeletUnit, "ExecStart=/usr/bin/podman run --name kubelet --volume /var/lib/kubelet:/var/lib/kubelet quay.io/poseidon/kubelet:v1.36.1 --bootstrap-kubeconfig=/etc/kubernetes/kubeconfig --config=/etc/kubernetes/kubelet.yaml")), Typhoon},
	{"Typhoon on Flatcar, whose unit follows a log", down("kubelet.service", service(kubeletUnit, "Environment=KUBELET_IMAGE=quay.io/poseidon/kubelet:v1.36.1\nExecStartPre=/usr/bin/docker run -d --name kubelet ${KUBELET_IMAGE}\nExecStart=docker logs -f kubelet")), Typhoon},
	{"Gardener", down("kubelet.service", service(kubeletUnit, "ExecStart=/opt/bin/kubelet --config=/var/lib/kubelet/config/kubelet")), Gardener},
	{"the rpm", down("kubelet.service", service(kubeletUnit, "EnvironmentFile=-/etc/kubernetes/kubelet\nExecStart=/usr/bin/kubelet $KUBELET_ARGS")), KubernetesRPM},
	{"no unit", down("kubelet.service"), ""},
}

func TestOf(t *testing.T) {
	for _, tt := range up {
		t.Run(tt.name, func(t *testing.T) {
			if got := Of(tt.s).ID; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for _, tt := range stopped {
		t.Run("stopped: "+tt.name, func(t *testing.T) {
			if got := Of(tt.s).ID; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestEveryDistroIsDetected keeps the two tables complete. A kubelet of these
// few leaves nothing on the host when it is down, or nothing of its own.
func TestEveryDistroIsDetected(t *testing.T) {
	const onlyUp = "rke1 gke kubermatic kubeasz kthw"
	for _, d := range List {
		found := func(list []struct {
			name string
			s    Subject
			want ID
		},
		) bool {
			for _, tt := range list {
				if tt.want == d.ID {
					return true
				}
			}
			return false
		}
		if !found(up) {
			t.Errorf("%s: no running kubelet is detected as one", d.ID)
		}
		if !found(stopped) && !slices.Contains(strings.Fields(onlyUp), string(d.ID)) {
			t.Errorf("%s: no kubelet that is down is detected as one", d.ID)
		}
	}
}

func TestEveryDistroKeepsTheContract(t *testing.T) {
	id := regexp.MustCompile(`^[a-z][a-z0-9-]+$`)
	seen := map[ID]bool{}
	for _, d := range List {
		if !id.MatchString(string(d.ID)) || seen[d.ID] {
			t.Errorf("%q: expected an ID of its own in small letters", d.ID)
		}
		seen[d.ID] = true
		if d.Title == "" || d.Detect == nil || d.Default.Why == "" || d.Default.Source == "" {
			t.Errorf("%s: expected a Title, a Detect, and a Default with Why and Source", d.ID)
		}
		if d.Holds != nil && d.Arguments == nil {
			t.Errorf("%s holds a kubelet and does not say with which arguments", d.ID)
		}
		for _, sentence := range []string{d.Restart, d.Approver} {
			if sentence != "" && !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s: %q is not a sentence", d.ID, sentence)
			}
		}
		for _, s := range unknownSubjects() {
			if d.Detect(s) {
				t.Errorf("%s recognises a subject of which nothing is known", d.ID)
			}
		}
	}
	for _, want := range []ID{
		"kubeadm", "image-builder", "kind", "minikube", "alpine", "kubespray", "kops", "eks", "aks", "gke", "kube-up", "k3s", "rke2", "rke1",
		"microk8s", "k8s-snap", "charmed", "k0s", "openshift", "microshift", "openshift-3", "bottlerocket", "typhoon", "gardener", "kubermatic",
		"kthw", "kubeasz", "kubernetes-rpm",
	} {
		if !seen[want] {
			t.Errorf("%s is gone: reports and waivers name it", want)
		}
	}
}

// unknownSubjects are those of which nothing is known.
func unknownSubjects() []Subject {
	return []Subject{
		{},
		{Evidence: new(evidence.Evidence)},
		{Process: new(evidence.Process)},
		{Process: new(evidence.Process), Evidence: new(evidence.Evidence)},
		{Process: &evidence.Process{Comm: "kubelet", Argv: []string{"kubelet"}}, Evidence: new(evidence.Evidence)},
	}
}

func TestNoSubjectMakesADistroPanic(t *testing.T) {
	for _, s := range unknownSubjects() {
		for _, d := range List {
			if d.Arguments != nil {
				d.Arguments(s)
			}
			if d.Supplied != nil {
				d.Supplied(s)
			}
			for _, r := range []kubelet.Rotation{kubelet.On, kubelet.Off, kubelet.External, kubelet.Invalid} {
				Remedy(d, s, kubelet.Effective{Rotation: r, Masked: true})
			}
		}
	}
}

func TestEmbeds(t *testing.T) {
	for _, tt := range []struct {
		comm string
		argv []string
		want bool
	}{
		{"k3s-server", []string{"/usr/local/bin/k3s server"}, true},
		{"k3s", []string{"/usr/local/bin/k3s", "agent"}, true},
		{"k3s", []string{"k3s", "crictl", "ps"}, false},
		{"kubelite", []string{"/snap/microk8s/9044/kubelite"}, true},
		{"microshift", []string{"microshift", "run"}, true},
		{"microshift", []string{"microshift", "version"}, false},
		{"rke2", []string{"/usr/bin/rke2", "server"}, false},
		{"k0s", []string{"/usr/local/bin/k0s", "worker"}, false},
		{"kubelet", []string{"kubelet"}, false},
		{"", nil, false},
	} {
		if got := Embeds(&evidence.Process{Comm: tt.comm, Argv: tt.argv}); got != tt.want {
			t.Errorf("%s %q: got %v, want %v", tt.comm, tt.argv, got, tt.want)
		}
	}
}

func TestAProcessOfItsOwnShowsItsArguments(t *testing.T) {
	child := inUnit(argv("kubelet --kubeconfig=/k"), "rke2-server.service")
	if d := Of(child); d.ID != RKE2 || d.Arguments != nil {
		t.Errorf("%s: the kubelet runs as a child of its own, and its arguments are looked for elsewhere", d.ID)
	}
	if d := Of(running("k3s-server", "/usr/local/bin/k3s server")); d.Arguments == nil {
		t.Error("k3s holds the kubelet, and nobody asks for its arguments")
	}
}

func TestEveryDistroIsInTheDocs(t *testing.T) {
	docs, err := os.ReadFile("../../docs/verdicts.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range List {
		if row := "| `" + string(d.ID) + "` | " + d.Title + " | " + d.Default.Rotation.String() + " |"; !strings.Contains(string(docs), row) {
			t.Errorf("docs/verdicts.md lacks the row %s", row)
		}
	}
}
