//go:build unix

package sshconfig

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes cmd the leader of a process group, and ends the whole group
// with it: Match exec starts children.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// writers tells who but the user may write a file: everyone, or another user
// or a group.
func writers(info fs.FileInfo) (everyone, another bool) {
	mode := info.Mode().Perm()
	stat, ok := info.Sys().(*syscall.Stat_t)
	foreign := ok && stat.Uid != 0 && int(stat.Uid) != os.Getuid()
	return mode&0o002 != 0, mode&0o020 != 0 || foreign
}
