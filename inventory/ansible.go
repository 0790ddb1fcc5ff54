package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

const (
	// maxLevels bounds groups within groups. No inventory comes near it.
	maxLevels = 100
	// maxGroups bounds the groups that one host or group is directly in.
	maxGroups = 1000
	// maxMembers bounds how often the hosts of one Ansible inventory stand in
	// its groups, so that a small file cannot cost much.
	maxMembers = 8 * MaxNodes
)

// ansible is an Ansible inventory, as its INI, YAML and JSON forms give it
// (Ansible documentation, "How to build your inventory").
//
// Only the variables in ansibleVars are kept: others may be secrets, so that
// none becomes a label.
type ansible struct {
	file    string
	list    *list
	groups  map[string]*ansibleGroup
	hosts   map[string]*ansibleHost
	order   []*ansibleHost
	members int // hosts and groups that stand in a group
	full    bool
}

// ansibleGroup is a group and its place among the others.
type ansibleGroup struct {
	name     string
	at       Position
	parents  []*ansibleGroup // in the order of the file; none: only "all"
	vars     []setting
	priority int  // ansible_group_priority; 1 where none is given
	level    int  // the longest way to it from "all"; 0: not known yet, or "all" itself
	bad      bool // its name is none, so that its hosts are no nodes
	visiting bool // rank is at it
	pending  bool // named as a child, and not declared yet
}

// ansibleHost is a host before the variables of its groups count.
type ansibleHost struct {
	name   string
	at     Position
	groups []*ansibleGroup // that name it themselves
	vars   []setting
	bad    bool // something of it could not be read, so that it is no node
}

// setting is a variable where it was set.
type setting struct {
	name  string
	value value
}

func newAnsible(file string) *ansible {
	a := &ansible{
		file: file, list: newList(),
		groups: make(map[string]*ansibleGroup), hosts: make(map[string]*ansibleHost),
	}
	a.group("all", Position{File: file})
	a.group("ungrouped", Position{File: file})
	return a
}

// group gives the group of that name, which begins to exist at its first use.
func (a *ansible) group(name string, at Position) *ansibleGroup {
	g, ok := a.groups[name]
	if !ok {
		g = &ansibleGroup{name: name, at: at, priority: 1}
		if problem := checkGroup(name); problem != "" {
			g.bad = true
			a.list.errs.stop(mistake(at, name, "%s", problem))
		}
		a.groups[name] = g
	}
	return g
}

// count reports whether n more members are within bounds.
func (a *ansible) count(n int, at Position, name string) bool {
	if a.members += n; a.members <= maxMembers {
		return true
	}
	if !a.full {
		a.full = true
		a.list.errs.stop(mistake(at, name, "more than %d members of groups: expected a smaller inventory", maxMembers))
	}
	return false
}

// addChild makes child a group in parent.
func (a *ansible) addChild(parent, child *ansibleGroup, at Position) {
	if a.count(1, at, child.name) {
		child.parents = a.join(child.parents, parent, child.name, at)
	}
}

// join adds a group to those that the member of that name is in.
func (a *ansible) join(groups []*ansibleGroup, g *ansibleGroup, name string, at Position) []*ansibleGroup {
	switch {
	case slices.Contains(groups, g):
		return groups
	case len(groups) == maxGroups:
		a.list.errs.stop(mistake(at, name, "in more than %d groups: expected fewer", maxGroups))
		return groups
	}
	return append(groups, g)
}

// addHosts puts the hosts of a pattern such as web[01:50]:2222 into a group. It
// gives them for their variables.
func (a *ansible) addHosts(g *ansibleGroup, pattern string, at Position) []*ansibleHost {
	names, port, problem := expandAnsible(pattern)
	if problem != "" {
		a.list.errs.add(mistake(at, pattern, "%s", problem))
		return nil
	}
	hosts := make([]*ansibleHost, 0, len(names))
	for _, name := range names {
		known := a.hosts[name] != nil
		h := a.addHost(g, name, at)
		switch {
		case h == nil:
			return nil
		case port != "" && known && lookUp(h.vars, "ansible_port").text != port:
			// Ansible heeds it where the host stands first, only.
			h.bad = true
			a.list.errs.add(mistake(at, pattern, "a port for %s, which stands at %s without it: expected it there", quote(name), h.at))
		case port != "" && !known:
			setVar(&h.vars, "ansible_port", value{kind: textKind, text: port, line: int32(at.Line), column: int32(at.Column)})
		}
		hosts = append(hosts, h)
	}
	return hosts
}

// addHost puts a host into a group; nil: there are too many.
func (a *ansible) addHost(g *ansibleGroup, name string, at Position) *ansibleHost {
	if !a.count(1, at, name) {
		return nil
	}
	h, ok := a.hosts[name]
	if !ok {
		h = &ansibleHost{name: name, at: at}
		a.hosts[name] = h
		a.order = append(a.order, h)
	}
	h.groups = a.join(h.groups, g, name, at)
	return h
}

// setVar gives a variable a value.
func setVar(vars *[]setting, name string, v value) {
	for i := range *vars {
		if (*vars)[i].name == name {
			(*vars)[i].value = v
			return
		}
	}
	*vars = append(*vars, setting{name, v})
}

// lookUp is the value that the last of the names has, as ssh of Ansible takes
// it: null where none is set.
func lookUp(vars []setting, names ...string) value {
	for _, name := range slices.Backward(names) {
		for _, s := range vars {
			if s.name == name && s.value.kind != nullKind {
				return s.value
			}
		}
	}
	return value{}
}

// setGroup sets a variable of a group.
func (a *ansible) setGroup(g *ansibleGroup, name value, v value) {
	switch {
	case name.text == "ansible_group_priority":
		word, _ := v.word()
		priority, ok := parseInt(word)
		if !ok {
			a.list.errs.stop(mistake(v.at(a.file), v.show(), "ansible_group_priority: expected a whole number"))
		}
		g.priority = priority
	default:
		wanted, err := a.wanted(name)
		if err != nil {
			a.list.errs.stop(err)
		}
		if wanted {
			setVar(&g.vars, name.text, v)
		}
	}
}

// setHosts sets a variable of hosts. Where a group has the name of a host, it
// becomes one of the group, as in Ansible.
func (a *ansible) setHosts(hosts []*ansibleHost, name value, v value) {
	wanted, err := a.wanted(name)
	if err != nil {
		a.list.errs.add(err)
	}
	for _, h := range hosts {
		h.bad = h.bad || err != nil
		if !wanted {
			continue
		}
		if g, ok := a.groups[h.name]; ok && !g.pending {
			setVar(&g.vars, name.text, v)
		} else {
			setVar(&h.vars, name.text, v)
		}
	}
}

// profile is what all hosts of the same groups have from these.
type profile struct {
	groups []string
	vars   []setting
	bad    bool // one of the groups is
}

// result turns the hosts into nodes, in the order in which they stand first.
func (a *ansible) result() ([]Node, error) {
	sorted := slices.SortedFunc(maps.Values(a.groups), func(x, y *ansibleGroup) int { return cmp.Compare(x.name, y.name) })
	for _, g := range sorted {
		if !a.rank(g, 0) {
			return a.list.result()
		}
	}
	profiles := make(map[string]profile)
	for _, h := range a.order {
		if h.bad {
			continue
		}
		key := make([]byte, 0, 64)
		for _, g := range h.groups {
			key = append(append(key, g.name...), 0)
		}
		p, ok := profiles[string(key)]
		if !ok {
			p, ok = a.profile(h)
			if !ok {
				return a.list.result()
			}
			profiles[string(key)] = p
		}
		if p.bad {
			continue
		}
		node, err := a.node(h, p)
		if err != nil {
			a.list.errs.add(err)
		} else if !a.list.add(node) {
			break
		}
	}
	return a.list.orEmpty(a.file, "hosts")
}

// rank finds the level of a group from those of its parents, and reports
// whether there is one: not in a cycle, nor below too many others.
func (a *ansible) rank(g *ansibleGroup, below int) bool {
	switch {
	case g.level > 0 || g.name == "all" && len(g.parents) == 0:
		return true
	case g.visiting:
		a.list.errs.stop(mistake(g.at, g.name, "the group is in itself, by way of its children: expected no cycle"))
		return false
	}
	g.visiting = true
	defer func() { g.visiting = false }()
	level := 1
	for _, parent := range g.parents {
		if below < maxLevels && !a.rank(parent, below+1) {
			return false
		}
		level = max(level, parent.level+1)
	}
	if level > maxLevels || below >= maxLevels {
		a.list.errs.stop(mistake(g.at, g.name, "groups in each other at more than %d levels: expected fewer", maxLevels))
		return false
	}
	g.level = level
	return true
}

// profile gathers the groups of a host, the closest first, and their variables.
// Of these the last counts: a child's after its parent's; on one level those of
// a higher ansible_group_priority, then of the later name (Ansible
// documentation, "How variables are merged").
func (a *ansible) profile(h *ansibleHost) (profile, bool) {
	all := slices.Clone(h.groups)
	seen := make(map[*ansibleGroup]bool, len(all))
	for _, g := range all {
		seen[g] = true
	}
	for i := 0; i < len(all); i++ {
		for _, parent := range all[i].parents {
			if !seen[parent] {
				seen[parent] = true
				all = append(all, parent)
			}
		}
		if len(all) > maxMembers-a.members {
			break
		}
	}
	if !a.count(len(all), h.at, h.name) {
		return profile{}, false
	}
	var p profile
	for _, g := range all {
		p.bad = p.bad || g.bad
		if g.name != "all" && g.name != "ungrouped" {
			p.groups = append(p.groups, g.name)
		}
	}
	p.groups = slices.Clip(p.groups) // hosts share it
	if root := a.groups["all"]; !seen[root] {
		all = append(all, root)
	}
	slices.SortFunc(all, func(x, y *ansibleGroup) int {
		return cmp.Or(cmp.Compare(x.level, y.level), cmp.Compare(x.priority, y.priority), strings.Compare(x.name, y.name))
	})
	for _, g := range all {
		for _, s := range g.vars {
			setVar(&p.vars, s.name, s.value)
		}
	}
	return p, true
}
