package probe

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"kletscan/scanner/evidence"
)

func TestRefusalsAreToldApart(t *testing.T) {
	for _, tt := range []struct {
		words  string
		kind   RefusalKind
		tool   string
		remedy string // a part of it
	}{
		// sudo 1.9.13 of Debian 12
		{"sudo: a password is required", PasswordRequired, "sudo -n", "or use --ask-become-pass"},
		{"sudo: sorry, you must have a tty to run sudo", TTYRequired, "sudo -n", "requiretty"},
		{"sudo: account validation failure, is your account locked?", AccountInvalid, "sudo -n", "unlock"},
		{"plain is not in the sudoers file.", NotInSudoers, "sudo -n", "kletscan sudoers"},
		{"Sorry, user lines is not allowed to execute '/usr/bin/cat -- /x' as root on box.", NotAllowed, "sudo -n", "kletscan sudoers"},
		{"Sorry, user lines may not run sudo on box.", NotInSudoers, "sudo -n", "kletscan sudoers"},
		{withPassword + "sudo: 1 incorrect password attempt", WrongPassword, "sudo", "right password"},
		{withPassword + "sudo: 3 incorrect password attempts", WrongPassword, "sudo", "right password"},
		{withPassword + notSent, NotSent, "sudo", "right password"},
		{withPassword + "sh: 1: exec: /bin/sh: Permission denied", NoExec, "sudo", "NOEXEC"},
		{`sudo: The "no new privileges" flag is set, which prevents sudo from running as root.`, NotSetuid, "sudo -n", "NoNewPrivileges="},
		{"sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set", NotSetuid, "sudo -n", "setuid root"},
		{"sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper", TerminalRequired, "sudo -n", "kletscan sudoers"},
		{"sudo: a terminal is required to authenticate", TerminalRequired, "sudo -n", "kletscan sudoers"}, // sudo-rs
		{"sudo: Account or password is expired, reset your password and try again", AccountInvalid, "sudo -n", "password"},
		{"sudo: Account expired or PAM config lacks an \"account\" section for sudo, contact your system administrator", AccountInvalid, "sudo -n", "account"},
		{"sudo: Password expired, contact your system administrator", AccountInvalid, "sudo -n", "password"},
		// sudo 1.8
		{"sudo: no tty present and no askpass program specified", TerminalRequired, "sudo -n", "kletscan sudoers"},
		// sudo-rs
		{"sudo: interactive authentication is required", PasswordRequired, "sudo -n", "kletscan sudoers"},
		{"sudo: I'm sorry scan. I'm afraid I can't do that", NotInSudoers, "sudo -n", "kletscan sudoers"},
		{"sudo: Sorry, user scan may not run '/usr/bin/cat -- /x' on box.", NotAllowed, "sudo -n", "kletscan sudoers"},
		{withPassword + "sudo: Maximum 3 incorrect authentication attempts", WrongPassword, "sudo", "right password"},
		// doas of OpenBSD and opendoas 6.8.2
		{"doas: Operation not permitted", NotAllowed, "doas -n", "kletscan sudoers --doas"},
		{"doas: Authentication required", PasswordRequired, "doas -n", "nopass"},
		{"doas: doas is not enabled, /etc/doas.conf: No such file or directory", NotEnabled, "doas -n", "kletscan sudoers --doas"},
		{"doas: not installed setuid", NotSetuid, "doas -n", "setuid root"},
		// dash, bash, busybox, zsh
		{"/bin/sh: 105: sudo: not found", NoSuchTool, "sudo -n", "install"},
		{"/bin/sh: line 105: sudo: command not found", NoSuchTool, "sudo -n", "install"},
		{"/bin/sh: 105: doas: not found", NoSuchTool, "doas -n", "install"},
		{"asroot:3: command not found: sudo", NoSuchTool, "sudo -n", "install"},
		{"asroot:3: command not found: doas", NoSuchTool, "doas -n", "install"},
		// not known
		{"sudo: cat: command not found", OtherRefusal, "sudo -n", ""},
		{"sudo: error in /etc/sudo.conf, line 0 while loading plugin sudoers_policy", OtherRefusal, "sudo -n", ""},
		{"", OtherRefusal, "sudo -n", ""},
	} {
		r := ReadRefusal(tt.words)
		if r.Kind != tt.kind || r.Tool != tt.tool || !strings.Contains(r.Remedy, tt.remedy) || (tt.remedy == "") != (r.Remedy == "") {
			t.Errorf("%q: %+v", tt.words, r)
		}
		again := ReadRefusal(refusalLine([]string{"sudo: unable to resolve host box: Name or service not known", tt.words}))
		if tt.kind != OtherRefusal && again.Kind != tt.kind {
			t.Errorf("%q behind a warning: %+v", tt.words, again)
		}
	}
}

func TestRefusalInOneLine(t *testing.T) {
	long := strings.Repeat("ä", maxWords)
	for _, tt := range []struct{ rule, words, want string }{
		{"known words stand as they are, and say what to do", "sudo: a password is required", "sudo -n was refused: sudo: a password is required; add the lines of kletscan sudoers, or use --ask-become-pass"},
		{"unknown words are quoted", "Bad cat, no cookie", `sudo -n was refused: "Bad cat, no cookie"`},
		{"a terminal's commands are quoted, even in known words", "\x1b[2Ja password is required", `sudo -n was refused: "\x1b[2Ja password is required"; add the lines of kletscan sudoers, or use --ask-become-pass`},
		{"long ones are cut", long, `sudo -n was refused: "` + long[:maxWords] + `..."`},
		{"silence", "", "sudo -n failed without a word"},
		{"silence with a password", withPassword, "sudo failed without a word"},
	} {
		if got := ReadRefusal(tt.words).String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.rule, got, tt.want)
		}
	}
}

// What sudo and doas miss of their own is not the file that was asked for.
func TestOnlyCatAndFindSayThatAFileIsAbsent(t *testing.T) {
	for _, tt := range []struct {
		stderr string
		want   evidence.State
	}{
		{"cat: /x: No such file or directory", evidence.Absent},
		{"cat: can't open '/x': No such file or directory", evidence.Absent}, // busybox
		{"find: '/x': No such file or directory", evidence.Absent},
		{"cat: /x: Is a directory", evidence.NotRegular},
		{"sudo: unable to resolve host box: Name or service not known\ncat: /x: No such file or directory", evidence.Absent},
		{"doas: doas is not enabled, /etc/doas.conf: No such file or directory", evidence.Denied},
		{"sudo: unable to open /etc/sudoers: No such file or directory", evidence.Denied},
		{"sudo: error initializing audit plugin sudoers_audit: No such file or directory", evidence.Denied},
		{"cat: /other: No such file or directory", evidence.Denied},
		{"cat: /x: Permission denied", evidence.Denied},
		{"", evidence.Denied},
	} {
		file := parsed(t, answer("\n@N file 0 /x\n\n@N state denied sudo 0 - -1\n"), "@N sudo /x\n"+tt.stderr+"\n").Files[0]
		if file.State != tt.want {
			t.Errorf("%q: %s, want %s", tt.stderr, file.State, tt.want)
		}
	}
}

func FuzzReadRefusal(f *testing.F) {
	for _, row := range refusalTexts {
		f.Add(row.text)
		f.Add(withPassword + row.text + "\x1b[31m\n\xff")
	}
	f.Fuzz(func(t *testing.T, words string) {
		text := ReadRefusal(words).String()
		if len(text) > 12*maxWords || !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("%q", text)
		}
	})
}
