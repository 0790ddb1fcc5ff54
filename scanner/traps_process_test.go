package scanner_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"kletscan/scanner"
)

// everyPS is every kind of ps that a node may have.
var everyPS = []string{"procps", "busybox", "busybox-desktop"}

// 1. A ps that cuts its lines (at COLUMNS, at 2,047 bytes) hides the flag that decides: a false off.
func TestTrap01TruncatedPsIsNotOff(t *testing.T) {
	const flag = "--rotate-server-certificates=true"
	for _, ps := range everyPS {
		for _, padding := range []string{"2900", "140000"} {
			t.Run(ps+" "+padding, func(t *testing.T) {
				sections := strings.Replace(running(flag), " --\n", " padding="+padding+" --\n", 1)
				node := trapNode(t, "login: scan\nps: "+ps+"\nprofile: COLUMNS=80 PS_FORMAT=pid TERM=xterm", sections)
				if out := prints(t, node, "ps -ef || ps"); strings.Contains(out, flag) {
					t.Fatalf("the trap is not set: ps shows the whole line")
				}
				v := visit(t, node, nil)
				v.is(t, "on", "flag "+flag)
				if ps == "procps" && padding == "2900" && !strings.Contains(v.evidence.Audit.Output, flag) {
					t.Errorf("COLUMNS cut the audit's ps:\n%s", v.evidence.Audit.Output)
				}
			})
		}
	}
}

// 2. busybox ps refuses -e, or ignores it and puts "{comm}" before an argv[0] of another name.
func TestTrap02BusyboxPsIsNotAnError(t *testing.T) {
	kubelet := process("912 comm=kubelet exe=/opt/hyperkube", "/opt/hyperkube", "kubelet", "--kubeconfig=/k", "--rotate-server-certificates")
	for _, ps := range everyPS {
		v := trap(t, "login: scan\nmissing: sudo systemctl\nps: "+ps, kubelet)
		v.is(t, "on", "flag --rotate-server-certificates")
	}
	desktop := trapNode(t, "ps: busybox-desktop", kubelet)
	if out := prints(t, desktop, "ps -ef"); !strings.Contains(out, "{kubelet} /opt/hyperkube kubelet") {
		t.Errorf("the trap is not set:\n%s", out)
	}
	if out := prints(t, trapNode(t, "ps: busybox", kubelet), "ps -ef"); out != "" {
		t.Errorf("the trap is not set:\n%s", out)
	}
}

// 3. The text of ps has no argument boundaries: blanks, empty arguments and newlines are lost in it.
func TestTrap03ArgumentBoundariesAreKept(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"a flag inside an argument that holds blanks is none", []string{"--pod-sysctls=net.ipv4.tcp_rmem=4096 --rotate-server-certificates=true 6291456"}, "off"},
		{"nor is one behind a newline", []string{"--node-labels=a=b\n--rotate-server-certificates=true"}, "off"},
		{"an empty argument is a value", []string{"--cloud-provider", "", "--rotate-server-certificates=true"}, "on"},
		{"and so are two of them", []string{"--node-labels", "", "--register-with-taints", "", "-v", "2", "--rotate-server-certificates"}, "on"},
		{"a value that looks like a flag is a value", []string{"--node-labels", "--rotate-server-certificates=true"}, "off"},
		{"the empty value of a flag that decides", []string{"--rotate-server-certificates=true", "--tls-cert-file", "", "--tls-private-key-file", ""}, "on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { trap(t, "", running(tt.args...)).is(t, tt.want) })
	}
}

// neighbours all have kubelet, or the gate, in their name or arguments.
func neighbours() string {
	text := file("pod:/etc/hostname", "pod\n")
	for _, p := range [][]string{
		{"kube-apiserver", "kube-apiserver", "--feature-gates=RotateKubeletServerCertificate=true", "--kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt"},
		{"kube-controller", "kube-controller-manager", "--feature-gates=RotateKubeletServerCertificate=true"},
		{"metrics-server", "/metrics-server", "--kubelet-insecure-tls", "--cert-dir=/tmp"},
		{"csi-node-driver", "/csi-node-driver-registrar", "--kubelet-registration-path=/var/lib/kubelet/plugins/x/csi.sock"},
		{"kubelet-csr-app", "/kubelet-csr-approver", "-metrics-bind-address=:8080"},
		{"virtual-kubelet", "virtual-kubelet", "--nodename=vk", "--rotate-server-certificates=true"},
		{"vim", "vim", "/var/lib/kubelet/kubelet.conf"},
		{"journalctl", "journalctl", "-u", "kubelet", "-f"},
		{"go", "go", "vet", "./cmd/kubelet"},
		{"sh", "sh", "-c", "ps -ef | grep kubelet"},
		{"grep", "grep", "kubelet"},
		{"kubelet", "/usr/lib/kubelet-exporter/kubelet-exporter", "--rotate-server-certificates=true"},
	} {
		pid := 2000 + len(text)
		text += process(strconv.Itoa(pid)+" comm="+p[0]+" mnt=pod", p[1:]...)
	}
	return text
}

// 4. "grep kubelet" finds itself, its shell, and a dozen programs that carry the word or the very gate.
func TestTrap04NamesThatHoldKubeletAreNoKubelet(t *testing.T) {
	trap(t, "", neighbours()).is(t, "no-kubelet", "no kubelet among")
	v := trap(t, "", neighbours()+running())
	v.is(t, "off", "self-signed")
	if v.Verdict.PID != 912 {
		t.Errorf("pid %d was judged, want 912", v.Verdict.PID)
	}
	for _, l := range v.Verdict.Letter {
		if l.Rule != scanner.KubeBench && l.Result != scanner.LetterFail {
			t.Errorf("%s: %s (%s), want fail: the gate is another program's", l.Rule, l.Result, l.Why)
		}
	}
	trapNamed(t, "impostors").is(t, "no-kubelet")
}

// 5. Parents carry the kubelet's flags: podman, docker, sudo, script, an entrypoint, a shell script of its name.
func TestTrap05ParentsWithTheSameFlagsAreNotTheKubelet(t *testing.T) {
	flags := []string{"--kubeconfig=/etc/kubernetes/kubelet.conf", "--rotate-server-certificates=true"}
	for _, parent := range [][]string{
		{"podman", "/usr/bin/podman", "run", "--name", "kubelet", "--pid", "host", "quay.io/example/kubelet:v1.31.4"},
		{"docker", "docker", "run", "--name", "kubelet", "example/kubelet"},
		{"entrypoint.sh", "/bin/bash", "/opt/rke-tools/entrypoint.sh", "kubelet"},
		{"kubelet", "/bin/sh", "/usr/local/bin/kubelet"},
		{"sudo", "sudo", "/usr/bin/kubelet"},
		{"script", "script", "-c", "/usr/bin/kubelet"},
		{"conmon", "/usr/bin/conmon", "-n", "kubelet"},
	} {
		t.Run(parent[1], func(t *testing.T) {
			argv := slices.Concat(parent[1:], flags)
			v := trap(t, "", process("700 comm="+parent[0], argv...)+running())
			v.is(t, "off", "self-signed")
			if v.Verdict.PID != 912 {
				t.Errorf("pid %d was judged, want 912", v.Verdict.PID)
			}
		})
	}
}

// inContainer is a kubelet in a container of its own, mount namespace included.
// Its version is not to be had; one flag says that it is 1.20 or later.
func inContainer(pid int, args ...string) string {
	return process(strconv.Itoa(pid)+" comm=kubelet exe=/usr/bin/kubelet cgroup=/system.slice/docker-8c1f2ab0d7e3.scope/kubelet.slice/kubelet.service mnt=kind",
		append([]string{"/usr/bin/kubelet", "--kubeconfig=/etc/kubernetes/kubelet.conf", "--config=/var/lib/kubelet/config.yaml", "--image-credential-provider-config=/x"}, args...)...)
}

// 6. Several kubelets on one host; a container's --config names another file on the host.
func TestTrap06KubeletsInContainersAreToldApart(t *testing.T) {
	const config = "/var/lib/kubelet/config.yaml"
	inside, outside := file("kind:"+config, yes), file(config, no)
	t.Run("the host's own counts, whatever the order", func(t *testing.T) {
		for _, pid := range []int{655, 4000} {
			v := trap(t, "", inContainer(pid)+inside+running("--config="+config)+outside)
			v.is(t, "off")
			if v.Verdict.PID != 912 || len(v.Verdict.Others) != 1 {
				t.Errorf("pid %d was judged beside %q, want 912 beside one other", v.Verdict.PID, v.Verdict.Others)
			}
		}
	})
	t.Run("and without root, by its control group", func(t *testing.T) {
		trap(t, "login: scan", inContainer(655)+inside+running("--config="+config)+outside).is(t, "off")
	})
	t.Run("its files are its own", func(t *testing.T) {
		trap(t, "", inContainer(655)+inside+outside).is(t, "on", "file "+config)
		trap(t, "", inContainer(655)+file("kind:"+config, no)+file(config, yes)).is(t, "off", "default")
		trap(t, "", inContainer(655, "--rotate-server-certificates=false")+inside+outside).is(t, "off", "flag")
	})
	t.Run("the login's files say nothing about it", func(t *testing.T) {
		trap(t, "login: scan", inContainer(655)+inside+outside).is(t, "unknown", "container")
	})
	t.Run("nor does the host's unit of the same name", func(t *testing.T) {
		unit := file("/etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet --rotate-server-certificates=false --kubeconfig=/k\n")
		trap(t, "", inContainer(655)+inside+outside+unit).is(t, "on")
	})
	t.Run("nor the host's configuration of k3s about k3s in docker", func(t *testing.T) {
		k3d := process("655 comm=k3s-server exe=/bin/k3s cgroup=/system.slice/docker-8c1f2ab0d7e3.scope mnt=kind", "/bin/k3s server") + inside
		host := file("/etc/rancher/k3s/config.yaml", "kubelet-arg: rotate-server-certificates=true\n") +
			file("/etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server\n")
		if v := trap(t, "", k3d+host); v.Verdict.Rotation.String() == "on" {
			t.Errorf("on by a file that this k3s cannot see: %s (%s)", v.Verdict.Why, v.Verdict.Source)
		}
	})
}

// 7. hidepid hides the kubelet from this login, and a naive tool then says that there is none.
func TestTrap07HidepidIsNotNoKubelet(t *testing.T) {
	for _, option := range []string{"1", "2", "noaccess", "invisible"} {
		t.Run(option, func(t *testing.T) {
			kubelet := running("--rotate-server-certificates=true")
			unit := file("/etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/k\n")
			trap(t, "login: scan\nhidepid: "+option, kubelet+unit).is(t, "denied", "hidepid="+option, "log in as root")
			trap(t, "login: root\nhidepid: "+option, kubelet).is(t, "on")
		})
	}
}

// 8. Without root the kubelet's working directory is not to be seen: a relative path is not the login's own.
func TestTrap08RelativePathsAreNotResolvedAgainstTheLogin(t *testing.T) {
	trapNamed(t, "relative-config-login").is(t, "unknown", "only root can see the kubelet's working directory")
	trapNamed(t, "relative-config").is(t, "on", "/opt/node/conf/kubelet.yaml")
	kubelet := process("912 comm=kubelet exe=/opt/kubelet cwd=/opt", "/opt/kubelet", "--kubeconfig=/k", "--config-dir=conf.d")
	files := file("/opt/conf.d/10.conf", yes) + file("/conf.d/10.conf", no) + file("/home/scan/conf.d/10.conf", no)
	trap(t, "login: scan", kubelet+files).is(t, "unknown", "only root can see the kubelet's working directory")
	trap(t, "", kubelet+files).is(t, "on", "/opt/conf.d/10.conf")
}

// 9. k3s, MicroK8s, MicroShift and others have no process called kubelet.
func TestTrap09NoKubeletProcessIsNotNoKubelet(t *testing.T) {
	for _, name := range []string{"k3s-server", "microk8s", "microshift", "k8s-snap", "openshift-3"} {
		t.Run(name, func(t *testing.T) {
			v := trapNamed(t, name)
			if v.Status != scanner.OK || v.Verdict.PID == 0 || slices.Contains(v.Verdict.Conditions, scanner.KubeletDown) {
				t.Errorf("got %v %v, pid %d: %s%s; want its kubelet found running", v.Status, v.Verdict.Conditions, v.Verdict.PID, v.Error, v.Verdict.Why)
			}
			if got := v.Verdict.Rotation.String(); got != "external" {
				t.Errorf("rotation %s, want external", got)
			}
		})
	}
}

// A kubelet that prints its version or usage and exits, such as the probe's own
// or a monitor's, is not the node's, whichever of the two has the lower PID.
func TestKubeletThatOnlyPrintsIsNotTheNodes(t *testing.T) {
	for _, asked := range []string{"--version", "--version=raw", "--help"} {
		for _, pid := range []string{"100", "9000"} {
			v := trap(t, "login: root",
				process(pid+" comm=kubelet exe=/usr/bin/kubelet", "/usr/bin/kubelet", asked)+
					process("912 comm=kubelet exe=/usr/bin/kubelet", "/usr/bin/kubelet", "--kubeconfig=/k", "--rotate-server-certificates"))
			v.is(t, "on", "flag --rotate-server-certificates")
			if len(v.Verdict.Others) > 0 {
				t.Errorf("%s: got other kubelets %q, want none", asked, v.Verdict.Others)
			}
		}
	}
}

// A kubelet that has ended and was not reaped yet has a name and no arguments.
func TestZombieIsNotTheNodesKubelet(t *testing.T) {
	for _, pid := range []string{"100", "9000"} {
		v := trap(t, "login: root", process(pid+" comm=kubelet")+
			process("912 comm=kubelet exe=/usr/bin/kubelet", "/usr/bin/kubelet", "--kubeconfig=/k", "--rotate-server-certificates"))
		v.is(t, "on", "flag --rotate-server-certificates")
	}
}
