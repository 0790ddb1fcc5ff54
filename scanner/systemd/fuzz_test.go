package systemd

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// checkCommand fails for a command that no input may give.
func checkCommand(t *testing.T, c Command, files ...File) {
	t.Helper()
	size := 0
	for _, w := range c.Argv {
		size += len(w.Text) + 1
		i := slices.IndexFunc(files, func(f File) bool { return f.Path == w.Source.Path })
		if i < 0 {
			t.Fatalf("%q stood in no file: %v", w.Text, w.Source)
		}
		if n := len(slices.Collect(physicalLines(files[i].Content))); w.Source.Line < 1 || w.Source.Line > max(n, strings.Count(files[i].Content, "\n")+strings.Count(files[i].Content, "\r")+1) {
			t.Fatalf("%q stood at %v of %d lines", w.Text, w.Source, n)
		}
		if strings.Contains(w.Text, "\x00") {
			t.Fatalf("%q holds a NUL byte", w.Text)
		}
	}
	if size > maxArgv {
		t.Fatalf("%d bytes of arguments", size)
	}
	if c.Path.Text == "" && len(c.Missing) == 0 && c.Refused == "" {
		t.Fatal("a proven command without a program")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("kubelet.service", "[Service]\nExecStart=/k $A\n", "[Service]\nEnvironment=A=1\n", "")
	f.Add("k3s-agent.service", "[Service]\nExecStart=/k \\\n\n", "[Service]\nExecStart=\nExecStart=@/k k\n", "[oops")
	f.Add("a@b.service", "[Service]\r\nExecStart=-/k %i %z\r\n", "", "{\"kind\": \"x\"}")
	f.Fuzz(func(t *testing.T, name, unit, one, two string) {
		files := []File{
			present("/lib/systemd/system/"+name, unit),
			present("/etc/systemd/system/"+name+".d/10.conf", one),
			present("/run/systemd/system/service.d/20.conf", two),
			present("/lib/systemd/system/"+name+".d/10.conf", two),
		}
		u, err := Load(name, Host{}, files)
		if err != nil {
			return
		}
		c := u.Command(nil)
		checkCommand(t, c, files...)
		slices.Reverse(files)
		again, err := Load(name, Host{}, files)
		if err != nil {
			t.Fatalf("in reverse order: %v", err)
		}
		if diff := cmp.Diff(c, again.Command(nil)); diff != "" {
			t.Fatalf("in reverse order (-first +second):\n%s", diff)
		}
	})
}

func FuzzEnvironmentFile(f *testing.F) {
	f.Add("A=1\n# c \\\nB=\"x \\\ny\" z\nC='d'\ne f\\\ng=h")
	f.Add("\ufeffexport A=1\r\nA = b \r\n=\n\\")
	f.Add("A=\"\\\"\\x\\\n\"'\\'b\\ ")
	f.Fuzz(func(t *testing.T, content string) {
		for _, version := range []int{0, 252} {
			vars, err := parseEnvironmentFile(present(envPath, content), version)
			if err != nil && vars != nil {
				t.Fatalf("error %v and values", err)
			}
			size := 0
			for name, a := range vars {
				size += len(name) + len(a.value.s)
				if !validName(name) || !utf8.ValidString(a.value.s) {
					t.Fatalf("%q=%q", name, a.value.s)
				}
			}
			if size > len(content) {
				t.Fatalf("%d bytes of values from %d bytes", size, len(content))
			}
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add("/k $A ${A} a${B}$$ \"$A\" 'b", "A=$A ${A} 'c d' \\\nB=$B$B\n")
	f.Add(":-@/k x \\x41\\q ; /l \\; %n %m", "A=\"x\" y")
	f.Add("/k "+strings.Repeat("${A}", 100), "A="+strings.Repeat("$A", 100))
	f.Fuzz(func(t *testing.T, exec, content string) {
		unit := present(unitPath, "[Service]\nType=oneshot\nEnvironment=B=%n 'C=x y'\nEnvironmentFile=-"+envPath+"\nExecStart="+exec)
		env := present(envPath, content)
		u, err := Load("kubelet.service", Host{}, []File{unit})
		if err != nil {
			return
		}
		checkCommand(t, u.Command([]File{env}), unit, env)
	})
}
