package main

import (
	"errors"
	"fmt"
	"syscall"
)

const (
	deleteOnClose    = 0x04000000 // FILE_FLAG_DELETE_ON_CLOSE
	sharingViolation = syscall.Errno(32)
)

// hold keeps other processes from writing to a file of results, until release or
// the end of this one. A file that is open cannot be replaced here, so it is one
// beside it that nobody else may open, and that is gone when it is closed.
func hold(name string) (release func(), err error) {
	path, err := syscall.UTF16PtrFromString(name + ".lock")
	if err != nil {
		return nil, err
	}
	lock, err := syscall.CreateFile(path, syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, deleteOnClose, 0)
	if errors.Is(err, sharingViolation) || errors.Is(err, syscall.ERROR_ACCESS_DENIED) { // denied: just being deleted
		err = errHeld
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { _ = syscall.CloseHandle(lock) }, nil
}

// syncDir does nothing: NTFS keeps a journal of names.
func syncDir(string) error { return nil }
