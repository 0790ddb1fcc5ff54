// Package kubelet holds the kubelet's own rules: from a version, an argument
// vector and configuration files to the settings that kubelet really runs
// with, each with its source, and to whether its serving certificate is
// rotated.
//
// It is pure: no I/O, no clock, no environment. The same bytes give the same
// answer for ever.
package kubelet

import (
	"fmt"
	"path"
)

// Rotation says what becomes of the kubelet's serving certificate. The zero
// value is Unknown, so that a forgotten assignment never reads as a pass.
type Rotation uint8

const (
	Unknown  Rotation = iota // evidence is missing or refused
	On                       // requested from the API server and renewed
	Off                      // a self-signed kubelet.crt that nobody ever renews
	External                 // a static certificate: rotation is somebody else's job
	Invalid                  // no kubelet can start with these arguments and files
)

var rotationNames = [...]string{"unknown", "on", "off", "external", "invalid"}

func (r Rotation) String() string {
	if int(r) < len(rotationNames) {
		return rotationNames[r]
	}
	return fmt.Sprintf("Rotation(%d)", uint8(r))
}

// MarshalText gives the word that String gives.
func (r Rotation) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts exactly the words that MarshalText gives.
func (r *Rotation) UnmarshalText(text []byte) error {
	for i, name := range rotationNames {
		if name == string(text) {
			*r = Rotation(i)
			return nil
		}
	}
	return fmt.Errorf("rotation %q: expected one of %v", text, rotationNames)
}

// SourceKind is where a setting's value comes from, in the kubelet's own order
// of precedence from last to first.
type SourceKind string

const (
	FromNowhere      SourceKind = ""             // not known
	FromDefault      SourceKind = "default"      // built into this version of the kubelet
	FromDistribution SourceKind = "distribution" // passed by the program that embeds the kubelet
	FromFile         SourceKind = "file"         // the file that --config names
	FromDropIn       SourceKind = "drop-in"      // a file below --config-dir
	FromDynamic      SourceKind = "dynamic"      // a checkpoint below --dynamic-config-dir
	FromFlag         SourceKind = "flag"         // the command line
)

// Source is where a setting's value stood. The zero value means that the value
// is not known.
type Source struct {
	Kind SourceKind `json:"kind"`
	Path string     `json:"path,omitempty"` // the file; empty for a flag of a running process and for a default
	Line int        `json:"line,omitempty"` // 1-based; 0: not known
	Text string     `json:"text,omitempty"` // the spelling that decided, such as --rotate-server-certificates=true
}

// String is the source in the words of a report: "flag
// --rotate-server-certificates=true", "file /var/lib/kubelet/config.yaml",
// "default (v1.29)".
func (s Source) String() string {
	switch s.Kind {
	case FromNowhere:
		return "unknown"
	case FromDefault:
		if s.Text == "" {
			return "default"
		}
		return "default (" + s.Text + ")"
	case FromFlag, FromDistribution:
		text := string(s.Kind)
		if s.Text != "" {
			text += " " + s.Text
		}
		if s.Path != "" {
			text += " in " + s.Path
		}
		return text
	}
	return string(s.Kind) + " " + s.Path
}

// Setting is one effective value and its source. The zero value is a setting
// that is not known.
type Setting[T any] struct {
	Value   T
	Source  Source
	Missing string // why the value is not known, naming the file or permission that would settle it; empty when it is known
}

// Known reports whether the value is proven by evidence.
func (s Setting[T]) Known() bool { return s.Source.Kind != FromNowhere }

// Arg is one element of the kubelet's argument vector after argv[0], and where
// it stood. A zero Source is a flag of the running process.
type Arg struct {
	Text   string
	Source Source
}

// Argv turns the argument vector of a running process, argv[0] first, into
// Args: argv[0] and hyperkube's sub-command "kubelet" are dropped.
func Argv(argv []string) []Arg {
	if len(argv) == 0 {
		return nil
	}
	rest := argv[1:]
	if isHyperkube(argv[0]) && len(rest) > 0 && rest[0] == "kubelet" {
		rest = rest[1:]
	}
	args := make([]Arg, len(rest))
	for i, text := range rest {
		args[i] = Arg{Text: text}
	}
	return args
}

// isHyperkube recognises the all-in-one binary of Kubernetes up to 1.18, which
// takes the component's name as its first argument.
func isHyperkube(argv0 string) bool { return path.Base(argv0) == "hyperkube" }

// FileState is how reading a configuration file ended. The zero value is
// "nobody looked", which is never the same as "absent".
type FileState uint8

const (
	Unread     FileState = iota // nobody looked
	Present                     // whole content at hand
	Absent                      // it does not exist
	Unreadable                  // refused, truncated or not a regular file
	OtherKind                   // looked at on the node and not sent: the word KubeletConfiguration is not in it
)

// File is one configuration file as the node gave it.
type File struct {
	Path    string // as the kubelet would open it, absolute where that is known
	State   FileState
	Reason  string // with Unreadable: why, in the words of a report
	Content []byte
	Newer   bool // changed after the process started: it proves nothing about that process
}

// DropInDir is what --config-dir names.
type DropInDir struct {
	Path   string
	State  FileState
	Reason string // with Unreadable: why, in the words of a report
	Files  []File // every regular file or link to one below Path that ends in .conf, in the order of filepath.WalkDir; none where Path itself is a symbolic link, which WalkDir does not follow
	Newer  bool   // a name was added or removed after the process started
}

// Input is everything that decides a kubelet's settings.
type Input struct {
	Version    Version // zero: not known; Resolve bounds it by the evidence
	Args       []Arg
	Incomplete string        // why Args may lack some argument (truncated, hidden); empty: they are whole
	Config     File          // ignored unless Args name one
	DropIns    DropInDir     // ignored unless Args name one
	DropInEnv  *bool         // KUBELET_CONFIG_DROPIN_DIR_ALPHA is set; nil: not known
	Dynamic    DynamicConfig // ignored unless Args name one
	Explain    bool          // fill in Effective.Chains, which costs about half as much again
	Memo       *Memo         // nil: every file is parsed; it changes no answer
}

// Effective is the outcome of Resolve.
type Effective struct {
	ServerTLSBootstrap Setting[bool] // serverTLSBootstrap, --rotate-server-certificates
	Gate               Setting[bool] // RotateKubeletServerCertificate
	TLSCertFile        Setting[string]
	TLSPrivateKeyFile  Setting[string]
	CertDir            Setting[string] // --cert-dir
	Kubeconfig         Setting[string] // --kubeconfig; empty: standalone
	EnableServer       Setting[bool]
	Address            Setting[string]
	Port               Setting[int]

	Versions Range // the versions that the evidence leaves; a single one where it is known
	Rotation Rotation
	Why      string // one line that names the deciding flag, file or default
	Decided  Source // where the deciding setting stood; zero with Unknown
	Problem  string // with Invalid: the error this kubelet would print and exit with

	Masked      bool // on, and up to 1.35 a client that dials by IP is served the static certificate
	NoAPIClient bool // standalone: a certificate can be asked for by nobody
	NoServer    bool // enableServer is false: there is no port to serve it on
	GateNamed   bool // RotateKubeletServerCertificate is spelled out: it breaks the kubelet the day the gate is removed

	Rule   Rule    // what Rotation follows from; zero where the version is not known and the versions left differ
	Chains []Chain // with Input.Explain one for each setting, decisive first; else nil
}
