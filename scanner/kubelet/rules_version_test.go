package kubelet

import "testing"

// Rule 10 of Resolve: a version that is not known.
func TestUnknownVersion(t *testing.T) {
	run(t, []row{
		{rule: "off in every version", argv: "--kubeconfig=/k", want: "off", sets: "bootstrap=false@default gate=? dir=? alone=false", says: "defaults to false"},
		{rule: "on by flag", argv: "--rotate-server-certificates", want: "on", sets: "bootstrap=true@flag gate=true@default dir=/var/lib/kubelet/pki@default"},
		{rule: "off by flag", argv: "--rotate-server-certificates=false", want: "off"},
		{rule: "external by flag", argv: "--tls-cert-file=/c --tls-private-key-file=/k", want: "external", sets: "cert=/c@flag"},
		{rule: "on by file: 1.10 and 1.11 are not excluded", config: yes, want: "unknown", says: "off v1.10, invalid v1.11, on from v1.12", sets: "bootstrap=?"},
		{rule: "on by file and the gate true holds from 1.10", config: yes, argv: named + "=true", want: "on", sets: "gate=true@flag"},
		{rule: "off by file", config: no, want: "off"},
		{rule: "not set in the file", config: "a: b", want: "off"},
		{rule: "gate true and no bootstrap", argv: named + "=true", want: "unknown", says: "on v1.7 to v1.10, off from v1.11"},
		{rule: "gate true and a flag from after 1.10", argv: named + "=true --image-credential-provider-config=/p", want: "off"},
		{rule: "gate true and a flag from before 1.10", argv: named + "=true --require-kubeconfig", want: "on", sets: "by=flag"},
		{rule: "AllAlpha and no bootstrap", argv: "--feature-gates=AllAlpha=true", want: "unknown"},
		{rule: "gate false is never on", argv: named + "=false", want: "off"},
		{rule: "gate false and bootstrap by file", config: yes, argv: named + "=false", want: "unknown", says: "off v1.10, invalid from v1.11"},
		{rule: "gate false and bootstrap by flag", argv: "--rotate-server-certificates " + named + "=false", want: "invalid"},
		{rule: "on by file and a flag from after 1.12", config: yes, argv: "--image-credential-provider-config=/p", want: "on"},
		{rule: "on by file and AllBeta named", config: yes, argv: "--feature-gates=AllBeta=true", want: "on"},
		{rule: "on by file and the reload gate named in the file", config: yes + ";featureGates: {ReloadKubeletServerCertificateFile: true}", want: "on"},
		{rule: "on by file and a removed flag", config: yes, argv: "--network-plugin=cni", want: "unknown"},
		{rule: "static and on: masked or not", argv: "--rotate-server-certificates --tls-cert-file=/c --tls-private-key-file=/k", want: "on", sets: "masked=false"},
		{rule: "static and on and a removed flag: masked", argv: "--rotate-server-certificates --tls-cert-file=/c --tls-private-key-file=/k --container-runtime=remote", want: "on", sets: "masked=true"},
		{rule: "drop-in true", dropIns: []string{"10.conf " + yes}, want: "on", sets: "bootstrap=true@drop-in"},
		{rule: "drop-in false over true: 1.28 differs", config: yes, dropIns: []string{"10.conf " + no}, want: "unknown", says: "on v1.28, off from v1.29"},
		{rule: "drop-in false over true without the variable", config: yes, dropIns: []string{"10.conf " + no}, want: "off", change: env(false)},
		{rule: "drop-in null over true: 1.32 differs", config: yes, dropIns: []string{"10.conf serverTLSBootstrap:"}, want: "unknown", says: "on v1.28 to v1.31, off from v1.32"},
		{rule: "stray words: up to 1.10 or not at all", argv: "--fail-swap-on false", want: "unknown", says: "off v1.7 to v1.10, invalid from v1.11"},
		{rule: "the space form is refused by all", argv: "--rotate-server-certificates false", want: "invalid", says: "unknown command false"},
		{rule: "what all refuse is said of none", argv: "--port=x", want: "invalid", says: `invalid argument "x" for "--port" flag`},
		{rule: "no version takes both flags", argv: "--require-kubeconfig --rotate-server-certificates", want: "invalid", says: "no kubelet takes all of --require-kubeconfig (up to v1.9), --rotate-server-certificates (v1.12 or later)"},
		{rule: "a flag and a gate that exclude each other", argv: "--rotate-server-certificates --feature-gates=AllBeta=true,RotateKubeletClientCertificate=true --config-dir=/d", want: "invalid", says: "RotateKubeletClientCertificate (up to v1.20)"},
		{rule: "a dynamic configuration", argv: "--dynamic-config-dir=/d", config: yes, want: "unknown"},
		{rule: "a file that is refused", config: "x", want: "unknown"},
		{rule: "a file that is absent", config: "-", want: "invalid"},
		{rule: "a newer file bounds nothing", config: "+" + yes + ";featureGates: {AllBeta: true}", argv: "--rotate-server-certificates", want: "on"},
		{rule: "a key without a certificate: 1.36 differs", argv: "--tls-private-key-file=/k", want: "unknown", says: "invalid v1.7 to v1.35, off from v1.36"},
	})
}

// A reason never names a version that nobody saw.
func TestUnknownVersionIsNotNamed(t *testing.T) {
	t.Parallel()
	for _, argv := range []string{"--port=x", "word --rotate-server-certificates", "--require-kubeconfig --port=x", "--api-servers=a --port=x"} {
		e := Resolve(row{argv: argv}.input(Version{}))
		if want := "no kubelet starts with this: " + e.Problem; e.Rotation != Invalid || e.Why != want {
			t.Errorf("%q: %s because %q, want %q", argv, e.Rotation, e.Why, want)
		}
	}
	e := Resolve(row{argv: "--port=x"}.input(release(30)))
	if want := "a kubelet v1.30 exits with: " + e.Problem; e.Why != want {
		t.Errorf("%q, want %q", e.Why, want)
	}
}

func TestUnknownVersionIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ argv, want string }{
		{"", "v1.7 or later"},
		{"--config=/c", "v1.10 or later"},
		{"--rotate-server-certificates", "v1.12 or later"},
		{"--config-dir=/d", "v1.28 or later"},
		{"--dynamic-config-dir=/d", "v1.11 to v1.21"},
		{"--dynamic-config-dir=/d --feature-gates=DynamicKubeletConfig=true", "v1.8 to v1.23"},
		{"--dynamic-config-dir=/d --feature-gates=AllAlpha=true", "v1.8 to v1.23"},
		{"--init-config-dir=/d", "v1.8 to v1.9"},
		{"--api-servers=a", "v1.7"},
		{"--require-kubeconfig", "v1.7 to v1.9"},
		{"--allow-privileged", "v1.7 to v1.14"},
		{"--cadvisor-port=0 --config=/c", "v1.10 to v1.11"},
		{"--network-plugin=cni --rotate-server-certificates", "v1.12 to v1.23"},
		{"--feature-gates=AllBeta=true", "v1.17 or later"},
		{"--feature-gates=A=true,RotateKubeletClientCertificate=true", "v1.7 to v1.20"},
		{"--feature-gates=ReloadKubeletServerCertificateFile=true --pod-infra-container-image=p", "v1.31 to v1.34"},
	} {
		e := Resolve(row{argv: tt.argv, change: func(in *Input) { in.Config.State = Unread }}.input(Version{}))
		if got := e.Versions.String(); got != tt.want {
			t.Errorf("%q: versions %s, want %s", tt.argv, got, tt.want)
		}
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want Version
	}{
		{"v1.29.3", Version{1, 29, 3}},
		{"1.29.3", Version{1, 29, 3}},
		{"Kubernetes v1.29.3-eks-036c24b", Version{1, 29, 3}},
		{"Kubernetes v1.29.3\n", Version{1, 29, 3}},
		{"1.28.9+rke2r1", Version{1, 28, 9}},
		{"v1.32.5-rke2r1-fb42b4fb9bd2", Version{1, 32, 5}},
		{"k3s version v1.28.3+k3s1 (bbafb86e)\ngo version go1.20.10", Version{1, 28, 3}},
		{"v1.27.3-gke.100", Version{1, 27, 3}},
		{"v1.10.0-beta.1", Version{1, 10, 0}},
		{"1.36", Version{1, 36, 0}},
		{"1.27+", Version{1, 27, 0}},
		{"go version go1.20.10 v1.7.16", Version{1, 7, 16}},
		{"", Version{}},
		{"kubelet", Version{}},
		{"v1", Version{}},
		{"1.2.3.4", Version{}},
		{"v1.-2", Version{}},
		{"v1.+2", Version{}},
		{"v0.9", Version{}},
		{"1.99999.0", Version{}},
		{"v1..2", Version{}},
	} {
		got, err := ParseVersion(tt.text)
		if got != tt.want || (err == nil) == tt.want.IsZero() {
			t.Errorf("ParseVersion(%q) = %v, %v; want %v", tt.text, got, err, tt.want)
		}
	}
}

func TestVersionOrder(t *testing.T) {
	t.Parallel()
	v := Version{1, 29, 3}
	if v.String() != "v1.29.3" || (Version{}).String() != "unknown" {
		t.Errorf("String: %v, %v", v, Version{})
	}
	if !v.AtLeast(29) || v.AtLeast(30) || (Version{}).AtLeast(0) || !(Version{2, 0, 0}).AtLeast(99) {
		t.Error("AtLeast")
	}
	for _, w := range []Version{{1, 29, 4}, {1, 30, 0}, {2, 0, 0}} {
		if !v.Less(w) || w.Less(v) || v.Less(v) {
			t.Errorf("Less(%v)", w)
		}
	}
	r := Range{Version{1, 12, 0}, Version{1, 29, 0}}
	if !r.Contains(v) || r.Contains(Version{1, 30, 0}) || r.Contains(Version{1, 11, 9}) || r.Contains(Version{}) || !(Range{}).Contains(Version{}) {
		t.Error("Contains")
	}
}
