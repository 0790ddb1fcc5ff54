package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/report"
	"kletscan/scanner"
	"kletscan/scanner/remote"
)

// scanOptions is what the command line of scan comes to.
type scanOptions struct {
	inventoryOptions
	fanout      int
	nodeTimeout time.Duration
	outputOptions
	serving     bool
	become      becomeOptions
	dryRun      bool
	evidenceDir string // empty: evidence is dropped once it is judged
	ssh         remote.Config
}

func scanCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "scan",
		Usage:     "scan nodes over SSH and print one table",
		ArgsUsage: "[NODE ...]",
		Description: `A NODE is [user@]host[:port]; the host may have ranges, as in worker-[01-40]. The plain
inventory format has one a line, with labels behind it; --inventory-format names the others:

   cp-1                       group=control-plane
   admin@10.0.0.12:2222       group=workers
   [2001:db8::7]              # IPv6 in brackets

Examples:
   kletscan scan -i nodes.txt
   kletscan scan -i nodes.txt -o table -o csv=audit.csv
   kletscan scan -i '!kubectl get nodes -o json' --limit role=worker` + patternHelp + exitStatus,
		Flags:        slices.Concat(sourceFlags(), selectionFlags(), nodeFlags(), sshFlags(), becomeFlags(), outputFlags()),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			o, err := parseScan(c, t)
			if err != nil {
				return usageError(err)
			}
			if o.dryRun {
				return dryRun(c.Context, o, t)
			}
			return runScan(c.Context, o, t)
		},
	}
}

func nodeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "fanout", Aliases: []string{"f"}, Value: scanner.DefaultFanout, Usage: "visit `N` nodes at once"},
		&cli.StringFlag{Name: "evidence-dir", Usage: "write each node's redacted evidence into `DIR`, for judge --evidence and explain --evidence"},
		&cli.StringFlag{Name: "serving", Value: servingAuto, Usage: "look at the certificate on the kubelet's port: `WORD` is auto or off"},
		&cli.DurationFlag{Name: "node-timeout", Value: defaultNodeTimeout, Usage: "for one whole visit, with its retries"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print what SSH would do for each node and what would run there, and connect to nothing"},
	}
}

// defaultNodeTimeout is for one whole visit: login, two commands, and patience.
const defaultNodeTimeout = 2 * time.Minute

func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{
			Name: "output", Aliases: []string{"o"},
			Usage: "`FORMAT[=FILE]`, one of " + formatNames() + " (repeatable; default table)",
		},
		&cli.StringFlag{Name: "manifest", Usage: "write what was run, how the nodes add up, and the SHA-256 of every output into `FILE`, for sha256sum -c"},
		waiversFlag(),
		&cli.StringFlag{Name: "fail-on", Value: defaultFailOn, Usage: "exit 3 for these `WORDS`, of " + strings.Join(failWords(), ",")},
		&cli.StringFlag{Name: "warn-expiry", Value: defaultWarnExpiry, Usage: "condition expiring for a certificate that ends within this `TIME`, in days"},
		&cli.StringFlag{Name: "sort", Value: sortInventory, Usage: "`ORDER` of the nodes: inventory or expiry"},
		&cli.BoolFlag{Name: "no-color", Usage: "no colours, as with NO_COLOR"},
	}
}

// parseScan turns flags into options. Whatever is wrong with them is said
// before anything is done.
func parseScan(c *cli.Context, t terminal) (scanOptions, error) {
	o := scanOptions{fanout: c.Int("fanout"), evidenceDir: c.String("evidence-dir"), dryRun: c.Bool("dry-run")}
	var err error
	if o.inventoryOptions, err = parseInventoryFlags(c, t); err != nil {
		return o, err
	}
	if err := o.checkNames(); err != nil {
		return o, err
	}
	if o.fanout < 1 || o.fanout > 10000 {
		return o, fmt.Errorf("--fanout %d: expected a number from 1 to 10000", o.fanout)
	}
	if o.nodeTimeout, err = positive(c, "node-timeout"); err != nil {
		return o, err
	}
	if o.serving, err = parseChoice(c, "serving", servingAuto, "off"); err != nil {
		return o, err
	}
	if o.outputOptions, err = parseOutputFlags(c); err != nil {
		return o, err
	}
	if o.become, err = parseBecome(c, t); err != nil {
		return o, err
	}
	o.ssh, err = sshConfig(c, t)
	return o, err
}

// The words of --serving and --sort that are not the other one, and the
// default of --warn-expiry.
const (
	servingAuto       = "auto"
	sortInventory     = "inventory"
	defaultWarnExpiry = "30d"
)

// parseChoice reports whether a flag has the word yes, of two.
func parseChoice(c *cli.Context, name, yes, no string) (bool, error) {
	switch word := c.String(name); word {
	case yes, no:
		return word == yes, nil
	default:
		return false, fmt.Errorf("--%s %q: expected %s or %s", name, word, yes, no)
	}
}

// parseDays reads a number of days, such as 30d.
func parseDays(text string) (int64, error) {
	days, err := strconv.ParseInt(strings.TrimSuffix(text, "d"), 10, 32)
	if err != nil || days < 0 || !strings.HasSuffix(text, "d") {
		return 0, fmt.Errorf("--warn-expiry %q: expected a number of days such as 30d", text)
	}
	return days, nil
}

// positive is the value of a flag that is a time above zero.
func positive(c *cli.Context, name string) (time.Duration, error) {
	d := c.Duration(name)
	if d <= 0 {
		return 0, fmt.Errorf("--%s %v: expected a time such as 30s", name, d)
	}
	return d, nil
}

// runScan is the scan itself.
func runScan(ctx context.Context, o scanOptions, t terminal) error {
	list, err := readNodes(ctx, o.inventoryOptions, t)
	if err != nil {
		return usageError(err)
	}
	o.ssh.Nodes = list.nodes
	dialer, err := t.dialer(ctx, o.ssh)
	if err != nil {
		return usageError(err)
	}
	defer dialer.Close()
	outputs, err := openSinks(o.outputs, o.manifest)
	if err != nil {
		return err
	}
	defer outputs.discard()
	s := &scanner.Scanner{
		Dial: dialer.Dial, Fanout: o.fanout, NodeTimeout: o.nodeTimeout, Retries: o.ssh.Retries,
		Become: o.become.become, Password: o.become.password,
		Serving: o.serving, ServingTimeout: o.ssh.CommandTimeout,
	}
	kept, err := openEvidenceDir(o.evidenceDir)
	if err != nil {
		return err
	}
	if kept != nil {
		s.Keep = kept.keep
	}
	run := t.newRun(o.waivers)
	run.Inventory, run.InventoryDigest, run.Skipped = list.source, inventoryDigest(list.nodes), list.skipped
	opts := report.Options{Now: run.Started}
	if err := outputs.begin(t, run, opts); err != nil {
		return err
	}
	progress := t.progress(len(list.nodes))
	results := s.Scan(ctx, list.nodes, func(r scanner.Result) {
		progress.Add(r)
		outputs.add(o.warn(r))
	})
	progress.Done()
	t.warn(dialer)
	run.Finished, run.Results = time.Now(), o.warned(results)
	err = o.finish(t, run, opts, outputs)
	if failed := kept.err(); failed != nil {
		return failed
	}
	return err
}
