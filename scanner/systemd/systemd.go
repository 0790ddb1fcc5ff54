// Package systemd works out, from a unit file, its drop-ins and its
// environment files, the argument vector that systemd would start, and on
// which line of which file every word of it stood.
//
// The rules are those of systemd 252 to 258, the system manager's: search
// path and drop-ins as in systemd.unit(5), lines as in systemd.syntax(7),
// variables as in systemd.exec(5), commands as in "COMMAND LINES" of
// systemd.service(5). Where manual and program differ, the program is
// followed: a node is run by it. What older releases did otherwise is said
// where it matters.
//
// It is pure: no I/O, no clock, no environment. Nothing is guessed: what hangs
// on a file that nobody read is named in [Command.Missing], and what systemd
// would not start at all in [Command.Refused]. Every input is hostile: a file
// is at most 1 MiB, an argument vector 2 MiB, and a value is never expanded
// twice.
//
// Not modelled: variables of systemd's own environment (DefaultEnvironment=,
// systemctl set-environment), drop-ins of a unit's aliases unless the caller
// gives them in order, and .include, which systemd dropped in 2020.
package systemd

import "fmt"

// State is how reading a file ended. The zero value is "nobody looked", which
// is never the same as "absent".
type State uint8

const (
	Unread     State = iota // nobody looked
	Present                 // whole content at hand
	Absent                  // it does not exist
	Unreadable              // refused, truncated, withheld or not a regular file
)

var stateNames = [...]string{"unread", "present", "absent", "unreadable"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// File is one unit file, drop-in or environment file as the node gave it. A
// link to /dev/null is a Present file without content.
type File struct {
	Path    string // absolute
	State   State
	Reason  string // with Unreadable: why, in the words of a report
	Content string
}

// missing says why the content is not at hand, naming the file.
func (f File) missing() string {
	switch {
	case f.Reason != "":
		return f.Path + ": " + f.Reason
	case f.State == Unread:
		return f.Path + ": not read"
	}
	return f.Path + ": " + f.State.String()
}

// Position is where something stood. The zero value means that it is not
// known.
type Position struct {
	Path     string
	Line     int    // 1-based
	Variable string // the environment variable in whose value it stood; empty: in the setting itself
}

// String is the position as compilers write it, FILE:LINE.
func (p Position) String() string {
	if p.Path == "" {
		return "unknown"
	}
	return fmt.Sprintf("%s:%d", p.Path, p.Line)
}

// Host is what decides a command and stands in none of its files.
type Host struct {
	Systemd int    // major version, such as 252; 0: not known, the rules of 254 and later are used
	Name    string // uname -n, for the specifiers %H and %l; empty: not known
}

// Word is one element of an argument vector and where it stood: the first of
// its bytes where it spans lines. A word that is only in part a variable's
// value, such as --v=${LEVEL}, stood where the command has it.
type Word struct {
	Text   string
	Source Position
}

// Command is what systemd would start for a unit. Argv is proven only where
// Missing and Refused are empty; otherwise it is the best reading of what is
// at hand.
type Command struct {
	// Path is the program as ExecStart= names it: an absolute path, or a bare
	// name that systemd looks up. It is Argv[0] but for the @ prefix. Empty:
	// there is no command.
	Path    Word
	Argv    []Word
	Missing []string // what leaves Argv unproven, one line each, beginning with the file or variable; empty: nothing
	Refused string   // why systemd would not start it; empty: nothing is known against it
}

// EnvironmentFile is one EnvironmentFile= setting in effect.
type EnvironmentFile struct {
	Path     string
	Optional bool     // the "-" prefix: it may be absent
	Pattern  bool     // Path is no file's name: it holds *, ? or [, or a specifier that only the node can resolve
	Source   Position // of the setting
}
