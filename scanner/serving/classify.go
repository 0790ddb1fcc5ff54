package serving

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kletscan/scanner/evidence"
)

// Class says what the kubelet serves. The zero value is NotObserved.
type Class uint8

const (
	NotObserved Class = iota // nobody looked, or what was seen does not tell
	Rotated                  // a certificate with the names that the signer kubernetes.io/kubelet-serving asks for
	SelfSigned               // the kubelet.crt that the kubelet makes for itself, once
	Static                   // any other certificate
	NoneYet                  // none: rotation was asked for, and no certificate was issued, or the last one has expired
	NoListener               // nobody listens at the address
	NotTLS                   // somebody listens who does not speak TLS
)

var classNames = [...]string{"not-observed", "rotated", "self-signed", "static", "none-yet", "no-listener", "not-tls"}

func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// MarshalText gives the word that String gives.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText accepts exactly the words that MarshalText gives.
func (c *Class) UnmarshalText(text []byte) error {
	i := slices.Index(classNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("class %q: expected one of %v", text, classNames)
	}
	*c = Class(i)
	return nil
}

// Finding is what a node's attempts come to.
type Finding struct {
	Class   Class
	Why     string           // one line: what decided, or why nothing was observed
	Attempt evidence.Attempt // that decided; zero with NotObserved
	Life    Life             // of the certificate that was seen
	BySNI   Class            // what a client that sends a server name is served
}

// Certificate is the one that was seen, or nil.
func (f *Finding) Certificate() *evidence.Certificate {
	if f.Attempt.Outcome != evidence.CertificateSeen || len(f.Attempt.Chain) == 0 {
		return nil
	}
	return &f.Attempt.Chain[0]
}

// Masked reports whether rotation is on and hidden from a client that dials by
// IP address, such as the API server: up to Kubernetes 1.35 such a client is
// served the static certificate, if one is configured.
func (f *Finding) Masked() bool {
	return f.Class == Static && f.BySNI == Rotated
}

// Classify says what was observed. now is the node's clock at that time, in
// seconds since the epoch; 0: not known.
//
// Of several attempts that tell something, one over the network decides rather
// than one from disk, then one without a server name, then the earlier one.
func Classify(s evidence.Serving, now int64) Finding {
	finding := Finding{Why: line(s.Reason)}
	if finding.Why == "" {
		finding.Why = "nobody looked"
	}
	best := 0
	for _, attempt := range s.Attempts {
		class, why := classify(&attempt)
		if class == NotObserved {
			if best == 0 && s.Reason == "" {
				finding.Why = why // of the last
			}
			continue
		}
		if attempt.SNI != "" && finding.BySNI == NotObserved {
			finding.BySNI = class
		}
		if r := rank(&attempt); r > best {
			best = r
			finding.Class, finding.Why, finding.Attempt = class, why, attempt
		}
	}
	if cert := finding.Certificate(); cert != nil {
		finding.Life = LifeOf(cert, finding.Class, now)
	}
	return finding
}

func rank(attempt *evidence.Attempt) int {
	switch {
	case attempt.Method == evidence.Disk:
		return 1
	case attempt.SNI != "":
		return 2
	}
	return 3
}

// classify judges one attempt.
func classify(attempt *evidence.Attempt) (Class, string) {
	switch attempt.Outcome {
	case evidence.CertificateSeen:
		if len(attempt.Chain) == 0 {
			return NotObserved, "a certificate was seen and not kept"
		}
		class, why := Kind(&attempt.Chain[0])
		if attempt.Method == evidence.Disk {
			why += "; read from disk, so the kubelet may serve another: " + line(attempt.Path)
		}
		return class, why
	case evidence.AlertInternalError:
		return NoneYet, "the handshake ends with internal_error: the kubelet has no certificate to serve; its CSR is pending or denied, or the certificate has expired"
	case evidence.Refused:
		return NoListener, "connection refused"
	case evidence.NotTLS:
		return NotTLS, joined("the listener does not speak TLS", attempt.Detail)
	case evidence.AlertOther:
		return NotObserved, joined("the handshake ends with an alert", attempt.Detail)
	case evidence.ForwardingRefused:
		return NotObserved, joined("the SSH server refuses to forward", attempt.Detail)
	case evidence.TimedOut:
		return NotObserved, joined("no whole answer in time", attempt.Detail)
	case evidence.Closed:
		return NotObserved, joined("the peer closed the connection", attempt.Detail)
	}
	return NotObserved, joined("no certificate was seen", attempt.Detail)
}

func joined(what, detail string) string {
	if detail == "" {
		return what
	}
	return what + ": " + line(detail)
}

// stamped is NAME of a common name NAME@SECONDS, as client-go makes them
// (util/cert.GenerateSelfSignedCertKey): the kubelet's own certificate is
// HOST@SECONDS, issued by HOST@SECONDS (up to 1.9) or by HOST-ca@SECONDS, whose
// key is thrown away at once (from 1.10 on). The two times may differ.
func stamped(commonName string) (name string, ok bool) {
	at := len(commonName) - len("@1700000000")
	if at < 0 || commonName[at] != '@' || strings.Trim(commonName[at+1:], "0123456789") != "" {
		return "", false
	}
	return commonName[:at], true
}

// isSelfMade reports whether a common name is that of the kubelet's own.
func isSelfMade(commonName string) bool {
	name, ok := stamped(commonName)
	return ok && name != "" && !strings.Contains(name, "\n")
}

// isThrowAway reports whether it is that of a CA that was thrown away.
func isThrowAway(commonName string) bool {
	name, ok := stamped(commonName)
	return ok && strings.HasSuffix(name, "-ca")
}

// isRancher reports whether it is that of the cluster CA of k3s or RKE2, which
// is named likewise and keeps its key.
func isRancher(commonName string) bool {
	name, ok := stamped(commonName)
	return ok && (name == "k3s-server-ca" || name == "rke2-server-ca")
}

// Kind tells a certificate's class by its names: Rotated, SelfSigned or
// Static; NotObserved if it cannot be parsed.
//
// Rotated is what the signer kubernetes.io/kubelet-serving insists on: the
// common name system:node:NAME, the only organization system:nodes, the usage
// serverAuth. Its issuer is a cluster's CA, thus not itself, and not a CA that
// was thrown away. The type of key corroborates (the kubelet asks with ECDSA,
// and makes itself RSA) and is not used.
func Kind(cert *evidence.Certificate) (class Class, why string) {
	subject, issuer := cert.Subject.CommonName, cert.Issuer.CommonName
	names := strconv.Quote(subject) + ", issued by " + strconv.Quote(issuer)
	rotated := isNode(cert)
	switch {
	case cert.Unparsable != "":
		return NotObserved, "a certificate is served that cannot be parsed: " + line(cert.Unparsable)
	case rotated && cert.SelfIssued:
		return Static, fmt.Sprintf("%q, as of a rotated certificate, but self-signed", subject)
	case rotated && isThrowAway(issuer) && !isRancher(issuer):
		return Static, fmt.Sprintf("%q, as of a rotated certificate, but issued by %q, as of a throw-away CA", subject, issuer)
	case rotated:
		return Rotated, names
	case isSelfMade(subject) && (issuer == subject || isThrowAway(issuer)):
		return SelfSigned, names + ": made by the kubelet itself"
	}
	return Static, names
}

// isNode reports whether a certificate is a node's, for serving.
func isNode(cert *evidence.Certificate) bool {
	name, ok := strings.CutPrefix(cert.Subject.CommonName, "system:node:")
	return ok && name != "" &&
		slices.Equal(cert.Subject.Organization, []string{"system:nodes"}) &&
		slices.Contains(cert.ExtKeyUsages, "serverAuth")
}
