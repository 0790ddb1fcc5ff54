//go:build unix

package main

import (
	"math"
	"syscall"
)

// openFiles is how many files this process may have open, which Go has raised to
// the most that is allowed; 0: not known.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
