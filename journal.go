package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner"
)

// syncEvery is how long a finished row may be in memory only.
const syncEvery = 500 * time.Millisecond

// journalOptions is what --results, --resume and --retry-failed come to.
type journalOptions struct {
	file        string // empty: no journal
	resume      bool   // file has results of this scan already
	retryFailed bool   // of which those of nodes that were not reached do not count
}

func journalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "results", Usage: "write each result into `FILE` as its node ends, safe from a crash; kletscan report reads it"},
		&cli.StringFlag{Name: "resume", Usage: "go on with the scan whose results are in `FILE`: only what is missing there is scanned, and added"},
		&cli.BoolFlag{Name: "retry-failed", Usage: "with --resume, scan also what was not reached"},
	}
}

func parseJournal(c *cli.Context) (journalOptions, error) {
	o := journalOptions{file: c.String("results"), retryFailed: c.Bool("retry-failed")}
	if file := c.String("resume"); file != "" {
		if o.file != "" {
			return o, errors.New("--results and --resume: expected one of them, since --resume adds to its file")
		}
		o.file, o.resume = file, true
	}
	if o.retryFailed && !o.resume {
		return o, errors.New("--retry-failed: expected --resume FILE beside it")
	}
	return o, nil
}

// saved are the results that a scan goes on from, by node.
type saved map[string]scanner.Result

// of finds the result of a node as the inventory has it now: one that moved is
// another.
func (s saved) of(node inventory.Node) (scanner.Result, bool) {
	r, ok := s[report.Clean(node.Name)]
	ok = ok && r.Node.Host == node.Host && r.Node.Port == node.Port && r.Node.User == node.User
	r.Node = node
	return r, ok
}

// read reads the results that --resume goes on from, and whose run it was. A
// file with other nodes than those of this scan is of another scan, or of a
// larger part of the fleet, and must not lose them.
func (o journalOptions) read(nodes []inventory.Node) (saved, report.Run, error) {
	if !o.resume {
		return nil, report.Run{}, nil
	}
	f, err := os.Open(o.file)
	if err != nil {
		return nil, report.Run{}, fmt.Errorf("--resume: %w", err)
	}
	defer f.Close()
	run, err := report.Read(o.file, f)
	if err != nil {
		return nil, run, fmt.Errorf("--resume: %w", err)
	}
	meant := make(map[string]bool, len(nodes))
	for _, node := range nodes {
		meant[report.Clean(node.Name)] = true
	}
	kept := make(saved)
	for r, err := range run.Results {
		if err != nil {
			return nil, run, fmt.Errorf("--resume: %w", err)
		}
		if !meant[r.Node.Name] {
			return nil, run, fmt.Errorf("--resume %s: it has %s, which is not among the nodes of this scan: "+
				"expected the inventory and the limits that it was begun with", o.file, r.Node.Name)
		}
		if !o.retryFailed || reached(r.Status) {
			kept[r.Node.Name] = r
		}
	}
	return kept, run, nil
}

// reached tells whether a node answered, be it that there is no kubelet.
func reached(s scanner.Status) bool {
	return s == scanner.OK || s == scanner.NoKubelet || s == scanner.NotLinux
}

// journal keeps the results of a scan that goes on, so that nothing that ends
// the program takes a finished row with it: each is one line of JSON, one
// write, and soon on the disk.
type journal struct {
	file *os.File
	out  *report.Stream
	end  chan struct{}
	work sync.WaitGroup

	mu    sync.Mutex
	size  int64 // of the whole lines
	dirty bool
	err   error // the first; nothing is written behind it
}

// openJournal begins a file with the results that are kept. It is written
// beside itself and then put in place, so that a crash leaves the old one or
// the new one. nil: no journal was asked for.
func openJournal(o journalOptions, run report.Run, opts report.Options, kept []scanner.Result) (j *journal, err error) {
	if o.file == "" {
		return nil, nil
	}
	if _, err := os.Lstat(o.file); !o.resume && !errors.Is(err, fs.ErrNotExist) {
		return nil, usageError(fmt.Errorf("--results %s: the file exists: --resume FILE goes on with it, or name another", o.file))
	}
	temp, err := os.CreateTemp(filepath.Dir(o.file), "."+filepath.Base(o.file)+".*")
	if err != nil {
		return nil, fmt.Errorf("--results: %w", err)
	}
	j = &journal{file: temp, end: make(chan struct{})}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	lines, err := report.Lookup("jsonl")
	if err != nil {
		return nil, err
	}
	if j.out, err = lines.Begin(j, run, opts); err != nil {
		return nil, err
	}
	for _, r := range kept {
		if err = j.out.Add(r); err != nil {
			return nil, err
		}
	}
	if err = temp.Sync(); err != nil {
		return nil, fmt.Errorf("--results: %w", err)
	}
	if err = os.Rename(temp.Name(), o.file); err != nil {
		return nil, fmt.Errorf("--results: %w", err)
	}
	j.work.Go(j.sync)
	return j, nil
}

// Write appends one line. A line that does not fit, because the disk is full,
// is taken back: what stays is whole.
func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return 0, j.err
	}
	n, err := j.file.Write(line)
	if err != nil {
		_, seek := j.file.Seek(j.size, 0)
		j.err = fmt.Errorf("--results: %w: the rows from now on are not in it", errors.Join(err, seek, j.file.Truncate(j.size)))
		return 0, j.err
	}
	j.size += int64(n)
	j.dirty = true
	return n, nil
}

// sync writes what is new to the disk, in batches: a row a time would cost a
// fleet minutes.
func (j *journal) sync() {
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			j.flush()
		case <-j.end:
			return
		}
	}
}

func (j *journal) flush() {
	j.mu.Lock()
	dirty := j.dirty && j.err == nil
	j.dirty = false
	j.mu.Unlock()
	if !dirty {
		return
	}
	if err := j.file.Sync(); err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.err == nil {
			j.err = fmt.Errorf("--results: %w", err)
		}
	}
}

// add keeps one result. A node that was not visited, or not to its end, has
// none.
func (j *journal) add(r scanner.Result) {
	if j != nil && r.Status != scanner.Cancelled {
		_ = j.out.Add(r) // close tells
	}
}

// close ends the file. whole says that every node is in it.
func (j *journal) close(whole bool, finished time.Time) error {
	if j == nil {
		return nil
	}
	close(j.end)
	j.work.Wait()
	if whole {
		_ = j.out.End(finished) // its error is j.err
	}
	j.flush()
	return errors.Join(j.err, j.file.Close())
}
