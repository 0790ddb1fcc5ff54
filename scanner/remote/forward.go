package remote

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/crypto/ssh"

	"kletscan/scanner"
)

// DialTCP opens a TCP connection as the node would, through a direct-tcpip
// channel (RFC 4254 section 7.2): nothing listens here, and the node runs
// nothing. Its errors are as scanner.Conn says. Deadlines of the connection do
// not work; it ends with Close, and with the Conn.
func (c *Conn) DialTCP(ctx context.Context, address string) (net.Conn, error) {
	conn, err := c.client.DialContext(ctx, "tcp", address)
	var denied *ssh.OpenChannelError
	switch {
	case err == nil:
		return conn, nil
	case errors.As(err, &denied) && denied.Reason == ssh.ConnectionFailed:
		return nil, fmt.Errorf("%w: the node says %q", scanner.ErrNoListener, denied.Message)
	case errors.As(err, &denied):
		return nil, fmt.Errorf("%w: the server says %q", scanner.ErrForwardingRefused, denied.Message)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("connection closed by peer: %w", err)
}
