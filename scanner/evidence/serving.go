package evidence

// Serving is what was seen of the certificate that the kubelet serves. The
// zero value: nobody looked.
type Serving struct {
	Address  string    `json:"address,omitempty"`  // HOST:PORT, as the node itself reaches its kubelet; empty: none was asked
	Attempts []Attempt `json:"attempts,omitempty"` // in the order made; empty: nothing was tried
	Reason   string    `json:"reason,omitempty"`   // why nothing, or nothing that proves more, was tried; one line; empty: nothing stood in the way
}

// Attempt is one look at the certificate.
type Attempt struct {
	Method     Method        `json:"method"`
	Path       string        `json:"path,omitempty"`        // with Disk: the file that was read
	SNI        string        `json:"sni,omitempty"`         // the server name sent; empty: none, as by a client that dials an IP address
	Outcome    Outcome       `json:"outcome"`               // how it ended
	Detail     string        `json:"detail,omitempty"`      // more of how it ended; one line; empty: there is no more
	Alert      int           `json:"alert,omitempty"`       // with AlertInternalError and AlertOther: its number (RFC 8446 section 6); 0: not known
	TLSVersion string        `json:"tls_version,omitempty"` // such as "TLS 1.3"; empty: none was agreed on, or not known
	Completed  bool          `json:"completed,omitempty"`   // the handshake went to its end, so the peer holds the certificate's key
	Chain      []Certificate `json:"chain,omitempty"`       // as sent, the kubelet's own first; at most the first few of them
	Sent       int           `json:"sent,omitempty"`        // how many certificates there were, including those beyond Chain
}

// Method is how a certificate was looked for. The zero value: nobody looked.
type Method string

const (
	Handshake Method = "handshake" // kletscan's own TLS handshake, through the SSH connection
	OpenSSL   Method = "openssl"   // openssl s_client, run on the node
	Disk      Method = "disk"      // a file on the node: it proves less, since the kubelet may serve another
)

// Outcome is how an attempt ended. The zero value: it did not.
type Outcome string

const (
	CertificateSeen    Outcome = "certificate"          // there is at least one; Completed says whether the handshake went on to its end
	AlertInternalError Outcome = "alert-internal-error" // alert 80: the kubelet has no certificate to serve
	AlertOther         Outcome = "alert"                // another alert
	Refused            Outcome = "refused"              // nobody listens at the address
	ForwardingRefused  Outcome = "forwarding-refused"   // the SSH server opens no connection to the address for this user
	NotTLS             Outcome = "not-tls"              // the listener answers in another protocol
	TimedOut           Outcome = "timeout"              // no answer, or only part of one, in time
	Closed             Outcome = "closed"               // the peer closed the connection without an answer
	Failed             Outcome = "error"                // anything else: see Detail
)

// Certificate is the plain facts of one X.509 certificate, and the
// certificate itself, so that the facts can be worked out again.
type Certificate struct {
	SHA256       string   `json:"sha256,omitempty"`         // of the DER, lower-case hex; empty: the DER was not to be had
	DER          []byte   `json:"der,omitempty"`            // empty: over the limit, or not to be had
	Unparsable   string   `json:"unparsable,omitempty"`     // why there are no facts below; empty: there are
	Subject      Name     `json:"subject,omitzero"`         // who it is for
	Issuer       Name     `json:"issuer,omitzero"`          // who says so
	SelfIssued   bool     `json:"self_issued,omitempty"`    // subject and issuer are the same bytes
	IsCA         bool     `json:"ca,omitempty"`             // basic constraints say that it may issue others
	Serial       string   `json:"serial,omitempty"`         // lower-case hex
	NotBefore    int64    `json:"not_before,omitempty"`     // seconds since the epoch
	NotAfter     int64    `json:"not_after,omitempty"`      // seconds since the epoch, itself still valid
	DNSNames     []string `json:"dns_names,omitempty"`      // of the subject alternative names; at most the first few dozen
	IPAddresses  []string `json:"ip_addresses,omitempty"`   // likewise
	SANs         int      `json:"sans,omitempty"`           // how many DNS names and IP addresses there are, including those beyond the two lists
	KeyType      string   `json:"key_type,omitempty"`       // ECDSA, RSA, Ed25519, ...; empty: unknown
	KeyBits      int      `json:"key_bits,omitempty"`       // 0: unknown
	ExtKeyUsages []string `json:"ext_key_usages,omitempty"` // such as serverAuth (RFC 5280 section 4.2.1.12), or an OID
}

// Name is the part of a distinguished name that Kubernetes gives a meaning.
type Name struct {
	CommonName   string   `json:"cn,omitempty"`
	Organization []string `json:"o,omitempty"`
}
