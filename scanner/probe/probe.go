// Package probe asks a node its questions and parses the answers into
// evidence. One exec runs a POSIX sh script that reads the process table, the
// kubelet's unit and the well-known configuration files; a second exec reads
// the files that the first answer named, with sudo -n where the login user may
// not.
//
// The script is embedded as probe.sh. It reads and never writes, and it runs a
// closed set of commands: cat, date, find, getconf, grep, head, id, ps,
// readlink, stat, sudo -n, systemctl show, tr, uname, openssl s_client under
// timeout where sshd refuses to forward, and the kubelet's own
// binary with --version if only root could have put it there.
package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"kletscan/scanner/evidence"
)

// Survey asks the first question: who is there, and what do the well-known
// files say. It runs as the login user and nothing else.
//
// An error means that there is no evidence: the connection failed (the
// Executor's own error, unwrapped by errors.As), or something other than the
// script answered.
func Survey(ctx context.Context, node Executor) (*evidence.Evidence, error) {
	ev := new(evidence.Evidence)
	ev.Host.UID = -1
	if err := ask(ctx, node, ev, nil); err != nil {
		return nil, err
	}
	return ev, nil
}

// Fetch adds what wants name to ev, with sudo -n for what the login user may
// not read. After an error ev is as it was, or holds a part of the answer.
func Fetch(ctx context.Context, node Executor, ev *evidence.Evidence, wants []evidence.Want) error {
	return ask(ctx, node, ev, wants)
}

func ask(ctx context.Context, node Executor, ev *evidence.Evidence, wants []evidence.Want) error {
	nonce := rand.Text()
	out, err := node.Exec(ctx, Command, Script(nonce, wants))
	if err != nil {
		return err
	}
	if out.Truncated {
		return fmt.Errorf("%w: it is longer than %d MiB", ErrNotAnswered, OutputLimit>>20)
	}
	err = parse(ev, out.Stdout, out.Stderr, nonce)
	if errors.Is(err, errNotAProbe) && len(out.Stdout) == 0 && len(out.Stderr) > 0 {
		return fmt.Errorf("%w: expected a POSIX shell, got %s", errNotAProbe, beginning(out.Stderr))
	}
	return err
}
