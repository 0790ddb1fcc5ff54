package remote

import (
	"context"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// controlTimeout bounds how long a socket of another ssh may take to answer.
const controlTimeout = 2 * time.Second

// ride uses a connection that the operator's own ssh holds open to a jump host
// (ssh_config(5), ControlPath; OpenSSH's PROTOCOL.mux, proxy mode): whoever may
// open its socket is already logged in, with whatever second factor that took.
// It returns nil where no such connection answers: ssh, too, then makes one of
// its own.
func (d *Dialer) ride(ctx context.Context, t *target) *Conn {
	if t.controlPath == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	var dialer net.Dialer
	socket, err := dialer.DialContext(ctx, "unix", t.controlPath)
	if err != nil {
		return nil
	}
	link := &transport{Conn: socket}
	stop := context.AfterFunc(ctx, link.abort)
	conn, channels, requests, err := ssh.NewControlClientConn(link)
	if !stop() || err != nil {
		link.abort()
		return nil
	}
	d.running.Go(func() { refuse(conn, link, channels, requests) })
	return &Conn{ssh: conn, transport: link, timeout: d.cfg.CommandTimeout, requests: &d.requests}
}
