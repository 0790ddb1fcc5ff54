package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/probe"
)

func judgeCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "judge",
		Usage:     "give the same verdict offline, from files",
		ArgsUsage: "[FILE ...]",
		Description: `From a directory that mirrors a node's root (a golden image, a support bundle, a
mounted disk), or from the files that scan --evidence-dir wrote. Without --argv the
unit or the distribution's own files decide: "would start with".

Examples:
   kletscan judge --root /mnt/image
   kletscan judge --root bundle --argv cmdline --kubelet-version v1.31.4
   kletscan judge --evidence evidence/*.json` + exitStatus,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "root", Usage: "`DIR` that mirrors a node's root"},
			&cli.StringFlag{Name: "argv", Usage: "`FILE` with the kubelet's argument vector, argv[0] first, NUL- or newline-separated"},
			&cli.StringFlag{Name: "kubelet-version", Usage: "the kubelet's `VERSION`, such as v1.31.4"},
			&cli.BoolFlag{Name: "changed-after-start", Usage: "the files changed after the kubelet started: they prove nothing about it"},
			&cli.BoolFlag{Name: "evidence", Usage: "the FILEs are evidence that scan --evidence-dir wrote"},
		}, outputFlags()...),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			o, err := parseJudge(c)
			if err != nil {
				return usageError(err)
			}
			return runJudge(o, t)
		},
	}
}

// judgeOptions is what the command line of judge comes to.
type judgeOptions struct {
	root    string
	argv    string // file; empty: the unit decides
	version string
	changed bool
	files   []string // of evidence
	outputOptions
}

func parseJudge(c *cli.Context) (o judgeOptions, err error) {
	o = judgeOptions{
		root: c.String("root"), argv: c.String("argv"), version: c.String("kubelet-version"),
		changed: c.Bool("changed-after-start"), files: c.Args().Slice(),
	}
	switch {
	case c.Bool("evidence") && o.root != "":
		return o, errors.New("--root and --evidence: expected one of them")
	case c.Bool("evidence") && len(o.files) == 0:
		return o, errors.New("--evidence: expected files that scan --evidence-dir wrote")
	case c.Bool("evidence") && (o.argv != "" || o.version != "" || o.changed):
		return o, errors.New("--argv, --kubelet-version and --changed-after-start go with --root: evidence has its own")
	case !c.Bool("evidence") && o.root == "":
		return o, errors.New("nothing to judge: give --root DIR, or --evidence with files")
	case !c.Bool("evidence") && len(o.files) > 0:
		return o, fmt.Errorf("%s: expected flags only beside --root; evidence files go with --evidence", o.files[0])
	case o.changed && o.argv == "":
		return o, errors.New("--changed-after-start goes with --argv: without a process nothing has started")
	}
	if o.version != "" {
		if _, err := kubelet.ParseVersion(o.version); err != nil {
			return o, fmt.Errorf("--kubelet-version: %w", err)
		}
	}
	o.outputOptions, err = parseOutputFlags(c)
	return o, err
}

func runJudge(o judgeOptions, t terminal) error {
	run := t.newRun(o.waivers)
	run.Inventory, run.Single = o.root, o.root != ""
	results := newSpool()
	defer results.Close()
	if o.root != "" {
		r, err := judgeRoot(o)
		if err != nil {
			return usageError(err)
		}
		_ = results.Put(0, o.warn(r)) // what they are ranged over for tells
	} else {
		run.Inventory = "evidence"
		for i, file := range o.files {
			record, err := readRecord(file)
			if err != nil {
				return usageError(err)
			}
			_ = results.Put(i, o.warn(record.Result()))
		}
	}
	run.Finished, run.Results = time.Now(), o.ordered(results)
	outputs, err := openSinks(o.outputOptions)
	if err != nil {
		return err
	}
	defer outputs.discard()
	return o.finish(t, run, report.Options{Now: run.Started}, outputs)
}

func readRecord(name string) (scanner.Record, error) {
	file, err := os.Open(name)
	if err != nil {
		return scanner.Record{}, fmt.Errorf("%w: expected a file that scan --evidence-dir wrote", err)
	}
	defer file.Close()
	record, err := scanner.ReadRecord(file)
	if err != nil {
		return record, fmt.Errorf("%s: %w", name, err)
	}
	return record, nil
}

// judgeRoot judges the node whose root the directory mirrors.
func judgeRoot(o judgeOptions) (scanner.Result, error) {
	root, err := probe.OpenRoot(o.root)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: expected a directory that mirrors a node's root", err)
	}
	if err != nil {
		return scanner.Result{}, fmt.Errorf("--root: %w", err)
	}
	ev := root.Survey()
	ev.Version = o.version
	if o.argv != "" {
		if err := addProcess(ev, o); err != nil {
			return scanner.Result{}, err
		}
	}
	j, err := scanner.JudgeWith(ev, func(wants []evidence.Want) error {
		root.Fetch(ev, wants)
		return nil
	})
	name := ev.Host.Name
	if name == "" {
		name = filepath.Base(filepath.Clean(o.root))
	}
	return scanner.Result{
		Node: inventory.Node{Name: name, Host: name}, Status: j.Status, Error: j.Reason, Verdict: j.Verdict, Started: time.Now(),
	}, err
}

// mountNS stands for the one mount namespace that files without a node have.
const mountNS = "mnt:[0]"

// addProcess adds the process that the argument vector is of. It is taken for
// the node's kubelet: run by root, in the node's own mount namespace.
func addProcess(ev *evidence.Evidence, o judgeOptions) error {
	content, err := os.ReadFile(o.argv)
	if err != nil {
		return fmt.Errorf("--argv: %w: expected a readable file with an argument vector", err)
	}
	argv := splitArgv(content)
	if len(argv) == 0 || argv[0] == "" {
		return fmt.Errorf("--argv %s: expected an argument vector, argv[0] first, NUL- or newline-separated", o.argv)
	}
	p := evidence.Process{
		PID: 1, Argv: argv, ArgvState: evidence.Present, Cwd: "/", MountNS: mountNS,
		// k3s names itself in one word of argv: "/usr/local/bin/k3s server"
		Comm: strings.ReplaceAll(path.Base(argv[0]), " ", "-"),
	}
	ev.Host.MountNS = mountNS
	for _, service := range probe.Services {
		if strings.HasPrefix(p.Comm, service) || p.Comm == "k3s-server" && service == "k3s" {
			p.Unit = service + ".service" // the longest that fits: k3s-agent comes after k3s
		}
	}
	if o.changed {
		ev.Host.BootTime, ev.Host.ClockTicks, p.StartTick = 1, 1, 1 // long before any file
	}
	ev.Processes = append(ev.Processes, p)
	return nil
}

// splitArgv splits at NULs, as /proc/PID/cmdline has them, or else at newlines.
// The last separator ends the last argument.
func splitArgv(content []byte) []string {
	separator := []byte("\n")
	if bytes.IndexByte(content, 0) >= 0 {
		separator = []byte{0}
	}
	if len(content) == 0 {
		return nil
	}
	var argv []string
	for part := range bytes.SplitSeq(bytes.TrimSuffix(content, separator), separator) {
		argv = append(argv, strings.TrimSuffix(string(part), "\r"))
	}
	return argv
}
