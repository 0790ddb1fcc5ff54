package sshconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxOutput bounds what ssh -G may print; it prints about 4 KiB.
const maxOutput = 1 << 20

// client asks the ssh program.
type client struct {
	program, file string
	environ       []string
	timeout       time.Duration
	slots         chan struct{} // one for each ssh at work
	once          chan struct{} // holds one token while self is found out
	self          *itself
}

// itself is what the ssh program says without any file.
type itself struct {
	local
	systemDir string
	dump      map[string][]string
	expanded  map[string]bool
}

func newClient(o Options) *client {
	c := &client{
		program: o.SSH, file: o.File, environ: slices.Concat([]string{}, o.Environ), timeout: o.Timeout,
		once: make(chan struct{}, 1),
	}
	if c.timeout <= 0 {
		c.timeout = 5 * time.Second
	}
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	c.slots = make(chan struct{}, o.Parallel)
	return c
}

// ask runs ssh -G. BatchMode is not set: ssh -G asks nothing, and Debian's ssh
// takes another ServerAliveInterval with it.
func (c *client) ask(ctx context.Context, args ...string) (map[string][]string, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	stdout, stderr := bounded{limit: maxOutput, full: cancel}, bounded{limit: 16 << 10}
	cmd := exec.CommandContext(limited, c.program, append([]string{"-G"}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.environ, &stdout, &stderr
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case stdout.cut:
		return nil, fmt.Errorf("%s -G printed more than %d bytes: expected an OpenSSH client", c.program, maxOutput)
	case limited.Err() != nil:
		return nil, fmt.Errorf("%s -G did not answer within %v: does a Match exec of ssh_config hang?", c.program, c.timeout)
	case errors.Is(err, exec.ErrWaitDelay): // ssh is done; a child of Match exec still holds its stderr
	case err != nil:
		return nil, fmt.Errorf("%s -G: %w: %s", c.program, err, oneLine(stderr.kept.String()))
	}
	return parseDump(stdout.kept.String())
}

// oneLine quotes what ssh says, without the line it says about every stdin
// that is no terminal.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "Pseudo-terminal") {
			lines = append(lines, line)
		}
	}
	return strconv.Quote(strings.Join(lines, "; "))
}

// bounded keeps the first bytes and calls full when there are more. The buffer
// is a field: an embedded one would lend its ReadFrom, which knows no bound.
type bounded struct {
	kept  bytes.Buffer
	limit int
	full  func()
	cut   bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.kept.Len()
	if len(p) <= room {
		return b.kept.Write(p)
	}
	b.kept.Write(p[:room])
	if b.cut = true; b.full != nil {
		b.full()
	}
	return len(p), nil
}

// repeats are the keywords that ssh -G may print on several lines (readconf.c
// dump_client_config).
var repeats = []string{
	"certificatefile", "dynamicforward", "identityfile", "localforward", "permitremoteopen", "remoteforward", "sendenv", "setenv",
}

// parseDump reads the output of ssh -G: a keyword and its value on each line.
// A keyword on a second line that has no business there is an error: a value
// may then hold a line break.
func parseDump(text string) (map[string][]string, error) {
	dump := make(map[string][]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		name = strings.ToLower(name)
		if name == "" {
			return nil, fmt.Errorf("ssh -G printed %q: expected a keyword and a value", line)
		}
		if k, ok := keywordsByName[name]; ok {
			name = k.name
		}
		if dump[name] != nil && !slices.Contains(repeats, name) {
			return nil, fmt.Errorf("ssh -G printed %s twice: expected no line break in a value", name)
		}
		dump[name] = append(dump[name], value)
	}
	if dump["hostname"] == nil {
		return nil, errors.New("ssh -G printed no hostname: expected an OpenSSH client")
	}
	return dump, nil
}

const probeHost = "probe.invalid" // RFC 2606; nothing is looked up

// know finds out, once, what the program says without any file: its defaults,
// the home directory and names that it expands with, and which values it prints
// expanded, all of which differ between versions and builds.
func (c *client) know(ctx context.Context) (*itself, error) {
	select {
	case c.once <- struct{}{}:
		defer func() { <-c.once }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.self != nil {
		return c.self, nil
	}
	dump, err := c.ask(ctx, "-F", "none", "--", probeHost)
	if err != nil {
		return nil, err
	}
	shown, err := c.ask(ctx, "-F", "none", "-l", "u", "-p", "1", "-o", "ControlPath=~/%%|%l|%i|%u|%C", "-o", "ProxyJump=j",
		"-o", "IdentityAgent=/%%", "-o", "IdentityFile=/%%", "-o", "CertificateFile=/%%", "-o", "UserKnownHostsFile=/%%",
		"-o", "GlobalKnownHostsFile=/%%", "--", probeHost)
	if err != nil {
		return nil, err
	}
	if c.self, err = newItself(dump, shown); err != nil {
		return nil, fmt.Errorf("%s -G: %w", c.program, err)
	}
	return c.self, nil
}

func newItself(dump, shown map[string][]string) (*itself, error) {
	self := &itself{dump: dump, expanded: map[string]bool{"hostname": true}}
	first := func(dump map[string][]string, name string) string { return strings.Join(dump[name], " ") }
	parts := strings.Split(first(shown, "controlpath"), "|")
	if len(parts) != 5 || !strings.HasSuffix(parts[0], "/%") {
		return nil, fmt.Errorf("it prints ControlPath as %q: expected OpenSSH 7.3 or later", first(shown, "controlpath"))
	}
	self.home = strings.TrimSuffix(parts[0], "/%")
	self.host, self.uid, self.user = parts[1], parts[2], parts[3]
	self.hashesJump = parts[4] == connectionHash(self.host, probeHost, "1", "u", "j")
	self.expanded["controlpath"] = true
	for _, name := range []string{"identityagent", "identityfile", "certificatefile", "userknownhostsfile"} {
		self.expanded[name] = first(shown, name) == "/%"
	}
	folder, _, ok := strings.Cut(first(dump, "globalknownhostsfile"), "/ssh_known_hosts ")
	if ok && strings.HasPrefix(folder, "/") { // Windows prints __PROGRAMDATA__\ssh
		self.systemDir = folder
	}
	return self, nil
}

// lookup asks for one query.
func (c *client) lookup(ctx context.Context, q Query) (map[string][]string, error) {
	var args []string
	if c.file != "" {
		args = append(args, "-F", c.file)
	}
	if q.User != "" {
		args = append(args, "-l", q.User)
	}
	if q.Port != 0 {
		args = append(args, "-p", strconv.Itoa(q.Port))
	}
	return c.ask(ctx, append(args, "--", q.Alias)...)
}

// defaulted are the keywords whose value means "not set" where it is the
// program's own.
var defaulted = []string{
	"casignaturealgorithms", "ciphers", "globalknownhostsfile", "hostkeyalgorithms", "identityfile", "kexalgorithms",
	"macs", "pubkeyacceptedalgorithms", "userknownhostsfile",
}

// directives takes from a dump what applies. A guarded keyword, and one that
// this package does not know, is refused where it differs from what the
// program says without any file.
func (i *itself) directives(dump map[string][]string) (directives, error) {
	d := directives{values: make(map[string][]string), at: make(map[string]string), expanded: i.expanded}
	for _, name := range slices.Sorted(maps.Keys(dump)) {
		values := dump[name]
		k, known := keywordsByName[name]
		same := slices.Equal(values, i.dump[name])
		switch {
		case known && k.use == harmless || name == "host": // newer ones print the alias as host
		case !known || k.use == guarded:
			if value := strings.Join(values, " "); !same && !neutral(value) {
				d.refused = append(d.refused, Refused{Keyword: name, Value: value})
			}
		case same && slices.Contains(defaulted, name):
		case values[0] == "":
			return d, fmt.Errorf("ssh -G prints an empty %s: ssh_config leaves nothing of it", name)
		default:
			d.values[name] = values
		}
	}
	return d, nil
}

// splitHostFiles finds the paths in a list that ssh -G has printed with blanks
// between them. Several paths are told apart from a path with a blank by the
// lines that may have set them.
func (s *settler) splitHostFiles(name string) {
	values := s.values[name]
	if s.hostFiles == nil || values == nil || !strings.Contains(values[0], " ") {
		return
	}
	var found [][]string
	for _, line := range s.hostFiles {
		if line.name != name {
			continue
		}
		expanded := line.words
		if s.expanded[name] {
			expanded = s.expandAll(name, line.words)
		}
		if strings.Join(expanded, " ") == values[0] && !slices.ContainsFunc(found, func(f []string) bool { return slices.Equal(f, expanded) }) {
			found = append(found, expanded)
		}
	}
	if len(found) != 1 {
		s.fail(fmt.Errorf("%s: ssh -G prints %q, which does not tell where a path ends: expected paths without blanks", name, values[0]))
		return
	}
	s.values[name] = found[0]
}

func (s *settler) expandAll(name string, words []string) []string {
	expanded := make([]string, 0, len(words))
	for _, word := range words {
		text, err := s.expand(name, word)
		if err != nil {
			return nil
		}
		expanded = append(expanded, text)
	}
	return expanded
}

// sameFolder compares paths as the platform does, roughly: a false no is an
// error message, and there is no false yes.
func sameFolder(a, b string) bool {
	return filepath.ToSlash(filepath.Clean(a)) == filepath.ToSlash(filepath.Clean(b))
}
