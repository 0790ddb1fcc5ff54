//go:build unix

package sshdtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// killTree kills a process of ours and its descendants. sshd puts every
// connection into a session of its own, so that no process group has them all.
func killTree(p *os.Process) {
	// A parent that is stopped makes no more children, and reaps none, so that
	// their numbers stay theirs.
	if p.Signal(syscall.SIGSTOP) != nil {
		return // reaped, and its number may be somebody else's
	}
	killChildren(p.Pid)
	_ = p.Kill()
}

func killChildren(pid int) {
	for _, child := range children(pid) {
		_ = syscall.Kill(child, syscall.SIGSTOP)
		killChildren(child)
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
}

// children are the processes whose parent is pid.
func children(pid int) []int {
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil { // not Linux
		list, _ = exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	}
	var pids []int
	for _, field := range bytes.Fields(list) {
		if child, err := strconv.Atoi(string(field)); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}
