package kubelet

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	oldest = 7  // 1.7 is the first kubelet that has RotateKubeletServerCertificate
	newest = 36 // the last minor whose source these rules were read from; later ones are judged by the same rules
)

// Version is a kubelet's release. The zero value means that it is not known.
// Patch is 0 where the text had none: no rule in this package depends on it.
type Version struct{ Major, Minor, Patch int }

// ParseVersion finds a kubelet's version in what a binary prints for --version
// or in a bare version number: "Kubernetes v1.29.3-eks-036c24b",
// "1.28.9+rke2r1", "k3s version v1.28.3+k3s1 (hash)", "1.36". The first word
// that is a version counts; build and pre-release suffixes are dropped.
func ParseVersion(text string) (Version, error) {
	const enough = 256 // bytes; the longest real answer is under 100
	if len(text) > enough {
		text = text[:enough]
	}
	for word := range strings.FieldsSeq(text) {
		if v, ok := parseVersionWord(strings.TrimPrefix(word, "v")); ok {
			return v, nil
		}
	}
	return Version{}, fmt.Errorf("kubelet version %q: expected something like v1.29.3", clip(text))
}

func parseVersionWord(word string) (Version, bool) {
	if i := strings.IndexAny(word, "+-"); i >= 0 {
		word = word[:i]
	}
	if dots := strings.Count(word, "."); dots < 1 || dots > 2 {
		return Version{}, false
	}
	var n [3]int
	i := 0
	for part := range strings.SplitSeq(word, ".") {
		if part == "" || len(part) > 4 || strings.Trim(part, "0123456789") != "" {
			return Version{}, false
		}
		n[i], _ = strconv.Atoi(part)
		i++
	}
	v := Version{n[0], n[1], n[2]}
	return v, v.Major > 0
}

// IsZero reports whether the version is not known.
func (v Version) IsZero() bool { return v == Version{} }

// String is "v1.29.3", or "unknown".
func (v Version) String() string {
	if v.IsZero() {
		return "unknown"
	}
	return v.minor() + "." + strconv.Itoa(v.Patch)
}

// minor is "v1.29": what a rule depends on.
func (v Version) minor() string { return "v" + strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) }

// Less reports whether v was released before w, by number.
func (v Version) Less(w Version) bool {
	if v.Major != w.Major {
		return v.Major < w.Major
	}
	if v.Minor != w.Minor {
		return v.Minor < w.Minor
	}
	return v.Patch < w.Patch
}

// AtLeast reports whether v is 1.minor or later. An unknown version never is.
func (v Version) AtLeast(minor int) bool {
	return v.Major > 1 || v.Major == 1 && v.Minor >= minor
}

// release is the Version 1.minor.
func release(minor int) Version { return Version{Major: 1, Minor: minor} }

// Range is a span of versions, both ends included with all their patches. A
// zero Min means no lower bound, a zero Max no upper one.
type Range struct{ Min, Max Version }

// Contains reports whether v lies within the range. An unknown version does
// only if the range is unbounded.
func (r Range) Contains(v Version) bool {
	if v.IsZero() {
		return r == Range{}
	}
	if !r.Min.IsZero() && (v.Major < r.Min.Major || v.Major == r.Min.Major && v.Minor < r.Min.Minor) {
		return false
	}
	return r.Max.IsZero() || v.Major < r.Max.Major || v.Major == r.Max.Major && v.Minor <= r.Max.Minor
}

// String is "v1.29.3" for one version, "v1.29" for one minor, else "v1.12 to v1.30", "v1.28 or
// later", "up to v1.9" or "any version".
func (r Range) String() string {
	switch {
	case r == Range{}:
		return "any version"
	case r.Min == r.Max && r.Min.Patch > 0:
		return r.Min.String()
	case r.Min == r.Max:
		return r.Min.minor()
	case r.Max.IsZero():
		return r.Min.minor() + " or later"
	case r.Min.IsZero():
		return "up to " + r.Max.minor()
	}
	return r.Min.minor() + " to " + r.Max.minor()
}
