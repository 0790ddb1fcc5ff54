package probe

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// RefusalKind is why sudo or doas ran nothing. The zero value is "in words that
// are not known".
type RefusalKind int

const (
	OtherRefusal     RefusalKind = iota
	PasswordRequired             // for a user without any right, too: sudo asks first and looks then
	WrongPassword
	NotSent // the password was not accepted on another node
	NotInSudoers
	NotAllowed // other commands are
	TTYRequired
	TerminalRequired
	NoSuchTool
	AccountInvalid
	NoExec
	NotSetuid
	NotEnabled
)

// Refusal is what sudo or doas said, told apart.
type Refusal struct {
	Kind   RefusalKind
	Tool   string // what was run: "sudo -n", "doas -n", or "sudo" with a password
	Words  string // its own, one line of at most maxWords bytes; quoted if they are not known
	Remedy string // what to do about it; empty: nothing is known
}

const (
	// withPassword begins the recorded words of a sudo that was given a password.
	withPassword = "sudo -S: "
	// notSent are the recorded words where the password was held back.
	notSent = "the node that was asked first did not accept the password, and no other is sent it"
	// notTrusted are those where the host may be an impostor.
	notTrusted = "the password goes only to hosts whose key was on file before the scan"
	// maxWords bounds the words of a refusal, in bytes.
	maxWords = 400
)

const (
	addLines     = "add the lines of kletscan sudoers"
	addLinesDoas = "add the lines of kletscan sudoers --doas"
)

// refusalTexts are the texts of sudo 1.8 and 1.9 (lib/, plugins/sudoers/ and
// src/ of its source), sudo-rs (src/common/error.rs, src/sudo/pam.rs), doas
// (doas.c of OpenBSD and of opendoas) and of the shells, in the order in which
// they count: the first that stands in the words decides.
var refusalTexts = []struct {
	text   string
	kind   RefusalKind
	remedy string
}{
	{notSent, NotSent, "start again with the right password"},
	{notTrusted, NotSent, "start again with --host-key-policy strict"},
	{"incorrect password attempt", WrongPassword, "start again with the right password"},
	{"incorrect authentication attempt", WrongPassword, "start again with the right password"}, // sudo-rs
	{"you must have a tty to run sudo", TTYRequired, "take requiretty away for this user (Defaults:USER !requiretty)"},
	{"is not in the sudoers file", NotInSudoers, addLines},
	{"may not run sudo on", NotInSudoers, addLines},
	{"I'm afraid I can't do that", NotInSudoers, addLines}, // sudo-rs
	{"is not allowed to execute", NotAllowed, addLines},
	{"is not allowed to run sudo", NotInSudoers, addLines},
	{" may not run ", NotAllowed, addLines}, // sudo-rs
	{"account validation failure", AccountInvalid, "unlock this account on the node"},
	{"Account expired", AccountInvalid, "extend this account on the node"},
	{"ccount has expired", AccountInvalid, "extend this account on the node"},
	{"ccount or password is expired", AccountInvalid, "renew this user's password on the node"},
	{"assword expired", AccountInvalid, "renew this user's password on the node"},
	{"a terminal is required to", TerminalRequired, addLines + ", or use --ask-become-pass"},
	{"no tty present", TerminalRequired, addLines + ", or use --ask-become-pass"}, // up to 1.8
	{"a password is required", PasswordRequired, addLines + ", or use --ask-become-pass"},
	{"interactive authentication is required", PasswordRequired, addLines + ", or use --ask-become-pass"}, // sudo-rs
	{"interaction required", PasswordRequired, addLines + ", or use --ask-become-pass"},                   // sudo-rs
	{"doas: Authentication required", PasswordRequired, addLinesDoas + ": nopass is what this user's line lacks"},
	{"doas: Operation not permitted", NotAllowed, addLinesDoas},
	{"doas is not enabled", NotEnabled, addLinesDoas},
	{"exec: /bin/sh: Permission denied", NoExec, "take NOEXEC away for this user, or do without --ask-become-pass"},
	{"no new privileges", NotSetuid, "take away what sets the flag, such as NoNewPrivileges= of sshd's unit"},
	{"have the setuid bit set", NotSetuid, "install it setuid root, or log in as root"},
	{"not installed setuid", NotSetuid, "install it setuid root, or log in as root"},
	{"sudo: not found", NoSuchTool, "install sudo or doas, or log in as root"},
	{"sudo: command not found", NoSuchTool, "install sudo or doas, or log in as root"},
	{"command not found: sudo", NoSuchTool, "install sudo or doas, or log in as root"},
	{"doas: not found", NoSuchTool, "install doas, or log in as root"},
	{"doas: command not found", NoSuchTool, "install doas, or log in as root"},
	{"command not found: doas", NoSuchTool, "install doas, or log in as root"},
}

// ReadRefusal tells the recorded words of a refusal apart.
func ReadRefusal(words string) Refusal {
	said, given := strings.CutPrefix(words, withPassword)
	r := Refusal{Tool: "sudo -n", Words: strings.TrimSuffix(said, ".")}
	if before, _, ok := strings.Cut(said, "' as root on "); ok {
		r.Words = before + "'" // the node's name says nothing new
	} else if before, _, ok := strings.Cut(said, "; either use the -S option"); ok {
		r.Words = before
	}
	switch {
	case given:
		r.Tool = "sudo"
	case strings.HasPrefix(said, "doas: ") || strings.Contains(said, ": doas: ") || strings.HasSuffix(said, ": doas"):
		r.Tool = "doas -n"
	}
	for _, row := range refusalTexts {
		if strings.Contains(said, row.text) {
			r.Kind, r.Remedy = row.kind, row.remedy
			break
		}
	}
	odd := !utf8.ValidString(said) || strings.ContainsFunc(said, func(c rune) bool { return !unicode.IsPrint(c) })
	if len(r.Words) > maxWords {
		r.Words = strings.ToValidUTF8(r.Words[:maxWords], "") + "..."
	}
	if said != "" && (r.Kind == OtherRefusal || odd) {
		r.Words = fmt.Sprintf("%q", r.Words)
	}
	return r
}

// String is the refusal in one line.
func (r Refusal) String() string {
	text := r.Tool + " was refused: " + r.Words
	if r.Words == "" {
		text = r.Tool + " failed without a word"
	}
	if r.Remedy != "" {
		text += "; " + r.Remedy
	}
	return text
}

// refusalLine is the line that says why, of all that was said: sudo also prints
// what it could not resolve, and PAM modules what they like.
func refusalLine(said []string) string {
	for _, row := range refusalTexts {
		if i := slices.IndexFunc(said, func(line string) bool { return strings.Contains(line, row.text) }); i >= 0 {
			return said[i]
		}
	}
	return strings.Join(said, " ")
}
