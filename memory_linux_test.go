package main

import (
	"os"
	"syscall"
)

// peakMemory is how many bytes an ended process had resident at most.
func peakMemory(ended *os.ProcessState) (bytes int64, known bool) {
	usage, ok := ended.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, false
	}
	return usage.Maxrss << 10, true
}
