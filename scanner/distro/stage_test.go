package distro

import (
	"testing"

	"kletscan/scanner/kubelet"
)

func TestStageOf(t *testing.T) {
	for sentence, want := range map[string]Stage{
		"Add serverTLSBootstrap: true to /var/lib/kubelet/config.yaml.":                                                         StageNode,
		"--rotate-server-certificates=false (/etc/default/kubelet line 2) must go: a flag beats every file.":                    StageNode,
		"Add it to the ConfigMap kubelet-config in kube-system as well (kubectl -n kube-system edit configmap kubelet-config).": StageDistribution,
		"Then systemctl daemon-reload and systemctl restart kubelet.":                                                           StageRestart,
		"Bottlerocket restarts the kubelet by itself.":                                                                          StageRestart,
		"EKS approves the certificate requests of its nodes itself.":                                                            StageApproval,
		approve:                            StageApproval,
		gateAlone:                          StageNote,
		"A sentence of a version to come.": StageDistribution,
		"":                                 StageDistribution,
	} {
		if got := StageOf(sentence); got != want {
			t.Errorf("%q: stage %d, want %d", sentence, got, want)
		}
	}
}

// Whatever turns rotation on has a restart and somebody who approves, and what
// the general advice says is never taken for the distribution's.
func TestEveryRemedyHasItsStages(t *testing.T) {
	for _, tt := range up {
		d := Of(tt.s)
		e := kubelet.Resolve(kubelet.Input{
			Version: kubelet.Version{Major: 1, Minor: 31},
			Args:    []kubelet.Arg{{Text: "--config=/c"}, {Text: "--kubeconfig=/k"}},
			Config:  kubelet.File{Path: "/c", State: kubelet.Present, Content: []byte(configured(""))},
		})
		stages := map[Stage]int{}
		s := tt.s
		for _, sentence := range turnOn(s, e) {
			stages[StageOf(sentence)]++
		}
		if stages[StageRestart] != 1 || stages[StageApproval] != 1 || stages[StageNode] == 0 || stages[StageDistribution] > 0 {
			t.Errorf("%s: the general advice has the stages %v", tt.name, stages)
		}
		if got := StageOf(Restart(d, s)); got != StageRestart {
			t.Errorf("%s: %q has the stage %d", tt.name, Restart(d, s), got)
		}
	}
}
