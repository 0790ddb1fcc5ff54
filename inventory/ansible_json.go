package inventory

import "bytes"

// parseAnsibleJSON reads what ansible-inventory --list and dynamic inventories
// print: groups with hosts, children and vars, and the variables of all hosts
// in _meta.hostvars (Ansible documentation, "Developing dynamic inventory"). A
// host that is in no group is none, as in Ansible. The errors are those of
// Parse.
func parseAnsibleJSON(s Source) ([]Node, error) {
	a := newAnsible(s.Name)
	vars := shape{"ansible_group_priority": nil}
	for _, name := range ansibleVars() {
		vars[name] = nil
	}
	// Other variables are read over: facts of a cloud are long.
	keep := shape{"_meta": {"hostvars": {"*": vars}}, "*": {"hosts": nil, "children": nil, "vars": vars, "*": {"": nil}}}
	root, ok := readJSON(s, keep, &a.list.errs)
	switch {
	case !ok:
		return a.list.result()
	case root.kind != mapKind:
		a.list.errs.stop(mistake(root.at(s.Name), root.show(), "expected an object of groups"))
		return a.list.result()
	}
	meta, ok := root.get("_meta")
	if !ok {
		a.list.errs.stop(mistake(root.at(s.Name), root.show(), `no key "_meta" in it: expected the output of ansible-inventory --list`))
	}
	for i := 0; i < len(root.items); i += 2 {
		if name := root.items[i]; name.text != "_meta" {
			a.jsonGroup(name, root.items[i+1])
		}
	}
	hostvars, _ := meta.get("hostvars")
	for i := 0; i < len(hostvars.items); i += 2 {
		h, ok := a.hosts[hostvars.items[i].text]
		if !ok {
			continue
		}
		of := hostvars.items[i+1]
		for j := 0; j < len(of.items); j += 2 {
			a.setHosts([]*ansibleHost{h}, of.items[j], plainValue(of.items[j+1]))
		}
	}
	return a.result()
}

// jsonGroup reads a group: an object, or a list of its hosts.
func (a *ansible) jsonGroup(name, v value) {
	g := a.group(name.text, name.at(a.file))
	if v.kind == listKind {
		a.jsonHosts(g, v)
		return
	}
	if v.kind != mapKind {
		a.list.errs.stop(mistake(v.at(a.file), v.show(), "expected a group with hosts, children or vars"))
		return
	}
	a.list.refuseKeys(a.file, v, []string{"hosts", "children", "vars"})
	for i := 0; i < len(v.items); i += 2 {
		switch key, v := v.items[i].text, v.items[i+1]; key {
		case "hosts":
			a.jsonHosts(g, v)
		case "children":
			for _, child := range a.names(v) {
				a.addChild(g, a.group(child.text, child.at(a.file)), child.at(a.file))
			}
		case "vars":
			for j := 0; j < len(v.items); j += 2 {
				a.setGroup(g, v.items[j], plainValue(v.items[j+1]))
			}
		}
	}
}

// jsonHosts reads the hosts of a group; their names have no ranges.
func (a *ansible) jsonHosts(g *ansibleGroup, v value) {
	for _, name := range a.names(v) {
		a.addHost(g, name.text, name.at(a.file))
	}
}

// names are the elements of a list of names.
func (a *ansible) names(v value) []value {
	if v.kind != listKind {
		a.list.errs.stop(mistake(v.at(a.file), v.show(), "expected a list of names"))
		return nil
	}
	names := make([]value, 0, len(v.items))
	for _, item := range v.items {
		if item.kind != textKind {
			a.list.errs.stop(mistake(item.at(a.file), item.show(), "expected a name in double quotes"))
			continue
		}
		names = append(names, item)
	}
	return names
}

// plainValue is a variable without the object that ansible-inventory wraps a
// secret or an unsafe text in.
func plainValue(v value) value {
	if len(v.items) != 2 || v.kind != mapKind {
		return v
	}
	switch v.items[0].text {
	case "__ansible_vault":
		return value{kind: vaultKind, line: v.line, column: v.column}
	case "__ansible_unsafe":
		return v.items[1]
	}
	return v
}

// looksAnsibleJSON reports an object with the key _meta.
func looksAnsibleJSON(text []byte) bool {
	if !looksJSON(text) || !bytes.Contains(text, []byte(`"_meta"`)) {
		return false
	}
	found := false
	jsonKeys(text, func(key string) bool {
		found = key == "_meta"
		return found
	})
	return found
}
