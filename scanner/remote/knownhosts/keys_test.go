package knownhosts

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner/remote/sshdtest"
)

// tool finds a program of OpenSSH.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, try := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(try); err == nil {
			return path
		}
	}
	sshdtest.Missing(t, name)
	return ""
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	check(t, os.WriteFile(name, []byte(text), 0o600))
}

// load is a DB of one file of that text.
func load(t testing.TB, text string) *DB {
	t.Helper()
	name := filepath.Join(t.TempDir(), "known_hosts")
	write(t, name, text)
	return loadFiles(t, name)
}

func loadFiles(t testing.TB, names ...string) *DB {
	t.Helper()
	db, err := Load(names)
	check(t, err)
	return db
}

// hostKey is a key of a server: plain, or with a certificate.
type hostKey struct {
	private crypto.PrivateKey
	signer  ssh.Signer
	cert    *ssh.Certificate // nil: none
}

func newHostKey(t testing.TB, private crypto.PrivateKey) hostKey {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(private)
	check(t, err)
	return hostKey{private: private, signer: signer}
}

func newED25519(t testing.TB) hostKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	check(t, err)
	return newHostKey(t, private)
}

func newECDSA(t testing.TB) hostKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return newHostKey(t, private)
}

func newRSA(t testing.TB) hostKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	return newHostKey(t, private)
}

// line is the key as a line of known_hosts ends.
func (k hostKey) line() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.signer.PublicKey())))
}

// shown is what the server shows.
func (k hostKey) shown() ssh.PublicKey {
	if k.cert != nil {
		return k.cert
	}
	return k.signer.PublicKey()
}

// pem is the private key as ssh-keygen writes it.
func (k hostKey) pem(t testing.TB) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(k.private, "")
	check(t, err)
	var b bytes.Buffer
	check(t, pem.Encode(&b, block))
	return b.String()
}

// signed is the key with a certificate that ca signed, valid from an hour ago.
func (k hostKey) signed(t testing.TB, ca hostKey, change func(*ssh.Certificate), principals ...string) hostKey {
	t.Helper()
	now := time.Now()
	cert := &ssh.Certificate{
		Key: k.signer.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: principals,
		ValidAfter: uint64(now.Add(-time.Hour).Unix()), ValidBefore: uint64(now.Add(time.Hour).Unix()),
	}
	if change != nil {
		change(cert)
	}
	check(t, cert.SignCert(rand.Reader, ca.signer))
	read, err := ssh.ParsePublicKey(cert.Marshal()) // as it arrives
	check(t, err)
	k.cert = read.(*ssh.Certificate)
	return k
}

// negotiate gives the key that a server with these keys shows to a client that
// offers these algorithms (RFC 4253, section 7.1): sshd shows a plain key also
// where it has a certificate for it. nil: nothing in common.
func negotiate(offer []string, server []hostKey) ssh.PublicKey {
	for _, algorithm := range offer {
		for _, k := range server {
			for _, key := range []ssh.PublicKey{k.shown(), k.signer.PublicKey()} {
				if slices.Contains(offered([]string{key.Type()}), algorithm) {
					return key
				}
			}
		}
	}
	return nil
}

// connect is what a caller does with a DB: it connects, and once more if the
// answer says so. A second connection on which nothing is in common leaves the
// first answer.
func connect(db *DB, h Host, server []hostKey, now time.Time) Answer {
	first := db.Check(h, negotiate(db.Offer(h), server), now)
	if first.Again == nil {
		return first
	}
	again := negotiate(first.Again, server)
	if again == nil {
		return first
	}
	return db.Check(h, again, now)
}
