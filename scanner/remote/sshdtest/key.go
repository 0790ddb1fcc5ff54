package sshdtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// kinds are the kinds of key that [Home.Key] makes.
var kinds = []struct {
	name string
	make func(file string) (crypto.Signer, error)
}{
	{"ed25519", func(string) (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}},
	{"ecdsa-256", func(string) (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }},
	{"ecdsa-384", func(string) (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }},
	{"ecdsa-521", func(string) (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) }},
	{"rsa-2048", cachedRSA},
}

// rsaKeys is the one thing that outlives a test: an RSA key takes a hundred
// times longer to make than any other.
var rsaKeys sync.Map // file name -> func() (*rsa.PrivateKey, error)

func cachedRSA(file string) (crypto.Signer, error) {
	generate := sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	cached, _ := rsaKeys.LoadOrStore(file, generate)
	return cached.(func() (*rsa.PrivateKey, error))()
}

// Key is a key pair in files as ssh-keygen writes them.
type Key struct {
	Path       string // the private key; the public key is in Path.pub
	Passphrase string // "": the private key is not encrypted
	Signer     ssh.Signer
	Private    crypto.Signer

	t testing.TB
}

// Key makes the key pair .ssh/NAME and .ssh/NAME.pub of kind ed25519,
// ecdsa-256, ecdsa-384, ecdsa-521 or rsa-2048, encrypted unless passphrase is
// empty. RSA keys of the same name are the same key in every test of the
// process, since they take long to make.
func (h *Home) Key(name, kind, passphrase string) *Key {
	h.t.Helper()
	for _, k := range kinds {
		if k.name != kind {
			continue
		}
		private, err := k.make(name)
		if err != nil {
			h.t.Fatal(err)
		}
		return h.writeKey(name, passphrase, private)
	}
	h.t.Fatalf("key %s: there is no kind %q; use one of ed25519, ecdsa-256, ecdsa-384, ecdsa-521 and rsa-2048", name, kind)
	return nil
}

func (h *Home) writeKey(name, passphrase string, private crypto.Signer) *Key {
	h.t.Helper()
	signer, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		h.t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, name)
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, name, []byte(passphrase))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	k := &Key{Path: h.Path(name), Passphrase: passphrase, Signer: signer, Private: private, t: h.t}
	h.Write(name, string(pem.EncodeToMemory(block)))
	h.Write(name+".pub", k.AuthorizedLine())
	return k
}

// Public is the public key.
func (k *Key) Public() ssh.PublicKey { return k.Signer.PublicKey() }

// AuthorizedLine is the line of the key in authorized_keys, with its newline.
func (k *Key) AuthorizedLine() string { return string(ssh.MarshalAuthorizedKey(k.Public())) }

// Fingerprint is the SHA-256 fingerprint as ssh-keygen -l shows it.
func (k *Key) Fingerprint() string { return ssh.FingerprintSHA256(k.Public()) }

// CertPath is where the key's certificate is, once a [CA] made one.
func (k *Key) CertPath() string { return k.Path + "-cert.pub" }

// Certificate reads the file at CertPath, whoever wrote it.
func (k *Key) Certificate() *ssh.Certificate {
	k.t.Helper()
	cert, err := readCertificate(k.CertPath())
	if err != nil {
		k.t.Fatal(fmt.Errorf("read the certificate: %w", err))
	}
	return cert
}
