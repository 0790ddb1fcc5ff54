package scanner_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/scannertest"
)

// One visit's panic is that node's row, with an id by which the same defect is
// known again on other nodes, and without what the node had said.
func TestPanicIsOneRowWithATraceID(t *testing.T) {
	t.Parallel()
	var none []int
	s := scanner.Scanner{Fanout: 3, Resolve: scannertest.Resolve(func(_ context.Context, n inventory.Node) (scanner.Conn, error) {
		switch n.Name {
		case "a", "b":
			_ = none[len(n.Name)]
		case "c":
			panic(errors.New("K3S_TOKEN=secret"))
		}
		return &conn{answers: []string{noKubelet}}, nil
	})}
	results := scannertest.Scan(t.Context(), &s, nodes("a", "b", "c", "d"))
	row := regexp.MustCompile(`^a defect of kletscan, please report it: (.+) at panic_test\.go:\d+, trace ([0-9a-f]{8})$`)
	var said []string
	for _, r := range results[:3] {
		match := row.FindStringSubmatch(r.Error)
		if r.Status != scanner.Internal || match == nil {
			t.Fatalf("%s: got %v %q, want an internal row with a trace id", r.Node.Name, r.Status, r.Error)
		}
		said = append(said, match[2])
	}
	if said[0] != said[1] || said[0] == said[2] {
		t.Errorf("got traces %q, want one id for each defect", said)
	}
	if got := results[0].Error; !strings.Contains(got, "index out of range [1] with length 0") {
		t.Errorf("got %q, want the runtime's own words", got)
	}
	if got := results[2].Error; strings.Contains(got, "secret") || !strings.Contains(got, "a panic with a *errors.errorString") {
		t.Errorf("got %q, want the type of the value and not the value", got)
	}
	if results[3].Status != scanner.NoKubelet {
		t.Errorf("the node after them: got %v %q", results[3].Status, results[3].Error)
	}
}
