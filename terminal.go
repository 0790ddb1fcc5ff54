package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"kletscan/report"
	"kletscan/scanner"
)

// terminal is where the program talks. The rules: results go to stdout and
// nothing else does; everything else goes to stderr, one line each, behind
// "kletscan: ", without capitals or a final period; what redraws itself or
// asks a question does so only on a terminal.
type terminal struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	args           []string // of the command line, without the program
	verbosity      *verbosity
}

// say prints one line to the operator, unless he asked for quiet.
func (t terminal) say(text string) {
	if t.verbosity.quiet {
		return
	}
	fmt.Fprintf(t.stderr, "kletscan: %s\n", report.Clean(text))
}

// defaultColumns is for a terminal that does not say how wide it is.
const defaultColumns = 80

// columns is how wide a stream is that is a terminal; 0: it is none.
func columns(stream any) int {
	fd, ok := isTerminal(stream)
	if !ok {
		return 0
	}
	if width, _, err := term.GetSize(fd); err == nil && width > 0 {
		return width
	}
	return defaultColumns
}

// isTerminal returns the file descriptor of a stream that is a terminal.
func isTerminal(stream any) (fd int, ok bool) {
	file, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(file.Fd())
	return fd, term.IsTerminal(fd)
}

// asker opens what a person can be asked on: standard input, or where that is
// a list of nodes, the terminal itself, as ssh does it. nil: nobody is there.
func (t terminal) asker() func(question string) ([]byte, error) {
	if in, ok := isTerminal(t.stdin); ok {
		return func(question string) ([]byte, error) { return t.hidden(in, question) }
	}
	if _, ok := isTerminal(t.stderr); !ok {
		return nil
	}
	return func(question string) ([]byte, error) {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		defer tty.Close()
		return t.hidden(int(tty.Fd()), question)
	}
}

// hidden asks for a line that is not shown.
func (t terminal) hidden(in int, question string) ([]byte, error) {
	fmt.Fprint(t.stderr, question)
	defer fmt.Fprintln(t.stderr)
	return term.ReadPassword(in)
}

// passphrase asks for the passphrase of a key; nil where there is nobody to
// ask.
func (t terminal) passphrase() func(string) ([]byte, error) {
	ask := t.asker()
	if ask == nil {
		return nil
	}
	return func(keyFile string) ([]byte, error) {
		return ask(fmt.Sprintf("passphrase for %s: ", report.Clean(keyFile)))
	}
}

// password asks for a password, which must not be empty.
func (t terminal) password(question string) ([]byte, error) {
	ask := t.asker()
	if ask == nil {
		return nil, errors.New("no terminal to ask on: expected one; a job logs in with keys, and lets sudo ask for no password (see kletscan sudoers)")
	}
	text, err := ask(question)
	if err == nil && len(text) == 0 {
		return nil, errors.New("no password was typed")
	}
	return text, err
}

// options are what stdout can show.
func (t terminal) options(noColor bool) report.Options {
	width := columns(t.stdout)
	return report.Options{
		Width: width,
		Color: width > 0 && !noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

// progress shows how a scan goes: as one line that redraws itself, on a terminal
// only, or as lines of their own with -v.
type progress struct {
	line *report.Progress // nil: nobody watches
	stop func()           // ends what redraws the line
	tell func(scanner.Result)
}

func (t terminal) progress(total int) progress {
	if t.verbosity.verbose || t.verbosity.trace {
		return progress{tell: t.tell}
	}
	width := columns(t.stderr)
	if width == 0 || t.verbosity.quiet {
		return progress{}
	}
	line := report.NewProgress(t.stderr, width, total, time.Now)
	return progress{line: line, stop: everySecond(line.Tick)}
}

// everySecond calls f once a second until stop is called, and not after that.
func everySecond(f func()) (stop func()) {
	end := make(chan struct{})
	var calls sync.WaitGroup
	calls.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-end:
				return
			case <-ticker.C:
				f()
			}
		}
	})
	return func() {
		close(end)
		calls.Wait()
	}
}

func (p progress) Add(r scanner.Result) {
	if p.tell != nil {
		p.tell(r)
	}
	if p.line != nil {
		p.line.Add(r)
	}
}

func (p progress) Done() {
	if p.line != nil {
		p.stop()
		p.line.Done()
	}
}
