package report

import (
	"io"
	"time"

	"kletscan/scanner"
)

// The kinds of a line of JSON lines, its first member.
const (
	recordKey     = "record"
	runRecord     = "run"     // the first line: what holds for the whole run
	resultRecord  = "result"  // one node
	summaryRecord = "summary" // the last line; a file without it was not written to its end
)

// Stream writes a run while it goes on. Each line is one Write, so that a
// reader of a file that grows sees whole lines.
type Stream struct {
	out   io.Writer
	run   Run
	opts  Options
	tally tally
	text  []byte // of a line, for the next one to be built in
}

func beginJSONLines(w io.Writer, run Run, opts Options) (*Stream, error) {
	s := &Stream{out: w, run: run, opts: opts}
	head := row{{recordKey, text(runRecord)}}
	for _, f := range headFor(run, opts) {
		if f.key != finishedKey { // not known yet: the last line has it
			head = append(head, f)
		}
	}
	if run.Single {
		head = append(head, field{"single", boolean(true)})
	}
	return s, s.line(head)
}

// Add writes one result. It is called from one goroutine at a time.
func (s *Stream) Add(r scanner.Result) error {
	r = plain(r)
	s.tally.add(r, s.run.Waivers.For(r, s.opts.Now) != nil)
	s.text = append(s.text[:0], `{"`+recordKey+`":"`+resultRecord+`",`...)
	s.text = append(appendMembers(s.text, membersFor(&s.run, s.opts, &r)), '}')
	return s.write()
}

// End writes the last line, which says that the file is whole.
func (s *Stream) End(finished time.Time) error {
	summary, err := summaryForJSON(s.tally.summary())
	if err != nil {
		return err
	}
	return s.line(row{{recordKey, text(summaryRecord)}, {finishedKey, moment(finished)}, {"summary", summary}})
}

func (s *Stream) line(r row) error {
	s.text = r.appendJSON(s.text[:0])
	return s.write()
}

// write writes what text has, as a line.
func (s *Stream) write() error {
	s.text = append(s.text, '\n')
	_, err := s.out.Write(s.text)
	return err
}

// writeJSONLines writes a run that has ended. One that was read without its end
// gets none here either.
func writeJSONLines(w io.Writer, run Run, opts Options) error {
	s, err := beginJSONLines(w, run, opts)
	if err != nil {
		return err
	}
	for r, err := range run.Results {
		if err != nil {
			return err
		}
		if err := s.Add(r); err != nil {
			return err
		}
	}
	if run.Incomplete {
		return nil
	}
	return s.End(run.Finished)
}
