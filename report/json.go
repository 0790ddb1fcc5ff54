package report

import (
	"encoding/json"
	"io"
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
		for _, c := range columns {
			if !c.perRun {
				doc.Results[i] = append(doc.Results[i], field{c.key, c.cell(run, r)})
			}
		}
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(doc)
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
