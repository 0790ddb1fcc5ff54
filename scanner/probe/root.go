package probe

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"kletscan/scanner/evidence"
)

// Root reads a node's files without the node: a directory that mirrors its
// root, such as a golden image, a support bundle or a mounted disk. It looks
// for what a survey looks for and, like it, never writes and runs nothing.
// Symbolic links are followed inside the directory, absolute ones too, and
// never out of it.
type Root struct {
	dir string
}

// OpenRoot checks that dir is a directory that can be read.
func OpenRoot(dir string) (Root, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return Root{}, err
	}
	if !info.IsDir() {
		return Root{}, fmt.Errorf("%s: expected a directory that mirrors a node's root", dir)
	}
	return Root{dir: dir}, nil
}

// Survey collects what a survey of the running node would have, but for
// processes: there are none.
func (r Root) Survey() *evidence.Evidence {
	ev := &evidence.Evidence{Host: evidence.Host{System: "Linux", User: "this user"}}
	if name, err := r.read("/etc/hostname"); err == nil {
		ev.Host.Name = printable(bytes.TrimSpace(name))
	}
	if release, err := r.read("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(release)) {
			if value, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
				ev.Host.OSRelease = strings.Trim(printable([]byte(value)), "\"'\n")
			}
		}
	}
	for _, w := range r.survey() {
		if r.exists(w.Path) {
			r.fetch(ev, w)
		}
	}
	return ev
}

// survey is what the script's survey looks for, in its order.
func (r Root) survey() []evidence.Want {
	var wants []evidence.Want
	add := func(kind evidence.Kind, names ...string) {
		for _, name := range names {
			wants = append(wants, evidence.Want{Kind: kind, Path: name})
		}
	}
	for _, service := range Services {
		for _, dir := range []string{"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"} {
			unit := dir + "/systemd/system/" + service + ".service"
			add(evidence.Text, unit)
			add(evidence.Text, r.glob(unit+".d", ".conf")...)
		}
		add(evidence.Text, "/etc/init.d/"+service, "/etc/conf.d/"+service)
	}
	add(evidence.Text, environments...)
	add(evidence.KubeletConfig, configs...)
	add(evidence.DropInDir, dropIns...)
	add(evidence.Text, arguments...)
	for _, config := range ranchers {
		add(evidence.RancherConfig, config)
		add(evidence.RancherConfig, r.glob(config+".d", ".yaml")...)
	}
	add(evidence.CertDir, certDirs...)
	add(evidence.CertFile, Authorities...)
	return wants
}

// Fetch adds what wants name to ev. What cannot be had is in there, too, as
// absent or denied.
func (r Root) Fetch(ev *evidence.Evidence, wants []evidence.Want) {
	for _, w := range wants {
		r.fetch(ev, w)
	}
}

func (r Root) fetch(ev *evidence.Evidence, w evidence.Want) {
	switch w.Kind {
	case evidence.DropInDir:
		r.dropIns(ev, w.Path)
	case evidence.CertDir:
		r.names(ev, w.Path)
	case evidence.Program, evidence.Served: // nothing is run
	default:
		if ev.File(w.PID, w.Path) == nil && len(ev.Files) < maxFiles {
			f := r.file(w.Kind, w.Path)
			f.PID = w.PID
			ev.Files = append(ev.Files, f)
		}
	}
}

// file reads one file as far as its kind lets it be kept.
func (r Root) file(kind evidence.Kind, name string) evidence.File {
	f := evidence.File{Path: name, UID: -1, Sudo: true} // nobody more powerful can be asked
	info, err := r.stat(name)
	if err != nil {
		f.State = stateOf(err)
		return f
	}
	f.ModTime, f.Mode = info.ModTime().Unix(), fmt.Sprintf("%o", info.Mode().Perm())
	if !info.Mode().IsRegular() {
		f.State = evidence.NotRegular
		return f
	}
	content, err := r.read(name)
	switch {
	case err != nil:
		f.State = stateOf(err)
		return f
	case kind == evidence.KubeletConfig && len(content) > 0 && !bytes.Contains(content, []byte("KubeletConfiguration")):
		f.State = evidence.Withheld
		return f
	case len(content) >= fileLimit:
		f.State = evidence.Truncated
	default:
		f.State = evidence.Present
	}
	if kind == evidence.CertFile {
		content = certificates(content)
	}
	var ok bool
	if f.Content, ok = redact(string(content)); !ok {
		f.State = evidence.Sealed
	}
	return f
}

// certificates is a PEM file without its keys.
func certificates(content []byte) []byte {
	var kept []byte
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return kept
		}
		if block.Type == "CERTIFICATE" {
			kept = append(kept, pem.EncodeToMemory(block)...)
		}
	}
}

// dropIns reads every *.conf below dir, as the kubelet would find them: links
// to files count, links to directories are not entered.
func (r Root) dropIns(ev *evidence.Evidence, dir string) {
	if ev.Dir(0, dir) != nil {
		return
	}
	d := evidence.Dir{Path: dir, State: evidence.Present, Sudo: true}
	target, err := r.resolve(dir)
	if err != nil {
		d.State = stateOf(err)
		ev.Dirs = append(ev.Dirs, d)
		return
	}
	if info, err := os.Stat(target); err == nil {
		d.ModTime = info.ModTime().Unix()
	}
	if link, err := r.lstat(dir); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		ev.Dirs = append(ev.Dirs, d) // filepath.WalkDir does not enter it
		return
	}
	err = filepath.WalkDir(target, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() && strings.HasSuffix(name, ".conf") {
			rel, err := filepath.Rel(target, name)
			if err != nil {
				return err
			}
			r.fetch(ev, evidence.Want{Kind: evidence.KubeletConfig, Path: path.Join(dir, filepath.ToSlash(rel))})
		}
		return nil
	})
	if err != nil {
		d.State = stateOf(err)
	}
	ev.Dirs = append(ev.Dirs, d)
}

// names lists the certificates in dir, never their contents.
func (r Root) names(ev *evidence.Evidence, dir string) {
	if ev.Dir(0, dir) != nil {
		return
	}
	d := evidence.Dir{Path: dir, State: evidence.Present}
	target, err := r.resolve(dir)
	if err != nil {
		d.State = stateOf(err)
		ev.Dirs = append(ev.Dirs, d)
		return
	}
	entries, err := os.ReadDir(target)
	if err != nil {
		d.State = stateOf(err)
	}
	for _, entry := range entries {
		if !strings.Contains(entry.Name(), "kubelet") || len(d.Entries) >= maxEntries {
			continue
		}
		e := evidence.Entry{Path: path.Join(dir, entry.Name())}
		e.Target, _ = os.Readlink(filepath.Join(target, entry.Name()))
		if info, err := entry.Info(); err == nil {
			e.ModTime = info.ModTime().Unix()
		}
		d.Entries = append(d.Entries, e)
	}
	ev.Dirs = append(ev.Dirs, d)
}

// stateOf tells what is not there from what may not be seen.
func stateOf(err error) evidence.State {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP):
		return evidence.Absent
	case errors.Is(err, syscall.EISDIR):
		return evidence.NotRegular
	}
	return evidence.Denied
}

func (r Root) exists(name string) bool {
	_, err := r.lstat(name)
	return err == nil || stateOf(err) != evidence.Absent
}

// glob lists the names in dir that end in suffix, sorted.
func (r Root) glob(dir, suffix string) []string {
	target, err := r.resolve(dir)
	if err != nil {
		return nil
	}
	entries, _ := os.ReadDir(target)
	var names []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), suffix) {
			names = append(names, path.Join(dir, entry.Name()))
		}
	}
	slices.Sort(names)
	return names
}

func (r Root) stat(name string) (fs.FileInfo, error) {
	target, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	return os.Lstat(target)
}

func (r Root) lstat(name string) (fs.FileInfo, error) {
	dir, err := r.resolve(path.Dir(name))
	if err != nil {
		return nil, err
	}
	return os.Lstat(filepath.Join(dir, path.Base(name)))
}

// read gives at most fileLimit bytes of a regular file.
func (r Root) read(name string) ([]byte, error) {
	target, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(target); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fs.ErrInvalid) // a FIFO would block
	}
	f, err := os.Open(target)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, fileLimit))
}

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// resolve follows name inside the directory as a process with that root would,
// and gives the real path of what it ends at.
func (r Root) resolve(name string) (string, error) {
	at, rest := "/", strings.Split(path.Clean("/"+name), "/")[1:]
	for links := 0; len(rest) > 0; {
		next := path.Join(at, rest[0]) // ".." at the top stays there
		rest = rest[1:]
		target, err := os.Readlink(r.real(next))
		if err != nil { // not a link
			if _, err := os.Lstat(r.real(next)); err != nil {
				return "", err
			}
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: %w", name, syscall.ELOOP)
		}
		if path.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(path.Clean(strings.TrimPrefix(filepath.ToSlash(target), "/")), "/"), rest...)
	}
	return r.real(at), nil
}

func (r Root) real(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }
