package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ComparisonFormats are the formats of a Comparison.
var ComparisonFormats = []string{"table", "json", "markdown"}

// Write writes the comparison in one of ComparisonFormats. Its errors are those
// of the writer, and a format that there is not.
func (c *Comparison) Write(w io.Writer, format string, opts Options) error {
	switch format {
	case "table":
		return c.writeTable(w, opts)
	case "json":
		return c.writeJSON(w)
	case "markdown":
		return c.writeMarkdown(w)
	}
	return fmt.Errorf("format %q: expected one of %s", format, strings.Join(ComparisonFormats, ", "))
}

// sameChange are nodes with the same change.
type sameChange struct {
	Change // of the first; what differs from node to node is left out
	names  []string
}

// folded are the changes, those that are the same but for what is a node's own
// in one.
func (c *Comparison) folded() (list []*sameChange) {
	type words struct {
		kind             ChangeKind
		effect           Effect
		before, now, why string
	}
	index := make(map[words]*sameChange)
	for _, change := range c.Changes {
		whole := change
		for _, text := range []*string{&change.Before, &change.Now, &change.Why} {
			*text = ownWords.ReplaceAllString(replaceWord(*text, change.Node), ellipsis)
		}
		key := words{change.Kind, change.Effect, change.Before, change.Now, change.Why}
		same := index[key]
		if same == nil {
			same = &sameChange{Change: whole}
			index[key] = same
			list = append(list, same)
		}
		if same.Before != whole.Before || same.Now != whole.Now || same.Why != whole.Why {
			same.Before, same.Now, same.Why = change.Before, change.Now, change.Why
		}
		same.names = append(same.names, change.Node)
	}
	return list
}

// Line is the summary in one line, whose numbers add up to both runs.
func (c *Comparison) Line() string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{c.Worse, "worse"}, {c.Lost, "lost sight of"}, {c.Changed, "changed"}, {c.Unchanged, "unchanged"}} {
		parts = appendCount(parts, part.n, part.word)
	}
	return fmt.Sprintf("%s before, %d gone, %d new, %d now%s", countNodes(c.Old.Size), c.Disappeared, c.Appeared, c.New.Size, inParentheses(parts))
}

// Notes are what to know before one trusts the comparison, in one line each.
func (c *Comparison) Notes() (notes []string) {
	old, new := c.Old.Run, c.New.Run
	note := func(format string, args ...any) { notes = append(notes, Clean(fmt.Sprintf(format, args...))) }
	for _, side := range []Compared{c.Old, c.New} {
		if side.Run.Incomplete {
			note("%s was not written to its end: nodes are missing there", side.File)
		}
	}
	if old.Started.After(new.Started) && !new.Started.IsZero() {
		note("%s is of a later scan than %s: are they the right way round?", c.Old.File, c.New.File)
	}
	switch {
	case old.Version != new.Version:
		note("kletscan %s and %s made these results: what only one of them knows may seem to have changed", old.Version, new.Version)
	case old.RulesDigest != new.RulesDigest:
		note("these results were judged by different rules: what only one of them knows may seem to have changed")
	}
	return notes
}

func (c *Comparison) writeTable(w io.Writer, opts Options) error {
	out := bufio.NewWriter(w)
	p := printer{out: out, width: opts.Width}
	if changes := c.folded(); len(changes) > 0 {
		if err := p.changes(changes, opts.Color); err != nil {
			return err
		}
	}
	p.paragraph("", c.Line())
	for _, note := range c.Notes() {
		p.paragraph("", note)
	}
	return out.Flush()
}

func (p printer) changes(changes []*sameChange, color bool) error {
	table := newNodeTable([]string{"NODES", "COUNT", "CHANGE", "BEFORE", "NOW", whyHeading})
	table.painted, table.right = "CHANGE", []bool{false, true, false, false, false, false}
	table.shown = slices.Repeat([]bool{true}, len(table.headings))
	rows := make([][]string, len(changes))
	for i, c := range changes {
		rows[i] = []string{foldedWords(c.names), strconv.Itoa(len(c.names)), string(c.Kind), c.Before, c.Now, c.Why}
		table.measure(rows[i])
	}
	out := table.writer(p)
	for i, c := range changes {
		shade := ""
		if color {
			shade = effectColor(c.Effect)
		}
		if err := out.add(rows[i], shade); err != nil {
			return err
		}
	}
	return out.end()
}

func effectColor(e Effect) string {
	switch e {
	case Worse:
		return red
	case LostSightOf:
		return yellow
	case Better:
		return green
	}
	return dim
}

func (c *Comparison) writeMarkdown(w io.Writer) error {
	m := markdown{bufio.NewWriter(w)}
	switch c.Effect() {
	case Worse:
		m.line("# ", countNodes(c.Worse), " got worse")
	case LostSightOf:
		m.line("# Nothing is known to have got worse, and not everything is known")
	default:
		m.line("# Nothing got worse")
	}
	m.line()
	m.line("- ", c.Line())
	for _, note := range c.Notes() {
		m.line("- ", listed(note))
	}
	m.line()
	if rows := c.folded(); len(rows) > 0 {
		m.head("nodes", "count", "change", "before", "now", "why")
		for _, r := range rows {
			kind := string(r.Kind)
			if r.Effect == Worse {
				kind = "**" + kind + "**"
			}
			m.row([]string{code(foldedWords(r.names)), strconv.Itoa(len(r.names)), kind, code(r.Before), code(r.Now), code(r.Why)})
		}
	}
	return m.out.Flush()
}

// comparisonJSON is the JSON format of a comparison. Its changes are not
// folded.
type comparisonJSON struct {
	SchemaVersion int          `json:"schema_version"`
	Result        string       `json:"result"` // worse, lost-sight-of or neutral: what the exit code says
	Old           comparedJSON `json:"old"`
	New           comparedJSON `json:"new"`
	Summary       struct {
		Worse       int                `json:"worse"`
		Lost        int                `json:"lost_sight_of"`
		Changed     int                `json:"changed"`
		Unchanged   int                `json:"unchanged"` // adds up, with those above, to the nodes of the new run
		Appeared    int                `json:"appeared"`
		Disappeared int                `json:"disappeared"`
		Kinds       map[ChangeKind]int `json:"kinds"` // every kind is there
	} `json:"summary"`
	Notes   []string     `json:"notes"`
	Changes []changeJSON `json:"changes"`
}

type comparedJSON struct {
	File        string `json:"file"`
	RunID       string `json:"run_id"`
	ToolVersion string `json:"tool_version"`
	RulesDigest string `json:"rules_digest"`
	Started     string `json:"scan_started"` // UTC, RFC 3339; empty: not known
	Nodes       int    `json:"nodes"`
	Incomplete  bool   `json:"incomplete"`
}

type changeJSON struct {
	Kind   ChangeKind `json:"kind"`
	Effect string     `json:"effect"`
	Node   string     `json:"node"`
	Group  string     `json:"group"`
	Before string     `json:"before"`
	Now    string     `json:"now"`
	Why    string     `json:"why"`
}

func (c *Comparison) writeJSON(w io.Writer) error {
	doc := comparisonJSON{
		SchemaVersion: SchemaVersion, Result: c.Effect().String(), Old: c.Old.forJSON(), New: c.New.forJSON(),
		Notes: append([]string{}, c.Notes()...), Changes: make([]changeJSON, len(c.Changes)),
	}
	s := &doc.Summary
	s.Worse, s.Lost, s.Changed, s.Unchanged, s.Appeared, s.Disappeared = c.Worse, c.Lost, c.Changed, c.Unchanged, c.Appeared, c.Disappeared
	s.Kinds = make(map[ChangeKind]int, len(changeKinds))
	for _, kind := range changeKinds {
		s.Kinds[kind] = 0
	}
	for i, change := range c.Changes {
		s.Kinds[change.Kind]++
		doc.Changes[i] = changeJSON{change.Kind, change.Effect.String(), change.Node, change.Group, change.Before, change.Now, change.Why}
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(doc)
}

func (c Compared) forJSON() comparedJSON {
	return comparedJSON{
		File: Clean(c.File), RunID: Clean(c.Run.ID), ToolVersion: Clean(c.Run.Version), RulesDigest: Clean(c.Run.RulesDigest),
		Started: moment(c.Run.Started).String(), Nodes: c.Size, Incomplete: c.Run.Incomplete,
	}
}
