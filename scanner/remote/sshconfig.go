package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// configFile is one ssh_config file that has passed the strict check.
//
// kevinburke/ssh_config reads many lines otherwise than OpenSSH does: quotes,
// tabs, Match, # inside a word, Include and ~ of another user than the one we
// run as. So every line is split and checked here first, and the library gets
// a rendering that leaves it only what it does like OpenSSH: which Host
// blocks an alias matches. In that rendering a directive is its index in
// lines.
type configFile struct {
	blocks *ssh_config.Config
	lines  []directive
}

const (
	maxIncludeDepth = 16   // as OpenSSH's READCONF_MAX_DEPTH
	maxConfigFiles  = 4096 // against Includes that fan out
)

// configLoader reads ssh_config files. After an error it must not be used
// again.
type configLoader struct {
	home, systemDir string
	files           int
	ignored         []string // patterns of IgnoreUnknown so far
}

// origin is whose file it is: it decides where a relative Include points, and
// whether others may be able to write it.
type origin struct {
	system bool // below systemDir; otherwise relative to ~/.ssh
	strict bool // refuse a file that others can write, as OpenSSH does for ~/.ssh/config
}

// load reads file and what it includes. The error of a file that does not
// exist is fs.ErrNotExist; any other names the file and mostly the line.
func (l *configLoader) load(file string, from origin, depth int) (*configFile, error) {
	if l.files++; depth > maxIncludeDepth || l.files > maxConfigFiles {
		return nil, fmt.Errorf("%s: too many levels of Include: does a file include itself?", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ssh_config: %w", err)
	}
	if from.strict && runtime.GOOS != "windows" {
		if info, err := os.Stat(file); err == nil && info.Mode()&0o022 != 0 {
			return nil, fmt.Errorf("%s: others can write it, so it is not trusted: chmod go-w %[1]s", file)
		}
	}
	return l.parse(file, string(text), from, depth)
}

func (l *configLoader) parse(file, text string, from origin, depth int) (*configFile, error) {
	var f configFile
	var rendered strings.Builder
	for i, line := range strings.Split(text, "\n") {
		at := fmt.Sprintf("%s:%d", file, i+1)
		d, err := l.directive(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w (-F names another file, -F none uses no file)", at, err)
		}
		d.at = at
		switch d.keyword {
		case "":
			continue
		case "host":
			rendered.WriteString("Host " + strings.Join(d.args, " ") + "\n")
			continue
		case "match": // only "all" gets here
			rendered.WriteString("Host *\n")
			continue
		case "include":
			if d.include, err = l.includes(d.args, from, depth); err != nil {
				return nil, fmt.Errorf("%s: include: %w", at, err)
			}
		}
		fmt.Fprintf(&rendered, "Line %d\n", len(f.lines))
		f.lines = append(f.lines, d)
	}
	var err error
	if f.blocks, err = ssh_config.DecodeBytes([]byte(rendered.String())); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &f, nil
}

// directive reads one line. Its keyword is empty where there is nothing to act
// on.
func (l *configLoader) directive(line string) (directive, error) {
	keyword, rest, err := splitLine(line)
	if err != nil || keyword == "" {
		return directive{}, err
	}
	use := keywordUse[keyword]
	if use == unknownKeyword && !l.ignores(keyword) {
		return directive{}, fmt.Errorf("unknown keyword %q", keyword)
	}
	args, err := splitArgs(rest) // of every line: OpenSSH refuses a file for an open quote anywhere
	if err != nil {
		return directive{}, fmt.Errorf("%s: %w", keyword, err)
	}
	switch {
	case use == unknownKeyword || use == harmless:
		return directive{}, nil
	case keyword == "proxycommand" || keyword == "knownhostscommand": // a shell command: taken as it stands
		args = []string{rest}
	case use == acted:
		if err := checkArgs(keyword, args); err != nil {
			return directive{}, err
		}
	}
	if len(args) == 0 || args[0] == "" {
		return directive{}, fmt.Errorf("%s: its value is missing", keyword)
	}
	switch keyword {
	case "ignoreunknown":
		for _, arg := range args {
			l.ignored = append(l.ignored, strings.Split(strings.ToLower(arg), ",")...)
		}
		return directive{}, nil
	case "identityfile2":
		keyword = "identityfile"
	}
	return directive{keyword: keyword, args: args}, nil
}

func (l *configLoader) ignores(keyword string) bool {
	return slices.ContainsFunc(l.ignored, func(pattern string) bool {
		ok, err := filepath.Match(pattern, keyword)
		return ok && err == nil
	})
}

// includes reads the files that the patterns of one Include name. Patterns
// that match nothing are no error.
func (l *configLoader) includes(patterns []string, from origin, depth int) ([]*configFile, error) {
	base := filepath.Join(l.home, ".ssh")
	if from.system {
		base = l.systemDir
	}
	var files []*configFile
	for _, pattern := range patterns {
		if err := checkTokens("include", pattern); err != nil {
			return nil, err
		}
		path := expandHome(pattern, l.home)
		if !filepath.IsAbs(path) {
			path = filepath.Join(base, path)
		}
		names, err := filepath.Glob(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pattern, err)
		}
		for _, name := range names {
			f, err := l.load(name, from, depth+1)
			if errors.Is(err, fs.ErrNotExist) {
				continue // a dangling link
			}
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// expandHome replaces a leading ~ by the home directory.
func expandHome(path, home string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return filepath.Join(home, path[1:])
	}
	return path
}

// loadConfigs reads the files that cfg names: one given, or the user's and
// then the system's.
func loadConfigs(cfg Config) ([]*configFile, error) {
	switch cfg.SSHConfigFile {
	case "none":
		return nil, nil
	case "":
	default:
		l := &configLoader{home: cfg.Home, systemDir: cfg.SystemDir}
		f, err := l.load(cfg.SSHConfigFile, origin{}, 0)
		if err != nil {
			return nil, err
		}
		return []*configFile{f}, nil
	}
	var files []*configFile
	l := &configLoader{home: cfg.Home, systemDir: cfg.SystemDir}
	for _, one := range []struct {
		name string
		from origin
	}{
		{filepath.Join(cfg.Home, ".ssh", "config"), origin{strict: true}},
		{filepath.Join(cfg.SystemDir, "ssh_config"), origin{system: true}},
	} {
		f, err := l.load(one.name, one.from, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// settings is what the files say for one alias.
type settings struct {
	first         map[string]directive // by keyword: the first that applies wins
	identityFiles []string             // accumulates
}

// lookup goes once through the files in order.
func lookup(files []*configFile, alias string) settings {
	s := settings{first: make(map[string]directive)}
	for _, f := range files {
		f.collect(alias, &s)
	}
	return s
}

func (f *configFile) collect(alias string, s *settings) {
	for _, block := range f.blocks.Hosts {
		if !block.Matches(alias) {
			continue
		}
		for _, node := range block.Nodes {
			line, ok := node.(*ssh_config.KV)
			if !ok {
				continue
			}
			if i, err := strconv.Atoi(line.Value); err == nil && i < len(f.lines) {
				s.add(alias, f.lines[i])
			}
		}
	}
}

// mentions tells whether the file or an included one has one of the keywords.
func (f *configFile) mentions(keywords []string) bool {
	return slices.ContainsFunc(f.lines, func(d directive) bool {
		return slices.Contains(keywords, d.keyword) ||
			slices.ContainsFunc(d.include, func(f *configFile) bool { return f.mentions(keywords) })
	})
}

func (s *settings) add(alias string, d directive) {
	switch d.keyword {
	case "include":
		for _, f := range d.include {
			f.collect(alias, s)
		}
		return
	case "identityfile":
		if !slices.Contains(s.identityFiles, d.args[0]) {
			s.identityFiles = append(s.identityFiles, d.args[0])
		}
	case "proxyjump", "proxycommand": // whichever of the two comes first (ssh_config(5), ProxyJump)
		d.args = []string{d.args[0], d.keyword}
		d.keyword = "proxy"
	}
	if _, ok := s.first[d.keyword]; !ok {
		s.first[d.keyword] = d
	}
}

// value is the keyword's first value; empty: not set.
func (s *settings) value(keyword string) string {
	if d, ok := s.first[keyword]; ok {
		return d.args[0]
	}
	return ""
}
