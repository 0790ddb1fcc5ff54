package inventory

import (
	"fmt"
	"strings"
	"testing"
)

// chain is n Ansible groups, each within the one before.
func chain(format string, n int) string {
	var b strings.Builder
	switch format {
	case "ansible-ini":
		for i := range n {
			fmt.Fprintf(&b, "[g%d:children]\ng%d\n", i, i+1)
		}
		fmt.Fprintf(&b, "[g%d]\nh\n", n)
	case "ansible-yaml":
		for i := range n {
			fmt.Fprintf(&b, "%sg%d:\n%s children:\n", strings.Repeat("  ", i), i, strings.Repeat("  ", i))
		}
		fmt.Fprintf(&b, "%sg%d: {hosts: {h: }}\n", strings.Repeat("  ", n), n)
	case "ansible-json":
		b.WriteString(`{"_meta": {}`)
		for i := range n {
			fmt.Fprintf(&b, `, "g%d": {"children": ["g%d"]}`, i, i+1)
		}
		fmt.Fprintf(&b, `, "g%d": ["h"]}`, n)
	}
	return b.String()
}

// Texts that would cost much more than their length end in an error, soon.
func TestTextsThatAreTraps(t *testing.T) {
	laughs := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), c-1)
	}
	layers := strings.Builder{}
	for i := range 50 {
		for j := range 20 {
			fmt.Fprintf(&layers, "[g%dx%d:children]\n", i, j)
			for k := range 20 {
				fmt.Fprintf(&layers, "g%dx%d\n", i+1, k)
			}
		}
	}
	for j := range 20 {
		fmt.Fprintf(&layers, "[g50x%d]\nh\n", j)
	}
	for _, tt := range []struct {
		rule, format, text, want string // want is in the error; empty: there is none
	}{
		{"99 levels of groups are fine", "ansible-ini", chain("ansible-ini", 99), ""},
		{"99 levels of groups are fine", "ansible-yaml", chain("ansible-yaml", 99), ""},
		{"99 levels of groups are fine", "ansible-json", chain("ansible-json", 99), ""},
		{"1,000 levels of groups", "ansible-ini", chain("ansible-ini", 1000), "more than 100 levels"},
		{"1,000 levels of groups", "ansible-yaml", chain("ansible-yaml", 1000), "no more than 500 levels"},
		{"1,000 levels of groups", "ansible-json", chain("ansible-json", 1000), "more than 100 levels"},
		{"200 levels of groups", "ansible-yaml", chain("ansible-yaml", 200), "more than 100 levels"},
		{"a group in itself", "ansible-ini", "[a:children]\na\n[a]\nh\n", "in itself"},
		{"a cycle of groups", "ansible-yaml", "a: {children: {b: }}\nb: {children: {a: }, hosts: {h: }}\n", "in itself"},
		{"a cycle of groups", "ansible-json", `{"_meta": {}, "a": {"children": ["b"]}, "b": {"children": ["a"], "hosts": ["h"]}}`, "in itself"},
		{"all within a group", "ansible-ini", "[a:children]\nall\n[a]\nh\n[all:children]\na\n", "in itself"},
		{"20^50 ways from a host to the top", "ansible-ini", layers.String(), ""},
		{"aliases of aliases", "yaml", laughs, "the aliases of the file make too much of it"},
		{"an alias within its anchor", "yaml", "- &a [*a]\n", "no more than 500 levels"},
		{"a million brackets", "json", strings.Repeat("[", 1_000_000), "no more than 500 levels"},
		{"a million brackets", "yaml", strings.Repeat("[", 1_000_000), "exceeded max depth"},
		{"a million objects", "kubernetes-json", strings.Repeat(`{"x":`, 1_000_000), "no more than 500 levels"},
		{"ranges that multiply", "ansible-ini", "a[0:999][0:999][0:999]\n", "more than 1000000 hosts"},
		{"ranges of JSON", "json", `["a[0-999]-[0-999]-[0-9]"]`, "1000000"},
		{"the same range again and again", "ansible-ini", strings.Repeat("a[0:99999]\n", 100), "members of groups"},
		{"a number beyond numbers", "ansible-ini", "a[1:99999999999999999999]\n", "expected FIRST:LAST"},
		{"a step beyond the range", "ansible-ini", "a[1:3:999999999999999999]\n", ""},
		{"a long line", "ansible-ini", "[a]\n" + strings.Repeat("b", maxLine+1), "line longer than"},
		{"a long line", "kubernetes-wide", strings.Repeat("N", maxLine+1), "line longer than"},
		{"a long line", "ssh-config", "Host a\nHost " + strings.Repeat("b ", maxLine), "line longer than"},
	} {
		t.Run(tt.format+": "+tt.rule, func(t *testing.T) {
			nodes, err := Parse(Source{Name: "f", Text: []byte(tt.text)}, tt.format)
			if tt.want == "" && (err != nil || len(nodes) == 0) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%d nodes, error %v, want %q", len(nodes), err, tt.want)
			}
		})
	}
}

// Files that include each other, and each twice, are read to a bound.
func TestIncludesAreBounded(t *testing.T) {
	n := 0
	fresh := func(string) ([]Source, error) {
		n++
		return []Source{{Name: fmt.Sprint("f", n), Text: []byte("Include x\nInclude x\n")}}, nil
	}
	source := Source{Name: "f", Text: []byte("Host a\n  Port 22\nInclude x\n")}
	source.Include = fresh
	_, err := Parse(source, "ssh-config")
	if err == nil || !strings.Contains(err.Error(), "at more than 16 levels") || n > 2*maxIncluded {
		t.Errorf("%d files, error %v", n, err)
	}
	source.Include = nil
	if _, err := Parse(source, "ssh-config"); err == nil || !strings.Contains(err.Error(), "cannot be followed") {
		t.Errorf("without files: %v", err)
	}
}
