package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// watchMemory gives the most memory that a process has had, in bytes, when it is
// called after that has ended. The rusage of a child will not do: Linux counts
// in it what the parent had when it forked.
func watchMemory(t *testing.T, pid int) (peak func() (bytes int64, known bool)) {
	ended, told := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-ended:
				told <- most
				return
			case <-tick.C:
				most = max(most, highWater(pid))
			}
		}
	}()
	return func() (int64, bool) {
		close(ended)
		most := <-told
		if most == 0 {
			t.Errorf("no VmHWM in /proc/%d/status", pid)
		}
		return most, true
	}
}

// highWater is a process's VmHWM, in bytes; 0: it has ended.
func highWater(pid int) (bytes int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if _, line, found := strings.Cut(string(status), "\nVmHWM:"); found {
		_, _ = fmt.Sscanf(line, "%d kB", &bytes)
	}
	return bytes << 10
}
