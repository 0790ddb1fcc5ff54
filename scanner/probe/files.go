package probe

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"kletscan/scanner/evidence"
)

// newFile begins a file; what was read is the frame's body, and the state
// frame that follows says what that is worth.
func (p *parser) newFile(f frame) error {
	pid, path, _ := f.words()
	if !bytes.HasPrefix(path, []byte("/")) {
		return fmt.Errorf("expected a pid and a path")
	}
	if len(p.ev.Files) >= maxFiles {
		return fmt.Errorf("more than %d files", maxFiles)
	}
	file := evidence.File{PID: number(pid), Path: string(path), UID: -1}
	p.body = f.body // nothing until its state is known
	same := func(old evidence.File) bool { return old.PID == file.PID && old.Path == file.Path }
	if i := slices.IndexFunc(p.ev.Files, same); i >= 0 {
		p.ev.Files[i] = file // asked again, with sudo
		p.file = &p.ev.Files[i]
	} else {
		p.ev.Files = append(p.ev.Files, file)
		p.file = &p.ev.Files[len(p.ev.Files)-1]
	}
	p.dir = nil
	return nil
}

func (p *parser) newDir(f frame) error {
	pid, path, _ := f.words()
	if !bytes.HasPrefix(path, []byte("/")) {
		return fmt.Errorf("expected a pid and a path")
	}
	dir := evidence.Dir{PID: number(pid), Path: string(path)}
	same := func(old evidence.Dir) bool { return old.PID == dir.PID && old.Path == dir.Path }
	if i := slices.IndexFunc(p.ev.Dirs, same); i >= 0 {
		p.ev.Dirs[i] = dir
		p.dir = &p.ev.Dirs[i]
	} else {
		if len(p.ev.Dirs) >= maxFiles {
			return fmt.Errorf("more than %d directories", maxFiles)
		}
		p.ev.Dirs = append(p.ev.Dirs, dir)
		p.dir = &p.ev.Dirs[len(p.ev.Dirs)-1]
	}
	p.file = nil
	return nil
}

// state ends a file or heads a directory: STATE no|sudo MTIME MODE UID.
func (p *parser) state(f frame) error {
	fields := strings.Fields(string(f.args))
	if len(fields) != 5 {
		return fmt.Errorf("expected five words after it")
	}
	state, sudo := evidence.State(fields[0]), fields[1] == "sudo"
	mtime := int64(number(fields[2]))
	switch state {
	case evidence.Present, evidence.Absent, evidence.Denied, evidence.NotRegular, evidence.Sealed, evidence.Withheld:
	default:
		return fmt.Errorf("unknown state")
	}
	switch {
	case p.file != nil:
		p.file.ModTime, p.file.Sudo = mtime, sudo
		if fields[3] != "-" {
			p.file.Mode = fields[3]
		}
		p.file.UID = owner(fields[4])
		p.fileState(state)
		p.file = nil
	case p.dir != nil:
		p.dir.State, p.dir.Sudo, p.dir.ModTime = state, sudo, mtime
		if sudo && state == evidence.Denied {
			p.dir.State, p.dir.Refusal = p.refused(p.dir.PID, p.dir.Path)
		}
	default:
		return fmt.Errorf("no file or directory before it")
	}
	return nil
}

func (p *parser) fileState(state evidence.State) {
	switch {
	case state == evidence.Denied && p.file.Sudo:
		p.file.State, p.file.Refusal = p.refused(p.file.PID, p.file.Path)
	case state == evidence.Present && len(p.body) >= fileLimit:
		p.file.State = evidence.Truncated
	default:
		p.file.State = state
	}
	if p.file.State != evidence.Present && p.file.State != evidence.Truncated {
		return // what was read before it turned out not to be sent
	}
	var ok bool
	if p.file.Content, ok = redact(string(p.body)); !ok {
		p.file.State = evidence.Sealed
	}
}

// refused tells what a command that failed as root means: that the file is not
// there is cat or find speaking with root's eyes; everything else is a refusal.
// sudo and doas miss files of their own, which says nothing of this one.
func (p *parser) refused(pid int, path string) (evidence.State, string) {
	if pid != 0 {
		path = fmt.Sprintf("/proc/%d/root%s", pid, path)
	}
	said := p.refusals[path]
	for _, line := range said {
		if !strings.HasPrefix(line, "cat: ") && !strings.HasPrefix(line, "find: ") || !strings.Contains(line, path) {
			continue
		}
		switch {
		case strings.HasSuffix(line, ": No such file or directory"):
			return evidence.Absent, ""
		case strings.HasSuffix(line, ": Is a directory"):
			return evidence.NotRegular, ""
		}
	}
	return evidence.Denied, refusalLine(said)
}

// entry is one name of the directory listed last.
func (p *parser) entry(f frame) error {
	// MTIME MODE UID PATH
	mtime, rest, _ := bytes.Cut(f.args, []byte(" "))
	_, rest, _ = bytes.Cut(rest, []byte(" "))
	_, path, ok := bytes.Cut(rest, []byte(" "))
	if !ok || p.dir == nil {
		return fmt.Errorf("expected a time, a mode, an owner and a path in a directory")
	}
	if p.entries++; p.entries > maxEntries {
		return fmt.Errorf("more than %d names", maxEntries)
	}
	target := strings.TrimSuffix(string(f.body), "\n")
	p.dir.Entries = append(p.dir.Entries, evidence.Entry{Path: string(path), Target: target, ModTime: int64(number(mtime))})
	return nil
}
