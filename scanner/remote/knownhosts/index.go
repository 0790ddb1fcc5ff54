package knownhosts

import (
	"crypto/fips140"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxWarnings bounds what a file full of bad lines says.
const maxWarnings = 20

// index finds the lines for a key or for a name. Lists hold positions in lines,
// which are in the order of the files.
type index struct {
	lines    []line
	byName   map[string][]int32 // lines with literal names only, by each of them
	byKey    map[string][]int32 // all others, by the key's base64
	patterns []int32            // lines with wildcards or negation
	hashed   []int32

	hashedTypes       []string // of the unmarked hashed lines, each once
	hashedAuthorities []int32

	warnings []string
	bad      int // lines, with those that have no warning
}

func newIndex(files []*file) *index {
	ix := &index{byKey: make(map[string][]int32), byName: make(map[string][]int32)}
	for _, f := range files {
		f.size, f.lines, f.unended = 0, 0, false
		for _, part := range f.parts {
			ix.add(f, part)
		}
	}
	return ix
}

// add takes in the next part of a file.
func (ix *index) add(f *file, text string) {
	if text == "" {
		return
	}
	f.size += int64(len(text))
	if f.unended {
		text = strings.TrimPrefix(text, "\n")
	}
	f.unended = !strings.HasSuffix(text, "\n")
	for text != "" {
		var this string
		this, text, _ = strings.Cut(text, "\n")
		f.lines++
		l, ok, err := parseLine(this)
		switch {
		case err != nil:
			ix.warn(f, err)
		case ok:
			l.file, l.number = f, int32(f.lines)
			if f.pinned {
				l.number = 0
			}
			ix.addLine(l)
		}
	}
}

func (ix *index) warn(f *file, err error) {
	ix.bad++
	if len(ix.warnings) < maxWarnings {
		ix.warnings = append(ix.warnings, fmt.Sprintf("%s:%d: line skipped: %v", f.name, f.lines, err))
	}
}

func (ix *index) addLine(l line) {
	i := int32(len(ix.lines))
	ix.lines = append(ix.lines, l)
	if l.hashed() || strings.ContainsAny(l.names, "*?!") {
		ix.byKey[l.key] = append(ix.byKey[l.key], i)
	}
	switch {
	case l.hashed():
		ix.hashed = append(ix.hashed, i)
		if l.marker == CertAuthority {
			ix.hashedAuthorities = append(ix.hashedAuthorities, i)
		}
		if l.marker == NoMarker && !slices.Contains(ix.hashedTypes, l.keyType) {
			ix.hashedTypes = append(ix.hashedTypes, l.keyType)
		}
	case strings.ContainsAny(l.names, "*?!"):
		ix.patterns = append(ix.patterns, i)
	default:
		for name := range strings.SplitSeq(lower(l.names), ",") {
			if list := ix.byName[name]; len(list) == 0 || list[len(list)-1] != i { // not twice on one line
				ix.byName[name] = append(list, i)
			}
		}
	}
}

// written gives the lines for a name that are not hashed.
func (ix *index) written(m *matcher) []int32 {
	found := slices.Clone(ix.byName[m.name])
	return append(found, ix.matching(m, ix.patterns)...)
}

// named gives all lines for a name, in order.
func (ix *index) named(m *matcher) []int32 {
	found := append(ix.written(m), ix.matching(m, ix.hashed)...)
	slices.Sort(found)
	return found
}

// withKey gives the lines for a name that hold a key, in order. A key may be that
// of a whole fleet, so literal names are not looked for among its lines.
func (ix *index) withKey(m *matcher, key string) []int32 {
	var found []int32
	for _, i := range ix.byName[m.name] {
		if ix.lines[i].key == key {
			found = append(found, i)
		}
	}
	found = append(found, ix.matching(m, ix.byKey[key])...)
	slices.Sort(found)
	return found
}

// matching keeps of list the lines for a name. SHA-1 protects nothing here, so
// that also a program that is bound to FIPS 140-3 may compute it.
func (ix *index) matching(m *matcher, list []int32) []int32 {
	var found []int32
	fips140.WithoutEnforcement(func() {
		for _, i := range list {
			if m.matches(&ix.lines[i]) {
				found = append(found, i)
			}
		}
	})
	return found
}

// marked keeps of list the lines with a marker.
func (ix *index) marked(list []int32, marker Marker) []int32 {
	var kept []int32
	for _, i := range list {
		if ix.lines[i].marker == marker {
			kept = append(kept, i)
		}
	}
	return kept
}

// show makes lines for the caller.
func (ix *index) show(list []int32) []Line {
	var shown []Line
	for _, i := range list {
		l := &ix.lines[i]
		blob, _ := base64.StdEncoding.DecodeString(l.key) // it was decoded before
		shown = append(shown, Line{File: l.file.name, Number: int(l.number), Marker: l.marker, Type: l.keyType, Blob: blob})
	}
	return shown
}

// keyText is a key as lines have it.
func keyText(key ssh.PublicKey) string {
	return base64.StdEncoding.EncodeToString(key.Marshal())
}
