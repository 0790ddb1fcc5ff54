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
	t.Run("no unit", func(t *testing.T) {
		if s := StartOf(&evidence.Evidence{Files: files}, "k3s.service"); s.Unit != "" || s.Words != nil {
			t.Errorf("got %+v", s)
		}
	})
}
