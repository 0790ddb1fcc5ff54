//go:build unix

package remote

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/remote/sshdtest"
)

// netcat is a ProxyCommand that connects to %h:%p: this test program itself.
const netcat = "KLETSCAN_NETCAT=%h:%p "

func withProxyCommand(t testing.TB, command string) (Config, *sshdtest.Server) {
	t.Helper()
	h := sshdtest.NewHome(t)
	key := h.Key("id_ed25519", "ed25519", "")
	s := sshdtest.Start(t, sshdtest.Options{AuthorizedKeys: []*sshdtest.Key{key}})
	h.Write("known_hosts", s.KnownHostsLine(false))
	h.Write("config", s.HostBlock("node", "User "+s.User, "IdentityFile "+key.Path,
		"UserKnownHostsFile "+h.Path("known_hosts"), "ProxyCommand "+command))
	return operator(t, h), s
}

func TestProxyCommand(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg, s := withProxyCommand(t, "env "+netcat+program)
	echoes(t, newDialer(t, cfg), inventory.Node{Host: "node"})
	if got := s.Logins(); got != 1 {
		t.Errorf("%d logins, want 1", got)
	}
}

func TestProxyCommandThatFailsIsQuoted(t *testing.T) {
	t.Parallel()
	cfg, _ := withProxyCommand(t, "sh -c 'echo no route to %h >&2; exit 1'")
	_, err := dial(t, newDialer(t, cfg), inventory.Node{Host: "node"})
	wantError(t, err, scanner.Unreachable, `ssh_config's ProxyCommand ended without an SSH version; it said "no route to 127.0.0.1"`)
}

// A ProxyCommand and what it started end with its node's deadline.
func TestProxyCommandIsKilledWithItsNode(t *testing.T) {
	t.Parallel()
	pids := t.TempDir() + "/pids"
	cfg, _ := withProxyCommand(t, fmt.Sprintf("sh -c 'echo no route, trying >&2; sleep 600 & echo $$ $! > %s; wait'", pids))
	cfg.ConnectTimeout = 500 * time.Millisecond
	_, err := dial(t, newDialer(t, cfg), inventory.Node{Host: "node"})
	wantError(t, err, scanner.Timeout, `handshake: ssh_config's ProxyCommand gave no SSH version, and said "no route, trying", within 500ms`)
	for _, word := range strings.Fields(read(t, pids)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; syscall.Kill(pid, 0) == nil && !zombie(pid); i++ {
			if i == 500 {
				t.Fatalf("process %d of the ProxyCommand still runs", pid)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// zombie tells whether a process has ended and nobody reaped it.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}
