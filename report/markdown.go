package report

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"kletscan/scanner/kubelet"
)

// writeMarkdown writes GitHub Flavored Markdown: the answer, the counts of
// each group, the nodes that need somebody to act, and every node, folded.
//
// Whatever is not a word of this program stands in a code span, in which
// nothing is markup: no link, no HTML, no emphasis, no mention of a person.
func writeMarkdown(w io.Writer, run Run, opts Options) error {
	summary, err := Summarize(run, opts)
	if err != nil {
		return err
	}
	m := markdown{bufio.NewWriter(w)}
	m.answer(answerOf(run, opts, summary.Counts))
	m.groups(summary)
	if err := m.actions(run, opts); err != nil {
		return err
	}
	if err := m.nodes(run, opts, summary.Total); err != nil {
		return err
	}
	m.scan(run)
	return m.out.Flush()
}

// markdown writes blocks, each with a blank line behind it. Its writer keeps
// the first error.
type markdown struct{ out *bufio.Writer }

func (m markdown) line(parts ...string) {
	for _, part := range parts {
		m.out.WriteString(part)
	}
	m.out.WriteByte('\n')
}

func (m markdown) row(cells []string) { m.line("| ", strings.Join(cells, " | "), " |") }

// head is the heading row of a table and the rule below it.
func (m markdown) head(cells ...string) {
	m.row(cells)
	m.line("|", strings.Repeat(" --- |", len(cells)))
}

func (m markdown) answer(a answer) {
	m.line("# ", a.Headline)
	m.line()
	for _, note := range a.Notes {
		m.line("- ", note)
	}
	for _, void := range a.Void {
		m.line("- ", code(void))
	}
	m.line()
}

// groups are the counts of each group and of all.
func (m markdown) groups(s Summary) {
	m.line("## Groups")
	m.line()
	m.head(append([]string{"group", "nodes"}, states()...)...)
	for _, g := range groupRows(s) {
		m.group(code(g.Name), g)
	}
	m.group("**all**", groupRow{Total: s.Total, Parts: s.parts()})
	m.line()
}

func (m markdown) group(name string, g groupRow) {
	cells := []string{name, strconv.Itoa(g.Total)}
	for _, p := range g.Parts {
		cells = append(cells, strconv.Itoa(p.Count))
	}
	m.row(cells)
}

// actions are the nodes that are neither on nor supplied from outside nor
// waived, with what is to be done.
func (m markdown) actions(run Run, opts Options) error {
	m.line("## Nodes that need somebody to act")
	m.line()
	none := true
	for r, err := range run.Results {
		if err != nil {
			return err
		}
		state := stateOf(r, run.Waivers.For(r, opts.Now))
		if state == kubelet.On.String() || state == kubelet.External.String() || state == waivedState {
			continue
		}
		if none {
			m.head("node", "group", "answer", "why", "what to do")
			none = false
		}
		var steps []string
		for _, step := range r.Verdict.Remedy {
			steps = append(steps, code(Clean(step)))
		}
		m.row([]string{
			code(Clean(r.Node.Name)), code(Clean(r.Node.Group())), code(rotationWords(&r).clean().String()),
			code(whyWords(&r).clean().String()), strings.Join(steps, "<br>"),
		})
	}
	if none {
		m.line("None.")
	}
	m.line()
	return nil
}

// nodes are all nodes with the columns of the table, folded.
func (m markdown) nodes(run Run, opts Options, total int) error {
	m.line("<details>")
	m.line("<summary>Every node: ", strconv.Itoa(total), "</summary>")
	m.line()
	var headings []string
	shown := shownColumns()
	for _, c := range shown {
		headings = append(headings, strings.ToLower(c.heading))
	}
	m.head(append(headings, "waived")...)
	for r, err := range run.Results {
		if err != nil {
			return err
		}
		var cells []string
		for _, c := range shown {
			cells = append(cells, code(c.tableCell(&run, opts, &r).String()))
		}
		m.row(append(cells, code(strings.Join(waiverNotes(run, opts, r), "; "))))
	}
	m.line()
	m.line("</details>")
	m.line()
	return nil
}

// scan is what holds for the whole scan, folded.
func (m markdown) scan(run Run) {
	m.line("<details>")
	m.line("<summary>The scan</summary>")
	m.line()
	m.head("fact", "value")
	for _, f := range scanFacts(run) {
		m.row([]string{f.Term, code(f.Values[0])})
	}
	m.line()
	m.line("</details>")
}

// code is a clean text as a code span that fits into a cell of a table; empty
// for an empty one. A pipe would end the cell and is escaped. A backtick would
// end the span, and parsers do not agree on a pipe behind a backslash: both are
// written as Clean writes what cannot be shown.
func code(s string) string {
	if s == "" {
		return ""
	}
	s = strings.NewReplacer("`", `\u{0060}`, `\|`, `\\u{007C}`, "|", `\|`).Replace(s)
	if strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") && strings.Trim(s, " ") != "" {
		s = " " + s + " " // a parser takes one blank off each end
	}
	return "`" + s + "`"
}
