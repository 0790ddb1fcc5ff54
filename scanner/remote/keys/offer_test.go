package keys

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"kletscan/scanner/remote/sshdtest"
)

// startSSHD serves the real sshd on loopback, one process per login, until the
// test ends. It trusts the box's certificates and the keys.
func startSSHD(t *testing.T, b *box, options string, keys ...string) (addr string) {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = tool(t, "/usr/sbin/sshd") // often not in PATH
	}
	var authorized bytes.Buffer
	for _, name := range keys {
		authorized.Write(ssh.MarshalAuthorizedKey(b.key(name).PublicKey()))
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "authorized"), authorized.Bytes())
	write(t, filepath.Join(dir, "ca"), ssh.MarshalAuthorizedKey(b.ca.PublicKey()))
	config := filepath.Join(dir, "sshd_config")
	write(t, config, fmt.Appendf(nil, "HostKey %s\nAuthorizedKeysFile %s/authorized\nTrustedUserCAKeys %[2]s/ca\n"+
		"StrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\n%s\n", b.file("host", ""), dir, options))
	if out, err := exec.Command(sshd, "-t", "-f", config).CombinedOutput(); err != nil {
		sshdtest.Missing(t, fmt.Sprintf("an sshd that runs: %s", out))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() { inetd(sshd, config, conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		work.Wait()
	})
	return listener.Addr().String()
}

// inetd runs one sshd on a connection, as inetd does.
func inetd(sshd, config string, conn *net.TCPConn) {
	file, err := conn.File()
	conn.Close()
	if err != nil {
		return
	}
	defer file.Close()
	cmd := exec.Command(sshd, "-i", "-f", config)
	cmd.Stdin, cmd.Stdout = file, file
	_ = cmd.Run() // it fails when a login does
}

func TestLoginsToSSHD(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options string
		keys    []string // authorized
		files   []string // of the client
		allowed []string // by the client
		want    string   // of the error. "": it logs in
	}{
		{"plain keys", "", []string{"a"}, []string{"a"}, nil, ""},
		{"RSA without SHA-1", "PubkeyAcceptedAlgorithms rsa-sha2-512", []string{"rsa"}, []string{"rsa"}, nil, ""},
		{"RSA with SHA-256 only", "PubkeyAcceptedAlgorithms rsa-sha2-256", []string{"rsa"}, []string{"rsa"}, []string{"rsa-sha2-256"}, ""},
		{"an RSA certificate", "PubkeyAcceptedAlgorithms rsa-sha2-512-cert-v01@openssh.com", nil, []string{"rsa", "rsa-cert.pub"}, nil, ""},
		{"an ed25519 certificate", "", nil, []string{"a", "a-cert.pub"}, nil, ""},
		{"the fifth key", "MaxAuthTries 6", []string{"e"}, []string{"a", "b", "c", "d", "e"}, nil, ""},
		{"two keys wanted", "AuthenticationMethods publickey,publickey", []string{"b", "d"}, []string{"a", "b", "c", "d"}, nil, ""},
		{"two keys wanted, and one there", "AuthenticationMethods publickey,publickey", []string{"b"}, []string{"a", "b", "c"}, nil, "unable to authenticate"},
		{"no keys wanted", "PubkeyAuthentication no\nKbdInteractiveAuthentication yes", []string{"a"}, []string{"a"}, nil, "unable to authenticate, attempted methods [none]"},
		{"none is right", "", nil, []string{"a", "b"}, nil, "unable to authenticate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, w := constellation{files: test.files, algorithms: test.allowed}.build(t)
			for _, name := range test.files {
				if !strings.HasSuffix(name, ".pub") {
					w.Files = append(w.Files, b.path(name))
				}
			}
			addr := startSSHD(t, b, test.options, test.keys...)
			err := login(addr, newRing(t, Options{}).Offer(w))
			if test.want != "" {
				wantError(t, err, test.want)
			} else if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// sshd counts what it refuses, not what the agent refuses: a single try is
// enough for the key after a refused one.
func TestRefusalCostsNoTry(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	socket := filepath.Join(shortDir(t), "agent")
	startAgent(t, socket, script(t, "exit 1")...)
	sshAdd(t, socket, nil, "-q", "-c", b.file("one", ""), b.file("two", ""), b.file("three", ""))
	sshAdd(t, socket, nil, "-q", b.file("free", ""))
	addr := startSSHD(t, b, "MaxAuthTries 1", "one", "two", "three", "free")
	o := newRing(t, Options{}).Offer(Wanted{Agent: socket})
	if err := login(addr, o); err != nil {
		t.Fatal(err)
	}
	if got := len(o.Refusals()); got != 3 {
		t.Errorf("%d refusals, want 3: %q", got, o.Refusals())
	}
}

// fakeOffer has keys that may refuse to sign.
func fakeOffer(b *box, sign func(name string) error, names ...string) *Offer {
	p := &plan{worked: make(map[string]int)}
	for _, name := range names {
		signer := b.key(name)
		p.keys = append(p.keys, key{public: signer.PublicKey(), algorithms: []string{signer.PublicKey().Type()}, signedBy: "the agent", sign: func(data []byte, _ string) (*ssh.Signature, error) {
			if err := sign(name); err != nil {
				return nil, err
			}
			return signer.Sign(nil, data)
		}})
	}
	return newOffer(p, 0, nil)
}

// No key is offered twice, whatever happens to signatures.
func TestEveryKeyIsOfferedOnce(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	names := []string{"a", "b", "c", "d"}
	for _, test := range []struct {
		name     string
		accepted []string
		refuses  map[string]bool
		refusals int
	}{
		{"none is accepted", nil, nil, 0},
		{"accepted, but not with a signature", names, nil, 0},
		{"all refused", names, map[string]bool{"a": true, "b": true, "c": true, "d": true}, 4},
		{"first refused", []string{"a", "c"}, map[string]bool{"a": true}, 1},
		{"refused, and no other accepted", []string{"a"}, map[string]bool{"a": true}, 1},
		{"last refused", []string{"b", "d"}, map[string]bool{"d": true}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var accepted []ssh.PublicKey
			for _, name := range test.accepted {
				accepted = append(accepted, b.key(name).PublicKey())
			}
			s := newServer(t, only(accepted...))
			s.mu.Lock()
			s.strict = true
			s.mu.Unlock()
			o := fakeOffer(b, func(name string) error {
				if test.refuses[name] {
					return errors.New("no")
				}
				return nil
			}, names...)
			if err := login(s.addr, o); err == nil {
				t.Fatal("logged in")
			}
			if diff := cmp.Diff(names, b.named(s.seen())); diff != "" {
				t.Errorf("offers that the server saw (-want +got)\n%s", diff)
			}
			if got := len(o.Refusals()); got != test.refusals {
				t.Errorf("%d refusals, want %d: %s", got, test.refusals, o)
			}
		})
	}
}

// The key that worked last for a user comes first, so that a login costs no more
// than one offer. What was cut off by MaxOffers stays so.
func TestKeyThatWorkedComesFirst(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	names := []string{"a", "b", "c", "d", "e", "cut off"}
	var files []string
	for _, name := range names {
		files = append(files, b.file(name, ""))
	}
	r := newRing(t, Options{})
	servers := make(map[string]*server)
	for _, name := range names {
		servers[name] = newServer(t, only(b.key(name).PublicKey()))
	}
	for _, step := range []struct {
		rule, user, server string
		files              []string
		offers             string // that the server saw; with a ! behind them: in vain
	}{
		{"the order of the list", "me", "c", files, "a b c"},
		{"what worked comes first", "me", "c", files, "c"},
		{"the others keep their order", "me", "d", files, "c a b d"},
		{"the last one that worked", "me", "d", files, "d"},
		{"another user has another one", "you", "b", files, "a b"},
		{"which changes nothing for the first", "me", "d", files, "d"},
		{"nor for other lists", "me", "d", files[3:], "d"},
		{"no key that the list does not have", "me", "e", files[4:], "e"},
		{"a failed login teaches nothing", "me", "cut off", files, "d a b c e!"},
		{"and brings in no key that was cut off", "me", "d", files, "d"},
	} {
		s := servers[step.server]
		o := r.Offer(Wanted{User: step.user, Files: step.files})
		err := login(s.addr, o)
		if err == nil {
			o.Worked()
		}
		got := strings.Join(b.named(s.seen()), " ")
		if err != nil {
			got += "!"
		}
		if got != step.offers {
			t.Errorf("%s: the server saw %q, want %q", step.rule, got, step.offers)
		}
	}
}

// Many logins at once learn and use it.
func TestKeyThatWorkedConcurrently(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	w := Wanted{User: "me", Files: []string{b.file("a", ""), b.file("b", "")}}
	r := newRing(t, Options{})
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() {
			o := r.Offer(w)
			if len(o.Signers()) != 2 {
				t.Errorf("%d keys", len(o.Signers()))
			}
			if _, err := o.Signers()[1].Sign(nil, nil); err != nil {
				t.Error(err)
			}
			o.Worked()
		})
	}
	work.Wait()
}

// Two logins do not see each other's refusals.
func TestRefusalsBelongToOneLogin(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	refuse := fakeOffer(b, func(string) error { return errors.New("no") }, "a")
	other := newOffer(refuse.plan, 0, nil)
	if _, err := refuse.Signers()[0].Sign(nil, nil); err == nil {
		t.Fatal("signed")
	}
	if got := other.Refusals(); len(got) != 0 {
		t.Errorf("the other login has refusals %q", got)
	}
}

func TestOfferWithoutAnything(t *testing.T) {
	t.Parallel()
	o := newRing(t, Options{}).Offer(Wanted{})
	if method, err := o.Next(&ssh.ClientAuthContext{AllowedMethods: []string{"publickey"}}); method != nil || err != nil {
		t.Errorf("got method %v, %v; want none", method, err)
	}
	if got := o.String(); got != "no key" {
		t.Errorf("got %q, want %q", got, "no key")
	}
}

// A login's error stays readable with an agent full of what cannot be used.
func TestNotesAreBounded(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	var missing []string
	for i := range 100 {
		missing = append(missing, b.path(fmt.Sprint("missing", i)))
	}
	o := newRing(t, Options{}).Offer(Wanted{Files: missing})
	wantText(t, o.String(), "no key; key not used: open ", "; 95 more not used")
	if got := strings.Count(o.String(), "key not used"); got != maxNotes {
		t.Errorf("%d notes, want %d", got, maxNotes)
	}
}

func TestDefaultFilesAreThoseOfSSH(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "config")
	write(t, config, nil)
	out := run(t, nil, "ssh", "-G", "-F", config, "node")
	var want []string
	for line := range strings.Lines(out) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "identityfile ~/.ssh/")
		if ok && name != "id_dsa" && name != "id_xmss" {
			want = append(want, filepath.Join("home", ".ssh", name))
		}
	}
	if diff := cmp.Diff(want, DefaultFiles("home")); diff != "" {
		t.Errorf("default files (-ssh +kletscan)\n%s", diff)
	}
}
