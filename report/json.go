package report

import (
	"encoding/json"
	"io"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// document is the JSON format: what holds for the whole scan, its summary, and
// one object for each node with the keys of columns.
type document struct {
	SchemaVersion int         `json:"schema_version"`
	Tool          value       `json:"tool"`
	Version       value       `json:"version"`
	Started       value       `json:"started"`   // null: not known
	Finished      value       `json:"finished"`  // null: not known
	Inventory     value       `json:"inventory"` // as Run.Inventory
	Summary       jsonSummary `json:"summary"`
	Results       []row       `json:"results"` // in the order of the inventory, never null
}

// jsonCounts has every word of Rotation and Status as a key, so that a reader
// need not ask whether there is one.
type jsonCounts struct {
	Total       int            `json:"total"`
	Assessed    int            `json:"assessed"`
	Rotation    map[string]int `json:"rotation"` // adds up to Assessed
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

// row is one node. Its members stand in the order of columns.
type row []field

func (r row) MarshalJSON() ([]byte, error) { return marshalObject(r) }

func writeJSON(w io.Writer, run Run, _ Options) error {
	doc := document{
		SchemaVersion: SchemaVersion,
		Tool:          text(run.Tool).clean(),
		Version:       text(run.Version).clean(),
		Started:       moment(run.Started),
		Finished:      moment(run.Finished),
		Inventory:     text(run.Inventory).clean(),
		Summary:       summaryForJSON(Summarize(run.Results)),
		Results:       make([]row, len(run.Results)),
	}
	for i, r := range run.Results {
		doc.Results[i] = rowFor(run, r)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if run.Single && len(doc.Results) == 1 {
		head := row{{"schema_version", number(SchemaVersion)}, {"tool", doc.Tool}, {"tool_version", doc.Version}}
		return out.Encode(append(head, doc.Results[0]...))
	}
	return out.Encode(doc)
}

// rowFor is one node: its columns, and behind them what has more than one
// dimension and stands in no other format.
func rowFor(run Run, r scanner.Result) row {
	var fields row
	for _, c := range columns {
		if !c.perRun {
			fields = append(fields, field{c.key, c.cell(run, r)})
		}
	}
	return append(fields,
		field{"settings", settingObjects(r.Verdict.Settings)},
		field{"letter", letterObjects(r.Verdict.Letter)},
	)
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

func summaryForJSON(s Summary) jsonSummary {
	out := jsonSummary{jsonCounts: countsForJSON(s.Counts), Groups: make([]jsonGroup, len(s.Groups))}
	for i, g := range s.Groups {
		out.Groups[i] = jsonGroup{Group: g.Name, jsonCounts: countsForJSON(g.Counts)}
	}
	return out
}

func countsForJSON(c Counts) jsonCounts {
	out := jsonCounts{
		Total:       c.Total,
		Assessed:    c.Assessed(),
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
