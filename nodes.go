package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"kletscan/inventory"
)

// inventoryOptions is where nodes come from, and which of them are meant.
type inventoryOptions struct {
	names       []string // nodes on the command line
	sources     []string // of -i; nil: none
	loader      inventory.Loader
	skipInvalid bool
	selection   inventory.Selection
	shard       shard
}

// sourceFlags say where nodes are listed.
func sourceFlags() []cli.Flag {
	var formats []string
	for _, f := range inventory.Formats {
		formats = append(formats, f.Name)
	}
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "inventory", Aliases: []string{"i"}, Usage: "`FILE` or directory of nodes; - for standard input, '!command args' for what a command prints (repeatable)"},
		&cli.StringFlag{Name: "inventory-format", Usage: "read every inventory as `FORMAT`, one of " + strings.Join(formats, ", ") + " (default: recognised)"},
		&cli.StringFlag{Name: "address-type", Usage: "reach Kubernetes nodes at their `TYPE` of address, one of " + strings.Join(addressTypes(), ", ") + " (default: InternalIP, else the name)"},
		&cli.BoolFlag{Name: "skip-invalid", Usage: "scan the nodes that are right where an inventory has mistakes, and count the others"},
	}
}

// addressTypes are the types of a Kubernetes node's address that can be asked
// for.
func addressTypes() []string { return []string{"InternalIP", "ExternalIP", "Hostname"} }

// selectionFlags say which nodes are meant.
func selectionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "limit", Usage: "scan only the nodes of `PATTERNS` (repeatable, see PATTERNS)"},
		&cli.StringSliceFlag{Name: "exclude", Aliases: []string{"x"}, Usage: "leave out the nodes of `PATTERNS` (repeatable)"},
		shardFlag(),
	}
}

// patternHelp is the grammar of --limit and --exclude (inventory.Selection).
const patternHelp = `

PATTERNS, separated by commas:
   worker-1, worker-*      a node or host, or a group, of that name
   worker-[01-40/2]        ranges
   role=worker, zone!=eu*  a label, or its absence
   @workers, @more.txt     a group, or a file with a pattern a line
   ~worker-\d+             a regular expression for the beginning of a name
   !B and &B               of all that the list has, not B, and only B (Ansible)
   A!B, A&B, A^B           from left to right (ClusterShell)`

// parseInventoryFlags reads the flags of sourceFlags and selectionFlags.
func parseInventoryFlags(c *cli.Context, t terminal) (inventoryOptions, error) {
	o := inventoryOptions{
		names:   c.Args().Slice(),
		sources: c.StringSlice("inventory"),
		loader: inventory.Loader{
			Stdin: t.stdin, Run: runCommand,
			Format: c.String("inventory-format"), Options: inventory.Options{AddressType: c.String("address-type")},
		},
		skipInvalid: c.Bool("skip-invalid"),
		selection:   inventory.Selection{Limit: c.StringSlice("limit"), Exclude: c.StringSlice("exclude"), ReadFile: inventory.ReadFile},
	}
	o.loader.Home, _ = os.UserHomeDir()
	if name := o.loader.Format; name != "" {
		if _, err := inventory.Lookup(name); err != nil {
			return o, fmt.Errorf("--inventory-format: %w", err)
		}
	}
	if kind := o.loader.Options.AddressType; kind != "" && !slices.Contains(addressTypes(), kind) {
		return o, fmt.Errorf("--address-type %q: expected one of %s", kind, strings.Join(addressTypes(), ", "))
	}
	var err error
	o.shard, err = parseShard(c)
	return o, err
}

// checkNames refuses a command line that names no nodes.
func (o inventoryOptions) checkNames() error {
	for _, name := range o.names {
		if strings.HasPrefix(name, "-") {
			return fmt.Errorf("%s stands behind a node: flags come before the nodes", name)
		}
	}
	if len(o.sources) == 0 && len(o.names) == 0 {
		return errors.New("no nodes: name some, or give a file with -i FILE (- for standard input)")
	}
	return nil
}

// listing is what the inventories and the command line come to.
type listing struct {
	nodes   []inventory.Node
	digest  string // of the nodes that are chosen, in whatever shard
	source  string // where they were named: the values of -i, or the command line
	skipped int    // mistakes that --skip-invalid passed over
}

// readNodes reads the inventories and the nodes on the command line, and chooses
// among them.
func readNodes(ctx context.Context, o inventoryOptions, t terminal) (list listing, err error) {
	list.source = "command line"
	if len(o.sources) > 0 {
		list.source = strings.Join(o.sources, ", ")
	}
	named, err := inventory.ParseArgs(o.names)
	if err != nil {
		return list, err
	}
	listed, notes, err := o.loader.Load(ctx, o.sources)
	for _, note := range notes {
		t.say(note)
	}
	if err != nil {
		if list.skipped, err = o.skip(err, t); err != nil {
			return list, err
		}
	}
	all, err := inventory.Merge(listed, named)
	if err != nil {
		return list, err
	}
	for i := range all {
		all[i].Index = i + 1
	}
	chosen, notes, err := o.selection.Apply(all)
	for _, note := range notes {
		t.say(note)
	}
	list.digest, list.nodes = inventoryDigest(chosen), o.shard.of(chosen)
	if len(list.nodes) == 0 && len(chosen) > 0 {
		t.say(fmt.Sprintf("shard %s has none of the %d nodes", o.shard, len(chosen)))
	}
	return list, err
}

// skip tells the operator of the mistakes that --skip-invalid passes over, and
// counts them. It returns those that it cannot pass over.
func (o inventoryOptions) skip(err error, t terminal) (int, error) {
	var mistakes *inventory.Errors
	switch {
	case !o.skipInvalid || !errors.As(err, &mistakes):
		return 0, err
	case mistakes.Ended():
		return 0, fmt.Errorf("%w\n--skip-invalid does not help: an inventory could not be read to its end", err)
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		t.say("skipped: " + line)
	}
	return mistakes.Count(), nil
}
