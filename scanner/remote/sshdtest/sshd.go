package sshdtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Options are how a [Server] differs from the simplest sshd.
type Options struct {
	HostKeys          []*Key // nil: an ed25519 key of its own
	HostCertificates  []*Key // host keys that have a certificate at their CertPath
	AuthorizedKeys    []*Key // nil: nobody's key
	AuthorizedLines   string // further lines of authorized_keys, with options, say
	TrustedUserCAKeys []CA   // nil: no user certificates
	ListenAddress     string // "": 127.0.0.1; Linux has all of 127.0.0.0/8
	Port              int    // 0: a free one from 20000 to 29999
	Extra             string // further lines of sshd_config, the last ones; of most keywords the first value counts
}

// Server is a real sshd, where one user can log in: the one that runs the test.
type Server struct {
	Endpoint
	User     string // who can log in
	HostKeys []*Key

	t    testing.TB
	opts Options
	dir  string
	proc *process
}

// Start runs an sshd until the test ends, and returns once it listens. It has
// no UsePAM, so that the password database must not have locked the user: with
// "!" as the password no key is accepted.
//
// Commands are run by the user's shell, with an empty HOME unless Extra speaks of
// SetEnv, so that what the user's own start files do or say stays out of tests.
//
// From 9.8 on PerSourcePenalties would shut out all of loopback after the first
// tests of failing logins. It is off unless Extra speaks of it.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	s := &Server{t: t, opts: opts, dir: t.TempDir(), HostKeys: opts.HostKeys, User: currentUser(t)}
	s.Host, s.Port = opts.ListenAddress, opts.Port
	if s.Host == "" {
		s.Host = "127.0.0.1"
	}
	if s.HostKeys == nil {
		s.HostKeys = []*Key{NewHome(t).Key("host_ed25519", "ed25519", "")}
	}
	t.Cleanup(s.Stop)
	for range 100 {
		if opts.Port == 0 {
			s.Port = randomPort()
		}
		said := s.start()
		if s.proc.running() {
			return s
		}
		if makeEmptyDir(t, said) {
			continue
		}
		if opts.Port != 0 || !strings.Contains(said, "Address already in use") {
			t.Fatalf("sshd does not listen on %s: %s", s.Addr(), said)
		}
	}
	t.Fatalf("no port from 20000 to 29999 is free on %s", s.Host)
	return nil
}

// Stop ends sshd and all its connections, as a machine that goes down does.
func (s *Server) Stop() {
	if s.proc != nil {
		s.proc.kill()
	}
}

// Restart is Stop and another sshd on the same port. Log, Logins and
// Connections go on.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if said := s.start(); !s.proc.running() {
		s.t.Fatalf("sshd does not listen on %s again: %s", s.Addr(), said)
	}
}

// Log is what sshd logged, from its first start on, at level VERBOSE unless Extra
// names another.
func (s *Server) Log() string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// Logins counts the logins that succeeded. A login is in the log before its
// first command is run.
func (s *Server) Logins() int { s.t.Helper(); return countLogins(s.Log()) }

// Connections counts the connections, including those that MaxStartups refused.
func (s *Server) Connections() int {
	s.t.Helper()
	log := s.Log()
	return countLines(log, "Connection from ") + countLines(log, "drop connection #")
}

// countLogins leaves out the lines "Accepted key" of VERBOSE.
func countLogins(log string) int { return len(acceptedLine.FindAllString(log, -1)) }

var acceptedLine = regexp.MustCompile(`(?m)^Accepted \S+ for `)

func countLines(text, prefix string) int { return strings.Count("\n"+text, "\n"+prefix) }

// KnownHostsLine is one line of known_hosts for each host key, under the
// server's address, or else under the names. A name may be NAME:PORT; without a
// port it has the server's. A hashed line has one name.
func (s *Server) KnownHostsLine(hashed bool, names ...string) string {
	return s.knownHosts(s.HostKeys, hashed, names)
}

// start runs sshd until it listens or has ended, and returns what it said.
func (s *Server) start() string {
	s.t.Helper()
	writeConfig(s.t, s.dir, s.opts, s.HostKeys, fmt.Sprintf("ListenAddress %s\nPort %d\n", s.Host, s.Port))
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	before := len(s.Log())
	cmd := sshd(s.t, s.dir, "-D")
	cmd.Stderr = log
	if s.proc, err = run(cmd); err != nil {
		s.t.Fatal(err)
	}
	// Connecting to see whether it listens would take one of MaxStartups for a
	// while, and count as a failed login from 9.8 on.
	said := func() string { return s.Log()[before:] }
	listening := func() bool { return !s.proc.running() || countLines(said(), "Server listening on ") > 0 }
	if !eventually(listening) {
		s.t.Fatalf("sshd neither listens nor ends: %s", said())
	}
	return said()
}

// makeEmptyDir makes the directory for sshd's unprivileged half if sshd said that
// the machine lacks it, as one does that has started no sshd since its boot.
func makeEmptyDir(t testing.TB, said string) bool {
	t.Helper()
	found := regexp.MustCompile(`Missing privilege separation directory: (\S+)`).FindStringSubmatch(said)
	if found == nil {
		return false
	}
	if err := os.MkdirAll(found[1], 0o755); err != nil {
		Missing(t, fmt.Sprintf("the directory that sshd needs: %v", err))
	}
	return true
}

// writeConfig writes sshd_config, and the files that it names, into dir.
func writeConfig(t testing.TB, dir string, opts Options, hostKeys []*Key, listen string) {
	t.Helper()
	var authorized, trusted strings.Builder
	for _, key := range opts.AuthorizedKeys {
		authorized.WriteString(key.AuthorizedLine())
	}
	for _, ca := range opts.TrustedUserCAKeys {
		trusted.WriteString(ca.AuthorizedLine())
	}
	write(t, filepath.Join(dir, "authorized_keys"), authorized.String()+opts.AuthorizedLines)
	write(t, filepath.Join(dir, "trusted_user_ca_keys"), trusted.String())

	var config strings.Builder
	config.WriteString(listen + "StrictModes no\nPermitUserRC no\nUsePAM no\nPidFile none\n")
	if !strings.Contains(opts.Extra, "LogLevel") {
		config.WriteString("LogLevel VERBOSE\n")
	}
	fmt.Fprintf(&config, "AuthorizedKeysFile %s/authorized_keys\nTrustedUserCAKeys %s/trusted_user_ca_keys\n", dir, dir)
	for _, key := range hostKeys {
		fmt.Fprintf(&config, "HostKey %s\n", key.Path)
	}
	for _, key := range opts.HostCertificates {
		fmt.Fprintf(&config, "HostCertificate %s\n", key.CertPath())
	}
	// bash reads .bashrc of its HOME when sshd starts it.
	if !strings.Contains(opts.Extra, "SetEnv") {
		fmt.Fprintf(&config, "SetEnv HOME=%s\n", dir)
	}
	if !strings.Contains(opts.Extra, "PerSourcePenalties") {
		if major, minor := Version(t); major > 9 || major == 9 && minor >= 8 {
			config.WriteString("PerSourcePenalties no\n")
		}
	}
	write(t, filepath.Join(dir, "sshd_config"), config.String()+opts.Extra+"\n")
}

// sshd is sshd with the configuration in dir, to be started by run.
func sshd(t testing.TB, dir string, mode string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), tool(t, "sshd"), mode, "-e", "-f", filepath.Join(dir, "sshd_config"))
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	return cmd
}

func currentUser(t testing.TB) string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return me.Username
}
