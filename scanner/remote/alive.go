package remote

import "time"

// keepAlive asks the peer for a sign of life every interval, and closes the
// connection when none came for count intervals (ssh_config(5),
// ServerAliveInterval and ServerAliveCountMax). It returns when the connection
// has ended.
func (c *Conn) keepAlive(interval time.Duration, count int) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.ssh.Wait()
	}()
	for {
		select {
		case <-time.After(interval):
		case <-ended:
			return
		}
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			// Whatever the answer, it is one; an error means that the
			// connection has ended.
			_, _, _ = c.ssh.SendRequest(keepAliveRequest, true, nil)
		}()
		select {
		case <-answered:
		case <-time.After(time.Duration(max(count, 1)) * interval):
			c.transport.abort()
		}
	}
}
