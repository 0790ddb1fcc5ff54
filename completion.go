package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner/probe"
)

const exitStatusPlain = `

EXIT STATUS
   0    it was written
   1    internal or I/O error
   2    the command line is wrong`

// shellNames are the shells that completion writes a script for.
var shellNames = []string{"bash", "zsh", "fish"}

func completionCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "write a script that completes commands, flags and their values",
		ArgsUsage: strings.Join(shellNames, "|"),
		Description: `The script knows all that this kletscan knows, and never runs it.

Examples:
   source <(kletscan completion bash)
   kletscan completion zsh >"${fpath[1]}/_kletscan"
   kletscan completion fish >~/.config/fish/completions/kletscan.fish` + exitStatusPlain,
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			var script strings.Builder
			commands, shell := commandTree(c.App), strings.Join(c.Args().Slice(), " ")
			switch shell {
			case "bash":
				bashCompletion(&script, commands)
			case "zsh":
				zshCompletion(&script, commands)
			case "fish":
				fishCompletion(&script, commands)
			default:
				return usageError(fmt.Errorf("%s: expected one of %s", strings.TrimSpace("completion "+shell), strings.Join(shellNames, ", ")))
			}
			_, err := io.WriteString(t.stdout, script.String())
			return err
		},
	}
}

// command is a command as a completion script and the manual have it.
type command struct {
	name, usage, args, description string
	flags                          []cliFlag
}

// cliFlag is a flag of a command.
type cliFlag struct {
	names    []string // without dashes, the long one first
	value    string   // what stands for its value; empty: it takes none
	usage    string
	fallback string // its value where it is not given; empty: none
}

// commandTree is every command that help shows, in its order.
func commandTree(app *cli.App) (list []command) {
	for _, c := range app.VisibleCommands() {
		list = append(list, commandOf(c))
	}
	return list
}

func commandOf(c *cli.Command) command {
	return command{name: c.Name, usage: c.Usage, args: c.ArgsUsage, description: c.Description, flags: flagsOf(c.VisibleFlags())}
}

// flagsOf are flags, and --help, which every command has.
func flagsOf(flags []cli.Flag) (list []cliFlag) {
	for _, f := range flags {
		if flag, ok := f.(cli.DocGenerationFlag); ok {
			list = append(list, flagOf(flag))
		}
	}
	return append(list, cliFlag{names: []string{"help", "h"}, usage: "show help"})
}

func flagOf(flag cli.DocGenerationFlag) cliFlag {
	f := cliFlag{names: flag.Names(), usage: strings.ReplaceAll(flag.GetUsage(), "`", "")}
	if !flag.TakesValue() {
		return f
	}
	f.value = "TIME" // durations name no value in their usage
	if _, rest, ok := strings.Cut(flag.GetUsage(), "`"); ok {
		f.value, _, _ = strings.Cut(rest, "`")
	}
	if fallback := strings.Trim(flag.GetDefaultText(), `"`); fallback != "[]" {
		f.fallback = fallback
	}
	return f
}

// dashed are the names of a flag as they are typed.
func (f cliFlag) dashed() (names []string) {
	for _, name := range f.names {
		names = append(names, dashed(name))
	}
	return names
}

func dashed(name string) string { return dashes(name) + name }

func dashes(name string) string {
	if len(name) == 1 || name == "vv" {
		return "-"
	}
	return "--"
}

// kind is what a value, or an argument that is no flag, may be.
type kind uint8

const (
	kindFree kind = iota
	kindFile
	kindDir
	kindWord   // one of words
	kindList   // some of words, with commas between
	kindOutput // one of words, or one of words, "=" and a file
)

// values says what the value of a flag may be.
func (f cliFlag) values() (k kind, words []string) {
	switch f.names[0] {
	case "output":
		switch f.value {
		case "FORMAT": // of diff
			return kindWord, report.ComparisonFormats
		case "WORD": // of inventory
			return kindWord, []string{"table", "json"}
		}
		for _, format := range report.Formats {
			words = append(words, format.Name)
		}
		return kindOutput, words
	case "fail-on":
		return kindList, failWords()
	case "serving":
		return kindWord, []string{servingAuto, "off"}
	case "sort":
		return kindWord, []string{sortInventory, "expiry"}
	case "inventory-format":
		for _, format := range inventory.Formats {
			words = append(words, format.Name)
		}
		return kindWord, words
	case "address-type":
		return kindWord, addressTypes()
	case "host-key-policy":
		return kindWord, []string{policyStrict, policyAcceptNew}
	case "become":
		return kindWord, probe.BecomeWords
	case "overlap":
		return kindWord, []string{overlapRefuse, overlapNewest}
	}
	switch f.value {
	case "FILE":
		return kindFile, nil
	case "DIR":
		return kindDir, nil
	}
	return kindFree, nil
}

// arguments says what the arguments that are no flags may be.
func (c command) arguments() (k kind, words []string) {
	switch {
	case c.name == "completion":
		return kindWord, shellNames
	case strings.HasPrefix(strings.Trim(c.args, "["), "NODE"), c.args == "":
		return kindFree, nil
	}
	return kindFile, nil
}

// lines writes text with a line feed behind it.
func lines(w io.Writer, text ...string) {
	for _, line := range text {
		fmt.Fprintln(w, line)
	}
}

// quoted is text as one word of bash and of zsh.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
