// Package scannertest helps tests of, and with, package scanner.
package scannertest

import (
	"context"

	"kletscan/inventory"
	"kletscan/scanner"
)

// DialFunc opens and logs in in one step.
type DialFunc func(context.Context, inventory.Node) (scanner.Conn, error)

// Resolve is a scanner.ResolveFunc of Targets that dial runs in their Login.
func Resolve(dial DialFunc) scanner.ResolveFunc {
	return func(_ context.Context, node inventory.Node) (scanner.Target, error) {
		return target{dial: dial, node: node}, nil
	}
}

// target is also its own Link.
type target struct {
	dial DialFunc
	node inventory.Node
}

func (t target) Shares() []scanner.Share                    { return nil }
func (t target) Dial(context.Context) (scanner.Link, error) { return t, nil }
func (t target) Close() error                               { return nil }

func (t target) Login(ctx context.Context) (scanner.Conn, error) { return t.dial(ctx, t.node) }

// Scan is the Results of s in the order of nodes.
func Scan(ctx context.Context, s *scanner.Scanner, nodes []inventory.Node) []scanner.Result {
	results := make([]scanner.Result, len(nodes))
	s.Scan(ctx, nodes, func(i int, r scanner.Result) { results[i] = r })
	return results
}
