package kubelet

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// arguments splits a fuzzer's text at line breaks.
func arguments(text string) []Arg {
	var args []Arg
	for _, line := range strings.Split(text, "\n") {
		args = append(args, Arg{Text: line})
	}
	return args
}

// answered is what must hold of any input: one line of words, the same answer
// twice, and neither on nor off without a source.
func answered(t *testing.T, in Input) Effective {
	t.Helper()
	e := Resolve(in)
	lawful(t, e)
	if !utf8.ValidString(e.Why) {
		t.Errorf("not UTF-8: %q", e.Why)
	}
	again := in
	again.Memo = new(Memo)
	for range 2 { // parsed, and remembered
		if diff := cmp.Diff(e, Resolve(again)); diff != "" {
			t.Errorf("not the same answer twice: %s", diff)
		}
	}
	explained(t, in, e)
	return e
}

func FuzzFlags(f *testing.F) {
	for _, seed := range []string{
		"", "--", "-", "---", "--=", "-v", "-v\n2", "-v=2", "-h", "-vh", "--help", "--version=raw",
		"--rotate-server-certificates", "--rotate-server-certificates\nfalse", "--rotate_server_certificates=T",
		"--config=/c\n--config-dir\n/d", "--feature-gates=A=true\n--feature-gates\nRotateKubeletServerCertificate=1",
		"--port=0x1F\n--address=::1\n--enable-server=f", "--tls-cert-file=/c\n--tls-private-key-file=/k",
		"--fork\nvalue\n--fork\n-1\n--fork", "--node-labels\n\n-v\n2", "--require-kubeconfig\n--api-servers=a",
		"--dynamic-config-dir=/d", "--init-config-dir=/d", "word", "--allow-privileged\nfalse",
	} {
		f.Add(seed, uint8(20))
	}
	f.Fuzz(func(t *testing.T, text string, minor uint8) {
		args := arguments(text)
		flags, err := ParseFlags(args)
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("more than one line: %q", err)
		}
		flags.Paths()
		for _, o := range flags.given {
			if strings.Contains(o.name, "_") {
				t.Errorf("%q was not normalised", o.name)
			}
			if _, _, ok := flags.Lookup(o.name); !ok {
				t.Errorf("%q was given and cannot be found", o.name)
			}
		}
		answered(t, Input{Args: args})
		e := answered(t, Input{Version: release(int(minor)), Args: args})
		if e.Rotation == On && !strings.Contains(text, "=") && !strings.Contains(text, "certificates") {
			t.Errorf("on without a word of it: %s", e.Why)
		}
		if e := answered(t, Input{Version: release(int(minor)), Args: args, Incomplete: "cut"}); e.Rotation != Unknown {
			t.Errorf("an incomplete command line reads as %s", e.Rotation)
		}
	})
}

func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		"", header, header + yes, header + no, header + "serverTLSBootstrap: on\r\n", "\ufeff" + header + yes,
		header + "serverTLSBootstrap: \"true\"", header + yes + "\n---\n" + no, "---\n" + header + yes,
		header + "featureGates:\n  RotateKubeletServerCertificate: false\n", header + "featureGates: {A: null}",
		header + "a: &a {serverTLSBootstrap: true}\n<<: *a\n", header + "port: 1e4", header + "port: 0x10",
		`{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","serverTLSBootstrap":true}`,
		`{"a":[{"b":1,"b":2}]}`, header + "? a\n: b\n", header + "!!binary x: y", header + "1: 2\ntrue: 3\n~: 4",
	} {
		f.Add([]byte(seed), uint8(30), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, minor uint8, newer bool) {
		if len(text) > 1<<16 {
			return
		}
		in := Input{
			Version: release(int(minor)),
			Args:    []Arg{{Text: "--config=/c"}},
			Config:  File{Path: "/c", State: Present, Content: text, Newer: newer},
		}
		e := answered(t, in)
		if e.Rotation == On && !strings.Contains(strings.ToLower(string(text)), "true") &&
			!strings.ContainsAny(string(text), `yYoO&*!\`) && utf8.Valid(text) {
			t.Errorf("on without a word of it: %s", e.Why)
		}
		if newer && (e.Rotation == On || e.Rotation == Off || e.Rotation == External) {
			t.Errorf("a newer file reads as %s", e.Rotation)
		}
		in.Version = Version{}
		answered(t, in)
	})
}

func FuzzDropIns(f *testing.F) {
	for _, seed := range [][3]string{
		{"", "", ""},
		{header + yes, header + yes, header + no},
		{header + yes, header + "serverTLSBootstrap: null", header + "SERVERTLSBOOTSTRAP: false"},
		{header, header + "featureGates: {RotateKubeletServerCertificate: false}", header + "featureGates: null"},
		{header, header + yes + "\n" + no, header},
		{header + "tlsCertFile: a\ntlsPrivateKeyFile: b", header + "tlsCertFile: ''", header + "port: 0\nenableServer: null"},
		{header, header + "featureGates: 1", header + "featureGates: {A: {B: c}}"},
		{header, `{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","port":1}`, "kind: Any\n"},
	} {
		for _, minor := range []uint8{28, 29, 32} {
			f.Add([]byte(seed[0]), []byte(seed[1]), []byte(seed[2]), minor)
		}
	}
	f.Fuzz(func(t *testing.T, config, first, second []byte, minor uint8) {
		if len(config)+len(first)+len(second) > 1<<16 {
			return
		}
		in := Input{
			Version: release(int(minor)),
			Args:    []Arg{{Text: "--config=/c"}, {Text: "--config-dir=/d"}},
			Config:  File{Path: "/c", State: Present, Content: config},
			DropIns: DropInDir{Path: "/d", State: Present, Files: []File{
				{Path: "/d/1.conf", State: Present, Content: first},
				{Path: "/d/2.conf", State: Present, Content: second},
			}},
		}
		answered(t, in)
		in.DropIns.Files[1].State = Unreadable
		if e := answered(t, in); e.Rotation == Off || e.Rotation == External {
			t.Errorf("%s, though the last drop-in was not read: %s", e.Rotation, e.Why)
		}
	})
}

func FuzzGates(f *testing.F) {
	for _, seed := range []string{
		"", ",", "=", "A", "A=true", "A=true,B=false", " A = T ,", "RotateKubeletServerCertificate=true",
		"AllAlpha=true,RotateKubeletServerCertificate=false", "AllBeta=false", "A=maybe", "A=true=false", "=true",
	} {
		f.Add(seed, seed, uint8(8))
	}
	f.Fuzz(func(t *testing.T, first, second string, minor uint8) {
		in := Input{Version: release(int(minor)), Args: []Arg{{Text: "--feature-gates=" + first}, {Text: "--feature_gates=" + second}}}
		e := answered(t, in)
		if e.Rotation == On && !strings.Contains(first+second, rotationGate) && !strings.Contains(first+second, "AllAlpha") {
			t.Errorf("on without a word of it: %s", e.Why)
		}
		if e.Rotation == On && minor >= 11 {
			t.Errorf("the gate alone reads as on in v1.%d", minor)
		}
	})
}

func FuzzDynamicCheckpoint(f *testing.F) {
	for _, seed := range []string{
		"", "\n", meta("u", `"1"`, "kubelet"), meta("..", `"1"`, "kubelet"), meta("u", `"1"`, "../../etc/shadow"),
		meta("u", `"1"`, `"a\nb"`), meta("u", "1", "k"), meta(`""`, `""`, `""`), meta("&a .", "*a", "*a"), header,
		`{"apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"SerializedNodeConfigSource","source":{"configMap":{"uid":"u","resourceVersion":"1","kubeletConfigKey":"k"}}}`,
		"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: SerializedNodeConfigSource\nsource: {configMap: {uid: u, UID: v}}",
	} {
		f.Add([]byte(seed), []byte(header+yes), []byte(header+no), uint8(20))
	}
	f.Fuzz(func(t *testing.T, metaFile, config, good []byte, minor uint8) {
		if len(metaFile)+len(config)+len(good) > 1<<16 {
			return
		}
		const dir = "/var/lib/d"
		name, ok, err := DynamicCheckpoint(dir, metaFile)
		if ok != (name != "") || ok && err != nil || !ok && err == nil && len(metaFile) > 0 {
			t.Errorf("%q, %t, %v", name, ok, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("more than one line: %q", err)
		}
		if rest, below := strings.CutPrefix(name, dir+"/store/checkpoints/"); ok && (!below || strings.Count(rest, "/") != 2 || strings.ContainsAny(rest, "\x00\n ")) {
			t.Errorf("a path out of the directory: %q", name)
		}
		in := Input{
			Version: release(int(minor)),
			Args:    []Arg{{Text: "--dynamic-config-dir=" + dir}, {Text: "--feature-gates=DynamicKubeletConfig=true"}},
			Dynamic: DynamicConfig{
				Dir:           dir,
				Assigned:      Checkpoint{File{State: Present, Content: metaFile}, File{State: Present, Content: config}},
				LastKnownGood: Checkpoint{File{State: Present, Content: []byte(meta("u", `"0"`, "k"))}, File{State: Present, Content: good}},
			},
		}
		answered(t, in)
		in.Dynamic.Assigned.Config.State = Unreadable
		if e := answered(t, in); ok && minor >= 11 && minor <= 23 && e.Rotation != Unknown && e.Rotation != Invalid {
			t.Errorf("%s, though what is assigned was not read: %s", e.Rotation, e.Why)
		}
		in.Version = Version{}
		answered(t, in)
	})
}
