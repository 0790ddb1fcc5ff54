package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/distro"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// headFields is what headFor writes.
type headFields struct {
	SchemaVersion   int            `json:"schema_version"`
	ID              string         `json:"run_id"`
	Tool            string         `json:"tool"`
	Version         string         `json:"tool_version"`
	RulesDigest     string         `json:"rules_digest"`
	Operator        string         `json:"operator"`
	Started         time.Time      `json:"scan_started"`
	Finished        time.Time      `json:"scan_finished"`
	Inventory       string         `json:"inventory_source"`
	InventoryDigest string         `json:"inventory_digest"`
	Skipped         int            `json:"inventory_skipped"`
	Shard           string         `json:"shard"`
	Arguments       []string       `json:"arguments"`
	Waivers         []waiverFields `json:"waivers"`
}

// waiverFields is what waiverRow gives.
type waiverFields struct {
	ID        string            `json:"id"`
	Nodes     string            `json:"nodes"`
	Labels    map[string]string `json:"labels"`
	Rotation  string            `json:"rotation"`
	Condition string            `json:"condition"`
	Reason    string            `json:"reason"`
	Owner     string            `json:"owner"`
	Expires   time.Time         `json:"expires"`
	Source    string            `json:"source"`
}

// decodeHead is the run that members of a document or of a first line describe,
// still without Results.
func decodeHead(members map[string]json.RawMessage) (Run, error) {
	content, err := json.Marshal(members)
	if err != nil {
		return Run{}, err
	}
	var f headFields
	if err := json.Unmarshal(content, &f); err != nil {
		return Run{}, err
	}
	switch {
	case f.SchemaVersion < 1:
		return Run{}, errNoResults
	case f.SchemaVersion > SchemaVersion:
		return Run{}, fmt.Errorf("results of schema version %d: this kletscan reads up to %d, use a newer one", f.SchemaVersion, SchemaVersion)
	}
	run := Run{
		Tool: f.Tool, Version: f.Version, ID: f.ID, Started: f.Started, Finished: f.Finished,
		Inventory: f.Inventory, InventoryDigest: f.InventoryDigest, Skipped: f.Skipped, Shard: f.Shard,
		Arguments: f.Arguments, Operator: f.Operator, RulesDigest: f.RulesDigest,
	}
	for _, w := range f.Waivers {
		run.Waivers = append(run.Waivers, Waiver(w))
	}
	return run, nil
}

func decodeMember(members map[string]json.RawMessage, key string, into any) error {
	content, ok := members[key]
	if !ok {
		return fmt.Errorf("there is no %q in front of the results: expected the file as it was written", key)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// resultFields is what membersFor gives, as far as it cannot be worked out again.
type resultFields struct {
	Name            *string           `json:"node"`
	Host            string            `json:"host"`
	Port            int               `json:"port"`
	User            string            `json:"user"`
	InventoryFile   string            `json:"inventory_file"`
	InventoryLine   int               `json:"inventory_line"`
	InventoryColumn int               `json:"inventory_column"`
	Groups          []string          `json:"groups"`
	Labels          map[string]string `json:"labels"`
	Jump            string            `json:"jump"`
	PrivateKeys     []string          `json:"private_keys"`
	OS              string            `json:"inventory_os"`
	Kubelet         string            `json:"inventory_kubelet_version"`

	Status  *scanner.Status `json:"status"`
	Error   string          `json:"error"`
	Started time.Time       `json:"visit_started"`
	Seconds float64         `json:"visit_seconds"`

	Distro        distro.ID           `json:"distro"`
	Version       string              `json:"kubelet_version"`
	VersionSource string              `json:"kubelet_version_source"`
	PID           int                 `json:"kubelet_pid"`
	Unit          string              `json:"kubelet_unit"`
	Rotation      string              `json:"rotation"`
	Conditions    []scanner.Condition `json:"conditions"`
	AfterRestart  string              `json:"after_restart"`
	sourceFields
	Why    string   `json:"why"`
	Remedy []string `json:"remediation"`
	Others []string `json:"other_kubelets"`

	CertClass     string          `json:"cert_class"`
	CertJoin      scanner.Join    `json:"cert_join"`
	CertWhy       string          `json:"cert_why"`
	CertAddress   string          `json:"cert_address"`
	CertMethod    evidence.Method `json:"cert_method"`
	CertSubject   string          `json:"cert_subject"`
	CertIssuer    string          `json:"cert_issuer"`
	CertSignedBy  string          `json:"cert_signed_by"`
	CertSerial    string          `json:"cert_serial"`
	CertSHA256    string          `json:"cert_sha256"`
	CertKeyType   string          `json:"cert_key_type"`
	CertSANs      []string        `json:"cert_sans"`
	CertNotAfter  *time.Time      `json:"cert_not_after"`
	CertDaysLeft  *int64          `json:"cert_days_left"` // nil: its life is not known
	CertLifeUsed  float64         `json:"cert_life_used"`
	CertNotYet    bool            `json:"cert_not_yet_valid"`
	CertIsExpired bool            `json:"cert_expired"`
	CertIsOverdue bool            `json:"cert_overdue"`

	Settings []settingFields `json:"settings"`
	Letter   []struct {
		Rule   scanner.RuleID       `json:"rule"`
		Result scanner.LetterResult `json:"result"`
		Why    string               `json:"why"`
	} `json:"letter"`

	InventoryIndex int              `json:"inventory_index"`
	Stages         map[string]int64 `json:"stages"` // by their keys
}

type sourceFields struct {
	Kind kubelet.SourceKind `json:"source_kind"`
	Path string             `json:"source_path"`
	Line int                `json:"source_line"`
	Text string             `json:"source_text"`
}

type settingFields struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Detail string `json:"detail"`
	sourceFields
}

// decodeResult reads one object.
func decodeResult(in *json.Decoder) (scanner.Result, error) {
	var f resultFields
	if err := in.Decode(&f); err != nil {
		return scanner.Result{}, err
	}
	return f.result()
}

// result is the inverse of membersFor. What must be there and is not is an error:
// a node without an answer must not read as one that has a good one.
func (f resultFields) result() (r scanner.Result, err error) {
	if f.Name == nil || f.Status == nil {
		return r, errors.New("there is no node, or no status of it: expected every result with both")
	}
	r = scanner.Result{
		Node: inventory.Node{
			Name: *f.Name, Host: f.Host, Port: f.Port, User: f.User, Groups: f.Groups, Labels: f.Labels,
			PrivateKeys: f.PrivateKeys, Jump: f.Jump, OS: f.OS, Kubelet: f.Kubelet,
			Source: inventory.Position{File: f.InventoryFile, Line: f.InventoryLine, Column: f.InventoryColumn}, Index: f.InventoryIndex,
		},
		Status: *f.Status, Error: f.Error, Started: f.Started,
		Duration: time.Duration(f.Seconds * float64(time.Second)).Round(time.Millisecond),
		Verdict: scanner.Verdict{
			Conditions: f.Conditions, Distro: f.Distro, Version: f.Version, VersionSource: f.VersionSource, Source: kubelet.Source(f.sourceFields), Why: f.Why,
			PID: f.PID, Unit: f.Unit, Remedy: f.Remedy, Others: f.Others,
		},
	}
	for i, took := range stageTimes(&r.Stages) {
		*took = time.Duration(f.Stages[stageKeys[i]]) * time.Microsecond
	}
	for _, s := range f.Settings {
		r.Verdict.Settings = append(r.Verdict.Settings, scanner.Setting{
			Name: s.Name, Value: s.Value, Source: kubelet.Source(s.sourceFields), Detail: s.Detail,
		})
	}
	for _, l := range f.Letter {
		r.Verdict.Letter = append(r.Verdict.Letter, scanner.Letter(l))
	}
	if r.Verdict.Served, err = f.served(); err != nil {
		return r, err
	}
	if r.Status == scanner.OK || f.Rotation != "" {
		if err := r.Verdict.Rotation.UnmarshalText([]byte(f.Rotation)); err != nil {
			return r, err
		}
	}
	if f.AfterRestart != "" {
		err = r.Verdict.AfterRestart.UnmarshalText([]byte(f.AfterRestart))
	}
	return r, err
}

// served is the certificate.
func (f resultFields) served() (s scanner.Served, err error) {
	s = scanner.Served{
		Join: f.CertJoin, Why: f.CertWhy, Address: f.CertAddress, Method: f.CertMethod,
		Subject: f.CertSubject, Issuer: f.CertIssuer, Serial: f.CertSerial, SHA256: f.CertSHA256,
		KeyType: f.CertKeyType, SANs: f.CertSANs, SignedBy: f.CertSignedBy,
	}
	if f.CertNotAfter != nil {
		s.NotAfter = f.CertNotAfter.Unix()
	}
	if f.CertDaysLeft != nil {
		s.Life = serving.Life{
			Known: true, DaysLeft: *f.CertDaysLeft, Used: f.CertLifeUsed,
			NotYet: f.CertNotYet, Expired: f.CertIsExpired, Overdue: f.CertIsOverdue,
		}
	}
	if f.CertClass != "" {
		err = s.Class.UnmarshalText([]byte(f.CertClass))
	}
	return s, err
}
