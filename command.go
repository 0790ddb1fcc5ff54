package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"kletscan/inventory"
)

// commandTimeout bounds one '!command' of -i.
const commandTimeout = time.Minute

// runCommand gives what a command prints, at most inventory.MaxBytes. The
// command gets no standard input; whatever it started ends with it when it
// takes too long or prints too much.
func runCommand(ctx context.Context, argv []string) ([]byte, error) {
	return runBounded(ctx, argv, commandTimeout, inventory.MaxBytes)
}

func runBounded(ctx context.Context, argv []string, timeout time.Duration, limit int) ([]byte, error) {
	ctx, stop := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took longer than %v: expected an inventory by then", timeout))
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &capped{limit: limit, full: func() { cancel(fmt.Errorf("it printed more than %d bytes: expected an inventory", limit)) }}
	said := &capped{limit: 4 << 10, full: func() {}}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, said
	cmd.WaitDelay = time.Second // for what the command left behind with its output open
	ownGroup(cmd)
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &exit):
		first, _, _ := strings.Cut(strings.TrimSpace(said.kept.String()), "\n")
		return nil, fmt.Errorf("%w: %s: expected exit status 0", err, strconv.QuoteToASCII(first[:min(len(first), 200)]))
	case err != nil:
		return nil, fmt.Errorf("%w: expected a command that runs", err)
	}
	return out.kept.Bytes(), nil
}

// capped keeps the first bytes written to it, and calls full when there are
// more.
type capped struct {
	kept  bytes.Buffer // not embedded: its ReadFrom knows no limit
	limit int
	full  func()
}

func (c *capped) Write(p []byte) (int, error) {
	if room := c.limit - c.kept.Len(); len(p) > room {
		c.kept.Write(p[:room])
		c.full()
		return len(p), nil // what writes here is not to fail for it
	}
	return c.kept.Write(p)
}
