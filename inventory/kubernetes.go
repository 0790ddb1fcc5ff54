package inventory

import (
	"cmp"
	"slices"
	"strings"
)

// nodeShape is what of a Node object counts (Kubernetes API reference, v1.Node):
// a tenth of it.
func nodeShape() shape {
	info := shape{"kubeletVersion": nil, "operatingSystem": nil, "osImage": nil}
	return shape{
		"kind": nil, "metadata": {"name": nil, "labels": nil},
		"status": {"addresses": nil, "nodeInfo": info},
	}
}

// parseKubernetesJSON reads kubectl get nodes -o json: a List or NodeList of
// Nodes, or one Node. The nodes are read one by one, since each is long. The
// errors are those of Parse.
//
//   - The name is that of the Node.
//   - The host is its first address of Options.AddressType; a node of two IP
//     families gives its primary one first.
//   - The label "role" is its roles, the names behind node-role.kubernetes.io/,
//     sorted and joined with "."; each is a group. Other labels are kept as they
//     are.
//   - OS is windows, or talos, which has no SSH, where the node says so.
func parseKubernetesJSON(s Source) ([]Node, error) {
	k := kubernetes{file: s.Name, options: s.Options, list: newList()}
	r := newJSONReader(s, &k.list.errs)
	if r.peek() != '{' {
		r.fail(r.next, "expected the object that kubectl get nodes -o json prints")
		return k.list.result()
	}
	shape := nodeShape()
	root := r.mark(mapKind, r.next)
	listed := false
	r.members('{', '}', func(key []byte, _ int) {
		if string(key) == "items" && r.peek() == '[' {
			listed = true
			r.members('[', ']', func([]byte, int) {
				if v := r.value(shape); !r.broken {
					k.add(v)
				}
			})
			return
		}
		if inner, wanted := shape.of(key); wanted {
			root.items = append(root.items, value{kind: textKind, text: string(key)}, r.value(inner))
			return
		}
		r.skip()
	})
	r.end()
	if !r.broken {
		k.root(root, listed)
	}
	return k.list.orEmpty(s.Name, "Nodes")
}

// parseKubernetesYAML reads kubectl get nodes -o yaml as parseKubernetesJSON
// reads its JSON.
func parseKubernetesYAML(s Source) ([]Node, error) {
	k := kubernetes{file: s.Name, options: s.Options, list: newList()}
	if nodes, ok := readKubernetesLines(s); ok {
		for _, node := range nodes {
			if !k.full {
				k.addNode(node)
			}
		}
	} else if root, ok := readYAML(s, &k.list.errs); ok {
		items, listed := root.get("items")
		for _, item := range items.items {
			k.add(item)
		}
		k.root(root, listed)
	}
	return k.list.orEmpty(s.Name, "Nodes")
}

// kubernetes collects the Nodes of one text.
type kubernetes struct {
	file    string
	options Options
	list    *list
	full    bool
}

// root adds the one Node that root is, or looks what a list of Nodes says about
// itself.
func (k *kubernetes) root(root value, listed bool) {
	kind, _ := root.get("kind")
	switch {
	case !listed && kind.text == "Node":
		k.add(root)
	case !listed || kind.text != "List" && kind.text != "NodeList":
		k.list.errs.add(mistake(root.at(k.file), "kind: "+kind.show(),
			"expected a List, a NodeList or a Node: what kubectl get nodes -o json prints"))
	}
}

// add reads one Node.
func (k *kubernetes) add(v value) {
	kind, ok := v.get("kind")
	switch {
	case k.full:
		return
	case v.kind != mapKind || ok && kind.text != "Node":
		k.list.errs.add(mistake(v.at(k.file), cmp.Or(kind.text, v.show()), "expected a Node: what kubectl get nodes prints, without other resources"))
		return
	}
	metadata, _ := v.get("metadata")
	name, _ := metadata.get("name")
	labels, _ := metadata.get("labels")
	status, _ := v.get("status")
	addresses, _ := status.get("addresses")
	info, _ := status.get("nodeInfo")

	node := kubernetesNode{at: v.at(k.file), name: name.text, labels: make(map[string]string, len(labels.items)/2+1)}
	for i := 0; i < len(labels.items); i += 2 {
		node.labels[labels.items[i].text] = labels.items[i+1].text
	}
	for _, address := range addresses.items {
		of, _ := address.get("type")
		is, _ := address.get("address")
		node.addresses = append(node.addresses, kubernetesAddress{of.text, is.text})
	}
	for i := 0; i < len(info.items); i += 2 {
		switch text := info.items[i+1].text; info.items[i].text {
		case "kubeletVersion":
			node.kubelet = text
		case "operatingSystem":
			node.os = text
		case "osImage":
			node.image = text
		}
	}
	k.addNode(node)
}

// kubernetesNode is what a Node, or a line of kubectl get nodes -o wide, says.
type kubernetesNode struct {
	at                       Position
	name, kubelet, os, image string // empty: it says nothing
	addresses                []kubernetesAddress
	labels                   map[string]string // not nil
	roles                    []string          // other than those of labels
}

// kubernetesAddress is a v1.NodeAddress.
type kubernetesAddress struct{ of, is string }

// addNode adds a Node, or what is wrong with it.
func (k *kubernetes) addNode(n kubernetesNode) {
	node := Node{Name: n.name, Kubelet: n.kubelet, Labels: n.labels, Source: n.at}
	problem := checkHost(n.name)
	switch {
	case problem != "":
		problem = "name of a Node: " + problem
	case n.kubelet != "" && !isVersion(n.kubelet):
		problem = "kubelet version " + quote(n.kubelet) + ": expected one such as v1.31.4"
	default:
		node.Host, problem = n.address(k.options.AddressType)
	}
	var wrong *string // the first key in order whose label is; nil: none
	for key, label := range n.labels {
		if labelProblem(key, label) != "" && (wrong == nil || key < *wrong) {
			wrong = &key
		}
		if role, ok := strings.CutPrefix(key, "node-role.kubernetes.io/"); ok && role != "" {
			n.roles = append(n.roles, role)
		} else if key == "kubernetes.io/role" && label != "" {
			n.roles = append(n.roles, label)
		}
	}
	if problem == "" && wrong != nil {
		problem = labelProblem(*wrong, n.labels[*wrong])
	}
	slices.Sort(n.roles)
	node.Groups = slices.Compact(n.roles)
	for _, role := range node.Groups {
		if wrong := checkGroup(role); wrong != "" && problem == "" {
			problem = "role " + quote(role) + ": " + wrong
		}
	}
	if problem != "" {
		k.list.errs.add(mistake(n.at, n.name, "%s", problem))
		return
	}
	if _, own := node.Labels["role"]; !own && len(node.Groups) > 0 {
		node.Labels["role"] = strings.Join(node.Groups, ".")
	}
	if len(node.Labels) == 0 {
		node.Labels = nil
	}
	node.OS = n.system()
	k.full = !k.list.add(node)
}

// address is the first address of a type, or what is wrong.
func (n kubernetesNode) address(of string) (host, problem string) {
	wanted := cmp.Or(of, "InternalIP")
	var types []string
	for _, address := range n.addresses {
		if address.of == wanted {
			return address.is, checkHost(address.is)
		}
		types = append(types, quote(address.of))
	}
	switch {
	case of == "":
		return n.name, ""
	case len(types) == 0:
		return "", "no address of type " + quote(wanted) + ", nor any other: expected another --address-type"
	}
	return "", "no address of type " + quote(wanted) + ": expected --address-type one of " + strings.Join(types, ", ")
}

// system is the operating system of a Node. Talos and Bottlerocket have no SSH
// server of their own, and only the name of their image tells them from others.
func (n kubernetesNode) system() string {
	for _, image := range []string{"Talos", "Bottlerocket"} {
		if strings.HasPrefix(n.image, image) {
			return strings.ToLower(image)
		}
	}
	if strings.HasPrefix(n.image, "Windows") {
		return "windows" // for -o wide, which does not say it otherwise
	}
	if n.os == "windows" || n.os == "linux" {
		return n.os
	}
	return ""
}

// isVersion reports a version such as v1.31.4-eks-1a2b3c4 or v1.30.1+k3s1.
func isVersion(text string) bool {
	return len(text) > 1 && len(text) < 64 && text[0] == 'v' && isDigit(text[1]) &&
		firstNotIn(text, func(c byte) bool { return isNameByte(c) || c == '+' }) < 0
}

// looksKubernetesJSON reports an object of the Kubernetes API.
func looksKubernetesJSON(text []byte) bool {
	found := false
	jsonKeys(text, func(key string) bool {
		found = isAPIKey(key)
		return true
	})
	return found
}

// looksKubernetesYAML reports the same in YAML.
func looksKubernetesYAML(text []byte) bool {
	found := false
	if looksYAML(text) {
		yamlTop(text, func(key string) bool {
			found = isAPIKey(key)
			return true
		})
	}
	return found
}

// isAPIKey reports a key that an object of the Kubernetes API may begin with.
func isAPIKey(key string) bool { return key == "apiVersion" || key == "kind" || key == "items" }
