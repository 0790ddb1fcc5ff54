package scanner_test

import (
	"strings"
	"testing"
)

const kubeletUnit = "/etc/systemd/system/kubelet.service"

// stopped is a node whose kubelet does not run, with these unit files: pairs of
// path and content.
func stopped(files ...string) string {
	text := binary
	for i := 0; i+1 < len(files); i += 2 {
		text += file(files[i], files[i+1])
	}
	return text
}

// wouldStart visits a node with a stopped kubelet.
func wouldStart(t *testing.T, want string, files ...string) {
	t.Helper()
	trap(t, "", stopped(files...)).is(t, want+" kubelet-down")
}

// 10. "ExecStart=" empties the list, the last command wins, and other lines speak of the kubelet, too.
func TestTrap10OnlyTheLastExecStartCounts(t *testing.T) {
	const dropIn = kubeletUnit + ".d/10-start.conf"
	t.Run("a drop-in replaces a base unit that starts nothing", func(t *testing.T) {
		wouldStart(t, "on", kubeletUnit, "[Service]\nExecStart=/usr/bin/false\n",
			dropIn, "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --kubeconfig=/k --rotate-server-certificates\n")
	})
	t.Run("what was emptied is gone", func(t *testing.T) {
		wouldStart(t, "off", kubeletUnit, "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/k --rotate-server-certificates\n",
			dropIn, "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --kubeconfig=/k\n")
	})
	t.Run("ExecStartPre and ExecStopPost are not ExecStart", func(t *testing.T) {
		wouldStart(t, "off", kubeletUnit, "[Service]\n"+
			"ExecStartPre=/usr/bin/kubelet --rotate-server-certificates --version\n"+
			"ExecStart=/usr/bin/kubelet --kubeconfig=/k\n"+
			"ExecStopPost=-/bin/sh -c \"pkill kubelet --rotate-server-certificates\"\n")
	})
	t.Run("nor is another section", func(t *testing.T) {
		wouldStart(t, "off", kubeletUnit, "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/k\n"+
			"[Install]\nExecStart=\nExecStart=/usr/bin/kubelet --kubeconfig=/k --rotate-server-certificates\n")
	})
}

// 11. A command goes on behind a backslash, past comment lines and over an empty end.
func TestTrap11ContinuedCommands(t *testing.T) {
	tests := []struct{ name, unit, want string }{
		{"over several lines", "ExecStart=/usr/bin/kubelet \\\n  --kubeconfig=/k \\\n  --rotate-server-certificates\n", "on"},
		{"a comment line in between is skipped", "ExecStart=/usr/bin/kubelet \\\n# --rotate-server-certificates=false\n  --kubeconfig=/k \\\n; and another\n  --rotate-server-certificates\n", "on"},
		{"and one that is commented out is no flag", "ExecStart=/usr/bin/kubelet \\\n  --kubeconfig=/k \\\n#  --rotate-server-certificates \\\n  --v=2\n", "off"},
		{"a backslash before an empty line ends it", "ExecStart=/usr/bin/kubelet --kubeconfig=/k \\\n\t--rotate-server-certificates=true \\\n\nRestart=always\n", "on"},
		{"a backslash right behind a word splits it all the same", "ExecStart=/usr/bin/kubelet --kubeconfig=/k\\\n--rotate-server-certificates=true\\\n--v=2\n", "on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wouldStart(t, tt.want, kubeletUnit, "[Service]\n"+tt.unit) })
	}
}

// 12. $A is split at blanks, "$A" likewise, ${A} never, $A inside a word is text, and $$ is a dollar.
func TestTrap12VariablesInCommands(t *testing.T) {
	const flags = "--v=2 --rotate-server-certificates=true"
	tests := []struct{ name, a, command, want string }{
		{"a whole word is split", flags, "/usr/bin/kubelet --kubeconfig=/k $A", "on"},
		{"quotes around it do not help", flags, `/usr/bin/kubelet --kubeconfig=/k "$A"`, "on"},
		{"braces keep it one word", "--node-labels=x " + flags, "/usr/bin/kubelet --kubeconfig=/k ${A}", "off"},
		{"braces inside a word", "true", "/usr/bin/kubelet --kubeconfig=/k --rotate-server-certificates=${A}", "on"},
		{"no braces inside a word", flags, "/usr/bin/kubelet --kubeconfig=/k --node-labels=$A", "off"},
		{"two dollars", flags, "/usr/bin/kubelet --kubeconfig=/k --node-labels=$$A", "off"},
		{"an unset word vanishes", flags, "/usr/bin/kubelet --kubeconfig=/k $B $A", "on"},
		{"an unset word in braces is an empty argument, which a kubelet refuses", flags, "/usr/bin/kubelet --kubeconfig=/k ${B} $A", "invalid"},
		{"quotes in the value hold it together", "--node-labels='x " + flags + "'", "/usr/bin/kubelet --kubeconfig=/k $A", "off"},
		{"a colon before the command turns variables off", flags, ":/usr/bin/kubelet --kubeconfig=/k --node-labels ${A}", "off"},
		{"a dash before it means nothing here", flags, "-/usr/bin/kubelet --kubeconfig=/k $A", "on"},
		{"an at sign makes the next word argv[0]", flags, "@/usr/bin/kubelet kubelet --kubeconfig=/k $A", "on"},
		{"as does a plus or an exclamation mark", flags, "!/usr/bin/kubelet --kubeconfig=/k $A", "on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wouldStart(t, tt.want, kubeletUnit, "[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart="+tt.command+"\n",
				"/etc/default/kubelet", "A="+tt.a+"\n")
		})
	}
}

// 13. Environment= takes one assignment a word, empties, expands nothing and loses to EnvironmentFile=.
func TestTrap13EnvironmentAndItsFiles(t *testing.T) {
	const start = "ExecStart=/usr/bin/kubelet --kubeconfig=/k $A\n"
	tests := []struct{ name, unit, want string }{
		{"quotes around the assignment", `Environment="A=--v=2 --rotate-server-certificates=true"` + "\n", "on"},
		{"single ones", `Environment='A=--v=2 --rotate-server-certificates=true' B=x` + "\n", "on"},
		{"no quotes: the second word is no assignment", "Environment=A=--v=2 --rotate-server-certificates=true\n", "off"},
		{"several lines add up", "Environment=B=x\nEnvironment=A=--rotate-server-certificates\nEnvironment=C=y\n", "on"},
		{"the last one wins", "Environment=A=--rotate-server-certificates\nEnvironment=A=\n", "off"},
		{"an empty line empties all", "Environment=A=--rotate-server-certificates\nEnvironment=\n", "off"},
		{"a dollar stays one: a kubelet refuses the word", "Environment=B=--rotate-server-certificates\nEnvironment=A=$B\n", "invalid"},
		{"a file beats it, wherever it stands", "EnvironmentFile=/etc/off\nEnvironment=A=--rotate-server-certificates=true\n", "off"},
		{"a later file beats an earlier", "EnvironmentFile=/etc/off\nEnvironmentFile=/etc/on\n", "on"},
		{"and the other way round", "EnvironmentFile=/etc/on\nEnvironmentFile=/etc/off\n", "off"},
		{"one that may be absent and is", "Environment=A=--rotate-server-certificates\nEnvironmentFile=-/etc/gone\n", "on"},
		{"an empty one empties the list", "EnvironmentFile=/etc/on\nEnvironmentFile=\n", "off"},
		{"%N is the unit's name", "EnvironmentFile=-/etc/default/%N\n", "on"},
		{"a pattern that nobody expanded leaves it open", "EnvironmentFile=/etc/node.d/*.env\n", "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wouldStart(t, tt.want, kubeletUnit, "[Service]\n"+tt.unit+start,
				"/etc/on", "A=--rotate-server-certificates=true\n", "/etc/off", "A=--rotate-server-certificates=false\n",
				"/etc/default/kubelet", "A=--rotate-server-certificates=true\n", "/etc/node.d/10.env", "A=--rotate-server-certificates=true\n")
		})
	}
}

// 14. An environment file is not a shell script, though it looks like one.
func TestTrap14EnvironmentFileSyntax(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"text behind the closing quote joins without a blank", `A="--node-labels=x" --rotate-server-certificates=true`, "off"},
		{"export is not a keyword but a part of a bad name", "export A=--rotate-server-certificates=true", "off"},
		{"a value without quotes keeps its blanks", "A=--v=2 --rotate-server-certificates=true", "on"},
		{"# inside a value is text, here of a label", "A=--node-labels=x#y --rotate-server-certificates=true", "on"},
		{"a backslash before a blank is dropped", `A=--v=2\ --rotate-server-certificates=true`, "on"},
		{"a quoted value goes on behind a backslash", "A=\"--v=2 \\\n--rotate-server-certificates=true \\\n \"", "on"},
		{"single quotes", "A='--v=2 --rotate-server-certificates=true'", "on"},
		{"a dollar is text", "B=--rotate-server-certificates=true\nA=--node-labels=$B", "off"},
		{"a line without = is none", "B=x\n--rotate-server-certificates=true", "off"},
		{"blanks before the name", "  A=--rotate-server-certificates=true", "on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wouldStart(t, tt.want, kubeletUnit, "[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/k $A\n",
				"/etc/default/kubelet", tt.text+"\n")
		})
	}
	t.Run("a comment that ends in a backslash swallows the next line up to systemd 253, which this one may be", func(t *testing.T) {
		v := trap(t, "os: Debian GNU/Linux 12 (bookworm)", stopped(
			kubeletUnit, "[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/k $A\n",
			"/etc/default/kubelet", "# before \\\nA=--rotate-server-certificates=true\n"))
		if got := v.Verdict.Rotation.String(); got != "unknown" && got != "off" {
			t.Errorf("got %s (%s): systemd 252 would start it without the flag", got, v.Verdict.Why)
		}
	})
}

// 15. An environment file is code to a shell: "." on it runs what stands in it, or dies at a "<".
func TestTrap15EnvironmentFilesAreNotSourced(t *testing.T) {
	text := "EVIL=$(touch /tmp/pwned)\nWORSE=`reboot`\n" +
		"A=--eviction-hard=memory.available<750Mi,nodefs.available<10% --rotate-server-certificates=true;touch /tmp/pwned\n" +
		"A=--eviction-hard=memory.available<750Mi,nodefs.available<10% --rotate-server-certificates=true\n"
	unit := "[Service]\nEnvironmentFile=/etc/default/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/k $A\n"
	for _, header := range []string{"", "systemd: no", "missing: systemctl"} { // visit fails on every command outside the closed set
		trap(t, header, stopped(kubeletUnit, unit, "/etc/default/kubelet", text)).is(t, "on kubelet-down", "/etc/default/kubelet")
	}
}

// 16. Drop-ins sort by file name over all directories, mask one another, and count for types and prefixes.
func TestTrap16DropInsByNameOverAllDirectories(t *testing.T) {
	const (
		unit  = "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/k $A\n"
		on    = "[Service]\nEnvironment=A=--rotate-server-certificates=true\n"
		off   = "[Service]\nEnvironment=A=--rotate-server-certificates=false\n"
		etc   = "/etc/systemd/system/kubelet.service.d/"
		run   = "/run/systemd/system/kubelet.service.d/"
		local = "/usr/local/lib/systemd/system/kubelet.service.d/"
		lib   = "/usr/lib/systemd/system/kubelet.service.d/"
	)
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"the later name wins, not the higher directory", []string{etc + "20-a.conf", off, lib + "30-b.conf", on}, "on"},
		{"the same name in /etc masks /usr/lib", []string{etc + "20-a.conf", off, lib + "20-a.conf", on}, "off"},
		{"in /run, too", []string{run + "20-a.conf", off, lib + "20-a.conf", on}, "off"},
		{"and in /usr/local/lib", []string{local + "20-a.conf", on, lib + "20-a.conf", off}, "on"},
		{"but not over /etc", []string{etc + "20-a.conf", on, run + "20-a.conf", off}, "on"},
		{"only *.conf", []string{etc + "20-a.conf", off, etc + "30-b.conf.bak", on, etc + "40-kubelet-config.json", `{"serverTLSBootstrap": true}` + "\n"}, "off"},
		{"a KubeletConfiguration by the name of a drop-in is none", []string{etc + "20-a.conf", off, etc + "kubelet.conf", yes}, "off"},
		{"for the whole type", []string{"/etc/systemd/system/service.d/20-a.conf", on}, "on"},
		{"the type's own come by their names, too", []string{"/etc/systemd/system/service.d/90-z.conf", on, etc + "20-a.conf", off}, "on"},
	}
	for _, tt := range tests {
		for _, header := range []string{"", "systemd: no"} {
			if header != "" && strings.Contains(tt.files[0], "/service.d/") {
				continue // without systemctl the probe looks for the unit's own drop-ins alone
			}
			t.Run(strings.TrimSpace(tt.name+" "+header), func(t *testing.T) {
				trap(t, header, stopped(append([]string{"/usr/lib/systemd/system/kubelet.service", unit}, tt.files...)...)).is(t, tt.want+" kubelet-down")
			})
		}
	}
	t.Run("a link to /dev/null masks", func(t *testing.T) {
		sections := stopped("/usr/lib/systemd/system/kubelet.service", unit, lib+"20-a.conf", off, lib+"30-b.conf", on) +
			"-- " + etc + "30-b.conf link=/dev/null --\n"
		trap(t, "", sections).is(t, "off kubelet-down")
	})
	t.Run("a prefix of the unit's name", func(t *testing.T) {
		sections := stopped("/etc/systemd/system/k3s-agent.service", "[Service]\nExecStart=/usr/local/bin/k3s agent\n",
			"/etc/systemd/system/k3s-.service.d/20-a.conf", "[Service]\nExecStart=\nExecStart=/usr/local/bin/k3s agent --kubelet-arg=rotate-server-certificates=true\n",
			"/usr/local/bin/k3s type=program", "k3s version v1.31.6+k3s1 (6ab750f9)\n")
		trap(t, "", sections).is(t, "on masked kubelet-down", "/etc/systemd/system/k3s-.service.d/20-a.conf")
	})
	t.Run("what is on disk is not what systemd has loaded", func(t *testing.T) {
		trapNamed(t, "worker-reload").is(t, "off restart-pending", "a restart would give: on")
	})
}

// 17. The unit need not be kubelet.service: the kubelet's control group has its name.
func TestTrap17TheUnitIsThatOfTheControlGroup(t *testing.T) {
	kubelet := process("912 comm=kubelet start=-20d cgroup=/node.slice/node-agent.service", "/usr/bin/kubelet", "--kubeconfig=/k") + binary
	units := file("/etc/systemd/system/node-agent.service", "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/k --rotate-server-certificates\n") +
		file(kubeletUnit, "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/k --rotate-server-certificates=false\n")
	for _, header := range []string{"", "cgroups: v1"} {
		v := trap(t, header, kubelet+units)
		v.is(t, "off restart-pending", "/etc/systemd/system/node-agent.service")
		if v.Verdict.Unit != "node-agent.service" || v.Verdict.AfterRestart.String() != "on" {
			t.Errorf("unit %q, after a restart %v; want node-agent.service and on", v.Verdict.Unit, v.Verdict.AfterRestart)
		}
	}
}

// 18. systemctl is there and answers that the system was not booted with systemd, as in a container.
func TestTrap18SystemctlThatDoesNotAnswer(t *testing.T) {
	unit := "[Service]\nEnvironmentFile=-/etc/default/kubelet\nExecStart=/usr/bin/kubelet --kubeconfig=/k $A\n"
	files := []string{kubeletUnit, unit, "/etc/default/kubelet", "A=--rotate-server-certificates=true\n"}
	for _, header := range []string{"systemd: no", "missing: systemctl"} {
		trap(t, header, running("--rotate-server-certificates=true")).is(t, "on")
		trap(t, header, stopped(files...)).is(t, "on kubelet-down", "/etc/default/kubelet")
	}
}
