package distro

import (
	"slices"
	"strings"
	"testing"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
)

func TestStartOf(t *testing.T) {
	const fragment, dropIn = "/usr/lib/systemd/system/kubelet.service", "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
	files := []evidence.File{
		config(fragment, "[Service]\nExecStart=/usr/bin/kubelet\n"),
		config(dropIn, "[Service]\nEnvironmentFile=-/etc/default/kubelet\nExecStart=\nExecStart=/usr/local/bin/wrap /usr/bin/kubelet --v=2 $EXTRA\n"),
	}
	texts := func(args []kubelet.Arg) (list []string) {
		for _, arg := range args {
			list = append(list, arg.Text)
		}
		return list
	}
	t.Run("an environment file nobody read leaves it unproven, and is wanted", func(t *testing.T) {
		s := StartOf(&evidence.Evidence{Files: files}, "kubelet.service")
		if s.Complete() || len(s.Wants) != 1 || s.Wants[0].Path != "/etc/default/kubelet" || !strings.Contains(s.Missing, "/etc/default/kubelet") {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("with it, each word says where it stood, and a wrapper does not count", func(t *testing.T) {
		ev := &evidence.Evidence{Files: append(files[:2:2], config("/etc/default/kubelet", "# a comment\nEXTRA=--rotate-server-certificates=true\n"))}
		s := StartOf(ev, "kubelet.service")
		if !s.Complete() {
			t.Fatalf("missing %q", s.Missing)
		}
		args := s.Args()
		if want := []string{"--v=2", "--rotate-server-certificates=true"}; !slices.Equal(texts(args), want) {
			t.Errorf("got %q, want %q", texts(args), want)
		}
		if last := args[len(args)-1].Source; last.Path != "/etc/default/kubelet" || last.Line != 2 {
			t.Errorf("it stood at %+v, want /etc/default/kubelet:2", last)
		}
	})
	t.Run("what systemctl named comes in its order", func(t *testing.T) {
		ev := &evidence.Evidence{
			Files: append(files[:2:2], config("/run/x.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --v=9\n")),
			Units: []evidence.Unit{{Name: "kubelet.service", LoadState: "loaded", Fragment: fragment, DropIns: []string{dropIn, "/run/x.conf"}}},
		}
		if got := texts(StartOf(ev, "kubelet.service").Args()); !slices.Equal(got, []string{"--v=9"}) {
			t.Errorf("got %q, want --v=9", got)
		}
	})
	for command, want := range map[string]string{
		"/usr/bin/podman run --name kubelet -v /var/lib/kubelet:/var/lib/kubelet quay.io/poseidon/kubelet:v1.36.1 --v=2": "--v=2",
		"/usr/bin/docker run gcr.io/google_containers/hyperkube:v1.9 /hyperkube kubelet --v=2":                           "--v=2",
		"/usr/lib/coreos/kubelet-wrapper --v=2":                                     "--v=2",
		"/usr/bin/hyperkube kubelet --v=2":                                          "--v=2",
		"/usr/local/bin/kubenswrapper /usr/bin/kubelet --root-dir /var/lib/kubelet": "--root-dir /var/lib/kubelet",
		"docker logs -f kubelet":                                                    "",
		"/opt/start --root-dir /var/lib/kubelet":                                    "",
		"/usr/bin/hyperkube kube-proxy":                                             "",
		"/usr/bin/snap run kubelet.daemon":                                          "",
	} {
		t.Run(command, func(t *testing.T) {
			s := down("kubelet.service", service(kubeletUnit, "ExecStart="+command)).Start
			if got := strings.Join(texts(s.Args()), " "); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if s.Complete() != (want != "") {
				t.Errorf("missing %q: a command that names no kubelet proves nothing", s.Missing)
			}
		})
	}
	t.Run("a comment that ends in a backslash, before and after systemd 254", func(t *testing.T) {
		s := down("kubelet.service", service(kubeletUnit, "EnvironmentFile=/e\nExecStart=/usr/bin/kubelet $A"), config("/e", "# x \\\nA=--v=2\n")).Start
		if s.Complete() || !strings.Contains(s.Missing, "version of systemd") {
			t.Errorf("missing %q", s.Missing)
		}
	})
	t.Run("no unit", func(t *testing.T) {
		if s := StartOf(&evidence.Evidence{Files: files}, "k3s.service"); s.Unit != "" || s.Words != nil {
			t.Errorf("got %+v", s)
		}
	})
}
