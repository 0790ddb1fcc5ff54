package kubelet

import (
	"fmt"
	"strings"
	"testing"
)

// hostile are documents that try to hang a decoder or to fill the memory.
func hostile() map[string]string {
	const size = maxDocument / 16 // enough for every limit of the decoder; the full size takes the race detector half a minute
	repeat := func(text string) string { return strings.Repeat(text, size/len(text)) }
	laughs := "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
	for i := 1; i < 20; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9))
	}
	chain := "a0: &a0 {serverTLSBootstrap: true}\n"
	for i := 1; i < 10_000; i++ {
		chain += fmt.Sprintf("a%d: &a%d {<<: *a%d}\n", i, i, i-1)
	}
	return map[string]string{
		"billion laughs":           laughs,
		"one large alias, often":   "a: &a " + strings.Repeat("x", size/2) + "\nb: [" + strings.Repeat("*a,", size/6) + "]\n",
		"an alias in itself":       "a: &a [*a]\n",
		"a chain of merge keys":    chain,
		"many merge keys":          "a: &a {x: 1}\n" + repeat("<<: *a\n"),
		"deep flow sequences":      "a: " + repeat("["),
		"deep flow mappings":       "a: " + repeat("{a: "),
		"deep JSON":                `{"a":` + repeat("["),
		"deep JSON objects":        repeat(`{"a":`),
		"deep block sequences":     repeat("- "),
		"deep complex keys":        repeat("? "),
		"many keys":                repeat("k: v\n"),
		"many different keys":      numbered(size),
		"a long key":               repeat("k") + ": v\n",
		"a long line of colons":    repeat(": "),
		"many anchors":             "a: [" + repeat("&a 1, ") + "]",
		"many documents":           repeat("---\n"),
		"many comments":            repeat("#\n"),
		"many tags":                "a: [" + repeat("!!str x, ") + "]",
		"a long block scalar":      "a: |\n" + repeat("  x\n"),
		"a long quoted scalar":     `a: "` + repeat(`\u0041\n`) + `"`,
		"quotes":                   repeat(`"`),
		"percent directives":       repeat("%A\n"),
		"NUL":                      repeat("\x00"),
		"not UTF-8":                repeat("\xff\xfe"),
		"UTF-16":                   "\xff\xfe" + repeat("a\x00"),
		"long numbers":             "port: " + repeat("9"),
		"long JSON number":         `{"port":` + repeat("9") + "}",
		"the key in each line":     repeat(yes + "\n"),
		"blanks":                   repeat(" "),
		"blanks and line breaks":   repeat(" \n"),
		"an indent deeper by line": staircase(size),
		"spellings of a field":     spellings("serverTLSBootstrap", "true", size),
		"spellings of the gates":   spellings("featureGates", "{RotateKubeletServerCertificate: true}", size),
	}
}

func numbered(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "k%d: v\n", i)
	}
	return b.String()
}

// spellings is a key in every case, which is another key each time.
func spellings(key, value string, size int) string {
	var b strings.Builder
	for n := 1; b.Len() < size; n++ {
		for i, r := range strings.ToLower(key) {
			if n>>i&1 == 1 {
				r += 'A' - 'a'
			}
			b.WriteRune(r)
		}
		b.WriteString(": " + value + "\n")
	}
	return b.String()
}

func staircase(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

// TestHostileFiles passes by ending: no document may hang the decoder, fill
// the memory or read as on.
func TestHostileFiles(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, raw := range []string{text, header + text} {
				file := File{Path: configPath, State: Present, Content: []byte(raw)}
				in := Input{
					Version: release(newest),
					Args:    []Arg{{Text: "--config=" + configPath}, {Text: "--config-dir=" + dropInPath}},
					Config:  file,
					DropIns: DropInDir{Path: dropInPath, State: Present, Files: []File{{Path: dropInPath + "/1.conf", State: Present, Content: file.Content}}},
				}
				e := Resolve(in)
				lawful(t, e)
				explained(t, in, e)
				if e.Rotation == On && !strings.HasPrefix(raw, header) {
					t.Errorf("garbage reads as on: %s", e.Why)
				}
			}
		})
	}
}

// TestHostileArguments bounds what one argument can put into a report.
func TestHostileArguments(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for _, args := range [][]Arg{
		{{Text: long}},
		{{Text: "--" + long}},
		{{Text: "-" + long}},
		{{Text: "--port=" + long}},
		{{Text: "--config=" + long}},
		{{Text: "--feature-gates=" + long}},
		{{Text: "--feature-gates=" + strings.Repeat("A=true,", 1<<17)}},
		{{Text: "--rotate-server-certificates=\x1b]0;\a\r\n" + long}},
		{{Text: "a\nb\tc"}},
	} {
		e := Resolve(Input{Version: release(20), Args: args})
		lawful(t, e)
		const most = 4096
		if n := len(e.Why) + len(e.Problem) + len(e.Decided.Text); n > most {
			t.Errorf("%.20q: %d bytes of reasons", args[0].Text, n)
		}
	}
}
