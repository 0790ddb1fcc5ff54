// Package inventory turns host lists into nodes. It knows no SSH and no
// Kubernetes: a list is not a connection.
//
// Names are data, not commands. Whatever is accepted here may later stand in an
// argument vector, a file name or a terminal, so hosts, users and labels are
// made of a few ASCII characters and never begin with "-".
//
// A further format is one file with a function like ParsePlain, and one line in
// Formats.
package inventory

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Node is one line of an inventory.
type Node struct {
	Name   string            `json:"name"`             // unique in the inventory: host, or host:port where a port is given
	Host   string            `json:"host"`             // host name, ssh_config alias or IP address, without brackets
	Port   int               `json:"port,omitempty"`   // 0: not given
	User   string            `json:"user,omitempty"`   // empty: not given
	Labels map[string]string `json:"labels,omitempty"` // nil: none
	Source Position          `json:"source"`
}

// Position is where a node was named. Line is 0 for the command line.
type Position struct {
	File string `json:"file,omitempty"` // empty: the command line
	Line int    `json:"line,omitempty"` // 1-based
}

// Format is one way to write an inventory.
type Format struct {
	Name  string
	Help  string
	Parse func(file string, r io.Reader) ([]Node, error) // file is the name that positions and errors give, "-" for standard input
}

// Formats are all formats, the usual one first.
var Formats = []Format{
	{"plain", "one [user@]host[:port] per line, then key=value labels; # begins a comment", ParsePlain},
}

// MaxNodes is how many nodes one inventory may have. It bounds what a wrong
// file, such as a database dump, can cost.
const MaxNodes = 1_000_000

// Parse reads an inventory in the first of Formats. The name file stands in
// positions and errors; it is "-" for standard input. All mistakes of the text
// are reported together, as an *Errors; an inventory without any node is a
// mistake too.
func Parse(file string, r io.Reader) ([]Node, error) {
	return Formats[0].Parse(file, r)
}

// ParseArgs reads NODE arguments, each [user@]host[:port] without labels. It
// reports all mistakes together, as an *Errors; no argument is no mistake.
func ParseArgs(args []string) ([]Node, error) {
	list := newList()
	for _, arg := range args {
		node, err := parseAddress(Position{}, arg)
		if err != nil {
			list.errs.add(err)
			continue
		}
		list.add(node)
	}
	return list.result()
}

// Merge joins inventories in their order. A node that two of them name is a
// mistake, and so are more than MaxNodes nodes; all are reported together, as
// an *Errors.
func Merge(lists ...[]Node) ([]Node, error) {
	merged := newList()
	for _, nodes := range lists {
		for _, node := range nodes {
			if !merged.add(node) {
				return merged.result()
			}
		}
	}
	return merged.result()
}

// Group is the label "group", the column that reports are grouped by.
func (n Node) Group() string { return n.Labels["group"] }

// String is the node as the plain format writes it, labels sorted by key.
// Parsing it again gives the same node, but for its Source.
func (n Node) String() string {
	var b strings.Builder
	if n.User != "" {
		b.WriteString(n.User + "@")
	}
	b.WriteString(address(n.Host, n.Port))
	for _, key := range slices.Sorted(maps.Keys(n.Labels)) {
		b.WriteString(" " + key + "=" + n.Labels[key])
	}
	return b.String()
}

// String is "nodes.txt:7", or "command line".
func (p Position) String() string {
	switch {
	case p.File == "":
		return "command line"
	case p.Line == 0:
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// address is host[:port], with brackets round an IPv6 address that has a port.
func address(host string, port int) string {
	switch {
	case port == 0:
		return host
	case strings.Contains(host, ":"):
		return "[" + host + "]:" + strconv.Itoa(port)
	}
	return host + ":" + strconv.Itoa(port)
}

// identity is equal for two nodes that are the same machine as far as a list
// can tell: the host in lower case, an IP address in its shortest spelling, and
// the port. The user does not matter. A host without a port and the same host
// with port 22 differ, since ssh_config may give the first another port.
func identity(n Node) string {
	host := strings.ToLower(n.Host)
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	return address(host, n.Port)
}

// list collects nodes and mistakes, and keeps every node unique.
type list struct {
	nodes []Node
	index map[string]int // identity -> place in nodes
	errs  Errors
}

func newList() *list { return &list{index: make(map[string]int)} }

// add appends a node unless the list has it already. It reports whether there
// is any use in adding more.
func (l *list) add(node Node) bool {
	id := identity(node)
	if i, ok := l.index[id]; ok {
		first := l.nodes[i]
		l.errs.add(mistake(node.Source, node.Name, "the same node as %s at %s: expected every node once",
			quote(first.Name), first.Source))
		return true
	}
	if len(l.nodes) == MaxNodes {
		l.errs.add(fmt.Errorf("%s: more than %d nodes: expected a smaller inventory", node.Source, MaxNodes))
		return false
	}
	l.index[id] = len(l.nodes)
	l.nodes = append(l.nodes, node)
	return true
}

func (l *list) result() ([]Node, error) {
	if err := l.errs.orNil(); err != nil {
		return nil, err
	}
	return l.nodes, nil
}
