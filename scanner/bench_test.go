package scanner

import (
	"testing"

	"kletscan/scanner/evidence"
)

// BenchmarkJudge judges 10,000 nodes of a mixed fleet; ns/op is for all of
// them, and µs/node for one.
func BenchmarkJudge(b *testing.B) {
	const fleet = 10000
	kinds := []*evidence.Evidence{
		node(nil),
		node(func(ev *evidence.Evidence) { ev.Files[0].Content += "serverTLSBootstrap: true\n" + typicalConfig }),
		node(func(ev *evidence.Evidence) {
			ev.Files[0].Content += typicalConfig
			ev.Processes[0].Argv = append(ev.Processes[0].Argv, "--rotate-server-certificates=false")
		}),
		node(func(ev *evidence.Evidence) {
			ev.Files[0] = evidence.File{Path: ev.Files[0].Path, State: evidence.Denied, Sudo: true}
		}),
	}
	for b.Loop() {
		for i := range fleet {
			if j := Judge(kinds[i%len(kinds)]); j.Status != OK {
				b.Fatal(j.Reason)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/fleet, "µs/node")
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
