package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// kind is what a value of a JSON or YAML text, or of an Ansible INI file, is.
type kind uint8

const (
	nullKind kind = iota
	boolKind
	numberKind
	textKind
	vaultKind // encrypted by ansible-vault
	listKind
	mapKind
)

// String is the name of a kind in errors.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "text", "an ansible-vault secret", "a list", "a mapping"}[k]
}

// value is one value of a structured text and where it stands in it.
type value struct {
	kind         kind
	line, column int32
	text         string  // of a scalar, as it is written, without its quotes
	items        []value // of a sequence its elements; of a mapping key, value, key, value...
}

// at is where v stands in file.
func (v value) at(file string) Position {
	return Position{File: file, Line: int(v.line), Column: int(v.column)}
}

// show is v as an error quotes it.
func (v value) show() string {
	if v.kind == textKind || v.kind == numberKind || v.kind == boolKind {
		return v.text
	}
	return v.kind.String()
}

// get is the value of a key of a mapping.
func (v value) get(key string) (value, bool) {
	for i := 0; v.kind == mapKind && i < len(v.items); i += 2 {
		if v.items[i].text == key {
			return v.items[i+1], true
		}
	}
	return value{}, false
}

// word is v as one word: text, or a whole number as it is written. A number of
// another form is none, because its readers disagree about it: 0022 is 18 in
// YAML 1.1, and 1e3 is text there.
func (v value) word() (string, bool) {
	switch v.kind {
	case textKind:
		return v.text, true
	case numberKind:
		n, err := strconv.ParseUint(v.text, 10, 64)
		return v.text, err == nil && strconv.FormatUint(n, 10) == v.text
	}
	return "", false
}

// refuseDuplicates adds a mistake for each key of a mapping that stands there
// before. Parsers disagree on which of the two counts.
func (v value) refuseDuplicates(file string, errs *Errors) {
	const few = 8 // keys that are faster compared with each other than in a map
	seen := map[string]bool{}
	for i := 0; i < len(v.items); i += 2 {
		key := v.items[i]
		twice := seen[key.text]
		if len(v.items) <= 2*few {
			for j := 0; j < i && !twice; j += 2 {
				twice = v.items[j].text == key.text
			}
		} else {
			seen[key.text] = true
		}
		if twice {
			errs.stop(mistake(key.at(file), key.text, "the same key twice: expected it once"))
		}
	}
}

// unknownKey is what is wrong with a key that is none of the known ones.
func unknownKey(key string, known []string) string {
	return "unknown key: expected one of " + strings.Join(known, ", ") + didYouMean(key, slices.Values(known))
}

// nodeKeys are the keys of one node in a generic JSON or YAML list.
var nodeKeys = []string{"name", "host", "address", "port", "user", "labels", "groups"}

// addNodes adds the nodes of a generic JSON or YAML text: a list, or a mapping
// whose key "nodes" has one.
func (l *list) addNodes(file string, root value) {
	if root.kind == mapKind {
		nodes, ok := root.get("nodes")
		if !ok {
			l.errs.add(mistake(root.at(file), root.show(), `no key "nodes" in it: expected a list of nodes, or --inventory-format if it is of another format`))
			return
		}
		l.refuseKeys(file, root, []string{"nodes"})
		root = nodes
	}
	if root.kind != listKind {
		l.errs.add(mistake(root.at(file), root.show(), "expected a list of nodes"))
		return
	}
	for _, item := range root.items {
		if !l.addEntry(file, item) {
			return
		}
	}
}

// refuseKeys adds a mistake for every key of v that is not known.
func (l *list) refuseKeys(file string, v value, known []string) {
	for i := 0; i < len(v.items); i += 2 {
		if key := v.items[i]; !slices.Contains(known, key.text) {
			l.errs.add(mistake(key.at(file), key.text, "%s", unknownKey(key.text, known)))
		}
	}
}

// addEntry adds the nodes of one element of a generic list. It reports whether
// there is any use in adding more.
func (l *list) addEntry(file string, v value) bool {
	at := v.at(file)
	switch v.kind {
	case textKind:
		nodes, err := parseAddresses(at, v.text)
		if err != nil {
			l.errs.add(err)
		}
		for _, node := range nodes {
			if !l.add(node) {
				return false
			}
		}
		return true
	case mapKind:
		node, ok := l.entry(file, v)
		return !ok || l.add(node)
	}
	l.errs.add(mistake(at, v.show(), "expected a node: text such as core@10.0.0.1:22, or a mapping with the key \"name\" or \"host\""))
	return true
}

// entry reads a node that is a mapping, or adds what is wrong with it.
func (l *list) entry(file string, v value) (Node, bool) {
	node := Node{Source: v.at(file)}
	ok := true
	refuse := func(v value, problem string) {
		l.errs.add(mistake(v.at(file), v.show(), "%s", problem))
		ok = false
	}
	var host, address string
	for i := 0; i < len(v.items); i += 2 {
		key, v := v.items[i], v.items[i+1]
		problem := ""
		switch key.text {
		case "name":
			node.Name, problem = checked(v, checkHost)
		case "host":
			host, problem = checked(v, checkHost)
		case "address":
			address, problem = checked(v, checkHost)
		case "user":
			node.User, problem = checked(v, checkUser)
		case "port":
			_, problem = checked(v, func(word string) (problem string) {
				node.Port, problem = parsePort(word)
				return problem
			})
		case "labels":
			node.Labels = entryLabels(v, refuse)
		case "groups":
			node.Groups = entryGroups(v, refuse)
		default:
			refuse(key, unknownKey(key.text, nodeKeys))
		}
		if problem != "" {
			refuse(v, problem)
		}
	}
	node.Name = cmp.Or(node.Name, host, address)
	node.Host = cmp.Or(address, host, node.Name)
	if node.Host == "" && ok {
		refuse(v, `a node without a name: expected the key "name", "host" or "address"`)
	}
	return node, ok
}

// checked is the text of v, or what is wrong with it.
func checked(v value, check func(string) string) (word, problem string) {
	word, ok := v.word()
	if !ok {
		return "", "expected text, or a whole number without leading zeros: put it in quotes"
	}
	return word, check(word)
}

// entryLabels reads the key "labels".
func entryLabels(v value, refuse func(value, string)) map[string]string {
	if v.kind != mapKind {
		refuse(v, "expected a mapping of labels, such as role: worker")
		return nil
	}
	labels := make(map[string]string, len(v.items)/2)
	for i := 0; i < len(v.items); i += 2 {
		key, v := v.items[i].text, v.items[i+1]
		word, ok := v.word()
		if v.kind == boolKind {
			word, ok = v.text, true
		}
		if !ok {
			refuse(v, "expected text as the value of label "+quote(key)+": put it in quotes")
		} else if problem := labelProblem(key, word); problem != "" {
			refuse(v, problem)
		}
		labels[key] = word
	}
	return labels
}

// labelProblem says what is wrong with a label; empty: nothing.
func labelProblem(key, value string) string {
	if problem := checkLabelKey(key); problem != "" {
		return problem
	}
	if strings.HasPrefix(value, "-") || firstNotIn(value, isLabelByte) >= 0 {
		return "label value " + quote(value) + `: expected letters, digits, ".", "_", "-" and "/", and no "-" first`
	}
	return ""
}

// entryGroups reads the key "groups".
func entryGroups(v value, refuse func(value, string)) []string {
	if v.kind != listKind {
		refuse(v, "expected a list of group names")
		return nil
	}
	groups := make([]string, 0, len(v.items))
	for _, item := range v.items {
		group, problem := checked(item, checkGroup)
		if problem != "" {
			refuse(item, problem)
		}
		groups = append(groups, group)
	}
	return groups
}

// checkGroup says what is wrong with the name of a group; empty: nothing.
func checkGroup(name string) string {
	if name == "" || !isLetter(name[0]) && !isDigit(name[0]) && name[0] != '_' || firstNotIn(name, isLabelByte) >= 0 {
		return `expected the name of a group: letters, digits and "_" first, then also ".", "-" and "/"`
	}
	return ""
}

// orEmpty is the result of a text, in which no nodes are a mistake.
func (l *list) orEmpty(file, expected string) ([]Node, error) {
	if len(l.nodes) == 0 && l.errs.orNil() == nil {
		l.errs.stop(fmt.Errorf("%s: no nodes in it: expected %s", file, expected))
	}
	return l.result()
}
