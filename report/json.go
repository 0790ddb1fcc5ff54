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
		field{"waivers", waiverObjects(run.Waivers)},
	)
}

// waiverObjects are the waivers of a run, whether they hold or not.
func waiverObjects(waivers Waivers) value {
	list := make([][]field, len(waivers))
	for i, w := range waivers {
		list[i] = []field{
			{"id", text(w.ID)},
			{"nodes", text(w.Nodes)},
			{"labels", pairs(w.Labels)},
			{"rotation", text(w.Rotation)},
			{"condition", text(w.Condition)},
			{"reason", text(w.Reason)},
			{"owner", text(w.Owner)},
			{"expires", moment(w.Expires)},
			{"source", text(w.Source)},
		}
	}
	return objects(list)
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
		_ = yield("settings", settingObjects(r.Verdict.Settings)) &&
			yield("letter", letterObjects(r.Verdict.Letter)) &&
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
	return value{kind: kindJSON, json: times.appendJSON(nil)}
}

// settingObjects are the effective settings with their sources.
func settingObjects(settings []scanner.Setting) value {
	list := make([][]field, len(settings))
	for i, s := range settings {
		list[i] = []field{
			{"name", text(s.Name)},
			{"value", text(s.Value)},
			{"known", boolean(s.Source.Kind != kubelet.FromNowhere)},
			{"source", sourceWords(s.Source)},
			{"source_kind", text(s.Source.Kind)},
			{"source_path", text(s.Source.Path)},
			{"source_line", number(s.Source.Line)},
			{"source_text", text(s.Source.Text)},
			{"detail", text(s.Detail)},
		}
	}
	return objects(list)
}

// letterObjects are the answers of the written rules.
func letterObjects(letters []scanner.Letter) value {
	list := make([][]field, len(letters))
	for i, l := range letters {
		list[i] = []field{{"rule", text(l.Rule)}, {"result", text(l.Result)}, {"why", text(l.Why)}}
	}
	return objects(list)
}

func summaryForJSON(s Summary) (value, error) {
	out := jsonSummary{jsonCounts: countsForJSON(s.Counts), Groups: make([]jsonGroup, len(s.Groups))}
	for i, g := range s.Groups {
		out.Groups[i] = jsonGroup{Group: g.Name, jsonCounts: countsForJSON(g.Counts)}
	}
	content, err := json.Marshal(out)
	return value{kind: kindJSON, json: content}, err
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
