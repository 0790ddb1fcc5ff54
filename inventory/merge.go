package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Merge joins inventories in their order. A node that several of them name is
// one node with what each says of it; where two contradict each other, that is
// a mistake, and so are two names for one address and more than MaxNodes nodes.
// All mistakes are reported together, as an *Errors beside the nodes that are
// right: of two that contradict each other, the first. One list, in which every
// node is there once as Parse gives it, is the result itself.
func Merge(lists ...[]Node) ([]Node, error) {
	lists = slices.DeleteFunc(slices.Clone(lists), func(nodes []Node) bool { return len(nodes) == 0 })
	if len(lists) == 1 {
		return lists[0], nil // large ones would be copied
	}
	merged := newList()
	for _, nodes := range lists {
		for _, node := range nodes {
			i, known := merged.named(strings.ToLower(node.Name))
			if !known {
				if !merged.add(node) {
					return merged.result()
				}
				continue
			}
			first := merged.nodes[i]
			joined, problem := unite(first, node)
			if problem != "" {
				merged.errs.add(mistake(node.Source, node.Name, "%s at %s: expected one answer, or two names (--limit chooses among the nodes of an inventory)", problem, first.Source))
				continue
			}
			merged.replace(i, joined)
		}
	}
	return merged.result()
}

// replace puts in what a node has become, unless another node is at its new
// address.
func (l *list) replace(i int, node Node) {
	before, id := identity(l.nodes[i]), identity(node)
	if other, ok := l.hosts[id]; ok && other != i {
		first := l.nodes[other]
		l.errs.add(mistake(node.Source, node.Name, "the same node as %s at %s: expected every node once", quote(first.Name), first.Source))
		return
	}
	delete(l.hosts, before)
	l.hosts[id], l.names[strings.ToLower(node.Name)] = i, i
	l.nodes[i] = node
}

// unite is one node with what two sources say of it, or how they contradict
// each other. What a source does not say contradicts nothing.
func unite(a, b Node) (node Node, problem string) {
	node = a
	node.Groups = slices.Clone(a.Groups)
	for _, group := range b.Groups {
		if !slices.Contains(node.Groups, group) {
			node.Groups = append(node.Groups, group)
		}
	}
	if len(b.Labels) > 0 {
		node.Labels = maps.Clone(b.Labels)
		for _, key := range slices.Sorted(maps.Keys(a.Labels)) {
			if value, ok := b.Labels[key]; ok && value != a.Labels[key] {
				return a, fmt.Sprintf("label %s is %s here and %s", quote(key), quote(value), quote(a.Labels[key]))
			}
			node.Labels[key] = a.Labels[key]
		}
	}
	if identity(Node{Host: a.Host}) != identity(Node{Host: b.Host}) {
		return a, fmt.Sprintf("the host is %s here and %s", quote(b.Host), quote(a.Host))
	}
	if node.Port = max(a.Port, b.Port); min(a.Port, b.Port) != 0 && a.Port != b.Port {
		return a, fmt.Sprintf("the port is %d here and %d", b.Port, a.Port)
	}
	if len(a.PrivateKeys) == 0 {
		node.PrivateKeys = b.PrivateKeys
	} else if len(b.PrivateKeys) > 0 && !slices.Equal(a.PrivateKeys, b.PrivateKeys) {
		return a, fmt.Sprintf("the private key is %s here and %s", quote(b.PrivateKeys[0]), quote(a.PrivateKeys[0]))
	}
	for _, f := range []struct {
		what   string
		ours   *string
		theirs string
	}{
		{what: "user", ours: &node.User, theirs: b.User},
		{what: "jump host", ours: &node.Jump, theirs: b.Jump},
		{what: "operating system", ours: &node.OS, theirs: b.OS},
		{what: "kubelet version", ours: &node.Kubelet, theirs: b.Kubelet},
	} {
		switch {
		case *f.ours == "":
			*f.ours = f.theirs
		case f.theirs != "" && f.theirs != *f.ours:
			return a, fmt.Sprintf("the %s is %s here and %s", f.what, quote(f.theirs), quote(*f.ours))
		}
	}
	return node, ""
}
