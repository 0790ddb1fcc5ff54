package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ansibleHosts has Ansible itself read inventories: many in one process, since
// each of its own takes half a second.
const ansibleHosts = `
import json, sys
from ansible.inventory.helpers import get_group_vars
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import combine_vars
answers = {}
for path in sys.argv[1:]:
    hosts = {}
    for host in InventoryManager(loader=DataLoader(), sources=[path]).get_hosts():
        v = combine_vars(get_group_vars(host.get_groups()), host.vars)
        hosts[host.name] = {
            'host': str(v.get('ansible_host', host.name)), 'port': int(v.get('ansible_port', 0)),
            'user': str(v.get('ansible_user', '')),
            'groups': sorted(g.name for g in host.get_groups() if g.name not in ('all', 'ungrouped')),
        }
    answers[path] = hosts
print(json.dumps(answers))
`

// ansibleHost is what the test compares of a host.
type seenHost struct {
	Host   string   `json:"host"`
	Port   int      `json:"port"`
	User   string   `json:"user"`
	Groups []string `json:"groups"`
}

// ansibleTool finds ansible-inventory, or skips the test; where CI runs, the
// tool must be there.
func ansibleTool(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("ansible-inventory")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ansible-inventory is not installed: install ansible-core")
		}
		t.Skip("SKIPPED, NOT TESTED: ansible-inventory is not installed")
	}
	return tool
}

func readByAnsible(t *testing.T, paths []string) map[string]map[string]seenHost {
	t.Helper()
	script, err := os.ReadFile(ansibleTool(t))
	if err != nil {
		t.Fatal(err)
	}
	// The interpreter that has Ansible's modules stands in its first line.
	line, _, _ := bytes.Cut(script, []byte("\n"))
	argv := strings.Fields(strings.TrimPrefix(string(line), "#!"))
	argv = append(argv, "-c", ansibleHosts)
	run := exec.Command(argv[0], append(argv[1:], paths...)...)
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Run(); err != nil {
		t.Fatalf("%v: %s", err, &errs)
	}
	answers := map[string]map[string]seenHost{}
	if err := json.Unmarshal(out.Bytes(), &answers); err != nil {
		t.Fatalf("%v in %.500s", err, &out)
	}
	return answers
}

func seen(nodes []Node) map[string]seenHost {
	hosts := map[string]seenHost{}
	for _, n := range nodes {
		hosts[n.Name] = seenHost{n.Host, n.Port, n.User, append([]string{}, slices.Sorted(slices.Values(n.Groups))...)}
	}
	return hosts
}

func TestAnsibleItselfReadsTheSame(t *testing.T) {
	ansibleTool(t)
	dir := t.TempDir()
	inventories := maps.Clone(ansibleSamples)
	for seed := range uint64(40) {
		g := generated(rand.New(rand.NewPCG(seed, 5)))
		inventories[fmt.Sprintf("generated-%d.ini", seed)] = g.ini()
		inventories[fmt.Sprintf("generated-%d.yml", seed)] = g.yaml()
	}
	var paths []string
	for name, text := range inventories {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	answers := readByAnsible(t, paths)
	hosts := 0
	for _, path := range paths {
		name := filepath.Base(path)
		nodes, err := Parse(Source{Name: name, Text: []byte(inventories[name])}, "")
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, inventories[name])
		}
		if diff := cmp.Diff(answers[path], seen(nodes)); diff != "" {
			t.Errorf("%s (-ansible +here):\n%s\n%s", name, diff, inventories[name])
		}
		hosts += len(nodes)
	}
	if len(paths) < 100 || hosts < 500 {
		t.Errorf("only %d inventories of %d hosts compared", len(paths), hosts)
	}
}

// What ansible-inventory --list prints reads as the inventory itself.
func TestAnsibleInventoryListReadsAsItsSource(t *testing.T) {
	tool := ansibleTool(t)
	path := filepath.Join(t.TempDir(), "hosts.ini")
	text := ansibleSamples["precedence.ini"]
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := Parse(Source{Name: "f", Text: []byte(text)}, "ansible-ini")
	if err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"--list"}, {"--list", "--export"}, {"--list", "--yaml"}} {
		out, err := exec.Command(tool, append(flags, "-i", path)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(Source{Name: "f", Text: out}, "")
		if diff := cmp.Diff(seen(want), seen(got)); err != nil || diff != "" {
			t.Errorf("%v: %v (-source +list):\n%s\n%s", flags, err, diff, out)
		}
	}
}

// inventoryPlan is an inventory made up by chance.
type inventoryPlan struct {
	groups   []string
	children map[string][]string // of later groups only, so that there is no cycle
	vars     map[string]map[string]string
	hosts    map[string][]string // group -> patterns
	hostVars map[string]map[string]string
}

func generated(r *rand.Rand) inventoryPlan {
	p := inventoryPlan{
		children: map[string][]string{}, vars: map[string]map[string]string{},
		hosts: map[string][]string{}, hostVars: map[string]map[string]string{},
	}
	patterns := []string{"a1", "a2", "db[01:03]", "rack[1:2]-n[a:c].example", "w[5:9:2]", "s[08:11]", "10.0.0.[1:3]"}
	variables := func() map[string]string {
		vars := map[string]string{}
		if r.IntN(2) == 0 {
			vars["ansible_user"] = fmt.Sprintf("user%d", r.IntN(100))
		}
		if r.IntN(3) == 0 {
			vars["ansible_port"] = strconv.Itoa(2000 + r.IntN(100))
		}
		return vars
	}
	for i := range 3 + r.IntN(6) {
		name := string(rune('a'+r.IntN(26))) + strconv.Itoa(i)
		p.groups = append(p.groups, name)
		vars := variables()
		if r.IntN(4) == 0 {
			vars["ansible_group_priority"] = strconv.Itoa(r.IntN(12))
		}
		p.vars[name] = vars
		for _, pattern := range patterns {
			if r.IntN(4) == 0 {
				p.hosts[name] = append(p.hosts[name], pattern)
			}
		}
	}
	p.hosts[p.groups[0]] = append(p.hosts[p.groups[0]], "always")
	for i, parent := range p.groups {
		for _, child := range p.groups[i+1:] {
			if r.IntN(3) == 0 {
				p.children[parent] = append(p.children[parent], child)
			}
		}
	}
	for _, pattern := range patterns {
		if r.IntN(3) == 0 {
			p.hostVars[pattern] = variables()
		}
	}
	p.vars["all"] = variables()
	return p
}

func (p inventoryPlan) ini() string {
	var b strings.Builder
	assign := func(vars map[string]string, between string) {
		for _, key := range slices.Sorted(maps.Keys(vars)) {
			b.WriteString(between + key + "=" + vars[key])
		}
	}
	for _, g := range p.groups {
		fmt.Fprintf(&b, "[%s]\n", g)
		for _, pattern := range p.hosts[g] {
			b.WriteString(pattern)
			assign(p.hostVars[pattern], " ")
			b.WriteString("\n")
		}
		if len(p.children[g]) > 0 {
			fmt.Fprintf(&b, "[%s:children]\n%s\n", g, strings.Join(p.children[g], "\n"))
		}
	}
	for _, g := range append([]string{"all"}, p.groups...) {
		fmt.Fprintf(&b, "[%s:vars]", g)
		assign(p.vars[g], "\n")
		b.WriteString("\n")
	}
	return b.String()
}

func (p inventoryPlan) yaml() string {
	var b strings.Builder
	assign := func(indent string, vars map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(vars)) {
			b.WriteString(indent + key + ": " + vars[key] + "\n")
		}
	}
	b.WriteString("all:\n  vars:\n")
	assign("    ", p.vars["all"])
	for _, g := range p.groups {
		fmt.Fprintf(&b, "%s:\n  hosts:\n", g)
		for _, pattern := range p.hosts[g] {
			fmt.Fprintf(&b, "    %q:\n", pattern)
			assign("      ", p.hostVars[pattern])
		}
		b.WriteString("  children:\n")
		for _, child := range p.children[g] {
			b.WriteString("    " + child + ":\n")
		}
		b.WriteString("  vars:\n")
		assign("    ", p.vars[g])
	}
	return b.String()
}
