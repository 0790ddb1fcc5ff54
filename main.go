// Kletscan tells, for every node of a Kubernetes fleet, whether the kubelet's
// serving certificate is rotated, and proves it.
//
// It logs in over SSH, reads the process table and a few files, judges them
// locally and prints one table. Nothing is installed on a node and nothing is
// changed there.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"kletscan/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)         // a second Ctrl-C ends the program at once
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP) // a lost terminal says so more than once
	}
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough is an error of the write
	code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const appDescription = `Runs on your machine, reads over SSH, changes nothing.

Examples:
   kletscan demo
   kletscan scan -i nodes.txt -o table -o csv=audit.csv
   kletscan explain cp-1`

// run is the whole program. Nothing below it exits, and nothing but results
// goes to stdout.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := terminal{stdin: stdin, stdout: stdout, stderr: stderr, args: args[1:], verbosity: new(verbosity)}
	err := newApp(t).RunContext(ctx, args)
	if err == nil {
		return exitOK
	}
	var code exitCoder
	if !errors.As(err, &code) {
		code = exitCoder{exitInternal, err}
	}
	if text := code.Error(); text != "" {
		for line := range strings.Lines(text) {
			fmt.Fprintf(stderr, "kletscan: %s\n", report.Clean(strings.TrimSuffix(line, "\n")))
		}
	}
	return code.code
}

// newApp is the command line.
func newApp(t terminal) *cli.App {
	app := &cli.App{
		Name:                      "kletscan",
		Usage:                     "tell which nodes rotate the kubelet's serving certificate",
		Version:                   version(),
		Description:               appDescription + exitStatus,
		HideHelp:                  true, // onUsageError shows it
		DisableSliceFlagSeparator: true, // file names may hold commas
		Reader:                    t.stdin,
		Writer:                    t.stdout,
		ErrWriter:                 io.Discard, // run prints every error itself, once
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              onUsageError,
		Commands: []*cli.Command{
			t.chatty(scanCommand(t)),
			t.hushable(explainCommand(t)),
			t.hushable(judgeCommand(t)),
			t.hushable(reportCommand(t)),
			diffCommand(t),
			t.hushable(inventoryCommand(t)),
			sudoersCommand(t),
			t.chatty(demoCommand(t)),
			completionCommand(t),
			manCommand(t),
			helpCommand(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError(fmt.Errorf("%q is not a command of kletscan: expected one of %s", c.Args().First(), commands(c.App)))
			}
			return showHelp(c.App, nil)
		},
	}
	for _, c := range app.Commands {
		c.HideHelp = true
	}
	return app
}

func commands(app *cli.App) string {
	var names []string
	for _, c := range app.VisibleCommands() {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// release is the version that a packager sets at link time:
// -ldflags "-X main.release=v1.2.3".
var release string

// version is the release, or else what the build says of itself.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return strings.Trim(info.Main.Version, "()")
}
