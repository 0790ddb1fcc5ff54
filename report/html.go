package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // page.html, page.css and page.js
	"encoding/base64"
	"html/template"
	"io"
	"iter"
	"slices"
	"strings"

	"kletscan/scanner"
)

// The page, its style and its script. They stand inside the one file that is
// written; nothing else is ever loaded.
var (
	//go:embed html/page.html
	pageSource string
	//go:embed html/page.css
	pageStyle string
	//go:embed html/page.js
	pageScript string
)

// pageTemplate escapes whatever is put into it for the place where it stands.
var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page is what page.html shows. All strings in it are clean.
type page struct {
	Policy      string
	Style       template.CSS
	Script      template.JS
	Control     string
	Answer      answer
	States      []string
	Groups      []groupRow
	Fleet       groupRow
	GroupChart  chart
	Expiries    []bucket
	ExpiryChart chart
	Columns     []pageColumn
	Rows        iter.Seq[nodeRow]
	Scan        []fact
}

// groupRow is one group in numbers.
type groupRow struct {
	Name  string
	Total int
	Parts []part
}

// pageColumn is a column of the table of nodes.
type pageColumn struct{ Key, Heading string }

// nodeRow is one node in the table.
type nodeRow struct {
	State   string // one of states
	Name    string
	Cells   []cell // of the columns between the first and the last
	Why     string
	Waivers []string
	Facts   []fact // the evidence
}

// cell is one cell; with a State it is a badge.
type cell struct{ State, Text string }

// fact is one line of evidence.
type fact struct {
	Term   string
	Values []string
}

// writeHTML writes one file that needs no other: the answer, two charts and a
// table with every node once. It ranges over the results three times and holds
// none of them.
func writeHTML(w io.Writer, run Run, opts Options) error {
	summary, err := Summarize(run, opts)
	if err != nil {
		return err
	}
	expiries, err := expiriesOf(run.Results)
	if err != nil {
		return err
	}
	p := page{
		Policy:      contentPolicy(pageStyle, pageScript),
		Style:       template.CSS(pageStyle),
		Script:      template.JS(pageScript),
		Control:     ControlID,
		Answer:      answerOf(run, opts, summary.Counts),
		States:      states(),
		Groups:      groupRows(summary),
		Fleet:       groupRow{"all", summary.Total, summary.parts()},
		Expiries:    expiries.table(),
		ExpiryChart: expiries.chart(),
		Scan:        scanFacts(run),
	}
	p.GroupChart = groupChart(p.Groups, p.Fleet)
	shown := shownColumns()
	for _, c := range shown {
		p.Columns = append(p.Columns, pageColumn{c.key, c.heading})
	}
	p.Rows = func(yield func(nodeRow) bool) {
		for r, failed := range run.Results {
			if err = failed; err != nil || !yield(rowOf(run, opts, shown, r)) {
				return
			}
		}
	}
	out := bufio.NewWriter(w)
	if failed := pageTemplate.Execute(out, p); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// contentPolicy lets this style and this script run, and nothing else, be it
// in the page or anywhere on a network.
func contentPolicy(style, script string) string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(style) + "; script-src " + hash(script) + "; base-uri 'none'; form-action 'none'"
}

func groupRows(s Summary) []groupRow {
	var rows []groupRow
	for _, g := range s.Groups {
		name := g.Name
		if name == "" {
			name = "(none)"
		}
		rows = append(rows, groupRow{name, g.Total, g.parts()})
	}
	return rows
}

// scanFacts are what holds for the whole scan.
func scanFacts(run Run) []fact {
	var facts []fact
	for _, f := range runFacts(run) {
		facts = appendFact(facts, f.key, f.value)
	}
	return appendFact(facts, "arguments", text(strings.Join(run.Arguments, " ")).clean())
}

// shownColumns are the columns of the table on paper and screen: those of the
// terminal's, with the end of the certificate behind its kind. SOURCE is told
// with the evidence.
func shownColumns() []column {
	var shown []column
	for _, c := range columns {
		if c.key == "cert_not_after" {
			c.heading = "EXPIRES"
		}
		if c.heading != "" && c.heading != sourceHeading {
			shown = append(shown, c)
		}
	}
	return shown
}

// rowOf is one node in the table. The first of the columns shown is its name,
// the last the reason.
func rowOf(run Run, opts Options, shown []column, r scanner.Result) nodeRow {
	row := nodeRow{State: stateOf(r, run.Waivers.For(r, opts.Now)), Waivers: waiverNotes(run, opts, r), Facts: evidenceOf(run, opts, r)}
	for _, c := range shown {
		text := c.tableCell(&run, opts, &r).String()
		switch c.heading {
		case nodeHeading:
			row.Name = text
		case whyHeading:
			row.Why = text
		case rotationHeading:
			if row.State == waivedState {
				text = Clean(text + ", waived")
			}
			row.Cells = append(row.Cells, cell{row.State, text})
		default:
			row.Cells = append(row.Cells, cell{"", text})
		}
	}
	return row
}

const nodeHeading = "NODE"

// toldElsewhere are the columns that the evidence leaves out: the row has
// them, or another fact says the same in more words.
var toldElsewhere = []string{
	"node", "group", "distro", "kubelet_version", "rotation", "why", "error", "cert_not_after",
	"control_id", "datadog_rule_id", "conditions", "source_kind", "source_path", "source_line",
	"effective_server_tls_bootstrap", "effective_server_tls_bootstrap_source",
	"effective_gate", "effective_gate_source", "tls_cert_file", "tls_cert_file_source",
}

// evidenceOf is what led to an answer: conditions, settings with their
// sources, and every column that says something.
func evidenceOf(run Run, opts Options, r scanner.Result) []fact {
	var facts []fact
	var conditions, settings []string
	for _, c := range r.Verdict.Conditions {
		conditions = append(conditions, string(c)+": "+c.Meaning())
	}
	for _, s := range r.Verdict.Settings {
		settings = append(settings, settingWords(s))
	}
	facts = appendFact(facts, "conditions", list(conditions).clean())
	facts = appendFact(facts, "settings", list(settings).clean())
	for _, c := range columns {
		if !c.perRun && !slices.Contains(toldElsewhere, c.key) {
			facts = appendFact(facts, c.key, c.cell(&run, opts, &r))
		}
	}
	return facts
}

// settingWords is a setting in one line, with where it stood.
func settingWords(s scanner.Setting) string {
	if s.Detail != "" {
		return s.Name + " is not known: " + s.Detail
	}
	return s.Name + " = " + valueOrEmpty(s.Value) + ", " + sourceWords(s.Source).String()
}

// appendFact adds a value that says something; an item of a list each on its
// own.
func appendFact(facts []fact, key string, v value) []fact {
	values := v.list
	if v.kind != kindList {
		values = []string{v.String()}
	}
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return facts
	}
	return append(facts, fact{strings.ReplaceAll(key, "_", " "), values})
}
