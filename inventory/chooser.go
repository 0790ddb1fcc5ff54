package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// chooser knows what patterns may name.
type chooser struct {
	nodes     []Node
	names     map[string][]int // name or host in lower case -> nodes
	groups    map[string][]int
	keys      map[string]bool // of labels
	readFile  func(string) ([]byte, error)
	excluding bool
	notes     []string
	errs      Errors
}

func newChooser(nodes []Node, readFile func(string) ([]byte, error)) *chooser {
	c := &chooser{
		nodes: nodes, readFile: readFile,
		names: make(map[string][]int, len(nodes)), groups: make(map[string][]int), keys: make(map[string]bool),
	}
	for i, node := range nodes {
		name, host := strings.ToLower(node.Name), strings.ToLower(node.Host)
		c.names[name] = append(c.names[name], i)
		if host != name {
			c.names[host] = append(c.names[host], i)
		}
		for _, group := range groupsOf(node) {
			c.groups[group] = append(c.groups[group], i)
		}
		for key := range node.Labels {
			c.keys[key] = true
		}
	}
	return c
}

// groupsOf is every group of a node, that of its label "group" included.
func groupsOf(node Node) []string {
	group := node.Labels["group"]
	if group == "" || slices.Contains(node.Groups, group) {
		return node.Groups
	}
	return append(slices.Clone(node.Groups), group)
}

// choose marks the nodes that a list of terms chooses.
func (c *chooser) choose(terms []term) []bool {
	in := make([]bool, len(c.nodes))
	terms = c.flatten(terms)
	if !slices.ContainsFunc(terms, func(t term) bool { return !t.last }) {
		in = c.marked(term{op: ',', text: "all"}) // of all nodes
	}
	for _, t := range terms {
		switch {
		case t.last:
		case t.op == ',':
			c.mark(in, t) // without a set of its own: a list may be long
		default:
			combine(in, t.op, c.marked(t))
		}
	}
	for _, op := range []byte{'&', '!'} { // Ansible's order
		for _, t := range terms {
			if t.last && t.op == op {
				combine(in, op, c.marked(t))
			}
		}
	}
	return in
}

// flatten puts the patterns of files, and A and B for A:B, in the place of the
// terms that stand for them.
func (c *chooser) flatten(terms []term) []term {
	var flat []term
	for _, t := range terms {
		_, exact := c.names[strings.ToLower(t.text)]
		switch {
		case strings.HasPrefix(t.text, "@"):
			flat = append(flat, c.atFile(t)...)
		case exact || strings.HasPrefix(t.text, "~"):
			flat = append(flat, t)
		default:
			for _, piece := range splitColons(t.text) {
				t.text = piece
				flat = append(flat, t)
				t.op, t.last = ',', false
			}
		}
	}
	return flat
}

// splitColons splits A:B, where the colon is in no brackets.
func splitColons(text string) (pieces []string) {
	depth, start := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ':':
			if depth == 0 {
				pieces = append(pieces, text[start:i])
				start = i + 1
			}
		}
	}
	return append(pieces, text[start:])
}

func (c *chooser) marked(t term) []bool {
	in := make([]bool, len(c.nodes))
	c.mark(in, t)
	return in
}

// mark marks the nodes of one term, and says so if there are none.
func (c *chooser) mark(in []bool, t term) {
	found, err := c.find(in, t.text)
	switch {
	case err != nil:
		c.errs.add(fmt.Errorf("%s: %s: %w", t.where, quote(t.text), err))
	case found:
	case t.op == '!' || c.excluding:
		c.notes = append(c.notes, fmt.Sprintf("%s: %s fits no node: nothing is excluded by it", t.where, quote(t.text)))
	default:
		c.errs.add(fmt.Errorf("%s: %s fits no node: expected a name, a group or a label of the inventory%s",
			t.where, quote(t.text), didYouMean(strings.ToLower(t.text), c.words())))
	}
}

// words is everything that a mistyped pattern may have meant.
func (c *chooser) words() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, group := range slices.Sorted(maps.Keys(c.groups)) {
			if !yield(group) {
				return
			}
		}
		for _, node := range c.nodes {
			if !yield(strings.ToLower(node.Name)) {
				return
			}
		}
	}
}

// find marks the nodes that one pattern fits, and reports whether there are
// any.
func (c *chooser) find(in []bool, pattern string) (found bool, err error) {
	switch {
	case pattern == "":
		return false, errors.New("expected a pattern, such as worker-*")
	case pattern == "all" || pattern == "*":
		for i := range in {
			in[i] = true
		}
		return true, nil
	case pattern[0] == '@':
		return set(in, c.groups[pattern[1:]]), nil // flatten has put the patterns of files here
	case pattern[0] == '~':
		fits, err := regexp.Compile("^(?:" + pattern[1:] + ")")
		if err != nil {
			return false, fmt.Errorf("expected a regular expression behind ~: %w", err)
		}
		return c.findNames(in, fits.MatchString), nil
	case strings.Contains(pattern, "="):
		return c.findLabel(in, pattern)
	}
	if found = set(in, c.names[strings.ToLower(pattern)]); found { // [::1]:22 is no range
		set(in, c.groups[pattern])
		return true, nil
	}
	names, problem := expand(pattern)
	if problem != "" {
		return false, errors.New(problem)
	}
	if strings.ContainsAny(pattern, "*?") && len(names) > maxGlobs/len(c.nodes) {
		return false, fmt.Errorf("%d patterns with * or ?: expected fewer, or no range", len(names))
	}
	for _, name := range names {
		found = c.findName(in, name) || found
	}
	return found, nil
}

// set marks nodes, and reports whether there are any.
func set(in []bool, nodes []int) bool {
	for _, i := range nodes {
		in[i] = true
	}
	return len(nodes) > 0
}

// findName marks the nodes and the groups of a name, which may be a glob.
func (c *chooser) findName(in []bool, name string) bool {
	if !strings.ContainsAny(name, "*?") {
		named := set(in, c.names[strings.ToLower(name)])
		return set(in, c.groups[name]) || named
	}
	lower := strings.ToLower(name)
	found := c.findNames(in, func(text string) bool { return glob(lower, strings.ToLower(text)) })
	for group, members := range c.groups {
		if glob(name, group) {
			found = set(in, members) || found
		}
	}
	return found
}

// findNames marks the nodes whose name or host fits.
func (c *chooser) findNames(in []bool, fits func(string) bool) (found bool) {
	for i, node := range c.nodes {
		if fits(node.Name) || node.Host != node.Name && fits(node.Host) {
			in[i], found = true, true
		}
	}
	return found
}

// findLabel marks the nodes of key=value or key!=value.
func (c *chooser) findLabel(in []bool, pattern string) (found bool, err error) {
	key, value, _ := strings.Cut(pattern, "=")
	key, not := strings.CutSuffix(key, "!")
	if !c.keys[key] && (key != "group" || len(c.groups) == 0) {
		return false, fmt.Errorf("no node has a label %s: expected one of the inventory's%s", quote(key), didYouMean(key, maps.Keys(c.keys)))
	}
	for i, node := range c.nodes {
		var has bool
		if key == "group" {
			has = slices.ContainsFunc(groupsOf(node), func(group string) bool { return glob(value, group) })
		} else {
			text, ok := node.Labels[key]
			has = ok && glob(value, text)
		}
		if has != not {
			in[i], found = true, true
		}
	}
	return found, nil
}

// atFile is the group that @NAME stands for, or what the file of that name
// lists: one pattern a line, "#" begins a comment.
func (c *chooser) atFile(t term) []term {
	name := t.text[1:]
	text, err := c.read(name)
	_, group := c.groups[name]
	switch {
	case group && err == nil:
		err = fmt.Errorf("both a group and a file: expected %s for the group, or @./%s for the file", name, name)
	case group:
		return []term{t}
	case err != nil:
		err = fmt.Errorf("expected a group of the inventory%s, or a readable file: %w", didYouMean(name, maps.Keys(c.groups)), err)
	case strings.HasPrefix(t.where, "@"):
		err = errors.New("a file named in a file: expected patterns")
	case t.op != ',':
		err = errors.New("a file behind an operator: expected it in --limit or --exclude by itself")
	}
	if err == nil {
		err = checkText(text, "patterns, one a line")
	}
	if err != nil {
		c.errs.add(fmt.Errorf("%s: %s: %w", t.where, quote(t.text), err))
		return nil
	}
	var terms []term
	at := 0
	for line := range bytes.Lines(text) {
		at++
		line, _, _ = bytes.Cut(line, []byte("#"))
		if pattern := strings.TrimSpace(string(line)); pattern != "" {
			terms = append(terms, parseTerms(fmt.Sprintf("%s:%d", t.text, at), pattern)...)
		}
	}
	if terms == nil {
		c.errs.add(fmt.Errorf("%s: %s: no patterns in it: expected one a line", t.where, quote(t.text)))
	}
	return c.flatten(terms)
}

func (c *chooser) read(name string) ([]byte, error) {
	if c.readFile == nil {
		return nil, errors.New("no files are read here")
	}
	return c.readFile(name)
}

// glob reports whether text fits a pattern with * for any text and ? for any
// one byte. It takes time in the product of both lengths at most.
func glob(pattern, text string) bool {
	star, from := -1, 0 // where the last * stands, and the text that it has not taken
	p := 0
	for i := 0; i < len(text); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[i]):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
