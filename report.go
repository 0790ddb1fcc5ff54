package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/report"
	"kletscan/scanner"
)

func reportCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "write saved results again, in any format",
		ArgsUsage: "RESULTS ...",
		Description: `RESULTS are files that -o json=FILE or -o jsonl=FILE wrote; - is standard input. Of
several files, each has its own nodes, and all of them become one report.

Nothing is judged again: the results are what the scan found. A waiver holds or not
as it did at the scan, unless --waivers gives others, which hold as of today. A file
of lines that was not written to its end is an incomplete run, and exits 4 at best.

Examples:
   kletscan report -o html=report.html results.json
   kletscan report -o csv=all.csv --manifest sums berlin.jsonl paris.jsonl
   kletscan report --overlap newest monday.json tuesday.json` + exitStatus,
		Flags:        append([]cli.Flag{overlapFlag()}, savedOutputFlags()...),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			o, err := parseReport(c)
			if err != nil {
				return usageError(err)
			}
			return runReport(c.Context, o, t)
		},
	}
}

// The words of --overlap.
const (
	overlapRefuse = "refuse"
	overlapNewest = "newest"
)

func overlapFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "overlap", Value: overlapRefuse,
		Usage: "what to do with a node that several files have: `WORD` is refuse, or newest for the result of the latest scan",
	}
}

// savedOutputFlags are the output flags that make sense for saved results:
// conditions that the scan set stay as they are.
func savedOutputFlags() (flags []cli.Flag) {
	for _, f := range outputFlags() {
		if f.Names()[0] != "warn-expiry" {
			flags = append(flags, f)
		}
	}
	return flags
}

// reportOptions is what the command line of report comes to.
type reportOptions struct {
	files        []string
	newest       bool // of two results of a node the one of the latest scan; false: two are a mistake
	waiversToday bool // they hold as of today, since --waivers gives them
	outputOptions
}

func parseReport(c *cli.Context) (o reportOptions, err error) {
	o.files, o.waiversToday = c.Args().Slice(), c.IsSet("waivers")
	if len(o.files) == 0 {
		return o, errors.New("nothing to report: expected files that -o json=FILE or -o jsonl=FILE wrote")
	}
	stdin := 0
	for _, file := range o.files {
		if file == "-" {
			stdin++
		} else if strings.HasPrefix(file, "-") {
			return o, fmt.Errorf("%s stands behind a file: flags come before the files", file)
		}
	}
	if stdin > 1 {
		return o, errors.New("-: standard input is there only once")
	}
	if o.newest, err = parseChoice(c, "overlap", overlapNewest, overlapRefuse); err != nil {
		return o, err
	}
	o.outputOptions, err = parseSavedOutputFlags(c)
	return o, err
}

func runReport(ctx context.Context, o reportOptions, t terminal) error {
	var runs []report.Run
	for _, name := range o.files {
		file, err := openResults(name, t.stdin)
		if err != nil {
			return usageError(err)
		}
		defer file.Close()
		run, err := report.Read(name, file)
		if err != nil {
			return usageError(err)
		}
		if run.Incomplete {
			t.say(name + ": an incomplete run: its last line is missing, and so may be nodes")
		}
		if o.waiversToday {
			run.Waivers = o.waivers
		}
		run.Results = until(ctx, run.Results)
		runs = append(runs, run)
	}
	results := newSpool()
	defer results.Close()
	run, err := report.Merge(o.files, runs, o.newest, &results.Spool)
	if ctx.Err() != nil {
		return exitWith(exitInterrupted)
	}
	if errors.Is(err, report.ErrSpool) {
		return err
	}
	if err != nil {
		return usageError(err)
	}
	for _, line := range report.MissingShards(runs) {
		t.say(line + ": an incomplete report")
	}
	run.Results = until(ctx, o.ordered(results))
	opts := report.Options{Now: run.Started}
	if o.waiversToday {
		opts.Now = time.Now()
	}
	outputs, err := openSinks(o.outputOptions)
	if err != nil {
		return err
	}
	defer outputs.discard()
	err = o.finish(t, run, opts, outputs)
	if ctx.Err() != nil {
		return exitWith(exitInterrupted)
	}
	return err
}

// until are results that end with an error when ctx does.
func until(ctx context.Context, results report.Results) report.Results {
	return func(yield func(scanner.Result, error) bool) {
		for r, err := range results {
			if ctx.Err() != nil {
				yield(scanner.Result{}, ctx.Err())
				return
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// openResults opens a file of results. What cannot be read twice, such as a
// pipe, is copied to a temporary file first.
func openResults(name string, stdin io.Reader) (io.ReadSeekCloser, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w: expected a file that -o json=FILE or -o jsonl=FILE wrote", err)
		}
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return file, nil
		} else if err == nil && info.IsDir() {
			return nil, errors.Join(fmt.Errorf("%s is a directory: expected a file that -o json=FILE or -o jsonl=FILE wrote", name), file.Close())
		}
		defer file.Close()
		in = file
	}
	copied, err := newTempFile()
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(copied, in); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), copied.Close())
	}
	return copied, nil
}
