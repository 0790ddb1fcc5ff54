package report

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"kletscan/scanner"
)

const (
	// spoolMemory is how many bytes of results a Spool holds before it asks for
	// a file: those of some five thousand ordinary nodes.
	spoolMemory = 4 << 20
	// spoolBuffer is how many it then gathers for one write.
	spoolBuffer = 64 << 10
	// spoolRead is how much of the file is read at first for one result: most
	// are shorter.
	spoolRead = 2 << 10
	// spoolHead is what stands in front of each: how many bytes follow.
	spoolHead = 4
)

// Spool keeps the results of a run, each in its place, so that they can be ranged
// over in order however they came: in memory, and where they are many in a
// file, so that memory does not grow with the fleet but by 16 bytes a node. The
// zero value is empty. It is used by one goroutine at a time.
type Spool struct {
	// Overflow makes the file, at most once. Whoever gave it closes the file
	// when the Spool is used no more. Nil: all results stay in memory.
	Overflow func() (SpoolFile, error)

	places []place
	buffer []byte // what stands behind the file's end
	file   SpoolFile
	size   int64 // of the file
	err    error // the first of the file; nothing is kept behind it
}

// SpoolFile is a new file that nobody else uses. Writes append to it.
type SpoolFile interface {
	io.Writer
	io.ReaderAt
}

// place is where a result is kept.
type place struct {
	at   int64 // of its head, counted from 1; 0: there is none
	ends int64 // its certificate, in seconds since the epoch; 0: not known
}

// Put keeps the result of a place, counted from 0, instead of the one that is
// there. An error of the file is for good: Results end with it, too.
func (s *Spool) Put(i int, r scanner.Result) error {
	if s.err != nil {
		return s.err
	}
	if missing := i + 1 - len(s.places); missing > 0 {
		s.places = append(s.places, make([]place, missing)...)
	}
	begin := len(s.buffer)
	s.places[i] = place{at: s.size + int64(begin) + 1, ends: r.Verdict.Served.NotAfter}
	s.buffer = pack(append(s.buffer, make([]byte, spoolHead)...), r)
	binary.LittleEndian.PutUint32(s.buffer[begin:], uint32(len(s.buffer)-begin-spoolHead))
	limit := spoolMemory
	if s.file != nil {
		limit = spoolBuffer
	}
	if s.Overflow != nil && len(s.buffer) >= limit {
		s.err = s.flush()
	}
	return s.err
}

func (s *Spool) flush() (err error) {
	if s.file == nil {
		if s.file, err = s.Overflow(); err != nil {
			return spoolError(err)
		}
	}
	if _, err := s.file.Write(s.buffer); err != nil {
		return spoolError(err)
	}
	s.size += int64(len(s.buffer))
	s.buffer = make([]byte, 0, spoolBuffer+spoolRead)
	return nil
}

// Len is how many places there are.
func (s *Spool) Len() int { return len(s.places) }

// Has reports whether there is a result in that place.
func (s *Spool) Has(i int) bool { return i < len(s.places) && s.places[i].at > 0 }

// Reorder moves the result of place order[i] to place i, for every i; what is
// not in order is kept no more.
func (s *Spool) Reorder(order []int) {
	moved := make([]place, len(order))
	for i, from := range order {
		moved[i] = s.places[from]
	}
	s.places = moved
}

// SortByExpiry puts the nodes whose certificate ends first in front; those of
// which no end is known keep their order behind them.
func (s *Spool) SortByExpiry() {
	slices.SortStableFunc(s.places, func(a, b place) int { return compareEnds(a.ends, b.ends) })
}

// compareEnds orders the ends of certificates, of which 0 is not known.
func compareEnds(a, b int64) int {
	switch {
	case a == b:
		return 0
	case a == 0:
		return 1
	case b == 0:
		return -1
	}
	return cmp.Compare(a, b)
}

// Results are those that are kept, in the order of their places. They are plain.
// Nothing may be put while they are ranged over.
func (s *Spool) Results() Results {
	return func(yield func(scanner.Result, error) bool) {
		if s.err != nil {
			yield(scanner.Result{}, s.err)
			return
		}
		buffer := make([]byte, spoolRead)
		for _, p := range s.places {
			if p.at == 0 {
				continue
			}
			packed, err := s.read(&buffer, p.at-1)
			var r scanner.Result
			if err == nil {
				r, err = unpack(packed)
			}
			if err != nil {
				yield(scanner.Result{}, spoolError(err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// read is the packed result whose head is at that offset. It may be a part of
// buffer, which grows as it must.
func (s *Spool) read(buffer *[]byte, at int64) ([]byte, error) {
	if at >= s.size {
		kept := s.buffer[at-s.size:]
		return kept[spoolHead : spoolHead+binary.LittleEndian.Uint32(kept)], nil
	}
	for {
		n, err := s.file.ReadAt(*buffer, at) // less than asked for where the file ends
		if n < spoolHead {
			return nil, err
		}
		size := spoolHead + int(binary.LittleEndian.Uint32(*buffer))
		switch {
		case size <= n:
			return (*buffer)[spoolHead:size], nil
		case n < len(*buffer):
			return nil, err
		}
		*buffer = make([]byte, size)
	}
}

// ErrSpool is in every error of a Spool.
var ErrSpool = errors.New("the temporary file (TMPDIR) for results that do not fit into memory")

func spoolError(err error) error { return fmt.Errorf("%w: %w", ErrSpool, err) }
