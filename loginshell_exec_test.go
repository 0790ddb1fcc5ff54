package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/evidence"
	"kletscan/scanner/probe"
	"kletscan/scanner/remote"
	"kletscan/scanner/remote/sshdtest"
)

// TestTheScriptRidesInTheExecRequest asks a real sshd as users of every login
// shell: each question is one command, with nothing on standard input.
func TestTheScriptRidesInTheExecRequest(t *testing.T) {
	b := startBox(t, "dash")
	for _, user := range boxUsers {
		if !strings.HasPrefix(user[0], "with-") || user[0] == "with-nologin" {
			continue
		}
		t.Run(user[1], func(t *testing.T) {
			if _, err := exec.LookPath(user[1]); err != nil && user[1] != "/opt/busybox/sh" {
				sshdtest.Missing(t, user[1])
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			conn := asked{Conn: b.login(ctx, t, user[0])}
			visit := &probe.Visit{Node: &conn}
			ev, err := visit.Survey(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(ev.Processes) != 1 || strings.Contains(ev.Audit.Output, "become=") || strings.Contains(ev.Audit.Output, "(withheld)") || !strings.Contains(ev.Audit.Output, "/usr/bin/kubelet ") {
				t.Errorf("processes %+v, ps %q: want the kubelet in both, and no probe", ev.Processes, ev.Audit.Output)
			}
			const file = "/var/lib/kubelet/kubeadm-flags.env"
			if err := visit.Fetch(ctx, ev, []evidence.Want{{Kind: evidence.Text, Path: file}}); err != nil {
				t.Fatal(err)
			}
			if f := ev.File(0, file); f == nil || !strings.Contains(f.Content, "--node-labels= --v=2") {
				t.Errorf("%s: %+v", file, f)
			}
			for _, command := range conn.commands {
				if !strings.HasPrefix(command, "exec /bin/sh -c 'K=") {
					t.Errorf("asked to run %.40q", command)
				}
			}
			if len(conn.commands) != 2 {
				t.Errorf("%d commands for two questions", len(conn.commands))
			}
		})
	}
}

// asked is a connection that remembers what was asked.
type asked struct {
	scanner.Conn
	commands []string
}

func (a *asked) Exec(ctx context.Context, command, stdin string) (probe.Output, error) {
	a.commands = append(a.commands, command)
	return a.Conn.Exec(ctx, command, stdin)
}

// login is a connection to the box, until the test ends.
func (b box) login(ctx context.Context, t *testing.T, user string) scanner.Conn {
	t.Helper()
	nodes := []inventory.Node{{Name: user, Host: user}}
	dialer, err := remote.New(ctx, remote.Config{Home: b.dir, SSHConfigFile: filepath.Join(b.dir, "ssh_config"), Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialer.Close() })
	target, err := dialer.Resolve(ctx, nodes[0])
	if err != nil {
		t.Fatal(err)
	}
	link, err := target.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := link.Login(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
