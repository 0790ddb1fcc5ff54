package knownhosts

import (
	"errors"
	"os"
	"syscall"
)

// errBusy: another process, or another DB of this one, holds the lock.
var errBusy = errors.New("another process holds it")

const (
	deleteOnClose    = 0x04000000 // FILE_FLAG_DELETE_ON_CLOSE
	sharingViolation = syscall.Errno(32)
)

// tryLock opens a file beside it that nobody else may open, and that is gone when
// it is closed, also when the process dies.
func tryLock(f *os.File) (release func(), err error) {
	name, err := syscall.UTF16PtrFromString(f.Name() + ".lock")
	if err != nil {
		return nil, err
	}
	lock, err := syscall.CreateFile(name, syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, deleteOnClose, 0)
	if errors.Is(err, sharingViolation) || errors.Is(err, syscall.ERROR_ACCESS_DENIED) { // denied: just being deleted
		return nil, errBusy
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = syscall.CloseHandle(lock) }, nil
}
