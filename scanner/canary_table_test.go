package scanner_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// secretKinds are credentials as they stand in the argument list or the
// environment of a kubelet, k3s or RKE2. CANARY is the secret.
var secretKinds = []struct{ name, flag, variable string }{
	{"join token", "--token=CANARY", "K3S_TOKEN=CANARY"},
	{"join token of two words", "--token\nCANARY", "RKE2_TOKEN=CANARY"},
	{"agent token", "--agent-token\nCANARY", "K3S_AGENT_TOKEN=CANARY"},
	{"token with one letter", "-t\nCANARY", "JOIN_TOKEN=CANARY"},
	{"proxy password", "--proxy=http://user:CANARY@proxy:3128", "HTTPS_PROXY=http://user:CANARY@proxy:3128"},
	{"proxy password with an @", "--proxy=http://user:x@CANARY@proxy:3128", "http_proxy=http://user:x@CANARY@proxy:3128"},
	{"datastore password", "--datastore-endpoint=mysql://root:CANARY@tcp(db:3306)/k3s", "K3S_DATASTORE_ENDPOINT=mysql://root:CANARY@tcp(db:3306)/k3s"},
	{"cloud secret key", "--etcd-s3-secret-key=CANARY", "AWS_SECRET_ACCESS_KEY=CANARY"},
	{"cloud access key", "--etcd-s3-access-key\nCANARY", "AWS_ACCESS_KEY_ID=CANARY"},
	{"client secret", "--azure-client-secret=CANARY", "AZURE_CLIENT_SECRET=CANARY"},
	{"header for static pods", "--manifest-url-header=Authorization:CANARY", "URL_SECRET=CANARY"},
}

const rotate = "--rotate-server-certificates=true"

// secretPlaces are where one can stand on a node. Each also has what makes the
// rotation on, behind the secret: who withholds too much, misses it.
var secretPlaces = []struct {
	name     string
	want     string // the verdict
	kubelet  bool   // the flag becomes one of the kubelet's own
	sections func(flag, variable string) string
}{
	{"arguments of the kubelet", "on", true, func(flag, _ string) string {
		return running(append(strings.Split(flag, "\n"), rotate)...)
	}},
	{"arguments of k3s", "on masked", false, func(flag, _ string) string {
		return k3sProcess(append(strings.Split(flag, "\n"), "--kubelet-arg="+rotate[2:])...)
	}},
	{"arguments of RKE2", "on", false, func(flag, _ string) string {
		return running(rotate) + process("500 comm=rke2 exe=/usr/local/bin/rke2 cgroup=/system.slice/rke2-agent.service",
			append([]string{"/usr/local/bin/rke2", "agent"}, strings.Split(flag, "\n")...)...)
	}},
	{"the environment of the process", "on", false, func(_, variable string) string {
		return running(rotate) + "-- environ 912 --\n" + variable + "\n"
	}},
	{"a unit", "on masked", false, func(flag, variable string) string {
		words := strings.ReplaceAll(flag, "\n", " ")
		return k3sProcess() + file("/etc/systemd/system/k3s.service", "[Service]\nEnvironment=\"A=b\" \""+variable+"\" \"C=d\"\nExecStart=/usr/local/bin/k3s server "+words+" --kubelet-arg="+rotate[2:]+"\n")
	}},
	{"a unit of many lines", "on masked", false, func(flag, _ string) string {
		words := "'" + strings.ReplaceAll(flag, "\n", "' \\\n\t'") + "'"
		return k3sProcess() + file("/etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n\t"+words+" \\\n\t'--kubelet-arg="+rotate[2:]+"' \\\n\n")
	}},
	{"a drop-in", "on kubelet-down", true, func(flag, variable string) string {
		return file(kubeletUnit, "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/x $EXTRA\n") +
			file(kubeletUnit+".d/10-x.conf", "[Service]\nEnvironment="+variable+"\nEnvironment=\"EXTRA="+strings.ReplaceAll(flag, "\n", " ")+" "+rotate+"\"\n")
	}},
	{"an environment file", "on kubelet-down", true, func(flag, variable string) string {
		return file(kubeletUnit, "[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/x $KUBELET_EXTRA_ARGS\n") +
			file("/etc/default/kubelet", variable+"\nKUBELET_EXTRA_ARGS=\""+strings.ReplaceAll(flag, "\n", " ")+" "+rotate+"\"\n")
	}},
	{"lines of an environment file that go on", "on kubelet-down", true, func(flag, variable string) string {
		name, value, _ := strings.Cut(variable, "=")
		return file(kubeletUnit, "[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/x $KUBELET_EXTRA_ARGS\n") +
			file("/etc/default/kubelet", name+"=\""+value+" \\\n"+value+"\"\nKUBELET_EXTRA_ARGS=\"--v=2 \\\n"+strings.ReplaceAll(flag, "\n", " \\\n")+" \\\n"+rotate+"\"\n")
	}},
	{"an environment file, commented out", "on kubelet-down", false, func(flag, variable string) string {
		return file(kubeletUnit, "[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/x $KUBELET_EXTRA_ARGS\n") +
			file("/etc/default/kubelet", "#"+variable+"\n# "+strings.ReplaceAll(flag, "\n", " ")+"\nKUBELET_EXTRA_ARGS="+rotate+"\n")
	}},
	{"config.yaml of k3s", "on masked", false, func(flag, variable string) string {
		_, value, _ := strings.Cut(variable, "=")
		return k3sProcess() + file("/etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server\n") +
			file("/etc/rancher/k3s/config.yaml mode=0600", "token: \""+value+"\"\nagent-token:\n  "+value+"\nkubelet-arg:\n- "+rotate[2:]+"\n- "+strings.TrimLeft(strings.ReplaceAll(flag, "\n", "="), "-")+"\ndatastore-endpoint: "+value+"\n")
	}},
}

// k3sProcess is a k3s that shows its arguments, or without any one that hides
// them behind a title.
func k3sProcess(args ...string) string {
	title := []string{"/usr/local/bin/k3s server"}
	if args != nil {
		title = []string{"/usr/local/bin/k3s", "server"}
	}
	return process("702 comm=k3s-server exe=/usr/local/bin/k3s cgroup=/system.slice/k3s.service", append(title, args...)...) +
		file("/usr/local/bin/k3s type=program", "k3s version v1.31.6+k3s1 (6ab750f9)\n")
}

// Every kind of credential in every place, as root and as a user who must ask
// sudo: it stays on the node, and the verdict is what it is without it.
func TestCredentialsStayOnTheNode(t *testing.T) {
	for _, place := range secretPlaces {
		for i, kind := range secretKinds {
			if kind.flag[1] == 't' && place.name == "config.yaml of k3s" {
				continue // its keys have whole names
			}
			for _, login := range []string{"login: root", "login: scan\nsudo: all"} {
				t.Run(fmt.Sprintf("%s in %s, %s", kind.name, place.name, login), func(t *testing.T) {
					secret := fmt.Sprintf("hush%dhush", i)
					plant := func(text string) string { return strings.ReplaceAll(text, "CANARY", secret) }
					v := trap(t, login, place.sections(plant(kind.flag), plant(kind.variable)))
					want := place.want
					if kind.flag[1] == 't' && place.kubelet {
						want = strings.Replace(want, "on", "invalid", 1) // the kubelet has no such flag
					}
					v.is(t, want)
					v.has(t, secret)
				})
			}
		}
	}
}

// has fails if secret is in what the node sent, or in anything made of it.
func (v visited) has(t *testing.T, secret string) {
	t.Helper()
	result, err := json.Marshal(v.Result)
	if err != nil {
		t.Fatal(err)
	}
	if v.kept == "" {
		t.Error("no evidence was kept to look at")
	}
	for what, text := range map[string]string{"the answer": v.said, "the evidence": v.kept, "the result": string(result) + fmt.Sprint(v.Result)} {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%q is in %s: ...%.100q", secret, what, text[max(0, at-60):])
		}
	}
}

// What a KubeletConfiguration has of credentials, in the file and in drop-ins,
// in YAML and in JSON, and what stands beside it.
func TestCredentialsInConfigurationsStayOnTheNode(t *testing.T) {
	const secret = "hush-header"
	block := "staticPodURL: http://user:" + secret + "@h/x\nstaticPodURLHeader:\n  Authorization:\n  - Bearer " + secret + "\n"
	kubeconfigWithKey := "apiVersion: v1\nkind: Config\nusers:\n- name: x\n  user:\n    client-key-data: " + secret + "\n    token: " + secret + "\n"
	for _, tt := range []struct{ name, want, sections string }{
		{"block YAML", "on", file("/etc/k.yaml", head+block+"serverTLSBootstrap: true\n")},
		{"flow YAML", "on", file("/etc/k.yaml", head+"staticPodURLHeader: {A: ['Bearer "+secret+"'],\n B: ["+secret+"]}\nserverTLSBootstrap: true\n")},
		{"JSON", "on", file("/etc/k.yaml", `{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","staticPodURLHeader":{"A":["`+secret+`"]},"serverTLSBootstrap":true}`+"\n")},
		{"a drop-in", "on", file("/etc/k.yaml", yes) + file("/etc/k.d/10.conf", head+block)},
		{"a kubeconfig in its place", "invalid", file("/etc/k.yaml mode=0600", kubeconfigWithKey)},
		{"a kubeconfig beside it", "on", file("/etc/k.yaml", yes) + file("/etc/kubernetes/kubelet.conf mode=0600", kubeconfigWithKey) + file("/etc/kubernetes/bootstrap-kubelet.conf mode=0600", kubeconfigWithKey)},
		{"a kubeconfig that speaks of the other kind", "on", file("/etc/k.yaml", yes) + file("/etc/kubernetes/kubelet.conf mode=0600", "# no KubeletConfiguration\n"+kubeconfigWithKey)},
		{"an alias", "unknown", file("/etc/k.yaml", head+"x: &h {A: ["+secret+"]}\nstaticPodURLHeader: *h\nserverTLSBootstrap: true\n")},
	} {
		for _, login := range []string{"login: root", "login: scan\nsudo: all"} {
			t.Run(tt.name+" "+login, func(t *testing.T) {
				args := []string{"--config=/etc/k.yaml"}
				if tt.name == "a drop-in" {
					args = append(args, "--config-dir=/etc/k.d")
				}
				v := trap(t, login, running(args...)+tt.sections)
				v.is(t, tt.want)
				v.has(t, secret)
			})
		}
	}
}
