package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// MaxBytes bounds one source, which is read as a whole.
const MaxBytes = 256 << 20

// Loader reads what the values of -i name. Its zero value reads files and
// directories in any format.
type Loader struct {
	Stdin   io.Reader                                                // for "-"; nil: refused
	Run     func(ctx context.Context, argv []string) ([]byte, error) // for "!command"; its output, at most MaxBytes; nil: refused
	Format  string                                                   // of every source; empty: recognised
	Options Options
	Home    string // of the operator, for the Include of an ssh_config; empty: an Include is a mistake
}

// Load reads sources and merges them (see Merge). A source is
//
//   - "-", standard input,
//   - "!command args", what a command prints; it is split into words as a shell
//     would, and run without one,
//   - a directory: every file in it, sorted by name, and in those below it.
//     Hidden files are passed over and, as Ansible does, group_vars, host_vars
//     and names that end in ~, .bak, .cfg, .ini, .md, .orig and the like; notes
//     says which,
//   - a file.
//
// Mistakes are reported together, as an *Errors beside the nodes that are right.
func (l Loader) Load(ctx context.Context, sources []string) (nodes []Node, notes []string, err error) {
	var (
		lists [][]Node
		errs  Errors
		stdin bool
	)
	if l.Home != "" {
		l.Options.Include = l.include
	}
	for _, source := range sources {
		var texts []Source
		switch {
		case source == "-" && stdin:
			err = errors.New("-: standard input twice: expected it once")
		case source == "-":
			stdin = true
			texts, err = l.stdin()
		case strings.HasPrefix(source, "!"):
			texts, err = l.command(ctx, source)
		default:
			texts, notes, err = walk(source, notes, 0)
		}
		if err != nil {
			errs.join(err)
			continue
		}
		for _, text := range texts {
			text.Options = l.Options
			list, err := l.parse(text)
			if err != nil {
				errs.join(err)
			}
			lists = append(lists, list)
		}
	}
	nodes, err = Merge(lists...)
	if err != nil {
		errs.join(err)
	}
	return nodes, notes, errs.orNil()
}

// parse reads one text, and looks for variables that Ansible would read with
// it.
func (l Loader) parse(s Source) ([]Node, error) {
	if bytes.HasPrefix(s.Text, []byte("#!")) {
		return nil, fmt.Errorf("%s:1: a script: expected an inventory, or '!%s --list' to run it", s.Name, s.Name)
	}
	nodes, err := Parse(s, l.Format)
	f, _ := formatOf(s.Text, l.Format)
	if strings.HasPrefix(f.Name, "ansible") && s.Name != "-" && s.Name[0] != '!' {
		if unread := unreadVars(filepath.Dir(s.Name)); unread != nil {
			var errs Errors
			if err != nil {
				errs.join(err)
			}
			errs.stop(unread)
			return nodes, &errs
		}
	}
	return nodes, err
}

func (l Loader) stdin() ([]Source, error) {
	if l.Stdin == nil {
		return nil, errors.New("-: no standard input here: expected a file")
	}
	text, err := readAll("-", l.Stdin, MaxBytes)
	return []Source{{Name: "-", Text: text}}, err
}

func (l Loader) command(ctx context.Context, source string) ([]Source, error) {
	argv, err := splitWords(source[1:])
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", quote(source), err)
	case l.Run == nil:
		return nil, fmt.Errorf("%s: no commands are run here: expected a file", quote(source))
	}
	text, err := l.Run(ctx, argv)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", quote(source), err)
	}
	return []Source{{Name: "!" + argv[0], Text: text}}, nil
}

// include reads what an Include of an ssh_config names (ssh_config(5)).
func (l Loader) include(pattern string) (texts []Source, err error) {
	switch below, home := strings.CutPrefix(pattern, "~/"); {
	case home:
		pattern = filepath.Join(l.Home, below)
	case !filepath.IsAbs(pattern):
		pattern = filepath.Join(l.Home, ".ssh", pattern)
	}
	files, err := filepath.Glob(pattern) // sorted
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := ReadFile(file)
		if err != nil {
			return nil, err
		}
		texts = append(texts, Source{Name: file, Text: text})
	}
	return texts, nil
}

// ReadFile reads a file of at most MaxBytes.
func ReadFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(name, file, MaxBytes)
}

func readAll(name string, in io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("%s: more than %d bytes: expected an inventory", name, limit)
	}
	return text, nil
}

// maxDirs bounds directories in directories, which links can close to a ring.
const maxDirs = 8

// ignored are the ends of names that Ansible passes over in a directory
// (INVENTORY_IGNORE_EXTS), but for .txt, which is what plain lists are called.
var ignored = []string{"~", ".bak", ".cfg", ".ini", ".md", ".orig", ".pyc", ".pyo", ".retry", ".rpm", ".rst", ".swp"}

// walk reads a file, or all files in a directory.
func walk(name string, notes []string, depth int) ([]Source, []string, error) {
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		text, err := ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("inventory: %w: expected a readable file behind -i", err)
		}
		return []Source{{Name: name, Text: text}}, notes, err
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, notes, fmt.Errorf("inventory: %w: expected a readable directory behind -i", err)
	}
	if depth == maxDirs {
		return nil, notes, fmt.Errorf("%s: more than %d directories in each other: expected fewer", name, maxDirs)
	}
	var texts []Source
	for _, entry := range entries { // sorted
		base := entry.Name()
		switch {
		case base[0] == '.' || base == "group_vars" || base == "host_vars" || base == "vars_plugins":
			continue
		case slices.ContainsFunc(ignored, func(end string) bool { return strings.HasSuffix(base, end) }):
			notes = append(notes, fmt.Sprintf("%s: passed over, as Ansible does in a directory: -i with its name reads it", filepath.Join(name, base)))
			continue
		}
		var below []Source
		below, notes, err = walk(filepath.Join(name, base), notes, depth+1)
		if err != nil {
			return nil, notes, err
		}
		texts = append(texts, below...)
	}
	if len(texts) == 0 && depth == 0 {
		return nil, notes, fmt.Errorf("%s: no inventory in this directory: expected at least one", name)
	}
	return texts, notes, nil
}

// connectionVar is a variable that says where or as whom Ansible logs in.
var connectionVar = regexp.MustCompile(`(?m)(?:^|[{,])[ \t]*["']?(ansible_(?:host|port|user|connection|ssh_[a-z_]+))["']?[ \t]*[:=]`)

// unreadVars finds a variable beside an Ansible inventory that it would not be
// right to leave unread.
func unreadVars(dir string) error {
	for _, sub := range []string{"group_vars", "host_vars"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				if errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				return err
			}
			text, err := ReadFile(name)
			if err != nil {
				return err
			}
			if found := connectionVar.FindSubmatchIndex(text); found != nil {
				at := Position{File: name, Line: 1 + bytes.Count(text[:found[2]], []byte("\n"))}
				return mistake(at, string(text[found[2]:found[3]]),
					"group_vars and host_vars are not read: expected -i '!ansible-inventory -i %s --list', which reads them", dir)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// splitWords splits a command as a POSIX shell does that expands nothing. What
// only a shell could do is refused where it is not quoted.
func splitWords(text string) (words []string, err error) {
	var (
		word  []byte
		open  bool // a word has begun
		quote byte // the quote that it is in; 0: none
	)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(text) && (quote == 0 || strings.IndexByte("\"\\$`", text[i+1]) >= 0):
			i++
			word, open = append(word, text[i]), true
		case quote != 0:
			word = append(word, c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if open {
				words, word, open = append(words, string(word)), word[:0], false
			}
		case strings.IndexByte("|&;<>()$`*?~", c) >= 0:
			return nil, fmt.Errorf("%q outside quotes: no shell runs this: expected it in quotes, or sh -c 'the whole of it'", c)
		default:
			word, open = append(word, c), true
		}
	}
	if open {
		words = append(words, string(word))
	}
	switch {
	case quote != 0:
		return nil, fmt.Errorf("quote without an end: expected another %c", quote)
	case len(words) == 0 || words[0] == "":
		return nil, errors.New("no command: expected one, as in !cat FILE")
	}
	return words, nil
}
