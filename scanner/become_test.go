package scanner_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"kletscan/fixtures"
	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/probe"
	"kletscan/scanner/scannertest"
)

// talker is a nodeConn that can answer sudo.
type talker struct{ nodeConn }

func (c talker) Talk(ctx context.Context, command string, answer func(stdout, stderr []byte) (string, bool)) (probe.Output, error) {
	ran, err := c.node.Talk(ctx, command, answer)
	for _, v := range ran.Violations {
		c.t.Errorf("%s: outside the closed set: %s", c.node.Name, v)
	}
	c.said.Write(ran.Stdout)
	return probe.Output{Stdout: ran.Stdout, Stderr: ran.Stderr, ExitCode: ran.Status}, err
}

// scanNodes visits nodes of the fixtures, one after the other.
func scanNodes(t *testing.T, s scanner.Scanner, names ...string) []scanner.Result {
	t.Helper()
	all, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	s.Fanout = 1
	s.Resolve = scannertest.Resolve(func(_ context.Context, n inventory.Node) (scanner.Conn, error) {
		i := slices.IndexFunc(all, func(f fixtures.Node) bool { return f.Name == n.Name })
		return talker{nodeConn{t: t, node: all[i], said: new(bytes.Buffer)}}, nil
	})
	var nodes []inventory.Node
	for _, name := range names {
		nodes = append(nodes, inventory.Node{Name: name, Host: name})
	}
	return scannertest.Scan(t.Context(), &s, nodes)
}

// Each refusal reaches the row in words that say what to do.
func TestBecomeRefusalsReachTheRow(t *testing.T) {
	for _, tt := range []struct {
		become               probe.Become
		node, rotation, says string
	}{
		{probe.Auto, "become-doas", "on", ""},
		{probe.Doas, "become-doas", "on", ""},
		{probe.Sudo, "become-doas", "unknown", "sudo: not found; install sudo or doas, or log in as root"},
		{probe.Never, "become-doas", "unknown", "(not readable by scan, mode 600)"},
		{probe.Auto, "become-doas-denied", "unknown", "doas -n was refused: doas: Operation not permitted; add the lines of kletscan sudoers --doas"},
		{probe.Auto, "become-doas-asks", "unknown", "doas -n was refused: doas: Authentication required; add the lines of kletscan sudoers --doas: nopass"},
		{probe.Auto, "become-doas-no-conf", "unknown", "doas -n was refused: doas: doas is not enabled, /etc/doas.conf: No such file or directory; add"},
		{probe.Auto, "become-none", "unknown", "sudo: not found; install sudo or doas, or log in as root"},
		{probe.Doas, "become-none", "unknown", "doas: not found; install doas, or log in as root"},
		{probe.Auto, "become-tty", "unknown", "you must have a tty to run sudo; take requiretty away"},
		{probe.Auto, "become-expired", "unknown", "is your account locked?; unlock this account on the node"},
		{probe.Auto, "become-sudo-rs", "unknown", "interactive authentication is required; add the lines of kletscan sudoers, or use --ask-become-pass"},
		{probe.Auto, "become-sudo-rs-denied", "unknown", "I'm sorry scan. I'm afraid I can't do that; add the lines of kletscan sudoers"},
		{probe.Auto, "become-password", "unknown", "a password is required; add the lines of kletscan sudoers, or use --ask-become-pass"},
		{probe.Auto, "sudo-too-narrow", "unknown", "is not allowed to execute '/usr/bin/cat -- /etc/kubernetes/kubelet-config.yaml'; add the lines of kletscan sudoers"},
	} {
		r := scanNodes(t, scanner.Scanner{Become: tt.become}, tt.node)[0]
		if r.Status != scanner.OK || r.Verdict.Rotation.String() != tt.rotation || !strings.Contains(r.Verdict.Why, tt.says) {
			t.Errorf("%v on %s: %v %v: %s%s\nwant %s: %s", tt.become, tt.node, r.Status, r.Verdict.Rotation, r.Error, r.Verdict.Why, tt.rotation, tt.says)
		}
	}
}

// With a password the whole probe runs as root, or as the login and says why.
func TestBecomePassword(t *testing.T) {
	scan := func(password string, names ...string) []scanner.Result {
		p, err := probe.NewPassword(password)
		if err != nil {
			t.Fatal(err)
		}
		return scanNodes(t, scanner.Scanner{Password: p}, names...)
	}
	const right, wrong = "correct horse", "wrong horse"
	for i, r := range scan(right, "become-password", "become-tty", "become-none", "become-sudo-rs", "cp-2", "kubespray-sudo") {
		want := []struct{ rotation, says string }{
			{"on", "/var/lib/kubelet/config.yaml"},
			{"unknown", "sudo was refused: sudo: sorry, you must have a tty"},
			{"unknown", "sudo was refused: sh: sudo: not found; install sudo"},
			{"unknown", "sudo was refused: sudo: interactive authentication is required"},
			{"on", ""},
			{"off", ""}, // by the one command that sudo -n allows
		}[i]
		if r.Status != scanner.OK || r.Verdict.Rotation.String() != want.rotation || !strings.Contains(r.Verdict.Why, want.says) {
			t.Errorf("%s: %v %v: %s%s\nwant %s: %s", r.Node.Name, r.Status, r.Verdict.Rotation, r.Error, r.Verdict.Why, want.rotation, want.says)
		}
	}
	for i, r := range scan(wrong, "become-password", "become-password", "cp-2") {
		says := []string{
			"sudo was refused: sudo: 1 incorrect password attempt; start again with the right password",
			"sudo was refused: the node that was asked first did not accept the password, and no other is sent it; start again with the right password",
			"",
		}[i]
		if r.Status != scanner.OK || !strings.Contains(r.Verdict.Why, says) {
			t.Errorf("%s: %v: %s%s\nwant %s", r.Node.Name, r.Status, r.Error, r.Verdict.Why, says)
		}
	}
}
