package probe

import (
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"kletscan/scanner/evidence"
)

// Login shells other than sh read these bytes in their own way between single
// quotes, or end them: the script must be able to ride in one argument.
func TestScriptHasNoByteThatALoginShellReadsInItsOwnWay(t *testing.T) {
	for i, line := range strings.Split(script, "\n") {
		if at := strings.IndexAny(line, "'\\!"); at >= 0 {
			t.Errorf("probe.sh:%d:%d: %q", i+1, at+1, line[at])
		}
	}
	if strings.ContainsFunc(script, func(r rune) bool { return r > 126 || r < ' ' && r != '\n' && r != '\t' }) {
		t.Error("probe.sh holds a byte that is not printable ASCII")
	}
}

func TestScriptIsPOSIX(t *testing.T) {
	text := Script("N", Auto, []evidence.Want{{Kind: evidence.KubeletConfig, Path: "/etc/x"}})
	if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "probe.sh"); err != nil {
		t.Error(err)
	}
}

// A word that the shell runs must be a function of the script, a builtin, or
// one of the closed set.
func TestScriptRunsAClosedSetOfCommands(t *testing.T) {
	allowed := map[string]bool{}
	for name := range strings.FieldsSeq(`: [ break case continue echo export printf read return set shift unset true
		cat date find getconf grep head id ps readlink stat sudo doas systemctl tr uname command openssl $patience $1`) {
		allowed[name] = true
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(Script("N", Auto, nil)), "probe.sh")
	if err != nil {
		t.Fatal(err)
	}
	syntax.Walk(file, func(node syntax.Node) bool {
		if f, ok := node.(*syntax.FuncDecl); ok {
			allowed[f.Name.Value] = true
		}
		return true
	})
	var printer strings.Builder
	syntax.Walk(file, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		printer.Reset()
		if err := syntax.NewPrinter().Print(&printer, call.Args[0]); err != nil {
			t.Fatal(err)
		}
		if name := strings.Trim(printer.String(), `"`); !allowed[name] {
			t.Errorf("probe.sh:%d runs %s, which is not in the closed set", call.Pos().Line()-uint(2+len(wellKnown)), name)
		}
		return true
	})
	for name := range strings.FieldsSeq("eval exec rm mv cp touch mkdir chmod tee dd curl wget") {
		if allowed[name] {
			t.Errorf("%s is allowed", name)
		}
	}
}

func TestOnlyHarmlessPathsAreAskedFor(t *testing.T) {
	for path, want := range map[string]bool{
		"/var/lib/kubelet/config.yaml":  true,
		"/etc/a b/c+d@e:f=g,h%i~j-k_l":  true,
		"relative/config.yaml":          false,
		"-rf":                           false,
		"":                              false,
		"/etc/$(reboot)":                false,
		"/etc/`reboot`":                 false,
		"/etc/a\"; reboot; \"":          false,
		"/etc/a'b":                      false,
		"/etc/a\\b":                     false,
		"/etc/a\nb":                     false,
		"/etc/a\x00b":                   false,
		"/etc/*":                        false,
		"/etc/ä":                        false,
		"/" + strings.Repeat("a", 5000): false,
	} {
		if got := Askable(path); got != want {
			t.Errorf("Askable(%.40q) = %v, want %v", path, got, want)
		}
		asked := strings.Contains(Script("N", Auto, []evidence.Want{{Kind: evidence.KubeletConfig, Path: path}}), "\nfile k 0 ")
		if asked != want {
			t.Errorf("Script asks for %.40q: %v, want %v", path, asked, want)
		}
	}
}

func TestEachKindOfWantIsItsOwnCall(t *testing.T) {
	script := Script("N", Auto, []evidence.Want{
		{Kind: evidence.KubeletConfig, Path: "/a"},
		{Kind: evidence.Text, PID: 42, Path: "/b"},
		{Kind: evidence.RancherConfig, Path: "/c"},
		{Kind: evidence.DropInDir, PID: 42, Path: "/d"},
		{Kind: evidence.CertDir, Path: "/e"},
	})
	want := "m begin\nfile k 0 \"/a\"\nfile t 42 \"/b\"\nfile y 0 \"/c\"\nconfs 42 \"/d\"\nnames \"/e\"\nm end\n"
	if !strings.Contains(script, want) {
		t.Errorf("the script does not contain\n%s", want)
	}
}

func TestOnlyAFetchBecomesRoot(t *testing.T) {
	wants := []evidence.Want{{Kind: evidence.KubeletConfig, Path: "/a"}}
	for become, want := range map[Become]string{Auto: "auto", Never: "", Sudo: "sudo", Doas: "doas"} {
		if script := Script("N", become, wants); !strings.HasPrefix(script, "K=N\nbecome="+want+"\n") {
			t.Errorf("%v: the script begins with %.30q", become, script)
		}
		if script := Script("N", become, nil); !strings.HasPrefix(script, "K=N\nbecome=\n") {
			t.Errorf("%v: the survey begins with %.30q", become, script)
		}
	}
}

// Some shells put a here-document into a file of /tmp: something written, with
// what ps says of other people's arguments in it.
func TestScriptHasNoHereDocument(t *testing.T) {
	if strings.Contains(script, "<<") {
		t.Error("probe.sh has a here-document")
	}
}
