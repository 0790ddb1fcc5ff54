package scanner

import (
	"context"
	"errors"
	"net"

	"kletscan/inventory"
	"kletscan/scanner/probe"
)

// ResolveFunc decides how a node is reached and looks its name up; nothing is
// sent to the node. It is called concurrently. Its errors, and those of what it
// leads to, are *Error if they are to decide the Status of the node's Result;
// any other reads as Internal.
type ResolveFunc func(context.Context, inventory.Node) (Target, error)

// Target is a node, and how it is reached.
type Target interface {
	// Shares are what a visit takes up together with other nodes'.
	Shares() []Share
	// Dial opens a connection over which nothing was said yet. ctx does not
	// bound the Link once it is returned.
	Dial(ctx context.Context) (Link, error)
}

// Share is something that only so many visits may use at once, such as a jump
// host or a network.
type Share struct {
	Name  string
	Limit int // of visits at once; at least 1, and the same for all shares of that name
}

// Link is a connection that nobody has logged in over.
type Link interface {
	// Login logs in. The Link is used up by it, whatever comes of it. ctx does
	// not bound the Conn once it is returned.
	Login(ctx context.Context) (Conn, error)
	// Close ends a Link that is not used.
	Close() error
}

// Conn is one authenticated connection to a node, used by one visit at a time.
type Conn interface {
	probe.Executor
	// DialTCP opens a TCP connection as the node itself would. It may be
	// called while Exec runs. Its errors wrap ErrForwardingRefused or
	// ErrNoListener where one of them is the reason. Deadlines of the
	// connection may not work: close it.
	DialTCP(ctx context.Context, address string) (net.Conn, error)
	// Close ends the connection and everything that runs on it. It may be
	// called more than once and while Exec runs.
	Close() error
}

var (
	// ErrForwardingRefused means that the node's sshd opens no connections
	// for us (AllowTcpForwarding no).
	ErrForwardingRefused = errors.New("forwarding refused")
	// ErrNoListener means that nothing listens at that address.
	ErrNoListener = errors.New("nothing listens there")
)
