package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"

	"github.com/urfave/cli/v2"
)

// profileFlags are for those who work on kletscan, so help does not show them.
func profileFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cpuprofile", Hidden: true, Usage: "write a profile of CPU time into `FILE`, for go tool pprof"},
		&cli.StringFlag{Name: "memprofile", Hidden: true, Usage: "write a profile of memory into `FILE` at the end, for go tool pprof"},
		&cli.StringFlag{Name: "trace", Hidden: true, Usage: "write an execution trace into `FILE`, for go tool trace"},
	}
}

// profiled runs a command and writes the profiles that are asked for, whole
// however the command ends.
func profiled(c *cli.Context, command func() error) error {
	files := make(map[string]*os.File)
	var errs []error
	for _, flag := range profileFlags() {
		name := flag.Names()[0]
		if file := c.String(name); file != "" {
			f, err := os.Create(file)
			if err != nil {
				return usageError(fmt.Errorf("--%s: %w", name, err))
			}
			defer f.Close()
			files[name] = f
		}
	}
	if f := files["cpuprofile"]; f != nil {
		errs = append(errs, pprof.StartCPUProfile(f))
	}
	if f := files["trace"]; f != nil {
		errs = append(errs, trace.Start(f))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	err := command()
	pprof.StopCPUProfile()
	trace.Stop()
	if f := files["memprofile"]; f != nil {
		runtime.GC() // what the last collection saw is what is written
		errs = append(errs, pprof.WriteHeapProfile(f))
	}
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return cmp.Or(errors.Join(errs...), err)
}
