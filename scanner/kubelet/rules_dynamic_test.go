package kubelet

import (
	"strings"
	"testing"
)

const (
	dynamicDir = "--dynamic-config-dir=/d"
	dynamicOn  = dynamicDir + " --feature-gates=DynamicKubeletConfig=true" // what every version takes
	metaPath   = "/d/store/meta/assigned"
	goodPath   = "/d/store/meta/last-known-good"
	onePath    = "/d/store/checkpoints/3b21-uid/41/kubelet"
	otherPath  = "/d/store/checkpoints/3b21-uid/40/kubelet"
)

// meta is what the kubelet writes of a checkpoint.
func meta(uid, resourceVersion, key string) string {
	return "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: SerializedNodeConfigSource\nsource:\n  configMap:\n" +
		"    kubeletConfigKey: " + key + "\n    name: k\n    namespace: kube-system\n    resourceVersion: " + resourceVersion + "\n    uid: " + uid + "\n"
}

// checkpointed is a checkpoint: "" stands for the local configuration, "@..."
// for one whose file is in the notation of content, anything else for its meta
// file in that notation.
func checkpointed(metaFile, version, name, text string) Checkpoint {
	c := Checkpoint{Meta: File{Path: metaFile, State: Present}}
	text, found := strings.CutPrefix(text, "@")
	switch {
	case found:
		c.Meta.Content = []byte(meta("3b21-uid", `"`+version+`"`, "kubelet"))
		c.Config = content(name, text)
	case text != "":
		c.Meta = content(metaFile, text)
	}
	return c
}

func dynamic(assigned, good string) func(*Input) {
	return func(in *Input) {
		in.Dynamic = DynamicConfig{
			Dir:           "/d",
			Assigned:      checkpointed(metaPath, "41", onePath, assigned),
			LastKnownGood: checkpointed(goodPath, "40", otherPath, good),
		}
	}
}

// Rule 4 of Resolve: a dynamic configuration, from 1.11 to 1.23.
func TestDynamicConfiguration(t *testing.T) {
	const static = "tlsCertFile: c;tlsPrivateKeyFile: /k"
	const gateOff, gateOn = "featureGates: {RotateKubeletServerCertificate: false}", "featureGates: {RotateKubeletServerCertificate: true}"
	run(t, []row{
		{rule: "assigned, true", version: "1.12-1.23", argv: dynamicOn, config: no, change: dynamic("@"+yes, ""), want: "on", sets: "bootstrap=true@dynamic by=dynamic line=3", says: "serverTLSBootstrap: true in " + onePath + " (assigned, presumably)"},
		{rule: "assigned, true, in 1.11 with the gate", version: "1.11", argv: dynamicOn, change: dynamic("@"+yes+";"+gateOn, ""), want: "on", sets: "gate=true@dynamic"},
		{rule: "assigned, false", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@"+no, ""), want: "off", sets: "bootstrap=false@dynamic", says: "(assigned, presumably): self-signed"},
		{rule: "it replaces the file as a whole", version: "1.12-1.23", argv: dynamicOn, config: yes + ";port: 11250;" + static, change: dynamic("@a: b", ""), want: "off", sets: "bootstrap=false@default port=10250@default cert=@default by=default", says: "serverTLSBootstrap is not set in " + onePath + " (assigned, presumably) and defaults to false"},
		{rule: "a static certificate, relative to the checkpoint", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@"+static, ""), want: "external", sets: "cert=/d/store/checkpoints/3b21-uid/41/c@dynamic key=/k@dynamic by=dynamic", says: "(assigned, presumably)"},
		{rule: "flags win, true", version: "1.12-1.23", argv: dynamicOn + " --rotate-server-certificates", change: dynamic("@"+no, ""), want: "on", sets: "bootstrap=true@flag"},
		{rule: "flags win, false", version: "1.12-1.23", argv: dynamicOn + " --rotate-server-certificates=false", change: dynamic("@"+yes, ""), want: "off", sets: "bootstrap=false@flag"},
		{rule: "nothing is assigned", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("", "@"+no), want: "on", sets: "bootstrap=true@file", says: "in /etc/k/config.yaml"},
		{rule: "an absent file assigns nothing", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("-", "-"), want: "on", sets: "bootstrap=true@file"},
		{rule: "without --config", version: "1.12-1.23", argv: dynamicOn, change: dynamic("", ""), want: "off", sets: "bootstrap=false@default"},
		{rule: "an empty directory is none", version: "1.12-1.23", argv: "--dynamic-config-dir= --feature-gates=DynamicKubeletConfig=true", config: yes, want: "on", change: dynamic("@"+no, "")},

		{rule: "gates of the file stay", version: "1.11-1.23", argv: dynamicOn, config: gateOn, change: dynamic("@"+yes, ""), want: "on", sets: "gate=true@file named=true"},
		{rule: "gates of the file stay, false", version: "1.12-1.23", argv: dynamicOn, config: gateOff, change: dynamic("@"+yes, ""), want: "off", sets: "gate=false@file bootstrap=false@default", says: "(local, presumably)"},
		{rule: "gates of the file stay unless named", version: "1.12-1.23", argv: dynamicOn, config: gateOff, change: dynamic("@"+yes+";"+gateOn, ""), want: "on", sets: "gate=true@dynamic"},
		{rule: "gates of the command line win", version: "1.12-1.23", argv: dynamicOn + " " + named + "=false", change: dynamic("@"+yes+";"+gateOn, ""), want: "off", sets: "gate=false@flag", says: "(local, presumably)"},
		{rule: "AllBeta of the file has set every gate", version: "1.17-1.21", argv: dynamicOn, config: "featureGates: {AllBeta: false}", change: dynamic("@"+yes+";featureGates: {AllBeta: true}", ""), want: "off", sets: "gate=false@file"},

		{rule: "an invalid one falls back to the last known good", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@"+yes+";"+gateOff, "@"+yes), want: "on", sets: "bootstrap=true@dynamic gate=true@default", says: "in " + otherPath + " (last known good, presumably)"},
		{rule: "one with a bad port falls back", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@"+no+";port: 70000", "@"+yes), want: "on"},
		{rule: "one with an unknown gate falls back", version: "1.21-1.23", argv: dynamicOn, change: dynamic("@"+no+";featureGates: {RotateKubeletClientCertificate: true}", "@"+yes), want: "on"},
		{rule: "one of a wrong type falls back", version: "1.12-1.23", argv: dynamicOn, change: dynamic(`@serverTLSBootstrap: "true"`, "@"+yes), want: "on"},
		{rule: "one of another kind falls back", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@!kind: ConfigMap\napiVersion: v1\n", "@"+yes), want: "on"},
		{rule: "an empty one falls back", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@!", "@"+yes), want: "on"},
		{rule: "one that is gone falls back", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@-", "@"+yes), want: "on"},
		{rule: "one without a UID falls back", version: "1.12-1.23", argv: dynamicOn, change: dynamic("!"+meta(`""`, `"1"`, "kubelet"), "@"+yes), want: "on"},
		{rule: "without a last known good to the local one", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@-", ""), want: "on", sets: "bootstrap=true@file", says: "in /etc/k/config.yaml (local, presumably)"},
		{rule: "the last known good must be valid", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@-", "@port: 70000"), want: "invalid", sets: "by=dynamic", says: "failed to determine a valid configuration, error: invalid configuration: port"},
		{rule: "the last known good must exist", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@-", "@-"), want: "invalid", says: "no such file"},
		{rule: "a certificate without a key is valid, and cannot be served", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@tlsCertFile: /c", "@"+yes), want: "invalid", says: "tlsPrivateKeyFile is not", sets: "by=dynamic"},

		{rule: "the local one must be valid all the same", version: "1.12-1.23", argv: dynamicOn, config: yes + ";" + gateOff, change: dynamic("@"+yes+";"+gateOn, ""), want: "invalid", sets: "by=file"},
		{rule: "the local one must decode all the same", version: "1.12-1.23", argv: dynamicOn, config: "[", change: dynamic("@"+yes, ""), want: "invalid", sets: "by=file"},
		{rule: "what is assigned must be readable", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("a: b", ""), want: "invalid", says: "failed to determine a valid configuration, error: failed to decode: no kind", sets: "by=dynamic"},
		{rule: "what is last known good must be readable all the same", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("", "!["), want: "invalid", sets: "by=dynamic"},
		{rule: "a source must be named", version: "1.12-1.23", argv: dynamicOn, change: dynamic("!apiVersion: kubelet.config.k8s.io/v1beta1\nkind: SerializedNodeConfigSource\nsource: {}\n", ""), want: "invalid", says: "all were nil"},
		{rule: "a resource version must be a string", version: "1.12-1.23", argv: dynamicOn, change: dynamic("!"+meta("u", "1", "kubelet"), ""), want: "invalid", says: "source.configMap.resourceVersion: expected a string"},
	})
}

// Rules 4 and 9 of Resolve: what could decide and is not at hand.
func TestDynamicConfigurationMissing(t *testing.T) {
	run(t, []row{
		{rule: "nobody looked", version: "1.12-1.23", argv: dynamicOn, config: yes, want: "unknown", sets: "bootstrap=? cert=? gate=?", says: "a dynamic configuration below /d may replace the file: " + metaPath + " was not read"},
		{rule: "nobody looked, without --config", version: "1.11-1.23", argv: dynamicOn, want: "unknown", sets: "bootstrap=?", says: "/configz would settle it"},
		{rule: "what is assigned is refused", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("x", ""), want: "unknown", says: metaPath + " could not be read (permission denied)"},
		{rule: "what is assigned is newer", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("+a", ""), want: "unknown", says: metaPath + " changed after the process started"},
		{rule: "an empty file that is newer assigns nobody knows what", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("+!", ""), want: "unknown", says: "changed"},
		{rule: "the checkpoint was not read", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@?", "@"+yes), want: "unknown", says: onePath + " was not read"},
		{rule: "the checkpoint is refused", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@x", "@"+yes), want: "unknown", says: onePath + " could not be read (permission denied)"},
		{rule: "the checkpoint is newer", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@+"+yes, ""), want: "unknown", says: onePath + " changed after"},
		{rule: "the last known good is not needed", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@"+yes, "?"), want: "on"},
		{rule: "the last known good is written while the kubelet runs", version: "1.12-1.23", argv: dynamicOn, change: dynamic("@"+yes, "+!["), want: "on"},
		{rule: "the last known good is needed", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@-", "?"), want: "unknown", says: goodPath + " was not read"},
		{rule: "the last known good checkpoint is needed", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("@-", "@x"), want: "unknown", says: otherPath + " could not be read"},
		{rule: "a path out of the directory is not followed", version: "1.12-1.23", argv: dynamicOn, config: yes, change: dynamic("!"+meta("..", `"1"`, "kubelet"), ""), want: "unknown", says: metaPath + " is not followed: source.configMap.uid \"..\""},
		{rule: "flags decide, on", version: "1.12-1.23", argv: dynamicOn + " --rotate-server-certificates", want: "on", sets: "bootstrap=true@flag"},
		{rule: "flags decide, external", version: "1.12-1.23", argv: dynamicOn + " --rotate-server-certificates=false --tls-cert-file=/c --tls-private-key-file=/k", want: "external"},
		{rule: "the local file is not needed", version: "1.12-1.23", argv: dynamicOn, config: "x", change: dynamic("@"+no, ""), want: "off", sets: "gate=?"},
		{rule: "but for its gates", version: "1.12-1.23", argv: dynamicOn, config: "x", change: dynamic("@"+yes, ""), want: "unknown", says: "/etc/k/config.yaml could not be read"},
		{rule: "the gate by name is enough", version: "1.12-1.23", argv: dynamicOn, config: "x", change: dynamic("@"+yes+";featureGates: {RotateKubeletServerCertificate: true}", ""), want: "on"},
		{rule: "the version is not known", argv: dynamicDir, change: dynamic("@"+yes+";featureGates: {RotateKubeletServerCertificate: true}", ""), want: "on", sets: "bootstrap=true@dynamic"},
		{rule: "the layout up to 1.10 is another", version: "1.10", argv: dynamicOn, config: "featureGates: {RotateKubeletServerCertificate: true}", change: dynamic("", ""), want: "unknown", says: "a dynamic configuration below /d may replace the file"},
		{rule: "flags are no proof up to 1.9", version: "1.8-1.9", argv: dynamicDir + " " + named + "=true,DynamicKubeletConfig=true", want: "unknown", says: "may replace the command line"},
		{rule: "--init-config-dir", version: "1.8-1.9", argv: "--init-config-dir=/d " + named + "=true", want: "unknown"},
		{rule: "the API server's configuration in 1.7", version: "1.7", argv: named + "=true,DynamicKubeletConfig=true", want: "unknown"},
	})
}

// The gate DynamicKubeletConfig: without it the kubelet exits.
func TestDynamicConfigurationGate(t *testing.T) {
	const refused = "the DynamicKubeletConfig feature gate must be enabled in order to use the --dynamic-config-dir flag"
	const off = "you must enable the DynamicKubeletConfig feature gate"
	run(t, []row{
		{rule: "off by default up to 1.10", version: "1.8-1.10", argv: dynamicDir, want: "invalid", says: refused, sets: "by=flag"},
		{rule: "on by default from 1.11 to 1.21", version: "1.12-1.21", argv: dynamicDir, change: dynamic("@"+yes, ""), want: "on"},
		{rule: "off by default in 1.22 and 1.23", version: "1.22-1.23", argv: dynamicDir, change: dynamic("@"+yes, ""), want: "invalid", says: refused},
		{rule: "the flag must switch it on, the file is too late", version: "1.22-1.23", argv: dynamicDir, config: "featureGates: {DynamicKubeletConfig: true}", change: dynamic("@"+yes, ""), want: "invalid", says: refused},
		{rule: "an empty directory asks for it, too", version: "1.22-1.23", argv: "--dynamic-config-dir=", want: "invalid", says: refused},
		{rule: "false by flag", version: "1.8-1.23", argv: dynamicDir + " --feature-gates=DynamicKubeletConfig=false", want: "invalid", says: refused},
		{rule: "false by file", version: "1.11-1.21", argv: dynamicDir, config: "featureGates: {DynamicKubeletConfig: false}", change: dynamic("@"+yes, ""), want: "invalid", says: off, sets: "by=file"},
		{rule: "false by file and true by flag", version: "1.12-1.23", argv: dynamicOn, config: "featureGates: {DynamicKubeletConfig: false}", change: dynamic("@"+yes, ""), want: "on"},
		{rule: "AllBeta=false by flag", version: "1.17-1.21", argv: dynamicDir + " --feature-gates=AllBeta=false", want: "invalid", says: refused},
		{rule: "AllBeta=false by file", version: "1.17-1.21", argv: dynamicDir, config: "featureGates: {AllBeta: false}", change: dynamic("", ""), want: "invalid", says: off},
		{rule: "AllBeta=true covers no deprecated gate", version: "1.22-1.23", argv: dynamicDir + " --feature-gates=AllBeta=true", want: "invalid", says: refused},
		{rule: "AllAlpha=true up to 1.10", version: "1.10", argv: dynamicDir + " --feature-gates=AllAlpha=true", want: "unknown"},
		{rule: "AllAlpha=true covers no beta gate", version: "1.22-1.23", argv: dynamicDir + " --feature-gates=AllAlpha=true", want: "invalid", says: refused},
		{rule: "the flag is gone from 1.24", version: "1.24-1.36", argv: dynamicOn, want: "invalid", says: "unknown flag: --dynamic-config-dir"},
	})
}

func TestDynamicCheckpoint(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 253)
	for _, tt := range []struct {
		rule, meta, want string
		ok               bool
		says             string // part of the error; empty: none
	}{
		{rule: "empty is local", meta: ""},
		{rule: "YAML as the kubelet writes it", meta: meta("3b21-uid", `"41"`, "kubelet"), want: onePath, ok: true},
		{rule: "JSON", meta: `{"apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"SerializedNodeConfigSource","source":{"configMap":{"uid":"3b21-uid","resourceVersion":"41","kubeletConfigKey":"kubelet"}}}`, want: onePath, ok: true},
		{rule: "unknown fields are ignored", meta: meta("3b21-uid", `"41"`, "kubelet") + "more: true\n", want: onePath, ok: true},
		{rule: "a key may be a hidden file", meta: meta("u", `"1"`, ".k"), want: "/d/store/checkpoints/u/1/.k", ok: true},
		{rule: "a key may have dots", meta: meta("u", `"1"`, "k..yaml"), want: "/d/store/checkpoints/u/1/k..yaml", ok: true},
		{rule: "a key of 253 bytes", meta: meta("u", `"1"`, long), want: "/d/store/checkpoints/u/1/" + long, ok: true},
		{rule: "a key of 254 bytes", meta: meta("u", `"1"`, long+"a"), says: "kubeletConfigKey"},
		{rule: "dot", meta: meta(".", `"1"`, "kubelet"), says: `uid "."`},
		{rule: "dot dot", meta: meta("u", `".."`, "kubelet"), says: `resourceVersion ".."`},
		{rule: "dot dot and more", meta: meta("u", `"1"`, "..k"), says: `kubeletConfigKey "..k"`},
		{rule: "a slash", meta: meta("u", `"1"`, "a/b"), says: `kubeletConfigKey "a/b"`},
		{rule: "an absolute path", meta: meta("u", `"1"`, "/etc/shadow"), says: "look at it by hand"},
		{rule: "a path up", meta: meta("u", `"1"`, "../../../../../../etc/shadow"), says: "expected a name"},
		{rule: "a line break", meta: meta("u", `"1"`, `"a\nb"`), says: `kubeletConfigKey "a b"`},
		{rule: "a line break at the end", meta: meta("u", `"1"`, `"a\n"`), says: "kubeletConfigKey"},
		{rule: "NUL", meta: meta("u", `"1"`, `"a\0"`), says: "kubeletConfigKey"},
		{rule: "a blank", meta: meta("u", `"1"`, "a b"), says: "kubeletConfigKey"},
		{rule: "an empty part", meta: meta("u", `""`, "kubelet"), says: `resourceVersion ""`},
		{rule: "a missing part", meta: "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: SerializedNodeConfigSource\nsource: {configMap: {uid: u}}", says: `resourceVersion ""`},
		{rule: "a number", meta: meta("u", "41", "kubelet"), says: "expected a string"},
		{rule: "no config map", meta: "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: SerializedNodeConfigSource\n", says: "all were nil"},
		{rule: "another kind", meta: header, says: `no kind "KubeletConfiguration"`},
		{rule: "another version", meta: "apiVersion: v1\nkind: SerializedNodeConfigSource\n", says: `version "v1"`},
		{rule: "no kind", meta: "a: b", says: "Object 'Kind' is missing"},
		{rule: "blanks", meta: "\n", says: "Object 'Kind' is missing"},
		{rule: "no YAML", meta: "[", says: "failed to decode"},
		{rule: "a list", meta: "- a", says: "failed to decode"},
		{rule: "too large", meta: strings.Repeat("#", maxDocument+1), says: "larger than 1 MiB"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, ok, err := DynamicCheckpoint("/d", []byte(tt.meta))
			if got != tt.want || ok != tt.ok {
				t.Errorf("%q, %t; want %q, %t", got, ok, tt.want, tt.ok)
			}
			switch {
			case (err != nil) != (tt.says != ""):
				t.Errorf("error %v, want %q in it", err, tt.says)
			case err != nil && !strings.Contains(err.Error(), tt.says):
				t.Errorf("error %q, want %q in it", err, tt.says)
			}
		})
	}
}

func TestDynamicMeta(t *testing.T) {
	t.Parallel()
	if assigned, good := DynamicMeta("/d/"); assigned != metaPath || good != goodPath {
		t.Errorf("%s, %s", assigned, good)
	}
}
