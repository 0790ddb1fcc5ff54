package report

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"

	"kletscan/scanner"
)

// writePrometheus writes the text format of Prometheus 0.0.4, for the textfile
// collector of node_exporter. All metrics are gauges without a timestamp: the
// collector refuses files that have any. A node has one series for its state,
// one for its certificate, and one for each condition.
func writePrometheus(w io.Writer, run Run, opts Options) error {
	summary, err := Summarize(run, opts)
	if err != nil {
		return err
	}
	p := metrics{out: bufio.NewWriter(w)}
	p.family("kletscan_build_info", "The kletscan that scanned; the value is always 1.")
	p.sample("1", label{"version", Clean(run.Version)})
	p.moment("kletscan_scan_started_timestamp_seconds", "When the scan began.", run.Started)
	p.moment("kletscan_scan_finished_timestamp_seconds", "When the scan ended.", run.Finished)
	p.family("kletscan_scan_complete", "1 if the results are whole, 0 if they were read from a file that was not written to its end.")
	p.sample(oneIf(!run.Incomplete))
	p.states(summary.Counts)

	p.family("kletscan_node_state", "What was seen of a node, or why it was not assessed; the value is always 1.")
	for f, err := range findings(run, opts) {
		if err != nil {
			return err
		}
		p.nodeSample(f, "1", label{"state", f.state()}, label{"waived", strconv.FormatBool(f.waiver != nil)})
	}
	p.family("kletscan_node_condition", "A condition that refines the state of a node; the value is always 1.")
	for f, err := range findings(run, opts) {
		if err != nil {
			return err
		}
		p.conditions(f)
	}
	p.family("kletscan_node_certificate_expiry_timestamp_seconds", "When the certificate ends that the kubelet serves.")
	for f, err := range findings(run, opts) {
		if err != nil {
			return err
		}
		if ends := f.result.Verdict.Served.NotAfter; looked(&f.result) && ends != 0 {
			p.nodeSample(f, strconv.FormatInt(ends, 10))
		}
	}
	return p.out.Flush()
}

// metrics writes families of metrics. Its writer keeps the first error.
type metrics struct {
	out  *bufio.Writer
	name string // of the family that is being written
}

type label struct{ name, value string }

// family begins a family; all samples until the next belong to it.
func (p *metrics) family(name, help string) {
	p.name = name
	p.out.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " gauge\n")
}

// inLabel escapes what the format gives a meaning to inside a label's quotes.
var inLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (p *metrics) sample(value string, labels ...label) {
	p.out.WriteString(p.name)
	for i, l := range labels {
		p.out.WriteString([]string{"{", ","}[min(i, 1)])
		p.out.WriteString(l.name + `="` + inLabel.Replace(l.value) + `"`)
	}
	if len(labels) > 0 {
		p.out.WriteByte('}')
	}
	p.out.WriteString(" " + value + "\n")
}

func (p *metrics) nodeSample(f finding, value string, labels ...label) {
	p.sample(value, append([]label{{"node", f.name}, {"group", f.text("group")}}, labels...)...)
}

// moment is a family of one sample; nothing where the time is not known.
func (p *metrics) moment(name, help string, t time.Time) {
	if t.IsZero() {
		return
	}
	p.family(name, help)
	p.sample(strconv.FormatInt(t.Unix(), 10))
}

// states counts nodes. Every state is there, with 0 too, so that an alert need
// not ask whether it is; they add up to the inventory.
func (p *metrics) states(c Counts) {
	p.family("kletscan_nodes", "Nodes by state; they add up to the inventory.")
	for _, r := range rotations {
		p.sample(strconv.Itoa(c.Rotation[r]), label{"state", r.String()})
	}
	for _, s := range failures {
		p.sample(strconv.Itoa(c.Status[s]), label{"state", notAssessedWord(s)})
	}
	p.sample(strconv.Itoa(c.Waived), label{"state", "waived"})
}

func (p *metrics) conditions(f finding) {
	if f.result.Status != scanner.OK {
		return
	}
	seen := map[string]bool{}
	for i, c := range f.of("conditions").list {
		if !seen[c] {
			waiver := f.run.Waivers.ForCondition(f.result, f.result.Verdict.Conditions[i], f.opts.Now)
			p.nodeSample(f, "1", label{"condition", c}, label{"waived", strconv.FormatBool(waiver != nil)})
		}
		seen[c] = true
	}
}

func oneIf(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
