package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"kletscan/scanner"
)

// oscalVersion is the version of OSCAL that the document is of.
const oscalVersion = "1.0.4"

// oscalNamespace qualifies the names of properties: they are the columns.
const oscalNamespace = "urn:kletscan:columns"

// oscalControls are the controls of NIST SP 800-53 for which rotation is
// evidence: ComplianceAsCode maps its rule for it to CM-6, and cnspec maps its
// own to SC-8.
var oscalControls = []struct{ id, title string }{
	{"cm-6", "CM-6 Configuration Settings"},
	{"sc-8", "SC-8 Transmission Confidentiality and Integrity"},
}

// writeOSCAL writes assessment results of NIST's Open Security Controls
// Assessment Language: an inventory item and an observation for each node, a
// risk for each waiver that is made use of, and a finding for each control.
//
// A control is satisfied if rotation is on wherever it applies, and was seen
// to be on somewhere. A node that was not assessed, or whose answer is open or
// waived, leaves it not satisfied, for another reason than "fail". OSCAL has
// no word for "not assessed".
func writeOSCAL(w io.Writer, run Run, opts Options) error {
	summary, err := Summarize(run, opts)
	if err != nil {
		return err
	}
	o := &oscal{out: bufio.NewWriter(w), run: run, opts: opts, tool: run.uuid("tool"), plan: run.uuid("plan")}
	o.put(`{"assessment-results":{"uuid":`, run.uuid("assessment-results"))
	o.put(`,"metadata":`, o.metadata())
	o.put(`,"import-ap":`, map[string]string{"href": "#" + o.plan})
	o.put(`,"results":[{"uuid":`, run.uuid("result"))
	o.put(`,"title":`, "rotation of the kubelet's serving certificate")
	o.put(`,"description":`, summary.Line())
	o.put(`,"start":`, oscalTime(run.start()))
	o.put(`,"end":`, oscalTime(run.when()))
	o.put(`,"props":`, oscalProps(runFacts(run)))
	o.put(`,"local-definitions":{"assessment-assets":`, o.assets())
	o.each("inventory-items", oscalItem)
	o.put(`},"reviewed-controls":`, oscalReviewed())
	o.each("observations", o.observation)
	o.each("risks", o.risk)
	for i, c := range oscalControls {
		o.put([]string{`,"findings":[`, ","}[min(i, 1)], o.finding(c.id, c.title, summary.Line()))
	}
	o.put(`]}],"back-matter":`, o.backMatter())
	o.write("}}\n")
	if o.err != nil {
		return o.err
	}
	return o.out.Flush()
}

// oscal writes one document as it goes, so that no fleet is held in memory,
// but for the UUIDs. It keeps the first error.
type oscal struct {
	out        *bufio.Writer
	run        Run
	opts       Options
	tool, plan string // UUIDs
	err        error

	observations, risks []string // UUIDs
	outcomes            [4]int   // by outcome; of the nodes without a waiver
}

func (o *oscal) write(s string) {
	if o.err == nil {
		_, o.err = o.out.WriteString(s)
	}
}

// put writes what stands before a value, and the value.
func (o *oscal) put(before string, v any) {
	content, err := json.Marshal(v)
	if o.err == nil {
		o.err = err
	}
	o.write(before)
	o.write(string(content))
}

// each writes an array with what is made of each node, a line each; nil is
// left out, and so is the member if its array would be empty: OSCAL has none.
func (o *oscal) each(member string, of func(finding) any) {
	before, after := `,"`+member+"\":[\n", ""
	for f, err := range findings(o.run, o.opts) {
		if o.err == nil {
			o.err = err
		}
		if o.err != nil {
			return
		}
		if v := of(f); v != nil {
			o.put(before, v)
			before, after = ",\n", "\n]"
		}
	}
	o.write(after)
}

type (
	oscalProp struct {
		Name  string `json:"name"`
		NS    string `json:"ns"`
		Value string `json:"value"`
	}
	oscalInventoryItem struct {
		UUID        string      `json:"uuid"`
		Description string      `json:"description"`
		Props       []oscalProp `json:"props,omitempty"`
	}
	oscalObservation struct {
		UUID        string         `json:"uuid"`
		Title       string         `json:"title"`
		Description string         `json:"description"`
		Props       []oscalProp    `json:"props,omitempty"`
		Methods     []string       `json:"methods"`
		Origins     []oscalOrigin  `json:"origins"`
		Subjects    []oscalSubject `json:"subjects"`
		Collected   string         `json:"collected"`
	}
	oscalOrigin struct {
		Actors []oscalActor `json:"actors"`
	}
	oscalActor struct {
		Type string `json:"type"`
		UUID string `json:"actor-uuid"`
	}
	oscalSubject struct {
		UUID  string `json:"subject-uuid"`
		Type  string `json:"type"`
		Title string `json:"title"`
	}
	oscalRisk struct {
		UUID        string      `json:"uuid"`
		Title       string      `json:"title"`
		Description string      `json:"description"`
		Statement   string      `json:"statement"`
		Props       []oscalProp `json:"props,omitempty"`
		Status      string      `json:"status"`
		Deadline    string      `json:"deadline,omitempty"` // when the waiver ends
	}
	oscalFinding struct {
		UUID         string                `json:"uuid"`
		Title        string                `json:"title"`
		Description  string                `json:"description"`
		Target       oscalTarget           `json:"target"`
		Observations []oscalObservationRef `json:"related-observations,omitempty"`
		Risks        []oscalRiskRef        `json:"related-risks,omitempty"`
		Remarks      string                `json:"remarks"`
	}
	oscalTarget struct {
		Type   string      `json:"type"`
		ID     string      `json:"target-id"`
		Status oscalStatus `json:"status"`
	}
	oscalStatus struct {
		State  string `json:"state"`
		Reason string `json:"reason"`
	}
	oscalObservationRef struct {
		UUID string `json:"observation-uuid"`
	}
	oscalRiskRef struct {
		UUID string `json:"risk-uuid"`
	}
)

// start is when the run began, or else whatever time is known of it.
func (run Run) start() time.Time {
	if !run.Started.IsZero() {
		return run.Started
	}
	return run.when()
}

func oscalTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// oscalProps are the facts as properties, whose values neither are empty nor
// begin or end with a blank.
func oscalProps(facts []field) (props []oscalProp) {
	for _, f := range facts {
		if s := strings.TrimSpace(f.value.String()); s != "" {
			props = append(props, oscalProp{f.key, oscalNamespace, s})
		}
	}
	return props
}

func (o *oscal) metadata() any {
	return map[string]any{
		"title":         "kletscan: rotation of kubelet serving certificates",
		"last-modified": oscalTime(o.run.when()),
		"version":       fmt.Sprint(SchemaVersion),
		"oscal-version": oscalVersion,
	}
}

// assets is the tool that assessed.
func (o *oscal) assets() any {
	return map[string]any{
		"components": []any{map[string]any{
			"uuid": o.tool, "type": "software", "title": "kletscan",
			"description": "reads process tables and files of nodes over SSH, and judges them by the kubelet's own rules",
			"status":      map[string]string{"state": "operational"},
		}},
		"assessment-platforms": []any{map[string]any{
			"uuid": o.run.uuid("platform"), "uses-components": []any{map[string]string{"component-uuid": o.tool}},
		}},
	}
}

func oscalReviewed() any {
	var controls []any
	for _, c := range oscalControls {
		controls = append(controls, map[string]string{"control-id": c.id})
	}
	return map[string]any{"control-selections": []any{map[string]any{
		"description":      "NIST SP 800-53: controls for which " + ControlID + " is evidence",
		"include-controls": controls,
	}}}
}

// backMatter stands in for the assessment plan, which kletscan does not know.
func (o *oscal) backMatter() any {
	return map[string]any{"resources": []any{map[string]string{
		"uuid": o.plan, "title": "no assessment plan",
		"description": "kletscan assesses " + ControlID + " on every node of an inventory; replace this by the plan that asks for it",
	}}}
}

func oscalItem(f finding) any {
	facts := []field{{"node", f.of("node")}, {"host", f.of("host")}, {"group", f.of("group")}, {"labels", f.of("labels")}}
	return oscalInventoryItem{f.run.uuid("node", f.name), f.name, oscalProps(facts)}
}

func (o *oscal) observation(f finding) any {
	id := o.run.uuid("observation", f.name)
	o.observations = append(o.observations, id)
	facts := append([]field{{"result", text(oscalResult(f))}}, f.nodeFacts()...)
	if f.waiver == nil {
		o.outcomes[f.outcome]++
	}
	return oscalObservation{
		UUID: id, Title: Clean(f.name + ": " + f.state()), Description: f.said(), Props: oscalProps(facts),
		Methods:   []string{"TEST"},
		Origins:   []oscalOrigin{{[]oscalActor{{"tool", o.tool}}}},
		Subjects:  []oscalSubject{{o.run.uuid("node", f.name), "inventory-item", f.name}},
		Collected: oscalTime(f.when()),
	}
}

// oscalResult is the answer for the node in the words of XCCDF, which tools
// that convert to OSCAL put there, too.
func oscalResult(f finding) string {
	switch f.outcome {
	case outcomePass:
		return "pass"
	case outcomeFail:
		return "fail"
	case outcomeNotApplicable:
		return "notapplicable"
	}
	switch f.result.Status {
	case scanner.OK:
		return "unknown"
	case scanner.Cancelled, scanner.StatusUnknown:
		return "notchecked"
	}
	return "error"
}

func (o *oscal) risk(f finding) any {
	if f.waiver == nil {
		return nil
	}
	id := o.run.uuid("risk", f.name)
	o.risks = append(o.risks, id)
	r := oscalRisk{
		UUID: id, Title: Clean(f.name + ": " + f.state()), Description: f.said(), Statement: Clean(f.waiver.Reason),
		Props:  oscalProps([]field{{"waiver_owner", text(Clean(f.waiver.Owner))}}),
		Status: "deviation-approved",
	}
	if !f.waiver.Expires.IsZero() {
		r.Deadline = oscalTime(f.waiver.Expires.AddDate(0, 0, 1)) // the whole of the last day counts
	}
	return r
}

// finding is what all observations come to for one control.
func (o *oscal) finding(control, title, line string) any {
	status := oscalStatus{"not-satisfied", "other"}
	switch {
	case o.outcomes[outcomeFail] > 0:
		status.Reason = "fail"
	case o.outcomes[outcomePass] > 0 && o.outcomes[outcomeOpen] == 0 && len(o.risks) == 0 && !o.run.Incomplete:
		status = oscalStatus{"satisfied", "pass"}
	}
	f := oscalFinding{
		UUID: o.run.uuid("finding", control), Title: title + ": " + ControlID, Description: line,
		Target:  oscalTarget{"statement-id", control + "_smt", status},
		Remarks: "Evidence for the control as far as kubelet serving certificates go; not an assessment of the whole of it.",
	}
	for _, id := range o.observations {
		f.Observations = append(f.Observations, oscalObservationRef{id})
	}
	for _, id := range o.risks {
		f.Risks = append(f.Risks, oscalRiskRef{id})
	}
	return f
}
