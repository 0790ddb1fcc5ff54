package main

import (
	"errors"
	"os"

	"kletscan/report"
)

// tempFile is a file that is gone when it is closed, and, where the system lets
// an open file have no name, as soon as the program has ended in whatever way.
type tempFile struct {
	*os.File
	named bool
}

// newTempFile makes a file for nobody else to read, in the system's folder for
// such files.
func newTempFile() (tempFile, error) {
	file, err := os.CreateTemp("", "kletscan-")
	if err != nil {
		return tempFile{}, err
	}
	return tempFile{file, os.Remove(file.Name()) != nil}, nil
}

func (f tempFile) Close() error {
	err := f.File.Close()
	if f.named {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// spool keeps the results of a run, and what does not fit into memory in a
// temporary file.
type spool struct {
	report.Spool
	file tempFile
}

// newSpool is empty. Whoever calls it calls Close.
func newSpool() *spool {
	s := new(spool)
	s.Overflow = func() (_ report.SpoolFile, err error) {
		s.file, err = newTempFile()
		return s.file, err
	}
	return s
}

// Close gives up what is kept.
func (s *spool) Close() {
	if s.file.File != nil {
		s.file.Close() // nobody needs it
	}
}
