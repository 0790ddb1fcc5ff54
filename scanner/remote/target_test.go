package remote

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"kletscan/inventory"
)

func TestKeyscanAdvice(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	write(t, h.path("config"), "Host aliased\n HostName 10.0.0.2\n HostKeyAlias \"node/1&'x\"\nHost far\n ProxyJump one,me@two:2200,three\n")
	file := h.path("known_hosts")
	for _, tt := range []struct{ rule, host, show, add string }{
		{"plain", "10.0.0.1", "ssh-keyscan -p 2222 10.0.0.1", "ssh-keyscan -p 2222 10.0.0.1"},
		{"an alias is what is looked up", "aliased", "ssh-keyscan -p 2222 10.0.0.2", `ssh-keyscan -p 2222 10.0.0.2 | sed 's/^[^ ]*/node\/1\&'\''x/'`},
		{"all jump hosts", "far", "ssh -J local@one:22,me@two:2200 ssh://local@three:22 ssh-keyscan -p 2222 far", "ssh -J local@one:22,me@two:2200 ssh://local@three:22 ssh-keyscan -p 2222 far"},
	} {
		cfg := h.config()
		cfg.KnownHosts = []string{file}
		target, err := newDialer(t, cfg).target(t.Context(), inventory.Node{Host: tt.host, Port: 2222})
		if err != nil {
			t.Fatal(err)
		}
		want := tt.show + " | ssh-keygen -lf - shows its fingerprints, " + tt.add + " >> " + file + " adds it"
		if got := target.keyscan(); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.rule, got, want)
		}
	}
}

// What sed makes of the advice is a line for the alias.
func TestKeyscanAdviceInAShell(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	write(t, h.path("config"), "Host aliased\n HostKeyAlias \"node/1&'x\"\n")
	target, err := newDialer(t, h.config()).target(t.Context(), inventory.Node{Host: "aliased"})
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(target.keyscan(), " shows its fingerprints, ssh-keyscan aliased |")
	command, _, _ := strings.Cut(after, " >> ")
	sed := exec.Command("sh", "-c", "printf 'aliased ssh-ed25519 AAAA\\n' | "+command)
	if out, err := sed.CombinedOutput(); err != nil || string(out) != "node/1&'x ssh-ed25519 AAAA\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// A Dialer keeps nothing of the nodes that it is told of, nor of those that it
// has resolved, beyond what names keeps. Not parallel: it looks at the heap.
func TestDialerKeepsNothingOfTheFleet(t *testing.T) {
	const fleet = 20_000
	h := newHome(t)
	write(t, h.path("config"), "Host bastion\n IdentityFile ~/.ssh/id_ed25519\nHost 10.*\n ProxyJump bastion\n")
	cfg := h.config()
	for i := range fleet {
		cfg.Nodes = append(cfg.Nodes, inventory.Node{Host: fmt.Sprintf("10.%d.%d.1", i/250, i%250)})
	}
	newDialer(t, cfg) // what is made once for all
	before := heap()
	d := newDialer(t, cfg)
	for _, node := range cfg.Nodes {
		if _, err := d.Resolve(t.Context(), node); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > fleet*10 {
		t.Errorf("the heap has grown by %d bytes, want less than 10 for each of %d nodes", grown, fleet)
	}
	if len(d.vias) != 1 || len(cfg.Nodes) != fleet {
		t.Errorf("%d jump hosts kept, want 1", len(d.vias))
	}
}
