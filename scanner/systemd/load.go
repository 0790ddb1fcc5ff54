package systemd

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

const serviceSuffix = ".service"

// searchPath is where the system manager looks for units, first found wins:
// table 1 of systemd.unit(5). Debian without merged /usr has /lib before
// /usr/lib.
var searchPath = []string{
	"/etc/systemd/system.control",
	"/run/systemd/system.control",
	"/run/systemd/transient",
	"/run/systemd/generator.early",
	"/etc/systemd/system",
	"/etc/systemd/system.attached",
	"/run/systemd/system",
	"/run/systemd/system.attached",
	"/run/systemd/generator",
	"/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",
	"/lib/systemd/system",
	"/run/systemd/generator.late",
}

var (
	// ErrNotFound is what Load returns when no file is the unit's own.
	ErrNotFound = errors.New("no unit file")
	// ErrMasked is what Load returns for a unit file that is empty or a link
	// to /dev/null: systemd does not start it in any way.
	ErrMasked = errors.New("masked")
)

// Load reads the service called name, such as "kubelet.service", from the
// unit files and drop-ins that were found on a node, given in any order. It
// chooses and orders them as systemd.unit(5) says: first the unit itself, in
// the first directory of the search path that has it, else its template; then
// the drop-ins of all directories together, in the order of their file names,
// where one in an earlier directory hides those of the same name. Absent files
// and those that systemd would not look at are ignored.
//
// The error wraps [ErrNotFound] or [ErrMasked], or says which name or size is
// out of bounds. What systemd refuses for another reason is no error: see
// [Command.Refused].
func Load(name string, host Host, files []File) (Unit, error) {
	if err := checkName(name); err != nil {
		return Unit{}, err
	}
	byPath := make(map[string]File, len(files))
	for _, f := range files {
		if f.State != Absent {
			byPath[path.Clean(f.Path)] = f
		}
	}
	fragment, ok := findFragment(name, byPath)
	if !ok {
		return Unit{}, fmt.Errorf("%s: %w in the search path of systemd", name, ErrNotFound)
	}
	return LoadOrdered(name, host, fragment, findDropIns(name, byPath))
}

// LoadOrdered is Load for files that systemd itself named, FragmentPath and
// DropInPaths of systemctl show: nothing is chosen or sorted.
func LoadOrdered(name string, host Host, fragment File, dropIns []File) (Unit, error) {
	if err := checkName(name); err != nil {
		return Unit{}, err
	}
	switch {
	case fragment.State == Absent:
		return Unit{}, fmt.Errorf("%s: %w at %s", name, ErrNotFound, fragment.Path)
	case fragment.State == Present && fragment.Content == "":
		return Unit{}, fmt.Errorf("%s: %w by %s", name, ErrMasked, fragment.Path)
	}
	u := Unit{Name: name, Fragment: fragment.Path, host: host, environment: map[string]assignment{}}
	if err := u.read(fragment, true); err != nil {
		return Unit{}, err
	}
	for _, f := range dropIns {
		if f.State == Absent {
			continue
		}
		u.DropIns = append(u.DropIns, f.Path)
		if err := u.read(f, false); err != nil {
			return Unit{}, err
		}
	}
	return u, nil
}

// checkName accepts the names of services: systemd.unit(5) on valid names.
func checkName(name string) error {
	const valid = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@"
	prefix, ok := strings.CutSuffix(name, serviceSuffix)
	if !ok || prefix == "" || prefix[0] == '@' || len(name) > 255 || strings.Trim(prefix, valid) != "" {
		return fmt.Errorf("unit %q: expected the name of a service, such as kubelet.service", name)
	}
	return nil
}

// template is the template of an instance, "a@.service" of "a@b.service".
func template(name string) (string, bool) {
	prefix, instance, ok := strings.Cut(strings.TrimSuffix(name, serviceSuffix), "@")
	return prefix + "@" + serviceSuffix, ok && instance != ""
}

func findFragment(name string, files map[string]File) (File, bool) {
	names := []string{name}
	if t, ok := template(name); ok {
		names = append(names, t)
	}
	for _, n := range names {
		for _, dir := range searchPath {
			if f, ok := files[path.Join(dir, n)]; ok {
				return f, true
			}
		}
	}
	return File{}, false
}

// findDropIns gives the drop-ins in the order systemd applies them. Masks,
// which are empty, stay in: they change nothing.
func findDropIns(name string, files map[string]File) []File {
	inDir := map[string][]File{}
	for p, f := range files {
		if strings.HasSuffix(p, ".conf") && !strings.HasPrefix(path.Base(p), ".") {
			inDir[path.Dir(p)] = append(inDir[path.Dir(p)], f)
		}
	}
	found := map[string]bool{}
	var dropIns []File
	collect := func(dir string) {
		for _, f := range inDir[dir] {
			if base := path.Base(f.Path); !found[base] {
				found[base] = true
				dropIns = append(dropIns, f)
			}
		}
	}
	names := dropInNames(name)
	for _, dir := range searchPath {
		for _, n := range names {
			collect(path.Join(dir, n+".d"))
		}
	}
	for _, dir := range searchPath {
		collect(path.Join(dir, "service.d"))
	}
	slices.SortFunc(dropIns, func(a, b File) int { return cmp.Compare(path.Base(a.Path), path.Base(b.Path)) })
	return dropIns
}

// dropInNames are the names whose .d directories count for a unit, most
// specific first: itself, its template, and each name cut after a dash
// ("k3s-agent.service", "k3s-.service").
func dropInNames(name string) []string {
	names := []string{name}
	t, isInstance := template(name)
	if isInstance {
		names = append(names, dropInNames(t)...)
	}
	prefix, instance, _ := strings.Cut(strings.TrimSuffix(name, serviceSuffix), "@")
	shorter := strings.TrimSuffix(prefix, "-")
	dash := strings.LastIndexByte(shorter, '-')
	if dash <= 0 {
		return names
	}
	next := shorter[:dash+1]
	if isInstance {
		next += "@" + instance
	}
	for _, n := range dropInNames(next + serviceSuffix) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
