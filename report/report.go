// Package report turns the results of a scan into bytes: a table for the
// operator, CSV for the auditor, JSON for programs. It knows how results look
// and nothing of how they were got.
//
// What is said of a node is said by one list, columns, and every format
// follows it: the table shows some of the columns, CSV and JSON all of them.
// Strings of a node's origin are hostile; each passes Clean on its way out of
// a column, so no format has to remember it.
//
// A further format is one file with a function like writeCSV, one line in
// Formats and one golden file.
package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"kletscan/scanner"
)

// SchemaVersion is the version of the CSV columns and of the JSON document.
// Adding a column keeps it; renaming, removing or changing the meaning of one
// raises it.
const SchemaVersion = 1

// Run is one scan, whole or interrupted: what every format gets.
type Run struct {
	Tool      string // kletscan
	Version   string // of the tool
	Started   time.Time
	Finished  time.Time
	Inventory string           // where the nodes were named: a file, "-", or the command line
	Skipped   int              // mistakes in the inventory that --skip-invalid passed over
	Results   []scanner.Result // one for each node of the inventory, in its order
	Single    bool             // it is about one node and not about a fleet: JSON is that node's object
}

// Options are what the terminal wishes. The zero value is for a file or a pipe.
type Options struct {
	Width int  // columns of the terminal; 0: unlimited, nothing is wrapped
	Color bool // ANSI colours; only the table has any
}

// Format is one way to write a Run.
type Format struct {
	Name  string
	Help  string
	Write func(io.Writer, Run, Options) error // its only errors are those of the writer
}

// Formats are all formats, the one for people first.
var Formats = []Format{
	{"table", "one line per node and a summary, for reading", writeTable},
	{"csv", "one row per node, RFC 4180, for audits and spreadsheets", writeCSV},
	{"json", "one document, for programs", writeJSON},
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
