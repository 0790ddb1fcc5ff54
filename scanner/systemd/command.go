package systemd

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// maxArgv bounds an argument vector, in bytes with one more for each word: the
// kernel's limit with its default stack (execve(2), 8 MiB / 4).
const maxArgv = 2 << 20

// systemVariables are those that systemd itself may give to a service:
// systemd.exec(5), "Environment Variables Set or Propagated by the Service
// Manager". One that no file assigns is not known, rather than unset.
var systemVariables = []string{
	"PATH", "LANG", "LANGUAGE", "USER", "LOGNAME", "HOME", "SHELL", "INVOCATION_ID", "XDG_RUNTIME_DIR",
	"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY",
	"CREDENTIALS_DIRECTORY", "MAINPID", "MANAGERPID", "SYSTEMD_EXEC_PID", "LISTEN_FDS", "LISTEN_PID",
	"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "TERM", "LOG_NAMESPACE",
	"JOURNAL_STREAM", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE", "FDSTORE",
}

// Command is what systemd would start, with the environment files that env
// holds, each as the node gave it; order and files of other units do not
// matter. A file that is not in env counts as [Unread].
//
// An unread file is in Missing only if a variable of the command may come from
// it: a command without variables is proven without any environment file.
func (u Unit) Command(env []File) Command {
	c := Command{Missing: slices.Clone(u.missing), Refused: u.refused}
	vars := u.environ(env)
	if c.Refused == "" {
		c.Refused = vars.refused
	}
	if reason := u.countRefusal(); c.Refused == "" && len(u.missing) == 0 {
		c.Refused = reason
	}
	if len(u.commands) == 0 {
		return c
	}
	start := u.commands[len(u.commands)-1]
	e := newExpander(vars)
	c.Path = Word{start.path.s, Position{Path: start.file, Line: start.path.line(0)}}
	c.Argv = e.argv(start)
	if e.size > maxArgv {
		c.Argv, c.Refused = nil, fmt.Sprintf("%s: more than %d bytes of arguments", u.Name, maxArgv)
	}
	for _, specifier := range start.unresolved {
		e.lack(c.Path.Source.String() + ": only the node can resolve the specifier " + specifier)
	}
	if start.shell {
		e.lack(c.Path.Source.String() + ": the | prefix hands the command to a shell")
	}
	c.Missing = append(c.Missing, e.lacking()...)
	return c
}

// Variable is what the unit's processes find in their environment under name,
// with env as for [Unit.Command]. set is false for a variable without a value;
// it is proven only where missing is empty.
func (u Unit) Variable(name string, env []File) (value Word, set bool, missing []string) {
	e := newExpander(u.environ(env))
	if a, ok := e.lookup(name); ok {
		value, set = e.word(a.value, a.path, name), true
	}
	return value, set, append(slices.Clone(u.missing), e.lacking()...)
}

// countRefusal is systemd.service(5), ExecStart=: "Unless Type= is oneshot,
// exactly one command must be given."
func (u Unit) countRefusal() string {
	switch n := len(u.commands); {
	case n == 0:
		return u.Name + ": no ExecStart= in effect"
	case n > 1 && !u.oneshot:
		last := u.commands[n-1]
		return fmt.Sprintf("%s: %d commands, the last at %s:%d, expected one: an empty ExecStart= must come before it",
			u.Name, n, last.file, last.path.line(0))
	}
	return ""
}

// environ is what the variables of a command are looked up in.
type environ struct {
	vars    map[string]assignment
	unset   map[string]bool // UnsetEnvironment= took it away, whatever its value
	pass    map[string]bool
	unread  []unreadFile // in the order of systemd
	refused string
}

// unreadFile is an environment file that may hold anything.
type unreadFile struct {
	rank   int
	reason string
}

// environ merges Environment= and the environment files in the order of
// systemd.exec(5), "Environment Variables in Spawned Processes".
func (u Unit) environ(env []File) environ {
	e := environ{vars: maps.Clone(u.environment), unset: map[string]bool{}, pass: map[string]bool{}}
	for _, name := range u.pass {
		e.pass[name] = true
	}
	given := map[string]File{}
	for _, f := range env {
		given[path.Clean(f.Path)] = f
	}
	last := map[string]int{} // reading a file twice adds nothing to the second time
	for i, f := range u.environmentFiles {
		last[f.Path] = i
	}
	for i, f := range u.environmentFiles {
		if last[f.Path] == i {
			e.merge(f, given[f.Path], i+1, u.host.Systemd)
		}
	}
	for _, name := range u.unset {
		key, value, isAssignment := strings.Cut(name, "=")
		if !isAssignment {
			e.unset[key] = true
		} else if a, ok := e.vars[key]; ok && a.value.s == value {
			a.value = text{}
			e.vars[key] = a
		}
	}
	return e
}

// merge applies one environment file.
func (e *environ) merge(setting EnvironmentFile, f File, rank, version int) {
	f.Path = setting.Path
	reason := ""
	switch {
	case setting.Pattern:
		reason = f.Path + ": a pattern, its files are not known"
	case f.State == Absent && setting.Optional:
	case f.State == Absent:
		e.refuse(fmt.Sprintf("%s does not exist, and %s names it without \"-\"", f.Path, setting.Source))
	case f.State != Present:
		reason = f.missing()
	case len(f.Content) > maxFile:
		reason = fmt.Sprintf("%s: %v", f.Path, errTooLarge)
	default:
		vars, err := parseEnvironmentFile(f, version)
		if err != nil && !setting.Optional {
			e.refuse(fmt.Sprintf("%s %v", f.Path, err))
		}
		for name, a := range vars {
			a.rank = rank
			e.vars[name] = a
		}
	}
	if reason != "" {
		e.unread = append(e.unread, unreadFile{rank, reason})
	}
}

func (e *environ) refuse(why string) {
	if e.refused == "" {
		e.refused = why
	}
}
