package keys

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

// sshOffers logs in with the real ssh, in vain, and returns what the server
// was offered. Nothing is read from this user's ~/.ssh: every file is named,
// and ssh treats default files like named ones.
func sshOffers(t *testing.T, s *server, w Wanted) []ssh.PublicKey {
	t.Helper()
	var config strings.Builder
	host, port, _ := strings.Cut(s.addr, ":")
	fmt.Fprintf(&config, "Host node\nHostName %s\nPort %s\nUser root\nBatchMode yes\nPreferredAuthentications publickey\n"+
		"StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\n", host, port)
	identities := append(w.Files[:len(w.Files):len(w.Files)], w.Defaults...)
	if len(identities) == 0 {
		identities = []string{"none"}
	}
	for _, path := range identities {
		fmt.Fprintf(&config, "IdentityFile \"%s\"\n", path)
	}
	for _, path := range w.Certificates {
		fmt.Fprintf(&config, "CertificateFile \"%s\"\n", path)
	}
	if w.IdentitiesOnly {
		config.WriteString("IdentitiesOnly yes\n")
	}
	if w.Agent == "" {
		w.Agent = "none"
	}
	fmt.Fprintf(&config, "IdentityAgent \"%s\"\n", w.Agent)
	if w.Algorithms != nil {
		fmt.Fprintf(&config, "PubkeyAcceptedAlgorithms %s\n", strings.Join(w.Algorithms, ","))
	}
	if w.MinRSA != 0 {
		fmt.Fprintf(&config, "RequiredRSASize %d\n", w.MinRSA)
	}
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, []byte(config.String()))
	cmd := exec.Command(tool(t, "ssh"), "-v", "-F", path, "node", "true")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Permission denied (publickey)") {
		t.Fatalf("ssh: %v\n%s", err, out)
	}
	return s.seen()
}

// Where ssh is nil, the real ssh offers the same keys in the same order. Where
// it is not, the name of the row says why kletscan's order is another.
func TestOrderAsSSH(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		constellation
		encrypted string // file to write
		ssh       []string
	}{
		{constellation: constellation{name: "named files in order", files: []string{"a", "b", "c"}, named: []string{"b", "c", "a"}}},
		{constellation: constellation{name: "the agent's in order", agent: []string{"x", "rsa", "ecdsa", "y"}}},
		{constellation: constellation{name: "the agent's, then default files", files: []string{"d1", "d2"}, agent: []string{"x", "y"}, defaults: []string{"d1", "d2"}}},
		{constellation: constellation{name: "a named key that the agent holds goes before its others", files: []string{"a"}, agent: []string{"x", "a", "y"}, named: []string{"a"}}},
		{constellation: constellation{name: "a default file that the agent holds goes before its others", files: []string{"d1", "d2"}, agent: []string{"x", "d2"}, defaults: []string{"d1", "d2"}}},
		{constellation: constellation{name: "a public key file names the agent's key", files: []string{"y.pub"}, agent: []string{"x", "y"}, named: []string{"y.pub"}}},
		{constellation: constellation{name: "FILE.pub names the agent's key where FILE is missing", files: []string{"y.pub"}, agent: []string{"x", "y"}, named: []string{"y"}, identitiesOnly: true}},
		{constellation: constellation{name: "IdentitiesOnly", files: []string{"a", "y.pub"}, agent: []string{"x", "y"}, named: []string{"y", "a"}, identitiesOnly: true}},
		{constellation: constellation{name: "IdentitiesOnly and nothing named", agent: []string{"x"}, identitiesOnly: true}},
		{constellation: constellation{name: "CertificateFile goes first", files: []string{"a", "b", "b-cert.pub"}, named: []string{"a", "b"}, certificates: []string{"b-cert.pub"}}},
		{constellation: constellation{name: "CertificateFile without .pub", files: []string{"a", "a-cert.pub"}, named: []string{"a"}, certificates: []string{"a-cert"}}},
		{constellation: constellation{name: "with CertificateFile, none beside a key file is read", files: []string{"a", "a-cert.pub", "b", "b-cert.pub"}, named: []string{"a", "b"}, certificates: []string{"b-cert.pub"}}},
		{constellation: constellation{name: "CertificateFile with the key in the agent", files: []string{"x-cert.pub"}, agent: []string{"w", "x"}, certificates: []string{"x-cert.pub"}}},
		{constellation: constellation{name: "CertificateFile with a key of the agent that a file names, IdentitiesOnly", files: []string{"x-cert.pub", "x.pub"}, agent: []string{"w", "x"}, named: []string{"x"}, certificates: []string{"x-cert.pub"}, identitiesOnly: true}},
		{constellation: constellation{name: "the agent's certificate, then others", agent: []string{"x-cert.pub", "w"}}},
		{constellation: constellation{name: "IdentitiesOnly leaves out an agent's certificate, also for a named key", files: []string{"a"}, agent: []string{"a", "a-cert.pub"}, named: []string{"a"}, identitiesOnly: true}},
		{constellation: constellation{name: "IdentitiesOnly keeps the agent's certificate that lies beside a named file", files: []string{"a-cert.pub"}, agent: []string{"w", "a-cert.pub"}, named: []string{"a"}, identitiesOnly: true}},
		{constellation: constellation{name: "IdentitiesOnly keeps the agent's certificate that is named as a key file", files: []string{"a-cert.pub"}, agent: []string{"w", "a-cert.pub"}, named: []string{"a-cert.pub"}, identitiesOnly: true}},
		{constellation: constellation{name: "PubkeyAcceptedAlgorithms", files: []string{"rsa", "ecdsa", "a", "a-cert.pub"}, named: []string{"rsa", "ecdsa", "a"}, algorithms: []string{"ssh-ed25519", "rsa-sha2-256"}}},
		{constellation: constellation{name: "RequiredRSASize in the agent", agent: []string{"rsa", "a"}, minRSA: 3072}},

		{constellation: constellation{name: "DIFFERENT: named files go before the agent's others", files: []string{"a"}, agent: []string{"x"}, named: []string{"a"}}, ssh: []string{"x", "a"}},
		{constellation: constellation{name: "DIFFERENT: certificates beside a key go before it", files: []string{"a", "a-cert.pub"}, named: []string{"a"}}, ssh: []string{"a", "a-cert.pub"}},
		{constellation: constellation{name: "DIFFERENT: the agent's certificates go before their keys", agent: []string{"w", "x", "x-cert.pub"}}, ssh: []string{"w", "x", "x-cert.pub"}},
		{constellation: constellation{name: "DIFFERENT: at most five", agent: []string{"a", "b", "c", "d", "e", "f"}}, ssh: []string{"a", "b", "c", "d", "e", "f"}},
		{constellation: constellation{name: "DIFFERENT: nothing is offered that cannot sign: a key whose certificate alone the agent holds", files: []string{"a.pub", "a-cert.pub"}, agent: []string{"a-cert.pub"}, named: []string{"a"}, identitiesOnly: true}, ssh: []string{"a-cert.pub", "a"}},
		{constellation: constellation{name: "DIFFERENT: nothing is offered that cannot sign: a certificate", files: []string{"a", "x-cert.pub"}, named: []string{"a"}, certificates: []string{"x-cert.pub"}}, ssh: []string{"x-cert.pub", "a"}},
		{constellation: constellation{name: "DIFFERENT: nothing is offered that cannot sign: an encrypted file", files: []string{"a"}, named: []string{"locked", "a"}}, encrypted: "locked", ssh: []string{"locked", "a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, w := test.build(t)
			if test.encrypted != "" {
				b.file(test.encrypted, secret)
			}
			s := newServer(t, nil)
			if err := login(s.addr, newRing(t, Options{}).Offer(w)); err == nil {
				t.Fatal("logged in")
			}
			got := b.named(s.seen())
			real := b.named(sshOffers(t, s, w))
			if test.ssh == nil {
				if diff := cmp.Diff(real, got); diff != "" {
					t.Errorf("offers (-ssh +kletscan)\n%s", diff)
				}
				return
			}
			if diff := cmp.Diff(test.ssh, real); diff != "" {
				t.Errorf("this row describes another ssh (-row +ssh)\n%s", diff)
			}
			if cmp.Equal(real, got) {
				t.Errorf("kletscan's order is ssh's: %q", got)
			}
		})
	}
}
