package sshdtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	major, minor := Version(t)
	out, err := exec.CommandContext(t.Context(), tool(t, "ssh"), "-V").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), fmt.Sprintf("OpenSSH_%d.%d", major, minor)) {
		t.Errorf("sshd is %d.%d, and ssh says %s, %v", major, minor, out, err)
	}
}

func TestServerStopsWithEverythingBelowItAndStartsAgain(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "")
	s := Start(t, Options{AuthorizedKeys: []*Key{key}, ListenAddress: "127.7.0.9"})
	h.Write("known_hosts", s.KnownHostsLine(false))
	cmd := h.SSH("-i", key.Path, "ssh://"+s.Addr(), "echo $$; exec sleep 600")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(stdout, &pid); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if cmd.Wait() == nil {
		t.Error("the session survived its server")
	}
	if !eventually(func() bool { return !alive(pid) }) {
		t.Error("the command survived its server")
	}
	fails(t, h.SSH("-i", key.Path, "ssh://"+s.Addr(), "true"), "Connection refused")
	s.Restart()
	works(t, h.SSH("-i", key.Path, "ssh://"+s.Addr(), "echo in"), "in\n")
	s.Restart()
	works(t, h.SSH("-i", key.Path, "ssh://"+s.Addr(), "echo in"), "in\n")
	want(t, "logins over two restarts", s.Logins(), 3)
}

// alive reports whether a process runs. One that nobody reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestServerOptions(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "")
	line := `command="echo by the line" ` + key.AuthorizedLine()
	for _, tt := range []struct {
		name, want string
		opts       Options
	}{
		{"Extra", "forced\n", Options{AuthorizedKeys: []*Key{key}, Extra: "ForceCommand echo forced"}},
		{"Extra with Match", "matched\n", Options{AuthorizedKeys: []*Key{key}, Extra: "Match LocalAddress 127.0.0.0/8\nForceCommand echo matched"}},
		{"SetEnv in Extra", "/nowhere\n", Options{AuthorizedLines: `command="echo $HOME" ` + key.AuthorizedLine(), Extra: "SetEnv HOME=/nowhere"}},
		{"AuthorizedLines", "by the line\n", Options{AuthorizedLines: line}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Start(t, tt.opts)
			h.Write("known_hosts", s.KnownHostsLine(false))
			works(t, h.SSH("-i", key.Path, "ssh://"+s.Addr(), "echo in"), tt.want)
		})
	}
}

func TestMaxStartups(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Extra: "MaxStartups 10:30:100"})
	for i := range 10 { // none has been taken by the start
		if said := hello(t, s); !strings.HasPrefix(said, "SSH-2.0-") {
			t.Fatalf("connection %d: got %q, want a version", i+1, said)
		}
	}
	want(t, "connections", s.Connections(), 10)
	for i := range 200 { // each is refused with a chance of 30 % or more
		if said := hello(t, s); !strings.HasPrefix(said, "SSH-2.0-") {
			if !strings.Contains(said, "MaxStartups") && !strings.Contains(said, "Not allowed at this time") {
				t.Errorf("got %q, want a word about MaxStartups", said)
			}
			if !strings.Contains(s.Log(), "past MaxStartups") {
				t.Errorf("want the refusal in the log\n%s", s.Log())
			}
			want(t, "connections with the refused one", s.Connections(), 10+i+1)
			return
		}
	}
	t.Error("210 connections are held, and none was refused")
}

// hello connects, keeps the connection until the test ends, and returns the
// first line that it hears.
func hello(t *testing.T, s *Server) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	said := make([]byte, 256)
	n, err := conn.Read(said)
	if err != nil {
		t.Fatal(err)
	}
	return string(said[:n])
}

func TestTargetsBehindABastion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		exec ExecFunc
		want string
	}{
		{"sshd", nil, "in\n"},
		{"in the process", func(host, command string, _ io.Reader, stdout, _ io.Writer) int {
			fmt.Fprintln(stdout, host, command)
			return 0
		}, "HOST echo in\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := NewHome(t)
			key := h.Key("id", "ed25519", "")
			bastion := Start(t, Options{AuthorizedKeys: []*Key{key}})
			targets := StartTargets(t, 300, TargetOptions{AuthorizedKeys: []*Key{key}, Exec: tt.exec})
			h.Write("known_hosts", bastion.KnownHostsLine(false)+targets.KnownHosts(false))
			h.Write("config", bastion.HostBlock("bastion")+"Host *\n\tIdentityFile "+key.Path)
			var all sync.WaitGroup
			for _, i := range []int{0, 1, 249, 250, 299} {
				all.Go(func() {
					cmd := h.SSH("-J", "bastion", "ssh://"+targets.Endpoint(i).Addr(), "echo in")
					works(t, cmd, strings.ReplaceAll(tt.want, "HOST", targets.Hosts[i]))
				})
			}
			all.Wait()
			works(t, h.SSH("-n", "ssh://"+targets.Endpoint(1).Addr(), "echo in"), strings.ReplaceAll(tt.want, "HOST", targets.Hosts[1]))
			stranger := h.Key("stranger", "ed25519", "")
			h.Write("config", "")
			fails(t, h.SSH("-i", stranger.Path, "ssh://"+targets.Endpoint(2).Addr(), "echo in"), "Permission denied")
			want(t, "logins to the bastion", bastion.Logins(), 5)
			want(t, "logins to the targets", targets.Logins(), 6)
			connections := targets.Connections()
			if !slices.Equal(connections[:4], []int{1, 2, 1, 0}) || connections[299] != 1 {
				t.Errorf("connections are %v, want one for each login to its host", connections)
			}
		})
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	h := NewHome(t)
	key := h.Key("id", "ed25519", "")
	s := Start(t, Options{AuthorizedKeys: []*Key{key}})
	p := NewProxy(t, s.Addr())
	h.Write("known_hosts", s.KnownHostsLine(false, p.Addr()))
	ssh := func(args ...string) *exec.Cmd {
		return h.SSH(append([]string{"-i", key.Path, "ssh://" + p.Addr()}, args...)...)
	}
	works(t, ssh("echo in"), "in\n")

	t.Run("Prelude", func(t *testing.T) {
		p.Prelude("Exceeded MaxStartups\r\n", 2)
		fails(t, ssh("true"), "kex_exchange_identification: Connection closed by remote host")
		fails(t, ssh("-v", "true"), "Exceeded MaxStartups")
		works(t, ssh("echo in"), "in\n")
	})
	t.Run("Refuse and Pass", func(t *testing.T) {
		p.Refuse()
		fails(t, ssh("true"), "Connection refused")
		p.Pass()
		works(t, ssh("echo in"), "in\n")
	})
	t.Run("Hold and Pass", func(t *testing.T) {
		p.Hold()
		fails(t, ssh("-o", "ConnectTimeout=1", "true"), "timed out")
		p.Pass()
		works(t, ssh("echo in"), "in\n")
	})
	t.Run("Delay", func(t *testing.T) {
		const delay = 50 * time.Millisecond
		p.Delay(delay)
		begin := time.Now()
		works(t, ssh("echo in"), "in\n")
		// Both versions, the key exchange, the key and the command are at least
		// three questions with an answer.
		if took := time.Since(begin); took < 6*delay {
			t.Errorf("a login with a delay of %v each way took %v, want 6 of it or more", delay, took)
		}
		p.Delay(0)
	})
	t.Run("Drop", func(t *testing.T) {
		cmd := ssh("echo in; exec sleep 600")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stdout, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		p.Drop()
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 255 {
			t.Errorf("got %v, want 255", err)
		}
		works(t, ssh("echo in"), "in\n")
	})
	want(t, "connections", p.Count(), 10)
	want(t, "logins", s.Logins(), 7)
}

// TestWhatIsOpenEndsWithItsTest leaves connections that nobody closes.
func TestWhatIsOpenEndsWithItsTest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) Endpoint
	}{
		{"Server", func(t *testing.T) Endpoint { return Start(t, Options{}).Endpoint }},
		{"AuthServer", func(t *testing.T) Endpoint {
			return StartAuth(t, AuthOptions{Accounts: []Account{{User: "u", Password: "p"}}}).Endpoint
		}},
		{"Targets", func(t *testing.T) Endpoint { return StartTargets(t, 1, TargetOptions{}).Endpoint(0) }},
		{"Targets in the process", func(t *testing.T) Endpoint { return StartTargets(t, 1, TargetOptions{Exec: Echo}).Endpoint(0) }},
		{"Proxy", func(t *testing.T) Endpoint { return NewProxy(t, Start(t, Options{}).Addr()).Endpoint }},
	} {
		var conn net.Conn
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if conn, err = net.Dial("tcp", tt.start(t).Addr()); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
		})
		if conn == nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection survived its test", tt.name)
		}
		conn.Close()
	}
}
