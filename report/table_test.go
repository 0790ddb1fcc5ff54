package report

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// display is the width of a line in a terminal, measured by another library
// than the one that drew it.
func display(line string) int {
	c := runewidth.NewCondition()
	c.EastAsianWidth = false
	return c.StringWidth(line)
}

var escape = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestTableNeverExceedsTheTerminal(t *testing.T) {
	long := node(strings.Repeat("n", 300), strings.Repeat("日本", 40), scanner.Verdict{
		Distro: "a-very-long-name-of-a-distribution", Version: "v1.29.3+" + kubelet1000, Why: kubelet1000,
	})
	for name, results := range map[string][]scanner.Result{
		"fleet": fleet(), "hostile": hostileFleet(), "long": append(fleet(), long),
	} {
		for width := 60; width <= 200; width += 7 {
			for line := range strings.Lines(render(t, "table", testRun(results...), Options{Width: width})) {
				if w := display(strings.TrimSuffix(line, "\n")); w > width {
					t.Fatalf("%s at %d: %d columns: %s", name, width, w, line)
				}
			}
		}
	}
}

var kubelet1000 = strings.Repeat("x", 1000)

func TestWrappingLosesNothing(t *testing.T) {
	letters := func(s string) map[rune]int {
		counts := map[rune]int{}
		for _, r := range s {
			if !strings.ContainsRune(" \n-:", r) { // layout has blanks, rules and "SOURCE: WHY"
				counts[r]++
			}
		}
		return counts
	}
	want := letters(render(t, "table", testRun(fleet()...), Options{}))
	for width := 60; width <= 250; width += 5 {
		if diff := cmp.Diff(want, letters(render(t, "table", testRun(fleet()...), Options{Width: width}))); diff != "" {
			t.Errorf("at %d (-piped +wrapped):\n%s", width, diff)
		}
	}
}

func TestPipedTableHasOneLinePerNode(t *testing.T) {
	out := render(t, "table", testRun(fleet()...), Options{})
	body, _, _ := strings.Cut(out, "\n\n")
	lines := strings.Split(body, "\n")[2:]
	if len(lines) != len(fleet()) {
		t.Fatalf("%d lines for %d nodes:\n%s", len(lines), len(fleet()), body)
	}
	for i, r := range fleet() {
		if !strings.HasPrefix(lines[i], r.Node.Name+" ") {
			t.Errorf("line %d does not begin with %s: %s", i, r.Node.Name, lines[i])
		}
		if why := r.Verdict.Why + r.Error; !strings.Contains(lines[i], why) {
			t.Errorf("line %d lacks %q: %s", i, why, lines[i])
		}
	}
}

func TestColorDisturbsNothing(t *testing.T) {
	for _, results := range [][]scanner.Result{fleet(), hostileFleet()} {
		for _, width := range []int{0, 60, 80, 120, 300} {
			plain := render(t, "table", testRun(results...), Options{Width: width})
			colored := render(t, "table", testRun(results...), Options{Width: width, Color: true})
			if diff := cmp.Diff(plain, escape.ReplaceAllString(colored, "")); diff != "" {
				t.Errorf("at %d (-plain +coloured):\n%s", width, diff)
			}
		}
	}
}

func TestColors(t *testing.T) {
	for _, tt := range []struct {
		result scanner.Result
		want   string
	}{
		{node("a", "", scanner.Verdict{Rotation: kubelet.On}), "\x1b[32mon\x1b[0m"},
		{node("a", "", scanner.Verdict{Rotation: kubelet.Off}), "\x1b[31moff\x1b[0m"},
		{node("a", "", scanner.Verdict{Rotation: kubelet.Invalid}), "\x1b[31minvalid\x1b[0m"},
		{node("a", "", scanner.Verdict{Rotation: kubelet.External}), "\x1b[2mexternal\x1b[0m"},
		{node("a", "", scanner.Verdict{}), "\x1b[33munknown\x1b[0m"},
		{missed("a", "", scanner.Denied, "x"), "\x1b[33mdenied\x1b[0m"},
		{missed("日本", "", scanner.StatusUnknown, "x"), "日本  \x1b[33mnot-assessed\x1b[0m"},
	} {
		for _, width := range []int{0, 80} {
			out := render(t, "table", testRun(tt.result), Options{Width: width, Color: true})
			if !strings.Contains(out, tt.want) {
				t.Errorf("at %d: no %q in\n%q", width, tt.want, out)
			}
			if plain := render(t, "table", testRun(tt.result), Options{Width: width}); strings.Contains(plain, "\x1b") {
				t.Errorf("at %d: an escape without Color: %q", width, plain)
			}
		}
	}
}

func TestEmptyColumnsAreLeftOut(t *testing.T) {
	out := render(t, "table", testRun(missed("a", "", scanner.Unreachable, "connect: refused")), Options{Width: 80})
	want := `NODE  ROTATION     WHY
-----------------------------------
a     unreachable  connect: refused

1 node: 0 assessed, 1 not assessed (1 unreachable)
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		text  string
		width int
		want  []string
	}{
		{"nothing", "", 10, []string{""}},
		{"at blanks", "one two three", 8, []string{"one two", "three"}},
		{"a path after a slash", "file /var/lib/kubelet/config.yaml", 22, []string{"file /var/lib/kubelet/", "config.yaml"}},
		{"a flag not after its dashes", "--rotate-server-certificates=true", 16, []string{"--rotate-server-", "certificates=", "true"}},
		{"anywhere if there is no better place", "abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"by columns, not by bytes", "日本語", 4, []string{"日本", "語"}},
		{"at least one character a line", "日本", 1, []string{"日", "本"}},
	} {
		if diff := cmp.Diff(tt.want, wrap(tt.text, tt.width, measure)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, diff)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("file /var/lib/kubelet/config.yaml --a=b,c", 7)
	f.Add("日本語-テキスト/…", 2)
	f.Fuzz(func(t *testing.T, s string, width int) {
		if width < 2 || width > 300 {
			return
		}
		s = Clean(s)
		lines := wrap(s, width, measure)
		for _, line := range lines {
			if measure(line) > width {
				t.Errorf("%q is wider than %d", line, width)
			}
		}
		without := strings.NewReplacer(" ", "").Replace
		if got := without(strings.Join(lines, "")); got != without(s) {
			t.Errorf("%q became %q", s, lines)
		}
	})
}

// A table that is laid out in parts looks as one: its headings stand there once,
// and a column is where its heading is, though the widest row is the last.
func TestLongTableIsOneTable(t *testing.T) {
	for _, size := range []int{rowsAtOnce - 1, rowsAtOnce, rowsAtOnce + 1, 2*rowsAtOnce + 1} {
		var results []scanner.Result
		for i := range size {
			name := strings.Repeat("n", 1+i*20/size)
			results = append(results, node(name, "", scanner.Verdict{Rotation: kubelet.On, Version: "v1.29.3", Why: "because"}))
		}
		for _, width := range []int{0, 100} {
			out := render(t, "table", testRun(results...), Options{Width: width})
			body, _, _ := strings.Cut(out, "\n\n")
			lines := strings.Split(body, "\n")
			at := strings.Index(lines[0], "ROTATION")
			if len(lines) != size+2 || strings.Count(out, "ROTATION") != 1 {
				t.Fatalf("%d nodes at %d: %d lines\n%.400s", size, width, len(lines), out)
			}
			for i, line := range lines[2:] {
				if !strings.HasPrefix(line[at:], "on  ") || !strings.HasPrefix(line, results[i].Node.Name+" ") {
					t.Fatalf("%d nodes at %d, row %d: %s", size, width, i, line)
				}
			}
		}
	}
}

// The table of a whole fleet is laid out as one; its cost must not be felt.
func BenchmarkTable(b *testing.B) {
	results := make([]scanner.Result, 5000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range results {
		results[i] = fleet()[rng.IntN(len(fleet()))]
	}
	for b.Loop() {
		if err := writeTable(&fullDisk{1 << 30}, testRun(results...), Options{Width: 120, Color: true}); err != nil {
			b.Fatal(err)
		}
	}
}
