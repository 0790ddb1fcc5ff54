package scanner_test

import (
	"strings"
	"testing"

	"kletscan/scanner"
)

const kubeconfig = "apiVersion: v1\nkind: Config\nusers:\n- user:\n    token: eyJ-not-for-you\n"

// 19. A path does not tell what a file is: kubelet.conf is a kubeconfig here and the configuration there.
func TestTrap19TheKindOfAFileIsInIt(t *testing.T) {
	tests := []struct {
		name, sections, want string
	}{
		{"kubelet.conf is the configuration", running("--config=/etc/kubernetes/kubelet.conf") + file("/etc/kubernetes/kubelet.conf", yes), "on"},
		{"kubelet.conf is a kubeconfig", running("--config=/var/lib/kubelet/config.yaml") + file("/etc/kubernetes/kubelet.conf", kubeconfig) + file("/var/lib/kubelet/config.yaml", yes), "on"},
		{"the configuration beside it is not the kubelet's", running("--config=/var/lib/kubelet/config.yaml") + file("/etc/kubernetes/kubelet.conf", yes) + file("/var/lib/kubelet/config.yaml", no), "off"},
		{"no extension", running("--config=/var/lib/kubelet/config/kubelet") + file("/var/lib/kubelet/config/kubelet", yes), "on"},
		{"JSON called .conf", running("--config-dir=/etc/d") + file("/etc/d/40.conf", `{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "serverTLSBootstrap": true}`+"\n"), "on"},
		{"an environment file where EKS has a directory", running("--rotate-server-certificates") + file("/etc/kubernetes/kubelet", "KUBELET_ARGS=--rotate-server-certificates=false\n"), "on"},
		{"a kubeconfig where the configuration should be", running("--config=/etc/kubernetes/kubelet.conf") + file("/etc/kubernetes/kubelet.conf", kubeconfig), "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := trap(t, "", tt.sections)
			v.is(t, tt.want)
			if strings.Contains(v.said, "not-for-you") {
				t.Error("the content of a kubeconfig left the node")
			}
		})
	}
}

// 20. A bool flag takes its value only behind "=", any spelling of it; "_" is "-"; the last one wins.
func TestTrap20FlagsAsTheKubeletReadsThem(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"True", []string{"--rotate-server-certificates=True"}, "on"},
		{"T", []string{"--rotate-server-certificates=T"}, "on"},
		{"1", []string{"--rotate-server-certificates=1"}, "on"},
		{"0", []string{"--rotate-server-certificates=0"}, "off"},
		{"no value", []string{"--rotate-server-certificates"}, "on"},
		{"a value behind a blank is a stray word: no kubelet starts so", []string{"--rotate-server-certificates", "false"}, "invalid"},
		{"underscores", []string{"--rotate_server_certificates=true"}, "on"},
		{"the last one wins", []string{"--rotate-server-certificates=true", "--rotate-server-certificates=false"}, "off"},
		{"whichever that is", []string{"--rotate-server-certificates=false", "--rotate-server-certificates"}, "on"},
		{"gates of several flags merge", []string{"--rotate-server-certificates", "--feature-gates=RotateKubeletServerCertificate=true", "--feature-gates=GracefulNodeShutdown=true"}, "on gate-named"},
		{"a blank before the path", []string{"--config", "/etc/on.yaml"}, "on"},
		{"an equals sign before it", []string{"--config=/etc/on.yaml"}, "on"},
		{"a flag beats the file", []string{"--config", "/etc/on.yaml", "--rotate-server-certificates=f"}, "off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { trap(t, "", running(tt.args...)+file("/etc/on.yaml", yes)).is(t, tt.want) })
	}
}

// 21. Up to 1.5 --config is the directory of static pods.
func TestTrap21ConfigMayBeADirectoryOfPods(t *testing.T) {
	kubelet := process("912 comm=kubelet exe=/usr/bin/kubelet", "/usr/bin/kubelet", "--api-servers=http://127.0.0.1:8080",
		"--config=/etc/kubernetes/manifests", "--allow-privileged=true") +
		file("/usr/bin/kubelet type=program", "Kubernetes v1.5.2\n") +
		file("/etc/kubernetes/manifests/web.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    serverTLSBootstrap: \"true\"\n")
	for _, header := range []string{"", "login: scan", "login: scan\nsudo: all"} {
		v := trap(t, header, kubelet)
		if got := v.Verdict.Rotation.String(); v.Status != scanner.OK || got == "on" || got == "invalid" {
			t.Errorf("%s: got %v %s: %s%s", header, v.Status, got, v.Error, v.Verdict.Why)
		}
		if strings.Contains(v.said, "kind: Pod") {
			t.Error("a pod's manifest left the node")
		}
	}
}

// 22. --config-dir is walked recursively, by name and directory, *.conf alone, over the file and under the flags.
func TestTrap22DropInDirectories(t *testing.T) {
	const d = "/etc/kubelet.d/"
	off := head + "serverTLSBootstrap: false\n"
	tests := []struct {
		name  string
		args  []string
		files string
		want  string
	}{
		{"over the file", []string{"--config=/etc/off.yaml"}, file(d+"10.conf", yes), "on"},
		{"without a file", nil, file(d+"10.conf", yes), "on"},
		{"the last one wins", nil, file(d+"10.conf", yes) + file(d+"9.conf", off), "off"},
		{"in directories below", nil, file(d+"10.conf", off) + file(d+"20-more/x.conf", yes), "on"},
		{"what is in a comes before a.conf", nil, file(d+"a/50.conf", yes) + file(d+"a.conf", off), "off"},
		{"other names are no drop-ins", nil, file(d+"10.conf.bak", yes) + file(d+"20.yaml", yes) + file(d+"30.CONF", yes), "off"},
		{"hidden ones are", nil, file(d+".hidden.conf", yes), "on"},
		{"flags win", []string{"--rotate-server-certificates=false"}, file(d+"10.conf", yes), "off"},
		{"what they do not name stays", []string{"--config=/etc/on.yaml"}, file(d+"10.conf", no), "on"},
		{"links to files count", nil, "-- " + d + "10.conf link=/etc/on.yaml --\n", "on"},
		{"links to directories do not", nil, file(d+"10.conf", no) + "-- " + d + "20 link=/etc/elsewhere --\n" + file("/etc/elsewhere/30.conf", yes), "off"},
	}
	for _, tt := range tests {
		sections := strings.Replace(running(append([]string{"--config-dir=" + d}, tt.args...)...), "v1.31.4", "v1.32.1", 1) +
			file("/etc/on.yaml", yes) + file("/etc/off.yaml", off) + tt.files
		t.Run(tt.name, func(t *testing.T) { trap(t, "login: scan", sections).is(t, tt.want) })
	}
	t.Run("one that this login may not list", func(t *testing.T) {
		locked := strings.Replace(running("--config-dir="+d), "v1.31.4", "v1.32.1", 1) + "-- /etc/kubelet.d type=dir mode=0700 --\n" + file(d+"10.conf mode=0600", yes)
		trap(t, "login: scan", locked).is(t, "unknown", "/etc/kubelet.d")
		trap(t, "login: scan\nsudo: all", locked).is(t, "on", d+"10.conf")
	})
}

// 23. The kubelet reads YAML 1.1, takes the last of a key that stands twice, and the first document alone.
func TestTrap23YAMLAsTheKubeletReadsIt(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"yes", head + "serverTLSBootstrap: yes\n", "on"},
		{"On", head + "serverTLSBootstrap: On\n", "on"},
		{"off", head + "serverTLSBootstrap: off\n", "off"},
		{"a string is refused", head + "serverTLSBootstrap: \"true\"\n", "invalid"},
		{"a key twice", head + "serverTLSBootstrap: true\nserverTLSBootstrap: false\n", "off"},
		{"another document", no + "---\n" + yes, "off"},
		{"a blank before the colon", head + "serverTLSBootstrap : true\n", "on"},
		{"a comment", head + "# serverTLSBootstrap: true\n", "off"},
		{"below another key", head + "authentication:\n  serverTLSBootstrap: true\n", "off"},
		{"another spelling", head + "servertlsbootstrap: true\n", "off"},
		{"carriage returns", strings.ReplaceAll(yes, "\n", "\r\n"), "on"},
		{"a byte order mark", "\ufeff" + yes, "on"},
		{"JSON", "{\"kind\": \"KubeletConfiguration\", \"apiVersion\": \"kubelet.config.k8s.io/v1beta1\",\n\t\"serverTLSBootstrap\": true}\n", "on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trap(t, "", running("--config=/etc/k.yaml")+file("/etc/k.yaml", tt.text)).is(t, tt.want)
		})
	}
}

// 24. The gate permits rotation and does not switch it on; rotateCertificates is the client certificate.
func TestTrap24TheGateIsNotRotation(t *testing.T) {
	trapNamed(t, "charmed-worker").is(t, "external gate-named")
	trapNamed(t, "worker-gate-only").is(t, "off gate-named")
	trap(t, "", running("--rotate-certificates=true", "--bootstrap-kubeconfig=/b")).is(t, "off")
	trap(t, "", running("--config=/etc/k.yaml")+file("/etc/k.yaml", no)).is(t, "off")
	trap(t, "", running("--feature-gates=RotateKubeletServerCertificate=true", "--tls-cert-file=/a", "--tls-private-key-file=/b")).is(t, "external gate-named")
	trap(t, "", strings.Replace(running("--feature-gates=RotateKubeletServerCertificate=true"), "v1.31.4", "v1.10.3", 1)).is(t, "on gate-named")
}

// 25. Neither tlsCertFile nor a kubelet.crt nor a kubelet-server-current.pem tells whether rotation is on.
func TestTrap25CertificateFilesProveNothing(t *testing.T) {
	const pki = "/var/lib/kubelet/pki/"
	both := "tlsCertFile: /etc/kubernetes/certs/kubeletserver.crt\ntlsPrivateKeyFile: /etc/kubernetes/certs/kubeletserver.key\n"
	rotated := "-- " + pki + "kubelet-server-current.pem link=" + pki + "kubelet-server-2026-01-16-08-12-52.pem --\n" +
		file(pki+"kubelet-server-2026-01-16-08-12-52.pem mode=0600", "(private)\n")
	selfSigned := file(pki+"kubelet.crt", "(self-signed)\n")
	node := running("--config=/etc/k.yaml")
	trap(t, "", node+file("/etc/k.yaml", yes+both)).is(t, "on masked")
	trap(t, "", node+file("/etc/k.yaml", no+both)+rotated).is(t, "external")
	trap(t, "", node+file("/etc/k.yaml", no)+rotated+selfSigned).is(t, "off")
	trap(t, "", node+file("/etc/k.yaml", yes)+selfSigned).is(t, "on")
	trapNamed(t, "microk8s").is(t, "external") // its kubelet.crt is signed by a CA, in the kubelet's own directory
}

// 26. A file that is newer than the process says nothing about it; its arguments do.
func TestTrap26FilesNewerThanTheProcess(t *testing.T) {
	const config = "/etc/k.yaml mtime=-2h" // the kubelet runs for 20 days
	v := trap(t, "", running("--config=/etc/k.yaml")+file(config, yes))
	v.is(t, "unknown restart-pending", "/etc/k.yaml changed after the kubelet started", "would give: on")
	if got := v.Verdict.AfterRestart.String(); got != "on" {
		t.Errorf("after a restart %s, want on", got)
	}
	trap(t, "", running("--config=/etc/k.yaml")+file(config, no)).is(t, "unknown restart-pending", "would give: off")
	trap(t, "", running("--config=/etc/k.yaml", "--rotate-server-certificates=true")+file(config, no)).is(t, "on restart-pending")
	trap(t, "", running("--config=/etc/k.yaml")+file("/etc/k.yaml mtime=-21d", yes)).is(t, "on")
	dropIns := strings.Replace(running("--config-dir=/etc/d"), "v1.31.4", "v1.32.1", 1)
	trap(t, "", dropIns+file("/etc/d/10.conf mtime=-1h", yes)).is(t, "unknown restart-pending", "would give: on")
	trapNamed(t, "cp-3").is(t, "unknown restart-pending")
}
