package systemd

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Unit is a service with its drop-ins applied. Make one with [Load] or
// [LoadOrdered].
type Unit struct {
	Name     string   // with its suffix
	Fragment string   // the path of the unit file
	DropIns  []string // paths, in the order systemd applies them

	host             Host
	commands         []execStart
	oneshot          bool
	environment      map[string]assignment // Environment=
	environmentFiles []EnvironmentFile
	pass, unset      []string // PassEnvironment=, UnsetEnvironment=
	missing          []string // unit files that nobody could read
	refused          string
	growth           int // by how many bytes specifiers have made settings longer
}

// assignment is a variable's value and where it comes from.
type assignment struct {
	value      text
	path       string
	rank       int      // of its source: 0 for Environment=, then 1 for the first environment file
	unresolved []string // the specifiers left in it
}

// EnvironmentFiles lists the environment files in effect, in the order systemd
// reads them: a later one overrides an earlier one, and all of them override
// Environment=.
func (u Unit) EnvironmentFiles() []EnvironmentFile {
	return slices.Clone(u.environmentFiles)
}

// read applies one unit file. Where systemd gives up on it, the settings
// before that place count, and a fragment makes the unit one that systemd
// refuses. The error is of size only.
func (u *Unit) read(f File, isFragment bool) error {
	if err := checkSize(f); err != nil {
		return err
	}
	if f.State != Present {
		u.missing = append(u.missing, f.missing())
		return nil
	}
	refusal := eachSetting(f, func(s setting) error {
		if s.section != "Service" {
			return nil
		}
		if err := u.apply(f.Path, s); err != nil {
			return fmt.Errorf("%s:%d: %s=: %w", f.Path, s.value.line(0), s.key, err)
		}
		return nil
	})
	if refusal != nil && isFragment {
		u.refused = refusal.Error()
	}
	return nil
}

// apply puts one setting of [Service] into effect.
func (u *Unit) apply(file string, s setting) error {
	switch s.key {
	case "Type":
		switch s.value.s {
		case "simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle":
			u.oneshot = s.value.s == "oneshot"
		}
	case "ExecStart":
		return u.addCommands(file, s.value)
	case "Environment":
		u.addEnvironment(file, s.value)
	case "EnvironmentFile":
		u.addEnvironmentFile(file, s.value)
	case "PassEnvironment":
		u.pass = u.addNames(u.pass, s.value)
	case "UnsetEnvironment":
		u.unset = u.addNames(u.unset, s.value)
	}
	return nil
}

// expand replaces the specifiers of t. All of a unit's together make it no
// longer than an argument vector may be.
func (u *Unit) expand(t text) (expanded text, unresolved []string, err error) {
	s := specifiers{unit: u.Name, fragment: u.Fragment, host: u.host, budget: maxArgv - u.growth}
	expanded, unresolved, err = s.expand(t)
	u.growth += max(0, len(expanded.s)-len(t.s))
	return expanded, unresolved, err
}

// addEnvironment reads one Environment= setting: assignments, each a word of
// its own, until one that cannot be read.
func (u *Unit) addEnvironment(file string, value text) {
	if value.s == "" {
		clear(u.environment)
		return
	}
	for w := (words{in: value}); ; {
		word, ok, err := w.next(strict)
		if !ok || err != nil {
			return
		}
		word, unresolved, err := u.expand(word)
		if err != nil {
			continue
		}
		key, _, ok := strings.Cut(word.s, "=")
		if !ok || !validName(key) || !utf8.ValidString(word.s) {
			continue
		}
		value := word.slice(len(key)+1, len(word.s))
		u.environment[key] = assignment{value: value, path: file, unresolved: unresolved}
	}
}

// addEnvironmentFile reads one EnvironmentFile= setting. Its value is one path
// without any quoting; what is not absolute or has ".." in it is ignored.
func (u *Unit) addEnvironmentFile(file string, value text) {
	if value.s == "" {
		u.environmentFiles = nil
		return
	}
	expanded, unresolved, err := u.expand(value)
	if err != nil {
		return
	}
	name, optional := strings.CutPrefix(expanded.s, "-")
	if !strings.HasPrefix(name, "/") || strings.Contains(name+"/", "/../") {
		return
	}
	u.environmentFiles = append(u.environmentFiles, EnvironmentFile{
		Path:     path.Clean(name),
		Optional: optional,
		Pattern:  len(unresolved) > 0 || strings.ContainsAny(name, "*?["),
		Source:   Position{Path: file, Line: value.line(0)},
	})
}

// addNames reads one PassEnvironment= or UnsetEnvironment= setting.
func (u *Unit) addNames(names []string, value text) []string {
	if value.s == "" {
		return nil
	}
	for w := (words{in: value}); ; {
		word, ok, err := w.next(strict)
		if !ok || err != nil {
			return names
		}
		if word, _, err = u.expand(word); err == nil {
			names = append(names, word.s)
		}
	}
}
