package probe_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"kletscan/fixtures"
	"kletscan/scanner/probe"
)

// BenchmarkSurvey is what a survey costs the operator's machine: the script
// and the reading of its answer, with no network in between.
func BenchmarkSurvey(b *testing.B) {
	answer := recorded(b, "cp-1")
	for _, tt := range []struct {
		name   string
		answer []byte
	}{{"kubeadm", answer}, {"16KiB", grown(b, answer, 16<<10)}} {
		b.Run(tt.name, func(b *testing.B) {
			b.SetBytes(int64(len(tt.answer)))
			b.ReportAllocs()
			for b.Loop() {
				ev, err := (&probe.Visit{Node: player(tt.answer)}).Survey(b.Context())
				if err != nil || len(ev.Processes) != 1 || len(ev.Files) != 6 {
					b.Fatalf("%+v, %v", ev, err)
				}
			}
		})
	}
}

// benchNonce is what stands for the nonce in a recorded answer.
const benchNonce = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// recorded is the answer of a fixture node to a survey.
func recorded(b *testing.B, name string) []byte {
	nodes, err := fixtures.Nodes()
	if err != nil {
		b.Fatal(err)
	}
	for _, node := range nodes {
		if node.Name == name {
			out, err := node.Exec(b.Context(), probe.Command(benchNonce, probe.Auto, nil), "")
			if err != nil {
				b.Fatal(err)
			}
			return out.Stdout
		}
	}
	b.Fatalf("no node is called %s", name)
	return nil
}

// grown is an answer with a longer configuration and more processes whose
// arguments have a kubelet in them, as those of volume plug-ins, up to size.
func grown(b *testing.B, answer []byte, size int) []byte {
	b.Helper()
	text := string(answer)
	for i := 0; len(text) < size; i++ {
		anchor, more := "healthzPort: 10248\n", "evictionSoftGracePeriod:\n  memory.available: 1m30s\n  nodefs.available: 2m0s\n"
		if i%2 == 1 {
			anchor, more = "ps ps -ef\n", "root        2210    2107  0 Jan31 ?        00:01:07 /csi-node-driver-registrar --v=2 --csi-address=/csi/csi.sock --kubelet-registration-path=/var/lib/kubelet/plugins/csi.example.org/csi.sock\n"
		}
		before, after, found := strings.Cut(text, anchor)
		if !found {
			b.Fatalf("no %q in the answer", anchor)
		}
		text = before + anchor + more + after
	}
	return []byte(text)
}

// player answers every survey with the same, but for the nonce.
type player []byte

func (p player) Exec(_ context.Context, command, _ string) (probe.Output, error) {
	_, nonce, _ := strings.Cut(command, "K=")
	copy(p[bytes.IndexByte(p, '@')+1:], nonce[:len(benchNonce)])
	return probe.Output{Stdout: p}, nil
}
