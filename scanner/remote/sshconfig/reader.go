package sshconfig

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

const (
	maxIncludeDepth = 16      // readconf.c READCONF_MAX_DEPTH
	maxFiles        = 4096    // against Includes that fan out
	maxFileSize     = 8 << 20 // bytes; a block takes about a hundred
)

// directive is one line of a file that has passed the strict check.
type directive struct {
	name    string        // lower case, no alias
	words   []string      // for a command: the rest of the line
	at      string        // FILE:LINE
	include []*configFile // what an Include names
}

// configFile is one file whose lines have passed the strict check.
//
// kevinburke/ssh_config reads many lines otherwise than OpenSSH does: quotes,
// tabs, Match, # inside a word, Include. So every line is split and checked
// here, and the library gets a rendering that leaves it only what it does like
// OpenSSH: which Host blocks with wildcards an alias matches. In that
// rendering a line is its index in lines.
type configFile struct {
	lines     []directive
	hosts     []*ssh_config.Host // the blocks
	nodes     [][]int            // the lines of each
	wildcards []int              // blocks with a wildcard or a negation, ascending
	literals  map[string][]int   // the other blocks, by pattern, ascending
}

// reader loads files, and finds out whether they can be read here at all.
type reader struct {
	home, systemDir string
	files           []*configFile
	count           int
	ignored         []string    // patterns of IgnoreUnknown
	outside         string      // FILE:LINE: the first reason to leave all files to ssh
	hostFiles       []directive // every line that lists known_hosts files, wherever it applies
}

// place is where a file stands: what a relative Include means in it, and
// whether others may be able to write it.
type place struct {
	base  string // of a relative Include
	trust bool   // others must not be able to write it: ~/.ssh/config, and whatever is included
	depth int    // of Include
}

// leave notes that the files must be left to ssh.
func (r *reader) leave(at, why string) {
	if r.outside == "" {
		r.outside = at + ": " + why
	}
}

// load reads one file. The error wraps fs.ErrNotExist where there is none; any
// other names the file, and is what OpenSSH refuses too.
func (r *reader) load(file string, from place) (*configFile, error) {
	if from.depth > maxIncludeDepth {
		return nil, fmt.Errorf("%s: more than %d levels of Include: expected no file that includes itself", file, maxIncludeDepth)
	}
	if r.count++; r.count > maxFiles {
		r.leave(file, fmt.Sprintf("more than %d files", maxFiles))
		return &configFile{}, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("ssh_config: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("ssh_config: %w", err)
	}
	if from.trust {
		if err := r.checkOwner(file, info); err != nil {
			return nil, err
		}
	}
	if info.IsDir() {
		r.leave(file, "a folder")
		return &configFile{}, nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("ssh_config: %w", err)
	}
	if len(text) > maxFileSize {
		r.leave(file, "a file of more than 8 MiB")
		return &configFile{}, nil
	}
	return r.parse(file, string(text), from)
}

// checkOwner is readconf.c read_config_file_depth's check of owner and mode.
// Debian lets the user's own group write, so that is for ssh to judge.
func (r *reader) checkOwner(file string, info fs.FileInfo) error {
	others, group := writers(info)
	if others {
		return fmt.Errorf("%s: everyone can write it, so ssh refuses it: expected chmod go-w %[1]s", file)
	}
	if group {
		r.leave(file, "another user or a group can write it")
	}
	return nil
}

func (r *reader) parse(file, text string, from place) (*configFile, error) {
	f := &configFile{literals: make(map[string][]int)}
	var rendered strings.Builder
	number, block := 0, 0 // block 0 is what stands before the first Host
	f.wildcards = []int{0}
	for line := range strings.SplitSeq(text, "\n") {
		number++
		d, err := r.directive(line, fmt.Sprintf("%s:%d", file, number), from.depth == 0 && block == 0)
		if err != nil {
			return nil, err
		}
		switch d.name {
		case "":
			continue
		case "host":
			block++
			rendered.WriteString("Host " + strings.Join(d.words, " ") + "\n")
			f.index(block, d.words)
			continue
		case "match": // only "all" gets here
			block++
			rendered.WriteString("Host *\n")
			f.wildcards = append(f.wildcards, block)
			continue
		case "include":
			if d.include, err = r.includes(d, from); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(&rendered, "Line %d\n", len(f.lines))
		f.lines = append(f.lines, d)
	}
	if r.outside != "" {
		return f, nil
	}
	blocks, err := ssh_config.DecodeBytes([]byte(rendered.String()))
	if err != nil || len(blocks.Hosts) != block+1 {
		r.leave(file, "the library reads it otherwise")
		return f, nil
	}
	f.hosts = blocks.Hosts
	for _, host := range f.hosts {
		f.nodes = append(f.nodes, f.linesOf(host))
	}
	return f, nil
}

// linesOf are the lines that the library has in a block.
func (f *configFile) linesOf(host *ssh_config.Host) (lines []int) {
	for _, node := range host.Nodes {
		kv, ok := node.(*ssh_config.KV)
		if !ok {
			continue
		}
		if i, err := strconv.Atoi(kv.Value); err == nil && i < len(f.lines) {
			lines = append(lines, i)
		}
	}
	return lines
}

func (f *configFile) index(block int, patterns []string) {
	if slices.ContainsFunc(patterns, func(p string) bool { return strings.ContainsAny(p, "*!") }) {
		f.wildcards = append(f.wildcards, block)
		return
	}
	for _, p := range patterns {
		if blocks := f.literals[p]; len(blocks) == 0 || blocks[len(blocks)-1] != block {
			f.literals[p] = append(blocks, block)
		}
	}
}

// directive reads one line. Its name is empty where there is nothing to act
// on. global tells that the line applies to every alias. An error is what
// every OpenSSH refuses.
func (r *reader) directive(line, at string, global bool) (directive, error) {
	name, rest, err := splitLine(line)
	if left, ok := errors.AsType[errLeft](err); ok {
		r.leave(at, string(left))
		return directive{}, nil
	}
	if err != nil {
		return directive{}, fmt.Errorf("%s: %w", at, err)
	}
	if name == "" {
		return directive{}, nil
	}
	words, err := splitWords(rest) // of every line: OpenSSH refuses a file for an open quote anywhere
	if err != nil {
		return directive{}, fmt.Errorf("%s: %s: %w", at, name, err)
	}
	k, known := keywordsByName[name]
	switch {
	case (!known || k.reads == nil && k.use == harmless) && r.ignores(name):
		return directive{}, nil
	case !known:
		r.leave(at, fmt.Sprintf("the keyword %q is not known", name))
		return directive{}, nil
	case k.name == "globalknownhostsfile" || k.name == "userknownhostsfile":
		r.hostFiles = append(r.hostFiles, directive{name: k.name, words: words, at: at})
	}
	if k.name == "proxycommand" || k.name == "knownhostscommand" || k.name == "proxyjump" {
		words = []string{rest}
	}
	if k.reads == nil || !k.reads(words) {
		r.leave(at, fmt.Sprintf("%s: a value that only ssh itself reads", name))
		return directive{}, nil
	}
	if k.name == "ignoreunknown" {
		r.ignore(at, words[0], global)
		return directive{}, nil
	}
	if k.use == harmless {
		return directive{}, nil
	}
	return directive{name: k.name, words: words, at: at}, nil
}

// ignore takes the patterns of IgnoreUnknown: OpenSSH follows the first that
// applies, and no other.
func (r *reader) ignore(at, list string, global bool) {
	if !global {
		r.leave(at, "ignoreunknown in a block or in an included file")
		return
	}
	if r.ignored == nil {
		r.ignored = strings.Split(strings.ToLower(list), ",")
	}
}

func (r *reader) ignores(name string) bool {
	return matchesAny(name, r.ignored)
}

// includes reads the files that the patterns of one Include name. Patterns
// that match nothing are no error.
func (r *reader) includes(d directive, from place) ([]*configFile, error) {
	var files []*configFile
	for _, pattern := range d.words {
		if rest, ok := strings.CutPrefix(pattern, "~/"); ok {
			pattern = filepath.Join(r.home, rest)
		} else if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(from.base, pattern)
		}
		for _, name := range glob(pattern) {
			f, err := r.load(name, place{base: from.base, trust: true, depth: from.depth + 1})
			if errors.Is(err, fs.ErrNotExist) {
				continue // a dangling link
			}
			if err != nil {
				return nil, fmt.Errorf("%s: include: %w", d.at, err)
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// glob is glob(3) for a * in the last element: sorted by bytes, and a * does
// not stand for a leading dot.
func glob(pattern string) []string {
	folder, last := filepath.Split(pattern)
	if !strings.Contains(last, "*") {
		return []string{pattern}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil // as glob(3) without GLOB_ERR
	}
	var names []string
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(last, ".")
		if ok, _ := path.Match(last, e.Name()); ok && !hidden {
			names = append(names, filepath.Join(folder, e.Name()))
		}
	}
	return names
}

// loadAll reads the files that opts names: one given, or the user's and then
// the system's.
func (r *reader) loadAll(given string) error {
	user := filepath.Join(r.home, ".ssh")
	if given == "none" {
		return nil
	}
	if given != "" {
		f, err := r.load(given, place{base: user})
		if err != nil {
			return err
		}
		r.files = []*configFile{f}
		return nil
	}
	for _, one := range []struct {
		file string
		from place
	}{
		{filepath.Join(user, "config"), place{base: user, trust: true}},
		{filepath.Join(r.systemDir, "ssh_config"), place{base: r.systemDir}},
	} {
		f, err := r.load(one.file, one.from)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		r.files = append(r.files, f)
	}
	return nil
}

// lookup returns what the files say for one alias.
func (r *reader) lookup(alias string) directives {
	d := directives{values: make(map[string][]string), at: make(map[string]string)}
	for _, f := range r.files {
		f.collect(alias, &d)
	}
	if d.isNone("proxyjump") {
		delete(d.values, "proxyjump")
	}
	return d
}

// collect adds the lines of the blocks that match, in their order.
func (f *configFile) collect(alias string, d *directives) {
	literal := f.literals[alias]
	for _, i := range f.wildcards {
		for len(literal) > 0 && literal[0] < i {
			f.collectBlock(literal[0], alias, d)
			literal = literal[1:]
		}
		if f.hosts[i].Matches(alias) {
			f.collectBlock(i, alias, d)
		}
	}
	for _, i := range literal {
		f.collectBlock(i, alias, d)
	}
}

func (f *configFile) collectBlock(block int, alias string, d *directives) {
	for _, i := range f.nodes[block] {
		line := f.lines[i]
		for _, included := range line.include {
			included.collect(alias, d)
		}
		if line.name != "include" {
			d.add(line)
		}
	}
}
