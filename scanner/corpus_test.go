package scanner

import (
	"cmp"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"

	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// corpusDir holds node files of many distributions and EXPECTED.md, which says
// what is right for each. It is not part of the project, and the tests of it
// are skipped where it is absent.
//
// Two folders of it are covered elsewhere, rule by rule: traps/yaml in
// scanner/kubelet (rules_config_test.go, rules_dropin_test.go) and
// traps/systemd-envfile in scanner/systemd (corpus_test.go,
// environment_test.go).
const corpusDir = "../../shared/corpus"

// sample is one node of the corpus: a line of EXPECTED.md has one or more.
type sample struct {
	name    string
	files   map[string]string // path on the node: path in the corpus
	texts   map[string]string // path on the node: content, where the corpus only describes it
	comm    string            // of the process; empty: kubelet
	cmdline string            // in the corpus; empty: what the unit starts
	argv    []string          // instead of cmdline
	unit    string            // empty: kubelet.service
	version string            // what the binary prints; empty: not known
	part    int               // which of several answers in a line, such as "OFF / ON"
	distro  distro.ID
	notDown string // why the unit alone cannot give the answer; empty: it must
}

// base is the plain unit of kubeadm's packages, which the corpus has once.
const (
	unitPath  = "/lib/systemd/system/kubelet.service"
	dropInDir = "/etc/systemd/system/kubelet.service.d/"
	oldUnit   = "kubeadm/v1.5-deb/lib/systemd/system/kubelet.service"
	newUnit   = "kubeadm/pkgs.k8s.io-rpm/usr/lib/systemd/system/kubelet.service"
	newDropIn = "kubeadm/pkgs.k8s.io-rpm/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
	plainYAML = "minikube/var/lib/kubelet/config.yaml"
	kubeadmed = "/var/lib/kubelet/config.yaml"
)

// oldKubeadm is a node without a configuration file.
func oldKubeadm(dir, version string) sample {
	return sample{
		name: dir, version: version, distro: distro.Kubeadm,
		files: map[string]string{
			unitPath:                      oldUnit,
			dropInDir + "10-kubeadm.conf": "kubeadm/" + dir + "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
		},
	}
}

// kubeadmNode is one with a configuration file, and with more files.
func kubeadmNode(name, dropIn string, more map[string]string) sample {
	files := map[string]string{unitPath: newUnit, dropInDir + "10-kubeadm.conf": dropIn, kubeadmed: plainYAML}
	for node, file := range more {
		files[node] = file
	}
	return sample{name: name, files: files, distro: distro.Kubeadm, version: "Kubernetes v1.28.3"}
}

func kubesprayNode(config string, part int) sample {
	return sample{
		name: config, part: part, distro: distro.Kubespray, version: "Kubernetes v1.33.4", cmdline: "kubespray/rendered/cmdline.nul",
		files: map[string]string{
			"/etc/systemd/system/kubelet.service": "kubespray/rendered/etc/systemd/system/kubelet.service",
			"/etc/kubernetes/kubelet.env":         "kubespray/rendered/etc/kubernetes/kubelet.env",
			"/etc/kubernetes/kubelet-config.yaml": "kubespray/rendered/etc/kubernetes/kubelet-config.yaml." + config,
		},
	}
}

// aksNode has the unit and drop-ins of AKS. Its kubelet's certificate where
// rotation is off is self-signed by openssl; since it is configured with
// tlsCertFile, and lasts for twenty years, it is external in our words, as
// EXPECTED.md's "STATIC-like" says.
func aksNode(name string, files, texts map[string]string) sample {
	all := map[string]string{
		"/etc/systemd/system/kubelet.service":      "aks/etc/systemd/system/kubelet.service",
		dropInDir + "10-containerd-base-flag.conf": "aks/rendered/etc/systemd/system/kubelet.service.d/10-containerd-base-flag.conf",
		dropInDir + "10-tlsbootstrap.conf":         "aks/rendered/etc/systemd/system/kubelet.service.d/10-tlsbootstrap.conf",
	}
	for node, file := range files {
		all[node] = file
	}
	return sample{name: name, files: all, texts: texts, distro: distro.AKS, version: "Kubernetes v1.22.11"}
}

func k3sNode(name, unit string, more map[string]string) sample {
	files := map[string]string{
		"/etc/systemd/system/k3s.service":                                    unit,
		"/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf": "k3s/rendered/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf",
	}
	for node, file := range more {
		files[node] = file
	}
	return sample{
		name: name, files: files, distro: distro.K3s, comm: "k3s-server", unit: "k3s.service",
		argv: []string{"/usr/local/bin/k3s server", "", ""}, version: "k3s version v1.34.3+k3s1 (48ffa7b6)",
	}
}

func bottlerocketNode(variant string, part int) sample {
	return sample{
		name: variant, part: part, distro: distro.Bottlerocket, cmdline: "bottlerocket/derived/cmdline.nul", version: "Kubernetes v1.31.2-eks-94953ac",
		files:   map[string]string{"toml": "bottlerocket/kubernetes-" + variant + ".toml"},
		notDown: "its unit is a template of settings in the corpus",
	}
}

const configHeader = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

// samples are the nodes by the first column of EXPECTED.md. Versions are those
// that the line, the folder or the flags of the sample say.
var samples = map[string][]sample{
	// Our rules begin with 1.7: of 1.5 and 1.6 the answer is found where their
	// version is not known, from the flags that only old kubelets have.
	"kubeadm/v1.5-deb, v1.6-rpm, v1.7-deb": {
		oldKubeadm("v1.5-deb", ""), oldKubeadm("v1.6-rpm", ""), oldKubeadm("v1.7-deb", "Kubernetes v1.7.16"),
	},
	"kubeadm/v1.8.0-deb, v1.8-1.10-*": {
		oldKubeadm("v1.8.0-deb", "Kubernetes v1.8.0"), oldKubeadm("v1.8-1.10-deb", "Kubernetes v1.10.13"), oldKubeadm("v1.8-1.10-rpm", "Kubernetes v1.9.11"),
		{
			name: "its own cmdline", cmdline: "kubeadm/v1.8-1.10-deb/cmdline.nul", version: "Kubernetes v1.10.13", distro: distro.Kubeadm,
			notDown: "it has no unit",
		},
	},
	"kubeadm/v1.11+-*, pkgs.k8s.io-rpm + minikube/var/lib/kubelet/config.yaml": {
		kubeadmNode("v1.11+-deb-legacy", "kubeadm/v1.11+-deb-legacy/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
			map[string]string{"/etc/default/kubelet": "kubeadm/v1.11+-deb-legacy/etc/default/kubelet"}),
		kubeadmNode("v1.11+-rpm-legacy", "kubeadm/v1.11+-rpm-legacy/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", nil),
		kubeadmNode("pkgs.k8s.io-rpm", newDropIn, map[string]string{
			"/etc/sysconfig/kubelet":             "kubeadm/pkgs.k8s.io-rpm/etc/sysconfig/kubelet",
			"/var/lib/kubelet/kubeadm-flags.env": "kubeadm/pkgs.k8s.io-rpm/var/lib/kubelet/kubeadm-flags.env",
		}),
		{
			name: "pkgs.k8s.io-rpm cmdline", cmdline: "kubeadm/pkgs.k8s.io-rpm/cmdline.nul", version: "Kubernetes v1.29.1", distro: distro.Kubeadm,
			files: map[string]string{kubeadmed: plainYAML}, notDown: "it has no unit",
		},
		{
			name: "minikube", cmdline: "minikube/cmdline.nul", version: "Kubernetes v1.28.3", distro: distro.Minikube,
			files: map[string]string{
				kubeadmed:                     plainYAML,
				unitPath:                      newUnit,
				dropInDir + "10-kubeadm.conf": "minikube/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
			},
			notDown: "its drop-in names the kubelet of 1.28 and has a flag that 1.27 took away",
		},
	},
	"kubeadm/edge/kubeadm-flags.env.escaped": {
		kubeadmNode("escaped", newDropIn, map[string]string{"/var/lib/kubelet/kubeadm-flags.env": "kubeadm/edge/kubeadm-flags.env.escaped"}),
	},
	"kubeadm/edge/external-etcd": {
		kubeadmNode("external-etcd", newDropIn, map[string]string{
			dropInDir + "20-etcd-service-manager.conf": "kubeadm/edge/external-etcd/etc/systemd/system/kubelet.service.d/20-etcd-service-manager.conf",
			dropInDir + "kubelet.conf":                 "kubeadm/edge/external-etcd/etc/systemd/system/kubelet.service.d/kubelet.conf",
		}),
	},
	"kubespray .off / .on / .duplicate-key": {kubesprayNode("off", 0), kubesprayNode("on", 1), kubesprayNode("duplicate-key", 2)},
	"kops": {{
		name: "kops", cmdline: "kops/cmdline.nul", version: "Kubernetes v1.31.0", distro: distro.KOps,
		files: map[string]string{
			unitPath:                        "kops/lib/systemd/system/kubelet.service",
			"/etc/sysconfig/kubelet":        "kops/etc/sysconfig/kubelet",
			"/var/lib/kubelet/kubelet.conf": "kops/var/lib/kubelet/kubelet.conf",
		},
	}},
	"eks-al2/v1.10-2018": {{
		name: "v1.10-2018", version: "Kubernetes v1.10.3", distro: distro.EKS,
		files: map[string]string{"/etc/systemd/system/kubelet.service": "eks-al2/v1.10-2018/etc/systemd/system/kubelet.service"},
	}},
	"eks-al2, eks-al2/v1.11-2018, eks-al2023": {
		{
			name: "eks-al2", cmdline: "eks-al2/rendered/cmdline.nul", version: "Kubernetes v1.29.3-eks-adc7111", distro: distro.EKS,
			files: map[string]string{
				"/etc/systemd/system/kubelet.service":         "eks-al2/etc/systemd/system/kubelet.service",
				dropInDir + "10-kubelet-args.conf":            "eks-al2/rendered/etc/systemd/system/kubelet.service.d/10-kubelet-args.conf",
				dropInDir + "30-kubelet-extra-args.conf":      "eks-al2/rendered/etc/systemd/system/kubelet.service.d/30-kubelet-extra-args.conf",
				"/etc/kubernetes/kubelet/kubelet-config.json": "eks-al2/etc/kubernetes/kubelet/kubelet-config.json",
			},
		},
		// "--register-node true" leaves a stray word, which kubelets from 1.11
		// on refuse: the unit is one of 1.10, where the gate of its file decides.
		{
			name: "v1.11-2018", version: "Kubernetes v1.10.11", distro: distro.EKS,
			files: map[string]string{
				"/etc/systemd/system/kubelet.service": "eks-al2/v1.11-2018/etc/systemd/system/kubelet.service",
				dropInDir + "kubelet-config.json":     "eks-al2/v1.11-2018/etc/systemd/system/kubelet.service.d/kubelet-config.json",
			},
		},
		{
			name: "eks-al2023", cmdline: "eks-al2023/rendered/cmdline.nul", version: "Kubernetes v1.31.4-eks-aeac579", distro: distro.EKS,
			files: map[string]string{
				"/etc/systemd/system/kubelet.service":                   "eks-al2023/etc/systemd/system/kubelet.service",
				"/etc/eks/kubelet/environment":                          "eks-al2023/rendered/etc/eks/kubelet/environment",
				"/etc/kubernetes/kubelet/config.json":                   "eks-al2023/etc/kubernetes/kubelet/config.json",
				"/etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf": "eks-al2023/etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf",
			},
		},
	},
	"aks/real-2022": {
		func() sample {
			s := aksNode("real-2022", map[string]string{"/etc/default/kubelet": "aks/real-2022/etc/default/kubelet"}, nil)
			s.cmdline = "aks/real-2022/cmdline.nul"
			return s
		}(),
	},
	"aks/etc/default/kubeletconfig.json.on": {aksNode("json.on",
		map[string]string{
			dropInDir + "10-componentconfig.conf": "aks/rendered/etc/systemd/system/kubelet.service.d/10-componentconfig.conf",
			"/etc/default/kubeletconfig.json":     "aks/etc/default/kubeletconfig.json.on",
		},
		map[string]string{"/etc/default/kubelet": "KUBELET_FLAGS=--cloud-provider=external\nKUBELET_NODE_LABELS=kubernetes.azure.com/cluster=MC_example\n"},
	)},
	"aks/rendered/etc/default/kubelet.rotation-on": {aksNode("rotation-on",
		map[string]string{"/etc/default/kubelet": "aks/rendered/etc/default/kubelet.rotation-on"}, nil)},
	"gke/real-2022": {{
		name: "real-2022", cmdline: "gke/real-2022/cmdline.nul", version: "Kubernetes v1.21.11-gke.900", distro: distro.GKE,
		files: map[string]string{
			"/etc/systemd/system/kubelet.service":  "gke/real-2022/etc/systemd/system/kubelet.service",
			"/etc/default/kubelet":                 "gke/real-2022/etc/default/kubelet",
			"/home/kubernetes/kubelet-config.yaml": "gke/real-2022/home/kubernetes/kubelet-config.yaml",
		},
	}},
	"k3s/rendered (defaults file alone)": {k3sNode("defaults", "k3s/etc/systemd/system/k3s.service", nil)},
	"k3s/rendered (with k3s.service or config.yaml args)": {
		k3sNode("k3s.service", "k3s/rendered/etc/systemd/system/k3s.service", nil),
		k3sNode("config.yaml", "k3s/etc/systemd/system/k3s.service", map[string]string{"/etc/rancher/k3s/config.yaml": "k3s/rendered/etc/rancher/k3s/config.yaml"}),
	},
	"rke2/v1.23-real, v1.32-derived": {
		{
			name: "v1.23-real", cmdline: "rke2/v1.23-real/cmdline.nul", unit: "rke2-agent.service", version: "Kubernetes v1.23.6+rke2r2", distro: distro.RKE2,
			files: map[string]string{"/usr/local/lib/systemd/system/rke2-agent.service": "rke2/usr/local/lib/systemd/system/rke2-agent.service"},
		},
		{
			name: "v1.32-derived", cmdline: "rke2/v1.32-derived/cmdline.nul", unit: "rke2-server.service", version: "Kubernetes v1.32.5+rke2r1", distro: distro.RKE2,
			files: map[string]string{"/usr/local/lib/systemd/system/rke2-server.service": "rke2/usr/local/lib/systemd/system/rke2-server.service"},
			texts: map[string]string{"/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/00-rke2-defaults.conf": configHeader +
				"tlsCertFile: /var/lib/rancher/rke2/agent/serving-kubelet.crt\ntlsPrivateKeyFile: /var/lib/rancher/rke2/agent/serving-kubelet.key\n"},
		},
	},
	"rke1/derived": {{
		name: "rke1", cmdline: "rke1/derived/cmdline.nul", version: "Kubernetes v1.26.15", distro: distro.RKE1,
		notDown: "nothing on the host starts it",
	}},
	"microk8s": {{
		name: "microk8s", cmdline: "microk8s/cmdline.nul", comm: "kubelite", unit: "snap.microk8s.daemon-kubelite.service", distro: distro.MicroK8s,
		files: map[string]string{
			"/var/snap/microk8s/9044/args/kubelet":    "microk8s/var/snap/microk8s/current/args/kubelet",
			"/var/snap/microk8s/current/args/kubelet": "microk8s/var/snap/microk8s/current/args/kubelet",
		},
		texts: map[string]string{
			"/var/snap/microk8s/9044/certs/kubelet.crt":                 "signed by the CA beside it",
			"/var/snap/microk8s/current/certs/kubelet.crt":              "signed by the CA beside it",
			"/etc/systemd/system/snap.microk8s.daemon-kubelite.service": "[Service]\nExecStart=/usr/bin/snap run microk8s.daemon-kubelite\n",
		},
	}},
	"charmed/rendered": {{
		name: "charmed", cmdline: "charmed/rendered/cmdline.nul", unit: "snap.kubelet.daemon.service", version: "Kubernetes v1.29.14", distro: distro.Charmed,
		files: map[string]string{"/root/cdk/kubelet/config.yaml": "charmed/rendered/root/cdk/kubelet/config.yaml"},
		texts: map[string]string{
			"/etc/systemd/system/snap.kubelet.daemon.service": "[Service]\nExecStart=/usr/bin/snap run kubelet.daemon\n",
			"/var/snap/kubelet/current/args":                  "--config=\"/root/cdk/kubelet/config.yaml\"\n--kubeconfig=\"/root/cdk/kubeconfig\"\n",
		},
	}},
	"k0s/derived (+ ServerTLSBootstrap in reconciler.go)": {{
		name: "k0s", cmdline: "k0s/derived/cmdline.nul", unit: "k0sworker.service", version: "Kubernetes v1.31.5+k0s", distro: distro.K0s,
		texts: map[string]string{
			"/run/k0s/kubelet/config.yaml":          configHeader + "rotateCertificates: true\nserverTLSBootstrap: true\n",
			"/etc/systemd/system/k0sworker.service": "[Service]\nExecStart=/usr/local/bin/k0s worker --token-file=/etc/k0s/token\n",
		},
	}},
	"openshift/rendered": {{
		name: "openshift", cmdline: "openshift/rendered/cmdline.nul", version: "Kubernetes v1.33.2", distro: distro.OpenShift,
		files: map[string]string{
			"/etc/systemd/system/kubelet.service": "openshift/rendered/etc/systemd/system/kubelet.service",
			dropInDir + "20-logging.conf":         "openshift/rendered/etc/systemd/system/kubelet.service.d/20-logging.conf",
			"/etc/kubernetes/kubelet.conf":        "openshift/rendered/etc/kubernetes/kubelet.conf",
		},
		texts: map[string]string{"/etc/os-release": "ID=rhcos\n", "/etc/openshift/kubelet.conf.d/": ""},
	}},
	"microshift": {{
		name: "microshift", comm: "microshift", argv: []string{"microshift", "run"}, unit: "microshift.service", distro: distro.MicroShift,
		files: map[string]string{"/usr/lib/systemd/system/microshift.service": "microshift/microshift.service"},
		texts: map[string]string{"/var/lib/microshift/resources/kubelet/config/config.yaml": configHeader +
			"featureGates:\n  RotateKubeletServerCertificate: false\nserverTLSBootstrap: false\ntlsCertFile: /var/lib/microshift/certs/server.crt\ntlsPrivateKeyFile: /var/lib/microshift/certs/server.key\n"},
	}},
	"bottlerocket aws / metal, vmware": {bottlerocketNode("aws", 0), bottlerocketNode("metal", 1), bottlerocketNode("vmware", 1)},
	"gardener": {{
		name: "gardener", version: "Kubernetes v1.33.4", distro: distro.Gardener,
		files: map[string]string{"/etc/systemd/system/kubelet.service": "gardener/etc/systemd/system/kubelet.service"},
		texts: map[string]string{"/etc/environment": "", "/var/lib/kubelet/config/kubelet": configHeader + "serverTLSBootstrap: true\n"},
	}},
	"kthw, kubeasz": {
		{
			name: "kthw", version: "Kubernetes v1.32.3", distro: distro.KTHW,
			files: map[string]string{
				"/etc/systemd/system/kubelet.service":  "kthw/etc/systemd/system/kubelet.service",
				"/var/lib/kubelet/kubelet-config.yaml": "kthw/var/lib/kubelet/kubelet-config.yaml",
			},
		},
		{
			name: "kubeasz", version: "Kubernetes v1.30.1", distro: distro.Kubeasz,
			argv:    []string{"/opt/kube/bin/kubelet", "--config=" + kubeadmed, "--kubeconfig=/etc/kubernetes/kubelet.kubeconfig", "--v=2"},
			texts:   map[string]string{kubeadmed: configHeader + "tlsCertFile: /etc/kubernetes/ssl/kubelet.pem\ntlsPrivateKeyFile: /etc/kubernetes/ssl/kubelet-key.pem\n"},
			notDown: "the corpus has no file of it",
		},
	},
	"typhoon": {{
		name: "fedora-coreos", version: "Kubernetes v1.36.1", distro: distro.Typhoon,
		files: map[string]string{"butane": "typhoon/fedora-coreos-worker.yaml"},
		texts: map[string]string{"/run/metadata/afterburn": ""},
		argv: []string{
			"/usr/local/bin/kubelet", "--bootstrap-kubeconfig=/etc/kubernetes/kubeconfig", "--config=/etc/kubernetes/kubelet.yaml",
			"--container-runtime-endpoint=unix:///run/containerd/containerd.sock", "--kubeconfig=/var/lib/kubelet/kubeconfig",
		},
	}},
	// Talos has no shell and no SSH, so it is no distribution of ours.
	"talos default": {{
		name: "talos", cmdline: "talos/derived/cmdline.nul", version: "Kubernetes v1.36.0",
		texts:   map[string]string{"/etc/kubernetes/kubelet.yaml": configHeader + "rotateCertificates: true\n"},
		notDown: "it has no unit",
	}},
}

// expectation is one line of EXPECTED.md.
type expectation struct{ gate, bootstrap, answer []string }

// expectations reads EXPECTED.md.
func expectations(t *testing.T, corpus fs.FS) map[string]expectation {
	t.Helper()
	content, err := fs.ReadFile(corpus, "EXPECTED.md")
	if err != nil {
		t.Fatal(err)
	}
	split := func(cell string) []string { return strings.Split(strings.TrimSpace(cell), " / ") }
	rows := map[string]expectation{}
	for line := range strings.Lines(string(content)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 7 || strings.HasPrefix(cells[1], " ---") || strings.TrimSpace(cells[1]) == "sample" {
			continue
		}
		rows[strings.TrimSpace(cells[1])] = expectation{split(cells[2]), split(cells[3]), split(cells[4])}
	}
	return rows
}

// at is the part of a cell with several answers, or the only one.
func at(cell []string, part int) string { return cell[min(part, len(cell)-1)] }

// rotation translates an answer: STATIC is what we call external.
func (e expectation) rotation(part int) kubelet.Rotation {
	switch answer := at(e.answer, part); {
	case answer == "ON":
		return kubelet.On
	case strings.HasPrefix(answer, "OFF (STATIC"):
		return kubelet.External
	case strings.HasPrefix(answer, "OFF"):
		return kubelet.Off
	}
	return kubelet.Unknown
}

// setting translates the value of a gate or of serverTLSBootstrap. One that
// does not exist is not on.
func setting(cell string) string {
	word := strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == '=' })[0]
	switch word {
	case "on", "true":
		return "true"
	}
	return "false"
}

const trapsLine = "traps/not-kubelet.ps.txt"

func TestCorpus(t *testing.T) {
	corpus := openCorpus(t)
	rows := expectations(t, corpus)
	const least = 28
	if len(rows) < least {
		t.Fatalf("EXPECTED.md has %d lines, want at least %d", len(rows), least)
	}
	for line := range samples {
		if _, ok := rows[line]; !ok {
			t.Errorf("EXPECTED.md has no line %q any more", line)
		}
	}
	for line, want := range rows {
		if len(samples[line]) == 0 && line != trapsLine {
			t.Errorf("no sample covers the line %q of EXPECTED.md", line)
		}
		for _, s := range samples[line] {
			t.Run(strings.ReplaceAll(line, "/", "_")+"/"+s.name, func(t *testing.T) {
				node := s.node(t, corpus)
				t.Run("up", func(t *testing.T) { s.check(t, node, node.evidence(s, true), want) })
				t.Run("down", func(t *testing.T) {
					if s.notDown != "" {
						t.Skip(s.notDown)
					}
					s.check(t, node, node.evidence(s, false), want)
				})
			})
		}
	}
}

func openCorpus(t *testing.T) fs.FS {
	t.Helper()
	if _, err := os.Stat(corpusDir); err != nil {
		t.Skipf("SKIPPED: there is no corpus of node files at %s", corpusDir)
	}
	return os.DirFS(corpusDir)
}

// check judges a node, hands it what it wants of its files, and compares.
func (s sample) check(t *testing.T, node corpusNode, ev *evidence.Evidence, want expectation) {
	t.Helper()
	j := Judge(ev)
	for range maxRounds {
		for _, w := range j.Wants {
			if w.Kind == evidence.Program {
				ev.Programs = append(ev.Programs, evidence.ProgramVersion{Path: w.Path, Version: s.version})
				continue
			}
			node.fetch(ev, w)
		}
		j = Judge(ev)
	}
	v := j.Verdict
	if j.Status != OK || len(j.Wants) > 0 {
		t.Fatalf("status %v (%s), still wants %v", j.Status, j.Reason, j.Wants)
	}
	if got, want := v.Rotation, want.rotation(s.part); got != want {
		t.Errorf("rotation %v, want %v: %s", got, want, v.Why)
	}
	if v.Distro != s.distro {
		t.Errorf("distribution %q, want %q", v.Distro, s.distro)
	}
	for i, cell := range [][]string{want.bootstrap, want.gate} {
		got, want := v.Settings[i], setting(at(cell, s.part))
		switch {
		case got.Value == want, got.Value == "" && v.Version == "": // the default of the gate changed in 1.12
		case i == 0 && strings.Contains(got.Source.Text, "has no serverTLSBootstrap"):
		default:
			t.Errorf("%s is %q, want %s (%s)", got.Name, got.Value, want, got.Detail)
		}
	}
}

// corpusNode is the file system of one sample, by path.
type corpusNode struct {
	files map[string]string
	argv  []string
}

func (s sample) node(t *testing.T, corpus fs.FS) corpusNode {
	t.Helper()
	read := func(name string) string {
		content, err := fs.ReadFile(corpus, name)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	n := corpusNode{files: map[string]string{}, argv: s.argv}
	for name, file := range s.files {
		switch content := read(file); name {
		case "butane":
			n.butane(t, content)
		case "toml":
			value := "false"
			if strings.Contains(content, "\nserver-tls-bootstrap = true\n") {
				value = "true"
			}
			n.files["/etc/kubernetes/kubelet/config"] = configHeader + "serverTLSBootstrap: " + value + "\n"
		default:
			n.files[name] = content
		}
	}
	for name, text := range s.texts {
		n.files[name] = text
	}
	if s.cmdline != "" {
		n.argv = strings.Split(strings.TrimSuffix(read(s.cmdline), "\x00"), "\x00")
	}
	if n.argv == nil {
		ev := n.evidence(s, false)
		for name := range n.files {
			n.fetch(ev, evidence.Want{Kind: evidence.Text, Path: name})
		}
		for _, e := range distro.StartOf(ev, s.service()).Wants { // what the unit names and the corpus lacks
			n.fetch(ev, e)
		}
		for _, word := range distro.StartOf(ev, s.service()).Words {
			n.argv = append(n.argv, word.Text)
		}
	}
	return n
}

// butane takes the kubelet's unit and configuration out of a machine
// configuration, a template of Terraform's.
func (n corpusNode) butane(t *testing.T, content string) {
	t.Helper()
	var machine struct {
		Systemd struct {
			Units []struct{ Name, Contents string }
		}
		Storage struct {
			Files []struct {
				Path     string
				Contents struct{ Inline string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(content), &machine); err != nil {
		t.Fatal(err)
	}
	for _, u := range machine.Systemd.Units {
		if u.Name != "kubelet.service" {
			continue
		}
		var unit strings.Builder
		for line := range strings.Lines(u.Contents) {
			if !strings.HasPrefix(strings.TrimSpace(line), "%{") { // conditions and loops
				unit.WriteString(strings.ReplaceAll(line, "$${", "${"))
			}
		}
		n.files["/etc/systemd/system/"+u.Name] = unit.String()
	}
	for _, f := range machine.Storage.Files {
		if f.Path == "/etc/kubernetes/kubelet.yaml" {
			n.files[f.Path] = f.Contents.Inline
		}
	}
}

func (s sample) service() string {
	return cmp.Or(s.unit, "kubelet.service")
}

// evidence is what a survey by root brings back: the process, the unit files,
// and what is Rancher's. The rest has to be wanted.
func (n corpusNode) evidence(s sample, up bool) *evidence.Evidence {
	ev := &evidence.Evidence{
		Host: evidence.Host{System: "Linux", UID: 0, User: "root"},
		PIDs: evidence.PIDs{Seen: 90, Readable: 90},
	}
	for name, content := range n.files {
		if strings.Contains(name, "/systemd/system/") {
			ev.Files = append(ev.Files, evidence.File{Path: name, State: evidence.Present, Content: content})
		}
	}
	slices.SortFunc(ev.Files, func(a, b evidence.File) int { return strings.Compare(a.Path, b.Path) })
	// k3s and RKE2 keep these where the well-known lists have them.
	for name := range n.files {
		if strings.HasPrefix(name, "/etc/rancher/") {
			n.fetch(ev, evidence.Want{Kind: evidence.RancherConfig, Path: name})
		}
		if dir := path.Dir(name); strings.HasSuffix(dir, "kubelet.conf.d") {
			n.fetch(ev, evidence.Want{Kind: evidence.DropInDir, Path: dir})
		}
	}
	if !up {
		if !strings.HasPrefix(s.service(), "kubelet") { // no program of its unit prints it
			ev.Version = s.version
		}
		return ev
	}
	ev.Processes = []evidence.Process{
		{PID: 700, Comm: "podman", Argv: append([]string{"/usr/bin/podman", "run", "--name", "kubelet"}, n.argv...), ArgvState: evidence.Present},
		{PID: 800, Comm: cmp.Or(s.comm, "kubelet"), Argv: n.argv, ArgvState: evidence.Present, Unit: s.service(), Version: s.version, Cwd: "/"},
	}
	return ev
}

// fetch adds what a second look brings.
func (n corpusNode) fetch(ev *evidence.Evidence, w evidence.Want) {
	add := func(name string) {
		f := evidence.File{Path: name, State: evidence.Absent}
		if content, ok := n.files[name]; ok {
			f.State, f.Content = evidence.Present, content
		}
		if ev.File(0, name) == nil {
			ev.Files = append(ev.Files, f)
		}
	}
	if w.Kind != evidence.DropInDir && w.Kind != evidence.CertDir {
		add(w.Path)
		return
	}
	dir := evidence.Dir{Path: w.Path, State: evidence.Absent}
	for name := range n.files {
		if !strings.HasPrefix(name, w.Path+"/") {
			continue
		}
		dir.State = evidence.Present
		switch {
		case w.Kind == evidence.CertDir:
			dir.Entries = append(dir.Entries, evidence.Entry{Path: name})
		case strings.HasSuffix(name, ".conf"):
			add(name)
		}
	}
	if ev.Dir(0, w.Path) == nil {
		ev.Dirs = append(ev.Dirs, dir)
	}
}

// TestCorpusTraps feeds every line of a process list that matches /kubelet/
// and is none of this node's kubelet.
func TestCorpusTraps(t *testing.T) {
	corpus := openCorpus(t)
	content, err := fs.ReadFile(corpus, trapsLine)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			t.Fatalf("%q: expected a line of ps -ef", line)
		}
		argv := fields[7:]
		p := evidence.Process{PID: 6002, PPID: 6000, Comm: path.Base(argv[0]), Argv: argv, ArgvState: evidence.Present}
		p.Comm = p.Comm[:min(15, len(p.Comm))]
		if fields[0] != "root" {
			p.UID = 1000
		}
		ev := node(func(ev *evidence.Evidence) { ev.Processes = []evidence.Process{p} })
		ev.Files = nil
		// A program called kubelet that root runs without any argument is a
		// kubelet as far as anybody can tell. The trap is one that the node's
		// kubelet has forked: beside its parent it must not be taken for it.
		if len(argv) == 1 && argv[0] == "kubelet" {
			parent := node(nil).Processes[0]
			parent.PID = 6000
			ev.Processes = append([]evidence.Process{parent}, ev.Processes...)
			if got := Judge(ev).Verdict.PID; got != parent.PID {
				t.Errorf("%q: judged pid %d, want its parent", line, got)
			}
			continue
		}
		if j := Judge(ev); j.Status != NoKubelet {
			t.Errorf("%q: status %v, want %v", line, j.Status, NoKubelet)
		}
	}
}
