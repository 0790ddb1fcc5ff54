//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// hold keeps other processes from writing to a file of results, until release or
// the end of this one. It locks the file itself, which must exist.
func hold(name string) (release func(), err error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}

// lock locks an open file, if its name is still its own: a scan that goes on puts
// another one in its place.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	if err != nil {
		return err
	}
	one, err := f.Stat()
	if err != nil {
		return err
	}
	if other, err := os.Stat(f.Name()); err != nil || !os.SameFile(one, other) {
		return errHeld
	}
	return nil
}

// syncDir writes the names of a directory to the disk, as far as its file system
// does that by itself and this user may ask for it.
func syncDir(name string) error {
	d, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
