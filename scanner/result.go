package scanner

import (
	"time"

	"kletscan/inventory"
	"kletscan/scanner/distro"
	"kletscan/scanner/kubelet"
)

// Result is one inventory node's row. Every node of the inventory has exactly
// one, whatever happened to it.
type Result struct {
	Node     inventory.Node
	Status   Status
	Error    string // why Status is not OK, one line; empty with OK
	Verdict  Verdict
	Started  time.Time     // when the visit began; zero: never
	Duration time.Duration // of the whole visit
	Stages   Stages
}

// Verdict is what Judge makes of one node's evidence. The zero value is "not
// known".
type Verdict struct {
	Rotation      kubelet.Rotation
	Conditions    []Condition      // refine Rotation, never replace it; in the order of the constants
	AfterRestart  kubelet.Rotation // with RestartPending: what a restart would give
	Distro        distro.ID        // empty: not recognised
	Version       string           // the kubelet's, such as v1.29.3; empty: not known
	VersionSource string           // where in the inventory Version stood, if the node did not tell it; empty: it did
	Source        kubelet.Source   // where the deciding setting stood
	Why           string           // one line: which flag, file or default decided, or what is missing
	Served        Served           // the certificate that is really served
	Settings      []Setting        // the effective settings, decisive first
	Letter        []Letter         // what the written rules would say, in the order of Rules
	PID           int              // of the kubelet judged; 0: none is running
	Unit          string           // the systemd unit that starts it; empty: none is known
	Remedy        []string         // what turns rotation on on this very node, one sentence each, in order; nil: nothing is to be done
	Others        []string         // other kubelets on the host, which are not the node's own; one line each
}

// Setting is one effective setting in the words of a report.
type Setting struct {
	Name   string // as in the configuration file, such as serverTLSBootstrap
	Value  string // empty and Source zero: not known
	Source kubelet.Source
	Detail string // why it is not known; empty when it is
}

// Condition refines a Rotation.
type Condition string

const (
	NotIssued      Condition = "not-issued"      // on, and there is no certificate to serve: the request is pending, denied or impossible
	Masked         Condition = "masked"          // on, but up to 1.35 clients that dial by IP are served the static certificate
	NoAPIClient    Condition = "no-api-client"   // on, but standalone: there is nobody to ask for a certificate
	RestartPending Condition = "restart-pending" // files are newer than the process
	Expired        Condition = "expired"         // the certificate that is served has expired
	Expiring       Condition = "expiring"        // it does so soon (--warn-expiry)
	Overdue        Condition = "overdue"         // rotated, past 90 % of its life, and not renewed
	NoListener     Condition = "no-listener"     // nothing that speaks TLS listens where the kubelet should
	GateNamed      Condition = "gate-named"      // the feature gate is spelled out and will break the kubelet the day it is removed
	KubeletDown    Condition = "kubelet-down"    // no process: judged from unit files, "would start with"
	NoServer       Condition = "no-server"       // enableServer is false: nothing is served
)

// Conditions lists every condition, in the order in which a Verdict has them.
var Conditions = []Condition{
	NotIssued, Masked, NoAPIClient, RestartPending, Expired, Expiring, Overdue, NoListener, GateNamed, KubeletDown, NoServer,
}

// Meaning is what a condition says, in one clause.
func (c Condition) Meaning() string {
	switch c {
	case NotIssued:
		return "rotation is on, and there is no certificate to serve: every handshake with the kubelet fails"
	case Expired:
		return "the certificate that is served has expired; a self-signed one is served for ever all the same"
	case Expiring:
		return "the certificate that is served expires soon"
	case Overdue:
		return "more than 90 % of the certificate's life is over and it was not renewed, which a kubelet does between 70 and 90 %"
	case NoListener:
		return "nothing that speaks TLS listens where the kubelet should"
	case Masked:
		return "a client that dials by IP, as the API server does by default, is served the static certificate that is configured, too (up to 1.35)"
	case NoAPIClient:
		return "rotation is asked for, but without --kubeconfig there is nobody to ask for a certificate"
	case RestartPending:
		return "what is on disk is not what the process was started with"
	case GateNamed:
		return "RotateKubeletServerCertificate is spelled out: it breaks the kubelet the day the gate is removed"
	case KubeletDown:
		return "no kubelet runs; this is what its unit would start"
	case NoServer:
		return "enableServer is false: nothing is served"
	}
	return ""
}

// Letter is what one written rule says of a node, and why that differs from
// the truth.
type Letter struct {
	Rule   RuleID
	Result LetterResult
	Why    string // what in argv or file made it so, and how that differs from Rotation
}

// LetterResult is the answer of a written rule.
type LetterResult string

const (
	LetterUnknown LetterResult = "unknown" // the evidence the rule asks for is missing
	LetterPass    LetterResult = "pass"
	LetterFail    LetterResult = "fail"
	LetterNA      LetterResult = "not-applicable" // out of the rule's scope
)

// RuleID names one written rule, version included: the number 4.2.12 alone
// means another control from CIS 1.7 on.
type RuleID string

const (
	Datadog   RuleID = "datadog"    // cis-kubernetes-1.5.1-4.2.12: one regular expression on --feature-gates
	CIS151    RuleID = "cis-1.5.1"  // 4.2.12: argument or config gate exists and is true
	KubeBench RuleID = "kube-bench" // 4.2.12 of its cis-1.5 tree: the gate is not false
)
