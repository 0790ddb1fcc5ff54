package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"kletscan/scanner"
	"kletscan/scanner/evidence"
)

// evidenceDir keeps one record per node in a directory. Its methods may be
// called on nil: nothing is kept.
type evidenceDir struct {
	dir string

	mu    sync.Mutex
	first error // why a record could not be kept
}

// openEvidenceDir makes the directory, for nobody else to read: evidence is
// redacted, and still says a lot about a node. An empty name is nil.
func openEvidenceDir(dir string) (*evidenceDir, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("--evidence-dir: %w", err)
	}
	return &evidenceDir{dir: dir}, nil
}

// keep writes one node's record as its visit ends. The first error is kept for
// err; the scan goes on, since its results are worth more.
func (d *evidenceDir) keep(r *scanner.Result, ev *evidence.Evidence) {
	if err := d.write(r, ev); err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.first == nil {
			d.first = fmt.Errorf("--evidence-dir: %w", err)
		}
	}
}

func (d *evidenceDir) err() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first
}

func (d *evidenceDir) write(r *scanner.Result, ev *evidence.Evidence) error {
	file, err := os.CreateTemp(d.dir, ".record-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	err = scanner.NewRecord(version(), *r, ev).Write(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(d.dir, recordName(r.Node.Name)))
}

// recordName is a file name for a node on any system. Names that had to be
// changed get a digest, so that two of them never meet.
func recordName(node string) string {
	safe := strings.Map(func(r rune) rune {
		if r < 128 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)) {
			return r
		}
		return '_'
	}, node)
	if safe != node || strings.HasPrefix(safe, ".") || len(safe) > 200 {
		digest := sha256.Sum256([]byte(node))
		safe = fmt.Sprintf("%.200s-%x", strings.TrimLeft(safe, "."), digest[:4])
	}
	return safe + ".json"
}
