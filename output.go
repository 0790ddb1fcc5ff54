package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"kletscan/report"
)

// outputOptions is what a run is written as, and what it exits with.
type outputOptions struct {
	outputs  []output
	fail     failOn
	warnDays int64
	byExpiry bool
}

func parseOutputFlags(c *cli.Context) (o outputOptions, err error) {
	if o.fail, err = parseFailOn(c.String("fail-on")); err != nil {
		return o, err
	}
	if o.byExpiry, err = parseChoice(c, "sort", "expiry", sortInventory); err != nil {
		return o, err
	}
	if o.warnDays, err = parseDays(c.String("warn-expiry")); err != nil {
		return o, err
	}
	o.outputs, err = parseOutputs(c.StringSlice("output"), c.Bool("no-color"))
	return o, err
}

// finish writes a run and decides the exit code.
func (o outputOptions) finish(t terminal, run report.Run, outputs sinks) error {
	for i := range run.Results {
		run.Results[i].Verdict.WarnExpiry(o.warnDays)
	}
	if o.byExpiry {
		report.SortByExpiry(run.Results)
	}
	if err := outputs.write(t, run); err != nil && !errors.Is(err, syscall.EPIPE) { // kletscan ... | head has seen enough
		return err
	}
	return exitWith(exitCode(run.Results, o.fail))
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

// sink is an output that is ready to be written. Files are made before the
// scan: after it would be too late to learn that one cannot be written.
type sink struct {
	output
	temp *os.File // beside output.file; nil: standard output
}

// sinks are the outputs of one run.
type sinks []sink

// openSinks makes the files of all outputs. Whoever calls it calls discard.
func openSinks(outputs []output) (list sinks, err error) {
	for _, o := range outputs {
		s := sink{output: o}
		if o.file != "" {
			s.temp, err = os.CreateTemp(filepath.Dir(o.file), "."+filepath.Base(o.file)+".*")
			if err != nil {
				list.discard()
				return nil, fmt.Errorf("-o %s: %w", o, err)
			}
		}
		list = append(list, s)
	}
	return list, nil
}

// write puts a run into every output. A file appears whole or not at all.
func (list sinks) write(t terminal, run report.Run) error {
	for _, s := range list {
		if err := s.write(t, run); err != nil {
			return fmt.Errorf("-o %s: %w", s.output, err)
		}
	}
	return nil
}

func (s sink) write(t terminal, run report.Run) error {
	if s.temp == nil {
		return s.format.Write(t.stdout, run, t.options(s.noColor))
	}
	if err := s.format.Write(s.temp, run, report.Options{}); err != nil {
		return err
	}
	if err := errors.Join(s.temp.Chmod(0o644), s.temp.Sync(), s.temp.Close()); err != nil {
		return err
	}
	return os.Rename(s.temp.Name(), s.file)
}

// discard removes what was not written to its end.
func (list sinks) discard() {
	for _, s := range list {
		if s.temp != nil {
			s.temp.Close()
			os.Remove(s.temp.Name()) // gone already when all went well
		}
	}
}
