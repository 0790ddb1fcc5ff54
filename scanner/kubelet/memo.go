package kubelet

import (
	"bytes"
	"sync"
)

// Bounds of a Memo. What a text parses to may take some twenty times its size.
const (
	maxMemo     = 256 << 10 // bytes of texts
	maxMemoText = 32 << 10  // of one
)

// Memo remembers what the texts of configuration files parse to, so that of a
// fleet whose files are alike each is parsed once. It changes no answer, and
// forgets everything when it is full. The zero value is ready; it may be used
// concurrently. A nil Memo remembers nothing.
type Memo struct {
	mu    sync.Mutex
	known map[memoKey]syntax
	size  int // of the texts in known
}

type memoKey struct {
	strict  bool
	content string
}

// parse is parseSyntax.
func (m *Memo) parse(content []byte, strict bool) syntax {
	// Behind an anchor (&) a text may say much more than its size.
	if m == nil || len(content) > maxMemoText || bytes.IndexByte(content, '&') >= 0 {
		return parseSyntax(content, strict)
	}
	m.mu.Lock()
	s, ok := m.known[memoKey{strict, string(content)}]
	m.mu.Unlock()
	if ok {
		return s
	}
	s = parseSyntax(content, strict)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.size += len(content); m.known == nil || m.size > maxMemo {
		m.known, m.size = make(map[memoKey]syntax), len(content)
	}
	m.known[memoKey{strict, string(content)}] = s
	return s
}
