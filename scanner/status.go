package scanner

import "fmt"

// Status says whether a node could be looked at. It is never mixed with what
// was seen there, which is the Verdict. The zero value is StatusUnknown: a
// forgotten assignment reads as "not assessed".
type Status uint8

const (
	StatusUnknown   Status = iota
	OK                     // looked at; the verdict holds what was seen
	Unreachable            // no TCP connection, or no name for it
	Timeout                // a stage did not end within its deadline
	AuthFailed             // the server accepted none of the keys
	HostKeyUnknown         // no host key on file
	HostKeyMismatch        // another host key than the one on file, or a revoked one
	Denied                 // logged in, but not allowed to run the probe or to see processes
	NoKubelet              // looked, and there is no kubelet and no unit of one
	NotLinux               // another operating system
	Cancelled              // the scan was interrupted first
	Internal               // a defect of kletscan
	Throttled              // sshd, or one on the way, turned us away for having too many logins under way or too many failed ones
)

var statusNames = [...]string{
	"unknown", "ok", "unreachable", "timeout", "auth-failed", "host-key-unknown", "host-key-mismatch",
	"denied", "no-kubelet", "not-linux", "cancelled", "internal", "throttled",
}

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

// MarshalText gives the word that String gives.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts exactly the words that MarshalText gives.
func (s *Status) UnmarshalText(text []byte) error {
	for i, name := range statusNames {
		if name == string(text) {
			*s = Status(i)
			return nil
		}
	}
	return fmt.Errorf("status %q: expected one of %v", text, statusNames)
}

// Error is why a node could not be looked at. The node's name is not in it: it
// is added where the result is shown, once.
type Error struct {
	Op     string // connect, handshake, authenticate, run the probe, ...
	Status Status
	Err    error // the cause, one line; peers' text in it is not yet sanitised

	// Transient says that the same visit may go better in a while: a
	// connection that was lost or turned away before anything was decided. A
	// login or a host key that was refused is never transient.
	Transient bool
}

func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
