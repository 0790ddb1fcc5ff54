package kubelet

import "testing"

// kubeadmConfig is what kubeadm 1.29 writes, without its cluster's values.
const kubeadmConfig = header + `authentication:
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
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
`

func kubeadm(v Version, dropIns ...string) Input {
	in := Input{
		Version: v,
		Args: Argv([]string{
			"/usr/bin/kubelet", "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
			"--kubeconfig=/etc/kubernetes/kubelet.conf", "--config=/var/lib/kubelet/config.yaml",
			"--container-runtime-endpoint=unix:///run/containerd/containerd.sock", "--node-ip=10.0.0.1",
		}),
		Config: File{Path: "/var/lib/kubelet/config.yaml", State: Present, Content: []byte(kubeadmConfig)},
	}
	if len(dropIns) > 0 {
		in.Args = append(in.Args, Arg{Text: "--config-dir=" + dropInPath})
		in.DropIns = DropInDir{Path: dropInPath, State: Present}
		for _, text := range dropIns {
			in.DropIns.Files = append(in.DropIns.Files, content(dropInPath+"/"+text[:7], text[8:]))
		}
	}
	return in
}

func BenchmarkResolve(b *testing.B) {
	dropIns := []string{"10.conf " + yes, "20.conf featureGates:;  NodeSwap: true", "30.conf maxPods: 250"}
	explain := kubeadm(release(32), dropIns...)
	explain.Explain = true
	for name, in := range map[string]Input{
		"kubeadm":         kubeadm(release(29)),
		"drop-ins":        kubeadm(release(32), dropIns...),
		"unknown-version": kubeadm(Version{}, dropIns...),
		"explain":         explain,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Resolve(in)
			}
		})
	}
}
