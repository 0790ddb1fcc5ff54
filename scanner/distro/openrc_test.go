package distro

import (
	"strings"
	"testing"

	"kletscan/scanner/evidence"
)

// words are those of a service's command, with bars between them.
func words(s Start) string {
	var list []string
	for _, word := range s.Words {
		list = append(list, word.Text)
	}
	return strings.Join(list, "|")
}

func TestOpenRC(t *testing.T) {
	const shebang = "#!/sbin/openrc-run\n"
	tests := []struct {
		name   string
		script string
		files  []evidence.File
		want   string
		why    string // why it is not proven
	}{
		{
			"Alpine's kubelet: conf.d comes first, kubeadm's file is sourced",
			shebang + "if [ -e /var/lib/kubelet/kubeadm-flags.env ]; then\n\t. /var/lib/kubelet/kubeadm-flags.env;\nfi\ncommand=\"/usr/bin/kubelet\"\ncommand_args=\"${command_args} ${KUBELET_KUBEADM_ARGS}\"\n: ${output_log:=/var/log/$RC_SVCNAME.log}\n",
			[]evidence.File{
				config("/etc/conf.d/kubelet", "command_args=\"--config=/c\"\n"),
				config("/var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--v=2 --x=y\"\n"),
			},
			"/usr/bin/kubelet|--config=/c|--v=2|--x=y", "",
		},
		{
			"k3s: quotes inside, lines joined, a redirection at the end",
			shebang + "depend() {\n\tafter network-online\n}\nsupervisor=supervise-daemon\nname=k3s\ncommand=\"/usr/local/bin/k3s\"\ncommand_args=\"server \\\n\t'--kubelet-arg=v=2 x' \\\n    >>/var/log/k3s.log 2>&1\"\nif [ -f /etc/rancher/k3s/k3s.env ]; then . /etc/rancher/k3s/k3s.env; fi\n",
			nil, "/usr/local/bin/k3s|server|--kubelet-arg=v=2 x", "",
		},
		{
			"k0s: what a command works out does not matter here",
			shebang + "name=$(basename $(readlink -f $command))\ncommand=/usr/local/bin/k0s\ncommand_args=\"'worker' '--token-file=/etc/k0s/token' \"\n",
			nil, "/usr/local/bin/k0s|worker|--token-file=/etc/k0s/token", "",
		},
		{"a command that decides", shebang + "command=/usr/bin/kubelet\ncommand_args=\"--node-ip=$(hostname -i)\"\n", nil, "/usr/bin/kubelet", "a shell"},
		{"and goes into another variable", shebang + "ip=`hostname -i`\ncommand=/usr/bin/kubelet\ncommand_args=\"--node-ip=$ip\"\n", nil, "/usr/bin/kubelet", "a shell"},
		{"a default that the script has for itself", shebang + "command=/usr/bin/kubelet\ncommand_args=\"${args:---v=2}\"\n", nil, "/usr/bin/kubelet", "a shell"},
		{"a comment with a quote", shebang + "# don't\ncommand=/usr/bin/kubelet # or k3s's\ncommand_args='--v=2'\n", nil, "/usr/bin/kubelet|--v=2", ""},
		{"a name of the service", shebang + "command=/usr/bin/$RC_SVCNAME\n", nil, "/usr/bin/kubelet", ""},
		{"no command", shebang + "command_args=--v=2\n", nil, "", "names no command"},
		{"a script of another init", "#!/bin/sh\ncommand=/usr/bin/kubelet\n", nil, "", ""},
		{
			"a file that nobody could read", shebang + "command=/usr/bin/kubelet\n. /etc/kubelet.env\n",
			[]evidence.File{{Path: "/etc/kubelet.env", State: evidence.Denied}},
			"/usr/bin/kubelet", "/etc/kubelet.env",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev := &evidence.Evidence{Files: append(tt.files, config("/etc/init.d/kubelet", tt.script))}
			s := StartOf(ev, "kubelet.service")
			if got := words(s); got != tt.want || (s.unproven == "") != (tt.why == "") || !strings.Contains(s.unproven, tt.why) {
				t.Errorf("got %q (%q), want %q (%q)", got, s.unproven, tt.want, tt.why)
			}
		})
	}
}

func TestOpenRCSaysWhereAWordStood(t *testing.T) {
	ev := &evidence.Evidence{Files: []evidence.File{
		config("/etc/init.d/kubelet", "#!/sbin/openrc-run\ncommand=/usr/bin/kubelet\n"), config("/etc/conf.d/kubelet", "# x\ncommand_args=\"--v=2\"\n"),
	}}
	if got := StartOf(ev, "kubelet.service").Words[1].Source; got.Path != "/etc/conf.d/kubelet" || got.Line != 2 {
		t.Errorf("it stood at %v, want /etc/conf.d/kubelet:2", got)
	}
}

func TestK3sUnderOpenRC(t *testing.T) {
	s := running("k3s-agent", "/usr/local/bin/k3s agent")
	s.Evidence.Files = []evidence.File{
		config("/etc/init.d/k3s-agent", "#!/sbin/openrc-run\ncommand=\"/usr/local/bin/k3s\"\ncommand_args=\"agent '--kubelet-arg=v=2'\"\n. /etc/rancher/k3s/k3s-agent.env\n"),
		config("/etc/rancher/k3s/k3s-agent.env", "K3S_DATA_DIR=/srv/k3s\n"),
	}
	s.Evidence.Dirs = []evidence.Dir{{Path: "/srv/k3s/agent/etc/kubelet.conf.d", State: evidence.Absent}}
	a := k3sPaths.arguments(s)
	if texts(a) != "--v=2" || a.Incomplete != "" || !has(a, "--kubeconfig=/srv/k3s/agent/kubelet.kubeconfig") {
		t.Errorf("got %+v", a)
	}
}

func TestShellWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"a b\tc\nd":                     "a|b|c|d",
		`--x="a b" --y='c d' e"f"g`:     "--x=a b|--y=c d|efg",
		`a\ b c\` + "\n" + `d "e\"f\\"`: `a b|cd|e"f\`,
		"a #b\nc#d":                     "a|c#d",
		`"" ''`:                         "|",
		`'$x' "\$y"`:                    "$x|$y",
	} {
		got, ok := shellWords(text)
		if strings.Join(got, "|") != want || !ok {
			t.Errorf("%q: got %q, %v", text, got, ok)
		}
	}
	for _, text := range []string{"$x", `"$x"`, "`id`", `"` + "`id`" + `"`, "a;b", "a|b", "a<b", "(a)", "a*", "~/x", "{a,b}", `"open`, "'open", "a & b"} {
		if words, ok := shellWords(text); ok {
			t.Errorf("%q: got %q, want a shell to be needed", text, words)
		}
	}
}

func FuzzOpenRC(f *testing.F) {
	for _, seed := range []string{
		"command=/usr/bin/kubelet\ncommand_args=\"a 'b' >>c\"\n", ". /etc/conf.d/kubelet\n", ": ${a:=b}\ncommand=$a$a$a\n", "a='", "a=\"\\", "a=$(", "command_args=\"$command_args $command_args\"\n",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, script, conf string) {
		ev := &evidence.Evidence{Files: []evidence.File{
			config("/etc/init.d/kubelet", "#!/sbin/openrc-run\n"+script), config("/etc/conf.d/kubelet", conf),
		}}
		total := 0
		for _, word := range StartOf(ev, "kubelet.service").Words {
			total += len(word.Text)
		}
		if total > 4*longest {
			t.Errorf("%d bytes grew to %d", len(script)+len(conf), total)
		}
	})
}

// A script of a hostile node doubles a variable with every line.
func TestOpenRCDoesNotGrow(t *testing.T) {
	script := "#!/sbin/openrc-run\na=xxxxxxxxxxxxxxxx\n" + strings.Repeat("a=$a$a\n", 200) + "command=$a\ncommand_args=\"" + strings.Repeat("$a", 1000) + "\"\n"
	s := StartOf(&evidence.Evidence{Files: []evidence.File{config("/etc/init.d/kubelet", script)}}, "kubelet.service")
	if n := len(words(s)); n > 4*longest {
		t.Errorf("%d bytes grew to %d", len(script), n)
	}
}
