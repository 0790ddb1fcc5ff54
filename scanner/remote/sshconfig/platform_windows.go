package sshconfig

import (
	"io/fs"
	"os/exec"
)

// ownGroup leaves cmd as it is: Windows has no process groups to end.
func ownGroup(*exec.Cmd) {}

// writers knows nothing on Windows, where modes do not tell.
func writers(fs.FileInfo) (everyone, another bool) { return false, false }
