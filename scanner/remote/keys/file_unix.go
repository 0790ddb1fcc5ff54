//go:build !windows

package keys

import (
	"io/fs"
	"os"
	"syscall"
)

// open does not wait for a writer where the path is a FIFO.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// unprotected finds a file of this user that others may read, write or
// execute. Like ssh, it does not judge files of other users: authfile.c,
// sshkey_perm_ok.
func unprotected(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode()&0o077 != 0 && (!ok || int(stat.Uid) == os.Getuid())
}
