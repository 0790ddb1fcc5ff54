package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"kletscan/report"
)

const diffExitStatus = `

EXIT STATUS
   0    nothing got worse, and of no node less is known than before
   1    internal or I/O error
   2    the command line is wrong, or a file holds no results
   3    something got worse: a node is off or invalid, or has a condition that wants
        somebody to act, and was not known to before; nodes that appeared count, too
   4    nothing is known to have got worse, but nodes are not known any more, or are new
        and not known, or NEW was not written to its end
   130  interrupted`

func diffCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "tell what has changed between two saved runs",
		ArgsUsage: "OLD NEW",
		Description: `OLD and NEW are files that -o json=FILE or -o jsonl=FILE wrote; one of them may be -,
standard input. Nodes are compared by their names, and by facts: a condition that depends
on --warn-expiry, or the words of another version, are no change. What is not known is
never taken for off, nor for on: a node that nobody could look at is lost sight of.

Examples:
   kletscan diff monday.json tuesday.json
   kletscan diff -o markdown baseline.jsonl today.jsonl > changes.md` + diffExitStatus,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: report.ComparisonFormats[0], Usage: "`FORMAT`, one of " + strings.Join(report.ComparisonFormats, ", ")},
			&cli.BoolFlag{Name: "no-color", Usage: "no colours, as with NO_COLOR"},
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			files, format := c.Args().Slice(), c.String("output")
			if err := checkDiff(files, format); err != nil {
				return usageError(err)
			}
			return runDiff(files[0], files[1], format, t.options(c.Bool("no-color")), t)
		},
	}
}

func checkDiff(files []string, format string) error {
	for _, file := range files {
		if strings.HasPrefix(file, "-") && file != "-" {
			return fmt.Errorf("%s stands behind a file: flags come before the files", file)
		}
	}
	switch {
	case !slices.Contains(report.ComparisonFormats, format):
		return fmt.Errorf("-o %s: expected one of %s", format, strings.Join(report.ComparisonFormats, ", "))
	case len(files) != 2:
		return errors.New("expected two files, OLD and NEW, that -o json=FILE or -o jsonl=FILE wrote")
	case files[0] == "-" && files[1] == "-":
		return errors.New("-: standard input is there only once")
	}
	return nil
}

func runDiff(oldName, newName, format string, opts report.Options, t terminal) error {
	var runs []report.Run
	for _, name := range []string{oldName, newName} {
		file, err := openResults(name, t.stdin)
		if err != nil {
			return usageError(err)
		}
		defer file.Close()
		run, err := report.Read(name, file)
		if err != nil {
			return usageError(err)
		}
		runs = append(runs, run)
	}
	comparison, err := report.Compare(oldName, runs[0], newName, runs[1])
	if err != nil {
		return usageError(err)
	}
	if err := comparison.Write(t.stdout, format, opts); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	switch comparison.Effect() {
	case report.Worse:
		return exitWith(exitFailed)
	case report.LostSightOf:
		return exitWith(exitIncomplete)
	}
	return nil
}
