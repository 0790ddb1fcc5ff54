package remote

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// headLimit is how much of the peer's first words is kept, in bytes.
const headLimit = 1 << 10

// transport is the TCP connection under SSH. It remembers the peer's first
// words, which say why sshd turned us away and which x/crypto drops, and
// whether the peer has ended the connection.
type transport struct {
	net.Conn
	lost atomic.Bool // a read has failed

	mu   sync.Mutex
	head []byte
}

func (t *transport) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if err != nil {
		t.lost.Store(true)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := headLimit - len(t.head); room > 0 {
		t.head = append(t.head, p[:min(n, room)]...)
	}
	return n, err
}

// abort closes the connection, which ends everything that waits on it.
func (t *transport) abort() { _ = t.Close() }

// firstWords splits the peer's first words: the text before its SSH version,
// in one line of at most 200 bytes, and whether the version came. A server may
// send lines before its version (RFC 4253 section 4.2).
func (t *transport) firstWords() (text string, version bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := 0
	for line := range bytes.Lines(t.head) {
		if version = bytes.HasPrefix(line, []byte("SSH-")) && bytes.HasSuffix(line, []byte("\n")); version {
			break
		}
		end += len(line)
	}
	text = strings.Join(strings.Fields(string(t.head[:end])), " ")
	return text[:min(len(text), 200)], version
}
