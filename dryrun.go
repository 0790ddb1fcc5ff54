package main

import (
	"context"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner/probe"
	"kletscan/scanner/remote"
)

func inventoryCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "inventory",
		Usage:     "print the nodes that would be scanned, and with --resolve what SSH would do for each; connects to none",
		ArgsUsage: "[NODE ...]",
		Description: `Nodes are named as for scan. With --resolve each is looked up in ssh_config and known_hosts
as ssh itself would: where it would connect, as whom, with which keys, through which jump
hosts, and what is on file of its host key. A Match exec in ssh_config runs its command.

Examples:
   kletscan inventory -i nodes.txt
   kletscan inventory -i nodes.txt --resolve -o json` + patternHelp + `

EXIT STATUS
   0    printed; with --resolve every node could be dialled
   1    internal or I/O error
   2    the command line, the inventory or the SSH configuration is wrong
   4    with --resolve: some node would not be dialled, its PROBLEM says why`,
		Flags: slices.Concat(sourceFlags(), selectionFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "resolve", Usage: "say what SSH would do for each node"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Usage: "`WORD` is table or json"},
		}, sshFlags()),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			o, err := parseInventoryFlags(c, t)
			if err != nil {
				return usageError(err)
			}
			if err := o.checkNames(); err != nil {
				return usageError(err)
			}
			asJSON, err := parseChoice(c, "output", "json", "table")
			if err != nil {
				return usageError(err)
			}
			ssh, err := sshConfig(c, t)
			if err != nil {
				return usageError(err)
			}
			list, err := readNodes(c.Context, o, t)
			if err != nil {
				return usageError(err)
			}
			routes := make([]report.Route, len(list.nodes))
			for i, node := range list.nodes {
				routes[i].Node = node
			}
			if c.Bool("resolve") {
				if routes, err = t.resolve(c.Context, ssh, list.nodes); err != nil {
					return usageError(err)
				}
			}
			if err := t.routes(routes, asJSON); err != nil {
				return err
			}
			return exitWith(unreached(routes))
		},
	}
}

// resolve asks what SSH would do for each node.
func (t terminal) resolve(ctx context.Context, cfg remote.Config, nodes []inventory.Node) ([]report.Route, error) {
	cfg.Nodes, cfg.Planning = nodes, true
	dialer, err := t.dialer(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer dialer.Close()
	routes := make([]report.Route, len(nodes))
	for i, node := range nodes {
		way := report.Way(dialer.Way(ctx, node))
		routes[i] = report.Route{Node: node, Resolved: &way}
	}
	return routes, ctx.Err()
}

func (t terminal) routes(routes []report.Route, asJSON bool) error {
	if asJSON {
		return report.WriteRoutesJSON(t.stdout, routes)
	}
	return report.WriteRoutes(t.stdout, routes, t.options(true))
}

// unreached is the exit code for routes: 4 where some node has a problem.
func unreached(routes []report.Route) int {
	for _, r := range routes {
		if r.Resolved != nil && r.Resolved.Problem != "" {
			return exitIncomplete
		}
	}
	return exitOK
}

// dryRun is a scan that connects to nothing.
func dryRun(ctx context.Context, o scanOptions, t terminal) error {
	list, err := readNodes(ctx, o.inventoryOptions, t)
	if err != nil {
		return usageError(err)
	}
	routes, err := t.resolve(ctx, o.ssh, list.nodes)
	if err != nil {
		return usageError(err)
	}
	if err := t.routes(routes, false); err != nil {
		return err
	}
	p := newPage(t.stdout)
	p.WriteByte('\n')
	p.wouldRun(o.become)
	if _, err := io.WriteString(t.stdout, p.String()); err != nil {
		return err
	}
	return exitWith(unreached(routes))
}

// wouldRun says what runs on a node.
func (p *page) wouldRun(b becomeOptions) {
	become, command := b.become, "exec /bin/sh -c SCRIPT"
	if b.password != nil {
		become, command = probe.Never, "sudo -S /bin/sh -s <SCRIPT" // all of it runs as root
	}
	p.hang("", "On each node the login shell would be asked, once or twice, to run")
	p.hang("  ", command)
	p.hang("", "where the script runs nothing but")
	for _, command := range probe.Commands(become) {
		p.hang("  - ", command)
	}
	p.hang("", "and writes no file, opens no port and asks for no terminal.")
}
