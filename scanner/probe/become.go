package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"kletscan/scanner/evidence"
	"kletscan/scanner/secret"
)

// Become is how a probe reads what the login user cannot. The zero value is
// Auto. A login that is root already never becomes anybody.
type Become int

const (
	Auto  Become = iota // sudo -n for each such file, or doas -n on a node that has no sudo
	Never               // neither is run
	Sudo                // sudo -n and nothing else
	Doas                // doas -n and nothing else
)

// BecomeWords are the words for each Become, in their order.
var BecomeWords = []string{"auto", "never", "sudo", "doas"}

// String is the word for b.
func (b Become) String() string { return BecomeWords[b] }

// reader is the script's word for who reads of wants what the login user
// cannot. A survey has none.
func (b Become) reader(wants []evidence.Want) string {
	if b == Never || len(wants) == 0 {
		return ""
	}
	return b.String()
}

// Password is what the operator typed for sudo. A wrong one is sent once:
// pam_faillock counts two failures for it, as sudo has begun to ask again when
// its input ends.
type Password struct{ *secret.Word }

// maxPassword is the most that sudo reads of one, SUDO_CONV_REPL_MAX of
// sudo_plugin.h in its oldest value.
const maxPassword = 255

// NewPassword checks that sudo can read text as one line.
func NewPassword(text string) (*Password, error) {
	switch {
	case text == "":
		return nil, errors.New("the become password is empty: expected the password that sudo asks for")
	case len(text) > maxPassword || strings.ContainsAny(text, "\x00\r\n"):
		return nil, fmt.Errorf("the become password cannot be sent: expected one line of at most %d bytes", maxPassword)
	}
	return &Password{secret.New(text)}, nil
}

// shortestSearched is how long a password must be to be looked for in files: a
// shorter one would be found in words that have nothing to do with it.
const shortestSearched = 8

// strike takes the password out of what a node said. Everywhere, that is, in
// what sudo said, and in an answer if it is long enough to mean anything there.
func (p *Password) strike(out *Output) {
	text := []byte(p.Text())
	out.Stderr = bytes.ReplaceAll(out.Stderr, text, []byte(withheld))
	if len(text) >= shortestSearched {
		out.Stdout = bytes.ReplaceAll(out.Stdout, text, []byte(withheld))
	}
}

// asRoot is what the login shell is asked to run with a password at hand; %s is
// a nonce. Every login shell hands on what stands between single quotes, tcsh
// and fish included. The two lines that are waited for are put together on the
// node, so that an echo of the command, in an error say, is neither of them.
const asRoot = `exec /bin/sh -c 'N=%s; LC_ALL=C; ` +
	`PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH; export LC_ALL PATH; ` +
	`if [ $(id -u) = 0 ]; then echo "@$N root"; exec /bin/sh -s; fi; ` +
	`exec sudo -k -S -p "@$N password:" -- /bin/sh -c "echo @$N root; exec /bin/sh -s"'`

// dialogue runs one script as root by sudo -S. sudo(8) reads the password from
// standard input, and after a wrong one it reads on: the next line of whatever
// stands there is the next try, and counted as a failure. Where it needs no
// password it reads nothing, and a password that was sent would be a command of
// the shell. So nothing is sent unasked: the password when sudo prompts, once,
// and the script when the root shell has said that it listens.
type dialogue struct {
	password      *Password
	prompt, ready []byte
	script        string
	release       func()

	sent, root bool
	heard      []byte // of standard error, for a dialogue that comes to no end
}

func newDialogue(p *Password, nonce, script string, release func()) *dialogue {
	return &dialogue{
		password: p, script: script, release: release,
		prompt: []byte("@" + nonce + " password:"), ready: []byte("@" + nonce + " root\n"),
	}
}

// maxHeard bounds what a node may say before the script begins, in bytes:
// greetings, and sudo's lecture.
const maxHeard = 64 << 10

// answer says what goes to standard input next, and whether that is all.
func (d *dialogue) answer(stdout, stderr []byte) (input string, last bool) {
	prompts := bytes.Count(stderr, d.prompt)
	d.heard = append(d.heard[:0], stderr[:min(len(stderr), StderrLimit)]...)
	switch {
	case bytes.Contains(stdout, d.ready):
		d.root = true
		if d.sent {
			d.password.Accepted()
		}
		d.release()
		return d.script, true
	case prompts > 1, len(stdout)+len(stderr) > maxHeard:
		return "", true
	case prompts == 1 && !d.sent:
		d.sent = true
		return d.password.Text() + "\n", false
	}
	return "", false
}

// refusal is why there was no root shell, in sudo's words. What sudo says tells
// also whether the password was right.
func (d *dialogue) refusal(out Output) string {
	text := bytes.ReplaceAll(out.Stderr, d.prompt, []byte("\n"))
	line := refusalLine(lines(printable(text)))
	if d.sent && !d.root {
		switch ReadRefusal(line).Kind {
		case NotInSudoers, NotAllowed:
			d.password.Accepted()
		default:
			d.password.Rejected()
		}
	}
	return withPassword + line
}
