package serving

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"

	"kletscan/scanner/evidence"
)

// Certificate works out the facts of one certificate from its DER. What
// crypto/x509 cannot read is not lost: it is Unparsable, and has its
// fingerprint.
func Certificate(der []byte) evidence.Certificate {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		c := unparsed(der)
		c.Unparsable = line(err.Error())
		return c
	}
	return parsed(cert)
}

// unparsed is what can be said of any certificate.
func unparsed(der []byte) evidence.Certificate {
	sum := sha256.Sum256(der)
	c := evidence.Certificate{SHA256: hex.EncodeToString(sum[:])}
	if len(der) <= derLimit {
		c.DER = bytes.Clone(der)
	}
	return c
}

// parsed is Certificate for one that was parsed already.
func parsed(cert *x509.Certificate) evidence.Certificate {
	c := unparsed(cert.Raw)
	c.Subject = evidence.Name{CommonName: fact(cert.Subject.CommonName), Organization: facts(cert.Subject.Organization, listLimit)}
	c.Issuer = evidence.Name{CommonName: fact(cert.Issuer.CommonName), Organization: facts(cert.Issuer.Organization, listLimit)}
	c.SelfIssued = bytes.Equal(cert.RawSubject, cert.RawIssuer)
	c.IsCA = cert.BasicConstraintsValid && cert.IsCA
	c.Serial = fact(cert.SerialNumber.Text(16))
	c.NotBefore, c.NotAfter = cert.NotBefore.Unix(), cert.NotAfter.Unix()
	c.DNSNames = facts(cert.DNSNames, nameLimit)
	for _, ip := range cert.IPAddresses[:min(len(cert.IPAddresses), nameLimit)] {
		c.IPAddresses = append(c.IPAddresses, ip.String())
	}
	c.SANs = len(cert.DNSNames) + len(cert.IPAddresses)
	c.KeyType, c.KeyBits = publicKey(cert)
	c.ExtKeyUsages = extKeyUsages(cert)
	return c
}

func publicKey(cert *x509.Certificate) (kind string, bits int) {
	if cert.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm {
		kind = cert.PublicKeyAlgorithm.String()
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		bits = key.N.BitLen()
	case *ecdsa.PublicKey:
		bits = key.Params().BitSize
	case ed25519.PublicKey:
		bits = 8 * len(key)
	}
	return kind, bits
}

func extKeyUsages(cert *x509.Certificate) []string {
	var usages []string
	for _, usage := range cert.ExtKeyUsage {
		usages = append(usages, usage.String())
	}
	for _, oid := range cert.UnknownExtKeyUsage {
		usages = append(usages, oid.String())
	}
	return facts(usages, listLimit)
}

// chain is Certificate for the beginning of a chain.
func chain(ders [][]byte) []evidence.Certificate {
	certs := make([]evidence.Certificate, min(len(ders), chainLimit))
	for i := range certs {
		certs[i] = Certificate(ders[i])
	}
	return certs
}
