package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

const secret = "open sesame"

// canSign logs nobody in, but makes and verifies a signature.
func canSign(t *testing.T, o *Offer) {
	t.Helper()
	if len(o.Signers()) != 1 {
		t.Fatalf("got %d signers, want 1: %s", len(o.Signers()), o)
	}
	signer := o.Signers()[0].(ssh.MultiAlgorithmSigner)
	for _, algorithm := range signer.Algorithms() {
		signature, err := signer.SignWithAlgorithm(nil, []byte("data"), algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if err := signer.PublicKey().Verify([]byte("data"), signature); err != nil || signature.Format != algorithm {
			t.Errorf("%s signature: format %q, %v", algorithm, signature.Format, err)
		}
	}
}

// Every format that ssh-keygen and openssl write is read, or its error says
// what to do.
func TestFormats(t *testing.T) {
	t.Parallel()
	keygen := func(args ...string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			run(t, nil, "ssh-keygen", append([]string{"-q", "-C", "", "-f", path}, args...)...)
		}
	}
	openssl := func(args ...string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			run(t, nil, "openssl", append(args, "-out", path)...)
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	legacy := func(cipher string) func(t *testing.T, path string) {
		return openssl("genrsa", "-traditional", "-"+cipher, "-passout", "pass:"+secret)
	}
	for _, test := range []struct {
		name      string
		write     func(t *testing.T, path string)
		encrypted bool
		want      string // of the error. "": it signs
	}{
		{"OpenSSH ed25519", keygen("-N", "", "-t", "ed25519"), false, ""},
		{"OpenSSH ecdsa 256", keygen("-N", "", "-t", "ecdsa", "-b", "256"), false, ""},
		{"OpenSSH ecdsa 384", keygen("-N", "", "-t", "ecdsa", "-b", "384"), false, ""},
		{"OpenSSH ecdsa 521", keygen("-N", "", "-t", "ecdsa", "-b", "521"), false, ""},
		{"OpenSSH RSA", keygen("-N", "", "-t", "rsa", "-b", "2048"), false, ""},
		{"OpenSSH DSA", keygen("-N", "", "-t", "dsa"), false, "key not used: "},
		{"OpenSSH ed25519, encrypted", keygen("-N", secret, "-t", "ed25519"), true, ""},
		{"OpenSSH RSA, encrypted", keygen("-N", secret, "-t", "rsa", "-b", "2048"), true, ""},
		{"OpenSSH ecdsa, aes256-cbc", keygen("-N", secret, "-t", "ecdsa", "-Z", "aes256-cbc"), true, ""},
		{"OpenSSH, a cipher of few", keygen("-N", secret, "-t", "ed25519", "-Z", "aes256-gcm@openssh.com"), true, "add it to ssh-agent (ssh-add "},
		{"PEM RSA", keygen("-N", "", "-t", "rsa", "-b", "2048", "-m", "PEM"), false, ""},
		{"PEM ecdsa", keygen("-N", "", "-t", "ecdsa", "-m", "PEM"), false, ""},
		{"PEM RSA, encrypted", keygen("-N", secret, "-t", "rsa", "-b", "2048", "-m", "PEM"), true, ""},
		{"PEM ecdsa, encrypted", keygen("-N", secret, "-t", "ecdsa", "-m", "PEM"), true, ""},
		{"PKCS#8 RSA", keygen("-N", "", "-t", "rsa", "-b", "2048", "-m", "PKCS8"), false, ""},
		{"PKCS#8 ecdsa", keygen("-N", "", "-t", "ecdsa", "-m", "PKCS8"), false, ""},
		{"PKCS#8 RSA, encrypted", keygen("-N", secret, "-t", "rsa", "-b", "2048", "-m", "PKCS8"), false, "encrypted as PKCS#8: add it to ssh-agent (ssh-add FILE), or rewrite it in OpenSSH's format with ssh-keygen -p -f FILE"},
		{"openssl RSA", openssl("genrsa"), false, ""},
		{"openssl RSA, traditional", openssl("genrsa", "-traditional"), false, ""},
		{"openssl RSA, AES", legacy("aes256"), true, ""},
		{"openssl RSA, 3DES", legacy("des3"), true, ""},
		{"openssl RSA, Camellia", legacy("camellia256"), true, "wrong passphrase, or not a private key that kletscan can read"},
		{"openssl EC with its parameters before it", openssl("ecparam", "-name", "prime256v1", "-genkey"), false, ""},
		{"openssl ed25519", openssl("genpkey", "-algorithm", "ed25519"), false, ""},
		{"openssl ed25519, encrypted", openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:"+secret), false, "encrypted as PKCS#8"},
		{"openssl X25519", openssl("genpkey", "-algorithm", "x25519"), false, "not a private key that kletscan can read"},
		{"openssl secp256k1", openssl("ecparam", "-name", "secp256k1", "-genkey"), false, "not a private key that kletscan can read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "key")
			test.write(t, path)
			os.Remove(path + ".pub") // the key must do without
			asked := 0
			r := newRing(t, Options{Ask: func(file string) ([]byte, error) {
				asked++
				if file != path {
					t.Errorf("asked for %q, want %q", file, path)
				}
				return []byte(secret), nil
			}})
			w := Wanted{Files: []string{path}}
			_, err := r.Prepare([]Wanted{w}, w.Files, false)
			if test.encrypted != (asked == 1) || asked > 1 {
				t.Errorf("asked %d times for a passphrase, encrypted: %t", asked, test.encrypted)
			}
			if test.want != "" {
				_, err := r.Prepare([]Wanted{w}, nil, false)
				wantError(t, err, test.want, path)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			canSign(t, r.Offer(w))
		})
	}
}

// The way out that the error names is one.
func TestPKCS8CanBeRewritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	run(t, nil, "ssh-keygen", "-q", "-t", "ecdsa", "-N", secret, "-m", "PKCS8", "-f", path)
	run(t, nil, "ssh-keygen", "-p", "-P", secret, "-N", secret, "-f", path)
	r := newRing(t, Options{Ask: func(string) ([]byte, error) { return []byte(secret), nil }})
	w := Wanted{Files: []string{path}}
	if _, err := r.Prepare([]Wanted{w}, w.Files, false); err != nil {
		t.Fatal(err)
	}
	canSign(t, r.Offer(w))
}

func TestUnusableFiles(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	file := func(name, text string) string {
		write(t, b.path(name), []byte(text))
		return b.path(name)
	}
	open := b.file("open", "")
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, path, want string }{
		{"missing", b.path("missing"), "private key: open " + b.path("missing") + ": "},
		{"empty", file("empty", ""), "not a private key: no key found"},
		{"text", file("text", "hello\n"), "not a private key: no key found"},
		{"damaged", file("damaged", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"), "not a private key that kletscan can read: invalid openssh private key format"},
		{"a certificate of TLS", file("tls", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "not a private key: no key found"},
		{"a public key", b.public("public"), "a public key, and the agent does not hold its private half"},
		{"PuTTY", file("ppk", "PuTTY-User-Key-File-3: ssh-ed25519\n"), "a PuTTY key: convert it with puttygen FILE -O private-openssh -o NEWFILE"},
		{"ssh.com", file("com", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n"), "ssh-keygen -i -f FILE"},
		{"SSH version 1", file("v1", "SSH PRIVATE KEY FILE FORMAT 1.1\n\x00"), "a key for SSH version 1"},
		{"too large", file("large", strings.Repeat("x", maxFile+1)), "not a key file: larger than 1024 KiB"},
		{"a directory", b.dir, "not a regular file"},
		{"others may read it", open, "others may read this private key (mode 0640), so ssh refuses it too: chmod 600 " + open},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && test.path == open {
				t.Skip("the mode of a file says nothing on Windows")
			}
			w := Wanted{Files: []string{test.path}}
			_, err := newRing(t, Options{}).Prepare([]Wanted{w}, w.Files, true)
			wantError(t, err, "private key: ", test.path, test.want)
		})
	}
	t.Run("the agent signs for a file that others may read", func(t *testing.T) {
		o := newRing(t, Options{}).Offer(Wanted{Files: []string{open}, Agent: b.inAgent("open"), IdentitiesOnly: true})
		canSign(t, o)
	})
}

// securityKey makes a key file as ssh-keygen -t ed25519-sk does, and the
// public key of the token.
func securityKey(t testing.TB) (text []byte, token ed25519.PrivateKey, public ssh.PublicKey) {
	t.Helper()
	_, token, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	blob := ssh.Marshal(struct {
		Type, Key, Application string
	}{ssh.KeyAlgoSKED25519, string(token.Public().(ed25519.PublicKey)), "ssh:"})
	if public, err = ssh.ParsePublicKey(blob); err != nil {
		t.Fatal(err)
	}
	private := ssh.Marshal(struct {
		Check1, Check2               uint32
		Type, Key, Application       string
		Flags                        uint8
		Handle, Reserved, Commentary string
	}{1, 1, ssh.KeyAlgoSKED25519, string(token.Public().(ed25519.PublicKey)), "ssh:", 1, strings.Repeat("h", 64), "", ""})
	for i := byte(1); len(private)%8 != 0; i++ {
		private = append(private, i)
	}
	container := append([]byte("openssh-key-v1\x00"), ssh.Marshal(struct {
		Cipher, KDF, Options string
		Keys                 uint32
		Public, Private      []byte
	}{"none", "none", "", 1, blob, private})...)
	return pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: container}), token, public
}

func TestSecurityKeyFile(t *testing.T) {
	t.Parallel()
	text, _, public := securityKey(t)
	path := filepath.Join(t.TempDir(), "id_ed25519_sk")
	write(t, path, text)
	if got := run(t, nil, "ssh-keygen", "-y", "-f", path); !strings.HasPrefix(got, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))) {
		t.Fatalf("the test's file is not one for OpenSSH: it reads %q", got)
	}
	file := readKey(path)
	if !sameKey(file.public, public) {
		t.Error("the public half is not found: it names the agent's key")
	}
	wantError(t, file.err, path+": a key on a security key (FIDO), which only an agent can use: add it to ssh-agent (ssh-add FILE)")
}

func TestPassphrases(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	locked := b.file("locked", secret)
	never := func(string) ([]byte, error) {
		t.Error("asked for a passphrase")
		return nil, errors.New("no")
	}
	say := func(words string, err error) func(string) ([]byte, error) {
		return func(string) ([]byte, error) { return []byte(words), err }
	}
	for _, test := range []struct {
		name string
		w    Wanted
		ask  func(string) ([]byte, error)
		want string // of the error of Prepare
	}{
		{"nobody to ask", Wanted{Files: []string{locked}}, nil, locked + ": encrypted: add it to ssh-agent (ssh-add FILE), or run in a terminal"},
		{"wrong", Wanted{Files: []string{locked}}, say("wrong", nil), locked + ": wrong passphrase"},
		{"interrupted", Wanted{Files: []string{locked}}, say("", errors.New("interrupted")), locked + ": no passphrase: interrupted"},
		{"none", Wanted{Files: []string{locked}}, say("", nil), locked + ": no passphrase given"},
		{"right", Wanted{Files: []string{locked}}, say(secret, nil), ""},
		{"not for a key that the agent holds", Wanted{Files: []string{locked}, Agent: b.inAgent("locked")}, never, ""},
		{"not for a default file where another key works", Wanted{Defaults: []string{b.file("d", ""), locked}}, never, ""},
		{"not for a default file where the agent has a key", Wanted{Defaults: []string{locked}, Agent: b.inAgent("x")}, never, ""},
		{"for a default file where nothing else works", Wanted{Defaults: []string{locked}}, say(secret, nil), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRing(t, Options{Ask: test.ask})
			_, err := r.Prepare([]Wanted{test.w}, nil, false)
			if test.want != "" {
				wantError(t, err, test.want)
			} else if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAskedOncePerFileAndWiped(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	one, two := b.file("one", secret), b.file("two", secret)
	var asked []string
	var given [][]byte
	r := newRing(t, Options{Ask: func(file string) ([]byte, error) {
		asked, given = append(asked, file), append(given, []byte(secret))
		return given[len(given)-1], nil
	}})
	before := Wanted{Files: []string{one}}
	if got := len(r.Offer(before).Signers()); got != 0 {
		t.Fatalf("%d keys before the passphrase", got)
	}
	wanted := []Wanted{before, before, {Files: []string{two, one}}, {Defaults: []string{one}}}
	for range 2 {
		if warnings, err := r.Prepare(wanted, []string{one}, false); err != nil || len(warnings) > 0 {
			t.Fatal(warnings, err)
		}
	}
	if diff := cmp.Diff([]string{one, two}, asked); diff != "" {
		t.Errorf("asked for (-want +got)\n%s", diff)
	}
	for _, passphrase := range given {
		if !bytes.Equal(passphrase, make([]byte, len(secret))) {
			t.Errorf("the passphrase is still there: %q", passphrase)
		}
	}
	canSign(t, r.Offer(before))
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	locked, good := b.file("locked", secret), b.file("good", "")
	nobody := filepath.Join(b.dir, "no agent")
	for _, test := range []struct {
		name     string
		wanted   []Wanted
		required []string
		more     bool
		warnings []string // parts of each
		err      string
	}{
		{"nothing at all", []Wanted{{}}, nil, false, nil, "no key to log in with: no agent (SSH_AUTH_SOCK is not set); name one with --private-key FILE"},
		{"nothing yet", nil, nil, true, nil, ""},
		{"no default file", []Wanted{{Defaults: []string{b.path("id_x"), b.path("id_y")}}}, nil, false, nil, "and no usable key file among " + b.path("id_x") + ", " + b.path("id_y") + "; name one"},
		{"an encrypted default file", []Wanted{{Defaults: []string{locked}}}, nil, false, nil, "(key not used: " + locked + ": encrypted"},
		{"a named file that does not work is a warning, once", []Wanted{{Files: []string{locked, good}}, {Files: []string{locked, good}, MinRSA: 1}}, nil, false, []string{"key not used: " + locked + ": encrypted"}, ""},
		{"a required file that does not work is an error", []Wanted{{Files: []string{locked, good}}}, []string{locked}, false, nil, "private key: " + locked + ": encrypted"},
		{"a required file that no login names yet", nil, []string{locked}, true, nil, "private key: " + locked + ": encrypted"},
		{"a required file that works with one agent", []Wanted{{Files: []string{locked}}, {Files: []string{locked}, Agent: b.inAgent("locked")}}, []string{locked}, false, nil, ""},
		{"a required key that settings exclude", []Wanted{{Files: []string{good}, Algorithms: []string{"rsa-sha2-512"}}}, []string{good}, false, nil, "no signature that it makes is allowed"},
		{"an agent that is not there is a warning", []Wanted{{Files: []string{good}, Agent: nobody}}, nil, false, []string{"ssh-agent not used: dial unix " + nobody}, ""},
		{"and with nothing else an error", []Wanted{{Agent: nobody}}, nil, false, nil, "no key to log in with: no key in the agent at " + nobody},
	} {
		t.Run(test.name, func(t *testing.T) {
			warnings, err := newRing(t, Options{}).Prepare(test.wanted, test.required, test.more)
			if test.err != "" {
				wantError(t, err, test.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(warnings) != len(test.warnings) {
				t.Fatalf("got warnings %q, want %q", warnings, test.warnings)
			}
			for i, want := range test.warnings {
				wantText(t, warnings[i], want)
			}
		})
	}
}

func FuzzParseKey(f *testing.F) {
	b := newBox(f)
	plain, err := os.ReadFile(b.file("a", ""))
	if err != nil {
		f.Fatal(err)
	}
	locked, err := os.ReadFile(b.file("b", secret))
	if err != nil {
		f.Fatal(err)
	}
	sk, _, _ := securityKey(f)
	for _, seed := range [][]byte{
		plain, locked, sk, ssh.MarshalAuthorizedKey(b.key("a").PublicKey()), ssh.MarshalAuthorizedKey(b.cert("a", nil)),
		append([]byte("-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n"), plain...),
		[]byte("PuTTY-User-Key-File-2: "), []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
		[]byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := parseKey(bytes.Clone(text))
		if (file.signer == nil) != (file.err != nil) {
			t.Errorf("signer %v, error %v: want one of them", file.signer, file.err)
		}
		if file.signer != nil && !sameKey(file.signer.PublicKey(), file.public) {
			t.Error("the public half is of another key")
		}
		if file.encrypted && file.signer != nil {
			t.Error("encrypted, and yet it signs")
		}
		if file.err != nil && strings.ContainsAny(file.err.Error(), "\n\r\x1b") {
			t.Errorf("the error is not one plain line: %q", file.err)
		}
	})
}
