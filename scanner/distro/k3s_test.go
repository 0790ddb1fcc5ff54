package distro

import (
	"slices"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

// k3sNode is a k3s server with the given unit and configuration files.
func k3sNode(exec string, files ...evidence.File) Subject {
	s := running("k3s-server", "/usr/local/bin/k3s server")
	s.Process.Unit = "k3s.service"
	s.Evidence.Files = files
	if exec != "" {
		s.Evidence.Files = append(s.Evidence.Files, evidence.File{
			Path: "/etc/systemd/system/k3s.service", State: evidence.Present, Content: "[Service]\nExecStart=" + exec + "\n",
		})
	}
	s.Start = StartOf(s.Evidence, "k3s.service")
	return s
}

func TestK3sArguments(t *testing.T) {
	const server = "/usr/local/bin/k3s server"
	tests := []struct {
		name string
		s    Subject
		want []string // the arguments that the user gave, in order
	}{
		{"as it comes", k3sNode(server), nil},
		{
			"the unit's words, joined and apart",
			k3sNode(server + " '--kubelet-arg=rotate-server-certificates=true' --kubelet-arg v=2"),
			[]string{"--rotate-server-certificates=true", "--v=2"},
		},
		{
			"a list in config.yaml",
			k3sNode(server, config(k3sPaths.config, "kubelet-arg:\n- rotate-server-certificates=true\n- \"v=2\"\n")),
			[]string{"--rotate-server-certificates=true", "--v=2"},
		},
		{"a scalar", k3sNode(server, config(k3sPaths.config, "kubelet-arg: v=2\n")), []string{"--v=2"}},
		{
			"the unit's words come after the file's",
			k3sNode(server+" --kubelet-arg=v=3", config(k3sPaths.config, "kubelet-arg: v=2\n")),
			[]string{"--v=2", "--v=3"},
		},
		{
			"a later file replaces the key",
			k3sNode(server, config(k3sPaths.config, "kubelet-arg: v=1\n"), config(k3sPaths.config+".d/10.yaml", "kubelet-arg: v=2\n")),
			[]string{"--v=2"},
		},
		{
			"a key that ends in + adds to it",
			k3sNode(server, config(k3sPaths.config, "kubelet-arg: v=1\n"), config(k3sPaths.config+".d/10.yaml", "kubelet-arg+:\n- v=2\n")),
			[]string{"--v=1", "--v=2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := k3sPaths.arguments(tt.s)
			if a.Incomplete != "" {
				t.Errorf("incomplete: %s", a.Incomplete)
			}
			var got []string
			for _, arg := range a.Args {
				if arg.Source.Kind != kubelet.FromDistribution {
					got = append(got, arg.Text)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestK3sPassesItsOwnCertificate(t *testing.T) {
	has := func(a Arguments, text string) bool {
		return slices.ContainsFunc(a.Args, func(arg kubelet.Arg) bool { return arg.Text == text })
	}
	s := k3sNode("/usr/local/bin/k3s server --data-dir /srv/k3s/")
	s.Evidence.Dirs = []evidence.Dir{{Path: "/srv/k3s/agent/etc/kubelet.conf.d", State: evidence.Absent}}
	a := k3sPaths.arguments(s)
	if !has(a, "--tls-cert-file=/srv/k3s/agent/serving-kubelet.crt") {
		t.Errorf("no certificate below the data directory in %+v", a.Args)
	}
	s = k3sNode("/usr/local/bin/k3s server")
	s.Evidence.Dirs = []evidence.Dir{{Path: "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d", State: evidence.Denied}}
	a = k3sPaths.arguments(s)
	if !has(a, "--config-dir=/var/lib/rancher/k3s/agent/etc/kubelet.conf.d") || has(a, "--tls-cert-file=/var/lib/rancher/k3s/agent/serving-kubelet.crt") {
		t.Errorf("from 1.32 on the certificate stands in the drop-ins: %+v", a.Args)
	}
}

func TestK3sIsIncompleteWhereSomethingCouldNotBeRead(t *testing.T) {
	denied := evidence.File{Path: k3sPaths.config, State: evidence.Denied}
	refused := denied
	refused.Sudo = true
	tests := []struct {
		name  string
		s     Subject
		why   string
		wants int
	}{
		{"no unit", k3sNode(""), "hides its arguments", 0},
		{"a configuration that is denied is wanted", k3sNode("/usr/local/bin/k3s server", denied), k3sPaths.config, 1},
		{"and not wanted again after sudo was refused", k3sNode("/usr/local/bin/k3s server", refused), k3sPaths.config, 0},
		{"a configuration that stayed on the node", k3sNode("/usr/local/bin/k3s server", evidence.File{Path: k3sPaths.config, State: evidence.Withheld}), "withheld", 0},
		{"bad YAML", k3sNode("/usr/local/bin/k3s server", config(k3sPaths.config, "kubelet-arg: [")), "not valid YAML", 0},
		{"another configuration file", k3sNode("/usr/local/bin/k3s server --config /srv/k3s.yaml"), "/srv/k3s.yaml", 2},
		{"a configuration from a server", k3sNode("/usr/local/bin/k3s server -c https://example.com/k3s.yaml"), "https://example.com", 0},
		{"a server without an agent", k3sNode("/usr/local/bin/k3s server --disable-agent"), "--disable-agent", 0},
		{"rootless", k3sNode("/usr/local/bin/k3s server --rootless"), "rootless", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := k3sPaths.arguments(tt.s)
			if !strings.Contains(a.Incomplete, tt.why) {
				t.Errorf("incomplete %q, want %q in it", a.Incomplete, tt.why)
			}
			if len(a.Wants) != tt.wants {
				t.Errorf("wants %+v, want %d", a.Wants, tt.wants)
			}
		})
	}
}

func TestAYAMLBombOfANodeIsRefused(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ",") + "]\n"
	}
	a := k3sPaths.arguments(k3sNode("/usr/local/bin/k3s server", config(k3sPaths.config, bomb+"kubelet-arg: *j\n")))
	if a.Incomplete == "" || len(a.Args) > 10 {
		t.Errorf("%d arguments, incomplete %q", len(a.Args), a.Incomplete)
	}
}
