package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/report"
	"kletscan/scanner"
)

// verbosity is how much goes to stderr beside errors. The zero value is
// warnings, and progress on a terminal.
type verbosity struct {
	quiet   bool // neither
	verbose bool // a line for each node as its visit ends
	trace   bool // and how long each stage of it took, and how its verdict came about
}

// hushable gives a command the flag --quiet.
func (t terminal) hushable(c *cli.Command) *cli.Command {
	c.Flags = append(c.Flags, &cli.BoolFlag{
		Name: "quiet", Aliases: []string{"q"}, Destination: &t.verbosity.quiet,
		Usage: "no progress and no warnings, only the result and errors",
	})
	return c
}

// chatty gives a command that visits nodes --quiet, -v and -vv.
func (t terminal) chatty(c *cli.Command) *cli.Command {
	c = t.hushable(c)
	c.Flags = append(
		c.Flags,
		&cli.BoolFlag{
			Name: "verbose", Aliases: []string{"v"}, Destination: &t.verbosity.verbose,
			Usage: "tell of each node what was found, as its visit ends",
		},
		&cli.BoolFlag{
			Name: "vv", Destination: &t.verbosity.trace,
			Usage: "as --verbose, and how long each stage took and what the verdict rests on",
		},
	)
	c.Before = func(*cli.Context) error {
		if t.verbosity.quiet && (t.verbosity.verbose || t.verbosity.trace) {
			return usageError(errors.New("--quiet: expected neither --verbose nor --vv beside it"))
		}
		return nil
	}
	return c
}

// tell says what the visit of a node came to.
func (t terminal) tell(r scanner.Result) {
	said := r.Verdict.Rotation.String()
	for _, c := range r.Verdict.Conditions {
		said += ", " + string(c)
	}
	if why := r.Verdict.Why; why != "" {
		said += ": " + why
	}
	if r.Status != scanner.OK {
		said = r.Status.String() + ": " + r.Error
	}
	t.say(fmt.Sprintf("%s: after %v: %s", r.Node.Name, r.Duration.Round(time.Millisecond), said))
	if took := report.StageWords(r.Stages); t.verbosity.trace && took != "" {
		t.say(r.Node.Name + ":   stages: " + took)
	}
	if t.verbosity.trace && r.Status == scanner.OK {
		for _, line := range traceOf(r.Verdict) {
			t.say(r.Node.Name + ":   " + line)
		}
	}
}

// traceOf is what a verdict rests on, one line each.
func traceOf(v scanner.Verdict) (trace []string) {
	add := func(name string, parts ...string) {
		parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
		if len(parts) > 0 {
			trace = append(trace, name+": "+strings.Join(parts, ", "))
		}
	}
	process := ""
	if v.PID != 0 {
		process = fmt.Sprintf("process %d", v.PID)
	}
	add("kubelet", v.Version, string(v.Distro), process, v.Unit)
	for _, s := range v.Settings {
		if s.Detail != "" {
			add(s.Name, "not known", s.Detail)
		} else {
			add(s.Name, s.Value, s.Source.String())
		}
	}
	if v.Served.Address != "" {
		add("certificate", v.Served.Class.String(), v.Served.Address, v.Served.Subject, v.Served.Why)
	}
	for _, l := range v.Letter {
		add("the letter of "+string(l.Rule), string(l.Result), l.Why)
	}
	for _, other := range v.Others {
		add("other kubelet", other)
	}
	return trace
}
