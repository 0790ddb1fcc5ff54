// Package inventory turns host lists into nodes. It knows no SSH and no
// Kubernetes: a list is not a connection.
//
// Names are data, not commands. Whatever is accepted here may later stand in an
// argument vector, a file name or a terminal, so hosts, users and labels are
// made of a few ASCII characters and never begin with "-".
//
// A further format is one file with functions like looksPlain and parsePlain,
// and one line in Formats.
package inventory

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Node is one line of an inventory.
type Node struct {
	Name   string            `json:"name"`             // unique in the inventory: host, or host:port where a port is given, or the list's own name for it
	Host   string            `json:"host"`             // host name, ssh_config alias or IP address, without brackets
	Port   int               `json:"port,omitempty"`   // 0: not given
	User   string            `json:"user,omitempty"`   // empty: not given
	Groups []string          `json:"groups,omitempty"` // every group that the list puts it in, the closest first; nil: none
	Labels map[string]string `json:"labels,omitempty"` // nil: none

	PrivateKeys []string `json:"private_keys,omitempty"` // key files that the list names for it
	Jump        string   `json:"jump,omitempty"`         // jump hosts as ssh -J takes them, or none; empty: not given
	OS          string   `json:"os,omitempty"`           // operating system where the list knows it, as GOOS spells it; empty: not known
	Kubelet     string   `json:"kubelet,omitempty"`      // kubelet version that the API server reports, such as v1.31.4; empty: not known

	Source Position `json:"source"`
	Index  int      `json:"index,omitempty"` // the place in the whole inventory, from 1, however many of it are meant; 0: not known
}

// Position is where a node was named. Line is 0 for the command line.
type Position struct {
	File   string `json:"file,omitempty"`   // empty: the command line
	Line   int    `json:"line,omitempty"`   // 1-based
	Column int    `json:"column,omitempty"` // 1-based, in bytes; 0: the whole line
}

// Source is one text to read nodes from.
type Source struct {
	Name string // as positions and errors give it; "-" for standard input
	Text []byte
	Options
}

// Options say how formats that leave a choice are read.
type Options struct {
	AddressType string // of a Kubernetes node: InternalIP, ExternalIP or Hostname; empty: InternalIP, else the node's name

	// Include reads the files that an Include of an ssh_config names, relative
	// to ~/.ssh and with wildcards, in their order; no file is no error. Nil:
	// an Include is a mistake.
	Include func(pattern string) ([]Source, error)
}

// Format is one way to write an inventory.
type Format struct {
	Name  string
	Help  string
	Looks func(text []byte) bool // whether text is of this format, judged by its beginning; the first of Formats that says so reads it
	Parse func(Source) ([]Node, error)
}

// Formats are all formats, in the order in which they are tried; the plain list
// is last and takes anything.
var Formats = []Format{
	{"kubernetes-json", "kubectl get nodes -o json", looksKubernetesJSON, parseKubernetesJSON},
	{"kubernetes-yaml", "kubectl get nodes -o yaml", looksKubernetesYAML, parseKubernetesYAML},
	{"kubernetes-wide", "kubectl get nodes -o wide", looksKubernetesWide, parseKubernetesWide},
	{"ansible-json", "ansible-inventory --list, or a dynamic inventory with _meta", looksAnsibleJSON, parseAnsibleJSON},
	{"json", "a list of nodes, or an object with one as nodes; keys name, host, address, port, user, labels, groups", looksJSON, parseJSON},
	{"ansible-yaml", "groups with hosts, children and vars", looksAnsibleYAML, parseAnsibleYAML},
	{"yaml", "as json", looksYAML, parseYAML},
	{"ansible-ini", "groups as [GROUP], hosts with ansible_host=ADDRESS", looksAnsibleINI, parseAnsibleINI},
	{"ssh-config", "the aliases of Host lines, Include followed", looksSSHConfig, parseSSHConfig},
	{"csv", "a header and rows; columns host, address, port, user; any other is a label", looksCSV, parseCSV},
	{"plain", "one [user@]host[:port] per line, then key=value labels; # begins a comment", looksPlain, parsePlain},
}

// MaxNodes is how many nodes one inventory may have. It bounds what a wrong
// file, such as a database dump, can cost.
const MaxNodes = 1_000_000

// Parse reads an inventory in the format of that name, or, with an empty name,
// in the first of Formats that it looks like. A UTF-8 byte order mark is read
// over. All mistakes of the text are reported together, as an *Errors beside the
// nodes that are right; an inventory without any node is a mistake too.
func Parse(s Source, format string) ([]Node, error) {
	if isUTF16(s.Text) {
		return nil, fmt.Errorf("%s: UTF-16 text: expected UTF-8", s.Name)
	}
	if err := checkText(s.Text, "an inventory, such as one node a line"); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	s.Text = bytes.TrimPrefix(s.Text, []byte("\ufeff"))
	f, err := formatOf(s.Text, format)
	if err != nil {
		return nil, err
	}
	return f.Parse(s)
}

// Lookup finds a format by its name. Its error lists the names there are.
func Lookup(name string) (Format, error) {
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("format %s: expected one of %s", quote(name), formatNames())
}

// formatOf is the format of that name, or with an empty one the format that
// text looks like.
func formatOf(text []byte, name string) (Format, error) {
	for _, f := range Formats {
		if name == "" && f.Looks(text) {
			return f, nil
		}
	}
	return Lookup(name)
}

// formatNames lists the names of Formats.
func formatNames() string {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

// ParseArgs reads NODE arguments, each [user@]host[:port] without labels; the
// host may have ranges, as in node[01-50]. It reports all mistakes together, as
// an *Errors; no argument is no mistake.
func ParseArgs(args []string) ([]Node, error) {
	list := newList()
	for _, arg := range args {
		nodes, err := parseAddresses(Position{}, arg)
		if err != nil {
			list.errs.add(err)
		}
		for _, node := range nodes {
			if !list.add(node) {
				return list.result()
			}
		}
	}
	return list.result()
}

// Group is the label "group", or else the first of Groups: the column that
// reports are grouped by. Empty: none.
func (n Node) Group() string {
	if group, ok := n.Labels["group"]; ok || len(n.Groups) == 0 {
		return group
	}
	return n.Groups[0]
}

// String is the node as the plain format writes it, labels sorted by key.
// Parsing it again gives the same node, but for its Source and for what only
// other formats say.
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

// String is "nodes.txt:7:1", "nodes.txt:7" or "command line".
func (p Position) String() string {
	text := p.File
	switch {
	case p.File == "":
		return "command line"
	case p.Line == 0:
		return text
	}
	text += ":" + strconv.Itoa(p.Line)
	if p.Column > 0 {
		text += ":" + strconv.Itoa(p.Column)
	}
	return text
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
