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

// parseWaivers reads the file of --waivers; nil: none is given.
func parseWaivers(c *cli.Context) (report.Waivers, error) {
	name := c.String("waivers")
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--waivers: %w", err)
	}
	defer file.Close()
	return report.ReadWaivers(name, file, time.Now())
}

// warnOfWaivers tells the operator which waivers are void, or waive nothing.
func (t terminal) warnOfWaivers(run report.Run, now time.Time) error {
	lines, err := run.Waivers.Warnings(run.Results, now)
	for _, line := range lines {
		t.say(line)
	}
	return err
}
