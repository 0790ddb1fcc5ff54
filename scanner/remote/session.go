package remote

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
	"kletscan/scanner/probe"
)

// session is one command under way, on a channel of its own. It is not an
// ssh.Session, which buffers without limit, calls a command that does not read
// its standard input a failure, and stops reading requests after a malformed
// one, on which Close would hang.
type session struct {
	conn   *Conn
	answer func(*session) (input string, last bool)
	exit   int // noExit: the node gave none

	mu             sync.Mutex // for what is below, while the streams are read
	stdout, stderr sink
	input          string // to be written to standard input
	said           bool   // nothing comes behind it
	replied        sync.Cond
}

// noExit is probe.Output's ExitCode without an exit status.
const noExit = -1

// What is made room for, in bytes, before a command has said anything, and when
// it has said more than that: an ordinary node's answer.
const (
	firstRoom = 512
	nextRoom  = 16 << 10
)

// do runs the command to its end. It always leaves the streams read to theirs,
// and no goroutine behind; where the command is refused, Conn.Close does.
func (s *session) do(command string) error {
	s.exit = noExit
	s.replied.L = &s.mu
	s.stdout = sink{limit: probe.OutputLimit, slack: 0, full: s.conn.transport.abort}
	s.stderr = sink{limit: probe.StderrLimit, slack: probe.OutputLimit, full: func() {
		s.conn.transport.end(overBound("the command writes to stderr without end: more than %d MiB", probe.OutputLimit>>20))
	}}
	channel, requests, err := s.conn.ssh.OpenChannel("session", nil)
	var denied *ssh.OpenChannelError
	switch {
	case errors.As(err, &denied):
		return runError(scanner.Denied, "the server opens no session: %q: its sshd_config may say MaxSessions 0", denied.Message)
	case err != nil:
		return lost(opRun, "before the command began", err)
	}
	var drained, streams sync.WaitGroup
	drained.Go(func() { s.drain(&s.stdout, channel) })
	drained.Go(func() { s.drain(&s.stderr, channel.Stderr()) })
	streams.Go(func() {
		s.exit = s.exitStatus(requests)
		drained.Wait()
		s.hangUp()
	})
	ok, err := channel.SendRequest("exec", true, s.conn.requests.of(command))
	switch {
	case err != nil:
		s.conn.transport.abort()
		streams.Wait()
		return lost(opRun, "before the command began", err)
	case !ok:
		s.hangUp()
		_ = channel.Close()
		if !s.conn.begin(streams.Wait) { // the peer need not close a channel on which nothing runs
			streams.Wait()
		}
		return runError(scanner.Denied, "%w: it lets user %q run no command, or none so long", probe.ErrRefused, s.conn.ssh.User())
	}
	s.reply()
	s.feed(channel)
	streams.Wait()
	return s.whole()
}

// execRequests makes what asks for a command (RFC 4254 section 6.5). It keeps
// the last one, because the first that is asked of a node is asked of all, and
// is long. The zero value is ready; it may be used concurrently.
type execRequests struct{ last atomic.Pointer[execRequest] }

type execRequest struct {
	command string
	payload []byte
}

func (r *execRequests) of(command string) []byte {
	if last := r.last.Load(); last != nil && last.command == command {
		return last.payload
	}
	payload := ssh.Marshal(struct{ Command string }{command})
	r.last.Store(&execRequest{command, payload})
	return payload
}

// reply takes what answer gives, until it has given its last. Its panic ends
// the connection: in the goroutine of a stream nobody else would recover it.
func (s *session) reply() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			s.conn.transport.end(scanner.Defect(p))
		}
	}()
	if s.said {
		return
	}
	text, last := s.answer(s)
	s.input, s.said = s.input+text, last
	s.replied.Signal()
}

// hangUp ends standard input where answer has not given its last.
func (s *session) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = true
	s.replied.Signal()
}

// feed writes standard input, and closes it behind the last. A command may end
// without reading its input: that is no error, and the end of the channel ends
// the write.
func (s *session) feed(channel ssh.Channel) {
	for last := false; !last; {
		s.mu.Lock()
		for s.input == "" && !s.said {
			s.replied.Wait()
		}
		text := s.input
		s.input, last = "", s.said
		s.mu.Unlock()
		if text != "" {
			_, _ = io.WriteString(channel, text)
		}
	}
	_ = channel.CloseWrite()
}

// drain reads a stream to its end. How it ended is for whole to say.
func (s *session) drain(to *sink, from io.Reader) {
	for {
		s.mu.Lock()
		room := to.room()
		s.mu.Unlock()
		n, err := from.Read(room)
		s.mu.Lock()
		to.add(n)
		s.mu.Unlock()
		if err != nil {
			return
		}
		s.reply()
	}
}

// whole tells an ended command from an ended connection, which look the same
// on a channel. An exit status alone proves little: sshd may send it before
// the last of the output.
func (s *session) whole() error {
	switch {
	case s.conn.transport.lost.Load():
		return lost(opRun, "before the command ended", io.ErrUnexpectedEOF)
	case s.exit == noExit:
		// x/crypto also ends for other reasons, such as a disconnect message.
		// A connection that still answers has ended just the channel.
		if _, _, err := s.conn.ssh.SendRequest(keepAliveRequest, true, nil); err != nil {
			return lost(opRun, "before the command ended", err)
		}
	}
	return nil
}

func runError(status scanner.Status, format string, args ...any) *scanner.Error {
	return &scanner.Error{Op: opRun, Status: status, Err: fmt.Errorf(format, args...)}
}

// exitStatus reads a channel's requests to their end and gives the exit status
// among them (RFC 4254 section 6.10).
func (s *session) exitStatus(requests <-chan *ssh.Request) int {
	exit, asked := noExit, 0
	for request := range requests {
		if asked++; asked == maxRequests+1 {
			s.conn.transport.end(overBound("the server sends requests without end: more than %d about one command", maxRequests))
		}
		if request.Type == "exit-status" && len(request.Payload) >= 4 {
			exit = int(binary.BigEndian.Uint32(request.Payload))
		}
		if request.WantReply {
			_ = request.Reply(false, nil)
		}
	}
	return exit
}

// sink keeps the first limit bytes of a stream and counts the rest. When more
// than slack have been dropped it calls full, once. It takes whatever comes: a
// stream that nobody reads would fill x/crypto's window with packets, at up to a
// hundred times their size.
type sink struct {
	limit, slack int
	full         func()
	kept         []byte
	dropped      int
	spill        []byte // where the rest goes
}

// room is where the next bytes are to be put, at least one.
func (s *sink) room() []byte {
	if len(s.kept) == s.limit {
		if s.spill == nil {
			s.spill = make([]byte, 4<<10)
		}
		return s.spill
	}
	if len(s.kept) == cap(s.kept) {
		room := firstRoom
		if len(s.kept) > 0 {
			room = max(nextRoom-len(s.kept), len(s.kept))
		}
		s.kept = slices.Grow(s.kept, room)
	}
	return s.kept[len(s.kept):min(cap(s.kept), s.limit)]
}

// add takes the first n bytes that were put into room.
func (s *sink) add(n int) {
	if len(s.kept) < s.limit {
		s.kept = s.kept[:len(s.kept)+n]
		return
	}
	before := s.dropped
	if s.dropped += n; before <= s.slack && s.dropped > s.slack {
		s.full()
	}
}

// Write never fails.
func (s *sink) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := copy(s.room(), rest)
		s.add(n)
		rest = rest[n:]
	}
	return len(p), nil
}
