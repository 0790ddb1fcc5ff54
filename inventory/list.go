package inventory

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// identity is equal for two nodes that are the same machine as far as a list
// can tell: the host in lower case, an IP address in its shortest spelling, and
// the port. The user does not matter. A host without a port and the same host
// with port 22 differ, since ssh_config may give the first another port.
func identity(n Node) string {
	host := strings.ToLower(n.Host)
	if strings.Contains(host, ":") || looksLikeIPv4(host) {
		if ip, err := netip.ParseAddr(host); err == nil {
			host = ip.Unmap().String()
		}
	}
	return address(host, n.Port)
}

// list collects the nodes of one source and its mistakes, and keeps every node
// unique: by its name and by its identity.
type list struct {
	nodes []Node
	hosts map[string]int // identity -> place in nodes
	names map[string]int // name in lower case -> place in nodes, of names that are not also the identity
	tried int            // nodes that were to be added
	errs  Errors
}

func newList() *list { return &list{hosts: make(map[string]int), names: make(map[string]int)} }

// add appends a node unless the list has it already. It reports whether there
// is any use in adding more.
func (l *list) add(node Node) bool {
	id, name := identity(node), strings.ToLower(node.Name)
	i, twice := l.named(name)
	if !twice {
		i, twice = l.hosts[id]
	}
	l.tried++
	switch {
	case l.tried > MaxNodes: // repetitions count, so that they cost no more than nodes
		l.errs.stop(fmt.Errorf("%s: more than %d nodes: expected a smaller inventory", node.Source, MaxNodes))
		return false
	case twice && len(l.errs.first) == shownErrors:
		l.errs.more++ // a text that is not shown takes time
		return true
	case twice:
		first := l.nodes[i]
		l.errs.add(mistake(node.Source, node.Name, "the same node as %s at %s: expected every node once",
			quote(first.Name), first.Source))
		return true
	}
	if name != id {
		l.names[name] = len(l.nodes)
	}
	l.hosts[id] = len(l.nodes)
	if len(l.nodes) == cap(l.nodes) {
		l.nodes = slices.Grow(l.nodes, len(l.nodes)+16) // append alone would copy each node five times
	}
	l.nodes = append(l.nodes, node)
	return true
}

// named finds a node by its name in lower case.
func (l *list) named(name string) (int, bool) {
	if i, ok := l.names[name]; ok {
		return i, true
	}
	i, ok := l.hosts[name]
	return i, ok && strings.EqualFold(l.nodes[i].Name, name)
}

// result is the nodes that are right, and an *Errors for what is not.
func (l *list) result() ([]Node, error) {
	return slices.Clone(l.nodes), l.errs.orNil() // without room for more: they stay for the whole scan
}
