package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"kletscan/report"
	"kletscan/scanner"
)

// sink is an output that can be written. That is tried before the scan: after it
// would be too late to learn that it cannot.
type sink struct {
	output
	path   string         // output.file without links, if it is to be replaced as a whole
	direct *os.File       // output.file itself, which grows while the scan goes on; nil: there is none
	stream *report.Stream // nil: the output is written at the end
	failed error          // why the stream could not be written to
	digest hash.Hash      // of what was written
}

// sinks are the outputs of one run.
type sinks struct {
	list     []*sink
	manifest *sink // nil: none is asked for
}

// openSinks tries whether all outputs can be written, and their manifest. Whoever
// calls it calls discard.
func openSinks(o outputOptions) (*sinks, error) {
	all := &sinks{}
	if o.manifest != "" {
		all.manifest = &sink{output: output{file: o.manifest}}
		err := all.manifest.open(o.inputs)
		if all.manifest.direct != nil {
			all.manifest.direct.Close()
			err = fmt.Errorf("%s is no regular file: name one", o.manifest)
		}
		if err != nil {
			return nil, usageError(fmt.Errorf("--manifest: %w", err))
		}
	}
	for _, out := range o.outputs {
		s := &sink{output: out, digest: sha256.New()}
		all.list = append(all.list, s)
		if out.file == "" {
			continue
		}
		if err := s.open(o.inputs); err != nil {
			all.discard()
			return nil, usageError(fmt.Errorf("-o %s: %w", out, err))
		}
	}
	return all, nil
}

// open finds out what the output's file is, and whether it can be replaced. A
// device or a pipe is written to, and what a link names is replaced, not the link.
func (s *sink) open(inputs []string) error {
	path, err := filepath.EvalSymlinks(s.file)
	if err != nil { // there is no such file yet
		path = s.file
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a directory: name a file", s.file)
	case err == nil && !info.Mode().IsRegular():
		s.direct, err = os.OpenFile(path, os.O_WRONLY, 0)
		return err
	}
	for _, input := range inputs {
		if sameFile(path, input) {
			return fmt.Errorf("%s is read by this run: name another file", s.file)
		}
	}
	if folder := filepath.Dir(path); !isDirectory(folder) {
		return fmt.Errorf("there is no folder %s: make it, or name another file", folder)
	}
	s.path = path
	temp, err := createBeside(path)
	if err != nil {
		return err
	}
	return errors.Join(temp.Close(), os.Remove(temp.Name())) // until there is something to write: what ends the program then leaves nothing behind
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// sameFile tells whether two names are of one file, be it one that does not
// exist yet.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absA == absB
}

// begin starts the outputs that are written while the scan goes on. Such a file
// is not renamed at its end: it is there to be read as it grows, each line
// whole, and it says itself whether it has come to its end.
func (all *sinks) begin(t terminal, run report.Run, opts report.Options) (err error) {
	for _, s := range all.list {
		if s.format.Begin == nil {
			continue
		}
		to := t.stdout
		if s.file != "" {
			if s.direct != nil { // a device or a pipe
			} else if s.direct, err = os.OpenFile(s.file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644); err != nil {
				return fmt.Errorf("-o %s: %w", s.output, err)
			}
			to = s.direct
		}
		if s.stream, s.failed = s.format.Begin(io.MultiWriter(to, s.digest), run, opts); s.failed != nil && s.file != "" {
			return fmt.Errorf("-o %s: %w", s.output, s.failed)
		}
	}
	return nil
}

// add gives a result to the outputs that are being written. The scan goes on
// when that fails, and write returns the error.
func (all *sinks) add(r scanner.Result) {
	for _, s := range all.list {
		if s.stream != nil && s.failed == nil {
			s.failed = s.stream.Add(r)
		}
	}
}

// write puts a run into every output. A file that was not begun appears whole
// or not at all; what is wrong with one output costs none of the others.
func (all *sinks) write(t terminal, run report.Run, opts report.Options) error {
	var errs []error
	for _, s := range all.list {
		err := s.write(t, run, opts)
		if err == nil || s.file == "" && errors.Is(err, syscall.EPIPE) { // kletscan ... | head has seen enough
			continue
		}
		errs = append(errs, fmt.Errorf("-o %s: %w", s.output, err))
	}
	return errors.Join(errs...)
}

func (s *sink) write(t terminal, run report.Run, opts report.Options) error {
	switch {
	case s.failed != nil:
		return s.failed
	case s.stream != nil:
		return s.end(run.Finished)
	case s.direct != nil: // a device or a pipe
		return errors.Join(s.format.Write(io.MultiWriter(s.direct, s.digest), run, opts), s.direct.Close())
	case s.path == "":
		screen := t.options(s.noColor)
		opts.Width, opts.Color = screen.Width, screen.Color
		return s.format.Write(io.MultiWriter(t.stdout, s.digest), run, opts)
	}
	return s.replace(func(w io.Writer) error { return s.format.Write(io.MultiWriter(w, s.digest), run, opts) })
}

// replace writes a file beside the output's and puts it in its place.
func (s *sink) replace(write func(io.Writer) error) error {
	temp, err := createBeside(s.path)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already when all went well
	var mode error
	if info, err := os.Stat(s.path); err == nil {
		mode = temp.Chmod(info.Mode().Perm())
	}
	if err := errors.Join(mode, write(temp), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), s.path)
}

func (s *sink) end(finished time.Time) error {
	if err := s.stream.End(finished); err != nil || s.direct == nil {
		return err
	}
	if s.path == "" { // a device or a pipe, which keeps nothing
		return s.direct.Close()
	}
	return errors.Join(s.direct.Sync(), s.direct.Close())
}

// discard closes what was not written to its end.
func (all *sinks) discard() {
	for _, s := range all.list {
		if s.direct != nil {
			s.direct.Close()
		}
	}
}

// createBeside makes a file in the same directory, and so in the same file
// system, as the one that it is to become. Its mode is what the umask leaves,
// as if that had been made.
func createBeside(file string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+"."+rand.Text())
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}
