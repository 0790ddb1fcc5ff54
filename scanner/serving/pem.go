package serving

import (
	"bytes"
	"encoding/pem"
	"fmt"

	"kletscan/scanner/evidence"
)

// ParsePEM reads the certificates of a file of the node, such as the
// certificate part of kubelet-server-current.pem, in their order. Nothing is
// kept of a text with a private key in it, not even its certificates: the key
// should have stayed on the node, and that it did not must be heard of.
// The caller sets Path.
func ParsePEM(text []byte) evidence.Attempt {
	attempt := evidence.Attempt{Method: evidence.Disk, Outcome: evidence.Failed}
	switch ders := certificateBlocks(text); {
	case len(text) > byteLimit:
		attempt.Detail = fmt.Sprintf("more than %d KiB: expected a few certificates; nothing was kept", byteLimit>>10)
	case bytes.Contains(text, []byte("PRIVATE KEY")):
		attempt.Detail = "a private key came with the certificates: expected certificates only; nothing was kept"
	case len(ders) == 0:
		attempt.Detail = "no certificate in it: expected PEM"
	default:
		attempt.Outcome = evidence.CertificateSeen
		attempt.Chain, attempt.Sent = chain(ders), len(ders)
	}
	return attempt
}

// certificateBlocks gives the DER of every PEM block that is a certificate.
func certificateBlocks(text []byte) [][]byte {
	var ders [][]byte
	text = text[:min(len(text), byteLimit)]
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return ders
		}
		if block.Type == "CERTIFICATE" {
			ders = append(ders, block.Bytes)
		}
	}
}
