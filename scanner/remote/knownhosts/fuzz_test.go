package knownhosts

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// recursivePattern is match_pattern as its man page tells it.
func recursivePattern(s, pattern string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return recursivePattern(s, pattern[1:]) || s != "" && recursivePattern(s[1:], pattern)
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && recursivePattern(s[1:], pattern[1:])
}

func recursiveList(name, list string) bool {
	matched := false
	for _, pattern := range strings.Split(list, ",") {
		bare, negated := strings.CutPrefix(lower(pattern), "!")
		if recursivePattern(name, bare) {
			if negated {
				return false
			}
			matched = true
		}
	}
	return matched
}

// A bad line costs nothing but itself, and nothing panics.
func FuzzLoad(f *testing.F) {
	all := serverKeys(f)
	for _, r := range table() {
		if len(r.file) < 1000 {
			f.Add(r.text(all))
		}
	}
	first, last := newED25519(f), newRSA(f)
	f.Fuzz(func(t *testing.T, text string) {
		text = "first " + first.line() + "\n" + text + "\nlast " + last.line() + "\n"
		db := indexed(text)
		h := Address("last", 22)
		found := db.OnFile(h)
		if !slices.ContainsFunc(found, func(l Line) bool { return l.Number == strings.Count(text, "\n") && l.Type == "ssh-rsa" }) {
			t.Fatalf("the last line is lost: %v", found)
		}
		if len(db.OnFile(Address("first", 22))) == 0 {
			t.Fatal("the first line is lost")
		}
		db.Offer(h)
		for _, key := range all {
			_ = db.Check(h, key.shown(), time.Time{}).Err()
		}
		db.Warnings()
	})
}

// The index finds what a walk over all lines finds, hashed or not.
func FuzzLookup(f *testing.F) {
	key := newED25519(f)
	f.Add("node1", "node1")
	f.Add("node1", "node*,!node1")
	f.Add("a.b", "?.b,*.c\nA.B\n!a.b\n*")
	f.Add("[a]:2222", "[a]:*\n[a]:2222,b")
	f.Add("aab", "*a*b\n**\n!*,a\n,,aab,aab")
	f.Fuzz(func(t *testing.T, name, lists string) {
		name = lower(name)
		if name == "" || len(name) > 30 || strings.ContainsAny(name+lists, "\x00\r# \t|@") || strings.Contains(name, "\n") || len(lists) > 200 || strings.Count(lists, "*") > 8 {
			return
		}
		var text strings.Builder
		var want []int
		for i, list := range strings.Split(lists, "\n") {
			text.WriteString(list + " " + key.line() + "\n")
			if list != "" && recursiveList(name, list) {
				want = append(want, i+1)
			}
		}
		var got []int
		for _, l := range indexed(text.String()).OnFile(Host{name: name}) {
			got = append(got, l.Number)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q in %q: got lines %v, want %v", name, lists, got, want)
		}
		for _, list := range strings.Split(lists, "\n") {
			hashed := indexed(hashName(lower(list)) + " " + key.line()).OnFile(Host{name: name})
			if (len(hashed) == 1) != (lower(list) == name) {
				t.Errorf("%q against the hash of %q: got %v", name, list, hashed)
			}
		}
	})
}

func indexed(text string) *DB {
	db := &DB{files: []*file{{name: "known_hosts", parts: []string{text}}}}
	db.index = newIndex(db.files)
	return db
}
