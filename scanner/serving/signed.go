package serving

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"kletscan/scanner/evidence"
)

// Signed says whether a CA signed a certificate. The zero value: not known.
type Signed uint8

const (
	SignedUnknown Signed = iota // a certificate, or the CA, is missing or cannot be read, or the signature is of a kind not checked here
	SignedYes
	SignedNo
)

var signedNames = [...]string{"unknown", "yes", "no"}

func (s Signed) String() string {
	if int(s) < len(signedNames) {
		return signedNames[s]
	}
	return fmt.Sprintf("Signed(%d)", uint8(s))
}

const (
	caLimit  = 64   // certificates of one CA file
	rsaLimit = 8192 // bits of a key that is checked, as in crypto/tls
)

// SignedBy says whether one of the CAs in a PEM file of the node, such as
// /etc/kubernetes/pki/ca.crt, signed the first certificate of a chain, directly
// or through others of the chain. It is a question of signatures only: dates,
// names and usages are not looked at, so an expired certificate may well be
// signed.
//
// SignedNo is about this file. A cluster may have its kubelets' serving
// certificates signed by another CA. why is one line, and empty with SignedYes.
func SignedBy(chain []evidence.Certificate, ca []byte) (signed Signed, why string) {
	cas := parseAll(certificateBlocks(ca))
	switch {
	case len(chain) == 0:
		return SignedUnknown, "no certificate was seen"
	case len(ca) > byteLimit || len(cas) > caLimit:
		return SignedUnknown, fmt.Sprintf("the CA file is too long: expected at most %d KiB and %d certificates", byteLimit>>10, caLimit)
	case len(cas) == 0:
		return SignedUnknown, "no certificate in the CA file that can be read: expected PEM"
	}
	var ders [][]byte
	for _, cert := range chain[:min(len(chain), chainLimit)] {
		ders = append(ders, cert.DER)
	}
	leaf, err := x509.ParseCertificate(ders[0])
	if err != nil {
		return SignedUnknown, "the certificate cannot be read: " + line(err.Error())
	}
	return walk(leaf, parseAll(ders[1:]), cas)
}

// walk goes from a certificate to its issuer among the rest of the chain, until
// one of the CAs is the issuer.
func walk(cert *x509.Certificate, rest, cas []*x509.Certificate) (Signed, string) {
	for {
		var unsure error
		for _, ca := range cas {
			switch err := checkSignature(cert, ca); {
			case err == nil:
				return SignedYes, ""
			case !errors.Is(err, errNotIssuer):
				unsure = err
			}
		}
		next := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return checkSignature(cert, c) == nil })
		switch {
		case next >= 0:
			cert, rest = rest[next], slices.Delete(slices.Clone(rest), next, next+1)
		case unsure != nil:
			return SignedUnknown, line(unsure.Error())
		default:
			return SignedNo, fmt.Sprintf("issued by %q, which the CA file does not have the key of", fact(cert.Issuer.CommonName))
		}
	}
}

var errNotIssuer = errors.New("not the issuer")

// checkSignature gives nil if issuer signed cert, errNotIssuer if it did not,
// and another error if that cannot be told.
func checkSignature(cert, issuer *x509.Certificate) error {
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
		return errNotIssuer
	}
	if key, ok := issuer.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > rsaLimit {
		return fmt.Errorf("the CA's RSA key has %d bits: expected at most %d", key.N.BitLen(), rsaLimit)
	}
	err := cert.CheckSignatureFrom(issuer)
	var insecure x509.InsecureAlgorithmError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &insecure), errors.Is(err, x509.ErrUnsupportedAlgorithm):
		return fmt.Errorf("the signature is not checked: %w", err)
	}
	return errNotIssuer
}

// parseAll leaves out what cannot be parsed.
func parseAll(ders [][]byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, der := range ders {
		if cert, err := x509.ParseCertificate(der); err == nil {
			certs = append(certs, cert)
		}
	}
	return certs
}
