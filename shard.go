package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/urfave/cli/v2"

	"kletscan/inventory"
	"kletscan/report"
)

// shard is the part of an inventory that --shard chooses. The zero value is all
// of it.
type shard struct{ k, n int }

func shardFlag() cli.Flag {
	return &cli.StringFlag{Name: "shard", Usage: "only part `K/N` of the nodes: 1/4, 2/4, 3/4 and 4/4 are all"}
}

func parseShard(c *cli.Context) (s shard, err error) {
	if text := c.String("shard"); text != "" {
		if s.k, s.n, err = report.ParseShard(text); err != nil {
			return s, fmt.Errorf("--shard %w", err)
		}
	}
	return s, nil
}

// String is K/N, and empty for all.
func (s shard) String() string {
	if s.n == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.k, s.n)
}

// of are the nodes that are in the shard. What decides is a node's name alone, so
// that it stays in its shard when others come and go: the first eight bytes of
// its SHA-256, as a number, modulo N, are K-1.
func (s shard) of(nodes []inventory.Node) []inventory.Node {
	if s.n == 0 {
		return nodes
	}
	var part []inventory.Node
	for _, node := range nodes {
		digest := sha256.Sum256([]byte(node.Name))
		if binary.BigEndian.Uint64(digest[:])%uint64(s.n) == uint64(s.k-1) {
			part = append(part, node)
		}
	}
	return part
}
