package inventory

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rangeSamples are patterns with what ClusterShell 1.9 makes of them;
// TestRangesAgreeWithNodeset asks it.
var rangeSamples = []struct{ rule, pattern, want string }{
	{"no range", "node1", "node1"},
	{"range", "n[1-3]", "n1 n2 n3"},
	{"both ends the same", "n[5-5]", "n5"},
	{"padding", "n[08-11]", "n08 n09 n10 n11"},
	{"padding of three", "n[098-101]", "n098 n099 n100 n101"},
	{"no padding without a leading zero", "n[98-101]", "n98 n99 n100 n101"},
	{"zero is not padded", "n[0-2]", "n0 n1 n2"},
	{"padded zero", "n[00-02]", "n00 n01 n02"},
	{"step", "n[1-10/3]", "n1 n4 n7 n10"},
	{"step that does not meet the end", "n[1-5/3]", "n1 n4"},
	{"step beyond the end", "n[1-3/5]", "n1"},
	{"step with padding", "n[01-10/3]", "n01 n04 n07 n10"},
	{"a set is sorted, each number once", "n[9,1-3,2]", "n1 n2 n3 n9"},
	{"mixed padding is sorted by length", "n[1,01,001]", "n1 n01 n001"},
	{"two dimensions, the last turns fastest", "a[1-2]b[3-4]", "a1b3 a1b4 a2b3 a2b4"},
	{"text behind", "n[1-2].example.com", "n1.example.com n2.example.com"},
	{"digits before", "n0[1-3]", "n01 n02 n03"},
	{"digits before single numbers", "n1[8,11]", "n18 n111"},
	{"digits behind", "n[8-11]5", "n85 n95 n105 n115"},
	{"range first", "[1-3]", "1 2 3"},
	{"18 digits", "n[999999999999999998-999999999999999999]", "n999999999999999998 n999999999999999999"},
}

func TestRanges(t *testing.T) {
	for _, tt := range rangeSamples {
		names, problem := expand(tt.pattern)
		if got := strings.Join(names, " "); got != tt.want || problem != "" {
			t.Errorf("%s: %s gives %q, %s\nwant %q", tt.rule, tt.pattern, got, problem, tt.want)
		}
	}
}

// badRanges are refused by ClusterShell, too.
var badRanges = []struct{ pattern, want string }{
	{"n[5-1]", `"5-1" descends: expected the smaller number first`},
	{"n[1-01]", `"1-01" pads with zeros to two lengths: expected one, as in [01-50]`},
	{"n[01-100]", `"01-100" pads with zeros to two lengths: expected one, as in [01-50]`},
	{"n[001-10]", `"001-10" pads with zeros to two lengths: expected one, as in [01-50]`},
	{"n[10-010]", `"10-010" pads with zeros to two lengths: expected one, as in [01-50]`},
	{"n[1-5/0]", `"1-5/0" has a step of 0: expected 1 or more`},
	{"n[5/2]", `"5/2" has a step and no range: expected one, as in [1-9/2]`},
	{"n[]", `"" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[1,]", `"" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[1-]", `"1-" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[a-f]", `"a-f" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[01:50]", `"01:50" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2], with "-" (":" is for Ansible inventories)`},
	{"n[1-2", `"[" without "]": expected a range such as node[01-50]`},
	{"n1-2]", `"]" without "[" before it: expected a range such as node[01-50]`},
	{"n[1-2]]", `"]" without "[" before it: expected a range such as node[01-50]`},
	{"n[1-2][3-4]", `two ranges with no text between them: expected some, as in rack[1-2]-node[1-3]`},
	{"n[1-2]5[3-4]", `two ranges with no text between them: expected some, as in rack[1-2]-node[1-3]`},
	{"n[1-3/2]5", `a step, and a digit behind the bracket: expected the digits inside`},
	{"n0[8-11]", `"8-11" behind a digit, and its numbers differ in length: expected the digit inside, as in n[18-19,110-111]`},
}

// ownRanges are refused by us alone (see ranges.go).
var ownRanges = []struct{ pattern, want string }{
	{"n1[8-11]", `"8-11" behind a digit, and its numbers differ in length: expected the digit inside, as in n[18-19,110-111]`},
	{"n[-1]", `"-1" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[1_0]", `"1_0" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[+1]", `"+1" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[\u0661]", `"\u0661" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[1000000000000000000]", `"1000000000000000000" in the brackets: expected numbers and ranges, as in [1-5,9] or [01-50/2]`},
	{"n[1-1000001]", `more than 1000000 nodes: expected a smaller range`},
	{"n[1-999999,1-2]", `more than 1000000 nodes: expected a smaller range`},
	{"n[1-1000]x[1-1001]", `more than 1000000 nodes: expected a smaller range`},
	{"n[0-999999999999999999]x[0-999999999999999999]", `more than 1000000 nodes: expected a smaller range`},
	{strings.Repeat("n[1]", 200), `host longer than 253 bytes: expected a host name`},
}

func TestBadRanges(t *testing.T) {
	for _, tt := range append(badRanges, ownRanges...) {
		if names, problem := expand(tt.pattern); problem != tt.want || names != nil {
			t.Errorf("%.60s: %d names, %s\nwant %s", tt.pattern, len(names), problem, tt.want)
		}
	}
	if names, problem := expand("n[1-1000]x[1-1000]"); len(names) != MaxNodes || problem != "" {
		t.Errorf("exactly the limit: %d names, %s", len(names), problem)
	}
}

func TestRangesInAPlainList(t *testing.T) {
	got := parse(t, "core@n[1-2].example:2222 group=w\n[7-8]\n[::1]:22\n")
	labels := map[string]string{"group": "w"}
	want := []Node{
		{Name: "n1.example:2222", Host: "n1.example", Port: 2222, User: "core", Labels: labels, Source: Position{"nodes.txt", 1, 1}},
		{Name: "n2.example:2222", Host: "n2.example", Port: 2222, User: "core", Labels: labels, Source: Position{"nodes.txt", 1, 1}},
		{Name: "7", Host: "7", Source: Position{"nodes.txt", 2, 1}},
		{Name: "8", Host: "8", Source: Position{"nodes.txt", 2, 1}},
		{Name: "[::1]:22", Host: "::1", Port: 22, Source: Position{"nodes.txt", 3, 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"n:[22-23]":    `nodes.txt:1:1: "n:[22-23]": port "[22-23]" is not a number from 1 to 65535`,
		"n[1-2]:2[2]":  `nodes.txt:1:1: "n[1-2]:2[2]": a range in a port or in an IPv6 address: expected ranges in host names only`,
		"u[1-2]@n":     `nodes.txt:1:1: "u[1-2]@n": user with "[": expected letters, digits, ".", "_", "-" and "@" only`,
		"n[1-2]|x":     `nodes.txt:1:1: "n1|x": host with "|": expected letters, digits, ".", "_" and "-" only`,
		"n[1-3]\nN2 a": `nodes.txt:2:4: "a": expected a key=value label after the host, and one node per line`,
		"n[1-3]\nN2":   `nodes.txt:2:1: "N2": the same node as "n2" at nodes.txt:1:1: expected every node once`,
		"-[1-2]":       `nodes.txt:1:1: "-1": host begins with "-": expected a host name, an ssh_config alias or an IP address`,
	} {
		if _, err := Parse(Source{Name: "nodes.txt", Text: []byte(text)}, "plain"); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}

// nodeset runs ClusterShell's command.
func nodeset(t *testing.T, args ...string) (string, bool) {
	t.Helper()
	program, err := exec.LookPath("nodeset")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI lacks nodeset of ClusterShell")
		}
		t.Skip("SKIPPED, NOT TESTED: this machine lacks nodeset of ClusterShell")
	}
	out, err := exec.Command(program, args...).Output()
	return strings.TrimSpace(string(out)), err == nil
}

func TestRangesAgreeWithNodeset(t *testing.T) {
	for _, tt := range rangeSamples {
		if got, ok := nodeset(t, "-e", tt.pattern); got != tt.want || !ok {
			t.Errorf("%s: nodeset -e %s gives %q, we say %q", tt.rule, tt.pattern, got, tt.want)
		}
	}
	for _, tt := range badRanges {
		if got, ok := nodeset(t, "-e", tt.pattern); ok {
			t.Errorf("nodeset -e %s gives %q, and we refuse it", tt.pattern, got)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	number := func() string { return pick("0", "00", "1", "2", "01", "5", "08", "9", "10", "12", "012", "99", "100") }
	for range 20 {
		pattern := pick("n", "n1", "", "n-") + "["
		for i := range 1 + random.IntN(3) {
			if i > 0 {
				pattern += ","
			}
			pattern += number()
			if random.IntN(3) > 0 {
				pattern += "-" + number() + pick("", "", "/1", "/2", "/3")
			}
		}
		pattern += "]" + pick("", "", "x", "7", ".e[1-2]")
		names, problem := expand(pattern)
		theirs, ok := nodeset(t, "-e", pattern)
		switch {
		case problem == "" && !ok:
			t.Errorf("%s: nodeset refuses it, we give %q", pattern, names)
		case problem == "" && strings.Join(sorted(names), " ") != strings.Join(sorted(strings.Fields(theirs)), " "):
			t.Errorf("%s: nodeset gives %q, we give %q", pattern, theirs, names)
		case problem != "" && ok && !strings.Contains(problem, "behind a digit") && !strings.Contains(problem, "two lengths"):
			t.Errorf("%s: nodeset gives %q, we say %s", pattern, theirs, problem)
		}
	}
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

// foldSamples are what nodeset -f gives, too.
var foldSamples = []struct{ rule, names, want string }{
	{"no name", "", ""},
	{"one name", "n5", "n5"},
	{"names without numbers", "z x y", "x,y,z"},
	{"range and single number", "n10 n2 n1", "n[1-2,10]"},
	{"no steps", "n1 n3 n5", "n[1,3,5]"},
	{"padding", "n08 n09 n10", "n[08-10]"},
	{"no padding", "n8 n9 n10", "n[8-10]"},
	{"padding ends a range", "n98 n099 n100", "n[98,099-100]"},
	{"two paddings", "n1 n01 n001 n2 n02", "n[1-2,01-02,001]"},
	{"repetitions", "n1 n1 n2", "n[1-2]"},
	{"text behind", "n1.ex n2.ex", "n[1-2].ex"},
	{"a grid", "a1b1 a1b2 a2b1 a2b2", "a[1-2]b[1-2]"},
	{"not quite a grid", "a1b1 a1b2 a2b1", "a1b[1-2],a2b1"},
	{"a number that does not vary", "ip-10-0-0-1 ip-10-0-0-2 ip-10-0-1-1 ip-10-0-1-2", "ip-10-0-[0-1]-[1-2]"},
	{"addresses", "10.0.0.1 10.0.0.2 10.0.1.1", "10.0.0.[1-2],10.0.1.1"},
	{"digits alone", "1 2 3", "[1-3]"},
	{"several patterns", "n1 m2 n2 x", "m2,n[1-2],x"},
	{"three dimensions", "a1b2c3 a1b2c4 a2b2c3 a2b2c4 a3b2c4", "a[1-2]b2c[3-4],a3b2c4"},
	{"a diagonal", "a1b1 a2b2 a3b3", "a1b1,a2b2,a3b3"},
}

func TestFold(t *testing.T) {
	for _, tt := range foldSamples {
		if got := Fold(strings.Fields(tt.names)); got != tt.want {
			t.Errorf("%s: %s gives %s, want %s", tt.rule, tt.names, got, tt.want)
		}
	}
	for names, want := range map[string]string{
		"n1:2222 n2:2222 n3:22":                         "n3:22,n[1-2]:2222", // a port is no number of a name
		"fe80::1 fe80::2 [::1]:22":                      "[::1]:22,fe80::1,fe80::2",
		"n1234567890123456789 n1234567890123456788":     "n1234567890123456788,n1234567890123456789",
		"n1000000000000000000x1 n1000000000000000000x2": "n1000000000000000000x[1-2]",
	} {
		if got := Fold(strings.Fields(names)); got != want {
			t.Errorf("%s gives %s, want %s", names, got, want)
		}
	}
}

func TestFoldAgreesWithNodeset(t *testing.T) {
	for _, tt := range foldSamples[1:] {
		if got, _ := nodeset(t, append([]string{"-f"}, strings.Fields(tt.names)...)...); got != tt.want {
			t.Errorf("%s: nodeset gives %s, we say %s", tt.rule, got, tt.want)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		var names []string
		for range 1 + random.IntN(20) {
			name := "n" + strconv.Itoa(random.IntN(12))
			if random.IntN(4) == 0 {
				name = "n0" + strconv.Itoa(random.IntN(12))
			}
			names = append(names, name)
		}
		ours := Fold(names)
		if theirs, _ := nodeset(t, append([]string{"-f"}, names...)...); ours != theirs {
			t.Errorf("%q: nodeset gives %s, we give %s", names, theirs, ours)
		}
	}
}

// Whatever is folded expands to the same names, in whatever order they came.
func TestFoldIsTheInverseOfExpand(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		want := map[string]bool{}
		for range 1 + random.IntN(40) {
			name := "r" + strconv.Itoa(random.IntN(4)) + "-n" + []string{"", "0"}[random.IntN(2)] + strconv.Itoa(random.IntN(11))
			want[name+[]string{"", ".e3x"}[random.IntN(2)]] = true
		}
		var names []string
		for name := range want {
			names = append(names, name) // in random order
		}
		folded := Fold(names)
		if again := Fold(append(slices.Clone(names), names...)); again != folded {
			t.Fatalf("%s, and for the same names again %s", folded, again)
		}
		var back []string
		for _, pattern := range terms(folded) {
			expanded, problem := expand(pattern)
			if problem != "" {
				t.Fatalf("%s of %s: %s", pattern, folded, problem)
			}
			back = append(back, expanded...)
		}
		if diff := cmp.Diff(sorted(names), sorted(back)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", folded, diff)
		}
	}
}

// terms splits a folded list at the commas outside brackets.
func terms(folded string) (patterns []string) {
	for _, t := range parseTerms("", folded) {
		patterns = append(patterns, t.text)
	}
	return patterns
}

func FuzzExpand(f *testing.F) {
	for _, tt := range rangeSamples {
		f.Add(tt.pattern)
	}
	for _, tt := range append(badRanges, ownRanges...) {
		f.Add(tt.pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		names, problem := expand(pattern)
		if (problem == "") == (names == nil) || len(names) > MaxNodes {
			t.Fatalf("%q: %d names, problem %q", pattern, len(names), problem)
		}
		if len(names) > 1000 {
			return
		}
		seen := map[string]bool{}
		for _, name := range names {
			if seen[name] {
				t.Errorf("%q: %q twice", pattern, name)
			}
			seen[name] = true
		}
		Fold(names) // it takes anything
	})
}
