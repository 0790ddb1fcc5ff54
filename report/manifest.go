package report

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"kletscan/scanner"
)

// ManifestVersion is the version of what stands in the comments of a manifest.
const ManifestVersion = 1

// Artefact is one output of a run.
type Artefact struct {
	Format string
	File   string // as seen from the directory of the manifest; empty: standard output
	SHA256 []byte // of its bytes
}

// WriteManifest writes what a run was and what came of it. Its facts are
// comments, and its other lines are what sha256sum -c checks, so that the
// outputs can be checked with nothing but that:
//
//	# kletscan manifest, version 1
//	# inventory: 24 nodes = 20 assessed + 3 not reached + 1 not a node + 0 waived
//	e3b0c442...  audit.csv
//
// exit is the exit status of the run.
func WriteManifest(w io.Writer, run Run, opts Options, exit int, artefacts []Artefact) error {
	s, err := Summarize(run, opts)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# kletscan manifest, version %d\n", ManifestVersion)
	fact := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "# %s: %s\n", name, Clean(text))
		}
	}
	fact("run", run.ID)
	fact("tool", strings.TrimSpace(run.Tool+" "+run.Version))
	fact("rules", run.RulesDigest)
	fact("operator", run.Operator)
	fact("arguments", quoted(run.Arguments))
	fact("started", moment(run.Started).String())
	fact("finished", moment(run.Finished).String())
	fact("inventory source", run.Inventory)
	fact("inventory digest", run.InventoryDigest)
	fact("inventory", s.equation())
	fact("summary", s.Line())
	if run.Incomplete {
		fact("incomplete", "the results end before the end of the run")
	}
	fact("exit status", strconv.Itoa(exit))
	for _, a := range artefacts {
		if a.File == "" {
			fact("standard output", a.Format+", SHA-256 "+hex.EncodeToString(a.SHA256))
			continue
		}
		out.WriteString(checkLine(a))
	}
	return out.Flush()
}

// equation is how the nodes of the inventory add up.
func (c Counts) equation() string {
	notNodes := c.Status[scanner.NoKubelet] + c.Status[scanner.NotLinux]
	return fmt.Sprintf("%d nodes = %d assessed + %d not reached + %d not a node + %d waived",
		c.Total, c.Assessed(), c.NotAssessed()-notNodes, notNodes, c.Waived)
}

// checkLine is a line for sha256sum -c. As there, a backslash in front of the
// line says that the name is escaped.
func checkLine(a Artefact) string {
	mark, name := "", a.File
	if name == "-" {
		name = "./-" // alone it is standard input
	}
	if strings.ContainsAny(name, "\\\n\r") {
		mark = `\`
		name = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	}
	return mark + hex.EncodeToString(a.SHA256) + "  " + name + "\n"
}

// quoted are arguments as a shell would take them, as far as they are clean.
func quoted(args []string) string {
	list := make([]string, len(args))
	for i, arg := range args {
		list[i] = arg
		if arg == "" || strings.ContainsAny(arg, " \t\n'\"\\$&|;<>()*?[]{}!#~`") {
			list[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(list, " ")
}
