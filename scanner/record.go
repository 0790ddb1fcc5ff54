package scanner

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"kletscan/inventory"
	"kletscan/scanner/evidence"
)

// RecordSchema is the version of the JSON that a Record is written as. Adding a
// member keeps it; renaming, removing or changing the meaning of one raises it.
const RecordSchema = 1

// Record is what is kept of one visit: enough to judge the node again, offline,
// with the same outcome. It is redacted, since evidence always is.
type Record struct {
	Schema      int                `json:"schema_version"`
	Tool        string             `json:"tool"`
	ToolVersion string             `json:"tool_version"`
	Node        inventory.Node     `json:"node"`
	Status      Status             `json:"status"`
	Error       string             `json:"error,omitempty"`
	Started     time.Time          `json:"started"`
	Seconds     float64            `json:"seconds"`
	Evidence    *evidence.Evidence `json:"evidence,omitempty"` // nil: nothing was collected, and Status says why
}

// NewRecord is the record of a visit.
func NewRecord(version string, r Result, ev *evidence.Evidence) Record {
	return Record{
		Schema: RecordSchema, Tool: "kletscan", ToolVersion: version, Node: r.Node, Status: r.Status, Error: r.Error,
		Started: r.Started, Seconds: r.Duration.Seconds(), Evidence: ev,
	}
}

// Write writes the record as indented JSON.
func (r Record) Write(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(r)
}

// ReadRecord reads one record and checks that it is one.
func ReadRecord(in io.Reader) (Record, error) {
	var r Record
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return r, fmt.Errorf("not an evidence file: %w", err)
	}
	if r.Tool != "kletscan" || r.Schema < 1 {
		return r, fmt.Errorf("not an evidence file of kletscan: expected one that scan --evidence-dir wrote")
	}
	if r.Schema > RecordSchema {
		return r, fmt.Errorf("evidence of schema version %d: this kletscan reads up to %d, use a newer one", r.Schema, RecordSchema)
	}
	return r, nil
}

// Result judges the record again.
func (r Record) Result() Result {
	out := Result{Node: r.Node, Status: r.Status, Error: r.Error, Started: r.Started, Duration: time.Duration(r.Seconds * float64(time.Second))}
	if r.Evidence == nil {
		if out.Status == OK { // evidence that is gone is not a pass
			out.Status, out.Error = StatusUnknown, "the record holds no evidence"
		}
		return out
	}
	j := Judge(r.Evidence)
	out.Status, out.Error, out.Verdict = j.Status, j.Reason, j.Verdict
	return out
}
