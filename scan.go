package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner"
	"kletscan/scanner/remote"
)

// scanOptions is what the command line of scan comes to.
type scanOptions struct {
	inventoryOptions
	fanout      int
	rate        float64       // connections a second; 0: no limit
	splay       time.Duration // how long the scan waits at most before it begins
	nodeTimeout time.Duration
	outputOptions
	serving     bool
	become      becomeOptions
	journal     journalOptions
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
		Flags:        slices.Concat(sourceFlags(), selectionFlags(), nodeFlags(), journalFlags(), sshFlags(), becomeFlags(), outputFlags(), profileFlags()),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			o, err := parseScan(c, t)
			if err != nil {
				return usageError(err)
			}
			if o.dryRun {
				return dryRun(c.Context, o, t)
			}
			return profiled(c, func() error { return runScan(c.Context, o, t) })
		},
	}
}

func nodeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "fanout", Aliases: []string{"f"}, Value: scanner.DefaultFanout, Usage: "be logged in to `N` nodes at once"},
		&cli.Float64Flag{Name: "rate", DefaultText: "no limit", Usage: "begin at most `N` connections a second"},
		&cli.DurationFlag{Name: "splay", DefaultText: "no wait", Usage: "wait a random time, up to `TIME`, before the first connection"},
		&cli.StringFlag{Name: "evidence-dir", Usage: "write each node's redacted evidence into `DIR`, for judge --evidence and explain --evidence"},
		&cli.StringFlag{Name: "serving", Value: servingAuto, Usage: "look at the certificate on the kubelet's port: `WORD` is auto or off"},
		&cli.DurationFlag{Name: "node-timeout", Value: defaultNodeTimeout, Usage: "for one whole visit, with its retries"},
		&cli.BoolFlag{Name: "dry-run", Usage: "print what SSH would do for each node and what would run there, and connect to nothing"},
	}
}

// interruptGrace is for visits under way at the first Ctrl-C.
const interruptGrace = 5 * time.Second

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
		&cli.StringFlag{Name: "fail-on", Value: defaultFailOn, Usage: "exit 3 for these `WORDS`, with commas between: some of " + strings.Join(failWords(), ", ")},
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
	if o.rate = c.Float64("rate"); c.IsSet("rate") && !(o.rate > 0 && o.rate <= 1e6) {
		return o, fmt.Errorf("--rate %v: expected a number of connections a second, above zero", o.rate)
	}
	if o.splay = c.Duration("splay"); o.splay < 0 {
		return o, fmt.Errorf("--splay %v: expected a time such as 30s", o.splay)
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
	if o.journal, err = parseJournal(c); err != nil {
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
	results := newSpool()
	defer results.Close()
	before, err := o.journal.read(list.nodes, results)
	if errors.Is(err, report.ErrSpool) {
		return err
	}
	if err != nil {
		return usageError(err)
	}
	o.ssh.Nodes = list.nodes
	dialer, err := t.dialer(ctx, o.ssh)
	if err != nil {
		return usageError(err)
	}
	defer dialer.Close()
	outputs, err := openSinks(o.outputOptions)
	if err != nil {
		return err
	}
	defer outputs.discard()
	sessions, dials, why := capacity(o.fanout, cmp.Or(o.ssh.Memory, remote.DefaultMemory), openFiles())
	if why != "" {
		t.say(fmt.Sprintf("%d nodes at once instead of %d: %s", sessions, o.fanout, why))
	}
	s := &scanner.Scanner{
		Resolve: dialer.Resolve, Fanout: sessions, Dials: dials, Rate: o.rate, NodeTimeout: o.nodeTimeout, Retries: o.ssh.Retries, Grace: interruptGrace,
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
	if before.ID != "" { // it goes on
		run.ID, run.Started = before.ID, before.Started
	}
	run.Inventory, run.InventoryDigest, run.Skipped, run.Shard = list.source, list.digest, list.skipped, o.shard.String()
	opts := report.Options{Now: run.Started}
	visited, unkept := o.visit(ctx, t, s, list.nodes, run, opts, results, outputs)
	if !visited {
		return unkept
	}
	t.warn(dialer)
	run.Finished, run.Results = time.Now(), o.ordered(results)
	err = o.finish(t, run, opts, outputs)
	return cmp.Or(unkept, kept.err(), err)
}

// visit scans the nodes of which there is no result yet, so that there is one of
// each, in the place of its node. Unless it reports false, an error is about where
// else they are kept.
func (o scanOptions) visit(ctx context.Context, t terminal, s *scanner.Scanner, nodes []inventory.Node, run report.Run, opts report.Options, results *spool, outputs *sinks) (visited bool, err error) {
	j, err := openJournal(o.journal, run, opts, results.Results())
	if err != nil {
		return false, err
	}
	if err := outputs.begin(t, run, opts); err != nil {
		return false, errors.Join(err, j.close(false, time.Time{}))
	}
	for r, err := range results.Results() {
		if err != nil {
			return false, errors.Join(err, j.close(false, time.Time{}))
		}
		outputs.add(o.warn(r))
	}
	missing, places := unscanned(nodes, results)
	told := make(chan struct{})
	interrupted := context.AfterFunc(ctx, func() {
		defer close(told)
		t.say(fmt.Sprintf("interrupted: visits under way have %v to end; again to end at once", interruptGrace))
	})
	defer func() {
		if !interrupted() { // it is being said: before anything that is said later
			<-told
		}
	}()
	if o.splay > 0 {
		wait := rand.N(o.splay).Round(time.Millisecond)
		t.say(fmt.Sprintf("the scan begins in %v (--splay %v)", wait, o.splay))
		scanner.Pause(ctx, wait) // and where it is interrupted, no visit begins
	}
	progress := t.progress(len(missing))
	s.Scan(ctx, missing, func(i int, r scanner.Result) {
		progress.Add(r)
		r = o.warn(r)
		j.add(r)
		outputs.add(r)
		if places != nil {
			i = places[i]
		}
		_ = results.Put(i, r) // what they are ranged over for tells
	})
	progress.Done()
	return true, j.close(ctx.Err() == nil, time.Now())
}

// unscanned are the nodes of which there is no result, and where in nodes they
// stand; nil: there is none of any, and they stand where they stand.
func unscanned(nodes []inventory.Node, results *spool) (missing []inventory.Node, places []int) {
	if results.Len() == 0 {
		return nodes, nil
	}
	for i, node := range nodes {
		if !results.Has(i) {
			missing, places = append(missing, node), append(places, i)
		}
	}
	return missing, places
}
