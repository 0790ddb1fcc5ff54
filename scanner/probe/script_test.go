package probe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"mvdan.cc/sh/v3/syntax"

	"kletscan/scanner/evidence"
)

// nonceOfTests is as long as a real one.
const nonceOfTests = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// Login shells other than sh read these bytes in their own way between single
// quotes, or end them, and a wrapper that splits the script into words and joins
// them again does no harm where there is nothing but single blanks.
func TestCommandHasNothingThatALoginShellReadsInItsOwnWay(t *testing.T) {
	survey := Command(nonceOfTests, Auto, nil)
	fetch := Command(nonceOfTests, Auto, []evidence.Want{{Kind: evidence.KubeletConfig, Path: "/etc/a~b%c,d=e:f@g+h-i_j"}, {Kind: evidence.Served, Path: "[::1]:10250"}})
	for _, command := range []string{survey, fetch} {
		rest, before := strings.CutPrefix(command, "exec /bin/sh -c '")
		inside, behind := strings.CutSuffix(rest, "'")
		if !before || !behind {
			t.Errorf("not one argument of /bin/sh -c between single quotes: %.40q...%q", command, command[len(command)-10:])
		}
		if at := strings.IndexAny(inside, "'\\!"); at >= 0 {
			t.Errorf("a byte that not every login shell passes on: %q", inside[at:min(at+20, len(inside))])
		}
		if at := strings.Index(inside, "  "); at >= 0 {
			t.Errorf("two blanks: %q", inside[at:min(at+20, len(inside))])
		}
		if at := strings.IndexFunc(inside, func(r rune) bool { return r > '~' || r < ' ' }); at >= 0 {
			t.Errorf("not printable ASCII: %q", inside[at:min(at+20, len(inside))])
		}
		// 24 KiB is what leaves room for a hundred paths.
		if len(command) > 24<<10 {
			t.Errorf("%d bytes", len(command))
		}
	}
}

// busybox ps cuts a line at 2 KiB, older kernels an argument vector at 4 KiB:
// what tells our own line from others must stand before that.
func TestTheNonceStandsFirst(t *testing.T) {
	if !strings.HasPrefix(Command(nonceOfTests, Auto, nil), "exec /bin/sh -c 'K="+nonceOfTests+"; ") {
		t.Error("it does not")
	}
}

// The one line is the script that everybody can read.
func TestOneLineIsTheScript(t *testing.T) {
	parsed := func(text string) *syntax.File {
		file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "probe.sh")
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	line := oneLine(script)
	if strings.Contains(line, "\n") {
		t.Error("it is more than one line")
	}
	if diff := cmp.Diff(parsed(script), parsed(line), cmpopts.IgnoreTypes(syntax.Pos{})); diff != "" {
		t.Error(diff)
	}
}

func TestScriptIsPOSIX(t *testing.T) {
	text := "K=N; become=; " + inCommand + text() + calls([]evidence.Want{{Kind: evidence.KubeletConfig, Path: "/etc/x"}})
	if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "probe.sh"); err != nil {
		t.Error(err)
	}
}

// A word that the shell runs must be a function of the script, a builtin, or
// one of the closed set.
func TestScriptRunsAClosedSetOfCommands(t *testing.T) {
	allowed := map[string]bool{}
	for name := range strings.FieldsSeq(`: [ break case continue echo exit export printf read return set shift unset true
		cat date find getconf grep head id ps readlink stat sudo doas systemctl tr uname command openssl $patience $1`) {
		allowed[name] = true
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(inCommand+"\n"+script+calls(nil)), "probe.sh")
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
			t.Errorf("probe.sh:%d runs %s, which is not in the closed set", call.Pos().Line()-1, name)
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
		asked := strings.Contains(Script("N", Auto, []evidence.Want{{Kind: evidence.KubeletConfig, Path: path}}), "; file k 0 ")
		if asked != want {
			t.Errorf("Script asks for %.40q: %v, want %v", path, asked, want)
		}
	}
}

func TestEachKindOfWantIsItsOwnCall(t *testing.T) {
	wants := []evidence.Want{
		{Kind: evidence.KubeletConfig, Path: "/a"},
		{Kind: evidence.Text, PID: 42, Path: "/b"},
		{Kind: evidence.RancherConfig, Path: "/c"},
		{Kind: evidence.DropInDir, PID: 42, Path: "/d"},
		{Kind: evidence.CertDir, Path: "/e"},
		{Kind: evidence.CertFile, Path: "/f"},
		{Kind: evidence.Program, Path: "/g"},
		{Kind: evidence.Served, Path: "[::1]:10250"},
	}
	want := `{ m begin; file k 0 "/a"; file t 42 "/b"; file y 0 "/c"; confs 42 "/d"; names "/e"; file p 0 "/f"; program "/g"; served "[::1]:10250"; m end; }`
	if got := calls(wants); !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestOnlyAFetchBecomesRoot(t *testing.T) {
	wants := []evidence.Want{{Kind: evidence.KubeletConfig, Path: "/a"}}
	for become, want := range map[Become]string{Auto: "auto", Never: "", Sudo: "sudo", Doas: "doas"} {
		for _, tt := range []struct{ form, fetch, survey, want string }{
			{"command", Command("N", become, wants), Command("N", become, nil), "exec /bin/sh -c 'K=N; become=%s; "},
			{"standard input", Script("N", become, wants), Script("N", become, nil), "K=N\nbecome=%s\n"},
		} {
			if !strings.HasPrefix(tt.fetch, fmt.Sprintf(tt.want, want)) {
				t.Errorf("%s, %v: the script begins with %.40q", tt.form, become, tt.fetch)
			}
			if !strings.HasPrefix(tt.survey, fmt.Sprintf(tt.want, "")) {
				t.Errorf("%s, %v: the survey begins with %.40q", tt.form, become, tt.survey)
			}
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
