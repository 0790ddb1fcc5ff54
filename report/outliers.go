package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kletscan/scanner"
)

// fewNodes is how many assessed nodes a group needs for one of them to be
// unlike the others.
const fewNodes = 3

// outlier is one setting that some nodes of a group have otherwise than most.
type outlier struct {
	setting    string // clean
	is, common string // clean; the value and where it stood; empty: not known
	names      []string
}

// groupOutliers are those of one group.
type groupOutliers struct {
	name        string // clean
	nodes, most int    // that were assessed, and of them with the most common configuration
	list        []*outlier
}

// configuration is what the nodes of a group may have in common, and who has
// it.
type configuration struct {
	settings []pair // clean
	names    []string
}

// outliers compares the nodes of each group that were assessed with the
// most common configuration there: distribution, version, and every setting
// with its value and the file it stood in. Groups whose nodes are all alike are
// left out.
func (c *configurations) outliers() (list []groupOutliers) {
	for _, g := range c.groups {
		total := 0
		for _, config := range g.configs {
			total += len(config.names)
		}
		if total < fewNodes || len(g.configs) < 2 {
			continue
		}
		common := slices.MaxFunc(g.configs, func(a, b *configuration) int { return cmp.Compare(len(a.names), len(b.names)) })
		if len(common.names) < 2 {
			continue // no two are alike
		}
		out := groupOutliers{name: g.name, nodes: total, most: len(common.names)}
		for _, config := range g.configs {
			if config != common {
				out.compare(config, common)
			}
		}
		list = append(list, out)
	}
	return list
}

// groupConfigs are the configurations of one group, in the order in which they
// were met.
type groupConfigs struct {
	name    string
	configs []*configuration
}

// configurations are those of a run. The zero value has none.
type configurations struct {
	groups []*groupConfigs
	byName map[string]*groupConfigs
	byText map[[2]string]*configuration
}

// add is for every node; those that were not assessed are left out.
func (c *configurations) add(r scanner.Result) {
	if r.Status != scanner.OK {
		return
	}
	if c.byName == nil {
		c.byName, c.byText = make(map[string]*groupConfigs), make(map[[2]string]*configuration)
	}
	name, settings := Clean(r.Node.Group()), configurationOf(r)
	g := c.byName[name]
	if g == nil {
		g = &groupConfigs{name: name}
		c.byName[name] = g
		c.groups = append(c.groups, g)
	}
	key := [2]string{name, fmt.Sprint(settings)}
	config := c.byText[key]
	if config == nil {
		config = &configuration{settings: settings}
		c.byText[key] = config
		g.configs = append(g.configs, config)
	}
	config.names = append(config.names, Clean(r.Node.Name))
}

// configurationOf is what is compared. A line, or the version behind a default,
// is no difference; nor is a value that is the node's own, such as its address.
func configurationOf(r scanner.Result) []pair {
	v := r.Verdict
	list := []pair{{"distribution", Clean(string(v.Distro))}, {"kubelet version", Clean(v.Version)}}
	for _, s := range v.Settings {
		words := "not known"
		if s.Source.Kind != "" {
			words = valueOrEmpty(s.Value) + " (" + strings.TrimSpace(string(s.Source.Kind)+" "+s.Source.Path) + ")"
		}
		list = append(list, pair{Clean(s.Name), general(Clean(words), r)})
	}
	return list
}

// compare adds what nodes of one configuration have otherwise.
func (g *groupOutliers) compare(c, common *configuration) {
	for _, s := range c.settings {
		g.add(s.key, s.value, common.valueOf(s.key), c.names)
	}
	for _, s := range common.settings {
		if !slices.ContainsFunc(c.settings, func(p pair) bool { return p.key == s.key }) {
			g.add(s.key, "", s.value, c.names)
		}
	}
}

func (c *configuration) valueOf(key string) string {
	for _, s := range c.settings {
		if s.key == key {
			return s.value
		}
	}
	return ""
}

func (g *groupOutliers) add(setting, is, common string, names []string) {
	if is == common {
		return
	}
	for _, o := range g.list {
		if o.setting == setting && o.is == is {
			o.names = append(o.names, names...)
			return
		}
	}
	g.list = append(g.list, &outlier{setting: setting, is: is, common: common, names: slices.Clone(names)})
}

// outliers writes a table for each group that has some.
func (p printer) outliers(groups []groupOutliers) error {
	for _, group := range groups {
		name := group.name
		if name == "" {
			name = "(none)"
		}
		p.paragraph("", fmt.Sprintf("outliers of group %s, where %d of %s are set up alike:", name, group.most, countNodes(group.nodes)))
		g := grid{headings: []string{"NODES", "COUNT", "SETTING", "IS", "IN THE GROUP"}, right: []bool{false, true}}
		for _, o := range group.list {
			g.rows = append(g.rows, []string{foldedWords(o.names), strconv.Itoa(len(o.names)), o.setting, valueOr(o.is), valueOr(o.common)})
		}
		d, err := p.draw(g)
		if err != nil {
			return err
		}
		p.lines(d.head...)
		p.lines(d.rule)
		for _, row := range d.rows {
			p.lines(row...)
		}
		p.lines("")
	}
	return nil
}

// valueOr says that there is none.
func valueOr(s string) string { return cmp.Or(s, "-") }
