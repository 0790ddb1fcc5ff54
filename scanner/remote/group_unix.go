//go:build unix

package remote

import (
	"os/exec"
	"syscall"
)

// ownGroup lets a command and all that it starts be killed together, and keeps
// the terminal's Ctrl-C from it: the scan decides when it ends.
func ownGroup(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(command *exec.Cmd) {
	if command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // it may have ended
	}
}
