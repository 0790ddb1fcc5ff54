package remote

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// parts gives one part for each Read, and then an error.
type parts struct {
	net.Conn
	left  []string
	err   error
	reads int
}

func (p *parts) Read(b []byte) (int, error) {
	p.reads++
	if len(p.left) == 0 {
		return 0, p.err
	}
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

func (p *parts) Close() error { return nil }

// readByByte reads a line as x/crypto reads the SSH version.
func readByByte(t *testing.T, from io.Reader) string {
	t.Helper()
	var line []byte
	for one := make([]byte, 1); ; {
		if _, err := io.ReadFull(from, one); err != nil {
			t.Fatal(err)
		}
		if line = append(line, one...); one[0] == '\n' {
			return string(line)
		}
	}
}

func TestVersionIsReadAtOnce(t *testing.T) {
	t.Parallel()
	const version = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"
	gone := errors.New("gone")
	p := &parts{left: []string{"busy\n" + version + "begin", "more"}, err: gone}
	tr := &transport{Conn: p}
	if got := readByByte(t, tr) + readByByte(t, tr); got != "busy\n"+version || p.reads != 1 {
		t.Errorf("got %q in %d reads, want it in one", got, p.reads)
	}
	rest := make([]byte, 100)
	for _, want := range []string{"begin", "more"} {
		if n, err := tr.Read(rest); string(rest[:n]) != want || err != nil {
			t.Errorf("got %q, %v, want %q", rest[:n], err, want)
		}
	}
	if text, version := tr.firstWords(); text != "busy" || !version {
		t.Errorf("first words are %q, version %v", text, version)
	}
	if got := tr.total(); got != len("busy\n"+version+"beginmore") {
		t.Errorf("%d bytes counted", got)
	}
	if _, err := tr.Read(rest); err != gone || !tr.lost.Load() {
		t.Errorf("got %v, lost %v, want the connection's error", err, tr.lost.Load())
	}
	if _, err := tr.Read(rest[:1]); err != gone {
		t.Errorf("got %v for a byte, want the connection's error", err)
	}
}

// Of a flood before the version only the beginning is kept.
func TestFirstWordsAreBounded(t *testing.T) {
	t.Parallel()
	p := &parts{left: []string{string(bytes.Repeat([]byte("x"), 10*headLimit))}, err: io.EOF}
	tr := &transport{Conn: p}
	for range 5 * headLimit {
		if _, err := tr.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(tr.head) != headLimit {
		t.Errorf("%d bytes kept, want %d", len(tr.head), headLimit)
	}
}
