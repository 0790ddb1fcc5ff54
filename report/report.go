// Package report turns the results of a scan into bytes: a table for the
// operator, CSV for the auditor, JSON for programs. It knows how results look
// and nothing of how they were got.
//
// What is said of a node is said by one list, columns, and every format
// follows it: the table shows some of the columns, CSV and JSON all of them.
// Strings of a node's origin are hostile; each passes Clean on its way into
// Results and on its way out of a column, so no format has to remember it.
//
// A further format is one file with a function like writeCSV, one line in
// Formats and one golden file.
package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// SchemaVersion is the version of the CSV columns and of the JSON document.
// Adding a column keeps it; renaming, removing or changing the meaning of one
// raises it.
const SchemaVersion = 1

// Run is one scan, whole or interrupted: what every format gets.
type Run struct {
	Tool            string // kletscan
	Version         string // of the tool
	ID              string // differs for every run; empty: not known
	Started         time.Time
	Finished        time.Time
	Inventory       string   // where the nodes were named: a file, "-", or the command line
	InventoryDigest string   // "sha256:" and hex, of what was read there; empty: not known
	Skipped         int      // mistakes in the inventory that --skip-invalid passed over
	Shard           string   // K/N: it is part K of the N that the inventory was cut into; empty: it is the whole
	Arguments       []string // of the command line, redacted; nil: not known
	Operator        string   // user@host; empty: not known
	RulesDigest     string   // "sha256:" and hex, of the rules that judged; empty: not known
	Waivers         Waivers  // nil: none
	Results         Results  // one for each node, in the order of the inventory unless asked otherwise; must not be nil
	Single          bool     // it is about one node and not about a fleet: JSON is that node's object
	Incomplete      bool     // it was read from a file that was not written to its end
}

// Options are what the terminal wishes. The zero value is for a file or a pipe.
type Options struct {
	Width int       // columns of the terminal; 0: unlimited, nothing is wrapped
	Color bool      // ANSI colours; only tables have any
	Now   time.Time // when waivers are looked at: one that has expired is void; zero: before any end
}

// Format is one way to write a Run.
type Format struct {
	Name  string
	Help  string
	Write func(io.Writer, Run, Options) error // its only errors are those of the writer and of Run.Results

	// Begin, if not nil, begins to write a run whose Results are not known
	// yet: they are added to the Stream. It ignores Run.Results.
	Begin func(io.Writer, Run, Options) (*Stream, error)
}

// Formats are all formats, the one for people first.
var Formats = []Format{
	{Name: "table", Help: "one line per node and a summary, for reading", Write: writeTable},
	{Name: "wide", Help: "the table with more columns, a line per node of any length", Write: writeWide},
	{Name: "folded", Help: "nodes with the same answer in one line, and those unlike the rest of their group", Write: writeFolded},
	{Name: "csv", Help: "one row per node, RFC 4180, for audits and spreadsheets", Write: writeCSV},
	{Name: "json", Help: "one document, for programs", Write: writeJSON},
	{Name: "jsonl", Help: "one line per node as its visit ends, for pipelines", Write: writeJSONLines, Begin: beginJSONLines},
	{Name: "markdown", Help: "GitHub Flavored Markdown, for a ticket or the summary of a job", Write: writeMarkdown},
	{Name: "html", Help: "one page that needs no network, for people and for paper", Write: writeHTML},
	{Name: "plan", Help: "what to do, in order, per distribution, as Markdown", Write: writePlan},
	{Name: "junit", Help: "XML for CI servers: a suite per group, a case per node", Write: writeJUnit},
	{Name: "oscal", Help: "NIST OSCAL assessment results, JSON", Write: writeOSCAL},
	{Name: "ocsf", Help: "OCSF compliance findings, a line of JSON per node", Write: writeOCSF},
	{Name: "prometheus", Help: "metrics for the textfile collector of node_exporter", Write: writePrometheus},
}

// Lookup finds a format by its name. Its error lists the names there are.
func Lookup(name string) (Format, error) {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	return Format{}, fmt.Errorf("format %q: expected one of %s", name, strings.Join(names, ", "))
}
