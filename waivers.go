package main

import (
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"kletscan/report"
)

// waiversFlag is for every command that judges or shows verdicts.
func waiversFlag() cli.Flag {
	return &cli.StringFlag{Name: "waivers", Usage: "YAML `FILE` of accepted risks: who accepted what on which nodes, why, and until when"}
}

// parseWaivers reads the file of --waivers; nil: there is no such flag.
func parseWaivers(c *cli.Context) (report.Waivers, error) {
	name := c.String("waivers")
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--waivers: %w: expected a readable file", err)
	}
	defer file.Close()
	return report.ReadWaivers(name, file, time.Now())
}

// warnOfWaivers tells the operator which waivers are void, or waive nothing.
func (t terminal) warnOfWaivers(run report.Run, now time.Time) error {
	t.warnOfNoWaivers(run.Waivers)
	lines, err := run.Waivers.Warnings(run.Results, now)
	for _, line := range lines {
		t.say(line)
	}
	return err
}

// warnOfNoWaivers tells the operator of a file of waivers that has none: that
// is how the last one goes, or how a file is lost.
func (t terminal) warnOfNoWaivers(waivers report.Waivers) {
	if waivers != nil && len(waivers) == 0 {
		t.say("--waivers: no waivers in the file: nothing is waived")
	}
}
