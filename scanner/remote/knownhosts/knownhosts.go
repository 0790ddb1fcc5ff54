// Package knownhosts reads OpenSSH's known_hosts files, judges the host keys
// that servers show by them, and adds keys of new hosts (accept-new).
//
// # Rules
//
// The rules are those of OpenSSH's client: hostfile.c (which lines are for a
// host), sshconnect.c, check_host_key (which key is accepted) and sshconnect2.c,
// order_hostkeyalgs (which keys to ask for):
//
//  1. A line is for a host if its hashed name is the host's, or if one of its
//     patterns matches and none that begins with ! does. The name is in lower
//     case, "[host]:port" unless the port is 22. A star matches any characters,
//     also those of a port.
//  2. A key that a @revoked line for the host holds is refused before anything
//     else; so is a certificate of such a key, or signed by one.
//  3. A certificate is accepted if a @cert-authority line for the host holds the
//     key that signed it, and if it is valid. If not, the key in it is judged
//     like a plain one: the server has proved to hold it.
//  4. A plain key is accepted if an unmarked line for the host holds it. If there
//     are only other keys, it is a mismatch, whatever their types.
//  5. If no line is for "[host]:port", those for "host" can accept or revoke
//     (OpenSSH's "checking without port identifier"), and do not mismatch.
//
// Where versions of OpenSSH differ, the newest decides: a host certificate may
// have wildcards in its principals, and needs at least one (both since 10.3).
//
// A line that cannot be used is skipped, with a warning, as OpenSSH does.
//
// # Use
//
// Connect with the algorithms of DB.Offer and give the server's key to DB.Check.
// If the answer has Again, connect once more with those algorithms and Check the
// new key; if the server has none of them, the first answer stands. With
// StrictHostKeyChecking=accept-new, give a plain key that is Unknown to DB.Add.
package knownhosts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxFileSize bounds a known_hosts file, in bytes: more than half a million
// lines.
const maxFileSize = 128 << 20

// Host is the name under which a server's key is looked up. The zero value is
// no host: nothing is on file for it.
type Host struct {
	name string // as in known_hosts
	bare string // without the port; "" if name has none
}

// Address is the host that listens at host:port: "host" for port 22 and for 0,
// "[host]:port" for others (put_host_port in OpenSSH's misc.c). The host is a
// name or an address without brackets. Its case does not matter; an IPv6 address
// is put in its shortest form, as ssh does.
func Address(host string, port int) Host {
	if address, err := netip.ParseAddr(host); err == nil {
		host = address.String()
	}
	host = lower(host)
	if port == 0 || port == 22 {
		return Host{name: host}
	}
	return Host{name: "[" + host + "]:" + strconv.Itoa(port), bare: host}
}

// Alias is the host that ssh_config's HostKeyAlias names: no port belongs to it.
// Its case does not matter.
func Alias(name string) Host { return Host{name: lower(name)} }

// String is the name as known_hosts has it.
func (h Host) String() string { return h.name }

// principal is the name that a certificate must be for.
func (h Host) principal() string {
	if h.bare != "" {
		return h.bare
	}
	return h.name
}

// names are the names to look for, one after the other.
func (h Host) names() []string {
	switch {
	case h.name == "":
		return nil
	case h.bare == "":
		return []string{h.name}
	}
	return []string{h.name, h.bare}
}

// DB is what some known_hosts files say. It is safe for concurrent use. Use
// Load.
type DB struct {
	adding sync.Mutex // one Add at a time, also while it waits for another process

	mu    sync.RWMutex // guards what follows
	files []*file
	index *index
}

// file is the text of one known_hosts file.
type file struct {
	name   string
	parts  []string    // in the pieces in which it was read and added to
	info   os.FileInfo // when last read or written; nil: it was not there
	pinned bool        // not in the file: a key that could not be written to it
	stuck  bool        // another process did not give up its lock

	// Of all parts, kept by the index:
	size    int64 // in bytes
	lines   int
	unended bool // the last one has no newline
}

// Load reads the files, in OpenSSH's order: the user's, then the system's. One
// that does not exist counts as empty. One that cannot be read, or that has more
// than 128 MiB, is an error: its revoked keys would not be known.
func Load(files []string) (*DB, error) {
	db := &DB{}
	for _, name := range files {
		text, info, err := read(name)
		if err != nil {
			return nil, err
		}
		db.files = append(db.files, &file{name: name, parts: []string{text}, info: info})
	}
	db.index = newIndex(db.files)
	return db, nil
}

// read gives the text of a known_hosts file. info is nil if it does not exist.
func read(name string) (text string, info os.FileInfo, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("known_hosts: %w: make it readable, or name another file", err)
	}
	defer f.Close()
	return readOpen(f)
}

func readOpen(f *os.File) (text string, info os.FileInfo, err error) {
	if info, err = f.Stat(); err != nil {
		return "", nil, fmt.Errorf("known_hosts: %w", err)
	}
	var b strings.Builder
	if info.Size() <= maxFileSize {
		b.Grow(int(info.Size()))
		if _, err := io.Copy(&b, io.LimitReader(f, maxFileSize+1)); err != nil {
			return "", nil, fmt.Errorf("known_hosts: %w: make it readable, or name another file", err)
		}
	}
	if max(info.Size(), int64(b.Len())) > maxFileSize {
		return "", nil, fmt.Errorf("known_hosts: %s: more than %d MiB: not a known_hosts file, name another", f.Name(), maxFileSize>>20)
	}
	return b.String(), info, nil
}

// Warnings tells of the lines that were skipped, each as "FILE:LINE: why". There
// are at most 20; one more gives the number of the others.
func (db *DB) Warnings() []string {
	db.mu.RLock()
	defer db.mu.RUnlock()
	list := slices.Clone(db.index.warnings)
	if more := db.index.bad - len(list); more > 0 {
		list = append(list, fmt.Sprintf("known_hosts: %d more bad lines skipped", more))
	}
	return list
}

// Line is a line of a known_hosts file.
type Line struct {
	File   string
	Number int // from 1; 0: not in the file, which could not be written (see Add)
	Marker Marker
	Type   string // of the key, such as "ssh-ed25519"
	Blob   []byte // the key in SSH's wire format (RFC 4253, section 6.6)
}

// String is FILE:LINE.
func (l Line) String() string {
	if l.Number == 0 {
		return l.File + " (this run only)"
	}
	return l.File + ":" + strconv.Itoa(l.Number)
}

// OnFile gives every line for h, in the order of the files, with those of
// authorities and revoked keys. It computes the hash of each hashed line.
func (db *DB) OnFile(h Host) []Line {
	if h.name == "" {
		return nil
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.index.show(db.index.named(newMatcher(h.name)))
}
