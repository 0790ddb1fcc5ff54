package kubelet

import "testing"

// Rule 8 of Resolve: what is not on is external or off; and what refines on.
func TestStaticCertificate(t *testing.T) {
	const static = "tlsCertFile: /c;tlsPrivateKeyFile: /k"
	run(t, []row{
		{rule: "static and on is masked up to 1.35", version: "1.12-1.35", config: static + ";" + yes, want: "on", sets: "masked=true"},
		{rule: "static and on is served only at first from 1.36", version: "1.36-1.37", config: static + ";" + yes, want: "on", sets: "masked=false"},
		{rule: "static and off", version: "1.12-1.37", config: static, want: "external", sets: "masked=false"},
		{rule: "static by flag over a file that is on", version: "1.35", argv: "--tls-cert-file=/c --tls-private-key-file=/k", config: yes, want: "on", sets: "masked=true cert=/c@flag"},
		{rule: "one by flag and one by file", version: "1.35", argv: "--tls-private-key-file=/k", config: "tlsCertFile: /c", want: "external", sets: "cert=/c@file key=/k@flag"},
		{rule: "a certificate without a key up to 1.35", version: "1.10-1.35", config: "tlsCertFile: /c", want: "invalid", says: "tlsCertFile is set and tlsPrivateKeyFile is not", sets: "by=file"},
		{rule: "a key without a certificate up to 1.35", version: "1.10-1.35", config: "tlsPrivateKeyFile: /k", want: "invalid", says: "tlsPrivateKeyFile is set and tlsCertFile is not"},
		{rule: "a certificate without a key and on up to 1.35", version: "1.12-1.35", config: "tlsCertFile: /c;" + yes, want: "invalid"},
		{rule: "a certificate without a key from 1.36", version: "1.36", config: "tlsCertFile: /c", want: "off", says: "no certificate is served at all"},
		{rule: "a certificate without a key and on from 1.36", version: "1.36", config: "tlsCertFile: /c;" + yes, want: "on", sets: "masked=false"},
		{rule: "a certificate without a key and no server", version: "1.20", config: "tlsCertFile: /c;enableServer: false", want: "off", sets: "noserver=true"},
	})
}

func TestConditions(t *testing.T) {
	run(t, []row{
		{rule: "standalone from 1.10", version: "1.12-1.36", config: yes, want: "on", sets: "alone=true kubeconfig=@default"},
		{rule: "a kubeconfig", version: "1.12-1.36", argv: "--kubeconfig=/k", config: yes, want: "on", sets: "alone=false kubeconfig=/k@flag"},
		{rule: "an empty kubeconfig", version: "1.12-1.36", argv: "--kubeconfig=", want: "off", sets: "alone=true"},
		{rule: "a bootstrap kubeconfig is not enough", version: "1.12-1.36", argv: "--bootstrap-kubeconfig=/b", want: "off", sets: "alone=true"},
		{rule: "standalone in 1.8 and 1.9", version: "1.8-1.9", want: "off", sets: "alone=true kubeconfig=/var/lib/kubelet/kubeconfig@default"},
		{rule: "a kubeconfig in 1.8 and 1.9", version: "1.8-1.9", argv: "--kubeconfig=/k", want: "off", sets: "alone=false"},
		{rule: "--require-kubeconfig in 1.7 to 1.9", version: "1.7-1.9", argv: "--require-kubeconfig", want: "off", sets: "alone=false"},
		{rule: "--require-kubeconfig=false", version: "1.9", argv: "--require-kubeconfig=false", want: "off", sets: "alone=true"},
		{rule: "1.7 wants --api-servers", version: "1.7", argv: "--kubeconfig=/k", want: "off", sets: "alone=true"},
		{rule: "1.7 with --api-servers", version: "1.7", argv: "--api-servers=https://a", want: "off", sets: "alone=false"},
		{rule: "no server by flag in every version", version: "1.7-1.36", argv: "--enable-server=false", want: "off", sets: "noserver=true server=false@flag"},
		{rule: "the gate is named by flag", version: "1.12-1.36", argv: named + "=true", want: "off", sets: "named=true"},
		{rule: "the gate is named by file", version: "1.12-1.36", config: yes + ";featureGates: {RotateKubeletServerCertificate: true}", want: "on", sets: "named=true"},
		{rule: "the gate is not named by AllBeta", version: "1.17-1.36", argv: "--feature-gates=AllBeta=true", want: "off", sets: "named=false"},
		{rule: "certificate directory up to 1.8", version: "1.7-1.8", want: "off", sets: "dir=/var/run/kubernetes@default"},
		{rule: "certificate directory from 1.9", version: "1.9-1.36", want: "off", sets: "dir=/var/lib/kubelet/pki@default"},
		{rule: "certificate directory by flag", version: "1.7-1.36", argv: "--cert-dir=/x", want: "off", sets: "dir=/x@flag"},
		{rule: "port and address by default", version: "1.7-1.36", want: "off", sets: "port=10250@default address=0.0.0.0@default server=true@default"},
		{rule: "a version later than those read", version: "1.37-1.40", config: yes, want: "on", sets: "masked=false"},
	})
}
