package probe

import (
	"context"
	"errors"
)

// Executor runs one command on a node. The SSH connection of scanner/remote is
// one; tests pass their own.
type Executor interface {
	// Exec runs command through the login shell, without a PTY, writes stdin
	// to it and closes its standard input, and returns when the command has
	// ended. A command that ran is never an error, whatever its exit status;
	// an error means that its output is not whole, or with ErrRefused that the
	// command did not run. When ctx ends first, the connection is closed, the
	// call returns at once with the cause, and the Executor is of no further
	// use.
	Exec(ctx context.Context, command, stdin string) (Output, error)
}

// ErrRefused is the error of Exec for a command that the server refused to run,
// since it is too long for it, say. The Executor remains of use.
var ErrRefused = errors.New("the server refused the command")

// ErrUntrusted is the error of Talk for a node that must not be told a secret:
// its host key was not on file before.
var ErrUntrusted = errors.New("its host key was not on file before (accept-new)")

// Talker is an Executor whose commands can be answered while they run.
type Talker interface {
	Executor
	// Talk runs command like Exec, but its standard input is what answer
	// says. After every read answer is called with all that was written so
	// far, one call at a time; the slices are its own until it returns. What
	// it gives is written to standard input, and with last set standard input
	// is closed behind it and answer is not called again. It fails with
	// ErrUntrusted, before it runs anything, where no secret may go.
	Talk(ctx context.Context, command string, answer func(stdout, stderr []byte) (input string, last bool)) (Output, error)
}

// Output is what one command wrote.
type Output struct {
	Stdout    []byte // at most OutputLimit bytes
	Stderr    []byte // at most StderrLimit bytes
	ExitCode  int    // -1: the node gave none (killed by a signal, or ForceCommand)
	Truncated bool   // Stdout was longer than OutputLimit; the rest was dropped
}

const (
	// OutputLimit bounds one command's standard output, in bytes.
	OutputLimit = 8 << 20
	// StderrLimit bounds one command's standard error, in bytes.
	StderrLimit = 16 << 10
)
