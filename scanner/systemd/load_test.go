package systemd

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// command is a unit file or drop-in that replaces the command.
func command(path string) File {
	return present(path, "[Service]\nExecStart=\nExecStart=/k "+path+"\n")
}

func TestSearchPathPrecedence(t *testing.T) {
	dirs := []string{"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"}
	var files []File
	for _, dir := range slices.Backward(dirs) {
		files = append(files, command(dir+"/systemd/system/kubelet.service"))
	}
	for i, dir := range dirs {
		u := load(t, files[:len(files)-i]...)
		if want := dir + "/systemd/system/kubelet.service"; u.Fragment != want {
			t.Errorf("fragment = %s, want %s", u.Fragment, want)
		}
		proven(t, u.Command(nil), "/k", u.Fragment)
	}
}

func TestFilesElsewhereAreIgnored(t *testing.T) {
	_, err := Load("kubelet.service", Host{}, []File{
		command("/opt/systemd/system/kubelet.service"),
		command("/etc/systemd/system/kubelet.service.d/kubelet.service"),
		command("/etc/systemd/user/kubelet.service"),
		{Path: unitPath, State: Absent},
	})
	if !errors.Is(err, ErrNotFound) || err.Error() != "kubelet.service: no unit file in the search path of systemd" {
		t.Errorf("err = %v", err)
	}
}

func TestAnEmptyUnitFileMasks(t *testing.T) {
	_, err := Load("kubelet.service", Host{}, []File{present(unitPath, ""), command("/lib/systemd/system/kubelet.service")})
	if !errors.Is(err, ErrMasked) || err.Error() != "kubelet.service: masked by "+unitPath {
		t.Errorf("err = %v", err)
	}
}

func TestDropInsAreSortedByFileNameOverAllDirectories(t *testing.T) {
	u := load(t, command(unitPath),
		command("/etc/systemd/system/kubelet.service.d/20-b.conf"),
		command("/usr/lib/systemd/system/kubelet.service.d/30-c.conf"),
		command("/run/systemd/system/kubelet.service.d/10-a.conf"),
		command("/etc/systemd/system/kubelet.service.d/9-d.conf"),
	)
	want := []string{
		"/run/systemd/system/kubelet.service.d/10-a.conf",
		"/etc/systemd/system/kubelet.service.d/20-b.conf",
		"/usr/lib/systemd/system/kubelet.service.d/30-c.conf",
		"/etc/systemd/system/kubelet.service.d/9-d.conf",
	}
	if diff := cmp.Diff(want, u.DropIns); diff != "" {
		t.Errorf("drop-ins (-want +got):\n%s", diff)
	}
	proven(t, u.Command(nil), "/k", want[3])
}

func TestADropInHidesThoseOfTheSameNameFurtherDown(t *testing.T) {
	etc := "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
	lib := command("/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf")
	unit := present(unitPath, "[Service]\nExecStart=/k unit\n")

	u := load(t, unit, lib, command(etc))
	proven(t, u.Command(nil), "/k", etc)

	u = load(t, unit, lib, present(etc, ""))
	proven(t, u.Command(nil), "/k", "unit")

	u = load(t, unit, lib, File{Path: etc, State: Unreadable, Reason: "permission denied"})
	if c := u.Command(nil); !slices.Equal(c.Missing, []string{etc + ": permission denied"}) {
		t.Errorf("missing = %q", c.Missing)
	}
}

func TestOnlyFilesWithTheSuffixConfAreDropIns(t *testing.T) {
	dir := "/etc/systemd/system/kubelet.service.d/"
	u := load(t, command(unitPath), command(dir+"kubelet-config.json"), command(dir+"10-a.conf.bak"),
		command(dir+".hidden.conf"), command(dir+"below/10-b.conf"), command(dir+"conf"))
	if len(u.DropIns) != 0 {
		t.Errorf("drop-ins = %v", u.DropIns)
	}
	// A KubeletConfiguration that bears the suffix is read, and holds no setting.
	u = load(t, command(unitPath), present(dir+"kubelet.conf", "kind: KubeletConfiguration\nstaticPodPath: /etc\n"))
	proven(t, u.Command(nil), "/k", unitPath)
}

func TestDropInDirectoriesOfAName(t *testing.T) {
	tests := []struct {
		name string
		want string
	}{
		{"kubelet.service", "kubelet"},
		{"k3s-agent.service", "k3s-agent k3s-"},
		{"snap.k8s.kubelet.service", "snap.k8s.kubelet"},
		{"foo-bar-baz.service", "foo-bar-baz foo-bar- foo-"},
		{"x--y.service", "x--y x-- x-"},
		{"-k-b.service", "-k-b -k-"},
		{"a-b@i-j.service", "a-b@i-j a-b@ a- a-@i-j a-@"},
	}
	for _, test := range tests {
		want := strings.ReplaceAll(test.want, " ", ".service ") + ".service"
		if got := strings.Join(dropInNames(test.name), " "); got != want {
			t.Errorf("%s: %s, want %s", test.name, got, want)
		}
	}
}

func TestLessSpecificDropInsGiveWay(t *testing.T) {
	files := []File{
		command("/etc/systemd/system/service.d/10-a.conf"),
		command("/lib/systemd/system/k3s-.service.d/10-a.conf"),
		command("/lib/systemd/system/k3s-agent.service.d/10-a.conf"),
		command("/etc/systemd/system/k3s-.service.d/10-a.conf"),
		command("/etc/systemd/system/k3s-agent.service"),
	}
	for len(files) > 1 {
		u, err := Load("k3s-agent.service", Host{}, files)
		if err != nil {
			t.Fatal(err)
		}
		best := files[len(files)-2]
		proven(t, u.Command(nil), "/k", best.Path)
		files = append(files[:len(files)-2], files[len(files)-1])
	}
}

func TestAnInstanceFallsBackToItsTemplate(t *testing.T) {
	template := present("/etc/systemd/system/k@.service", "[Service]\nExecStart=/k %i %p\n")
	u, err := Load("k@one.service", Host{}, []File{template})
	if err != nil {
		t.Fatal(err)
	}
	proven(t, u.Command(nil), "/k", "one", "k")
	u, err = Load("k@one.service", Host{}, []File{template, command("/lib/systemd/system/k@one.service")})
	if err != nil {
		t.Fatal(err)
	}
	proven(t, u.Command(nil), "/k", "/lib/systemd/system/k@one.service")
}

func TestLoadOrderedKeepsTheOrderOfSystemd(t *testing.T) {
	u, err := LoadOrdered("kubelet.service", Host{}, command("/nix/store/kubelet.service"),
		[]File{command("/b/20.conf"), {Path: "/b/15.conf", State: Absent}, command("/b/10.conf")})
	if err != nil {
		t.Fatal(err)
	}
	proven(t, u.Command(nil), "/k", "/b/10.conf")
	if diff := cmp.Diff([]string{"/b/20.conf", "/b/10.conf"}, u.DropIns); diff != "" {
		t.Errorf("drop-ins (-want +got):\n%s", diff)
	}
	if _, err = LoadOrdered("kubelet.service", Host{}, File{Path: "/x", State: Absent}, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("err = %v", err)
	}
	if _, err = LoadOrdered("kubelet.service", Host{}, present("/x", ""), nil); !errors.Is(err, ErrMasked) {
		t.Errorf("err = %v", err)
	}
}

func TestNamesOfServices(t *testing.T) {
	for _, name := range []string{"", "kubelet", ".service", "@a.service", "a/b.service", "a b.service", "k.timer", "k\n.service", strings.Repeat("k", 255) + ".service"} {
		if _, err := Load(name, Host{}, nil); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%q: err = %v", name, err)
		}
	}
	if _, err := Load(`snap.k8s_a-b\x2dc@d:e.service`, Host{}, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("err = %v", err)
	}
}

func TestAnUnreadableUnitFileLeavesTheCommandUnproven(t *testing.T) {
	tests := []struct {
		file File
		want string
	}{
		{File{Path: unitPath, State: Unreadable, Reason: "permission denied"}, unitPath + ": permission denied"},
		{File{Path: unitPath, State: Unreadable}, unitPath + ": unreadable"},
		{File{Path: unitPath}, unitPath + ": not read"},
	}
	for _, test := range tests {
		c := load(t, test.file).Command(nil)
		if !slices.Equal(c.Missing, []string{test.want}) || c.Refused != "" || c.Argv != nil {
			t.Errorf("%v: %+v", test.file, c)
		}
	}
}
