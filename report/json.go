package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// jsonCounts has every word of Rotation and Status as a key, so that a reader
// need not ask whether there is one.
type jsonCounts struct {
	Total       int            `json:"total"` // = Assessed + Waived + NotAssessed
	Assessed    int            `json:"assessed"`
	Rotation    map[string]int `json:"rotation"` // adds up to Assessed
	Waived      int            `json:"waived"`
	NotAssessed int            `json:"not_assessed"`
	Status      map[string]int `json:"status"` // of the nodes not assessed; adds up to NotAssessed
}

type jsonSummary struct {
	jsonCounts
	Groups []jsonGroup `json:"groups"` // empty when no node has a group
}

type jsonGroup struct {
	Group string `json:"group"` // empty: the nodes without one
	jsonCounts
}

// jsonIndent is one step of indentation.
const jsonIndent = "  "

// writeJSON writes one document: what holds for the whole run, its summary, and
// one object for each node with the keys of columns. The document of a Single
// run is that node's object, with what holds for the run in front.
func writeJSON(w io.Writer, run Run, opts Options) error {
	summary, err := Summarize(run, opts)
	if err != nil {
		return err
	}
	head := headFor(run, opts)
	if run.Single && summary.Total == 1 {
		return writeSingle(w, run, opts, head)
	}
	counts, err := summaryForJSON(summary)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	var text bytes.Buffer
	if err := indent(&text, append(head, field{"summary", counts}).appendJSON(nil), ""); err != nil {
		return err
	}
	out.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n}")))
	out.WriteString(",\n" + jsonIndent + `"results": [`)
	before := "\n"
	var object []byte
	for r, err := range run.Results {
		if err != nil {
			return err
		}
		object = append(appendMembers(append(object[:0], '{'), membersFor(&run, opts, &r)), '}')
		if err := indent(&text, object, jsonIndent+jsonIndent); err != nil {
			return err
		}
		out.WriteString(before + jsonIndent + jsonIndent)
		if _, err := out.Write(text.Bytes()); err != nil {
			return err
		}
		before = ",\n"
	}
	if summary.Total > 0 {
		out.WriteString("\n" + jsonIndent)
	}
	out.WriteString("]\n}\n")
	return out.Flush()
}

// indent makes text of an object, over several lines that begin with prefix.
func indent(text *bytes.Buffer, object []byte, prefix string) error {
	text.Reset()
	return json.Indent(text, object, prefix, jsonIndent)
}

func writeSingle(w io.Writer, run Run, opts Options, head row) error {
	results, err := run.Results.Collect()
	if err != nil {
		return err
	}
	object := append(appendMembers([]byte("{"), head.members()), ',')
	object = append(appendMembers(object, membersFor(&run, opts, &results[0])), '}')
	var text bytes.Buffer
	if err := indent(&text, object, ""); err != nil {
		return err
	}
	text.WriteByte('\n')
	_, err = w.Write(text.Bytes())
	return err
}

// headFor is what holds for the whole run: the columns that are the same for
// all nodes, and what has no column.
func headFor(run Run, opts Options) (head row) {
	for _, c := range columns {
		if c.perRun {
			head = append(head, field{c.key, c.cell(&run, opts, &scanner.Result{})})
		}
	}
	return append(head,
		field{"shard", text(Clean(run.Shard))},
		field{"arguments", list(run.Arguments).clean()},
		field{"waivers", objects(run.Waivers, waiverRow)},
	)
}

// waiverRow is a waiver of a run, whether it holds or not.
func waiverRow(object row, w Waiver) row {
	return append(
		object,
		field{"id", text(w.ID)},
		field{"nodes", text(w.Nodes)},
		field{"labels", pairs(w.Labels)},
		field{"rotation", text(w.Rotation)},
		field{"condition", text(w.Condition)},
		field{"reason", text(w.Reason)},
		field{"owner", text(w.Owner)},
		field{"expires", moment(w.Expires)},
		field{"source", text(w.Source)},
	)
}

// membersFor is one node: its columns, and behind them what has more than one
// dimension, or is for programs only, and stands in no other format.
func membersFor(run *Run, opts Options, r *scanner.Result) iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		for i := range columns {
			if c := &columns[i]; !c.perRun && !yield(c.key, c.cell(run, opts, r)) {
				return
			}
		}
		_ = yield("settings", objects(r.Verdict.Settings, settingRow)) &&
			yield("letter", objects(r.Verdict.Letter, letterRow)) &&
			yield("inventory_index", number(r.Node.Index)) &&
			yield("stages", stagesObject(&r.Stages))
	}
}

// stageKeys are those of the stages of a visit, in their order.
var stageKeys = [...]string{"resolve_us", "connect_us", "wait_us", "login_us", "probe_us", "serving_us", "judge_us"}

// stageTimes are the stages of a visit in the order of stageKeys.
func stageTimes(s *scanner.Stages) [len(stageKeys)]*time.Duration {
	return [...]*time.Duration{&s.Resolve, &s.Connect, &s.Wait, &s.Login, &s.Probe, &s.Serving, &s.Judge}
}

// StageWords says how long each stage of a visit took that it came to; empty: it
// came to none.
func StageWords(s scanner.Stages) string {
	var words []string
	for i, stage := range stageTimes(&s) {
		if took := stage.Truncate(time.Microsecond); took > 0 {
			words = append(words, fmt.Sprintf("%s %v", strings.TrimSuffix(stageKeys[i], "_us"), took))
		}
	}
	return strings.Join(words, ", ")
}

// stagesObject is one object, in microseconds.
func stagesObject(s *scanner.Stages) value {
	times := make(row, len(stageKeys))
	for i, stage := range stageTimes(s) {
		times[i] = field{stageKeys[i], number(int(stage.Microseconds()))}
	}
	return value{kind: kindJSON, text: string(times.appendJSON(nil))}
}

// settingRow is an effective setting with its source.
func settingRow(object row, s scanner.Setting) row {
	return append(
		object,
		field{"name", text(s.Name)},
		field{"value", text(s.Value)},
		field{"known", boolean(s.Source.Kind != kubelet.FromNowhere)},
		field{"source", sourceWords(s.Source)},
		field{"source_kind", text(s.Source.Kind)},
		field{"source_path", text(s.Source.Path)},
		field{"source_line", number(s.Source.Line)},
		field{"source_text", text(s.Source.Text)},
		field{"detail", text(s.Detail)},
	)
}

// letterRow is the answer of a written rule.
func letterRow(object row, l scanner.Letter) row {
	return append(object, field{"rule", text(l.Rule)}, field{"result", text(l.Result)}, field{"why", text(l.Why)})
}

func summaryForJSON(s Summary) (value, error) {
	out := jsonSummary{jsonCounts: countsForJSON(s.Counts), Groups: make([]jsonGroup, len(s.Groups))}
	for i, g := range s.Groups {
		out.Groups[i] = jsonGroup{Group: g.Name, jsonCounts: countsForJSON(g.Counts)}
	}
	content, err := json.Marshal(out)
	return value{kind: kindJSON, text: string(content)}, err
}

func countsForJSON(c Counts) jsonCounts {
	out := jsonCounts{
		Total:       c.Total,
		Assessed:    c.Assessed(),
		Waived:      c.Waived,
		NotAssessed: c.NotAssessed(),
		Rotation:    make(map[string]int, len(rotations)),
		Status:      make(map[string]int, len(failures)),
	}
	for _, r := range rotations {
		out.Rotation[r.String()] = c.Rotation[r]
	}
	for _, s := range failures {
		out.Status[s.String()] = c.Status[s]
	}
	return out
}
