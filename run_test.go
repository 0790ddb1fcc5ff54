package main

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/inventory"
)

func TestRedactArguments(t *testing.T) {
	for _, tt := range []struct{ rule, in, want string }{
		{"what is no secret stays", "scan -i nodes.txt -u admin --private-key ~/.ssh/id cp-1", "scan -i nodes.txt -u admin --private-key ~/.ssh/id cp-1"},
		{"the value behind a telling flag", "scan --password hunter2 cp-1", "scan --password (withheld) cp-1"},
		{"the value in a telling flag", "scan --api-token=abc=def cp-1", "scan --api-token=(withheld) cp-1"},
		{"one dash will do", "scan -passphrase x cp-1", "scan -passphrase (withheld) cp-1"},
		{"a value that looks like a flag", "scan --secret --token cp-1", "scan --secret (withheld) cp-1"},
		{"where a secret lies is none", "scan --password-file /run/p cp-1", "scan --password-file /run/p cp-1"},
		{"the password of a URL", "scan -i https://me:pa:ss@cmdb.example/x cp-1", "scan -i https://me:(withheld)@cmdb.example/x cp-1"},
		{"a URL without one", "scan -i https://me@cmdb.example:8443/x", "scan -i https://me@cmdb.example:8443/x"},
		{"a node with a user is no URL", "scan admin@10.0.0.1:22", "scan admin@10.0.0.1:22"},
	} {
		if got := strings.Join(redactArguments(strings.Fields(tt.in)), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.rule, got, tt.want)
		}
	}
}

// The digest is that of the same list in the plain format, whose lines anybody
// can hash.
func TestInventoryDigest(t *testing.T) {
	nodes, err := inventory.Parse(inventory.Source{Name: "x", Text: []byte("# comment\nb   group=x\nadmin@a:22\n")}, "plain")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("b group=x\nadmin@a:22\n")))
	if diff := cmp.Diff(want, inventoryDigest(nodes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if inventoryDigest(nodes[:1]) == want {
		t.Error("another list has the same digest")
	}
}
