package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/fixtures"
	"kletscan/scanner/remote"
)

func demoCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "scan a fleet in a box: no cluster, no root, nothing left behind",
		Description: `Starts SSH servers on this machine that answer like real nodes, scans them with
the real scanner over real SSH, prints the table, and removes everything again.

Examples:
   kletscan demo
   kletscan demo --nodes 500 -o table -o csv=demo.csv` + exitStatus,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "nodes", Usage: "a fleet of `N` nodes; 0 for one of each kind"},
			&cli.DurationFlag{Name: "patience", Value: 5 * time.Second, Usage: "how long to wait for the nodes that never answer"},
		}, slices.Concat(outputFlags(), profileFlags())...),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			o, err := parseDemo(c)
			if err != nil {
				return usageError(err)
			}
			return profiled(c, func() error { return runDemo(c.Context, o, c.Int("nodes"), c.Duration("patience"), t) })
		},
	}
}

func parseDemo(c *cli.Context) (o scanOptions, err error) {
	if c.Args().Present() {
		return o, fmt.Errorf("%q: demo takes no nodes, it brings its own", c.Args().First())
	}
	if n := c.Int("nodes"); n < 0 || n > 5000 {
		return o, fmt.Errorf("--nodes %d: expected a number from 1 to 5000", n)
	}
	if _, err := positive(c, "patience"); err != nil {
		return o, err
	}
	o.outputOptions, err = parseOutputFlags(c)
	return o, err
}

// runDemo starts the fleet and scans it as scan would, from files as an
// operator has them.
func runDemo(ctx context.Context, o scanOptions, count int, patience time.Duration, t terminal) (err error) {
	nodes, err := fixtures.Nodes()
	if err != nil {
		return err
	}
	if count > 0 {
		nodes = fixtures.Replicate(nodes, count)
	}
	fleet, err := fixtures.Start(ctx, nodes, fixtures.Options{})
	if err != nil {
		return err
	}
	defer fleet.Close()
	dir, err := os.MkdirTemp("", "kletscan-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := fleet.WriteFiles(dir); err != nil {
		return err
	}
	t.say(fmt.Sprintf("demo: %d nodes on this machine's loopback, each an SSH server that answers like a real one; nothing leaves it", len(nodes)))
	t.say("demo: rotation is what the running kubelet really does; cis 1.5.1 4.2.12 is what the letter of the written rule would say")
	o.sources = []string{filepath.Join(dir, "inventory")}
	o.fanout = 8 // the nodes run on this machine, too
	o.nodeTimeout = 3 * patience
	o.serving = true
	o.ssh = remote.Config{
		Home:           dir,
		LocalUser:      "demo",
		SSHConfigFile:  filepath.Join(dir, "ssh_config"),
		ConnectTimeout: patience,
		CommandTimeout: patience,
	}
	return runScan(ctx, o, t)
}
