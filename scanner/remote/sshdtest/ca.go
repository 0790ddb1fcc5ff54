package sshdtest

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// CA is a certificate authority: its key, which ssh-keygen -s can use as well.
type CA struct{ *Key }

// Cert is what a certificate says. The zero Cert is valid for ever, names
// nobody, and permits what ssh-keygen permits unless it is told otherwise.
type Cert struct {
	Principals      []string          // nil: every host, but no user of TrustedUserCAKeys (sshkey_cert_check_authority in sshkey.c)
	ValidAfter      time.Time         // zero: since ever
	ValidBefore     time.Time         // zero: for ever
	KeyID           string            // "": "sshdtest"
	Serial          uint64            // 0: not numbered
	CriticalOptions map[string]string // such as force-command and source-address
	Extensions      map[string]string // nil: as ssh-keygen for a user, none for a host
}

// SignUser makes the user certificate KEY-cert.pub beside the key.
func (ca CA) SignUser(key *Key, c Cert) *ssh.Certificate {
	ca.t.Helper()
	if c.Extensions == nil { // CERTIFICATES and -O clear in ssh-keygen(1)
		c.Extensions = map[string]string{
			"permit-X11-forwarding": "", "permit-agent-forwarding": "", "permit-port-forwarding": "", "permit-pty": "", "permit-user-rc": "",
		}
	}
	return ca.sign(key, c, ssh.UserCert)
}

// SignHost makes the host certificate KEY-cert.pub beside the key.
func (ca CA) SignHost(key *Key, c Cert) *ssh.Certificate {
	ca.t.Helper()
	return ca.sign(key, c, ssh.HostCert)
}

// KnownHostsLine is the @cert-authority line for hosts that match one of the
// patterns, with its newline. A pattern for another port than 22 is written
// "[PATTERN]:PORT" (SSH_KNOWN_HOSTS FILE FORMAT in sshd(8)).
func (ca CA) KnownHostsLine(patterns ...string) string {
	return "@cert-authority " + strings.Join(patterns, ",") + " " + ca.AuthorizedLine()
}

func (ca CA) sign(key *Key, c Cert, certType uint32) *ssh.Certificate {
	ca.t.Helper()
	cert := &ssh.Certificate{
		Key: key.Public(), CertType: certType, KeyId: c.KeyID, Serial: c.Serial, ValidPrincipals: c.Principals,
		ValidBefore: ssh.CertTimeInfinity,
		Permissions: ssh.Permissions{CriticalOptions: c.CriticalOptions, Extensions: c.Extensions},
	}
	if c.KeyID == "" {
		cert.KeyId = "sshdtest"
	}
	if !c.ValidAfter.IsZero() {
		cert.ValidAfter = uint64(c.ValidAfter.Unix())
	}
	if !c.ValidBefore.IsZero() {
		cert.ValidBefore = uint64(c.ValidBefore.Unix())
	}
	authority := ca.Signer
	if rsa, ok := authority.(ssh.AlgorithmSigner); ok && authority.PublicKey().Type() == ssh.KeyAlgoRSA {
		var err error // ssh-keygen(1), -t: an RSA authority signs by rsa-sha2-512
		if authority, err = ssh.NewSignerWithAlgorithms(rsa, []string{ssh.KeyAlgoRSASHA512}); err != nil {
			ca.t.Fatal(err)
		}
	}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		ca.t.Fatal(err)
	}
	write(ca.t, key.CertPath(), string(ssh.MarshalAuthorizedKey(cert)))
	return cert
}

func readCertificate(path string) (*ssh.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("%s: a %s key, want a certificate", path, key.Type())
	}
	return cert, nil
}
