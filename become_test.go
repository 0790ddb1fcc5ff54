package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kletscan/fixtures"
	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/probe"
	"kletscan/scanner/remote"
	"kletscan/scanner/remote/sshdtest"
	"kletscan/scanner/scannertest"
)

func TestBecomeFlags(t *testing.T) {
	for _, tt := range []struct {
		rule, word string
		ask        bool
		typed      string
		become     probe.Become
		asked      bool
		err        string
	}{
		{rule: "auto", word: "auto"},
		{rule: "never", word: "never", become: probe.Never},
		{rule: "sudo with a password", word: "sudo", ask: true, typed: "x", become: probe.Sudo, asked: true},
		{rule: "auto with a password", word: "auto", ask: true, typed: "x", asked: true},
		{rule: "an unknown word", word: "su", err: `--become "su": expected one of auto, never, sudo, doas`},
		{rule: "nobody to become, so nothing to ask for", word: "never", ask: true, err: "--ask-become-pass and --become never: expected one of them"},
		{rule: "doas reads from a terminal alone", word: "doas", ask: true, err: "--ask-become-pass goes with sudo: doas reads passwords from a terminal alone, give this user a nopass line (see kletscan sudoers --doas)"},
		{rule: "an empty password", word: "auto", ask: true, asked: true, err: "--ask-become-pass: the become password is empty: expected the password that sudo asks for"},
		{rule: "a password of two lines", word: "auto", ask: true, asked: true, typed: "geheim\nx", err: "--ask-become-pass: the become password cannot be sent: expected one line of at most 255 bytes"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			asked := false
			o, err := newBecome(tt.word, tt.ask, func(string) ([]byte, error) { asked = true; return []byte(tt.typed), nil })
			if err != nil || tt.err != "" {
				if fmt.Sprint(err) != tt.err {
					t.Errorf("error %v, want %s", err, tt.err)
				}
			} else if o.become != tt.become || (o.password != nil) != tt.ask {
				t.Errorf("got %+v", o)
			}
			if asked != tt.asked {
				t.Errorf("asked for the password: %v, want %v", asked, tt.asked)
			}
		})
	}
	_, err := newBecome("auto", true, func(string) ([]byte, error) { return nil, errors.New("no terminal") })
	if fmt.Sprint(err) != "--ask-become-pass: no terminal" {
		t.Errorf("error %v", err)
	}
}

// sshConn is a connection by OpenSSH's own ssh.
type sshConn struct {
	config, user string
}

func (c sshConn) Exec(ctx context.Context, command, stdin string) (probe.Output, error) {
	return c.run(ctx, command, strings.NewReader(stdin), nil)
}

func (c sshConn) Talk(ctx context.Context, command string, answer func(stdout, stderr []byte) (string, bool)) (probe.Output, error) {
	return c.run(ctx, command, nil, answer)
}

// run runs a command with stdin, or with what answer says where that is nil.
func (c sshConn) run(ctx context.Context, command string, stdin io.Reader, answer func(stdout, stderr []byte) (string, bool)) (probe.Output, error) {
	cmd := exec.CommandContext(ctx, "ssh", "-F", c.config, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", c.user, command)
	heard := &heard{answer: answer}
	cmd.Stdout, cmd.Stderr = sshStream{heard, &heard.stdout}, sshStream{heard, &heard.stderr}
	if cmd.Stdin = stdin; stdin == nil {
		var err error
		if heard.stdin, err = cmd.StdinPipe(); err != nil {
			return probe.Output{}, err
		}
	}
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		return probe.Output{}, errors.Join(err, context.Cause(ctx))
	}
	return probe.Output{Stdout: heard.stdout.Bytes(), Stderr: heard.stderr.Bytes(), ExitCode: cmd.ProcessState.ExitCode()}, nil
}

// heard is what a command wrote so far.
type heard struct {
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	answer         func(stdout, stderr []byte) (string, bool)
	stdin          io.WriteCloser // nil: closed, or not ours
}

type sshStream struct {
	*heard
	to *bytes.Buffer
}

func (s sshStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to.Write(p)
	if s.stdin != nil {
		input, last := s.answer(s.stdout.Bytes(), s.stderr.Bytes())
		_, _ = io.WriteString(s.stdin, input)
		if last {
			s.stdin.Close()
			s.stdin = nil
		}
	}
	return len(p), nil
}

func (sshConn) Close() error { return nil }

func (sshConn) DialTCP(context.Context, string) (net.Conn, error) {
	return nil, scanner.ErrForwardingRefused
}

// scan visits a box as some users, one after the other, without a look at the
// certificate.
func (b box) scan(t *testing.T, become probe.Become, password string, users ...string) []scanner.Result {
	t.Helper()
	s := scanner.Scanner{
		Fanout: 1, Become: become,
		Resolve: scannertest.Resolve(func(_ context.Context, n inventory.Node) (scanner.Conn, error) {
			return sshConn{filepath.Join(b.dir, "ssh_config"), n.Name}, nil
		}),
	}
	if password != "" {
		var err error
		if s.Password, err = probe.NewPassword(password); err != nil {
			t.Fatal(err)
		}
	}
	nodes := make([]inventory.Node, len(users))
	for i, user := range users {
		nodes[i] = inventory.Node{Name: user, Host: user}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return scannertest.Scan(ctx, &s, nodes)
}

// as runs a command as a user of the box.
func (b box) as(t *testing.T, user, command string) (stdout string, code int) {
	t.Helper()
	out, err := sshConn{filepath.Join(b.dir, "ssh_config"), user}.Exec(t.Context(), command, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %s: exit %d: %s%s", user, command, out.ExitCode, out.Stdout, out.Stderr)
	return string(out.Stdout), out.ExitCode
}

// wantRow checks a verdict, and that the password is not part of it.
func wantRow(t *testing.T, r scanner.Result, rotation, why string) {
	t.Helper()
	if r.Status != scanner.OK || r.Verdict.Rotation.String() != rotation || !strings.Contains(r.Verdict.Why, why) {
		t.Errorf("%s: %v %v: %s%s\nwant %s: %s", r.Node.Name, r.Status, r.Verdict.Rotation, r.Error, r.Verdict.Why, rotation, why)
	}
	if strings.Contains(fmt.Sprintf("%+v", r), boxPassword) {
		t.Errorf("%s: the password is in %+v", r.Node.Name, r)
	}
}

// TestBecome visits one real node with real sudo and doas, as users with
// different rights, and then takes sudo, doas.conf and doas away.
func TestBecome(t *testing.T) {
	b := startBox(t, "dash")
	const file = "/var/lib/kubelet/config.yaml"
	type row struct {
		become               probe.Become
		user, rotation, says string
	}
	check := func(rows ...row) {
		t.Helper()
		for _, r := range rows {
			wantRow(t, b.scan(t, r.become, "", r.user)[0], r.rotation, r.says)
		}
	}
	check(
		row{probe.Auto, "root", "on", file},
		row{probe.Never, "root", "on", file},
		row{probe.Auto, "wheel", "on", file},
		row{probe.Sudo, "wheel", "on", file},
		row{probe.Never, "wheel", "unknown", "(not readable by wheel, mode 600)"},
		row{probe.Doas, "wheel", "unknown", "doas -n was refused: doas: Operation not permitted; add the lines of kletscan sudoers --doas"},
		row{probe.Auto, "plain", "unknown", "sudo -n was refused: sudo: a password is required; add the lines of kletscan sudoers, or use --ask-become-pass"},
		row{probe.Auto, "tty", "unknown", "sudo -n was refused: sudo: sorry, you must have a tty to run sudo; take requiretty away"},
		row{probe.Auto, "lines", "on", file},
		row{probe.Doas, "doer", "on", file},
		row{probe.Auto, "doer", "unknown", "a password is required"}, // sudo is there
	)
	b.as(t, "root", "rm /usr/bin/sudo")
	check(
		row{probe.Auto, "doer", "on", file},
		row{probe.Auto, "plain", "unknown", "doas -n was refused: doas: Operation not permitted"},
		row{probe.Sudo, "doer", "unknown", "sudo -n was refused: /bin/sh: "},
		row{probe.Auto, "root", "on", file},
	)
	b.as(t, "root", "rm /etc/doas.conf")
	check(row{probe.Auto, "doer", "unknown", "doas -n was refused: doas: doas is not enabled, /etc/doas.conf: No such file or directory"})
	b.as(t, "root", "rm /usr/bin/doas")
	check(row{probe.Auto, "doer", "unknown", "sudo: not found; install sudo or doas, or log in as root"})
}

// TestBecomePassword gives real sudo a real password.
func TestBecomePassword(t *testing.T) {
	b := startBox(t, "dash")
	const file = "/var/lib/kubelet/config.yaml"
	failures := func(user string) int {
		out, _ := b.as(t, "root", "faillock --user "+user)
		return strings.Count(out, " V\n")
	}
	t.Run("right", func(t *testing.T) {
		for _, user := range []string{"asked", "wheel", "root"} {
			r := b.scan(t, probe.Auto, boxPassword, user)[0]
			wantRow(t, r, "on", file)
		}
		if n := failures("asked"); n != 0 {
			t.Errorf("%d failures, want none", n)
		}
	})
	t.Run("right, and no right", func(t *testing.T) {
		// These nodes accept the password, so that it is sent on.
		r := b.scan(t, probe.Auto, boxPassword, "plain", "lines", "noexec", "tty", "asked")
		wantRow(t, r[0], "unknown", "sudo was refused: plain is not in the sudoers file; add the lines of kletscan sudoers")
		wantRow(t, r[1], "on", file) // no root shell, but sudo -n for this file
		wantRow(t, r[2], "unknown", "NOEXEC")
		wantRow(t, r[3], "unknown", "sudo was refused: sudo: sorry, you must have a tty")
		wantRow(t, r[4], "on", file)
	})
	t.Run("wrong", func(t *testing.T) {
		r := b.scan(t, probe.Sudo, "falsch", "with-tcsh", "asked", "wheel")
		wantRow(t, r[0], "unknown", "sudo was refused: sudo: 1 incorrect password attempt; start again with the right password")
		wantRow(t, r[1], "unknown", "sudo was refused: the node that was asked first did not accept the password, and no other is sent it")
		wantRow(t, r[2], "on", file) // by sudo -n
		// One for the password, one for the end of the input at the second prompt.
		if n := failures("with-tcsh"); n < 1 || n > 2 {
			t.Errorf("with-tcsh has %d failures, want one for the password, and at most one for no password", n)
		}
		if n := failures("asked"); n != 0 {
			t.Errorf("asked has %d failures, want none: the password was known to be wrong", n)
		}
	})
	t.Run("the password is in no log", func(t *testing.T) {
		log, _ := b.as(t, "root", "cat /var/log/sudo.log")
		if !strings.Contains(log, "incorrect password attempt") || !strings.Contains(log, "COMMAND=/bin/sh -c") {
			t.Fatal("the log of sudo has no word of what was run")
		}
		if strings.Contains(log, "it's") || strings.Contains(log, "falsch") {
			t.Error("it is")
		}
	})
}

// TestLoginShells runs both ways of asking behind every login shell.
func TestLoginShells(t *testing.T) {
	b := startBox(t, "dash")
	const file = "/var/lib/kubelet/config.yaml"
	for _, user := range boxUsers {
		if !strings.HasPrefix(user[0], "with-") {
			continue
		}
		t.Run(user[1], func(t *testing.T) {
			if _, err := exec.LookPath(user[1]); err != nil && user[1] != "/opt/busybox/sh" {
				sshdtest.Missing(t, user[1])
			}
			plain, root := b.scan(t, probe.Auto, "", user[0])[0], b.scan(t, probe.Auto, boxPassword, user[0])[0]
			if user[0] == "with-nologin" {
				for _, r := range []scanner.Result{plain, root} {
					if r.Status != scanner.Denied || !strings.Contains(r.Error, "This account is currently not available.") {
						t.Errorf("%v: %s, want denied, in nologin's words", r.Status, r.Error)
					}
				}
				return
			}
			wantRow(t, plain, "unknown", "a password is required")
			wantRow(t, root, "on", file)
		})
	}
	t.Run("ForceCommand", func(t *testing.T) {
		for _, password := range []string{"", boxPassword} {
			if r := b.scan(t, probe.Auto, password, "forced")[0]; r.Status != scanner.Denied || !strings.Contains(r.Error, `"nothing else"`) {
				t.Errorf("%v: %s, want denied, in the command's words", r.Status, r.Error)
			}
		}
	})
}

// TestBecomePasswordOverSSH takes the way of a scan: nodes of the fixtures at
// the far end of real connections, many at once, and one password.
func TestBecomePasswordOverSSH(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	all, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(n fixtures.Node) bool { return n.Name == "become-password" })
	some := fixtures.Replicate(all[i:i+1], 40)
	fleet, err := fixtures.Start(t.Context(), some, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer fleet.Close()
	dir := t.TempDir()
	if err := fleet.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	nodes := make([]inventory.Node, len(some))
	for i, n := range some {
		nodes[i] = inventory.Node{Name: n.Name, Host: n.Name}
	}
	for password, want := range map[string]map[string]int{
		"correct horse": {"on": len(nodes)},
		"wrong horse":   {"1 incorrect password attempt": 1, "no other is sent it": len(nodes) - 1},
	} {
		t.Run(password, func(t *testing.T) {
			dialer, err := remote.New(t.Context(), remote.Config{Home: dir, SSHConfigFile: filepath.Join(dir, "ssh_config"), Nodes: nodes})
			if err != nil {
				t.Fatal(err)
			}
			defer dialer.Close()
			p, err := probe.NewPassword(password)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, r := range scannertest.Scan(t.Context(), &scanner.Scanner{Resolve: dialer.Resolve, Password: p}, nodes) {
				how := r.Verdict.Rotation.String()
				for says := range want {
					if strings.Contains(r.Verdict.Why, says) {
						how = says
					}
				}
				got[how]++
			}
			if !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	for _, v := range fleet.Violations() {
		t.Errorf("%s: outside the closed set: %s", v.Node, v.What)
	}
}
