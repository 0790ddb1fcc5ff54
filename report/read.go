package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"kletscan/scanner"
)

// maxHead bounds the members in front of the results of a document.
const maxHead = 1000

// Read reads what the formats json and jsonl wrote. The run has everything that
// a format says of it, so writing it again, in any format, gives the same as
// writing the run that was saved. Its Results are read from r each time they
// are ranged over, one at a time; r must stay open and be used by nobody else.
//
// Options.Now is not in the file: to see the waivers as the scan saw them, give
// Run.Started.
//
// The file's name stands in errors, which say what is wrong and where. A file
// of lines that ends before its last line is read as far as it goes, and the
// run is Incomplete.
func Read(file string, r io.ReadSeeker) (Run, error) {
	run, err := read(r)
	if err != nil {
		return Run{}, fmt.Errorf("%s: %w", file, err)
	}
	results := run.Results
	run.Results = func(yield func(scanner.Result, error) bool) {
		for result, err := range results {
			if err != nil {
				err = fmt.Errorf("%s: %w", file, err)
			}
			if !yield(plain(result), err) {
				return
			}
		}
	}
	return run, nil
}

// errNoResults is for a file that is something else.
var errNoResults = errors.New("not results of kletscan: expected a file that -o json=FILE or -o jsonl=FILE wrote")

func read(r io.ReadSeeker) (Run, error) {
	head, rest, err := readHead(r)
	switch {
	case err != nil:
		return Run{}, err
	case head[recordKey] != nil:
		return readLines(r)
	case head["node"] != nil:
		return readSingle(head)
	case rest == nil:
		return Run{}, errNoResults
	}
	run, err := decodeHead(head)
	if err != nil {
		return Run{}, err
	}
	var summary struct {
		Total int `json:"total"`
	}
	if err := decodeMember(head, "summary", &summary); err != nil {
		return Run{}, err
	}
	run.Results = documentResults(r, summary.Total)
	return run, nil
}

// readHead reads the members of a document in front of its results. The decoder
// stands before those; it is nil when there are none.
func readHead(r io.ReadSeeker) (head map[string]json.RawMessage, rest *json.Decoder, err error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, nil, fmt.Errorf("%w: expected a file, which can be read twice", err)
	}
	in := json.NewDecoder(r)
	if token, err := in.Token(); err != nil || token != json.Delim('{') {
		return nil, nil, cmp.Or(ioError(err), errNoResults)
	}
	head = make(map[string]json.RawMessage)
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return nil, nil, documentError(err)
		}
		if key == "results" {
			return head, in, nil
		}
		var content json.RawMessage
		if err := in.Decode(&content); err != nil {
			return nil, nil, documentError(err)
		}
		head[key.(string)] = content
		if key == recordKey || len(head) > maxHead {
			break
		}
	}
	return head, nil, nil
}

// ioError is err if reading failed, and nil if only the text is wrong.
func ioError(err error) error {
	var syntax *json.SyntaxError
	if err == nil || errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// documentError is for JSON that is broken or ends too early.
func documentError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the document ends in its midst: expected it whole, as it was written")
	}
	return err
}

// documentResults are the results of a document, of which it says to have total.
func documentResults(r io.ReadSeeker, total int) Results {
	return func(yield func(scanner.Result, error) bool) {
		_, in, err := readHead(r)
		if err == nil {
			_, err = in.Token() // [
		}
		n := 0
		for ; err == nil && in.More(); n++ {
			var result scanner.Result
			if result, err = decodeResult(in); err != nil {
				err = fmt.Errorf("result %d: %w", n+1, documentError(err))
				break
			}
			if !yield(result, nil) {
				return
			}
		}
		if err == nil {
			err = endOfDocument(in)
		}
		if err == nil && n != total {
			err = fmt.Errorf("%d results, and the summary says %d: expected the file as it was written", n, total)
		}
		if err != nil {
			yield(scanner.Result{}, err)
		}
	}
}

// endOfDocument expects ]} and nothing behind it.
func endOfDocument(in *json.Decoder) error {
	for _, want := range []json.Delim{']', '}'} {
		token, err := in.Token()
		if err != nil {
			return documentError(err)
		}
		if token != want {
			return errors.New("something stands behind the results: expected the file as it was written")
		}
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the document: expected one document")
	}
	return nil
}

// readSingle is the run about one node, which is that node's object.
func readSingle(object map[string]json.RawMessage) (Run, error) {
	run, err := decodeHead(object)
	if err != nil {
		return Run{}, err
	}
	content, err := json.Marshal(object)
	if err != nil {
		return Run{}, err
	}
	var fields resultFields
	if err := json.Unmarshal(content, &fields); err != nil {
		return Run{}, err
	}
	result, err := fields.result()
	if err != nil {
		return Run{}, err
	}
	run.Single, run.Results = true, Of([]scanner.Result{result})
	return run, nil
}
