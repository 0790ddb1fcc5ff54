package scanner_test

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/probe"
	"kletscan/scanner/scannertest"
)

// 27. A file without a final newline glues the next marker on, and content may look like one.
func TestTrap27MarkersStandApartFromContent(t *testing.T) {
	unit := file(kubeletUnit+" newline=no", "[Service]\nEnvironmentFile=-/etc/default/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --config=/etc/k.yaml $A\n")
	env := file("/etc/default/kubelet newline=no", "A=--v=2\n")
	for _, text := range []string{ // the section's last newline is not the file's
		strings.TrimSuffix(yes, "\n"),
		yes + "# @ end\n# @NONCE end\n#\n",
		"# @NONCENONCENONCENONCENONCE begin\n" + yes + "\n\n",
		strings.ReplaceAll(yes, "\n", "\n\n"),
		yes + "#" + strings.Repeat("@", 5000),
	} {
		trap(t, "", running("--config=/etc/k.yaml", "--v=2")+unit+env+file("/etc/k.yaml newline=no", text+"\n")).is(t, "on", "file /etc/k.yaml")
		trap(t, "", binary+unit+env+file("/etc/k.yaml newline=no", text+"\n")).is(t, "on kubelet-down", "file /etc/k.yaml")
	}
	forged := yes + "\n@end\n@K end\n@ state present no 0 644 0\n"
	if v := trap(t, "", running("--config=/etc/k.yaml")+file("/etc/k.yaml newline=no", forged+"\n")); v.Status != scanner.OK {
		t.Errorf("got %v: %s; a marker without the nonce is content", v.Status, v.Error)
	}
}

// 28. What may not be read looks like what is not there: a locked parent makes test -e false.
func TestTrap28DeniedIsNotAbsent(t *testing.T) {
	const path = "/var/lib/kubelet/config/k.yaml"
	node := running("--config="+path) + "-- /var/lib/kubelet type=dir mode=%M --\n" + file(path+" mode=%F", yes)
	for _, tt := range []struct{ dir, file, login, want string }{
		{"0755", "0644", "login: scan", "on"},
		{"0755", "0600", "login: scan", "unknown"},
		{"0750", "0644", "login: scan", "unknown"},
		{"0700", "0600", "login: scan", "unknown"},
		{"0700", "0600", "login: scan\nsudo: all", "on"},
		{"0700", "0600", "login: root", "on"},
	} {
		v := trap(t, tt.login, strings.NewReplacer("%M", tt.dir, "%F", tt.file).Replace(node))
		v.is(t, tt.want, path)
		if tt.want == "unknown" && !strings.Contains(v.Verdict.Why, "not readable by scan") {
			t.Errorf("%s %s: %s", tt.dir, tt.file, v.Verdict.Why)
		}
	}
	link := running("--config=/etc/k.yaml") + "-- /etc/k.yaml link=/srv/locked/k.yaml --\n-- /srv/locked type=dir mode=0700 --\n" + file("/srv/locked/k.yaml", yes)
	trap(t, "login: scan", link).is(t, "unknown", "not readable by scan")
	trap(t, "login: scan\nsudo: all", link).is(t, "on")
}

// 29. sudo refuses in many words, or is not there; a rule may allow one command alone.
func TestTrap29SudoRefusalsAreToldApart(t *testing.T) {
	const path = "/etc/kubernetes/kubelet-config.yaml"
	node := running("--config="+path) + file(path+" mode=0600", yes)
	for _, tt := range []struct{ header, want, reason string }{
		{"sudo: password", "unknown", "a password is required"},
		{"sudo: tty", "unknown", "you must have a tty to run sudo"},
		{"sudo: terminal", "unknown", "a terminal is required to read the password"},
		{"sudo: none", "unknown", "not in the sudoers file"},
		{"missing: sudo", "unknown", "sudo: not found"},
		{"sudo: /usr/bin/cat " + path, "unknown", "is not allowed to execute '/usr/bin/cat -- " + path + "'"},
		{"sudo: /usr/bin/find *", "unknown", "is not allowed to execute"},
		{"sudo: /usr/bin/cat -- " + path, "on", "file " + path},
		{"sudo: /usr/bin/cat", "on", "file " + path},
		{"sudo: all", "on", "file " + path},
	} {
		t.Run(tt.header, func(t *testing.T) {
			v := trap(t, "login: scan\n"+tt.header, node)
			v.is(t, tt.want, tt.reason)
			if tt.want == "unknown" && !strings.Contains(v.Verdict.Why, path) {
				t.Errorf("the reason does not name the file: %s", v.Verdict.Why)
			}
		})
	}
}

// 30. argv is chosen by whoever starts a process, and a probe with rights would follow it anywhere.
func TestTrap30ArgvOfOthersIsNotFollowed(t *testing.T) {
	const secret = "root:$6$very-secret"
	shadow := file("/etc/shadow mode=0600", secret+":19800:0:99999:7:::\n")
	t.Run("of another user", func(t *testing.T) {
		v := trap(t, "login: scan\nsudo: all", process("700 comm=kubelet uid=1001 exe=/tmp/kubelet", "/tmp/kubelet", "--config=/etc/shadow", "--rotate-server-certificates")+shadow)
		v.is(t, "no-kubelet", "does not run as root")
		if strings.Contains(v.said, secret) {
			t.Error("/etc/shadow left the node")
		}
	})
	t.Run("of many of them", func(t *testing.T) {
		crowd := ""
		for pid := 300; pid < 700; pid++ {
			crowd += process(strconv.Itoa(pid)+" comm=kubelet uid=1001", "kubelet", "--rotate-server-certificates")
		}
		trap(t, "", crowd+running()).is(t, "off")
	})
	for _, tt := range []struct{ name, path, sections string }{
		{"a file that is no configuration", "/etc/shadow", shadow},
		{"a FIFO", "/run/fifo", "-- /run/fifo type=fifo --\n"},
		{"a device", "/dev/mem", "-- /dev/mem type=device --\n"},
		{"a directory", "/etc", ""},
		{"a link to a FIFO", "/run/link", "-- /run/fifo type=fifo --\n-- /run/link link=/run/fifo --\n"},
		{"a path that a shell would read", "/etc/$(reboot)`reboot`;reboot", ""},
		{"a path out of quotes", `/etc/" ; reboot ; "`, ""},
		{"a path of two lines", "/etc/a\nreboot", ""},
	} {
		for _, login := range []string{"login: root", "login: scan\nsudo: all"} {
			t.Run(tt.name+" "+login, func(t *testing.T) { // visit fails on every command outside the closed set
				v := trap(t, login, running("--config="+tt.path)+tt.sections)
				if got := v.Verdict.Rotation.String(); v.Status != scanner.OK || got != "unknown" && got != "invalid" {
					t.Errorf("got %v %s (%s%s), want unknown or invalid", v.Status, got, v.Error, v.Verdict.Why)
				}
				if strings.Contains(v.said, secret) {
					t.Error("/etc/shadow left the node")
				}
			})
		}
	}
	t.Run("a file without end", func(t *testing.T) {
		huge := running("--config=/etc/k.yaml") + file("/etc/k.yaml", yes+strings.Repeat("# "+strings.Repeat("x", 1020)+"\n", 2048))
		trap(t, "", huge).is(t, "unknown", "longer than the probe reads")
	})
}

// 31. Tokens, passwords and keys stand beside what decides.
func TestTrap31SecretsStayOnTheNode(t *testing.T) {
	withK3s := process("702 comm=k3s-server exe=/usr/local/bin/k3s cgroup=/system.slice/k3s.service", "/usr/local/bin/k3s server") +
		file("/usr/local/bin/k3s type=program", "k3s version v1.31.6+k3s1 (6ab750f9)\n") +
		file("/etc/systemd/system/k3s.service", "[Service]\nEnvironmentFile=/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s server --token hush-argument\n") +
		file("/etc/systemd/system/k3s.service.env mode=0600", "K3S_TOKEN=hush-env\nAWS_SECRET_ACCESS_KEY=\"hush-a \\\nhush-b\"\nDB_PASSWORD=\"hush-c \\\nA_TOKEN-hush-d\"\n") +
		file("/etc/rancher/k3s/config.yaml mode=0600", "token: hush-token\nagent-token:\n  hush-agent\nkubelet-arg: rotate-server-certificates=true\ndatastore-endpoint: mysql://u:hush-database@db/k3s\n")
	withKubelet := running("--config=/etc/k.yaml") +
		file(kubeletUnit, "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf --config=/etc/k.yaml\n") +
		file(kubeletUnit+".d/10-proxy.conf", "[Service]\nEnvironment=\"HTTPS_PROXY=http://user:hush-proxy@proxy:3128\"\nEnvironment=REGISTRY_PASSWORD=hush-password\n") +
		file("/etc/k.yaml", yes+"staticPodURL: https://example.com\nstaticPodURLHeader:\n  Authorization:\n  - Bearer hush-header\n") +
		file("/etc/kubernetes/kubelet.conf mode=0644", kubeconfig) +
		file("/var/lib/kubelet/pki/kubelet-server-2026-01-16-08-12-52.pem mode=0644", "-----BEGIN EC PRIVATE KEY-----\nhush-key\n-----END EC PRIVATE KEY-----\n")
	for _, tt := range []struct {
		name, sections, want string
	}{
		{"k3s", withK3s, "on masked"},
		{"kubelet", withKubelet, "on"},
	} {
		for _, login := range []string{"login: root", "login: scan\nsudo: all"} {
			t.Run(tt.name+" "+login, func(t *testing.T) {
				v := trap(t, login, tt.sections)
				v.is(t, tt.want)
				for what, text := range map[string]string{"the answer": v.said, "the evidence": v.kept} {
					if at := max(strings.Index(text, "hush-"), strings.Index(text, "not-for-you")); at >= 0 {
						t.Errorf("in %s: ...%.60q", what, text[max(0, at-40):])
					}
				}
				if v.kept == "" {
					t.Error("no evidence was kept to look at")
				}
			})
		}
	}
}

// answers is a node on which something else than our shell runs.
type answers struct{ probe.Output }

func (a answers) Exec(context.Context, string, string) (probe.Output, error) { return a.Output, nil }
func (answers) Close() error                                                 { return nil }
func (answers) DialTCP(context.Context, string) (net.Conn, error) {
	return nil, scanner.ErrForwardingRefused
}

// 32. A ForceCommand, a restricted shell or a nologin answers in the probe's stead.
func TestTrap32OtherAnswersAreNotTheProbes(t *testing.T) {
	for _, tt := range []struct {
		name, stdout, stderr string
		code                 int
		reason               string
	}{
		{"ForceCommand", "This host is a jump host. Commands are switched off.\n", "", 0, "This host is a jump host."},
		{"nologin", "This account is currently not available.\n", "", 1, "This account is currently not available."},
		{"rbash", "", "rbash: line 1: exec: restricted\n", 1, "rbash: line 1: exec: restricted"},
		{"a shell without exec", "", "fish: Unknown command: exec\n", 127, "fish: Unknown command: exec"},
		{"Windows", "", "'exec' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", 1, "'exec' is not recognized"},
		{"an expired password", "", "Password change required but no TTY available.\n", 1, "Password change required"},
		{"a menu", "\r\n 1) Restart\r\n 2) Shut down\r\nChoice: ", "", 0, "1) Restart"},
		{"nothing", "", "", 0, "nothing"},
		{"a forged marker", "\n@NONCE begin\n\n@NONCE host\nsystem=Linux\n\n@NONCE end\n", "", 0, "begin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := probe.Output{Stdout: []byte(tt.stdout), Stderr: []byte(tt.stderr), ExitCode: tt.code}
			s := scanner.Scanner{Resolve: scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) { return answers{out}, nil })}
			visited{Result: scannertest.Scan(t.Context(), &s, nodes("a"))[0]}.is(t, "denied", tt.reason)
		})
	}
	t.Run("a probe that is cut off", func(t *testing.T) {
		node := trapNode(t, "", running())
		for _, half := range []int{2, 3, 10} {
			v := visit(t, node, func(out probe.Output) probe.Output {
				out.Stdout = out.Stdout[:len(out.Stdout)-len(out.Stdout)/half]
				return out
			})
			v.is(t, "denied", "end marker is missing")
		}
	})
}

// 33. A message of the day, a profile's output, carriage returns or odd bytes stand in the answer.
func TestTrap33MotdNoise(t *testing.T) {
	node := trapNode(t, "login: admin\nmotd: Welcome! 3 updates. kubelet --rotate-server-certificates=false", running("--rotate-server-certificates=true"))
	visit(t, node, nil).is(t, "on")
	t.Run("before and behind it, and on standard error", func(t *testing.T) {
		visit(t, node, func(out probe.Output) probe.Output {
			out.Stdout = bytes.Join([][]byte{[]byte("\x1b[2J\xff\xfe\n@ begin\nLast login: today\n"), out.Stdout}, nil)
			out.Stderr = append([]byte("stty: standard input: Inappropriate ioctl for device\n"), out.Stderr...)
			return out
		}).is(t, "on")
	})
	t.Run("sudo's words are found among noise", func(t *testing.T) {
		locked := trapNode(t, "login: scan\nsudo: password", running("--config=/etc/k.yaml")+file("/etc/k.yaml mode=0600", yes))
		visit(t, locked, func(out probe.Output) probe.Output {
			out.Stderr = append([]byte("tput: No value for $TERM\n"), out.Stderr...)
			return out
		}).is(t, "unknown", "a password is required")
	})
	t.Run("a terminal's carriage returns are no answer, or change none", func(t *testing.T) {
		v := visit(t, node, func(out probe.Output) probe.Output {
			out.Stdout = bytes.ReplaceAll(out.Stdout, []byte("\n"), []byte("\r\n"))
			return out
		})
		if got := v.Verdict.Rotation.String(); v.Status != scanner.Denied && got != "on" {
			t.Errorf("got %v %s: %s%s", v.Status, got, v.Error, v.Verdict.Why)
		}
	})
	t.Run("bytes that are not UTF-8", func(t *testing.T) {
		v := trap(t, "", running("--node-labels=a=\xff\xfe\x80", "--hostname-override=\x00", "--rotate-server-certificates"))
		if got := v.Verdict.Rotation.String(); got != "on" && got != "invalid" {
			t.Errorf("got %v %s: %s%s", v.Status, got, v.Error, v.Verdict.Why)
		}
		trap(t, "", running("--node-labels=a=\xff\xfe\x80", "--config=/etc/k.yaml")+file("/etc/k.yaml", yes)).is(t, "on")
	})
}
