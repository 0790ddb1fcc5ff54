package remote

import (
	"net"
	"os"
	"time"
)

// noDeadlines has the addresses and deadlines of a connection without any: it
// ends with Close.
type noDeadlines struct{}

// noAddr stands for an address where there is none.
type noAddr struct{}

func (noAddr) Network() string { return "ssh" }
func (noAddr) String() string  { return "not known here" }

func (noDeadlines) LocalAddr() net.Addr              { return noAddr{} }
func (noDeadlines) RemoteAddr() net.Addr             { return noAddr{} }
func (noDeadlines) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (noDeadlines) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (noDeadlines) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
