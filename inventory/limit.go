package inventory

import (
	"fmt"
	"strings"
)

// Selection chooses nodes of an inventory as users of Ansible (its
// documentation, "Patterns") and of ClusterShell ("Node sets", extended string
// patterns) expect:
//
//	worker-1             the node of that name or host, and the group of that name
//	worker-*, cp-?       names, hosts and groups; case does not count in names
//	worker-[01-40/2]     ranges; a number that is not in the inventory is passed over
//	role=worker          a label; the value may have * and ?
//	role!=worker         every node that has not that label
//	@workers             the group workers, or else a file with patterns, one a line
//	@./more.txt          a file
//	~worker-\d+          a regular expression (RE2) that fits the beginning of a name
//	all, *               every node
//	A,B or A:B           the nodes of A and those of B
//	A,!B and A,&B        as Ansible: of all that is chosen, not B, and only B,
//	                     wherever in the list they stand; alone, of all nodes
//	A!B, A&B, A^B        as ClusterShell, from left to right: without B, only
//	                     what is in B too, what is in one of both
//
// Several values are one list. The result is in the order of the inventory.
type Selection struct {
	Limit    []string                          // nil: every node
	Exclude  []string                          // taken away from that
	ReadFile func(name string) ([]byte, error) // for @file
}

// Apply chooses among nodes. A pattern that fits no node is a mistake, reported
// with what was most likely meant; one that takes nodes away is only noted. All
// mistakes are reported together, as an *Errors; to choose nothing is one.
func (s Selection) Apply(nodes []Node) (chosen []Node, notes []string, err error) {
	if len(nodes) == 0 || len(s.Limit) == 0 && len(s.Exclude) == 0 {
		return nodes, nil, nil
	}
	c := newChooser(nodes, s.ReadFile)
	limit := []term{{op: ',', text: "all"}}
	if len(s.Limit) > 0 {
		limit = parseTerms("--limit", strings.Join(s.Limit, ","))
	}
	in := c.choose(limit)
	if len(s.Exclude) > 0 {
		c.excluding = true
		combine(in, '!', c.choose(parseTerms("--exclude", strings.Join(s.Exclude, ","))))
	}
	for i, node := range nodes {
		if in[i] {
			chosen = append(chosen, node)
		}
	}
	if len(chosen) == 0 && c.errs.orNil() == nil {
		c.errs.add(fmt.Errorf("--limit and --exclude leave none of the %d nodes: expected at least one", len(nodes)))
	}
	if err := c.errs.orNil(); err != nil {
		return nil, nil, err
	}
	return chosen, c.notes, nil
}

// maxGlobs bounds how often a glob is held against a node.
const maxGlobs = 100_000_000

// term is one pattern and how it is combined with what stands before it.
type term struct {
	op    byte // ',' union, '!' difference, '&' intersection, '^' symmetric difference
	last  bool // it counts when all others have: Ansible's "!" and "&"
	text  string
	where string // a flag, or @file:line
}

// parseTerms splits a list of patterns. It never fails: a piece that is no
// pattern is found to be none when it is looked up.
func parseTerms(where, text string) []term {
	var terms []term
	t := term{op: ',', where: where}
	for start := true; ; start = t.op == ',' {
		text = strings.TrimLeft(text, " ")
		if start && text != "" && (text[0] == '!' || text[0] == '&') {
			t.op, t.last = text[0], true
			text = text[1:]
		}
		end := termEnd(text)
		t.text = strings.TrimSpace(text[:end])
		terms = append(terms, t)
		if end == len(text) {
			return terms
		}
		t.op, t.last = text[end], false
		if t.op == ':' {
			t.op = ','
		}
		text = text[end+1:]
	}
}

// termEnd is where a pattern ends: at a comma or an operator outside brackets.
func termEnd(text string) int {
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth > 0:
		case c == ',':
			return i
		case text[0] == '~': // the rest is part of the expression
		case c == '!' && strings.HasPrefix(text[i:], "!="):
		case c == '&' || c == '^' || c == '!':
			if i > 0 && text[i-1] == ':' && c != '^' {
				return i - 1 // A:!B is A,!B
			}
			return i
		}
	}
	return len(text)
}

// combine changes in to what op makes of it and other.
func combine(in []bool, op byte, other []bool) {
	for i := range in {
		switch op {
		case ',':
			in[i] = in[i] || other[i]
		case '!':
			in[i] = in[i] && !other[i]
		case '&':
			in[i] = in[i] && other[i]
		case '^':
			in[i] = in[i] != other[i]
		}
	}
}
