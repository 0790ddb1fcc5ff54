package inventory

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// fleet writes an inventory of n nodes in a format.
func fleet(format string, n int) []byte {
	var b strings.Builder
	each := func(head, line, between, tail string) {
		b.WriteString(head)
		for i := range n {
			if i > 0 {
				b.WriteString(between)
			}
			fmt.Fprintf(&b, line, i, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		}
		b.WriteString(tail)
	}
	switch format {
	case "json":
		each("[", `{"name": "n%d", "address": "%s", "user": "core", "labels": {"role": "worker"}}`, ",\n", "]")
	case "yaml":
		each("nodes:\n", "- {name: n%d, address: %s, user: core, labels: {role: worker}}\n", "", "")
	case "ansible-ini":
		each("[workers]\n", "n%d ansible_host=%s ansible_user=core\n", "", "[workers:vars]\nansible_port=22\n")
	case "ansible-yaml":
		each("all:\n  children:\n    workers:\n      hosts:\n", "        n%d: {ansible_host: %s}\n", "", "      vars: {ansible_port: 22}\n")
	case "ansible-json":
		each(`{"_meta": {"hostvars": {`, `"n%d": {"ansible_host": "%s", "ansible_port": 22, "facts": {"a": [1, 2, 3]}}`, ",\n", `}}, "workers": {"hosts": [`)
		each("", `"n%d"`+"%.0s", ",\n", "]}}")
	case "kubernetes-json":
		each(`{"apiVersion": "v1", "items": [`, kubernetesBenchJSON(), ",\n", `], "kind": "List"}`)
	case "kubernetes-yaml":
		each("apiVersion: v1\nitems:\n", kubernetesBenchYAML, "", "kind: List\n")
	case "kubernetes-wide":
		b.WriteString("NAME      STATUS   ROLES    AGE   VERSION   INTERNAL-IP     EXTERNAL-IP   OS-IMAGE             KERNEL-VERSION   CONTAINER-RUNTIME\n")
		for i := range n {
			fmt.Fprintf(&b, "n%-8d Ready    worker   12d   v1.33.2   %-15s <none>        Ubuntu 24.04.1 LTS   6.8.0-45-generic containerd://1.7.22\n", i, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		}
	case "ssh-config":
		each("", "Host n%d\n  HostName %s\n  User core\n", "", "")
	}
	return []byte(b.String())
}

// kubernetesBenchJSON is a Node as long as those of a cloud: conditions and the
// images on it make most of it.
func kubernetesBenchJSON() string {
	image := `{"names": ["registry.example/library/image@sha256:` + strings.Repeat("0123456789abcdef", 4) + `"], "sizeBytes": 123456789},`
	return `{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n%d", "labels": {"kubernetes.io/os": "linux",
 "kubernetes.io/arch": "amd64", "node-role.kubernetes.io/worker": "", "topology.kubernetes.io/zone": "eu-1a"}},
 "spec": {"podCIDR": "10.244.0.0/24"}, "status": {"addresses": [{"address": "%s", "type": "InternalIP"}],
 "images": [` + strings.TrimSuffix(strings.Repeat(image, 8), ",") + `],
 "nodeInfo": {"kubeletVersion": "v1.33.2", "operatingSystem": "linux", "osImage": "Ubuntu 24.04.1 LTS"}}}`
}

const kubernetesBenchYAML = `- apiVersion: v1
  kind: Node
  metadata:
    labels:
      kubernetes.io/os: linux
      node-role.kubernetes.io/worker: ""
    name: n%d
  status:
    addresses:
    - address: %s
      type: InternalIP
    nodeInfo:
      kubeletVersion: v1.33.2
      operatingSystem: linux
      osImage: Ubuntu 24.04.1 LTS
`

var structured = []string{
	"json", "yaml", "ansible-ini", "ansible-yaml", "ansible-json",
	"kubernetes-json", "kubernetes-yaml", "kubernetes-wide", "ssh-config",
}

// BenchmarkFormats reads 100,000 nodes of each structured format.
func BenchmarkFormats(b *testing.B) {
	const nodes = 100_000
	for _, format := range structured {
		text := fleet(format, nodes)
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				got, err := Parse(Source{Name: "f", Text: text}, "")
				if err != nil || len(got) != nodes {
					b.Fatalf("%d nodes, %v", len(got), err)
				}
			}
			b.ReportMetric(float64(len(text))/nodes, "input-B/node")
		})
	}
}

// Memory is linear in the input: ten times the nodes take ten times as much.
func TestMemoryOfFormatsIsLinear(t *testing.T) {
	spent := func(format string, n int) uint64 {
		text := fleet(format, n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if got, err := Parse(Source{Name: "f", Text: text}, ""); err != nil || len(got) != n {
			t.Fatalf("%s: %d nodes, %v", format, len(got), err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, format := range structured {
		few, many := spent(format, 500), spent(format, 5000)
		if many > 15*few {
			t.Errorf("%s: %d bytes for 500 nodes, %d for 5000", format, few, many)
		}
	}
}
