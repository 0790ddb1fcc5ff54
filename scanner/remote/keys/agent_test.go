package keys

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"kletscan/scanner/remote/sshdtest"
)

// startAgent runs OpenSSH's agent until stop or the end of the test.
func startAgent(t testing.TB, socket string, env ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(tool(t, "ssh-agent"), "-D", "-a", socket)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		sshdtest.Missing(t, "an ssh-agent that runs: "+err.Error())
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it says where it listens when it does
		t.Fatal(err)
	}
	return stop
}

func sshAdd(t testing.TB, socket string, env []string, args ...string) {
	t.Helper()
	run(t, append(env, "SSH_AUTH_SOCK="+socket), "ssh-add", args...)
}

// script writes a program for SSH_ASKPASS.
func script(t testing.TB, text string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "askpass")
	// A process that another test forks meanwhile would keep a program open for
	// writing, which cannot run then: text file busy (golang/go#22315).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{"SSH_ASKPASS=" + path, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:0"}
}

func TestOpenSSHAgent(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	socket := filepath.Join(shortDir(t), "agent")
	startAgent(t, socket)
	for _, name := range []string{"a", "rsa", "ecdsa"} {
		b.certFile(name, nil)
		sshAdd(t, socket, nil, "-q", b.file(name, "")) // adds the certificate, too
	}
	want := []string{"a-cert.pub", "a", "rsa-cert.pub", "rsa", "ecdsa-cert.pub"}
	r := newRing(t, Options{})
	o := r.Offer(Wanted{Agent: socket})
	if diff := cmp.Diff(want, b.offered(o)); diff != "" || o.Left() != 1 {
		t.Fatalf("%d left, offers (-want +got)\n%s", o.Left(), diff)
	}
	for _, signer := range o.Signers() { // a real login with each
		s := newServer(t, only(signer.PublicKey()))
		if err := login(s.addr, r.Offer(Wanted{Agent: socket})); err != nil {
			t.Errorf("%s: %v", b.named([]ssh.PublicKey{signer.PublicKey()}), err)
		}
	}
}

func TestLockedAgent(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	socket := filepath.Join(shortDir(t), "agent")
	startAgent(t, socket)
	sshAdd(t, socket, nil, "-q", b.file("a", ""))
	listed := newRing(t, Options{}).Offer(Wanted{Agent: socket}) // before it is locked
	sshAdd(t, socket, script(t, "echo secret"), "-x")

	w := Wanted{Agent: socket}
	_, err := newRing(t, Options{}).Prepare([]Wanted{w}, nil, false)
	wantError(t, err, "no key to log in with: no key in the agent at "+socket, "lists no keys: it is empty, or locked (ssh-add -X unlocks it)")

	s := newServer(t, only(b.key("a").PublicKey()))
	if err := login(s.addr, listed); err == nil {
		t.Fatal("logged in with a locked agent")
	}
	wantText(t, listed.String(), "the agent refused to sign with ssh-ed25519 SHA256:", "it may be locked")
}

// A restarted agent is found again, without listing its keys anew; one that
// stays away is not waited for.
func TestAgentRestarts(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	s := newServer(t, only(b.key("a").PublicKey()))
	socket := filepath.Join(shortDir(t), "agent")
	file := b.file("a", "")
	r := newRing(t, Options{})
	for range 3 {
		os.Remove(socket)
		stop := startAgent(t, socket)
		sshAdd(t, socket, nil, "-q", file)
		for range 2 {
			o := r.Offer(Wanted{Agent: socket})
			if err := login(s.addr, o); err != nil {
				t.Fatalf("%v: %s", err, o)
			}
		}
		stop()
	}
	for range 2 {
		o := r.Offer(Wanted{Agent: socket})
		if err := login(s.addr, o); err == nil {
			t.Fatal("logged in without an agent")
		}
		wantText(t, o.String(), "the agent refused to sign with ssh-ed25519 SHA256:", "the connection to it has ended")
	}
}

// A key that the agent does not sign with does not end the login, and costs no
// failure at the server: the next one is tried.
func TestRefusedConfirmation(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	socket := filepath.Join(shortDir(t), "agent")
	startAgent(t, socket, script(t, "exit 1")...)
	sshAdd(t, socket, nil, "-q", "-c", b.file("confirmed", ""))
	sshAdd(t, socket, nil, "-q", b.file("free", ""))
	s := newServer(t, only(b.key("confirmed").PublicKey(), b.key("free").PublicKey()))
	o := newRing(t, Options{}).Offer(Wanted{Agent: socket})
	if err := login(s.addr, o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"confirmed", "free"}, b.named(s.seen())); diff != "" {
		t.Errorf("offers that the server saw (-want +got)\n%s", diff)
	}
	want := "the agent refused to sign with ssh-ed25519 " + ssh.FingerprintSHA256(b.key("confirmed").PublicKey()) + ": "
	if got := o.Refusals(); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("refusals %q, want one that begins %q", got, want)
	}
}

// Such a key needs session-bind@openssh.com. The agent lists it and refuses to
// sign; the error says why that may be.
func TestDestinationConstrainedKey(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	socket := filepath.Join(shortDir(t), "agent")
	startAgent(t, socket)
	known := b.path("known_hosts")
	write(t, known, []byte("node7 "+string(ssh.MarshalAuthorizedKey(b.key("host").PublicKey()))))
	sshAdd(t, socket, nil, "-q", "-H", known, "-h", "node7", b.file("bound", ""))
	s := newServer(t, only(b.key("bound").PublicKey()))
	o := newRing(t, Options{}).Offer(Wanted{Agent: socket})
	if err := login(s.addr, o); err == nil {
		t.Fatal("logged in with a key for another destination")
	}
	wantText(t, o.String(), "1 ssh-ed25519; the agent refused to sign with", "restrict the key to a destination (ssh-add -h)")
}

// tokenAgent holds one FIDO key in software.
type tokenAgent struct {
	agent.ExtendedAgent
	token  ed25519.PrivateKey
	public ssh.PublicKey
}

func (a *tokenAgent) List() ([]*agent.Key, error) {
	return []*agent.Key{{Format: a.public.Type(), Blob: a.public.Marshal()}}, nil
}

func (a *tokenAgent) SignWithFlags(_ ssh.PublicKey, data []byte, _ agent.SignatureFlags) (*ssh.Signature, error) {
	application, message := sha256.Sum256([]byte("ssh:")), sha256.Sum256(data)
	rest := []byte{1, 0, 0, 0, 7} // touched, counter
	signed := slices.Concat(application[:], rest, message[:])
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: ed25519.Sign(a.token, signed), Rest: rest}, nil
}

func TestSecurityKeyInTheAgent(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	text, token, public := securityKey(t)
	write(t, b.path("id_ed25519_sk"), text)
	cert := &ssh.Certificate{Key: public, CertType: ssh.UserCert, ValidPrincipals: []string{loginName()}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(ed25519Random{}, b.ca); err != nil {
		t.Fatal(err)
	}
	write(t, b.path("id_ed25519_sk-cert.pub"), ssh.MarshalAuthorizedKey(cert))
	inAgent := &tokenAgent{agent.NewKeyring().(agent.ExtendedAgent), token, public}
	socket := listen(t, func(conn net.Conn) { _ = agent.ServeAgent(inAgent, conn) })
	w := Wanted{Files: []string{b.path("id_ed25519_sk")}, IdentitiesOnly: true, Agent: socket}
	r := newRing(t, Options{})
	if warnings, err := r.Prepare([]Wanted{w}, w.Files, false); err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	for _, key := range []ssh.PublicKey{cert, public} {
		s := newServer(t, only(key))
		if err := login(s.addr, r.Offer(w)); err != nil {
			t.Errorf("%s: %v", key.Type(), err)
		}
	}
}

// ed25519Random is no randomness: signing with Ed25519 needs none.
type ed25519Random struct{}

func (ed25519Random) Read(p []byte) (int, error) { return len(p), nil }

// request reads one message to an agent.
func request(conn net.Conn) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(conn, message)
	return message, err
}

func reply(conn net.Conn, message []byte) {
	_, _ = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...))
}

// identities is the answer of an agent that holds the keys.
func identities(keys ...ssh.PublicKey) []byte {
	message := binary.BigEndian.AppendUint32([]byte{12}, uint32(len(keys)))
	for _, key := range keys {
		message = append(message, ssh.Marshal(struct{ Blob, Comment string }{string(key.Marshal()), "c\x1b]0;"})...)
	}
	return message
}

// signature is the answer of an agent that has signed.
func signature(t testing.TB, signer ssh.Signer, req []byte) []byte {
	var fields struct {
		Type      byte
		Key, Data string
		Flags     uint32
	}
	if err := ssh.Unmarshal(req, &fields); err != nil {
		t.Error(err)
		return nil
	}
	made, err := signer.Sign(nil, []byte(fields.Data))
	if err != nil {
		t.Error(err)
		return nil
	}
	return append([]byte{14}, ssh.Marshal(struct{ Signature string }{string(ssh.Marshal(made))})...)
}

const requestIdentities, requestSign = 11, 13

// faultyAgent lists the keys as an agent should, and then does as told.
func faultyAgent(t testing.TB, keys []ssh.PublicKey, sign func(conn net.Conn, req []byte)) string {
	return listen(t, func(conn net.Conn) {
		for {
			req, err := request(conn)
			if err != nil || len(req) == 0 {
				return
			}
			if req[0] == requestIdentities {
				reply(conn, identities(keys...))
				continue
			}
			sign(conn, req)
		}
	})
}

func TestFaultyAgentAtSigning(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	key := b.key("a")
	for _, test := range []struct {
		name string
		sign func(conn net.Conn, req []byte)
		want string
	}{
		{"failure", func(conn net.Conn, _ []byte) { reply(conn, []byte{5}) }, "agent: failed to sign challenge"},
		{"an unknown answer", func(conn net.Conn, _ []byte) { reply(conn, []byte{99, 1, 2}) }, "agent: unknown type tag 99"},
		{"an empty answer", func(conn net.Conn, _ []byte) { reply(conn, nil) }, "agent: empty packet"},
		{"an answer without end", func(conn net.Conn, _ []byte) { _, _ = conn.Write([]byte{0xff, 0xff, 0xff, 0xff}) }, "response too large"},
		{"a signature of another type", func(conn net.Conn, _ []byte) {
			reply(conn, append([]byte{14}, ssh.Marshal(struct{ S string }{string(ssh.Marshal(&ssh.Signature{Format: "ssh-rsa\x1b", Blob: []byte("x")}))})...))
		}, `it made a signature of type "ssh-rsa\x1b", not ssh-ed25519`},
		{"a huge signature", func(conn net.Conn, _ []byte) {
			reply(conn, append([]byte{14}, ssh.Marshal(struct{ S string }{string(ssh.Marshal(&ssh.Signature{Format: "ssh-ed25519", Blob: make([]byte, maxSignature+1)}))})...))
		}, "its signature is larger than 16 KiB"},
		{"it hangs up each time", func(conn net.Conn, _ []byte) { conn.Close() }, "the connection to it has ended: agent: client error: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, only(key.PublicKey()))
			socket := faultyAgent(t, []ssh.PublicKey{key.PublicKey()}, test.sign)
			o := newRing(t, Options{}).Offer(Wanted{Agent: socket})
			if err := login(s.addr, o); err == nil {
				t.Fatal("logged in without a signature")
			}
			wantText(t, o.String(), "the agent refused to sign with ssh-ed25519 SHA256:", test.want)
		})
	}
}

// It is asked again, once, when it dies while it signs.
func TestAgentDiesMidSign(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	key := b.key("a")
	var asked atomic.Int32
	socket := faultyAgent(t, []ssh.PublicKey{key.PublicKey()}, func(conn net.Conn, req []byte) {
		if asked.Add(1) == 1 {
			conn.Close()
			return
		}
		reply(conn, signature(t, key, req))
	})
	s := newServer(t, only(key.PublicKey()))
	o := newRing(t, Options{}).Offer(Wanted{Agent: socket})
	if err := login(s.addr, o); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 2 || len(o.Refusals()) != 0 {
		t.Errorf("asked %d times, refusals %q", asked.Load(), o.Refusals())
	}
}

// The limit for listing is none for signing: a touch takes its time, and is
// not asked for twice.
func TestTouchTakesLongerThanListing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	key := b.key("a")
	var asked atomic.Int32
	socket := faultyAgent(t, []ssh.PublicKey{key.PublicKey()}, func(conn net.Conn, req []byte) {
		asked.Add(1)
		time.Sleep(agentTimeout + 100*time.Millisecond)
		reply(conn, signature(t, key, req))
	})
	if _, err := newRing(t, Options{}).Offer(Wanted{Agent: socket}).Signers()[0].Sign(nil, []byte("data")); err != nil {
		t.Fatal(err)
	}
	if got := asked.Load(); got != 1 {
		t.Errorf("asked %d times, want once", got)
	}
}

func TestFaultyAgentAtListing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	a := b.key("a").PublicKey()
	for _, test := range []struct {
		name  string
		serve func(net.Conn)
		want  string
	}{
		{"never answers", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, "it does not list its keys: "},
		{"hangs up", func(net.Conn) {}, "it does not list its keys: "},
		{"speaks HTTP", func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") }, "it does not list its keys: "},
		{"failure", func(conn net.Conn) {
			_, _ = request(conn)
			reply(conn, []byte{5})
		}, "failed to list keys"},
		{"more keys than it sends", func(conn net.Conn) {
			_, _ = request(conn)
			reply(conn, []byte{12, 0, 0, 0, 9})
		}, "it does not list its keys: "},
		{"a flood of keys", func(conn net.Conn) {
			_, _ = request(conn)
			reply(conn, identities(slices.Repeat([]ssh.PublicKey{a}, maxAgentKeys+1)...))
		}, "it has more than 2048"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			socket := listen(t, test.serve)
			r := newRing(t, Options{})
			started := time.Now()
			_, err := r.Prepare([]Wanted{{Agent: socket}}, nil, false)
			wantError(t, err, "ssh-agent at "+socket+" not used: ", test.want)
			if took := time.Since(started); took > 10*agentTimeout {
				t.Errorf("took %v", took)
			}
		})
	}
}

// Answers to nothing are not collected, and do not keep Close from ending.
func TestAgentThatTalksUnasked(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	socket := listen(t, func(conn net.Conn) {
		_, _ = request(conn)
		reply(conn, identities(b.key("a").PublicKey()))
		for {
			if _, err := conn.Write([]byte{0, 0, 0, 1, 5}); err != nil {
				return
			}
		}
	})
	r := New(Options{})
	if got := len(r.Offer(Wanted{Agent: socket}).Signers()); got != 1 {
		t.Errorf("%d keys, want 1", got)
	}
	r.Close() // goleak sees a reader that stays
}

func TestKeysOfUnknownTypesAndTwins(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	a := b.key("a").PublicKey()
	socket := faultyAgent(t, []ssh.PublicKey{unknownKey{}, a, dsaKey(t), a, b.key("c").PublicKey()}, nil)
	o := newRing(t, Options{}).Offer(Wanted{Agent: socket})
	if diff := cmp.Diff([]string{"a", "c"}, b.offered(o)); diff != "" {
		t.Errorf("offers (-want +got)\n%s", diff)
	}
	wantText(t, o.String(), "2 ssh-ed25519; key not used: ssh-dss SHA256:")
}

// unknownKey is of a type from the future.
type unknownKey struct{ ssh.PublicKey }

func (unknownKey) Marshal() []byte {
	return ssh.Marshal(struct{ Type, Rest string }{"ssh-x@example.com", "\x1b"})
}

// The limit holds over all logins, and waiting for the server takes no part
// of it.
func TestAgentConcurrency(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	key := b.key("a")
	for _, test := range []struct{ option, want int }{{1, 1}, {3, 3}, {0, DefaultAgentConcurrency}} {
		const logins = 2 * DefaultAgentConcurrency
		var mu sync.Mutex
		pending, most := 0, 0
		full := make(chan struct{})
		socket := listen(t, func(conn net.Conn) {
			var answers sync.WaitGroup
			defer answers.Wait()
			var writing sync.Mutex
			for {
				req, err := request(conn)
				if err != nil {
					return
				}
				if req[0] == requestIdentities {
					reply(conn, identities(key.PublicKey()))
					continue
				}
				mu.Lock()
				if pending++; pending > most {
					most = pending
				}
				if most == test.want {
					select {
					case <-full:
					default:
						close(full)
					}
				}
				mu.Unlock()
				answers.Go(func() {
					<-full // nothing is answered before all slots are taken
					writing.Lock()
					defer writing.Unlock()
					mu.Lock()
					pending--
					mu.Unlock()
					reply(conn, signature(t, key, req))
				})
			}
		})
		r := New(Options{AgentConcurrency: test.option})
		var work sync.WaitGroup
		for range logins {
			work.Go(func() {
				if _, err := r.Offer(Wanted{Agent: socket}).Signers()[0].Sign(nil, []byte("same data for all")); err != nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
		r.Close()
		if most != test.want {
			t.Errorf("AgentConcurrency %d: %d signatures at once, want %d", test.option, most, test.want)
		}
	}
}

// Close ends logins that wait for an agent: one that waits for a touch, and
// one that waits for its turn.
func TestCloseWhileTheAgentHangs(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	asked := make(chan struct{}, 1)
	socket := faultyAgent(t, []ssh.PublicKey{b.key("a").PublicKey()}, func(net.Conn, []byte) { asked <- struct{}{} })
	r := New(Options{AgentConcurrency: 1})
	done := make(chan error)
	for range 2 {
		signer := r.Offer(Wanted{Agent: socket}).Signers()[0]
		go func() {
			_, err := signer.Sign(nil, []byte("data"))
			done <- err
		}()
	}
	<-asked
	r.Close()
	for range 2 {
		wantError(t, <-done, "the agent refused to sign")
	}
	o := r.Offer(Wanted{Agent: socket, MinRSA: 1})
	if _, err := o.Signers()[0].Sign(nil, []byte("data")); err == nil {
		t.Error("signed after Close")
	}
	if got := len(r.Offer(Wanted{Agent: b.inAgent("x")}).Signers()); got != 0 {
		t.Errorf("an agent was opened after Close: %d keys", got)
	}
}

func TestAgentThatIsNoSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, []byte("x"))
	_, err := newRing(t, Options{}).Prepare([]Wanted{{Agent: path}}, nil, false)
	wantError(t, err, "ssh-agent not used: dial unix "+path)
}
