package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner"
	"kletscan/scanner/evidence"
)

func explainCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "show how one node's verdict came about, and what to do",
		ArgsUsage: "NODE",
		Description: `For each setting, every place that says something, from the weakest to the one that
decides, with file and line; the kubelet's rule and its versions; what the written rules
would say and why that differs; and the remedy for that very node.

Examples:
   kletscan explain cp-1
   kletscan explain -i nodes.txt cp-1
   kletscan explain --evidence evidence/cp-1.json` + exitStatus,
		Flags: slices.Concat(sourceFlags(), []cli.Flag{
			&cli.StringFlag{Name: "evidence", Usage: "explain what scan --evidence-dir kept in `FILE`, without a visit"},
			&cli.DurationFlag{Name: "node-timeout", Value: defaultNodeTimeout, Usage: "for the whole visit"},
			&cli.StringFlag{Name: "warn-expiry", Value: defaultWarnExpiry, Usage: "condition expiring for a certificate that ends within this `TIME`, in days"},
			&cli.StringFlag{Name: "fail-on", Value: defaultFailOn, Usage: "exit 3 for these `WORDS`, with commas between: some of " + strings.Join(failWords(), ", ")},
			waiversFlag(),
			&cli.BoolFlag{Name: "no-color", Usage: "no colours, as with NO_COLOR"},
		}, sshFlags(), becomeFlags()),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			o, err := parseExplain(c, t)
			if err != nil {
				return usageError(err)
			}
			record, err := visitOne(c.Context, o, t)
			if err != nil {
				return usageError(err)
			}
			r := record.Result()
			r.Verdict.WarnExpiry(o.warnDays)
			var e scanner.Explanation
			if record.Evidence != nil {
				e = scanner.Explain(record.Evidence)
			}
			if err := report.Explain(t.stdout, r, e, t.options(c.Bool("no-color"))); err != nil {
				return err
			}
			t.warnOfNoWaivers(o.waivers)
			now := time.Now()
			run := report.Run{Results: report.Of([]scanner.Result{r}), Waivers: o.waivers}
			if err := report.ExplainWaivers(t.stdout, run, now); err != nil {
				return err
			}
			code, err := exitCode(run, o.fail, now)
			if err != nil {
				return err
			}
			return exitWith(code)
		},
	}
}

// explainOptions is what the command line of explain comes to.
type explainOptions struct {
	evidence string // file; empty: visit the node
	scanOptions
}

func parseExplain(c *cli.Context, t terminal) (o explainOptions, err error) {
	if o.inventoryOptions, err = parseInventoryFlags(c, t); err != nil {
		return o, err
	}
	o.evidence = c.String("evidence")
	switch {
	case o.evidence != "" && len(o.names) > 0:
		return o, errors.New("--evidence holds one node: expected no NODE beside it")
	case o.evidence == "" && len(o.names) != 1:
		return o, errors.New("expected one NODE, or --evidence FILE")
	case o.evidence == "" && strings.HasPrefix(o.names[0], "-"):
		return o, fmt.Errorf("%s stands where the node should: flags come before it", o.names[0])
	}
	if o.fail, err = parseFailOn(c.String("fail-on")); err != nil {
		return o, err
	}
	if o.warnDays, err = parseDays(c.String("warn-expiry")); err != nil {
		return o, err
	}
	if o.waivers, err = parseWaivers(c); err != nil {
		return o, err
	}
	if o.nodeTimeout, err = positive(c, "node-timeout"); err != nil {
		return o, err
	}
	if o.become, err = parseBecome(c, t); err != nil {
		return o, err
	}
	o.ssh, err = sshConfig(c, t)
	return o, err
}

// visitOne is the record of one node, from a file or from a visit.
func visitOne(ctx context.Context, o explainOptions, t terminal) (record scanner.Record, err error) {
	if o.evidence != "" {
		return readRecord(o.evidence)
	}
	node, err := oneNode(ctx, o.inventoryOptions, t)
	if err != nil {
		return record, err
	}
	o.ssh.Nodes = []inventory.Node{node}
	dialer, err := t.dialer(ctx, o.ssh)
	if err != nil {
		return record, err
	}
	defer dialer.Close()
	s := scanner.Scanner{Resolve: dialer.Resolve, NodeTimeout: o.nodeTimeout, Retries: o.ssh.Retries, Become: o.become.become, Password: o.become.password, Serving: true, ServingTimeout: o.ssh.CommandTimeout, Keep: func(r *scanner.Result, ev *evidence.Evidence) {
		record = scanner.NewRecord(version(), *r, ev)
	}}
	s.Scan(ctx, o.ssh.Nodes, func(int, scanner.Result) {})
	return record, nil
}

// oneNode is the node on the command line, as the inventory has it if there is
// one.
func oneNode(ctx context.Context, o inventoryOptions, t terminal) (node inventory.Node, err error) {
	name := o.names[0]
	if len(o.sources) > 0 {
		o.names = nil
	}
	list, err := readNodes(ctx, o, t)
	switch {
	case err != nil:
		return node, err
	case len(o.sources) == 0 && len(list.nodes) == 1:
		return list.nodes[0], nil
	case len(o.sources) == 0:
		return node, fmt.Errorf("%s stands for %d nodes: expected one", name, len(list.nodes))
	}
	for _, node := range list.nodes {
		if node.Name == name {
			return node, nil
		}
	}
	return node, fmt.Errorf("%s is not in %s: name a node as it stands there", name, list.source)
}
