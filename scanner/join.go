package scanner

import (
	"fmt"
	"slices"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/probe"
	"kletscan/scanner/serving"
)

// Served is the certificate that the kubelet really serves, and what that
// makes of the verdict. The zero value: nobody looked.
type Served struct {
	Class    serving.Class
	Join     Join
	Why      string // one line: what was seen, or why nothing was
	Address  string // where
	Method   evidence.Method
	Subject  string // common names
	Issuer   string
	Serial   string
	SHA256   string
	KeyType  string
	SANs     []string
	NotAfter int64        // seconds since the epoch; 0: no certificate was seen
	Life     serving.Life // at the node's own clock
	SignedBy string       // the file of a cluster CA on the node that signed it; empty: none there did
}

// Join is what a certificate makes of the answer of arguments and files.
type Join string

const (
	JoinNone        Join = ""            // nothing was observed, or it says nothing
	JoinConfirms    Join = "confirms"    // it is what the settings lead to
	JoinRefines     Join = "refines"     // it says more than the settings do
	JoinContradicts Join = "contradicts" // both cannot be true of this process
)

// Join looks at the certificate in ev and brings it together with j, the
// judgement of the same evidence when nobody had looked at the certificate:
// then it is Judge's. A judgement that was joined already, or of other evidence,
// gives nonsense.
//
// Arguments and files say what should happen, the certificate what does; but
// names in a certificate corroborate and do not prove, so a contradiction leaves
// the answer open instead of turning it round.
func (g *Judger) Join(j Judgement, ev *evidence.Evidence) Judgement {
	if ev.Serving == nil || j.Status != OK {
		return j
	}
	v, e := &j.Verdict, j.settings
	v.Conditions, v.Remedy = slices.Clip(v.Conditions), slices.Clip(v.Remedy) // they stay j's
	f := serving.Classify(*ev.Serving, ev.Host.Now)
	v.Served = served(f, ev.Serving.Address)
	v.Served.SignedBy = signedBy(f, ev)
	overNetwork := f.Attempt.Method != evidence.Disk
	switch {
	case f.Class == serving.NotObserved || !overNetwork:
	case f.Class == serving.NoListener:
		v.refine(NoListener, "nothing listens at "+ev.Serving.Address)
	case f.Class == serving.NotTLS:
		v.refine(NoListener, "what listens at "+ev.Serving.Address+" does not speak TLS")
	case v.Rotation == kubelet.On:
		v.joinOn(f, e, ev)
	case v.Rotation == kubelet.Off || v.Rotation == kubelet.External:
		v.joinOff(f)
	case v.Rotation == kubelet.Unknown:
		v.joinUnknown(f)
	}
	if f.Life.Expired {
		v.condition(Expired)
	}
	if f.Life.Overdue && !f.Life.Expired {
		v.condition(Overdue)
	}
	return j
}

// joinOn is for a kubelet whose settings ask for rotation.
func (v *Verdict) joinOn(f serving.Finding, e kubelet.Effective, ev *evidence.Evidence) {
	switch {
	case f.Class == serving.Rotated:
		v.Served.Join = JoinConfirms
	case f.Class == serving.NoneYet:
		v.refine(NotIssued, "it has no certificate to serve yet: "+notIssued(e, ev))
		v.Remedy = append(v.Remedy, "Look at kubectl get csr: a request of this node that is Pending wants kubectl certificate approve NAME; one that was Denied is asked for again only later; none at all means that the kubelet cannot reach the API server.")
	case f.Class == serving.Static && e.Masked:
		v.Served.Join = JoinConfirms // and hidden from clients that dial by IP, as the condition says
	case f.Class == serving.Static && e.TLSCertFile.Known() && e.TLSCertFile.Value != "":
		v.refine("", "the static certificate is served until the first one is issued")
	default:
		v.contradict(f, "the settings ask for rotation")
	}
}

// notIssued names the five causes of "no certificate", the likeliest first by
// what the certificate directory shows.
func notIssued(e kubelet.Effective, ev *evidence.Evidence) string {
	const (
		noClient = "it has no API client to ask with"
		pending  = "its request is pending"
		denied   = "its request was denied"
		expired  = "its certificate has expired and the renewal is pending"
		keyless  = "its certificate is there without the key"
	)
	causes := []string{pending, denied, expired, keyless}
	dir := ev.Dir(0, e.CertDir.Value)
	hasOne := dir != nil && slices.ContainsFunc(dir.Entries, func(x evidence.Entry) bool {
		return strings.HasSuffix(x.Path, "/kubelet-server-current.pem")
	})
	switch {
	case e.NoAPIClient:
		return noClient
	case hasOne: // it was issued once
		causes = []string{expired, keyless, pending, denied}
	case dir != nil && dir.State == evidence.Present: // nothing was ever issued
		causes = []string{pending, denied}
	}
	return strings.Join(causes, ", or ")
}

// joinOff is for a kubelet whose settings do not ask for rotation.
func (v *Verdict) joinOff(f serving.Finding) {
	switch {
	case f.Class == serving.SelfSigned && v.Rotation == kubelet.Off, f.Class == serving.Static && v.Rotation == kubelet.External:
		v.Served.Join = JoinConfirms
	case f.Class == serving.SelfSigned:
		v.refine("", "the static certificate is one that a kubelet signed itself")
	case f.Class == serving.Static:
		v.Rotation = kubelet.External
		v.refine("", "the certificate in its place is not one that the kubelet signed itself: somebody else supplies it ("+v.Served.Issuer+")")
	default: // a rotated certificate, or none yet: both mean that rotation was asked for
		v.contradict(f, "the settings do not ask for rotation")
	}
}

// joinUnknown breaks a tie: where arguments and files leave it open what the
// running process does, what it serves says it.
func (v *Verdict) joinUnknown(f serving.Finding) {
	switch f.Class {
	case serving.Rotated:
		v.Rotation = kubelet.On
		v.refine("", "but it serves a certificate of the cluster's CA for this node: rotation is on")
	case serving.NoneYet:
		v.Rotation = kubelet.On
		v.refine(NotIssued, "but it asks for a certificate and has none: rotation is on")
	case serving.SelfSigned:
		v.Rotation = kubelet.Off
		v.refine("", "but it serves a certificate that it signed itself: rotation is off")
	}
}

// refine adds to the answer; an empty condition adds none.
func (v *Verdict) refine(c Condition, why string) {
	v.Served.Join = JoinRefines
	if c != "" {
		v.condition(c)
	}
	v.Why += "; " + why
}

// contradict leaves the answer open.
func (v *Verdict) contradict(f serving.Finding, settings string) {
	v.Served.Join = JoinContradicts
	v.Rotation = kubelet.Unknown
	v.Why = fmt.Sprintf("%s (%s), yet the certificate served is %s: the files are not what this process was started with, or somebody else made that certificate",
		settings, v.Why, f.Class)
}

// condition adds c in the order of Conditions.
func (v *Verdict) condition(c Condition) {
	if slices.Contains(v.Conditions, c) {
		return
	}
	v.Conditions = append(v.Conditions, c)
	slices.SortFunc(v.Conditions, func(a, b Condition) int { return slices.Index(Conditions, a) - slices.Index(Conditions, b) })
}

// WarnExpiry adds the condition Expiring to a verdict whose certificate ends
// within that many days.
func (v *Verdict) WarnExpiry(days int64) {
	if life := v.Served.Life; life.Known && !life.Expired && life.DaysLeft < days {
		v.condition(Expiring)
	}
}

// signedBy is the CA file of the node that signed the certificate.
func signedBy(f serving.Finding, ev *evidence.Evidence) string {
	if f.Certificate() == nil {
		return ""
	}
	for _, name := range probe.Authorities {
		file := ev.File(0, name)
		if file == nil || file.State != evidence.Present {
			continue
		}
		if signed, _ := serving.SignedBy(f.Attempt.Chain, []byte(file.Content)); signed == serving.SignedYes {
			return name
		}
	}
	return ""
}

// served is what was seen, in the words of a report.
func served(f serving.Finding, address string) Served {
	out := Served{Class: f.Class, Why: f.Why, Address: address, Method: f.Attempt.Method, Life: f.Life}
	if cert := f.Certificate(); cert != nil {
		out.Subject, out.Issuer = cert.Subject.CommonName, cert.Issuer.CommonName
		out.Serial, out.SHA256, out.NotAfter = cert.Serial, cert.SHA256, cert.NotAfter
		out.KeyType = cert.KeyType
		out.SANs = append(slices.Clone(cert.DNSNames), cert.IPAddresses...)
	}
	return out
}
