package inventory

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	maxIncludes = 16   // levels of files that include files, as in OpenSSH
	maxIncluded = 1000 // files that one ssh_config includes
)

// parseSSHConfig reads the aliases of an ssh_config: the words of its Host lines
// without "*", "?" and "!" (ssh_config(5)). A node has its alias, nothing more:
// ssh_config itself says later where that leads. Match names no aliases. An
// Include within a block counts for what the block matches only, as in ssh, so
// that aliases in it are taken if the block is Host and matches them. The errors
// are those of Parse.
func parseSSHConfig(s Source) ([]Node, error) {
	r := sshConfigReader{list: newList(), include: s.Include, seen: map[string]bool{}, open: map[string]bool{}}
	r.read(s, nil, 0)
	return r.list.orEmpty(s.Name, "Host lines with names in them")
}

// sshConfigReader reads an ssh_config and the files that it includes.
type sshConfigReader struct {
	list    *list
	include func(pattern string) ([]Source, error) // nil: nothing can be included
	seen    map[string]bool                        // aliases
	open    map[string]bool                        // files that are being read
	files   int                                    // files that were included
	full    bool
}

// block is the Host line that an Include stands behind; nil: none.
type block struct {
	outer    *block
	patterns []string // nil: a Match line, which may match anything or nothing
}

// matches reports whether the options behind b may count for an alias.
func (b *block) matches(alias string) bool {
	if b == nil {
		return true
	}
	matched := false
	for _, pattern := range b.patterns {
		if negated, ok := strings.CutPrefix(pattern, "!"); ok {
			if matchPattern(negated, alias) {
				return false
			}
		} else if matchPattern(pattern, alias) {
			matched = true
		}
	}
	return matched && b.outer.matches(alias)
}

// read reads one file, which stands in the block outer.
func (r *sshConfigReader) read(s Source, outer *block, depth int) {
	r.open[s.Name] = true
	defer delete(r.open, s.Name)
	at := Position{File: s.Name}
	inside := outer
	for line := range bytes.Lines(s.Text) {
		at.Line++
		at.Column = 0
		if len(line) > maxLine {
			r.list.errs.stop(tooLong(at))
			return
		}
		keyword, words, problem := sshConfigLine(strings.TrimRight(string(line), " \t\r\n\f"))
		if problem != "" {
			r.list.errs.add(mistake(at, strings.TrimSpace(string(line)), "%s", problem))
			continue
		}
		switch keyword {
		case "host":
			inside = &block{outer: outer}
			for _, w := range words {
				inside.patterns = append(inside.patterns, w.text)
			}
			for _, w := range words {
				at.Column = w.at + 1
				r.alias(at, w.text, outer)
			}
		case "match":
			inside = &block{outer: outer}
			if len(words) == 1 && strings.EqualFold(words[0].text, "all") {
				inside.patterns = []string{"*"}
			}
		case "include":
			for _, w := range words {
				at.Column = w.at + 1
				r.follow(at, w.text, inside, depth)
			}
		}
	}
}

// alias adds a word of a Host line.
func (r *sshConfigReader) alias(at Position, alias string, outer *block) {
	if strings.ContainsAny(alias, "*?!") || r.seen[alias] || r.full || !outer.matches(alias) {
		return
	}
	r.seen[alias] = true
	if problem := checkHost(alias); problem != "" {
		r.list.errs.add(mistake(at, alias, "%s", problem))
		return
	}
	r.full = !r.list.add(Node{Name: alias, Host: alias, Source: at})
}

// follow reads the files of an Include.
func (r *sshConfigReader) follow(at Position, pattern string, inside *block, depth int) {
	switch {
	case r.include == nil:
		r.list.errs.add(mistake(at, pattern, "Include cannot be followed here: expected a file without it"))
		return
	case depth == maxIncludes:
		r.list.errs.add(mistake(at, pattern, "files include each other at more than %d levels: expected fewer", maxIncludes))
		return
	}
	files, err := r.include(pattern)
	if err != nil {
		r.list.errs.add(fmt.Errorf("%s: Include %s: %w", at, quote(pattern), err))
	}
	for _, file := range files {
		switch r.files++; {
		case r.open[file.Name]:
			r.list.errs.stop(mistake(at, file.Name, "the file includes itself: expected no cycle"))
		case r.files > maxIncluded:
			r.list.errs.stop(mistake(at, file.Name, "more than %d files are included: expected fewer", maxIncluded))
			return
		default:
			r.read(file, inside, depth+1)
		}
	}
}

// sshConfigLine splits a line into its keyword, in lower case, and the words
// behind it. The keyword is empty where there is none.
func sshConfigLine(line string) (keyword string, words []word, problem string) {
	start := len(line) - len(strings.TrimLeft(line, " \t"))
	if start == len(line) || line[start] == '#' {
		return "", nil, ""
	}
	end := start
	for end < len(line) && !strings.ContainsRune(" \t=", rune(line[end])) {
		end++
	}
	keyword = strings.ToLower(strings.Trim(line[start:end], `"`))
	if keyword != "host" && keyword != "match" && keyword != "include" {
		return keyword, nil, ""
	}
	rest := strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	offset := len(line) - len(rest)
	words, problem = splitShell(rest, false)
	for i := range words {
		words[i].at += offset
		if strings.HasPrefix(words[i].text, "#") {
			words = words[:i] // a comment, as OpenSSH reads it since 8.7
			break
		}
	}
	if problem == "" && len(words) == 0 {
		problem = "expected words behind " + quote(keyword)
	}
	return keyword, words, problem
}

// matchPattern reports whether a pattern of ssh_config matches an alias: "*" is
// any text, "?" any byte. Upper and lower case differ, as in OpenSSH.
func matchPattern(pattern, alias string) bool {
	star, from := -1, 0 // the last "*", and what of alias it has not taken
	p, a := 0, 0
	for a < len(alias) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, a
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == alias[a]):
			p++
			a++
		case star >= 0:
			from++
			p, a = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// looksSSHConfig reports a text whose first line is Host, Match or Include. No
// other format can begin so; an ssh_config that begins otherwise is recognised
// by its name, --inventory-format ssh-config, only.
func looksSSHConfig(text []byte) bool {
	for line := range bytes.Lines(text) {
		keyword, words, problem := sshConfigLine(strings.TrimRight(string(line[:min(len(line), maxLine)]), " \t\r\n"))
		if keyword != "" || problem != "" {
			return problem == "" && len(words) > 0
		}
	}
	return false
}
