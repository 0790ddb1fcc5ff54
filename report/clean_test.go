package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"kletscan/scanner"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ rule, in, want string }{
		{"printable text stays", "ünïcödé 日本語 … 👍 a  b", "ünïcödé 日本語 … 👍 a  b"},
		{"one line", "a\nb\r\tc", `a\nb\r\tc`},
		{"C0 and DEL", "\x00\x07\x1f\x7f", `\x00\x07\x1F\x7F`},
		{"ESC, CSI, OSC and DCS begin with ESC", "\x1b[2J\x1b]0;t\a\x1bPx", `\x1B[2J\x1B]0;t\x07\x1BPx`},
		{"C1 as characters", "\u0080\u0085\u009b31m\u009f", `\u{0080}\u{0085}\u{009B}31m\u{009F}`},
		{"C1 as bytes is no UTF-8", "\x9b31m", `\x9B31m`},
		{"bidirectional controls", "\u202a\u202e\u2066\u2069\u200e\u200f\u061c", `\u{202A}\u{202E}\u{2066}\u{2069}\u{200E}\u{200F}\u{061C}`},
		{"zero width", "\u200b\u200c\u200d\u2060\ufeff\u00ad", `\u{200B}\u{200C}\u{200D}\u{2060}\u{FEFF}\u{00AD}`},
		{"separators", "\u2028\u2029", `\u{2028}\u{2029}`},
		{"blanks that are no blank", "\u00a0\u3000\u2003", `\u{00A0}\u{3000}\u{2003}`},
		{"letters without ink", "\u3164\u115f\uffa0", `\u{3164}\u{115F}\u{FFA0}`},
		{"combining marks", "e\u0301\u20dd\ufe0f", `e\u{0301}\u{20DD}\u{FE0F}`},
		{"tags, private use and unassigned", "\U000e0041\ue000\U000fffff", `\u{E0041}\u{E000}\u{FFFFF}`},
		{"invalid UTF-8", "a\xffb\xc3", `a\xFFb\xC3`},
		{"the replacement character itself is fine", "\ufffd", "\ufffd"},
		{"a backslash stays", `a\b\n`, `a\b\n`},
	} {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("%s: Clean(%q) = %s, want %s", tt.rule, tt.in, got, tt.want)
		}
	}
}

func TestCleanCuts(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want string
	}{
		{strings.Repeat("a", MaxCell), strings.Repeat("a", MaxCell)},
		{strings.Repeat("a", MaxCell+1), strings.Repeat("a", MaxCell-3) + "…"},
		{strings.Repeat("a", MaxCell-2) + "é", strings.Repeat("a", MaxCell-2) + "é"},
		{strings.Repeat("a", MaxCell-2) + "日", strings.Repeat("a", MaxCell-3) + "…"},
		{strings.Repeat("a", MaxCell-5) + "\x00\x00", strings.Repeat("a", MaxCell-5) + "…"}, // no half escape
	} {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("%d bytes: got %d ending %q, want %d ending %q",
				len(tt.in), len(got), got[len(got)-10:], len(tt.want), tt.want[len(tt.want)-10:])
		}
	}
}

// unfit is the first character that must stand in no report, other than the
// line feeds that a format itself writes.
func unfit(s string) string {
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	for _, r := range s {
		switch {
		case r == '\n', ' ' <= r && r <= '~':
		case r < ' ', 0x7f <= r && r <= 0x9f, unicode.Is(unicode.Cf, r), unicode.In(r, unicode.Zl, unicode.Zp, unicode.Mn, unicode.Me),
			unicode.Is(unicode.Bidi_Control, r):
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
}

func FuzzClean(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Add(strings.Repeat("\x00é", MaxCell))
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if bad := unfit(got); bad != "" || strings.Contains(got, "\n") {
			t.Errorf("Clean(%q) = %q has %s", s, got, bad)
		}
		if again := Clean(got); again != got {
			t.Errorf("cleaning %q twice: %q, then %q", s, got, again)
		}
		if len(got) > MaxCell {
			t.Errorf("%d bytes, more than %d", len(got), MaxCell)
		}
	})
}

func TestHostileCorpusThroughEveryFormat(t *testing.T) {
	results := hostileFleet()
	for i, s := range hostile {
		results = append(results, filled(strings.Join(hostile[i:], s), scanner.OK))
	}
	run := testRun(results...)
	run.Tool, run.Version, run.Inventory = hostile[0], hostile[4], hostile[7]
	for _, f := range Formats {
		for _, width := range []int{0, 80} {
			out := render(t, f.Name, run, Options{Width: width})
			if bad := unfit(out); bad != "" {
				t.Errorf("%s at width %d: %s in the output", f.Name, width, bad)
			}
		}
	}
	checkCells(t, render(t, "csv", run, Options{}))
	if doc := render(t, "json", run, Options{}); !json.Valid([]byte(doc)) {
		t.Error("no valid JSON")
	} else {
		checkStrings(t, doc)
	}
}

// checkCells reads the CSV as a spreadsheet would: no cell is a formula or has
// a line feed, and each row is whole.
func checkCells(t *testing.T, out string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for i, cell := range row {
			start := strings.TrimLeft(cell, " ")
			if strings.ContainsAny(cell, "\n\r\t") || start != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(start)[0]) {
				t.Errorf("column %s: cell %q", columns[i].key, cell)
			}
		}
	}
}

// checkStrings looks at the strings of a JSON document after decoding: an
// escape sequence of JSON hides nothing.
func checkStrings(t *testing.T, doc string) {
	t.Helper()
	tokens := json.NewDecoder(bytes.NewBufferString(doc))
	for {
		token, err := tokens.Token()
		if err != nil {
			return
		}
		if s, ok := token.(string); ok && (unfit(s) != "" || strings.Contains(s, "\n")) {
			t.Errorf("string %q", s)
		}
	}
}
