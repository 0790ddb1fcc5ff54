package knownhosts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// ErrNotWritten is in Add's error if the key counts for this DB, but could not be
// written to the file.
var ErrNotWritten = errors.New("host key is known for this run only")

// Bounds of waiting for the lock of a file: 5 seconds in all.
const (
	lockTries = 1000
	lockPause = 5 * time.Millisecond
)

// Add is StrictHostKeyChecking=accept-new: it appends the key of a new host to
// file, which must be one of those that were loaded, and which is made with mode
// 0600, in a folder of mode 0700, if it does not exist. hashed is HashKnownHosts.
// A file that is a device, such as /dev/null, keeps nothing: the key counts for
// this DB.
//
// Before that, it reads what others have written to the file in the meantime, and
// checks again: a key that is there already is fine, and any other answer than
// Unknown is an error (that of Answer.Err). Nothing on file is ever replaced.
// Several processes may add to one file.
//
// A certificate is not added, nor the key in it: connect with Answer.Again for a
// plain key.
//
// If the error is ErrNotWritten, the key counts and the user should be warned. If
// it is another one, the key must not be used.
func (db *DB) Add(h Host, key ssh.PublicKey, file string, hashed bool) error {
	if err := addable(h, key); err != nil {
		return err
	}
	db.adding.Lock()
	defer db.adding.Unlock()
	f := db.loaded(file)
	if f == nil {
		return fmt.Errorf("%s: cannot add a host key: not one of the known_hosts files in use", file)
	}
	name := h.name
	if hashed {
		name = hashName(name)
	}
	text := name + " " + key.Type() + " " + keyText(key) + "\n"
	if info, err := os.Stat(file); err == nil && info.Mode()&fs.ModeDevice != 0 {
		return db.pin(h, key, file, text)
	}
	done, writeErr, err := db.write(h, key, f, text)
	if err != nil || done {
		return err
	}
	if err := db.pin(h, key, file, text); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w: make the file writable", ErrNotWritten, writeErr)
}

// addable tells whether the name and the key may be on a line.
func addable(h Host, key ssh.PublicKey) error {
	name := h.principal()
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`,*?!|#@"`, r) }
	switch {
	case name == "" || len(h.name) > maxPattern || strings.ContainsFunc(name, bad):
		return fmt.Errorf("host name %q: cannot stand in known_hosts: use a host name or an address", clip(name))
	case fields(key.Type()) == 0 || key.Type() == keyTypeDSA:
		return fmt.Errorf("host key of %s: a key of type %q is not added: want a plain ed25519, ecdsa or rsa key", h, clip(key.Type()))
	}
	return nil
}

func (db *DB) loaded(name string) *file {
	db.mu.RLock()
	defer db.mu.RUnlock()
	for _, f := range db.files {
		if f.name == name && !f.pinned {
			return f
		}
	}
	return nil
}

// write adds text to f. done: the key is on file. writeErr: it could not be
// written. err: it must not be.
func (db *DB) write(h Host, key ssh.PublicKey, f *file, text string) (done bool, writeErr, err error) {
	out, unlock, err := openLocked(f)
	if err != nil {
		return false, err, nil
	}
	defer unlock()
	if err := db.refresh(f, out); err != nil {
		return false, nil, err
	}
	if known, err := db.known(h, key); known || err != nil {
		return known, nil, err
	}
	if f.unended {
		text = "\n" + text
	}
	if _, err := out.WriteString(text); err != nil { // one write, one line
		return false, err, nil
	}
	info, _ := out.Stat() // nil: it is read again next time
	db.extend(f, text, info)
	return true, nil, nil
}

// known tells whether the key is on file. An error: it may not be added.
func (db *DB) known(h Host, key ssh.PublicKey) (bool, error) {
	a := db.Check(h, key, time.Time{}) // a plain key has no dates
	if a.State == Unknown {
		return false, nil
	}
	return a.State == OK, a.Err()
}

// pin keeps a key for this run.
func (db *DB) pin(h Host, key ssh.PublicKey, name, text string) error {
	if known, err := db.known(h, key); known || err != nil {
		return err
	}
	f := &file{name: name, pinned: true}
	db.mu.Lock()
	db.files = append(db.files, f)
	db.mu.Unlock()
	db.extend(f, text, nil)
	return nil
}

// extend takes in what was appended to a file.
func (db *DB) extend(f *file, text string, info os.FileInfo) {
	db.mu.Lock()
	defer db.mu.Unlock()
	f.parts, f.info = append(f.parts, text), info
	db.index.add(f, text)
}

// refresh takes in what others have written to a file since it was read. If
// something was only appended, only that is parsed.
func (db *DB) refresh(f *file, open *os.File) error {
	info, err := open.Stat()
	if err != nil {
		return err
	}
	if f.info != nil && os.SameFile(f.info, info) && f.info.ModTime().Equal(info.ModTime()) && info.Size() == f.size {
		return nil
	}
	text, info, err := readOpen(open)
	if err != nil {
		return err
	}
	rest := text
	appended := true
	for _, part := range f.parts {
		if rest, appended = strings.CutPrefix(rest, part); !appended {
			break
		}
	}
	if appended && !f.unended {
		db.extend(f, strings.Clone(rest), info)
		return nil
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	f.parts, f.info = []string{text}, info
	db.index = newIndex(db.files)
	return nil
}

// openLocked opens a known_hosts file for appending, and holds it against other
// processes until unlock, which closes it. A lock that was waited for in vain is
// not waited for again: the next host of the fleet would be late, too.
func openLocked(f *file) (out *os.File, unlock func(), err error) {
	for range lockTries {
		out, unlock, err = tryOpenLocked(f.name)
		if !errors.Is(err, errBusy) {
			f.stuck = false
			return out, unlock, err
		}
		if f.stuck {
			break
		}
		time.Sleep(lockPause)
	}
	f.stuck = true
	return nil, nil, err
}

func tryOpenLocked(name string) (out *os.File, unlock func(), err error) {
	if out, err = openAppend(name); err != nil {
		return nil, nil, err
	}
	release, err := tryLock(out)
	if err != nil {
		out.Close()
		return nil, nil, fmt.Errorf("lock %s: %w", name, err)
	}
	unlock = func() {
		out.Close()
		release()
	}
	if !isAt(out, name) { // another file was put in its place, as by ssh-keygen -R
		unlock()
		return nil, nil, fmt.Errorf("lock %s: %w", name, errBusy)
	}
	return out, unlock, nil
}

// openAppend makes the file, and the folder that it is in, if need be.
func openAppend(name string) (*os.File, error) {
	const flags = os.O_RDWR | os.O_APPEND | os.O_CREATE
	f, err := os.OpenFile(name, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(filepath.Dir(name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		f, err = os.OpenFile(name, flags, 0o600)
	}
	return f, err
}

// isAt tells whether f is still the file of that name.
func isAt(f *os.File, name string) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(name)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
