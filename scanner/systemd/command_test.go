package systemd

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// "COMMAND LINES" in systemd.service(5).
func TestCommandLines(t *testing.T) {
	const vars = "Environment=ONE='one' \"TWO='two two' too\" THREE= \"SP=a  b\" D=$ONE E=${ONE}\n"
	tests := []struct {
		rule, exec string
		want       []string
	}{
		{"${FOO} is exactly one argument", "/k ${ONE} ${SP} ${THREE}", []string{"/k", "one", "a  b", ""}},
		{"$FOO as a separate word is split at whitespace", "/k $ONE $SP $THREE", []string{"/k", "one", "a", "b"}},
		{"quotes are respected when splitting into words, and afterwards removed", "/k $TWO", []string{"/k", "two two", "too"}},
		{"but not for ${FOO}", "/k ${TWO}", []string{"/k", "'two two' too"}},
		{`"$FOO" is a separate word too`, `/k "$SP" '$SP'`, []string{"/k", "a", "b", "a", "b"}},
		{"${FOO} as part of a word", `/k --a=${SP},${ONE} "x${SP}"`, []string{"/k", "--a=a  b,one", "xa  b"}},
		{"$FOO as part of a word is text", "/k a$ONE --b=$ONE $ONE$TWO", []string{"/k", "a$ONE", "--b=$ONE"}},
		{"not known: an empty string, or no word", "/k ${NO} $NO x${NO}y", []string{"/k", "", "xy"}},
		{"no name: no word, or an empty string", "/k $ $a-b ${} ${a-b}", []string{"/k", "", ""}},
		{"values are not expanded again", "/k $D ${E}", []string{"/k", "$ONE", "${ONE}"}},
		{"$$ is a literal dollar sign", "/k $$ONE $$ a$$b $${ONE} $$$$", []string{"/k", "$ONE", "$", "a$b", "${ONE}", "$$"}},
		{"what a shell would understand is text", "/k ${ONE:-x} ${ONE ${ > | & < a;b", []string{"/k", "${ONE:-x}", "${ONE", "${", ">", "|", "&", "<", "a;b"}},
		{`a lone semicolon may be escaped as "\;"`, `/k a \; b ";" \;x`, []string{"/k", "a", ";", "b", ";", `\;x`}},
		{"a program found by its name keeps it", "k3s server", []string{"k3s", "server"}},
		{"the program may contain spaces", `"/opt/my k" a`, []string{"/opt/my k", "a"}},
		{"specifiers", "/%p/k %n %N %j %i. %H %l %% %, 5%", []string{"/kubelet/k", "kubelet.service", "kubelet", "kubelet", ".", "node1.example.org", "node1", "%", "%,", "5%"}},
		{"specifiers of directories", "/k %E %L %S %t %y %Y", []string{"/k", "/etc", "/var/log", "/var/lib", "/run", unitPath, "/etc/systemd/system"}},
		{"specifiers come after unquoting", `/k "%n a"%N`, []string{"/k", "kubelet.service akubelet"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			proven(t, service(t, vars+"ExecStart="+test.exec).Command(nil), test.want...)
		})
	}
}

// Splitting a value is more tolerant than splitting a command.
func TestSplittingAValue(t *testing.T) {
	tests := []struct {
		rule, value string
		want        []string
	}{
		{"blanks: space, tab, newline, carriage return", "a b\tc\n d\re", []string{"a", "b", "c", "d", "e"}},
		{"quotes in the middle of a word", `--pod-sysctls='a=1 2,b=3' --c="d e"f`, []string{"--pod-sysctls=a=1 2,b=3", "--c=d ef"}},
		{"empty quotes are a word", `a "" b`, []string{"a", "", "b"}},
		{"a backslash makes the next byte text, and knows no escapes", `a\ b \n \x41 "\"" '\''`, []string{"a b", "n", "x41", `"`, "'"}},
		{"a backslash at the end vanishes", `a b\`, []string{"a", "b"}},
		{"an open quote is closed at the end", `a "b c`, []string{"a", "b c"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			value := `V="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(test.value) + `"`
			u := service(t, "ExecStart=/k $V\nEnvironmentFile="+envPath)
			proven(t, u.Command([]File{present(envPath, value)}), append([]string{"/k"}, test.want...)...)
		})
	}
}

// Table 1 of systemd.service(5), "Special executable prefixes".
func TestPrefixes(t *testing.T) {
	tests := []struct {
		exec, path string
		want       []string
	}{
		{"-/k $A", "/k", []string{"/k", "1"}},
		{"+/k $A", "/k", []string{"/k", "1"}},
		{"!/k $A", "/k", []string{"/k", "1"}},
		{"!!/k $A", "/k", []string{"/k", "1"}},
		{":/k $A ${A} $$ %n", "/k", []string{"/k", "$A", "${A}", "$$", "kubelet.service"}},
		{"@/k zero $A", "/k", []string{"zero", "1"}},
		{"-@:+/k zero $A", "/k", []string{"zero", "$A"}},
		{`"@/opt/my k" zero`, "/opt/my k", []string{"zero"}},
	}
	for _, test := range tests {
		t.Run(test.exec, func(t *testing.T) {
			c := service(t, "Environment=A=1\nExecStart="+test.exec).Command(nil)
			proven(t, c, test.want...)
			if c.Path.Text != test.path {
				t.Errorf("path = %q, want %q", c.Path.Text, test.path)
			}
		})
	}
	c := service(t, "ExecStart=|k a").Command(nil)
	if want := []string{unitPath + ":2: the | prefix hands the command to a shell"}; !slices.Equal(c.Missing, want) {
		t.Errorf("missing = %q", c.Missing)
	}
}

func TestWhichExecStartCounts(t *testing.T) {
	tests := []struct {
		rule, lines string
		want        []string
	}{
		{"an empty one resets", "ExecStart=/a\nExecStart=\nExecStart=/b", []string{"/b"}},
		{"other commands do not count", "ExecCondition=/c\nExecStartPre=/c kubelet\nExecStart=/b\nExecStartPost=/c\nExecReload=/c\nExecStop=/c\nExecStopPost=-/c kubelet", []string{"/b"}},
		{"Type=oneshot may have several", "Type=oneshot\nExecStart=/a\nExecStart=/b ; /c ; ; /d ;", []string{"/d"}},
		{"the last known Type= counts", "Type=oneshot\nType=odd\nExecStart=/a\nExecStart=/b", []string{"/b"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			proven(t, service(t, test.lines).Command(nil), test.want...)
		})
	}
}

// systemd.service(5), ExecStart=: "Unless Type= is oneshot, exactly one
// command must be given."
func TestSeveralCommandsAreRefused(t *testing.T) {
	u := load(t, present(unitPath, "[Service]\nExecStart=/a\nType=oneshot\nType=notify"), present(dropInPath, "[Service]\n\nExecStart=/b"))
	c := u.Command(nil)
	if want := "kubelet.service: 2 commands, the last at " + dropInPath + ":3, expected one: an empty ExecStart= must come before it"; c.Refused != want {
		t.Errorf("refused %q\n   want %q", c.Refused, want)
	}
	if diff := cmp.Diff([]string{"/b"}, texts(c.Argv)); diff != "" {
		t.Errorf("argv (-want +got):\n%s", diff)
	}
}

// What was not read is named only where it can change the command.
func TestWhatLeavesACommandUnproven(t *testing.T) {
	denied := File{Path: "/a", State: Unreadable, Reason: "permission denied"}
	absent := File{Path: "/a", State: Absent}
	const optional, needed = "EnvironmentFile=-/a\n", "EnvironmentFile=/a\n"
	tests := []struct {
		name, lines string
		env         []File
		want        []string
		missing     []string
		refused     string
	}{
		{"no variable", "ExecStart=/k a\n" + needed, []File{denied}, []string{"/k", "a"}, nil, ""},
		{"expansion turned off", "ExecStart=:/k $V\n" + needed, []File{denied}, []string{"/k", "$V"}, nil, ""},
		{"unread", "ExecStart=/k $V\n" + optional, nil, []string{"/k"}, []string{"/a: not read"}, ""},
		{"denied", "ExecStart=/k a${V}\n" + optional, []File{denied}, []string{"/k", "a"}, []string{"/a: permission denied"}, ""},
		{"optional and absent", "ExecStart=/k $V\n" + optional, []File{absent}, []string{"/k"}, nil, ""},
		{"needed and absent", "ExecStart=/k a\n" + needed, []File{absent}, []string{"/k", "a"}, nil, "/a does not exist, and " + unitPath + ":3 names it without \"-\""},
		{"denied, but a later file decides", "ExecStart=/k $V\n" + needed + "EnvironmentFile=/b", []File{denied, present("/b", "V=b")}, []string{"/k", "b"}, nil, ""},
		{"denied, and it may override", "ExecStart=/k $V\nEnvironmentFile=/b\n" + needed, []File{denied, present("/b", "V=b")}, []string{"/k", "b"}, []string{"/a: permission denied"}, ""},
		{"one variable of two is decided", "ExecStart=/k $V $W\n" + needed + "EnvironmentFile=/b", []File{denied, present("/b", "V=b")}, []string{"/k", "b"}, []string{"/a: permission denied"}, ""},
		{"pattern", "ExecStart=/k $V\nEnvironmentFile=-/e/*.env", nil, []string{"/k"}, []string{"/e/*.env: a pattern, its files are not known"}, ""},
		{"too large", "ExecStart=/k $V\n" + needed, []File{present("/a", strings.Repeat("#", maxFile+1))}, []string{"/k"}, []string{"/a: larger than 1 MiB"}, ""},
		{"systemd's own variable", "ExecStart=/k $HOME ${LC_ALL} $LEVEL", nil, []string{"/k", ""}, []string{"$HOME: systemd itself may set it", "$LC_ALL: systemd itself may set it"}, ""},
		{"systemd's own variable, assigned", "ExecStart=/k $HOME\nEnvironment=HOME=/root", nil, []string{"/k", "/root"}, nil, ""},
		{"PassEnvironment", "ExecStart=/k $V $W\nPassEnvironment=X V", nil, []string{"/k"}, []string{"$V: PassEnvironment= takes it from systemd's own environment"}, ""},
		{"PassEnvironment, reset", "ExecStart=/k $V\nPassEnvironment=V\nPassEnvironment=", nil, []string{"/k"}, nil, ""},
		{"specifier of the node", "ExecStart=/k %m%m $V\nEnvironment=V=%b W=%v", nil, []string{"/k", "%m%m", "%b"}, []string{"$V in " + unitPath + ": only the node can resolve the specifier %b", unitPath + ":2: only the node can resolve the specifier %m"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := service(t, test.lines).Command(test.env)
			if diff := cmp.Diff(test.want, texts(c.Argv)); diff != "" {
				t.Errorf("argv (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.missing, c.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if c.Refused != test.refused {
				t.Errorf("refused %q, want %q", c.Refused, test.refused)
			}
		})
	}
}

func TestSpecifiersOfAnInstance(t *testing.T) {
	u, err := Load(`my-k@a-b\x2dc.service`, Host{}, []File{present("/run/systemd/system/my-k@.service", "[Service]\nExecStart=/k %n %N %p %P %i %I %j %J %H\n")})
	if err != nil {
		t.Fatal(err)
	}
	c := u.Command(nil)
	want := []string{"/k", `my-k@a-b\x2dc.service`, `my-k@a-b\x2dc`, "my-k", "my/k", `a-b\x2dc`, "a/b-c", "k", "k", "%H"}
	if diff := cmp.Diff(want, texts(c.Argv)); diff != "" {
		t.Errorf("argv (-want +got):\n%s", diff)
	}
	if len(c.Missing) != 1 || !strings.Contains(c.Missing[0], "%H") {
		t.Errorf("missing = %q", c.Missing)
	}
}

// A value is not expanded again, so only a long command can grow; and that
// stops at the limit of the kernel.
func TestTheArgumentVectorIsBounded(t *testing.T) {
	big := strings.Repeat("x", maxFile/2)
	for _, exec := range []string{"$V", "${V}", "a${V}${V}${V}${V}${V}"} {
		u := service(t, "ExecStart=/k "+strings.Repeat(exec+" ", 20)+"\nEnvironment=V="+big)
		c := u.Command(nil)
		if c.Argv != nil || c.Refused != "kubelet.service: more than 2097152 bytes of arguments" {
			t.Errorf("%s: %d words, refused %q", exec, len(c.Argv), c.Refused)
		}
	}
	c := service(t, "ExecStart=/k "+strings.Repeat("%n", maxFile/4)).Command(nil)
	if want := unitPath + ":2: ExecStart=: " + errGrowth.Error(); c.Refused != want || c.Argv != nil {
		t.Errorf("%%n: %d words, refused %q", len(c.Argv), c.Refused)
	}
	u := service(t, "ExecStart=/k $A ${B}\nEnvironment=A='$A $B ${A}' B=${B}${B}")
	proven(t, u.Command(nil), "/k", "$A", "$B", "${A}", "${B}${B}")
}
