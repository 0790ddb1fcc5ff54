package oracle

import (
	"fmt"
	"os"
	"regexp"
	"sort"
	"strconv"
	"testing"

	"kletscan/scanner/kubelet"
	"pgregory.net/rapid"
)

var digits = regexp.MustCompile(`"[^"]*"|[0-9]+`)

func discover(t *testing.T, gen *rapid.Generator[node], minor int) {
	count, _ := strconv.Atoi(os.Getenv("DISCOVER"))
	if count == 0 {
		t.Skip()
	}
	type hit struct {
		n     node
		text  string
		count int
	}
	hits := map[string]*hit{}
	starts, exits := 0, 0
	for i := range count {
		n := gen.Example(i)
		s, err := n.start(minor)
		e := n.resolve(minor)
		if err == nil {
			starts++
		} else {
			exits++
		}
		text := n.disagreement(minor)
		if text == "" {
			continue
		}
		sig := "values"
		if err != nil {
			sig = "exit: " + digits.ReplaceAllString(err.Error(), "#")
		} else if e.Rotation == kubelet.Invalid {
			sig = "invalid: " + digits.ReplaceAllString(e.Problem, "#")
		} else {
			a, b := ours(e), theirs(s)
			sig = fmt.Sprintf("values %t%t%t%t%t%t%t", a.Bootstrap == b.Bootstrap, a.Gate == b.Gate, a.EnableServer == b.EnableServer, a.Cert == b.Cert, a.Key == b.Key, a.Address == b.Address, a.Port == b.Port)
		}
		size := len(fmt.Sprint(n))
		if h := hits[sig]; h == nil {
			hits[sig] = &hit{n, text, 1}
		} else {
			h.count++
			if size < len(fmt.Sprint(h.n)) {
				h.n, h.text = n, text
			}
		}
	}
	fmt.Println("starts", starts, "exits", exits)
	var sigs []string
	for sig := range hits {
		sigs = append(sigs, sig)
	}
	sort.Slice(sigs, func(i, j int) bool { return hits[sigs[i]].count > hits[sigs[j]].count })
	for _, sig := range sigs {
		h := hits[sig]
		fmt.Printf("%6d %s\n  args %q\n  config %q\n  dropins %q\n  %s\n", h.count, sig, h.n.args, h.n.config, h.n.dropIns, h.text)
	}
}

func TestDiscoverFlags(t *testing.T) {
	discover(t, rapid.Map(commandLines(36, 5), func(a []string) node { return node{args: a} }), 36)
}

func TestDiscoverConfig(t *testing.T) {
	discover(t, rapid.Map(documents(36), func(d string) node { return node{args: []string{"--config=" + configPath}, config: d} }), 36)
}
