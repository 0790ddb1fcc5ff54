// Package probe asks a node its questions and parses the answers into
// evidence. One exec runs a POSIX sh script that reads the process table, the
// kubelet's unit and the well-known configuration files; a second exec reads
// the files that the first answer named, with sudo -n or doas -n where the
// login user may not. With a password, both run as root by sudo -S.
//
// The script is embedded as probe.sh. It rides in the exec request, and goes to
// standard input where the login shell does not pass it on. It reads and never
// writes, and it runs a closed set of commands: cat, date, doas -n, find,
// getconf, grep, head, id, ps, readlink, stat, sudo -n, systemctl show, tr,
// uname, openssl s_client under timeout where sshd refuses to forward, and the
// kubelet's own binary with --version if only root could have put it there.
package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"kletscan/scanner/evidence"
)

// Visit asks one node its questions. Only one of its methods may run at a time.
type Visit struct {
	Node   Executor // with a Password it must be a Talker, too
	Become Become
	// Password, if not nil, makes the whole probe run as root by sudo -S.
	// Where that is refused the probe runs as if there were none, and what
	// remains unread says why.
	Password *Password

	refusal string // why the password brought nothing; empty: it did, or was not tried
	stdin   bool   // the login shell passes no script on: it goes to standard input
}

// Survey asks the first question: who is there, and what do the well-known
// files say. Without a Password it runs as the login user and nothing else.
//
// An error means that there is no evidence: the connection failed (the
// Executor's own error, unwrapped by errors.As), or something other than the
// script answered.
func (v *Visit) Survey(ctx context.Context) (*evidence.Evidence, error) {
	ev := new(evidence.Evidence)
	ev.Host.UID = -1
	if err := v.ask(ctx, ev, nil); err != nil {
		return nil, err
	}
	return ev, nil
}

// Fetch adds what wants name to ev, as Become says what the login user may not
// read. It asks nothing where no answer could be new. After an error ev is as it
// was, or holds a part of the answer.
func (v *Visit) Fetch(ctx context.Context, ev *evidence.Evidence, wants []evidence.Want) error {
	if v.Become == Never {
		wants = slices.DeleteFunc(slices.Clone(wants), func(w evidence.Want) bool {
			f, d := ev.File(w.PID, w.Path), ev.Dir(w.PID, w.Path)
			return f != nil && f.State == evidence.Denied || d != nil && d.State == evidence.Denied
		})
	}
	if len(wants) == 0 {
		return nil
	}
	return v.ask(ctx, ev, wants)
}

func (v *Visit) ask(ctx context.Context, ev *evidence.Evidence, wants []evidence.Want) error {
	if v.Password != nil && v.refusal == "" {
		if err := v.askAsRoot(ctx, ev, wants); err != nil || v.refusal == "" {
			return err
		}
	}
	if err := v.exec(ctx, ev, wants); err != nil {
		return err
	}
	v.explain(ev)
	return nil
}

// exec asks with the script in the command, which saves a round trip, and if
// there is no sign of it in the answer once more with it on standard input.
func (v *Visit) exec(ctx context.Context, ev *evidence.Evidence, wants []evidence.Want) error {
	nonce, command := surveyCommand()
	if len(wants) > 0 {
		nonce = rand.Text()
		command = Command(nonce, v.Become, wants)
	}
	run := func(command, stdin string) error {
		out, err := v.Node.Exec(ctx, command, stdin)
		if err != nil {
			return err
		}
		return read(ev, out, nonce)
	}
	var first error
	if !v.stdin && len(command) <= maxCommand {
		first = run(command, "")
		if !errors.Is(first, errNotAProbe) && !errors.Is(first, ErrRefused) {
			return first
		}
	}
	nonce = rand.Text() // the other one can be known on the node
	err := run(StdinCommand, Script(nonce, v.Become, wants))
	if first != nil && errors.Is(err, errSilent) {
		return first // which tells more
	}
	v.stdin = v.stdin || first != nil && err == nil
	return err
}

// read adds an output to ev.
func read(ev *evidence.Evidence, out Output, nonce string) error {
	if out.Truncated {
		return fmt.Errorf("%w: it is longer than %d MiB", ErrNotAnswered, OutputLimit>>20)
	}
	err := parse(ev, out.Stdout, out.Stderr, nonce)
	if errors.Is(err, errSilent) && len(out.Stderr) > 0 {
		return fmt.Errorf("%w: expected a POSIX shell, got %s", errNotAProbe, beginning(out.Stderr))
	}
	return err
}

// askAsRoot asks with the password. If sudo gives no root shell it sets
// v.refusal, and ev is as it was.
func (v *Visit) askAsRoot(ctx context.Context, ev *evidence.Evidence, wants []evidence.Want) error {
	node, ok := v.Node.(Talker)
	if !ok {
		return errors.New("this connection cannot answer a question of sudo")
	}
	ok, release, err := v.Password.Turn(ctx)
	defer release()
	switch {
	case err != nil:
		return err
	case !ok:
		v.refusal = withPassword + notSent
		return nil
	}
	dialogueNonce, nonce := rand.Text(), rand.Text() // sudo logs the first one
	d := newDialogue(v.Password, dialogueNonce, Script(nonce, Never, wants), release)
	out, err := node.Talk(ctx, fmt.Sprintf(asRoot, dialogueNonce), d.answer)
	if errors.Is(err, ErrUntrusted) {
		v.refusal = withPassword + notTrusted
		return nil
	}
	if err != nil {
		if d.sent {
			v.Password.Rejected() // unless it was accepted before
		}
		if said := lines(printable(d.heard)); !d.root && !d.sent && len(said) > 0 {
			return fmt.Errorf("%w; before that sudo said %.200q, which is not the prompt that a password is for", err, said[len(said)-1])
		}
		return err
	}
	v.Password.strike(&out)
	if d.root {
		if err := read(ev, out, nonce); !errors.Is(err, errNotAProbe) || len(out.Stderr) == 0 {
			return err
		}
	}
	v.refusal = d.refusal(out)
	return nil
}

// explain writes into what sudo -n could not read either why the password
// brought nothing, which says more than that one is required.
func (v *Visit) explain(ev *evidence.Evidence) {
	if v.refusal == "" {
		return
	}
	for i := range ev.Files {
		if f := &ev.Files[i]; f.State == evidence.Denied && f.Sudo {
			f.Refusal = v.refusal
		}
	}
	for i := range ev.Dirs {
		if d := &ev.Dirs[i]; d.State == evidence.Denied && d.Sudo {
			d.Refusal = v.refusal
		}
	}
}
