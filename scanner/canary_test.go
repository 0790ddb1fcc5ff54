package scanner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"kletscan/fixtures"
	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/evidence"
	"kletscan/scanner/scannertest"
)

// Every private key of the fixture nodes is a canary. With forwarding refused
// everywhere each certificate is asked for on the node, from openssl and from
// the files that hold the key as well: no byte of a key may be in what the node
// sends, nor in what is kept of it.
func TestNoPrivateKeyLeavesANode(t *testing.T) {
	nodes, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	fromDisk, fromOpenSSL := 0, 0
	for _, node := range nodes {
		if node.Fault != "" {
			continue
		}
		conn := nodeConn{t: t, node: node, said: new(bytes.Buffer)}
		s := scanner.Scanner{
			Serving: true,
			Resolve: scannertest.Resolve(func(context.Context, inventory.Node) (scanner.Conn, error) { return conn, nil }),
			Keep: func(r *scanner.Result, ev *evidence.Evidence) {
				kept, err := json.Marshal(scanner.NewRecord("test", *r, ev))
				if err != nil {
					t.Error(err)
				}
				if strings.Contains(string(kept), fixtures.CanaryKey) {
					t.Errorf("%s: a private key is kept", node.Name)
				}
				if ev == nil || ev.Serving == nil {
					return
				}
				for _, a := range ev.Serving.Attempts {
					switch {
					case a.Outcome != evidence.CertificateSeen:
					case a.Method == evidence.Disk:
						fromDisk++
					case a.Method == evidence.OpenSSL:
						fromOpenSSL++
					}
				}
			},
		}
		scannertest.Scan(t.Context(), &s, []inventory.Node{{Name: node.Name, Host: node.Name}})
		if strings.Contains(conn.said.String(), fixtures.CanaryKey) {
			t.Errorf("%s: a private key left the node", node.Name)
		}
	}
	if fromDisk < 10 || fromOpenSSL < 10 {
		t.Errorf("%d certificates from disk, %d by openssl: expected many of both, or this proves nothing", fromDisk, fromOpenSSL)
	}
}
