//go:build unix

package knownhosts

import (
	"errors"
	"os"
	"syscall"
)

// errBusy: another process, or another DB of this one, holds the lock.
var errBusy = errors.New("another process holds it")

// tryLock locks the file itself. Closing it unlocks it, also when the process
// dies.
func tryLock(f *os.File) (release func(), err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, errBusy
	}
	return func() {}, err
}
