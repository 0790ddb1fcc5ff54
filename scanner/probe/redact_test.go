package probe

import (
	"slices"
	"strings"
	"testing"
)

func TestRedactTakesCredentialsOut(t *testing.T) {
	const canary = "hunter2hunter2"
	for name, text := range map[string]string{
		"proxy password in a drop-in":       `Environment="HTTPS_PROXY=http://user:` + canary + `@proxy:3128"`,
		"a token flag":                      "ExecStart=/usr/local/bin/k3s agent --token " + canary + " --server https://x",
		"a token flag with =":               "'--token=" + canary + "'",
		"a join token in an environment":    "K3S_TOKEN=" + canary,
		"a quoted one":                      `Environment="CLOUD_SECRET_KEY=` + canary + `"`,
		"a token in YAML":                   "token: " + canary,
		"a private key":                     "-----BEGIN EC PRIVATE KEY-----\n" + canary + "\n-----END EC PRIVATE KEY-----",
		"a private key that is cut off":     "-----BEGIN PRIVATE KEY-----\n" + canary,
		"a secret in a lower-case variable": "client_secret=" + canary,
		"a password with an @ in its URL":   "Environment=HTTP_PROXY=http://u:" + canary + "@" + canary + "@proxy",
		"headers for static pods":           "kind: x\nstaticPodURLHeader:\n  Authorization:\n  - Bearer " + canary + "\nport: 1",
		"the same in JSON":                  `{"staticPodURLHeader": {"Authorization": ["` + canary + `"]}, "port": 1}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := redact(text); strings.Contains(got, canary) {
				t.Errorf("still there: %s", got)
			}
		})
	}
}

func TestRedactLeavesWhatDecides(t *testing.T) {
	for _, text := range []string{
		"--authentication-token-webhook=true --rotate-server-certificates=true",
		"KUBELET_EXTRA_ARGS=--feature-gates=RotateKubeletServerCertificate=true --node-ip=10.0.0.1",
		"authentication:\n  webhook:\n    cacheTTL: 2m0s\nserverTLSBootstrap: true\n",
		"tlsPrivateKeyFile: /var/lib/kubelet/pki/kubelet.key",
		"--feature-gates=CSIServiceAccountToken=true,RotateKubeletServerCertificate=true",
		"featureGates:\n  CSIServiceAccountToken: true\n  RotateKubeletServerCertificate: true\n",
		"K3S_TOKEN_FILE=/etc/token --token-file /etc/token --token --kubelet-arg=rotate-server-certificates=true",
		"--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
		"containerRuntimeEndpoint: unix:///run/containerd/containerd.sock",
	} {
		if got, ok := redact(text); got != text || !ok {
			t.Errorf("redact(%q) = %q", text, got)
		}
	}
}

func TestMaskArgvTakesAFlagsOwnElement(t *testing.T) {
	got, _ := maskArgv([]string{"k3s", "--token", "s3cret", "--server", "https://u:p@h", "--v", "2"})
	want := []string{"k3s", "--token", withheld, "--server", "https://" + withheld + "@h", "--v", "2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
