package sshconfig

import (
	"fmt"
	"time"
)

// Settings is what OpenSSH's client would do for one Query: every field is
// typed, expanded and has OpenSSH's default where nothing is set. It may be
// shared: do not change it.
type Settings struct {
	Alias         string
	HostName      string // to connect to, in lower case unless it is an address; never empty
	Port          int    // 1 to 65535
	User          string // never empty
	AddressFamily string // any, inet or inet6
	BindAddress   string // source address; empty: not set
	BindInterface string // source interface; empty: not set
	HostKeyAlias  string // name to look up in known_hosts, in lower case and without a port; empty: not set

	IdentityFiles        []string // private keys, in order; may not exist
	DefaultIdentityFiles bool     // IdentityFiles are OpenSSH's defaults, none was named
	IdentitiesOnly       bool     // no key of the agent but those that IdentityFiles or CertificateFiles name
	IdentityAgent        string   // the agent's socket; empty: no agent
	CertificateFiles     []string // user certificates, in order

	ProxyJump    []Jump // in the order to connect through; nil: none, and then ProxyCommand counts
	ProxyCommand string // shell command, which ssh runs with exec before it; empty: none

	UserKnownHostsFiles          []string
	GlobalKnownHostsFiles        []string
	HashKnownHosts               bool          // new names are written hashed
	StrictHostKeyChecking        string        // yes, no, ask or accept-new
	StrictHostKeyCheckingAt      string        // FILE:LINE that sets it; empty: not set, or not known
	RevokedHostKeys              string        // file of revoked keys (ssh-keygen(1), KEY REVOCATION LISTS); empty: none
	ConnectTimeout               time.Duration // 0: not set
	ConnectionAttempts           int           // at least 1
	ServerAliveInterval          time.Duration // 0: off
	ServerAliveCountMax          int
	Ciphers                      Algorithms
	KexAlgorithms                Algorithms
	MACs                         Algorithms
	HostKeyAlgorithms            Algorithms
	PubkeyAcceptedAlgorithms     Algorithms
	CASignatureAlgorithms        Algorithms
	RequiredRSASize              int      // bits
	PubkeyAuthentication         bool     // yes, unbound and host-bound are true
	PasswordAuthentication       bool     // the method password
	KbdInteractiveAuthentication bool     // the method keyboard-interactive
	NumberOfPasswordPrompts      int      // 0: no password may be asked for
	BatchMode                    bool     // nothing may be asked for
	PreferredAuthentications     []string // methods in order; nil: not set
	ControlPath                  string   // socket of a shared connection; empty: none

	// Refused are directives that apply, that would change where or how securely
	// we connect, and that nobody follows. Where there is one, the host must
	// not be dialled.
	Refused []Refused
}

// Refused is one directive that kletscan does not follow.
type Refused struct {
	Keyword string // lower case
	Value   string // as ssh_config or ssh -G writes it
	At      string // FILE:LINE; empty: not known
}

// String names the directive and its place, for an error.
func (r Refused) String() string {
	s := fmt.Sprintf("%s %q", r.Keyword, r.Value)
	if r.At != "" {
		s = r.At + ": " + s
	}
	return s
}
