package inventory

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, text string) []Node {
	t.Helper()
	nodes, err := Parse(Source{Name: "nodes.txt", Text: []byte(text)}, "")
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return nodes
}

func TestAddressForms(t *testing.T) {
	for _, tt := range []struct {
		rule, text string
		want       Node
	}{
		{"host alone", "worker-1", Node{Name: "worker-1", Host: "worker-1"}},
		{"case is kept", "Worker_1.Example", Node{Name: "Worker_1.Example", Host: "Worker_1.Example"}},
		{"port", "worker-1:2222", Node{Name: "worker-1:2222", Host: "worker-1", Port: 2222}},
		{"leading zeros of a port are dropped", "a:0022", Node{Name: "a:22", Host: "a", Port: 22}},
		{"user", "core@worker-1", Node{Name: "worker-1", Host: "worker-1", User: "core"}},
		{"the last @ ends the user", "a@corp@h:1", Node{Name: "h:1", Host: "h", Port: 1, User: "a@corp"}},
		{"IPv4", "10.0.0.1:65535", Node{Name: "10.0.0.1:65535", Host: "10.0.0.1", Port: 65535}},
		{"IPv6 in brackets with a zone", "[fe80::1%eth0]:22", Node{Name: "[fe80::1%eth0]:22", Host: "fe80::1%eth0", Port: 22}},
		{"IPv6 in brackets without a port", "u@[::1]", Node{Name: "::1", Host: "::1", User: "u"}},
		{"bare IPv6 has no port, as in OpenSSH", "fe80::1:22", Node{Name: "fe80::1:22", Host: "fe80::1:22"}},
		{"three numbers are a name, not an address", "1.2.3", Node{Name: "1.2.3", Host: "1.2.3"}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			args, err := ParseArgs([]string{tt.text})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Node{tt.want}, args); diff != "" {
				t.Errorf("ParseArgs (-want +got):\n%s", diff)
			}
			tt.want.Source = Position{"nodes.txt", 1, 1}
			if diff := cmp.Diff([]Node{tt.want}, parse(t, tt.text)); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlainLayout(t *testing.T) {
	text := "\ufeff# a comment\r\n" +
		"\r\n" +
		" \t \n" +
		"a group=workers\tzone=eu-1 # the new rack\r\n" +
		"  # indented\n" +
		"b empty= kubernetes.io/role=x_y\n" +
		"c"
	want := []Node{
		{Name: "a", Host: "a", Labels: map[string]string{"group": "workers", "zone": "eu-1"}, Source: Position{"nodes.txt", 4, 1}},
		{Name: "b", Host: "b", Labels: map[string]string{"empty": "", "kubernetes.io/role": "x_y"}, Source: Position{"nodes.txt", 6, 1}},
		{Name: "c", Host: "c", Source: Position{"nodes.txt", 7, 1}},
	}
	got := parse(t, text)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if g := []string{got[0].Group(), got[1].Group()}; g[0] != "workers" || g[1] != "" {
		t.Errorf("groups %q", g)
	}
}

// Each mistake has the exact text that a user sees.
func TestMistakes(t *testing.T) {
	const hostSet = `: expected letters, digits, ".", "_" and "-" only`
	const userSet = `: expected letters, digits, ".", "_", "-" and "@" only`
	for _, tt := range []struct{ text, want string }{
		{"foo:bar", `nodes.txt:1:1: "foo:bar": port "bar" is not a number from 1 to 65535`},
		{"foo:", `nodes.txt:1:1: "foo:": port "" is not a number from 1 to 65535`},
		{"foo:0", `nodes.txt:1:1: "foo:0": port "0" is not a number from 1 to 65535`},
		{"foo:65536", `nodes.txt:1:1: "foo:65536": port "65536" is not a number from 1 to 65535`},
		{"foo:+22", `nodes.txt:1:1: "foo:+22": port "+22" is not a number from 1 to 65535`},
		{"[::1]:x", `nodes.txt:1:1: "[::1]:x": port "x" is not a number from 1 to 65535`},
		{":22", `nodes.txt:1:1: ":22": empty host: expected [user@]host[:port]`},
		{"core@", `nodes.txt:1:1: "core@": empty host: expected [user@]host[:port]`},
		{"@foo", `nodes.txt:1:1: "@foo": empty user: expected [user@]host[:port]`},
		{"-oProxyCommand=x", `nodes.txt:1:1: "-oProxyCommand=x": host begins with "-": expected a host name, an ssh_config alias or an IP address`},
		{"..", `nodes.txt:1:1: "..": host begins with ".": expected a host name, an ssh_config alias or an IP address`},
		{"-l@foo", `nodes.txt:1:1: "-l@foo": user begins with "-": expected a login name`},
		{"foo|bar", `nodes.txt:1:1: "foo|bar": host with "|"` + hostSet},
		{"foo#bar", `nodes.txt:1:1: "foo#bar": host with "#"` + hostSet},
		{"a'b", `nodes.txt:1:1: "a'b": host with "'"` + hostSet},
		{`a\b`, `nodes.txt:1:1: "a\\b": host with "\\"` + hostSet},
		{"a$(b)", `nodes.txt:1:1: "a$(b)": host with "$"` + hostSet},
		{"a;b", `nodes.txt:1:1: "a;b": host with ";"` + hostSet},
		{"a\x1b[2J", `nodes.txt:1:1: "a\x1b[2J": host with "\x1b"` + hostSet},
		{"a\rb", `nodes.txt:1:1: "a\rb": host with "\r"` + hostSet},
		{"w\u043erker", `nodes.txt:1:1: "w\u043erker": host with "\u043e"` + hostSet},
		{"a\u202eb", `nodes.txt:1:1: "a\u202eb": host with "\u202e"` + hostSet},
		{"a\xff", `nodes.txt:1:1: "a\xff": host with "\xff"` + hostSet},
		{`CORP\al@foo`, `nodes.txt:1:1: "CORP\\al@foo": user with "\\"` + userSet},
		{"a`b@foo", "nodes.txt:1:1: \"a`b@foo\": user with \"`\"" + userSet},
		{"a:b:c", `nodes.txt:1:1: "a:b:c": more than one colon, and not an IPv6 address: expected host:port, or [address]:port for IPv6`},
		{"[workers]", `nodes.txt:1:1: "[workers]": expected an IPv6 address in the brackets, as in [fe80::1]:22 (a group is a label: group=NAME)`},
		{"[::1", `nodes.txt:1:1: "[::1": expected an IPv6 address in the brackets, as in [fe80::1]:22 (a group is a label: group=NAME)`},
		{"[fe80::1%a;b]:22", `nodes.txt:1:1: "[fe80::1%a;b]:22": expected an IPv6 address in the brackets, as in [fe80::1]:22 (a group is a label: group=NAME)`},
		{"[::1]22", `nodes.txt:1:1: "[::1]22": expected nothing or :port after the bracket`},
		{"10.0.0.256", `nodes.txt:1:1: "10.0.0.256": not an IPv4 address: expected four numbers from 0 to 255 without leading zeros`},
		{"a b", `nodes.txt:1:3: "b": expected a key=value label after the host, and one node per line`},
		{"a =b", `nodes.txt:1:3: "=b": label without a key: expected key=value`},
		{"a k=1 k=2", `nodes.txt:1:7: "k=2": label "k" twice on one line: expected it once`},
		{"a k!=1", `nodes.txt:1:3: "k!=1": label key "k!": expected letters and digits first, then also ".", "_", "-" and "/"`},
		{"a -k=1", `nodes.txt:1:3: "-k=1": label key "-k": expected letters and digits first, then also ".", "_", "-" and "/"`},
		{"a k=a=b", `nodes.txt:1:3: "k=a=b": label value "a=b": expected letters, digits, ".", "_", "-" and "/", and no "-" first`},
		{"a k=-x", `nodes.txt:1:3: "k=-x": label value "-x": expected letters, digits, ".", "_", "-" and "/", and no "-" first`},
		{"a ansible_host=10.0.0.1", `nodes.txt:1:3: "ansible_host=10.0.0.1": not an Ansible inventory: expected [user@]host[:port] and labels`},
		{"a\nb\nA", `nodes.txt:3:1: "A": the same node as "a" at nodes.txt:1:1: expected every node once`},
		{"x@a:22\ny@A:22", `nodes.txt:2:1: "A:22": the same node as "a:22" at nodes.txt:1:1: expected every node once`},
		{"fe80::1\nfe80:0::1", `nodes.txt:2:1: "fe80:0::1": the same node as "fe80::1" at nodes.txt:1:1: expected every node once`},
		{"", `nodes.txt: no nodes in it: expected one [user@]host[:port] per line`},
		{"# nothing\n\n", `nodes.txt: no nodes in it: expected one [user@]host[:port] per line`},
		{"\xff\xfea\x00", `nodes.txt: UTF-16 text: expected UTF-8`},
		{"a\x00", `nodes.txt: not text, byte 2 is "\x00": expected an inventory, such as one node a line`},
		{"# " + strings.Repeat("-", 1443) + "\na\x00", `nodes.txt:2:1: "a\x00": host with "\x00"` + hostSet},
		{"\x7fELF\x02\n\x01\n\x01\n", `nodes.txt: not text, byte 5 is "\x02": expected an inventory, such as one node a line`},
		{"a\x1f\x8b\b\b\xdf\xdb)c\x00\x03ls\x00\xec", `nodes.txt: not text, byte 2 is "\x1f": expected an inventory, such as one node a line`},
		{"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", `nodes.txt: not text, byte 7 is "\x1a": expected an inventory, such as one node a line`},
		{"a\n" + strings.Repeat("b", maxLine+3), `nodes.txt:2: line longer than 65536 bytes: expected one node per line`},
		{strings.Repeat("b", 254), `nodes.txt:1:1: "` + strings.Repeat("b", 80) + `...": host longer than 253 bytes: expected a host name, an ssh_config alias or an IP address`},
		{strings.Repeat("u", 257) + "@a", `nodes.txt:1:1: "` + strings.Repeat("u", 80) + `...": user longer than 256 bytes: expected a login name`},
	} {
		nodes, err := Parse(Source{Name: "nodes.txt", Text: []byte(tt.text)}, "plain")
		if err == nil {
			t.Errorf("%.60q: accepted as %v, want %s", tt.text, nodes, tt.want)
			continue
		}
		if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("%.60q (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestSamePortOnlyIfGivenTwice(t *testing.T) {
	if got := parse(t, "a\na:22\na:23\n"); len(got) != 3 {
		t.Errorf("%d nodes, want 3: %v", len(got), got)
	}
}

func TestAllMistakesOfAFileAreReportedTogether(t *testing.T) {
	_, err := Parse(Source{Name: "nodes.txt", Text: []byte("a:x\ngood\n@b\ngood\n")}, "")
	want := `nodes.txt:1:1: "a:x": port "x" is not a number from 1 to 65535
nodes.txt:3:1: "@b": empty user: expected [user@]host[:port]
nodes.txt:4:1: "good": the same node as "good" at nodes.txt:2:1: expected every node once`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMistakesBeyondTwentyAreCounted(t *testing.T) {
	_, err := Parse(Source{Name: "-", Text: []byte(strings.Repeat("a:x\n", 25))}, "")
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 21 || lines[20] != "and 5 more" || !strings.HasPrefix(lines[19], "-:20:1: ") {
		t.Errorf("%d lines:\n%v", len(lines), err)
	}
	var list *Errors
	if !errors.As(err, &list) || len(list.Unwrap()) != 20 {
		t.Errorf("%T is not an *Errors of 20", err)
	}
}

func TestLineOfExactlyTheLimit(t *testing.T) {
	for _, end := range []string{"", "\n", "\r\n"} {
		line := "a #" + strings.Repeat("x", maxLine-3)
		if got := parse(t, line+end); len(got) != 1 {
			t.Errorf("end %q: %v", end, got)
		}
		if _, err := Parse(Source{Name: "f", Text: []byte(line + "x" + end)}, ""); err == nil {
			t.Errorf("end %q: one byte more is accepted", end)
		}
	}
}

func TestParseArgs(t *testing.T) {
	if nodes, err := ParseArgs(nil); nodes != nil || err != nil {
		t.Errorf("no arguments: %v, %v", nodes, err)
	}
	_, err := ParseArgs([]string{"a", "", "b c", "A"})
	want := `command line: "": empty host: expected [user@]host[:port]
command line: "b c": host with " ": expected letters, digits, ".", "_" and "-" only
command line: "A": the same node as "a" at command line: expected every node once`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A list that is longer than any fleet ends at the limit, whoever made it.
func TestMoreThanMaxNodes(t *testing.T) {
	for _, text := range []string{
		"a[1-1000000]\nb\n",
		strings.Repeat("a\n", MaxNodes+1), // repetitions cost as much as nodes
	} {
		_, err := Parse(Source{Name: "nodes.txt", Text: []byte(text)}, "")
		var list *Errors
		if !errors.As(err, &list) || !list.Ended() {
			t.Errorf("%.20q...: %.100v", text, err)
			continue
		}
		if list.Count() == 1 && !strings.HasSuffix(err.Error(), ": more than 1000000 nodes: expected a smaller inventory") {
			t.Errorf("%.20q...: %.100v", text, err)
		}
	}
}

func TestFormatsKeepTheContract(t *testing.T) {
	names := make(map[string]bool)
	for i, f := range Formats {
		if f.Name == "" || f.Help == "" || names[f.Name] {
			t.Errorf("format %q %q", f.Name, f.Help)
		}
		names[f.Name] = true
		for _, text := range []string{"", "\n", "\x00", "\xff\xfe"} {
			if nodes, err := Parse(Source{Name: "-", Text: []byte(text)}, f.Name); err == nil || len(nodes) > 0 {
				t.Errorf("format %q: %q is accepted as %v", f.Name, text, nodes)
			}
		}
		if got := f.Looks([]byte("worker-1\nworker-2\n")); got != (i == len(Formats)-1) {
			t.Errorf("format %q takes a plain list: %v", f.Name, got)
		}
	}
	if _, err := Parse(Source{Name: "-", Text: []byte("a")}, "xml"); err == nil || !strings.HasPrefix(err.Error(), `format "xml": expected one of `) {
		t.Errorf("unknown format: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a\n", "u@a:22 group=x # c\r\n", "[fe80::1%eth0]:22\n::1\n", "\ufeffa\nA\n", "-a", "a:b", "[", "@", "a k=", "::ffff:10.0.0.1\n10.0.0.1\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		nodes, err := Parse(Source{Name: "f", Text: []byte(text)}, "plain")
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r > '~' || r < ' ' && r != '\n' }) {
				t.Errorf("raw character in %q", err)
			}
			return
		}
		names := map[string]bool{}
		for _, node := range nodes {
			if names[strings.ToLower(node.Name)] {
				t.Errorf("name %q twice", node.Name)
			}
			names[strings.ToLower(node.Name)] = true
			again, err := Parse(Source{Name: "f", Text: []byte(node.String())}, "plain")
			if err != nil {
				t.Fatalf("String %q of %#v: %v", node, node, err)
			}
			node.Source.Line, node.Source.Column = 1, 1
			if diff := cmp.Diff([]Node{node}, again); diff != "" {
				t.Errorf("round trip of %q (-first +second):\n%s", node, diff)
			}
		}
	})
}
