package report

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"kletscan/inventory"
)

// Route is one node of an inventory and, where that was resolved, what SSH
// would do to reach it.
type Route struct {
	Node     inventory.Node
	Resolved *Way // nil: not asked for
}

// Way is what SSH would do. Its strings come from ssh_config and known_hosts.
type Way struct {
	Address      string   `json:"address"` // host:port
	User         string   `json:"user"`
	Identities   []string `json:"identities"`              // what would be offered, in order: key files, and fingerprints of an agent's keys
	Jump         []string `json:"jump"`                    // user@host:port of each jump host, the first to connect to first
	ProxyCommand string   `json:"proxy_command,omitempty"` // instead of jump hosts
	KnownHosts   []string `json:"known_hosts"`             // the files that are consulted
	HostKey      string   `json:"host_key"`                // what is on file there, in words
	Policy       string   `json:"host_key_policy"`         // strict or accept-new
	Problem      string   `json:"problem,omitempty"`       // why it would not be dialled
}

// WriteRoutes writes a table for reading; nothing without routes.
func WriteRoutes(w io.Writer, routes []Route, opts Options) error {
	if len(routes) == 0 {
		return nil
	}
	out := bufio.NewWriter(w)
	p := printer{out: out, width: opts.Width}
	d, err := p.draw(routeGrid(routes))
	if err != nil {
		return err
	}
	p.lines(d.head...)
	p.lines(d.rule)
	for _, row := range d.rows {
		p.lines(row...)
	}
	return out.Flush()
}

// routeGrid leaves out columns that are empty for all nodes.
func routeGrid(routes []Route) grid {
	g := grid{rows: make([][]string, len(routes))}
	for _, c := range routeColumns {
		cells, empty := make([]string, len(routes)), true
		for i, r := range routes {
			if r.Resolved == nil && c.resolved {
				continue
			}
			cells[i] = Clean(c.value(r))
			empty = empty && cells[i] == ""
		}
		if empty {
			continue
		}
		g.headings = append(g.headings, c.heading)
		for i := range g.rows {
			g.rows[i] = append(g.rows[i], cells[i])
		}
	}
	return g
}

var routeColumns = []struct {
	heading  string
	resolved bool // it is a column of Way
	value    func(Route) string
}{
	{"NODE", false, func(r Route) string { return r.Node.Name }},
	{"HOST", false, func(r Route) string {
		if r.Resolved != nil || r.Node.Host == r.Node.Name {
			return ""
		}
		return r.Node.Host
	}},
	{"PORT", false, func(r Route) string {
		if r.Resolved != nil || r.Node.Port == 0 {
			return ""
		}
		return strconv.Itoa(r.Node.Port)
	}},
	{"LOGIN", false, func(r Route) string {
		if r.Resolved != nil {
			return ""
		}
		return r.Node.User
	}},
	{"GROUP", false, func(r Route) string { return r.Node.Group() }},
	{"ADDRESS", true, func(r Route) string { return r.Resolved.Address }},
	{"USER", true, func(r Route) string { return r.Resolved.User }},
	{"VIA", true, func(r Route) string {
		if r.Resolved.ProxyCommand != "" {
			return "command: " + r.Resolved.ProxyCommand
		}
		return strings.Join(r.Resolved.Jump, ", ")
	}},
	{"KEYS", true, func(r Route) string {
		if len(r.Resolved.Identities) == 0 && r.Resolved.Problem == "" {
			return "none"
		}
		return strings.Join(r.Resolved.Identities, ", ")
	}},
	{"HOST KEY", true, func(r Route) string { return r.Resolved.HostKey }},
	{"PROBLEM", true, func(r Route) string { return r.Resolved.Problem }},
}

// jsonRoute is one node in JSON: its own fields, and those of its way.
type jsonRoute struct {
	inventory.Node
	Resolved *Way `json:"ssh,omitempty"`
}

// WriteRoutesJSON writes one document, for programs.
func WriteRoutesJSON(w io.Writer, routes []Route) error {
	nodes := make([]jsonRoute, len(routes))
	for i, r := range routes {
		nodes[i].Node = r.Node
		if r.Resolved == nil {
			continue
		}
		way := *r.Resolved
		for _, s := range []*string{&way.Address, &way.User, &way.ProxyCommand, &way.HostKey, &way.Problem} {
			*s = Clean(*s)
		}
		way.Identities, way.Jump, way.KnownHosts = cleanAll(way.Identities), cleanAll(way.Jump), cleanAll(way.KnownHosts)
		nodes[i].Resolved = &way
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		SchemaVersion int         `json:"schema_version"`
		Nodes         []jsonRoute `json:"nodes"`
	}{SchemaVersion, nodes})
}

// cleanAll never returns nil, which JSON would show as null.
func cleanAll(list []string) []string {
	clean := make([]string, len(list))
	for i, s := range list {
		clean[i] = Clean(s)
	}
	return clean
}
