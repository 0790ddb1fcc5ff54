package scanner_test

import (
	"context"
	"fmt"
	"testing"

	"kletscan/fixtures"
	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/probe"
)

type devConn struct{ n fixtures.Node }

func (d devConn) Close() error { return nil }
func (d devConn) Exec(ctx context.Context, command, stdin string) (probe.Output, error) {
	o, err := d.n.Exec(ctx, command, stdin)
	for _, v := range o.Violations {
		fmt.Println("VIOLATION", d.n.Name, v)
	}
	return probe.Output{Stdout: o.Stdout, Stderr: o.Stderr, ExitCode: o.Status}, err
}

func TestDev(t *testing.T) {
	all, err := fixtures.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		if n.Fault != "" {
			continue
		}
		s := scanner.Scanner{Dial: func(context.Context, inventory.Node) (scanner.Conn, error) { return devConn{n}, nil }}
		r := s.Scan(t.Context(), []inventory.Node{{Name: n.Name}}, nil)[0]
		w := n.Want
		got := fmt.Sprint(r.Status, " ", r.Verdict.Rotation, " ", r.Verdict.Conditions, " ", r.Verdict.Distro, " ", r.Verdict.Version)
		want := fmt.Sprint(w.Status, " ", w.Rotation, " ", w.Conditions, " ", w.Distro, " ", w.Version)
		mark := "  "
		if r.Status.String() != w.Status || w.Status == "ok" && (r.Verdict.Rotation.String() != w.Rotation || fmt.Sprint(r.Verdict.Conditions) != fmt.Sprint(w.Conditions)) {
			mark = "XX"
		}
		fmt.Printf("%s %-22s got %-50s want %s\n     %s %s | %s\n", mark, n.Name, got, want, r.Error, r.Verdict.Why, r.Verdict.Source)
	}
}
