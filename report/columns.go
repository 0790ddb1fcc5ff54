package report

import (
	"slices"
	"strconv"
	"strings"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// ControlID is the control that is assessed, with the version of its
// benchmark: the bare number 4.2.12 means strong ciphers from CIS 1.7 on.
const ControlID = "CIS Kubernetes 1.5.1 4.2.12"

// DatadogRuleID is Datadog's name for that control.
const DatadogRuleID = "cis-kubernetes-1.5.1-4.2.12"

// column is one thing to say of a node.
type column struct {
	key     string // name in CSV and JSON, snake_case; stable within a SchemaVersion
	heading string // name in the table; empty: not in the table
	perRun  bool   // the same for all nodes: JSON has it once, in its head

	value func(*Run, Options, *scanner.Result) value
	// words is what the table shows where that is not the value itself.
	words func(*scanner.Result) value
}

// cell is the column's value for CSV and JSON. Here and in tableCell every
// string passes Clean; no format sees any other.
func (c column) cell(run *Run, opts Options, r *scanner.Result) value {
	return c.value(run, opts, r).clean()
}

// tableCell is the column's value in the table.
func (c column) tableCell(run *Run, opts Options, r *scanner.Result) value {
	if c.words != nil {
		return c.words(r).clean()
	}
	return c.cell(run, opts, r)
}

// Headings that the table treats in its own way.
const (
	rotationHeading = "ROTATION"
	sourceHeading   = "SOURCE"
	whyHeading      = "WHY"
)

// finishedKey is the one fact of a run that is not known as it begins.
const finishedKey = "scan_finished"

// columns are all columns, in the order of CSV and JSON; those with a heading
// stand in the table in the same order.
var columns = []column{
	// The scan.
	{key: "schema_version", perRun: true, value: ofRun(func(*Run) value { return number(SchemaVersion) })},
	{key: "run_id", perRun: true, value: ofRun(func(run *Run) value { return text(run.ID) })},
	{key: "tool", perRun: true, value: ofRun(func(run *Run) value { return text(run.Tool) })},
	{key: "tool_version", perRun: true, value: ofRun(func(run *Run) value { return text(run.Version) })},
	{key: "rules_digest", perRun: true, value: ofRun(func(run *Run) value { return text(run.RulesDigest) })},
	{key: "operator", perRun: true, value: ofRun(func(run *Run) value { return text(run.Operator) })},
	{key: "scan_started", perRun: true, value: ofRun(func(run *Run) value { return moment(run.Started) })},
	{key: finishedKey, perRun: true, value: ofRun(func(run *Run) value { return moment(run.Finished) })},
	{key: "inventory_source", perRun: true, value: ofRun(func(run *Run) value { return text(run.Inventory) })},
	{key: "inventory_digest", perRun: true, value: ofRun(func(run *Run) value { return text(run.InventoryDigest) })},
	{key: "inventory_skipped", perRun: true, value: ofRun(func(run *Run) value { return number(run.Skipped) })},

	// The node, as the inventory has it.
	{key: "node", heading: "NODE", value: of(func(r *scanner.Result) value { return text(r.Node.Name) })},
	{key: "host", value: of(func(r *scanner.Result) value { return text(r.Node.Host) })},
	{key: "port", value: of(func(r *scanner.Result) value { return number(r.Node.Port) })},
	{key: "user", value: of(func(r *scanner.Result) value { return text(r.Node.User) })},
	{key: "group", heading: "GROUP", value: of(func(r *scanner.Result) value { return text(r.Node.Group()) })},
	{key: "inventory_file", value: of(func(r *scanner.Result) value { return text(r.Node.Source.File) })},
	{key: "inventory_line", value: of(func(r *scanner.Result) value { return number(r.Node.Source.Line) })},
	{key: "inventory_column", value: of(func(r *scanner.Result) value { return number(r.Node.Source.Column) })},
	{key: "groups", value: of(func(r *scanner.Result) value { return list(r.Node.Groups) })},
	{key: "labels", value: of(func(r *scanner.Result) value { return pairs(r.Node.Labels) })},
	{key: "jump", value: of(func(r *scanner.Result) value { return text(r.Node.Jump) })},
	{key: "private_keys", value: of(func(r *scanner.Result) value { return list(r.Node.PrivateKeys) })},
	{key: "inventory_os", value: of(func(r *scanner.Result) value { return text(r.Node.OS) })},
	{key: "inventory_kubelet_version", value: of(func(r *scanner.Result) value { return text(r.Node.Kubelet) })},

	// The visit.
	{key: "status", value: of(func(r *scanner.Result) value { return text(r.Status.String()) })},
	{key: "error", value: of(func(r *scanner.Result) value { return text(r.Error) })},
	{key: "visit_started", value: of(func(r *scanner.Result) value { return moment(r.Started) })},
	{key: "visit_seconds", value: of(visitSeconds)},

	// The kubelet and the verdict.
	{key: "distro", heading: "DISTRO", value: of(func(r *scanner.Result) value { return text(r.Verdict.Distro) })},
	{key: "kubelet_version", heading: "KUBELET", value: of(func(r *scanner.Result) value { return text(r.Verdict.Version) })},
	{key: "kubelet_version_source", value: of(func(r *scanner.Result) value { return text(r.Verdict.VersionSource) })},
	{key: "kubelet_pid", value: of(func(r *scanner.Result) value { return number(r.Verdict.PID) })},
	{key: "kubelet_unit", value: of(func(r *scanner.Result) value { return text(r.Verdict.Unit) })},
	{key: "rotation", heading: rotationHeading, value: of(rotation), words: rotationWords},
	{key: "conditions", value: of(func(r *scanner.Result) value { return list(r.Verdict.Conditions) })},
	{key: "after_restart", value: of(afterRestart)},
	{key: "source", heading: sourceHeading, value: of(func(r *scanner.Result) value { return sourceWords(r.Verdict.Source) })},
	{key: "source_kind", value: of(func(r *scanner.Result) value { return text(r.Verdict.Source.Kind) })},
	{key: "source_path", value: of(func(r *scanner.Result) value { return text(r.Verdict.Source.Path) })},
	{key: "source_line", value: of(func(r *scanner.Result) value { return number(r.Verdict.Source.Line) })},
	{key: "source_text", value: of(func(r *scanner.Result) value { return text(r.Verdict.Source.Text) })},

	// The certificate that is really served.
	{key: "cert_class", heading: "CERT", value: of(certClass), words: certWords},
	{key: "cert_join", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.Join) })},
	{key: "cert_why", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.Why) })},
	{key: "cert_address", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.Address) })},
	{key: "cert_method", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.Method) })},
	{key: "cert_subject", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.Subject) })},
	{key: "cert_issuer", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.Issuer) })},
	{key: "cert_signed_by", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.SignedBy) })},
	{key: "cert_serial", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.Serial) })},
	{key: "cert_sha256", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.SHA256) })},
	{key: "cert_key_type", value: of(func(r *scanner.Result) value { return text(r.Verdict.Served.KeyType) })},
	{key: "cert_sans", value: of(func(r *scanner.Result) value { return list(r.Verdict.Served.SANs) })},
	{key: "cert_not_after", value: of(certNotAfter)},
	{key: "cert_days_left", value: of(certDaysLeft)},
	{key: "cert_life_used", value: of(certLifeUsed)},
	{key: "cert_not_yet_valid", value: of(certLife(func(l serving.Life) bool { return l.NotYet }))},
	{key: "cert_expired", value: of(certLife(func(l serving.Life) bool { return l.Expired }))},
	{key: "cert_overdue", value: of(certLife(func(l serving.Life) bool { return l.Overdue }))},

	// The settings behind it.
	{key: "effective_server_tls_bootstrap", value: of(setting("serverTLSBootstrap"))},
	{key: "effective_server_tls_bootstrap_source", value: of(settingSource("serverTLSBootstrap"))},
	{key: "effective_gate", value: of(setting("RotateKubeletServerCertificate"))},
	{key: "effective_gate_source", value: of(settingSource("RotateKubeletServerCertificate"))},
	{key: "tls_cert_file", value: of(setting("tlsCertFile"))},
	{key: "tls_cert_file_source", value: of(settingSource("tlsCertFile"))},

	// What the written rules would say.
	{key: "control_id", value: ofRun(func(*Run) value { return text(ControlID) })},
	{key: "datadog_rule_id", value: ofRun(func(*Run) value { return text(DatadogRuleID) })},
	{key: "cis_1_5_1_letter", heading: "CIS 1.5.1 4.2.12", value: of(letter(scanner.CIS151)), words: cisWords},
	{key: "datadog_letter", value: of(letter(scanner.Datadog))},
	{key: "kube_bench_letter", value: of(letter(scanner.KubeBench))},
	{key: "letter_why", value: of(letterWhy)},
	{key: "why", heading: whyHeading, value: of(func(r *scanner.Result) value { return text(r.Verdict.Why) }), words: whyWords},

	// What to do.
	{key: "remediation", value: of(func(r *scanner.Result) value { return list(r.Verdict.Remedy) })},
	{key: "other_kubelets", value: of(func(r *scanner.Result) value { return list(r.Verdict.Others) })},

	// Who has accepted it; all empty where no waiver holds.
	{key: "waiver_id", value: waived(func(w *Waiver) value { return text(w.ID) })},
	{key: "waiver_reason", value: waived(func(w *Waiver) value { return text(w.Reason) })},
	{key: "waiver_owner", value: waived(func(w *Waiver) value { return text(w.Owner) })},
	{key: "waiver_expires", value: waived(func(w *Waiver) value { return moment(w.Expires) })},
	{key: "waiver_source", value: waived(func(w *Waiver) value { return text(w.Source) })},
}

// tableColumns are those of the table.
func tableColumns() (list []column) {
	for _, c := range columns {
		if c.heading != "" {
			list = append(list, c)
		}
	}
	return list
}

func headingsOf(columns []column) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.heading
	}
	return list
}

// of is a column's value function for what does not depend on the Run.
func of(f func(*scanner.Result) value) func(*Run, Options, *scanner.Result) value {
	return func(_ *Run, _ Options, r *scanner.Result) value { return f(r) }
}

// ofRun is a column's value function for what is the same for all nodes.
func ofRun(f func(*Run) value) func(*Run, Options, *scanner.Result) value {
	return func(run *Run, _ Options, _ *scanner.Result) value { return f(run) }
}

// waived is a column's value function for what the waiver of a node says.
func waived(f func(*Waiver) value) func(*Run, Options, *scanner.Result) value {
	return func(run *Run, opts Options, r *scanner.Result) value {
		if w := run.Waivers.For(*r, opts.Now); w != nil {
			return f(w)
		}
		return value{}
	}
}

func visitSeconds(r *scanner.Result) value {
	if r.Started.IsZero() {
		return value{}
	}
	return seconds(r.Duration)
}

// rotation is empty for a node that was not assessed: "unknown" is what was
// seen there, and nothing was.
func rotation(r *scanner.Result) value {
	if r.Status != scanner.OK {
		return text("")
	}
	return text(r.Verdict.Rotation.String())
}

// rotationWords is "on", "unknown (restart-pending)", or the Status of a node
// that was not assessed.
func rotationWords(r *scanner.Result) value {
	if r.Status != scanner.OK {
		return text(notAssessedWord(r.Status))
	}
	words := r.Verdict.Rotation.String()
	if len(r.Verdict.Conditions) > 0 {
		words += " (" + list(r.Verdict.Conditions).joined(", ") + ")"
	}
	return text(words)
}

// notAssessedWord keeps a Status that nobody set apart from the Rotation
// "unknown".
func notAssessedWord(s scanner.Status) string {
	if s == scanner.StatusUnknown {
		return "not-assessed"
	}
	return s.String()
}

func afterRestart(r *scanner.Result) value {
	if !restartPending(r) {
		return text("")
	}
	return text(r.Verdict.AfterRestart.String())
}

func restartPending(r *scanner.Result) bool {
	return r.Status == scanner.OK && slices.Contains(r.Verdict.Conditions, scanner.RestartPending)
}

// whyWords is the reason of the verdict, or why there is none.
func whyWords(r *scanner.Result) value {
	if r.Status != scanner.OK {
		return text(r.Error)
	}
	return text(r.Verdict.Why)
}

// sourceWords is a Source in words, with the line where it is known; empty for
// a value that is not known.
func sourceWords(s kubelet.Source) value {
	if s.Kind == kubelet.FromNowhere {
		return text("")
	}
	words := s.String()
	if s.Path != "" && s.Line > 0 {
		words += ":" + strconv.Itoa(s.Line)
	}
	return text(words)
}

func setting(name string) func(*scanner.Result) value {
	return func(r *scanner.Result) value { return text(findSetting(r, name).Value) }
}

// settingSource is where the setting stood, or why its value is not known.
func settingSource(name string) func(*scanner.Result) value {
	return func(r *scanner.Result) value {
		s := findSetting(r, name)
		if s.Detail != "" {
			return text("unknown: " + s.Detail)
		}
		return sourceWords(s.Source)
	}
}

// findSetting accepts the bare name and the path to it, such as
// featureGates.RotateKubeletServerCertificate.
func findSetting(r *scanner.Result, name string) scanner.Setting {
	for _, s := range r.Verdict.Settings {
		if s.Name == name || strings.HasSuffix(s.Name, "."+name) {
			return s
		}
	}
	return scanner.Setting{}
}

func letter(rule scanner.RuleID) func(*scanner.Result) value {
	return func(r *scanner.Result) value { return text(findLetter(r, rule)) }
}

func findLetter(r *scanner.Result, rule scanner.RuleID) scanner.LetterResult {
	for _, l := range r.Verdict.Letter {
		if l.Rule == rule {
			return l.Result
		}
	}
	return ""
}

// cisWords is short, for a narrow column.
func cisWords(r *scanner.Result) value {
	result := findLetter(r, scanner.CIS151)
	if result == scanner.LetterNA {
		return text("n/a")
	}
	return text(result)
}

func letterWhy(r *scanner.Result) value {
	var whys []string
	for _, l := range r.Verdict.Letter {
		if l.Why != "" {
			whys = append(whys, string(l.Rule)+": "+l.Why)
		}
	}
	return list(whys)
}
