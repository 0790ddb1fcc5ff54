package scanner

import (
	"strings"
	"sync"
)

// Bounds of words, in bytes.
const (
	maxWords = 1 << 20 // together
	maxWord  = 1 << 10
)

// words are what verdicts say. Most nodes of a fleet have it in common; and a
// part of a node's answer would keep the whole of it in memory. All are
// forgotten when they are too many.
type words struct {
	mu    sync.Mutex
	known map[string]string
	size  int
}

// share puts strings into a verdict that are its own, or other verdicts', too.
func (w *words) share(v *Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range []*string{&v.Version, &v.VersionSource, &v.Source.Path, &v.Source.Text, &v.Why, &v.Unit} {
		*s = w.of(*s)
	}
	for i := range v.Settings {
		s := &v.Settings[i]
		s.Value, s.Source.Path, s.Source.Text, s.Detail = w.of(s.Value), w.of(s.Source.Path), w.of(s.Source.Text), w.of(s.Detail)
	}
	for i := range v.Letter {
		v.Letter[i].Why = w.of(v.Letter[i].Why)
	}
	for _, list := range [][]string{v.Remedy, v.Others} {
		for i := range list {
			list[i] = w.of(list[i])
		}
	}
}

// of is a copy of s. The caller holds the lock.
func (w *words) of(s string) string {
	if known, ok := w.known[s]; ok || s == "" {
		return known
	}
	s = strings.Clone(s)
	if len(s) > maxWord {
		return s
	}
	if w.size += len(s); w.known == nil || w.size > maxWords {
		w.known, w.size = make(map[string]string), len(s)
	}
	w.known[s] = s
	return s
}
