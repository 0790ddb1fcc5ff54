package report

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

type series struct {
	name   string
	labels string
	value  float64
}

// seriesOf reads the text format, strictly: HELP and TYPE once and before the
// samples of their family, samples of a family together, no timestamps, and no
// series twice.
func seriesOf(t *testing.T, out string) (list []series) {
	t.Helper()
	sample := regexp.MustCompile(`^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,|\}))*))? ([0-9.e+-]+)$`)
	if !strings.HasSuffix(out, "\n") {
		t.Fatal("the last line does not end")
	}
	family, helped, seen := "", map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, _, _ := strings.Cut(rest, " ")
			if helped[name] {
				t.Errorf("%s has two HELP lines", name)
			}
			helped[name], family = true, name
			continue
		}
		if strings.HasPrefix(line, "#") {
			if line != "# TYPE "+family+" gauge" {
				t.Errorf("%q behind the HELP of %s", line, family)
			}
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no sample: %q", line)
		}
		if m[1] != family || seen[m[1]+"{"+m[2]] {
			t.Errorf("%q stands in the family %s, or twice", line, family)
		}
		seen[m[1]+"{"+m[2]] = true
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Error(err)
		}
		list = append(list, series{m[1], strings.TrimSuffix(m[2], "}"), value})
	}
	return list
}

func TestPrometheusIsValid(t *testing.T) {
	for name, run := range judgedRuns() {
		t.Run(name, func(t *testing.T) {
			out := render(t, "prometheus", run, Options{})
			seriesOf(t, out)
			program(t, out, "promtool", "check", "metrics")
		})
	}
}

// What a node may send does not decide how many series there are.
func TestPrometheusSeriesAreBounded(t *testing.T) {
	r := filled("x", scanner.OK)
	r.Verdict.Conditions = append(scanner.Conditions, scanner.Conditions...)
	perNode := 0
	for _, s := range seriesOf(t, render(t, "prometheus", testRun(r), Options{})) {
		if strings.HasPrefix(s.name, "kletscan_node_") {
			perNode++
		}
	}
	if limit := 2 + len(scanner.Conditions); perNode > limit {
		t.Errorf("%d series for a node, want at most %d", perNode, limit)
	}
}

func TestPrometheusLabels(t *testing.T) {
	r := node(`a"b\c`, "g", scanner.Verdict{Rotation: kubelet.Off, Conditions: []scanner.Condition{scanner.Expired}})
	run := testRun(r)
	run.Waivers = Waivers{{Nodes: "*", Rotation: "off", Expires: began.AddDate(0, 0, 1)}}
	for _, tt := range []struct {
		rule   string
		opts   Options
		waived bool
	}{
		{"a waiver is a label, and the state stays", Options{Now: began}, true},
		{"an expired waiver is void", Options{Now: began.AddDate(0, 0, 3)}, false},
	} {
		out := render(t, "prometheus", run, tt.opts)
		want := fmt.Sprintf(`kletscan_node_state{node="a\"b\\c",group="g",state="off",waived="%v"} 1`, tt.waived)
		if !strings.Contains(out, want+"\n") {
			t.Errorf("%s: no %s in\n%s", tt.rule, want, out)
		}
		if want := `kletscan_node_condition{node="a\"b\\c",group="g",condition="expired",waived="false"} 1`; !strings.Contains(out, want) {
			t.Errorf("%s: no %s in\n%s", tt.rule, want, out)
		}
	}
}
