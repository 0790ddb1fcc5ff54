package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"kletscan/report"
	"kletscan/scanner"
)

// outputOptions is what a run is written as, and what it exits with.
type outputOptions struct {
	outputs  []output
	manifest string // file; empty: none
	waivers  report.Waivers
	fail     failOn
	warnDays int64
	byExpiry bool
	inputs   []string // files that no output may replace
}

func parseOutputFlags(c *cli.Context) (o outputOptions, err error) {
	if o, err = parseSavedOutputFlags(c); err != nil {
		return o, err
	}
	o.warnDays, err = parseDays(c.String("warn-expiry"))
	return o, err
}

// parseSavedOutputFlags is parseOutputFlags for savedOutputFlags.
func parseSavedOutputFlags(c *cli.Context) (o outputOptions, err error) {
	if o.fail, err = parseFailOn(c.String("fail-on")); err != nil {
		return o, err
	}
	if o.byExpiry, err = parseChoice(c, "sort", "expiry", sortInventory); err != nil {
		return o, err
	}
	if o.waivers, err = parseWaivers(c); err != nil {
		return o, err
	}
	if o.outputs, err = parseOutputs(c.StringSlice("output"), c.Bool("no-color")); err != nil {
		return o, err
	}
	o.inputs = inputFiles(c)
	o.manifest, err = parseManifest(c.String("manifest"), o.outputs)
	return o, err
}

// inputFiles are the files that a command line names to be read, or to be kept:
// no output may take the place of one.
func inputFiles(c *cli.Context) []string {
	files := c.Args().Slice()
	for _, name := range []string{"inventory", "private-key", "known-hosts"} {
		files = append(files, c.StringSlice(name)...)
	}
	for _, name := range []string{"ssh-config", "results", "resume", "waivers", "evidence", "argv"} {
		if file := c.String(name); file != "" {
			files = append(files, file)
		}
	}
	return files
}

// warn is a result with the condition that --warn-expiry asks for. The result
// itself stays as it was.
func (o outputOptions) warn(r scanner.Result) scanner.Result {
	r.Verdict.Conditions = slices.Clone(r.Verdict.Conditions)
	r.Verdict.WarnExpiry(o.warnDays)
	return r
}

// ordered are results in the order of --sort.
func (o outputOptions) ordered(results *spool) report.Results {
	if o.byExpiry {
		results.SortByExpiry()
	}
	return results.Results()
}

// finish writes a run and decides the exit code.
func (o outputOptions) finish(t terminal, run report.Run, opts report.Options, outputs *sinks) error {
	if err := t.warnOfWaivers(run, opts.Now); err != nil {
		return err
	}
	if err := outputs.write(t, run, opts); err != nil {
		return err
	}
	code, err := exitCode(run, o.fail, opts.Now)
	if err != nil {
		return err
	}
	if err := outputs.writeManifest(run, opts, code); err != nil {
		return err
	}
	return exitWith(code)
}

// output is one -o FORMAT[=FILE].
type output struct {
	format  report.Format
	file    string // empty: standard output
	noColor bool
}

func (o output) String() string {
	if o.file == "" {
		return o.format.Name
	}
	return o.format.Name + "=" + o.file
}

// parseOutputs reads the values of -o. Standard output takes one format, and
// no file takes two.
func parseOutputs(values []string, noColor bool) ([]output, error) {
	if len(values) == 0 {
		values = []string{report.Formats[0].Name}
	}
	var list []output
	taken := make(map[string]string)
	for _, value := range values {
		name, file, named := strings.Cut(value, "=")
		format, err := report.Lookup(name)
		if err != nil {
			return nil, fmt.Errorf("-o %s: %w", value, err)
		}
		if named && file == "" {
			return nil, fmt.Errorf("-o %s: expected a file name behind =", value)
		}
		key := file
		if named {
			key = filepath.Clean(file)
		}
		if other, ok := taken[key]; ok {
			return nil, fmt.Errorf("-o %s: -o %s writes to the same place: give one of them a file, FORMAT=FILE", value, other)
		}
		taken[key] = value
		list = append(list, output{format: format, file: file, noColor: noColor})
	}
	return list, nil
}

func formatNames() string {
	var names []string
	for _, f := range report.Formats {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}
