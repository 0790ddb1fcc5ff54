package systemd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rules of systemd.syntax(7), each seen through the command it gives.
func TestSyntax(t *testing.T) {
	tests := []struct {
		rule, lines string
		want        []string
	}{
		{"whitespace immediately before or after = is ignored", "ExecStart \t=\t /k a", []string{"/k", "a"}},
		{"empty lines and comments are ignored", "\n# ExecStart=/no\n ; ExecStart=/no\n\t#x\nExecStart=/k", []string{"/k"}},
		{"a # inside a line is text", "ExecStart=/k a #b ;c", []string{"/k", "a", "#b", ";c"}},
		{"lines ending in a backslash are concatenated and the backslash is replaced by a space", "ExecStart=/k a\\\nb", []string{"/k", "a", "b"}},
		{"the next line may be indented", "ExecStart=/k true\\\n    --b", []string{"/k", "true", "--b"}},
		{"an escaped backslash does not continue", "ExecStart=/k a\\\\\nb", []string{"/k", `a\`}},
		{"a blank after the backslash ends the line", "ExecStart=/k a\\ \nb", []string{"/k", `a\`}},
		{"a comment block in a continued line is ignored", "ExecStart=/k a \\\n# x\n  ; y\\\n b", []string{"/k", "a", "b"}},
		{"an empty line ends a continued line", "ExecStart=/k a \\\n\n b", []string{"/k", "a"}},
		{"a blank line ends a continued line", "ExecStart=/k a \\\n \t\n b", []string{"/k", "a"}},
		{"a continued line may be the last", "ExecStart=/k a \\", []string{"/k", "a"}},
		{"a continued line may be the last, with an empty one", "ExecStart=/k a \\\n\n", []string{"/k", "a"}},
		{"CR LF ends a line", "ExecStart=/k a \\\r\n b\r\nRestart=no\r\n", []string{"/k", "a", "b"}},
		{"a NUL byte ends a line", "ExecStart=/k a\x00b", []string{"/k", "a"}},
		{"keys are case-sensitive", "ExecStart=/k\nexecstart=/no", []string{"/k"}},
		{"unknown keys are ignored", "ExecStart=/k\nX-ExecStart=/no\nExecStarts=/no\nno equals sign\n=x", []string{"/k"}},
		{"other sections are ignored", "ExecStart=/k\n[Unit]\nExecStart=/no\n[X-Service]\nExecStart=/no\n[service]\nExecStart=/no", []string{"/k"}},
		{"a section may come again", "[Unit]\nDescription=x\n[Service]\nExecStart=/k", []string{"/k"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			proven(t, service(t, test.lines).Command(nil), test.want...)
		})
	}
}

func TestSyntaxOfWholeFiles(t *testing.T) {
	proven(t, load(t, present(unitPath, "\ufeff[Service]\nExecStart=/k\n")).Command(nil), "/k")
	proven(t, load(t, present(unitPath, "ExecStart=/no\n[Service]\nExecStart=/k\n")).Command(nil), "/k")
}

// Section "Quoting" of systemd.syntax(7), and where extract_first_word() of
// systemd goes beyond it.
func TestQuoting(t *testing.T) {
	tests := []struct {
		rule, words string
		want        []string
	}{
		{"double and single quotes wrap a whole item", `"a b" 'c "d'`, []string{"a b", `c "d`}},
		{"quotes may be empty", `"" ''`, []string{"", ""}},
		{"quotes count in the middle of a word as well", `--a="b c"d'e f'`, []string{"--a=b cde f"}},
		{"blanks between items are one", "a  \t b", []string{"a", "b"}},
		{"escapes of one letter", `\a\b\f\n\r\t\v\\\"\'\s`, []string{"\a\b\f\n\r\t\v\\\"' "}},
		{"escapes in quotes", `"a\tb" 'c\td'`, []string{"a\tb", "c\td"}},
		{`\xxx is hexadecimal`, `\x41\x7a\xc3\xa9`, []string{"Azé"}},
		{`\nnn is octal`, `\101\060`, []string{"A0"}},
		{`\unnnn and \Unnnnnnnn are code points`, `\u00e9\U0001F600`, []string{"é😀"}},
		{"unknown patterns stay as they are", `\q \x4 \x00 \000 \9 \u12 \Uffffffff`, []string{`\q`, `\x4`, `\x00`, `\000`, `\9`, `\u12`, `\Uffffffff`}},
		{"an unknown pattern spoils no other", `a\qb\x41`, []string{`a\qbA`}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			want := append([]string{"/k"}, test.want...)
			proven(t, service(t, "ExecStart=/k "+test.words).Command(nil), want...)
		})
	}
}

func TestThereIsNoLimitOnLineLengthButOneOnFiles(t *testing.T) {
	flag := "--node-labels=" + strings.Repeat("a=b,", 4096)
	proven(t, service(t, "ExecStart=/k "+flag).Command(nil), "/k", flag)
	proven(t, service(t, "ExecStart=/k $F\nEnvironment=F="+flag).Command(nil), "/k", flag)

	big := present(unitPath, "[Service]\n"+strings.Repeat("#", maxFile))
	_, err := Load("kubelet.service", Host{}, []File{big})
	if err == nil || err.Error() != unitPath+": larger than 1 MiB" {
		t.Errorf("err = %v", err)
	}
}

// Where systemd stops reading the unit's own file it refuses the unit. Where
// it stops reading a drop-in, what came before counts.
func TestBrokenFiles(t *testing.T) {
	tests := []struct{ name, lines, want string }{
		{"section header without end", "ExecStart=/k\n[Unit", unitPath + ":3: invalid section header, expected [NAME]"},
		{"section header with a quote", "ExecStart=/k\n[U'nit]", unitPath + ":3: invalid section header, expected [NAME]"},
		{"unbalanced quoting", "ExecStart=/k 'a", unitPath + ":2: ExecStart=: unbalanced quoting"},
		{"unknown specifier", "ExecStart=/k \\\n %z", unitPath + ":2: ExecStart=: unknown specifier"},
		{"relative path", "ExecStart=bin/k", unitPath + ":2: ExecStart=: " + errPath.Error()},
		{"directory", "ExecStart=/bin/", unitPath + ":2: ExecStart=: " + errPath.Error()},
		{"control character", `ExecStart=/k\n`, unitPath + ":2: ExecStart=: " + errPath.Error()},
		{"only prefixes", "ExecStart=@", unitPath + ":2: ExecStart=: " + errPath.Error()},
		{"@ without argv[0]", "ExecStart=@/k", unitPath + ":2: ExecStart=: " + errArgv0.Error()},
		{"no command", "Restart=no", "kubelet.service: no ExecStart= in effect"},
		{"a bad first word is only warned of", "ExecStart='/k", "kubelet.service: no ExecStart= in effect"},
		{"the prefix - drops the command instead", "ExecStart=-/k %z", "kubelet.service: no ExecStart= in effect"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := service(t, test.lines).Command(nil).Refused; got != test.want {
				t.Errorf("refused %q\n   want %q", got, test.want)
			}
		})
	}
	u := load(t, present(unitPath, "[Service]\nExecStart=/k $A"),
		present(dropInPath, "[Service]\nEnvironment=A=1\n[oops\n[Service]\nEnvironment=A=2"))
	proven(t, u.Command(nil), "/k", "1")
}

func TestEveryWordKnowsItsLine(t *testing.T) {
	u := service(t, "# comment\nExecStart=/k \\\n --a \\\n# comment\n \"--b \\\n c\" ${X} $X \\\n --d=${X}\nEnvironment=\"W=1\" \\\n \"X=2 \\\n 3\"\n")
	at := func(line int, variable string) Position { return Position{unitPath, line, variable} }
	want := []Word{
		{"/k", at(3, "")},
		{"--a", at(4, "")},
		{"--b   c", at(6, "")},
		{"2   3", at(10, "X")},
		{"2", at(10, "X")},
		{"3", at(11, "X")},
		{"--d=2   3", at(8, "")},
	}
	c := u.Command(nil)
	if diff := cmp.Diff(want, c.Argv); diff != "" {
		t.Errorf("argv (-want +got):\n%s", diff)
	}
	if c.Path != want[0] {
		t.Errorf("path = %v", c.Path)
	}
	if got := want[1].Source.String(); got != unitPath+":4" {
		t.Errorf("position = %s", got)
	}
}
