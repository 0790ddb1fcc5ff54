package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
}

// say prints one line to the operator.
func (t terminal) say(text string) {
	fmt.Fprintf(t.stderr, "kletscan: %s\n", report.Clean(text))
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

// passphrase asks for the passphrase of a key on the terminal; nil where there
// is none to ask on.
func (t terminal) passphrase() func(string) ([]byte, error) {
	in, ok := isTerminal(t.stdin)
	if !ok {
		return nil
	}
	return func(keyFile string) ([]byte, error) {
		fmt.Fprintf(t.stderr, "passphrase for %s: ", report.Clean(keyFile))
		defer fmt.Fprintln(t.stderr)
		return term.ReadPassword(in)
	}
}

// options are what stdout can show.
func (t terminal) options(noColor bool) report.Options {
	fd, ok := isTerminal(t.stdout)
	if !ok {
		return report.Options{}
	}
	o := report.Options{Color: !noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, _, err := term.GetSize(fd); err == nil {
		o.Width = width
	}
	return o
}

// progress shows how a scan goes, on a terminal only.
type progress struct {
	line *report.Progress // nil: nobody watches
}

func (t terminal) progress(total int) progress {
	fd, ok := isTerminal(t.stderr)
	if !ok {
		return progress{}
	}
	width, _, err := term.GetSize(fd)
	if err != nil {
		width = 80
	}
	return progress{report.NewProgress(t.stderr, width, total, time.Now)}
}

func (p progress) Add(r scanner.Result) {
	if p.line != nil {
		p.line.Add(r)
	}
}

func (p progress) Done() {
	if p.line != nil {
		p.line.Done()
	}
}

// write puts a run into every output. A file appears whole or not at all.
func (t terminal) write(run report.Run, outputs []output) error {
	for _, o := range outputs {
		if o.file == "" {
			if err := o.format.Write(t.stdout, run, t.options(o.noColor)); err != nil {
				return fmt.Errorf("%s: %w", o.format.Name, err)
			}
			continue
		}
		if err := writeFile(o.file, func(w io.Writer) error { return o.format.Write(w, run, report.Options{}) }); err != nil {
			return fmt.Errorf("-o %s=%s: %w", o.format.Name, o.file, err)
		}
	}
	return nil
}

// writeFile writes beside the file and renames, so that a reader and an
// interrupted program never see half of it.
func writeFile(name string, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	if _, err := file.Write(content.Bytes()); err != nil {
		file.Close()
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}
