package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"kletscan/scanner"
)

// lineFields is any line of JSON lines.
type lineFields struct {
	Record   string    `json:"record"`
	Single   bool      `json:"single"`
	Finished time.Time `json:"scan_finished"`
	Summary  struct {
		Total int `json:"total"`
	} `json:"summary"`
}

// readLines reads the first line, and the last for what is not known before.
func readLines(r io.ReadSeeker) (Run, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Run{}, err
	}
	var head map[string]json.RawMessage
	if err := json.NewDecoder(r).Decode(&head); err != nil {
		return Run{}, fmt.Errorf("line 1: %w", documentError(err))
	}
	var first lineFields
	content, _ := json.Marshal(head) // it has just been decoded
	if err := json.Unmarshal(content, &first); err != nil {
		return Run{}, fmt.Errorf("line 1: %w", err)
	}
	if first.Record != runRecord {
		return Run{}, fmt.Errorf("line 1 is of kind %q: expected %q, the first line of a file that -o jsonl=FILE wrote", first.Record, runRecord)
	}
	run, err := decodeHead(head)
	if err != nil {
		return Run{}, fmt.Errorf("line 1: %w", err)
	}
	last, err := lastLine(r)
	if err != nil {
		return Run{}, err
	}
	var tail lineFields
	if json.Unmarshal(last, &tail) != nil || tail.Record != summaryRecord {
		run.Incomplete = true
	}
	run.Finished, run.Single = tail.Finished, first.Single
	run.Results = lineResults(r)
	return run, nil
}

// lastLine is the last line of a file, and empty where that does not end in a
// line feed.
func lastLine(r io.ReadSeeker) ([]byte, error) {
	end, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	for size := int64(1 << 16); ; size *= 2 {
		size = min(size, end)
		if _, err := r.Seek(end-size, io.SeekStart); err != nil {
			return nil, err
		}
		tail := make([]byte, size)
		if _, err := io.ReadFull(r, tail); err != nil {
			return nil, err
		}
		text, whole := bytes.CutSuffix(tail, []byte("\n"))
		if !whole {
			return nil, nil
		}
		if i := bytes.LastIndexByte(text, '\n'); i >= 0 || size == end {
			return text[i+1:], nil
		}
	}
}

// lineResults are the results of a file of lines. A last line that was cut is
// left out; the summary, if there is one, must come last and agree.
func lineResults(r io.ReadSeeker) Results {
	return func(yield func(scanner.Result, error) bool) {
		if err := eachLine(r, func(result scanner.Result) bool { return yield(result, nil) }); err != nil {
			yield(scanner.Result{}, err)
		}
	}
}

// eachLine calls yield, as long as that returns true, for each result.
func eachLine(r io.ReadSeeker, yield func(scanner.Result) bool) error {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := json.NewDecoder(r)
	ended := false
	for n, line := 0, 1; ; line++ {
		var fields struct {
			lineFields
			resultFields
		}
		err := in.Decode(&fields)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && !ended:
			return nil
		case err != nil:
			return fmt.Errorf("line %d: %w", line, err)
		case ended:
			return fmt.Errorf("line %d stands behind the summary: expected one run in a file", line)
		case line == 1:
			continue
		}
		switch fields.Record {
		case resultRecord:
			result, err := fields.result()
			if err != nil {
				return fmt.Errorf("line %d: %w", line, err)
			}
			n++
			if !yield(result) {
				return nil
			}
		case summaryRecord:
			if ended = true; fields.Summary.Total != n {
				return fmt.Errorf("%d results, and the summary says %d: expected the file as it was written", n, fields.Summary.Total)
			}
		default:
			return fmt.Errorf("line %d is of kind %q: expected %q or %q", line, fields.Record, resultRecord, summaryRecord)
		}
	}
}
