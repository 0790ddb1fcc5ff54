package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner"
)

// A temporary file has no name where the system lets it have none, so that not
// even a kill -9 leaves it behind.
func TestTempFileHasNoName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	f, err := newTempFile()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 && runtime.GOOS != "windows" {
		t.Errorf("%s is there while it is used", left[0].Name())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%s is left behind", left[0].Name())
	}
}

// Where the results have no room, the journal and the lines that are written as
// visits end have every row; what needs all of them is not written, and the scan
// says why.
func TestSpoolOnAFullDiskLosesNoRow(t *testing.T) {
	dir := t.TempDir()
	full := errors.New("no space left on device")
	results := newSpool()
	results.Overflow = func() (report.SpoolFile, error) { return nil, full }
	nodes := nodesNamed("a", "b", "c")
	lines, _ := report.Lookup("jsonl")
	table, _ := report.Lookup("csv")
	o := scanOptions{
		journal: journalOptions{file: filepath.Join(dir, "journal")},
		outputOptions: outputOptions{outputs: []output{
			{format: lines, file: filepath.Join(dir, "lines")}, {format: table, file: filepath.Join(dir, "table")},
		}},
	}
	outputs, err := openSinks(o.outputOptions)
	if err != nil {
		t.Fatal(err)
	}
	defer outputs.discard()
	labels := make(map[string]string) // three nodes with these do not fit into memory
	for i := range 400 {
		labels[fmt.Sprint(i)] = strings.Repeat("x", 4000)
	}
	for i := range nodes {
		nodes[i].Labels = labels
	}
	s := &scanner.Scanner{Resolve: func(context.Context, inventory.Node) (scanner.Target, error) {
		return nil, &scanner.Error{Op: "look up", Status: scanner.Unreachable, Err: errors.New("no such host")}
	}}
	run := report.Run{Results: results.Results()}
	term := terminal{stdout: os.Stdout, stderr: os.Stderr, verbosity: &verbosity{quiet: true}}
	visited, err := o.visit(t.Context(), term, s, nodes, run, report.Options{}, results, outputs)
	if err != nil || !visited {
		t.Fatalf("visited: %v, %v", visited, err)
	}
	err = o.finish(term, run, report.Options{}, outputs)
	if !errors.Is(err, full) || !errors.Is(err, report.ErrSpool) {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{"journal", "lines"} {
		if rows := wholeLines(t, filepath.Join(dir, name)); rows != 3 {
			t.Errorf("%s has %d rows of 3", name, rows)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "table")); !os.IsNotExist(err) {
		t.Errorf("the table is there: %v", err)
	}
}
