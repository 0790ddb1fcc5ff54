package main

import (
	"errors"
	"fmt"
	"io"
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
	release     func() // lets another process have file; nil: this one does not hold it
}

// errHeld is for a file of results that a scan under way writes to.
var errHeld = errors.New("another scan writes to it: wait for its end, or name another file")

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

// read reads the results that --resume goes on from into the spool, each in the
// place of its node, and whose run it was. From then on nobody else writes to the
// file, until the journal or the program ends.
func (o *journalOptions) read(nodes []inventory.Node, kept *spool) (report.Run, error) {
	if !o.resume {
		return report.Run{}, nil
	}
	release, err := hold(o.file)
	if err != nil {
		return report.Run{}, fmt.Errorf("--resume: %w", err)
	}
	run, err := o.readHeld(nodes, kept)
	if err != nil {
		release()
		return run, err
	}
	o.release = release
	return run, nil
}

// readHeld reads the file. One with other nodes than those of this scan is of
// another scan, or of a larger part of the fleet, and must not lose them; one
// without a byte is of a scan that ended before its first line.
func (o *journalOptions) readHeld(nodes []inventory.Node, kept *spool) (report.Run, error) {
	f, err := os.Open(o.file)
	if err != nil {
		return report.Run{}, fmt.Errorf("--resume: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return report.Run{}, nil
	}
	run, err := report.Read(o.file, f)
	if err != nil {
		return run, fmt.Errorf("--resume: %w", err)
	}
	places := make(map[string]int, len(nodes))
	for i, node := range nodes {
		places[report.Clean(node.Name)] = i
	}
	for r, err := range run.Results {
		if err != nil {
			return run, fmt.Errorf("--resume: %w", err)
		}
		place, meant := places[r.Node.Name]
		if !meant {
			return run, fmt.Errorf("--resume %s: it has %s, which is not among the nodes of this scan: "+
				"expected the inventory and the limits that it was begun with", o.file, r.Node.Name)
		}
		node := nodes[place]
		moved := r.Node.Host != node.Host || r.Node.Port != node.Port || r.Node.User != node.User
		if r.Node = node; moved || o.retryFailed && !reached(r.Status) {
			continue
		}
		if err := kept.Put(place, r); err != nil {
			return run, err
		}
	}
	return run, nil
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

	release func() // lets another process have the file

	mu    sync.Mutex
	size  int64 // of the whole lines
	dirty bool
	err   error // the first; nothing is written behind it
}

// openJournal begins a file with the results that are kept, and holds it. nil:
// no journal was asked for.
func openJournal(o journalOptions, run report.Run, opts report.Options, kept report.Results) (*journal, error) {
	if o.file == "" {
		return nil, nil
	}
	j := &journal{end: make(chan struct{}), release: o.release}
	var err error
	if o.resume {
		err = j.renew(o.file, run, opts, kept)
	} else {
		err = j.create(o.file, run, opts)
	}
	if err == nil {
		err = syncDir(filepath.Dir(o.file))
	}
	if err == nil {
		j.work.Go(j.sync)
		return j, nil
	}
	if j.release != nil {
		j.release()
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, usageError(fmt.Errorf("--results %s: the file exists: --resume FILE goes on with it, or name another", o.file))
	case errors.Is(err, errHeld):
		return nil, usageError(fmt.Errorf("--results: %w", err))
	}
	return nil, fmt.Errorf("--results: %w", err)
}

// create makes the file, which must not exist.
func (j *journal) create(file string, run report.Run, opts report.Options) (err error) {
	if j.file, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	if j.release, err = hold(file); err != nil {
		return errors.Join(err, j.file.Close())
	}
	if err = j.begin(run, opts, report.Of(nil)); err != nil {
		err = errors.Join(err, j.file.Close(), os.Remove(file))
	}
	return err
}

// renew writes the file beside itself and then puts it in place, so that a crash
// leaves the old one or the new one.
func (j *journal) renew(file string, run report.Run, opts report.Options, kept report.Results) (err error) {
	if j.file, err = os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*"); err != nil {
		return err
	}
	temp := j.file.Name()
	defer os.Remove(temp) // gone already when all went well
	if err := errors.Join(j.begin(run, opts, kept), j.file.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, file); err != nil {
		return err
	}
	j.release()
	if j.release, err = hold(file); err != nil { // somebody was faster, and has all that was kept
		return err
	}
	if j.file, err = os.OpenFile(file, os.O_WRONLY, 0); err != nil {
		return err
	}
	_, err = j.file.Seek(j.size, io.SeekStart)
	return err
}

// begin writes what comes before the first new row.
func (j *journal) begin(run report.Run, opts report.Options, kept report.Results) error {
	lines, err := report.Lookup("jsonl")
	if err != nil {
		return err
	}
	if j.out, err = lines.Begin(j, run, opts); err != nil {
		return err
	}
	for r, err := range kept {
		if err != nil {
			return err
		}
		if err := j.out.Add(r); err != nil {
			return err
		}
	}
	return j.file.Sync()
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
	err := errors.Join(j.err, j.file.Close())
	j.release()
	return err
}
