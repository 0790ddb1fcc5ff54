package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCSV(t *testing.T) {
	at := func(line, column int) Position { return Position{"n.csv", line, column} }
	for _, tt := range []struct {
		rule, text string
		want       []Node
	}{
		{"all columns", "host,address,port,user,group,rack\nw-1,10.0.0.1,2222,core,workers,7\n", []Node{
			{Name: "w-1", Host: "10.0.0.1", Port: 2222, User: "core", Labels: map[string]string{"group": "workers", "rack": "7"}, Source: at(2, 1)},
		}},
		{"semicolons, CRLF, no last line end", "host;port\r\na;22\r\nb;23", []Node{
			{Name: "a", Host: "a", Port: 22, Source: at(2, 1)}, {Name: "b", Host: "b", Port: 23, Source: at(3, 1)},
		}},
		{"tabs", "host\tport\na\t22\n", []Node{{Name: "a", Host: "a", Port: 22, Source: at(2, 1)}}},
		{"a byte order mark and capitals", "\ufeffHost Name,Hostname\nx,a\n", []Node{
			{Name: "a", Host: "a", Labels: map[string]string{"Host_Name": "x"}, Source: at(2, 1)},
		}},
		{"quotes, with a separator and a line end in a cell", "host,\"location, room\"\n\"a\",\"7, row \"\"B\"\"\"\n", nil},
		{"an address alone is the name", "ip,port\n10.0.0.1,22\n::1,\n", []Node{
			{Name: "10.0.0.1:22", Host: "10.0.0.1", Port: 22, Source: at(2, 1)}, {Name: "::1", Host: "::1", Source: at(3, 1)},
		}},
		{"one column", "hostname\na\nb\n", []Node{{Name: "a", Host: "a", Source: at(2, 1)}, {Name: "b", Host: "b", Source: at(3, 1)}}},
		{"empty rows and cells beyond the header", "host,port\n\n,,\na,22,,\n", []Node{{Name: "a", Host: "a", Port: 22, Source: at(4, 1)}}},
		{"cells of labels show what they like", "host,place\na,\"Köln, 7\"\n", []Node{
			{Name: "a", Host: "a", Labels: map[string]string{"place": "Köln, 7"}, Source: at(2, 1)},
		}},
		{"cost is a label, and so is part beside port", "host,cost,port,part\na,7,22,x\n", []Node{
			{Name: "a", Host: "a", Port: 22, Labels: map[string]string{"cost": "7", "part": "x"}, Source: at(2, 1)},
		}},
	} {
		if !looksCSV([]byte(strings.TrimPrefix(tt.text, "\ufeff"))) {
			t.Errorf("%s: not recognised", tt.rule)
		}
		got, err := Parse(Source{Name: "n.csv", Text: []byte(tt.text)}, "csv")
		if tt.want == nil { // the column is refused, and the message tells it
			want := `n.csv:1:6: "location, room": label key "location,_room": expected letters and digits first, then also ".", "_", "-" and "/"`
			if err == nil || err.Error() != want {
				t.Errorf("%s: %v\nwant %s", tt.rule, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.rule, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, diff)
		}
	}
}

func TestCSVMistakes(t *testing.T) {
	for _, tt := range []struct{ rule, text, want string }{
		{"a typing error in a column", "host,adress\n", `n.csv:1:6: "adress": not a known column; did you mean address? expected another name if it is a label`},
		{"swapped letters", "host,prot\n", `n.csv:1:6: "prot": not a known column; did you mean port? expected another name if it is a label`},
		{"host mistyped", "hots,port\na,22\n", `n.csv:1:1: "hots": not a known column; did you mean host? expected another name if it is a label`},
		{"no host", "port,user\n22,core\n", `n.csv:1:1: no column host or address in the header: expected one of them`},
		{"a column twice", "host,zone,zone\n", `n.csv:1:11: "zone": the same column as "zone": expected it once`},
		{"two columns of one meaning", "host,name\n", `n.csv:1:6: "name": the same column as "host": expected it once`},
		{"no name", "host,,zone\n", `n.csv:1:6: "": column without a name: expected one, or no column`},
		{"a host that is none", "host,port\na b,22\n", `n.csv:2:1: "a b": host with " ": expected letters, digits, ".", "_" and "-" only`},
		{"an option", "host,port\n-oProxyCommand=x,22\n", `n.csv:2:1: "-oProxyCommand=x": host begins with "-": expected a host name, an ssh_config alias or an IP address`},
		{"a range", "host,port\nn[1-2],22\n", `n.csv:2:1: "n[1-2]": host with "[": expected letters, digits, ".", "_" and "-" only`},
		{"an address", "host,address\na,10.0.0.256\n", `n.csv:2:3: "10.0.0.256": not an IPv4 address: expected four numbers from 0 to 255 without leading zeros`},
		{"a port", "host,port\na,ssh\n", `n.csv:2:3: "ssh": port "ssh" is not a number from 1 to 65535`},
		{"a user", "host,user\na,-l\n", `n.csv:2:3: "-l": user begins with "-": expected a login name`},
		{"bidi characters", "host,rack\na,x\u202ey\n", `n.csv:2:3: "x\u202ey": label with "\u202e": expected characters that show`},
		{"control characters", "host,rack\na,x\x1b[2J\n", `n.csv:2:3: "x\x1b[2J": label with "\x1b": expected characters that show`},
		{"not UTF-8", "host,rack\na,x\xff\n", `n.csv:2:3: "x\xff": label with "\xff": expected characters that show`},
		{"a long label", "host,rack\na," + strings.Repeat("x", 254) + "\n", `n.csv:2:3: "` + strings.Repeat("x", 80) + `...": cell longer than 253 bytes: expected a label`},
		{"a row without a host", "host,port\n,22\n", `n.csv:2:1: row without a host: expected one in column host or address`},
		{"too many cells", "host,port\na,22,x\n", `n.csv:2:6: "x": more cells than the header has columns, which are 2: expected quotes round a cell with ','`},
		{"too few cells", "host,port,user\na,22\n", `n.csv:2:1: 2 cells under a header of 3 columns: expected as many`},
		{"a quote that is open", "host,port\n\"a,22\nb,23\n", `n.csv:3:6: extraneous or missing " in quoted-field: expected RFC 4180, a quoted cell in "..." and a quote in it twice`},
		{"a bare quote", "host,port\na\"b,22\nc,23\n", `n.csv:2:2: bare " in non-quoted-field: expected RFC 4180, a quoted cell in "..." and a quote in it twice`},
		{"a node twice", "host,port\na,22\nA,22\n", `n.csv:3:1: "A": the same node as "a" at n.csv:2:1: expected every node once`},
		{"a name twice", "host,address\na,10.0.0.1\na,10.0.0.2\n", `n.csv:3:1: "a": the same node as "a" at n.csv:2:1: expected every node once`},
		{"an address twice", "host,address\na,10.0.0.1\nb,10.0.0.1\n", `n.csv:3:1: "b": the same node as "a" at n.csv:2:1: expected every node once`},
		{"nothing", "", `n.csv: no nodes in it: expected a header and rows`},
		{"a header alone", "host,port\n", `n.csv: no nodes in it: expected a row for each behind the header`},
		{"all of a file together", "host,port\n|,22\nb,23\nc,x\n", `n.csv:2:1: "|": host with "|": expected letters, digits, ".", "_" and "-" only` + "\n" + `n.csv:4:3: "x": port "x" is not a number from 1 to 65535`},
	} {
		_, err := Parse(Source{Name: "n.csv", Text: []byte(tt.text)}, "csv")
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.rule, err, tt.want)
		}
	}
}

// What is right is there beside the mistakes, and what ended the reading says so.
func TestNodesBesideMistakes(t *testing.T) {
	for _, tt := range []struct {
		text  string
		nodes int
		ended bool
	}{
		{"host,port\na,22\nb,x\nc,23\n", 2, false},
		{"host,port\na,22\n\"b,x\nc,23\n", 1, true},
		{"host,adress\na,x\n", 0, true},
		{"a\nb:x\nc\n", 2, false},
		{"a\n" + strings.Repeat("b", maxLine+1) + "\nc\n", 1, true},
	} {
		nodes, err := Parse(Source{Name: "f", Text: []byte(tt.text)}, "")
		mistakes, ok := err.(*Errors)
		if !ok || len(nodes) != tt.nodes || mistakes.Ended() != tt.ended || mistakes.Count() != 1 {
			t.Errorf("%.40q: %d nodes, %v", tt.text, len(nodes), err)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"host,port\na,22\n", "host;user;x y\na;b;\"c;\"\"d\"\n", "name\tip\na\t::1\n", "host\n\"", "\ufeffhost\na\n", "host,host\n", ",\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		nodes, err := Parse(Source{Name: "f", Text: []byte(text)}, "csv")
		if err == nil && len(nodes) == 0 || len(nodes) > strings.Count(text, "\n") {
			t.Fatalf("%q: %d nodes, %v", text, len(nodes), err)
		}
		for _, node := range nodes {
			if checkHost(node.Host) != "" || node.User != "" && checkUser(node.User) != "" || checkHost(node.Name) != "" && node.Name != address(node.Host, node.Port) {
				t.Errorf("%q: %#v", text, node)
			}
		}
	})
}
