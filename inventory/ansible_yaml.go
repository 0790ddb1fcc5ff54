package inventory

import "slices"

// parseAnsibleYAML reads a YAML inventory of Ansible:
//
//	all:
//	  children:
//	    workers:
//	      hosts:
//	        worker[01:50].example:
//	        worker-x: {ansible_host: 10.0.0.9}
//	      vars: {ansible_user: core}
//
// The rules are those of Ansible's yaml plugin. What it reads over with a
// warning, such as an unknown key in a group, is a mistake here. The errors are
// those of Parse.
func parseAnsibleYAML(s Source) ([]Node, error) {
	a := newAnsible(s.Name)
	root, ok := readYAML(s, &a.list.errs)
	switch {
	case !ok:
		return a.list.result()
	case root.kind != mapKind:
		a.list.errs.stop(mistake(root.at(s.Name), root.show(), "expected a mapping of groups, such as all: {hosts: ...}"))
		return a.list.result()
	}
	if plugin, ok := root.get("plugin"); ok {
		a.list.errs.stop(mistake(plugin.at(s.Name), plugin.show(),
			"the settings of an inventory plugin: expected -i '!ansible-inventory --list -i FILE', which runs it"))
		return a.list.result()
	}
	for i := 0; i < len(root.items); i += 2 {
		a.yamlGroup(root.items[i], root.items[i+1])
	}
	return a.result()
}

// yamlGroup reads a group and what is in it; nil: its name is none.
func (a *ansible) yamlGroup(name, v value) *ansibleGroup {
	if name.kind != textKind {
		a.list.errs.stop(mistake(name.at(a.file), name.show(), "expected the name of a group as text: put it in quotes"))
		return nil
	}
	g := a.group(name.text, name.at(a.file))
	if v.kind != mapKind && v.kind != nullKind {
		a.list.errs.stop(mistake(v.at(a.file), v.show(), "expected a group with hosts, children or vars"))
		return g
	}
	a.list.refuseKeys(a.file, v, []string{"hosts", "children", "vars"})
	// As Ansible does, in the order of the file.
	for i := 0; i < len(v.items); i += 2 {
		section := v.items[i].text
		members := v.items[i+1]
		if members.kind == textKind && section != "vars" {
			members = value{kind: mapKind, items: []value{members, {}}} // hosts: web1
		}
		if members.kind != mapKind && members.kind != nullKind {
			if slices.Contains([]string{"hosts", "children", "vars"}, section) {
				a.list.errs.stop(mistake(members.at(a.file), members.show(), "expected a mapping below %q: each with a colon behind, and no \"-\"", section))
			}
			continue
		}
		for j := 0; j < len(members.items); j += 2 {
			a.yamlMember(g, section, members.items[j], members.items[j+1])
		}
	}
	return g
}

// yamlMember reads one host, child or variable of a group.
func (a *ansible) yamlMember(g *ansibleGroup, section string, key, v value) {
	switch section {
	case "vars":
		a.setGroup(g, key, v)
	case "children":
		if child := a.yamlGroup(key, v); child != nil {
			a.addChild(g, child, key.at(a.file))
		}
	case "hosts":
		if key.kind != textKind {
			a.list.errs.stop(mistake(key.at(a.file), key.show(), "expected the name of a host as text: put it in quotes"))
			return
		}
		hosts := a.addHosts(g, key.text, key.at(a.file))
		if v.kind != mapKind && v.kind != nullKind {
			a.list.errs.add(mistake(v.at(a.file), v.show(), "expected a mapping of the variables of %s", quote(key.text)))
			for _, h := range hosts {
				h.bad = true
			}
			return
		}
		for i := 0; i < len(v.items); i += 2 {
			a.setHosts(hosts, v.items[i], v.items[i+1])
		}
	}
}

// looksAnsibleYAML reports a mapping of groups, of which one has hosts, children
// or vars.
func looksAnsibleYAML(text []byte) bool {
	if !looksYAML(text) {
		return false
	}
	for line := range yamlLines(text) {
		if line[0] != ' ' {
			switch yamlKey(line) {
			case "nodes", "apiVersion", "kind", "items":
				return false
			case "":
				if line[0] == '-' && !isMarker(line) {
					return false
				}
			case "all", "ungrouped", "plugin":
				return true
			}
			continue
		}
		switch yamlKey(line) {
		case "hosts", "children", "vars":
			return true
		}
	}
	return false
}
