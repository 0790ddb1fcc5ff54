package remote

import (
	"context"
	"fmt"
	"strings"

	"kletscan/inventory"
	"kletscan/scanner/remote/knownhosts"
)

// Way is what a Dialer would do to reach a node.
type Way struct {
	Address      string   // host:port
	User         string   //
	Identities   []string // the keys that would be offered, in order
	Jump         []string // user@host:port of each jump host, the first to connect to first
	ProxyCommand string   // instead of jump hosts; empty: none
	KnownHosts   []string // the files that are consulted
	HostKey      string   // what is on file there, in words
	Policy       string   // strict or accept-new
	Problem      string   // why it would not be dialled; empty: it would
}

// Way says what Dial would do, without connecting to anything but the agent.
func (d *Dialer) Way(ctx context.Context, node inventory.Node) Way {
	t, err := d.target(ctx, node)
	if err != nil {
		return Way{Problem: err.Error()}
	}
	w := Way{
		Address: t.address(), User: t.user, ProxyCommand: t.proxyCommand,
		KnownHosts: t.hostKeyFiles, Policy: t.policy.String(),
	}
	for _, signer := range d.keys.Offer(t.keys).Signers() {
		w.Identities = append(w.Identities, knownhosts.Fingerprint(signer.PublicKey()))
	}
	for hop := t.via; hop != nil; hop = hop.via {
		w.Jump = append([]string{hop.String()}, w.Jump...)
	}
	known, err := d.hostKeys.load(t.hostKeyFiles)
	if err != nil {
		w.Problem = err.Error()
		return w
	}
	w.HostKey = onFile(known.OnFile(t.hostKey))
	return w
}

// onFile puts the lines for a host into words.
func onFile(lines []knownhosts.Line) string {
	if len(lines) == 0 {
		return "not on file"
	}
	var parts []string
	for _, line := range lines {
		what := line.Fingerprint()
		switch line.Marker {
		case knownhosts.CertAuthority:
			what = "authority " + what
		case knownhosts.RevokedKey:
			what = "revoked " + what
		}
		parts = append(parts, fmt.Sprintf("%s at %s", what, line))
	}
	return strings.Join(parts, ", ")
}
