package distro

import (
	"strings"
	"testing"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// configured is a KubeletConfiguration with these lines.
func configured(lines string) string {
	return "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + lines
}

// effective is what the kubelet's rules make of a subject, with this content in
// the file that its arguments name.
func effective(t *testing.T, s Subject, version, content string) kubelet.Effective {
	t.Helper()
	in := kubelet.Input{Args: s.Start.Args()}
	if s.Process != nil {
		in.Args = kubelet.Argv(s.Process.Argv)
	}
	if d := Of(s); d.Arguments != nil {
		in.Args = d.Arguments(s).Args
	}
	var err error
	if in.Version, err = kubelet.ParseVersion(version); err != nil {
		t.Fatal(err)
	}
	flags, _ := kubelet.ParseFlags(in.Args)
	in.Config = kubelet.File{Path: flags.Paths().Config, State: kubelet.Present, Content: []byte(content)}
	in.DropIns = kubelet.DropInDir{Path: flags.Paths().ConfigDir, State: kubelet.Present}
	return kubelet.Resolve(in)
}

const (
	staticLines = "tlsCertFile: /etc/x/kubelet.crt\ntlsPrivateKeyFile: /etc/x/kubelet.key\n"
	onLine      = "serverTLSBootstrap: true\n"
	gateOff     = "featureGates:\n  RotateKubeletServerCertificate: false\n"
)

func TestRemedy(t *testing.T) {
	extra := config("/etc/default/kubelet", "# for the administrator\nKUBELET_EXTRA_ARGS=--rotate-server-certificates=false\n")
	kubeadmRuns := func(more ...evidence.File) Subject {
		unit := kubeadmUnit(more...)
		s := inUnit(argv(kubeadmCommand), "kubelet.service")
		if len(more) > 0 {
			s = inUnit(argv(kubeadmCommand+" --rotate-server-certificates=false"), "kubelet.service")
		}
		s.Start = unit.Start
		return s
	}
	tests := []struct {
		name, version, content string
		s                      Subject
		want                   []string // in this order
		never                  []string
	}{
		{
			"kubeadm: the file of the node, that of the cluster, the restart, the approval", "1.31", configured(""), kubeadmRuns(),
			[]string{"serverTLSBootstrap: true to /var/lib/kubelet/config.yaml", "configmap kubelet-config", "systemctl restart kubelet", "kubectl certificate approve", "from Kubernetes 1.11 on"},
			[]string{"tlsCertFile"},
		},
		{
			"the line that says false", "1.31", configured("serverTLSBootstrap: false\n"), kubeadmRuns(),
			[]string{"Set serverTLSBootstrap: true in /var/lib/kubelet/config.yaml line 3."},
			nil,
		},
		{
			"a flag that beats the file, where its unit has it", "1.31", configured(onLine), kubeadmRuns(extra),
			[]string{"--rotate-server-certificates=false (/etc/default/kubelet line 2) must go"},
			nil,
		},
		{
			"the same on a node that is down", "1.31", configured(onLine), kubeadmUnit(extra),
			[]string{"--rotate-server-certificates=false (/etc/default/kubelet line 2) must go"},
			nil,
		},
		{
			"a gate that is off", "1.31", configured(gateOff), kubeadmRuns(),
			[]string{"RotateKubeletServerCertificate: false (/var/lib/kubelet/config.yaml line 4) must go", "serverTLSBootstrap: true"},
			nil,
		},
		{
			"a kubelet that cannot start for it", "1.31", configured(onLine + gateOff), kubeadmRuns(),
			[]string{"RotateKubeletServerCertificate: false (/var/lib/kubelet/config.yaml line 5) must go", "systemctl restart", "certificate approve"},
			[]string{"Add serverTLSBootstrap"},
		},
		{
			"a kubelet that cannot start for another reason", "1.31", "kind: x\n", kubeadmRuns(),
			[]string{"exits with", "/var/lib/kubelet/config.yaml"},
			[]string{"serverTLSBootstrap"},
		},
		{
			"a certificate of one's own", "1.31", configured(staticLines), kubeadmRuns(),
			[]string{"/etc/x/kubelet.crt", "serverTLSBootstrap: true", "tlsCertFile and tlsPrivateKeyFile (/var/lib/kubelet/config.yaml lines 3 and 4) must go"},
			nil,
		},
		{
			"the same from 1.36 on, where it may stay", "1.36", configured(staticLines), kubeadmRuns(),
			[]string{"serverTLSBootstrap: true"},
			[]string{"must go"},
		},
		{
			"masked: on, and hidden from who dials by IP", "1.31", configured(onLine + staticLines), kubeadmRuns(),
			[]string{"tlsCertFile and tlsPrivateKeyFile", "must go", "systemctl restart kubelet"},
			[]string{"Add serverTLSBootstrap", "feature gate", "approve"},
		},
		{
			"up to 1.10 the gate is the switch, and an upgrade the way", "1.9", "", argv("/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"),
			[]string{"upgrade to Kubernetes 1.12 or later", "--feature-gates=RotateKubeletServerCertificate=true"},
			[]string{"from Kubernetes 1.11 on"},
		},
		{
			"1.11 has the field and no flag, and its gate is off", "1.11", "", argv("/opt/kubelet --kubeconfig=/k"),
			[]string{"serverTLSBootstrap: true", "featureGates: RotateKubeletServerCertificate: true"},
			nil,
		},
		{
			"a kubelet of flags alone: the variable that comes last", "1.31", "", down("kubelet.service",
				service(kubeletUnit, "EnvironmentFile=/etc/kubelet.env\nExecStart=/opt/kubelet --kubeconfig=/k $MORE"), config("/etc/kubelet.env", "MORE=--v=2\n")),
			[]string{"Add --rotate-server-certificates=true to MORE in /etc/kubelet.env."},
			nil,
		},
		{
			"a kubelet of flags alone: its unit", "1.31", "", down("kubelet.service", service(kubeletUnit, "ExecStart=/opt/kubelet --kubeconfig=/k")),
			[]string{"Add --rotate-server-certificates=true to the arguments in " + kubeletUnit + ".", "systemctl daemon-reload"},
			nil,
		},
		{"a kubelet without an API server cannot rotate", "1.31", "", argv("/opt/kubelet --v=2"), []string{"--kubeconfig", "tlsCertFile"}, []string{"approve"}},
		{"nor one that asks for it", "1.31", configured(onLine), argv("/opt/kubelet --config=/c.yaml"), []string{"--kubeconfig", "/c.yaml line 3"}, nil},
		{"Alpine has no systemd", "1.30", configured(""), onOS(argv(kubeadmCommand), "Alpine Linux v3.20"), []string{"serverTLSBootstrap: true", "rc-service kubelet restart"}, []string{"systemctl"}},
		{"image-builder", "1.33", configured(""), argv(kubeadmCommand + " --config-dir /var/lib/kubelet/kubelet.conf.d"), []string{"KubeadmConfigTemplate"}, nil},
		{"kind", "1.31", configured(""), argv(kubeadmCommand + " --provider-id=kind://docker/kind/a"), []string{"kubeadmConfigPatches"}, nil},
		{"minikube", "1.31", configured(""), argv("/var/lib/minikube/binaries/v1.31.0/kubelet --kubeconfig=/k --config=/var/lib/kubelet/config.yaml"), []string{"--extra-config=kubelet.rotate-server-certificates=true"}, nil},
		{"kubespray", "1.33", configured(""), argv("/usr/local/bin/kubelet --kubeconfig=/k --config=/etc/kubernetes/kubelet-config.yaml"), []string{"kubelet_rotate_server_certificates: true", "kubelet-csr-approver"}, []string{"kubectl certificate approve"}},
		{"kOps cannot", "1.31", configured(staticLines), argv("/usr/local/bin/kubelet --kubeconfig=/k --config=/var/lib/kubelet/kubelet.conf"), []string{"kops rolling-update", "cannot"}, []string{"approve"}},
		{"EKS by nodeadm", "1.31", configured("serverTLSBootstrap: false\n"), argv("/usr/bin/kubelet --kubeconfig=/var/lib/kubelet/kubeconfig --config=/etc/kubernetes/kubelet/config.json"), []string{"NodeConfig", "EKS approves"}, []string{"kubectl certificate approve"}},
		{"EKS on Amazon Linux 2", "1.29", configured(""), argv("/usr/bin/kubelet --kubeconfig=/var/lib/kubelet/kubeconfig --config=/etc/kubernetes/kubelet/kubelet-config.json"), []string{"/etc/kubernetes/kubelet/kubelet-config.json", "user data"}, []string{"NodeConfig"}},
		{"AKS by node pool, never by hand", "1.30", configured(staticLines), argv("/opt/bin/kubelet --kubeconfig=/k --config=/etc/default/kubeletconfig.json"), []string{"openssl", "az aks nodepool upgrade", "aks-disable-kubelet-serving-certificate-rotation", "Never edit"}, nil},
		{"GKE", "1.30", configured(""), argv("/home/kubernetes/bin/kubelet --kubeconfig=/k --pod-sysctls=a=b --config /home/kubernetes/kubelet-config.yaml"), []string{"made anew", "GKE approves"}, nil},
		{"kube-up", "1.27", configured(""), argv("/home/kubernetes/bin/kubelet --kubeconfig=/k --config /home/kubernetes/kubelet-config.yaml"), []string{"/home/kubernetes/kubelet-config.yaml", "kubectl certificate approve"}, nil},
		{"k3s renews by itself", "1.31", "", k3sNode("/usr/local/bin/k3s server"), []string{"120 days", "k3s certificate rotate"}, []string{"RotateKubeletServerCertificate"}},
		{"k3s with rotation beside its own certificate", "1.31", "", k3sNode("/usr/local/bin/k3s server --kubelet-arg=rotate-server-certificates=true"), []string{"dial by IP", "/etc/systemd/system/k3s.service line 2"}, nil},
		{"RKE2 likewise", "1.31", "", down("rke2-server.service", service("/usr/lib/systemd/system/rke2-server.service", "ExecStart=/usr/bin/rke2 server")), []string{"restart rke2-server", "rke2 certificate rotate"}, nil},
		{"RKE1", "1.26", "", argv("kubelet --kubeconfig=/etc/kubernetes/ssl/kubecfg-kube-node.yaml"), []string{"cluster.yml", "rke up", "rke cert rotate"}, nil},
		{"MicroK8s", "1.31", "", kubelite("--kubeconfig=${SNAP_DATA}/k\n--cert-dir=${SNAP_DATA}/certs\n"), []string{kubeliteFile, "snap restart microk8s.daemon-kubelite"}, []string{"systemctl"}},
		{"Canonical Kubernetes", "1.32", "", argv("/snap/k8s/2/bin/kubelet --kubeconfig=/k --tls-cert-file=/etc/kubernetes/pki/kubelet.crt --tls-private-key-file=/etc/kubernetes/pki/kubelet.key"), []string{"k8s refresh-certs", k8sSnapFile}, nil},
		{"Charmed Kubernetes", "1.29", configured(staticLines), argv("/snap/kubelet/2/kubelet --kubeconfig=/k --config=/root/cdk/kubelet/config.yaml"), []string{"juju config kubernetes-worker kubelet-extra-config"}, nil},
		{"k0s by its worker profile", "1.31", configured("serverTLSBootstrap: false\n"), argv("/var/lib/k0s/bin/kubelet --kubeconfig=/var/lib/k0s/kubelet.conf --config=/run/k0s/kubelet/config.yaml"), []string{"spec.workerProfiles", "k0s approves"}, []string{"kubectl certificate approve"}},
		{"OpenShift by its operator", "1.31", configured(""), argv("/usr/bin/kubelet --config=/etc/kubernetes/kubelet.conf --bootstrap-kubeconfig=/etc/kubernetes/kubeconfig --kubeconfig=/var/lib/kubelet/kubeconfig"), []string{"Never by hand", "KubeletConfig", "cluster-machine-approver"}, []string{"systemctl"}},
		{"OpenShift 3", "1.11", "", running("hyperkube", "hyperkube", "kubelet", "--kubeconfig=/etc/origin/node/node.kubeconfig", "--tls-cert-file=/etc/origin/node/server.crt", "--tls-private-key-file=/etc/origin/node/server.key"), []string{"redeploy-certificates.yml"}, nil},
		{"MicroShift", "1.31", configured(staticLines), running("microshift", "microshift", "run"), []string{"systemctl restart microshift"}, nil},
		{"Bottlerocket by its settings", "1.31", configured("serverTLSBootstrap: false\n"), argv("/usr/bin/kubelet --kubeconfig /etc/kubernetes/kubelet/kubeconfig --config /etc/kubernetes/kubelet/config"), []string{"apiclient set settings.kubernetes.server-tls-bootstrap=true", "kubectl certificate approve"}, []string{"server-certificate", "systemctl"}},
		{"Bottlerocket with a certificate in its settings", "1.31", configured(staticLines), argv("/usr/bin/kubelet --kubeconfig /etc/kubernetes/kubelet/kubeconfig --config /etc/kubernetes/kubelet/config"), []string{"settings.kubernetes.server-certificate", "server-tls-bootstrap=true"}, []string{"line 3"}},
		{"Typhoon", "1.36", configured(""), argv("/usr/local/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/kubeconfig --config=/etc/kubernetes/kubelet.yaml --kubeconfig=/k"), []string{"/etc/kubernetes/kubelet.yaml", "worker_snippets"}, nil},
		{"Gardener", "1.33", configured(""), argv("/opt/bin/kubelet --config=/var/lib/kubelet/config/kubelet --kubeconfig=/var/lib/kubelet/kubeconfig-real"), []string{"Shoot", "gardener-resource-manager"}, nil},
		{"Kubermatic", "1.31", configured(""), argv("/opt/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/var/lib/kubelet/kubeconfig --config=/etc/kubernetes/kubelet.conf --cert-dir=/etc/kubernetes/pki"), []string{"/etc/kubernetes/kubelet.conf", "OperatingSystemProfile"}, nil},
		{"the rpm", "1.20", "", down("kubelet.service", service(kubeletUnit, "EnvironmentFile=-/etc/kubernetes/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/k $KUBELET_ARGS"), config("/etc/kubernetes/kubelet", "KUBELET_ARGS=--v=2\n")), []string{"KUBELET_ARGS in /etc/kubernetes/kubelet"}, nil},
		{"kubeasz", "1.30", configured(staticLines), argv("/opt/kube/bin/kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/etc/kubernetes/kubelet.kubeconfig"), []string{"serverTLSBootstrap: true to /var/lib/kubelet/config.yaml", "roles/kube-node", "must go"}, []string{"configmap kubelet-config"}},
		{"Kubernetes The Hard Way", "1.32", configured(staticLines), argv("/usr/local/bin/kubelet --config=/var/lib/kubelet/kubelet-config.yaml --kubeconfig=/var/lib/kubelet/kubeconfig"), []string{"serverTLSBootstrap: true to /var/lib/kubelet/kubelet-config.yaml", "must go"}, nil},
	}
	asked := map[ID]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, e := Of(tt.s), effective(t, tt.s, tt.version, tt.content)
			asked[d.ID] = true
			got := Remedy(d, tt.s, e)
			rest := strings.Join(got, "\n")
			for _, want := range tt.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("%s, %v: want %q next in\n%s", d.ID, e.Rotation, want, strings.Join(got, "\n"))
				}
				rest = after
			}
			for _, never := range tt.never {
				if strings.Contains(strings.Join(got, "\n"), never) {
					t.Errorf("%s, %v: want no %q in\n%s", d.ID, e.Rotation, never, strings.Join(got, "\n"))
				}
			}
			checkSentences(t, got, e)
		})
	}
	for _, d := range List {
		if d.Remedy != nil && !asked[d.ID] {
			t.Errorf("%s has a Remedy that no test reads", d.ID)
		}
	}
}

// checkSentences keeps what holds for every advice.
func checkSentences(t *testing.T, list []string, e kubelet.Effective) {
	t.Helper()
	whole := strings.Join(list, "\n")
	for _, sentence := range list {
		if !strings.HasSuffix(sentence, ".") && !strings.HasSuffix(sentence, ":") || strings.ContainsAny(sentence, "\n\t") {
			t.Errorf("%q is not a sentence of one line", sentence)
		}
		if strings.Contains(sentence, "ertificate=true") && strings.Contains(sentence, "feature-gates") && !strings.Contains(sentence, "serverTLSBootstrap") {
			t.Errorf("%q advises the gate alone", sentence)
		}
	}
	if e.Rotation == kubelet.Off && !strings.Contains(whole, "serverTLSBootstrap") && !strings.Contains(whole, "rotate-server-certificates") && !e.NoAPIClient {
		t.Errorf("nothing turns rotation on in\n%s", whole)
	}
	if len(list) == 0 {
		t.Error("no advice at all")
	}
}

func TestRemedyIsSilentWhereNothingIsWrong(t *testing.T) {
	s := argv(kubeadmCommand)
	for name, e := range map[string]kubelet.Effective{
		"on":                                  effective(t, s, "1.31", configured(onLine)),
		"on with a static file, from 1.36":    effective(t, s, "1.36", configured(onLine+staticLines)),
		"unknown":                             {},
		"nothing is served":                   effective(t, s, "1.31", configured("enableServer: false\n")),
		"alone with a certificate of its own": effective(t, argv("/opt/kubelet --tls-cert-file=/c --tls-private-key-file=/k"), "1.31", ""),
	} {
		if got := Remedy(Of(s), s, e); got != nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestRemedyOfEveryDistroInEveryState(t *testing.T) {
	for _, tt := range up {
		d := Of(tt.s)
		for name, content := range map[string]string{"off": configured(""), "static": configured(staticLines), "masked": configured(onLine + staticLines), "invalid": configured(onLine + gateOff)} {
			e := kubelet.Resolve(kubelet.Input{
				Version: kubelet.Version{Major: 1, Minor: 31},
				Args:    []kubelet.Arg{{Text: "--config=/c"}, {Text: "--kubeconfig=/k"}},
				Config:  kubelet.File{Path: "/c", State: kubelet.Present, Content: []byte(content)},
			})
			t.Run(tt.name+"/"+name, func(t *testing.T) { checkSentences(t, Remedy(d, tt.s, e), e) })
		}
	}
}

func TestRestart(t *testing.T) {
	for want, s := range map[string]Subject{
		"systemctl daemon-reload and systemctl restart kubelet.":   inUnit(argv(kubeadmCommand), "kubelet.service"),
		"systemctl daemon-reload and systemctl restart k3s-agent.": inUnit(running("k3s-agent", "/usr/local/bin/k3s agent"), "k3s-agent.service"),
		"snap restart microk8s.daemon-kubelite.":                   kubelite(""),
		"rc-service k3s restart.":                                  down("k3s.service", config("/etc/init.d/k3s", "#!/sbin/openrc-run\ncommand=/usr/local/bin/k3s\n")),
		"restart the kubelet.":                                     argv("/opt/kubelet"),
	} {
		if got := Restart(Of(s), s); got != "Then "+want {
			t.Errorf("got %q, want %q", got, "Then "+want)
		}
	}
}
