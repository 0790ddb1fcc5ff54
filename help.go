package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"kletscan/report"
)

// helpCommand is hidden, since every help says that there is help.
func helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "show what kletscan does, or what one of its commands does",
		ArgsUsage: "[COMMAND]",
		Hidden:    true,
		Description: `Examples:
   kletscan help
   kletscan help scan` + exitStatusPlain,
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			switch name := c.Args().First(); {
			case name == "":
				return showHelp(c.App, nil)
			case c.App.Command(name) == nil:
				return usageError(fmt.Errorf("%q is not a command of kletscan: expected one of %s", name, commands(c.App)))
			case c.Args().Len() > 1:
				return usageError(fmt.Errorf("%q: help takes one command", c.Args().Get(1)))
			default:
				return showHelp(c.App, c.App.Command(name))
			}
		},
	}
}

// showHelp writes the help of a command, or with nil of the program, as wide as
// the screen is.
func showHelp(app *cli.App, c *cli.Command) error {
	p := newPage(app.Writer)
	if c != nil {
		p.help(commandOf(c), nil)
	} else {
		p.help(command{
			usage: app.Usage, args: "COMMAND [flags] ...", description: app.Description, flags: flagsOf(app.VisibleFlags()),
		}, commandTree(app))
	}
	_, err := io.WriteString(app.Writer, p.String())
	if errors.Is(err, syscall.EPIPE) { // its reader has seen enough
		return nil
	}
	return err
}

// onUsageError shows help where that is what was asked for, which the flag
// package has as an error. It makes a mistake in the flags exit 2 with one line.
func onUsageError(c *cli.Context, err error, _ bool) error {
	command, name := c.Command, "kletscan "+c.Command.Name
	if c.Command.Name == c.App.Name {
		command, name = nil, c.App.Name
	}
	if errors.Is(err, flag.ErrHelp) {
		return showHelp(c.App, command)
	}
	if text := flagMistake(c.Command.Flags, err.Error()); text != "" {
		return usageError(errors.New(text))
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		text = "unknown flag " + dashed(name)
	}
	return usageError(fmt.Errorf("%s: see %s --help", text, name))
}

// badValue is how the flag package words a value that it cannot read.
var badValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([^:]+): `)

// flagMistake says what is wrong with a flag that there is, from the words of
// the libraries; empty: it is another mistake.
func flagMistake(flags []cli.Flag, text string) string {
	if match := badValue.FindStringSubmatch(text); match != nil {
		value, name := match[1], match[2]
		return fmt.Sprintf("%s %s: expected %s", dashed(name), value, expectedOf(named(flags, name)))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		if f, ok := named(flags, name).(cli.DocGenerationFlag); ok {
			return fmt.Sprintf("%[1]s: expected a value behind it, as in %[1]s %[2]s", dashed(name), flagOf(f).value)
		}
	}
	if both, ok := strings.CutPrefix(text, "Cannot use two forms of the same flag: "); ok {
		one, other, _ := strings.Cut(both, " ")
		return fmt.Sprintf("%s and %s: expected one of them, since they are the same flag", dashed(one), dashed(other))
	}
	return ""
}

// named is the flag of that name; nil: there is none.
func named(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// expectedOf says what a flag takes that takes no text.
func expectedOf(f cli.Flag) string {
	switch f.(type) {
	case *cli.DurationFlag:
		return "a time such as 30s"
	case *cli.BoolFlag:
		return "true or false, or no value"
	}
	return "a number such as 8"
}

const (
	helpMargin = "   "
	flagColumn = 34 // where the meaning of a flag begins: most names fit in front of it
)

// help is the help of a command and, in short, of those below it.
func (p *page) help(c command, below []command) {
	name := strings.TrimSpace("kletscan " + c.name)
	if below == nil {
		c.args = strings.TrimSpace("[flags] " + c.args)
	}
	lines(p, "NAME:")
	p.hang(helpMargin, name+" - "+c.usage)
	lines(p, "", "USAGE:", helpMargin+name+" "+c.args, "", "DESCRIPTION:")
	p.describe(c.description)
	if below != nil {
		lines(p, "", "COMMANDS:")
		for _, c := range below {
			p.hang(fmt.Sprintf("%s%-12s", helpMargin, c.name), c.usage)
		}
		lines(p, "", helpMargin+"kletscan help COMMAND has the flags of each.")
	}
	lines(p, "", "FLAGS:")
	for _, f := range c.flags {
		names := helpMargin + f.heading()
		if len(names) > flagColumn-2 {
			lines(p, names)
			names = ""
		}
		p.hang(fmt.Sprintf("%-*s", flagColumn, names), f.meaning())
	}
}

// heading is a flag as it is typed, the short name first and the long names
// below each other.
func (f cliFlag) heading() string {
	names := f.dashed()
	slices.Reverse(names)
	text := strings.TrimSpace(strings.Join(names, ", ") + " " + f.value)
	if strings.HasPrefix(text, "--") {
		return "    " + text
	}
	return text
}

// meaning is what a flag is for, and its value where it is not given.
func (f cliFlag) meaning() string {
	if f.fallback == "" {
		return f.usage
	}
	return f.usage + " (default " + f.fallback + ")"
}

// describe writes a description. Text at the margin flows. What is indented is
// an item, and lines that are indented further go on with it: one with a gap
// hangs from there, and any other, such as a command, is not broken.
func (p *page) describe(text string) {
	item := ""
	for i, line := range append(strings.Split(text, "\n"), "") {
		in, before := indent(line), indent(item)
		switch {
		case i == 0:
			item = line
		case line != "" && item != "" && (in == 0 && before == 0 || in > before && before > 0):
			item += " " + strings.TrimSpace(line)
		default:
			p.item(item)
			item = line
		}
	}
}

// gapped is the beginning of an indented line up to where its meaning begins.
var gapped = regexp.MustCompile(`^ +\S.*?  +`)

func (p *page) item(text string) {
	switch begin := gapped.FindString(text); {
	case indent(text) > 0 && begin == "":
		lines(p, helpMargin+text)
	case text == "":
		lines(p, "")
	default:
		p.hang(helpMargin+begin, text[len(begin):])
	}
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// page is text that is wrapped for a screen of that many columns.
type page struct {
	strings.Builder
	width int
}

// newPage is for a stream, which need not be a terminal: people read it.
func newPage(stream any) *page {
	const narrow, wide = 40, 100 // columns between which text can be read with ease
	width := columns(stream)
	if width == 0 {
		width = defaultColumns
	}
	return &page{width: min(max(width, narrow), wide)}
}

// hang writes text behind what its first line begins with, and its other lines
// below that.
func (p *page) hang(begin, text string) {
	for i, line := range report.Wrap(text, p.width-len(begin)) {
		if i > 0 {
			begin = strings.Repeat(" ", len(begin))
		}
		lines(p, begin+line)
	}
}
