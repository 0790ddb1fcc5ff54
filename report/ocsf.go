package report

import (
	"bufio"
	"encoding/json"
	"io"
	"net/netip"
	"strings"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// ocsfVersion is the version of the schema that the events are of.
const ocsfVersion = "1.9.0"

// writeOCSF writes one Compliance Finding of the Open Cybersecurity Schema
// Framework, class 2003, a line for each node: what log shippers take, and
// what jq -s makes an array of. The answer is compliance.status_id:
//
//	1   Pass     rotation is on
//	2   Warning  unknown or not reached: "did not yield a result due to missing information"
//	3   Fail     off or invalid
//	99  Other    not applicable: external, or the host is no node
//
// A waiver does not change it: it suppresses the finding, status_id 3. What
// the written rules would have said stands in compliance.checks, each with its
// own answer, and all columns of the node in evidences.
func writeOCSF(w io.Writer, run Run, opts Options) error {
	buffered := bufio.NewWriter(w)
	out := json.NewEncoder(buffered)
	for f, err := range findings(run, opts) {
		if err != nil {
			return err
		}
		if err := out.Encode(ocsfEventOf(f)); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

type ocsfEvent struct {
	ActivityID   int              `json:"activity_id"`
	ActivityName string           `json:"activity_name"`
	CategoryUID  int              `json:"category_uid"`
	CategoryName string           `json:"category_name"`
	ClassUID     int              `json:"class_uid"`
	ClassName    string           `json:"class_name"`
	TypeUID      int              `json:"type_uid"` // class_uid * 100 + activity_id
	TypeName     string           `json:"type_name"`
	Time         int64            `json:"time"` // milliseconds since 1970
	SeverityID   int              `json:"severity_id"`
	Severity     string           `json:"severity"`
	StatusID     int              `json:"status_id"` // of the finding, not of the node
	Status       string           `json:"status"`
	StatusDetail string           `json:"status_detail,omitempty"` // the waiver
	Message      string           `json:"message"`
	Metadata     ocsfMetadata     `json:"metadata"`
	Info         ocsfInfo         `json:"finding_info"`
	Compliance   ocsfCompliance   `json:"compliance"`
	Resources    []ocsfResource   `json:"resources"`
	Remediation  *ocsfRemediation `json:"remediation,omitempty"`
	Evidences    []ocsfEvidence   `json:"evidences"`
}

type ocsfMetadata struct {
	Version        string      `json:"version"`
	UID            string      `json:"uid"`                       // of this finding in this run
	CorrelationUID string      `json:"correlation_uid,omitempty"` // of the run
	Product        ocsfProduct `json:"product"`
}

type ocsfProduct struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
	Version    string `json:"version,omitempty"`
}

type ocsfInfo struct {
	UID   string `json:"uid"` // of the control on the node: the same in every run
	Title string `json:"title"`
	Desc  string `json:"desc,omitempty"`
}

type ocsfCompliance struct {
	Standards     []string    `json:"standards"`
	Control       string      `json:"control"`
	StatusID      int         `json:"status_id"`
	Status        string      `json:"status"`
	StatusCode    string      `json:"status_code"`              // on, off, unreachable, ...
	StatusDetails []string    `json:"status_details,omitempty"` // conditions
	Checks        []ocsfCheck `json:"checks,omitempty"`
}

// ocsfCheck is the answer of one written rule.
type ocsfCheck struct {
	UID      string `json:"uid"`
	Name     string `json:"name"`
	Desc     string `json:"desc,omitempty"`
	StatusID int    `json:"status_id"`
	Status   string `json:"status"`
}

type ocsfResource struct {
	UID      string   `json:"uid"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Hostname string   `json:"hostname,omitempty"`
	IP       string   `json:"ip,omitempty"`
	RoleID   int      `json:"role_id"`
	Role     string   `json:"role"`
	Version  string   `json:"version,omitempty"` // of the kubelet
	Labels   []string `json:"labels,omitempty"`
}

type ocsfRemediation struct {
	Desc string `json:"desc"`
}

type ocsfEvidence struct {
	Name string          `json:"name"`
	Data json.RawMessage `json:"data"`
}

func ocsfEventOf(f finding) ocsfEvent {
	severityID, severity := ocsfSeverity(f)
	e := ocsfEvent{
		ActivityID: 1, ActivityName: "Create",
		CategoryUID: 2, CategoryName: "Findings",
		ClassUID: 2003, ClassName: "Compliance Finding",
		TypeUID: 200301, TypeName: "Compliance Finding: Create",
		Time:       f.when().Unix() * 1000, // as precise as the columns are
		SeverityID: severityID, Severity: severity,
		StatusID: 1, Status: "New",
		Message: Clean(f.name + ": " + f.said()),
		Metadata: ocsfMetadata{
			Version: ocsfVersion, UID: f.run.uuid("finding", f.name), CorrelationUID: Clean(f.run.ID),
			Product: ocsfProduct{Name: "kletscan", VendorName: "kletscan", Version: Clean(f.run.Version)},
		},
		Info: ocsfInfo{
			UID: uuid(ControlID, f.name), Title: "rotation of the kubelet's serving certificate", Desc: f.why(),
		},
		Compliance: ocsfComplianceOf(f),
		Resources:  []ocsfResource{ocsfResourceOf(f)},
		Evidences:  []ocsfEvidence{{Name: "kletscan", Data: row(f.nodeFacts()).appendJSON(nil)}},
	}
	if f.waiver != nil {
		e.StatusID, e.Status, e.StatusDetail = 3, "Suppressed", f.waived()
	}
	if steps := f.of("remediation"); len(steps.list) > 0 {
		e.Remediation = &ocsfRemediation{steps.joined(" ")}
	}
	return e
}

func ocsfComplianceOf(f finding) ocsfCompliance {
	c := ocsfCompliance{
		Standards: []string{"CIS Kubernetes 1.5.1"}, Control: ControlID,
		StatusCode: f.state(), StatusDetails: f.of("conditions").list,
	}
	switch f.outcome {
	case outcomePass:
		c.StatusID, c.Status = 1, "Pass"
	case outcomeFail:
		c.StatusID, c.Status = 3, "Fail"
	case outcomeNotApplicable:
		c.StatusID, c.Status = 99, "Not Applicable"
	default:
		c.StatusID, c.Status = 2, "Warning"
	}
	for _, l := range f.result.Verdict.Letter {
		check := ocsfCheck{UID: Clean(string(l.Rule)), Name: "the letter of " + Clean(string(l.Rule)), Desc: Clean(l.Why)}
		switch l.Result {
		case scanner.LetterPass:
			check.StatusID, check.Status = 1, "Pass"
		case scanner.LetterFail:
			check.StatusID, check.Status = 3, "Fail"
		case scanner.LetterNA:
			check.StatusID, check.Status = 99, "Not Applicable"
		default:
			check.StatusID, check.Status = 2, "Warning"
		}
		c.Checks = append(c.Checks, check)
	}
	return c
}

func ocsfResourceOf(f finding) ocsfResource {
	r := ocsfResource{
		UID: f.name, Name: f.text("node"), Type: "Kubernetes node", Hostname: f.text("host"),
		RoleID: 1, Role: "Target", Version: f.text("kubelet_version"),
	}
	if ip, err := netip.ParseAddr(r.Hostname); err == nil && ip.Zone() == "" {
		r.IP = ip.String()
	}
	for _, p := range f.of("labels").pairs {
		r.Labels = append(r.Labels, strings.Join([]string{p.key, p.value}, "="))
	}
	return r
}

// ocsfSeverity is high where the kubelet cannot start again, and unknown where
// nothing is known.
func ocsfSeverity(f finding) (id int, caption string) {
	switch {
	case f.outcome == outcomeOpen:
		return 0, "Unknown"
	case f.outcome != outcomeFail:
		return 1, "Informational"
	case f.result.Verdict.Rotation == kubelet.Invalid:
		return 4, "High"
	}
	return 3, "Medium"
}
