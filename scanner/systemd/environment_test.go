package systemd

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// values are the variables of a unit, as its processes see them.
func values(u Unit, env ...File) map[string]string {
	m := map[string]string{}
	for name, a := range u.environ(env).vars {
		m[name] = a.value.s
	}
	return m
}

// Environment= in systemd.exec(5).
func TestEnvironment(t *testing.T) {
	type vars = map[string]string
	tests := []struct {
		rule, lines string
		want        vars
	}{
		{"the example of the manual", `Environment="VAR1=word1 word2" VAR2=word3 "VAR3=$word 5 6"`, vars{"VAR1": "word1 word2", "VAR2": "word3", "VAR3": "$word 5 6"}},
		{"quotes may be single", `Environment='A=--a=b --c=d'`, vars{"A": "--a=b --c=d"}},
		{"quotes around the value alone do as well", `Environment=A="b c"`, vars{"A": "b c"}},
		{"no quotes: one word", `Environment=A=b c`, vars{"A": "b"}},
		{"the later setting overrides", "Environment=A=1 B=1\nEnvironment=A=2", vars{"A": "2", "B": "1"}},
		{"the empty string resets", "Environment=A=1\nEnvironment=\nEnvironment=B=1", vars{"B": "1"}},
		{"specifiers are expanded", "Environment=A=%n:%%", vars{"A": "kubelet.service:%"}},
		{"an unknown specifier drops the assignment", "Environment=A=%z B=1", vars{"B": "1"}},
		{"the value may be empty and hold =", "Environment=A= B=c=d", vars{"A": "", "B": "c=d"}},
		{"names: letters, digits, underscore; no digit first", "Environment=_A1=x 1B=x C-D=x =x é=x E", vars{"_A1": "x"}},
		{"escapes are undone", `Environment=A=\x41\s`, vars{"A": "A "}},
		{"an unknown escape drops the rest of the line", `Environment=A=1 B=\q C=1`, vars{"A": "1"}},
		{"an open quote drops the rest of the line", "Environment=A=1 'B=1\nEnvironment=C=1", vars{"A": "1", "C": "1"}},
		{"what is not UTF-8 is dropped", `Environment=A=\xff B=1`, vars{"B": "1"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			if diff := cmp.Diff(test.want, values(service(t, test.lines))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// UnsetEnvironment= in systemd.exec(5): "applied as final step".
func TestUnsetEnvironment(t *testing.T) {
	lines := "ExecStart=/k $A ${B} $C\nEnvironment=A=1 B=2\nEnvironmentFile=-/etc/default/kubelet\n"
	file := present(envPath, "C=3\n")
	tests := []struct {
		unset string
		want  []string
	}{
		{"", []string{"/k", "1", "2", "3"}},
		{"UnsetEnvironment=A B", []string{"/k", "", "3"}},
		{"UnsetEnvironment=A\nUnsetEnvironment=C", []string{"/k", "2"}},
		{"UnsetEnvironment=A\nUnsetEnvironment=\nUnsetEnvironment=C", []string{"/k", "1", "2"}},
		{"UnsetEnvironment=A=1 B=1", []string{"/k", "2", "3"}},
	}
	for _, test := range tests {
		t.Run(test.unset, func(t *testing.T) {
			proven(t, service(t, lines+test.unset).Command([]File{file}), test.want...)
		})
	}
	// No file can bring it back, so none needs to be read.
	u := service(t, "ExecStart=/k $C\nEnvironmentFile=/etc/default/kubelet\nUnsetEnvironment=C")
	proven(t, u.Command(nil), "/k")
}

// EnvironmentFile= in systemd.exec(5).
func TestEnvironmentFileSettings(t *testing.T) {
	at := func(line int) Position { return Position{Path: unitPath, Line: line} }
	tests := []struct {
		rule, lines string
		want        []EnvironmentFile
	}{
		{"all specified files are read", "EnvironmentFile=/a\nEnvironmentFile=-/b c", []EnvironmentFile{{Path: "/a", Source: at(2)}, {Path: "/b c", Optional: true, Source: at(3)}}},
		{"the empty string resets", "EnvironmentFile=/a\nEnvironmentFile=\nEnvironmentFile=/b", []EnvironmentFile{{Path: "/b", Source: at(4)}}},
		{"specifiers are expanded", "EnvironmentFile=-/etc/default/%N\nEnvironmentFile=/%p/%n", []EnvironmentFile{{Path: "/etc/default/kubelet", Optional: true, Source: at(2)}, {Path: "/kubelet/kubelet.service", Source: at(3)}}},
		{"a specifier of the node makes a pattern", "EnvironmentFile=/etc/%m", []EnvironmentFile{{Path: "/etc/%m", Pattern: true, Source: at(2)}}},
		{"an unknown specifier drops the setting", "EnvironmentFile=/etc/%z", nil},
		{"a wildcard makes a pattern", "EnvironmentFile=-/etc/k*.env", []EnvironmentFile{{Path: "/etc/k*.env", Optional: true, Pattern: true, Source: at(2)}}},
		{"the path is not unquoted and must be absolute", "EnvironmentFile=\"/a\"\nEnvironmentFile=b\nEnvironmentFile=- /c", nil},
		{"the path must be normal, but for double slashes", "EnvironmentFile=/a/../b\nEnvironmentFile=//a/./b/", []EnvironmentFile{{Path: "/a/b", Source: at(3)}}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			if diff := cmp.Diff(test.want, service(t, test.lines).EnvironmentFiles()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnvironmentFilesAccumulateOverDropIns(t *testing.T) {
	u := load(t, present(unitPath, "[Service]\nEnvironmentFile=/a\n"), present(dropInPath, "[Service]\nEnvironmentFile=/b\n"))
	want := []EnvironmentFile{{Path: "/a", Source: Position{Path: unitPath, Line: 2}}, {Path: "/b", Source: Position{Path: dropInPath, Line: 2}}}
	if diff := cmp.Diff(want, u.EnvironmentFiles()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLaterEnvironmentFilesOverrideEarlierOnesAndAllOverrideEnvironment(t *testing.T) {
	u := service(t, "EnvironmentFile=/a\nEnvironmentFile=/b\nEnvironmentFile=/a\nEnvironment=X=unit Y=unit Z=unit\n")
	got := values(u, present("/b", "X=b\nY=b\n"), present("//a", "X=a\n"))
	if diff := cmp.Diff(map[string]string{"X": "a", "Y": "b", "Z": "unit"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The syntax of the file in EnvironmentFile= of systemd.exec(5), and what
// systemd makes of what the manual leaves open.
func TestEnvironmentFileSyntax(t *testing.T) {
	type vars = map[string]string
	tests := []struct {
		rule, content string
		want          vars
	}{
		{"newline-separated assignments", "A=1\nB=2\n", vars{"A": "1", "B": "2"}},
		{"the last newline may be missing", "A=1\nB=2", vars{"A": "1", "B": "2"}},
		{"empty lines and lines without = are ignored", "\n  \nNOEQ\nA=1\n\nNOEQ", vars{"A": "1"}},
		{"lines starting with ; or # are ignored", "#A=1\n ;A=2\n\t# x\nB=1", vars{"B": "1"}},
		{"the last assignment wins", "A=1\nA=2\n", vars{"A": "2"}},
		{"blanks around the name and the value are discarded", " \tA = 1 \t\nB=\t2\r\nC=3 ", vars{"A": "1", "B": "2", "C": "3"}},
		{"an unquoted value keeps inner blanks", "A=--a=b  --c=d", vars{"A": "--a=b  --c=d"}},
		{"and quotes after its first character", `A=a "b" 'c'`, vars{"A": `a "b" 'c'`}},
		{"# and ; in a value are text", "A=a #b\nC=;#d", vars{"A": "a #b", "C": ";#d"}},
		{"a backslash preserves the following character", `A=a\ b\\c\"d\ne`, vars{"A": `a b\c"dne`}},
		{"an escaped blank is not trimmed", `A=a\  `, vars{"A": "a "}},
		{"a line ending with a backslash is continued", "A=a \\\n b\\\nc\nD=1", vars{"A": "a  bc", "D": "1"}},
		{"a backslash at the very end vanishes", `A=a \`, vars{"A": "a "}},
		{"single quotes: any character verbatim, over lines", "A='a \\\n\"b\" $c'", vars{"A": "a \\\n\"b\" $c"}},
		{"double quotes: backslash escapes \" \\ ` $", "A=\"\\\"\\\\\\`\\$\"", vars{"A": "\"\\`$"}},
		{"double quotes: backslash-newline is a continuation", "A=\"a \\\nb \\\n \"\nC=1", vars{"A": "a b  ", "C": "1"}},
		{"double quotes: any other backslash stays", `A="a\nb\'"`, vars{"A": `a\nb\'`}},
		{"double quotes may span lines", "A=\"a\nb\"\nC=1", vars{"A": "a\nb", "C": "1"}},
		{"an open quote takes the rest", "A=\"a\nB=1\\", vars{"A": "a\nB=1"}},
		{"quoted parts are joined without a blank", `A="a" "b" 'c'`, vars{"A": "abc"}},
		{"and what follows them as well", `A="--a=b" --rotate-server-certificates=true`, vars{"A": "--a=b--rotate-server-certificates=true"}},
		{"from there on quotes are text", `A="a" b "c"`, vars{"A": `ab "c"`}},
		{"export is not understood", "export A=1\nB=1", vars{"B": "1"}},
		{"names: as in Environment=", "1A=x\nB-C=x\nD.E=x\n=F=x\n_G=1", vars{"_G": "1"}},
		{"$ is text", "A=$B\nC=\"${D}\"", vars{"A": "$B", "C": "${D}"}},
		{"% is text", "A=nodefs.available<10%,%n", vars{"A": "nodefs.available<10%,%n"}},
		{"a byte order mark is part of the first name", "\ufeffA=1\nB=1", vars{"B": "1"}},
		{"CR ends a line", "A=1\rB=2\r\nC=3", vars{"A": "1", "B": "2", "C": "3"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			u := service(t, "EnvironmentFile="+envPath)
			if diff := cmp.Diff(test.want, values(u, present(envPath, test.content))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// systemd 254, NEWS: the line after a comment that ends in a backslash is no
// longer part of the comment.
func TestACommentEndingInABackslashBeforeSystemd254(t *testing.T) {
	file := present(envPath, "# c \\\nA=1\n; c \\\\\nB=1\n# \\")
	for version, want := range map[int]map[string]string{
		0: {"A": "1", "B": "1"}, 219: {"B": "1"}, 253: {"B": "1"}, 254: {"A": "1", "B": "1"},
	} {
		u, err := Load("kubelet.service", Host{Systemd: version}, []File{present(unitPath, "[Service]\nEnvironmentFile="+envPath)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, values(u, file)); diff != "" {
			t.Errorf("systemd %d (-want +got):\n%s", version, diff)
		}
	}
}

func TestAnEnvironmentFileThatSystemdCannotTake(t *testing.T) {
	for _, test := range []struct{ content, want string }{
		{"A=1\nB=\x00", envPath + " holds a NUL byte"},
		{"A=1\nB=\xff\n", envPath + " is not UTF-8"},
		{"A=1\n\xff=1\n", envPath + " is not UTF-8"},
	} {
		file := []File{present(envPath, test.content)}
		if got := service(t, "ExecStart=/k $A\nEnvironmentFile="+envPath).Command(file).Refused; got != test.want {
			t.Errorf("refused %q, want %q", got, test.want)
		}
		proven(t, service(t, "ExecStart=/k $A\nEnvironmentFile=-"+envPath).Command(file), "/k")
	}
}

func TestEveryWordOfAnEnvironmentFileKnowsItsLine(t *testing.T) {
	u := service(t, "ExecStart=/k $A $B $C\nEnvironmentFile="+envPath)
	file := present(envPath, "# x\r\n\r\nA=\"--a \\\n--b \\\n --c\"\nB=--d \\\n --e\n\nC='--f\n--g'\n")
	want := []Word{
		{"/k", Position{unitPath, 2, ""}},
		{"--a", Position{envPath, 3, "A"}},
		{"--b", Position{envPath, 4, "A"}},
		{"--c", Position{envPath, 5, "A"}},
		{"--d", Position{envPath, 6, "B"}},
		{"--e", Position{envPath, 7, "B"}},
		{"--f", Position{envPath, 9, "C"}},
		{"--g", Position{envPath, 10, "C"}},
	}
	if diff := cmp.Diff(want, u.Command([]File{file}).Argv); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVariable(t *testing.T) {
	u := service(t, "Environment=A=1\nEnvironmentFile=-"+envPath+"\n")
	file := present(envPath, "\nB=x y\n")
	value, set, missing := u.Variable("B", []File{file})
	if want := (Word{"x y", Position{envPath, 2, "B"}}); value != want || !set || missing != nil {
		t.Errorf("%v %v %q", value, set, missing)
	}
	if value, set, missing = u.Variable("C", []File{file}); set || value != (Word{}) || missing != nil {
		t.Errorf("%v %v %q", value, set, missing)
	}
	value, set, missing = u.Variable("A", nil)
	if value.Text != "1" || !set || !slices.Equal(missing, []string{envPath + ": not read"}) {
		t.Errorf("%v %v %q", value, set, missing)
	}
}
