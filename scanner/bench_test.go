package scanner

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/probe"
	"kletscan/scanner/serving"
)

// BenchmarkJudge judges an ordinary node:
//
//	first        when nothing like it was seen before
//	fleet        as one of many that are alike
//	on           likewise, with rotation on, which takes no advice
//	unreadable   likewise, where its configuration cannot be read
func BenchmarkJudge(b *testing.B) {
	judge := func(name string, edit func(*evidence.Evidence), judge func(*evidence.Evidence) Judgement) {
		b.Run(name, func(b *testing.B) {
			ev := ordinary(edit)
			b.ReportAllocs()
			for b.Loop() {
				if j := judge(ev); j.Status != OK || len(j.Wants) > 0 {
					b.Fatal(j.Reason, j.Wants)
				}
			}
		})
	}
	var g Judger
	judge("first", nil, Judge)
	judge("fleet", nil, g.Judge)
	judge("on", on, g.Judge)
	judge("unreadable", func(ev *evidence.Evidence) {
		f := ev.File(0, kubeadmed)
		*f = evidence.File{Path: f.Path, State: evidence.Denied, Sudo: true}
	}, g.Judge)
}

// BenchmarkJoin brings together with that what an ordinary node serves: a
// certificate that the kubelet signed itself, one of the cluster's CA, and the
// same where that CA is on the node, so that there is a signature to check.
func BenchmarkJoin(b *testing.B) {
	chain, ca := mintRotated(b)
	rotated := serving.Certificate(chain)
	for _, bench := range []struct {
		name string
		cert *evidence.Certificate
		edit func(*evidence.Evidence)
	}{
		{"self-signed", selfSignedCert(), nil},
		{"rotated", &rotated, on},
		{"signed", &rotated, func(ev *evidence.Evidence) {
			on(ev)
			ev.Files = append(ev.Files, evidence.File{Path: probe.Authorities[0], State: evidence.Present, Content: ca})
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var g Judger
			ev := ordinary(bench.edit)
			j := g.Judge(ev)
			ev.Serving = &evidence.Serving{Address: j.Listen, Attempts: []evidence.Attempt{look("", bench.cert, "")}}
			b.ReportAllocs()
			for b.Loop() {
				if v := g.Join(j, ev).Verdict; v.Served.Join != JoinConfirms || (v.Served.SignedBy != "") != (bench.name == "signed") {
					b.Fatal(v.Served)
				}
			}
		})
	}
}

// BenchmarkHeld says how many bytes of a verdict stay when its evidence, of
// which each node has its own, is gone.
func BenchmarkHeld(b *testing.B) {
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	const fleet = 1000
	var g Judger
	for b.Loop() {
		verdicts, before := make([]Verdict, fleet), heap()
		for i := range verdicts {
			ev := ordinary(nil)
			inOneText(ev)
			verdicts[i] = g.Judge(ev).Verdict
		}
		b.ReportMetric((heap()-before)/fleet+float64(unsafe.Sizeof(Verdict{})), "B/verdict")
		runtime.KeepAlive(verdicts)
	}
}

// BenchmarkStages are the parts of BenchmarkJudge.
func BenchmarkStages(b *testing.B) {
	ev := ordinary(nil)
	s, _, _ := findSubject(ev)
	d := distro.Of(s)
	b.Run("subject", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			findSubject(ev)
		}
	})
	b.Run("distro", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			distro.Of(s)
		}
	})
	b.Run("gather", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			gather(s, d)
		}
	})
	in := gather(s, d)
	now := in.running()
	b.Run("resolve", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			in.running()
		}
	})
	b.Run("letters", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			letters(in.now, now, s)
		}
	})
	b.Run("remedy", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			distro.Remedy(d, s, now)
		}
	})
}

func on(ev *evidence.Evidence) {
	ev.File(0, kubeadmed).Content += "serverTLSBootstrap: true\n"
}

// ordinary is what a root login sees of a worker of kubeadm 1.31, changed by edit.
func ordinary(edit func(*evidence.Evidence)) *evidence.Evidence {
	const (
		unit   = "/usr/lib/systemd/system/kubelet.service"
		dropIn = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
	)
	file := func(name, content string) evidence.File {
		return evidence.File{Path: name, State: evidence.Present, ModTime: clock - 300*day, Mode: "644", Content: content}
	}
	ev := &evidence.Evidence{
		Host: evidence.Host{
			System: "Linux", Name: "worker-1", UID: 0, User: "root", Now: clock, BootTime: clock - 30*day, ClockTicks: 100,
			MountNS: "mnt:[4026531841]", OSRelease: "Ubuntu 24.04.3 LTS", Systemd: true,
		},
		PIDs: evidence.PIDs{Seen: 214, Readable: 214},
		Processes: []evidence.Process{{
			PID: 912, PPID: 1, Comm: "kubelet", ArgvState: evidence.Present, StartTick: 5000, Exe: "/usr/bin/kubelet", Cwd: "/",
			MountNS: "mnt:[4026531841]", Cgroup: "/system.slice/kubelet.service", Unit: "kubelet.service", Version: "Kubernetes v1.31.4", DropInEnv: "unset",
			Argv: []string{
				"/usr/bin/kubelet", "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
				"--kubeconfig=/etc/kubernetes/kubelet.conf", "--config=/var/lib/kubelet/config.yaml",
				"--container-runtime-endpoint=unix:///run/containerd/containerd.sock", "--pod-infra-container-image=registry.k8s.io/pause:3.10",
			},
		}},
		Units: []evidence.Unit{{
			Name: "kubelet.service", LoadState: "loaded", ActiveState: "active", MainPID: 912, Fragment: unit, DropIns: []string{dropIn},
			EnvironmentFiles: []string{"/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet"},
		}},
		Files: []evidence.File{
			file(unit, kubeadmUnit),
			file(dropIn, kubeadmDropIn),
			file("/var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock --pod-infra-container-image=registry.k8s.io/pause:3.10\"\n"),
			file("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=\n"),
			file(kubeadmed, header+typicalConfig),
		},
		Dirs: []evidence.Dir{{Path: "/var/lib/kubelet/pki", State: evidence.Present, ModTime: clock - 300*day, Entries: []evidence.Entry{
			{Path: "/var/lib/kubelet/pki/kubelet-client-current.pem", Target: "/var/lib/kubelet/pki/kubelet-client-2026-01-16-08-12-40.pem"},
			{Path: "/var/lib/kubelet/pki/kubelet.crt"},
		}}},
	}
	if edit != nil {
		edit(ev)
	}
	return ev
}

const kubeadmUnit = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
`

const kubeadmDropIn = `# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# This is a file that "kubeadm init" and "kubeadm join" generates at runtime, populating the KUBELET_KUBEADM_ARGS variable dynamically
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# This is a file that the user can use for overrides of the kubelet args as a last resort. Preferably, the user should use
# the .NodeRegistration.KubeletExtraArgs object in the configuration files instead. KUBELET_EXTRA_ARGS should be sourced from this file.
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`

// mintRotated makes the certificate of a kubelet that rotates, as DER, and its
// CA, as PEM.
func mintRotated(b *testing.B) (leaf []byte, ca string) {
	b.Helper()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	authority, err := rsa.GenerateKey(rand.Reader, 2048) // as kubeadm makes it
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	issuer := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, DNSNames: []string{"kubernetes"},
		NotBefore: time.Unix(clock-300*day, 0), NotAfter: time.Unix(clock+3000*day, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	root, err := x509.CreateCertificate(rand.Reader, issuer, issuer, authority.Public(), authority)
	must(err)
	leaf, err = x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1 << 60), Subject: pkix.Name{CommonName: "system:node:worker-1", Organization: []string{"system:nodes"}},
		NotBefore: time.Unix(clock-100*day, 0), NotAfter: time.Unix(clock+265*day, 0), DNSNames: []string{"worker-1"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, issuer, key.Public(), authority)
	must(err)
	return leaf, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
}

// typicalConfig is what kubeadm writes beside the head.
const typicalConfig = `authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: ""
cpuManagerReconcilePeriod: 0s
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMinimumGCAge: 0s
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
  verbosity: 0
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
`
