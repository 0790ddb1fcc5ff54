package report

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
)

// markup is a node of the tree that GitHub's own parser makes of a document.
type markup struct {
	XMLName xml.Name
	Text    string   `xml:",chardata"`
	Parts   []markup `xml:",any"`
}

// parseMarkdown asks cmark-gfm, with GitHub's extensions.
func parseMarkdown(t *testing.T, doc string) markup {
	t.Helper()
	path, err := exec.LookPath("cmark-gfm")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI lacks cmark-gfm")
		}
		t.Skip("SKIPPED, NOT TESTED: this machine lacks cmark-gfm")
	}
	cmd := exec.Command(path, "-t", "xml", "-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist", "-e", "footnotes")
	if !strings.Contains(doc, "[^") {
		cmd.Args = cmd.Args[:len(cmd.Args)-2]
	}
	cmd.Stdin = strings.NewReader(doc)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var tree markup
	if err := xml.Unmarshal(out, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// all are the nodes of a kind, in their order.
func (m markup) all(kind string) (found []markup) {
	if m.XMLName.Local == kind {
		found = append(found, m)
	}
	for _, part := range m.Parts {
		found = append(found, part.all(kind)...)
	}
	return found
}

// words is the text of a node as a reader sees it.
func (m markup) words() string {
	if len(m.Parts) == 0 {
		return m.Text
	}
	var words string
	for _, part := range m.Parts {
		words += part.words()
	}
	return words
}

// everyNode are the rows of the last table but one, which has every node.
func everyNode(t *testing.T, tree markup) []markup {
	t.Helper()
	tables := tree.all("table")
	if len(tables) < 3 {
		t.Fatalf("%d tables", len(tables))
	}
	return tables[len(tables)-2].all("table_row")
}

func activeRun() Run {
	run := testRun(activeFleet()...)
	run.Tool, run.Version, run.Inventory, run.Arguments = active[0], active[1], active[13], active
	run.Waivers = Waivers{{Nodes: "*", Rotation: "off", Reason: "[x](http://evil.example) | <b>", Owner: "@everyone", Expires: began, Source: "`"}}
	return run
}

// Nothing that a node, a file or a person wrote is markup: each string stands
// in a code span, whole, and only the words of this program do not.
func TestMarkdownOfActiveStrings(t *testing.T) {
	run := activeRun()
	every := fmt.Sprintf("<details>\n<summary>Every node: %d</summary>\n", len(activeFleet()))
	tree := parseMarkdown(t, render(t, "markdown", run, Options{Now: began.AddDate(1, 0, 0)}))
	ours := regexp.MustCompile(`^[a-z0-9 .,:()-]*$`)
	var walk func(m markup)
	walk = func(m markup) {
		switch kind := m.XMLName.Local; kind {
		case "html_inline":
			if m.Text != "<br>" {
				t.Errorf("HTML %q", m.Text)
			}
		case "html_block":
			if !slices.Contains([]string{every, "<details>\n<summary>The scan</summary>\n", "</details>\n"}, m.Text) {
				t.Errorf("HTML %q", m.Text)
			}
		case "text":
			if !ours.MatchString(strings.ToLower(m.Text)) {
				t.Errorf("text %q", m.Text)
			}
		case "link", "image", "footnote_reference", "footnote_definition", "code_block", "emph", "strikethrough", "block_quote", "thematic_break":
			t.Errorf("a %s: %q", kind, m.words())
		}
		for _, part := range m.Parts {
			walk(part)
		}
	}
	walk(tree)

	var want, got []string
	for r, err := range run.Results {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, strings.NewReplacer("`", `\u{0060}`, `\|`, `\\u{007C}`).Replace(Clean(r.Node.Name)))
	}
	for _, row := range everyNode(t, tree) {
		got = append(got, row.Parts[0].words())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names as they stand in the table (-want +got):\n%s", diff)
	}
}

func TestCodeSpan(t *testing.T) {
	for _, tt := range []struct{ rule, in, want string }{
		{"nothing for nothing", "", ""},
		{"markup is none", "[x](y) <b> @z *a*", "`[x](y) <b> @z *a*`"},
		{"a pipe is escaped", "a|b", `|a\|b|`},
		{"a pipe behind a backslash is spelled", `a\|b`, `|a\\u{007C}b|`},
		{"so is a backtick", "a``b", `|a\u{0060}\u{0060}b|`},
		{"blanks at both ends stay", " a ", "`  a  `"},
		{"a blank at one end stays", " a", "` a`"},
		{"blanks alone stay", "  ", "`  `"},
	} {
		want := tt.want
		if strings.HasPrefix(want, "|") {
			want = "`" + want[1:len(want)-1] + "`"
		}
		if got := code(tt.in); got != want {
			t.Errorf("%s: code(%q) = %s, want %s", tt.rule, tt.in, got, want)
		}
	}
}

// Whatever stands in a code span comes out of the parser as it went in, but
// for the two characters that are spelled.
func TestCodeSpanKeepsEveryText(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 4))
	alphabet := []rune("`|\\ab <>[](){}*_~#!@:/.&;-+$=\"'1é")
	var doc strings.Builder
	doc.WriteString("| a |\n| --- |\n")
	var want, got []string
	for range 2000 {
		text := make([]rune, 1+rng.IntN(12))
		for i := range text {
			text[i] = alphabet[rng.IntN(len(alphabet))]
		}
		doc.WriteString("| " + code(string(text)) + " |\n")
		want = append(want, strings.NewReplacer("`", `\u{0060}`, `\|`, `\\u{007C}`).Replace(string(text)))
	}
	for _, row := range parseMarkdown(t, doc.String()).all("table_row") {
		if len(row.Parts) != 1 || len(row.Parts[0].Parts) != 1 || row.Parts[0].Parts[0].XMLName.Local != "code" {
			t.Fatalf("a row is not one code span: %q", row.words())
		}
		got = append(got, row.words())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// However a run looks, each of its nodes has a row, the rows have as many cells
// as the heading, and the counts are those of the summary.
func TestMarkdownAddsUp(t *testing.T) {
	for name, run := range judgedRuns() {
		t.Run(name, func(t *testing.T) {
			summary, err := Summarize(run, Options{})
			if err != nil {
				t.Fatal(err)
			}
			tree := parseMarkdown(t, render(t, "markdown", run, Options{}))
			if rows := everyNode(t, tree); len(rows) != summary.Total {
				t.Errorf("%d rows for %d nodes", len(rows), summary.Total)
			}
			for _, table := range tree.all("table") {
				want := len(table.all("table_header")[0].Parts)
				for _, row := range table.all("table_row") {
					if len(row.Parts) != want {
						t.Errorf("%d cells below %d headings: %s", len(row.Parts), want, row.words())
					}
				}
			}
			if !strings.Contains(tree.words(), summary.Line()) {
				t.Errorf("no %q", summary.Line())
			}
			waiting := 0
			for r := range run.Results {
				if s := stateOf(r, run.Waivers.For(r, Options{}.Now)); s != "on" && s != "external" && s != waivedState {
					waiting++
				}
			}
			got := 0
			if tables := tree.all("table"); len(tables) == 4 {
				got = len(tables[1].all("table_row"))
			}
			if got != waiting {
				t.Errorf("%d nodes need somebody to act, want %d", got, waiting)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	on, off, external := fleet()[0], fleet()[1], fleet()[2]
	unknown, lost := fleet()[3], fleet()[5]
	waiver := Waivers{{Nodes: "worker-1", Rotation: "off", Reason: "r", Owner: "o", Expires: began}}
	for _, tt := range []struct {
		rule    string
		results []scanner.Result
		waivers Waivers
		cut     bool
		tone    string
		want    string
	}{
		{"off is the answer, whatever else there is", []scanner.Result{on, off, lost}, nil, false, "bad", "1 of 3 nodes does not rotate its serving certificate"},
		{"invalid counts as off", []scanner.Result{off, fleet()[4]}, nil, false, "bad", "2 of 2 nodes do not rotate their serving certificate"},
		{"all on", []scanner.Result{on, on}, nil, false, "good", "2 of 2 nodes rotate their serving certificate"},
		{"what is not known is never good", []scanner.Result{on, unknown, lost}, nil, false, "unclear", "It is not known whether 2 of 3 nodes rotate their serving certificate"},
		{"external is not off", []scanner.Result{on, external}, nil, false, "good", "1 of 2 nodes rotates its serving certificate; the others are external or waived"},
		{"waived is not off", []scanner.Result{on, off}, waiver, false, "good", "1 of 2 nodes rotates its serving certificate; the others are external or waived"},
		{"nobody looked", []scanner.Result{lost}, nil, false, "unclear", "None of 1 nodes was assessed"},
		{"there are no nodes", nil, nil, false, "unclear", "There are no nodes"},
		{"a file that was cut is never good", []scanner.Result{on}, nil, true, "unclear", "1 of 1 nodes rotates its serving certificate"},
	} {
		run := testRun(tt.results...)
		run.Waivers, run.Incomplete = tt.waivers, tt.cut
		summary, err := Summarize(run, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if a := answerOf(run, Options{}, summary.Counts); a.Tone != tt.tone || a.Headline != tt.want {
			t.Errorf("%s: %s: %s, want %s: %s", tt.rule, a.Tone, a.Headline, tt.tone, tt.want)
		}
	}
}
