package remote

import "os/exec"

func ownGroup(*exec.Cmd) {}

// killGroup ends the command itself: Windows has no process groups to kill.
func killGroup(command *exec.Cmd) {
	if command.Process != nil {
		_ = command.Process.Kill() // it may have ended
	}
}
