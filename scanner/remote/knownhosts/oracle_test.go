package knownhosts

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	skeema "github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	oracle "golang.org/x/crypto/ssh/knownhosts"

	"kletscan/scanner/remote/sshdtest"
)

func encode(blob []byte) string { return base64.StdEncoding.EncodeToString(blob) }

func numbers(lines []Line) string {
	var list []string
	for _, l := range lines {
		list = append(list, strconv.Itoa(l.Number))
	}
	return strings.Join(list, " ")
}

// address splits a host as ssh is given it.
func address(h Host) (host, port string) {
	if h.bare == "" {
		return h.name, "22"
	}
	return h.bare, h.name[strings.LastIndexByte(h.name, ':')+1:]
}

// ssh-keygen -F is the truth about which lines are for a host.
func TestTableSSHKeygen(t *testing.T) {
	t.Parallel()
	keygen := tool(t, "ssh-keygen")
	all := serverKeys(t)
	found := regexp.MustCompile(`(?m)^# Host .* found: line (\d+)`)
	for _, r := range table() {
		if strings.HasPrefix(r.name, "bad key") {
			continue // ssh-keygen -F shows a line without a look at its key
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "known_hosts")
			write(t, name, r.text(all))
			out, err := exec.Command(keygen, "-F", r.host.String(), "-f", name).Output()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) { // 1: not found
				t.Fatal(err)
			}
			var lines []string
			for _, match := range found.FindAllSubmatch(out, -1) {
				lines = append(lines, string(match[1]))
			}
			if got := strings.Join(lines, " "); got != r.found {
				t.Errorf("ssh-keygen -F: got lines %q, want %q", got, r.found)
			}
		})
	}
}

// x/crypto's package is right where the table does not say otherwise, and wrong
// where it does.
func TestTableXCrypto(t *testing.T) {
	t.Parallel()
	agreesWhere(t, "x/crypto", oracle.New, func(r row) bool { return r.xcrypto == "" })
}

// skeema's package wraps x/crypto's, and mends names without a port.
func TestTableSkeema(t *testing.T) {
	t.Parallel()
	agreesWhere(t, "skeema", func(files ...string) (ssh.HostKeyCallback, error) {
		db, err := skeema.NewDB(files...)
		if err != nil {
			return nil, err
		}
		return db.HostKeyCallback(), nil
	}, func(r row) bool { return r.xcrypto == "" || r.xcrypto == noPort })
}

// agreesWhere compares a package's judgement of each row with ours.
func agreesWhere(t *testing.T, who string, load func(files ...string) (ssh.HostKeyCallback, error), right func(row) bool) {
	all := serverKeys(t)
	for _, r := range table() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "known_hosts")
			write(t, name, r.text(all))
			a := connect(loadFiles(t, name), r.host, r.keys(all), time.Now())
			host, port := address(r.host)
			got := Mismatch
			if callback, err := load(name); err == nil {
				err := callback(net.JoinHostPort(host, port), &net.TCPAddr{IP: net.IPv4zero}, a.Key)
				var revoked *oracle.RevokedError
				switch {
				case err == nil:
					got = OK
				case errors.As(err, &revoked):
					got = Revoked
				}
			}
			agrees := got == a.State || got != OK && a.State != OK
			if agrees != right(r) {
				t.Errorf("%s: agrees is %v (%v, ours is %v), and the table says %q", who, agrees, got, a.State, r.xcrypto)
			}
		})
	}
}

// outcomes are ssh's words, in the order in which to look for them.
var outcomes = []struct {
	words string
	state State
}{
	{"REVOKED HOST KEY", Revoked},
	{"IDENTIFICATION HAS CHANGED", Mismatch},
	{"host key is known for", Unknown},
	{"Permission denied", OK}, // the host is accepted, and the user has no key
}

// The real client is asked against the real server, which talk over a pipe, so
// that the host may have any name and any port.
func TestTableSSH(t *testing.T) {
	t.Parallel()
	client, server := tool(t, "ssh"), tool(t, "sshd")
	all := serverKeys(t)
	keys := writeKeys(t, all)
	asked := 0
	for _, r := range table() {
		if strings.HasPrefix(r.ssh, "not asked") {
			continue
		}
		asked++
		config := sshdConfig(t, filepath.Join(keys, fmt.Sprintf("sshd_config%d", asked)), strings.Fields(r.server))
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			want := r.state
			switch r.ssh {
			case "":
			case unknown:
				want = Unknown
			default:
				want = Mismatch
			}
			name := filepath.Join(t.TempDir(), "known_hosts")
			write(t, name, r.text(all))
			proxy := server + " -i -e -f " + config
			out := runSSH(t, client, proxy, name, r.host, "StrictHostKeyChecking=yes")
			for _, o := range outcomes {
				if strings.Contains(out, o.words) {
					if o.state != want {
						t.Errorf("ssh says %d, want %d:\n%s", o.state, want, out)
					}
					return
				}
			}
			if strings.Contains(out, "privilege separation") {
				sshdtest.Missing(t, "what sshd needs: "+out)
			}
			t.Errorf("ssh says nothing about the key:\n%s", out)
		})
	}
	if asked < 12 {
		t.Errorf("%d rows only", asked)
	}
}

// writeKeys puts the keys in files, and returns their folder.
func writeKeys(t *testing.T, all map[string]hostKey) string {
	t.Helper()
	dir := t.TempDir()
	for name, key := range all {
		name = filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		if key.private != nil {
			write(t, name, key.pem(t))
		}
		if key.cert != nil {
			write(t, name+"-cert.pub", string(ssh.MarshalAuthorizedKey(key.cert)))
		}
	}
	return dir
}

// sshdConfig writes a configuration beside the keys that it names.
func sshdConfig(t *testing.T, file string, server []string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("StrictModes no\nUsePAM no\nPidFile none\nCASignatureAlgorithms +ssh-rsa\n")
	keys := filepath.Dir(file)
	for _, name := range server {
		name, _, hasCert := strings.Cut(name, "/")
		fmt.Fprintf(&b, "HostKey %s\n", filepath.Join(keys, name))
		if hasCert {
			fmt.Fprintf(&b, "HostCertificate %s-cert.pub\n", filepath.Join(keys, strings.ReplaceAll(server[0], "/", "-")))
		}
	}
	write(t, file, b.String())
	return file
}

func runSSH(t *testing.T, client, proxy, knownHosts string, h Host, options ...string) string {
	t.Helper()
	host, port := address(h)
	args := []string{"-F", "none", "-p", port}
	options = append(options, "BatchMode=yes", "UserKnownHostsFile="+knownHosts, "GlobalKnownHostsFile=none",
		"PreferredAuthentications=none", "ConnectTimeout=60", "ProxyCommand="+proxy)
	for _, o := range options {
		args = append(args, "-o", o)
	}
	cmd := exec.CommandContext(t.Context(), client, append(args, host, "true")...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SSH_") }), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}
