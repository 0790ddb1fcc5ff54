package sshconfig

import (
	"slices"
	"strings"
)

// Algorithms is one algorithm list of ssh_config: Ciphers, KexAlgorithms,
// MACs, HostKeyAlgorithms, PubkeyAcceptedAlgorithms or CASignatureAlgorithms.
// The zero value is a list that is not set.
type Algorithms struct {
	list string
}

// ParseAlgorithms takes a list as ssh_config writes it: names or patterns
// separated by commas, after an optional +, - or ^. The empty string is a
// list that is not set.
func ParseAlgorithms(list string) Algorithms { return Algorithms{list} }

// IsSet tells whether ssh_config sets the list.
func (a Algorithms) IsSet() bool { return a.list != "" }

// String returns the list as it was set: as it stands in the file, or written
// out in full where it comes from ssh -G; empty if it is not set.
func (a Algorithms) String() string { return a.list }

// Of returns the algorithms to offer, best first, for a library that offers
// defaults on its own and supports supported. A list that is not set gives
// defaults; + adds to them, - takes away, ^ puts first, and any other list
// replaces them; patterns stand for the supported names that they match
// (OpenSSH kex.c kex_assemble_names). Only supported names are returned, each
// once; none is left where the list and the library have nothing in common, and
// then there must be no connection.
func (a Algorithms) Of(defaults, supported []string) []string {
	if a.list == "" {
		return slices.Clone(defaults)
	}
	patterns := strings.Split(strings.TrimLeft(a.list[:1], "+-^")+a.list[1:], ",")
	switch a.list[0] {
	case '+':
		patterns = slices.Concat(defaults, patterns)
	case '^':
		patterns = slices.Concat(patterns, defaults)
	case '-':
		return slices.DeleteFunc(slices.Clone(defaults), func(name string) bool { return matchesAny(name, patterns) })
	}
	var names []string
	for _, pattern := range patterns {
		for _, name := range supported {
			if matchPattern(name, pattern) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func matchesAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matchPattern(name, pattern) })
}

// matchPattern knows * and ? (OpenSSH match.c match_pattern). It takes at most
// len(s) * len(pattern) steps.
func matchPattern(s, pattern string) bool {
	star, retry := -1, 0
	i, j := 0, 0
	for i < len(s) {
		switch {
		case j < len(pattern) && pattern[j] == '*':
			star, retry = j, i
			j++
		case j < len(pattern) && (pattern[j] == '?' || pattern[j] == s[i]):
			i++
			j++
		case star >= 0:
			retry++
			i, j = retry, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[j:], "*") == ""
}
