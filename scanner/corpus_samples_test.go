package scanner

import "kletscan/scanner/distro"

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
