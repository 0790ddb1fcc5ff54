package remote

import "golang.org/x/crypto/ssh"

// How often a server may ask something of us over one connection. OpenSSH asks
// whether we are alive and tells its other host keys; it opens channels only
// for what was asked for with -R, -A or -X, and we ask for none of these.
const (
	maxRequests = 10_000
	maxChannels = 100
)

const (
	keepAliveRequest = "keepalive@openssh.com"
	hostKeysRequest  = "hostkeys-00@openssh.com"
)

// refuse refuses all that a server asks for over one connection, until it has
// ended.
//
// sshd tells its host keys right behind the login, and before version 10 leaves
// Nagle's algorithm on: its next packet, which opens our first channel, waits
// for the ACK, and ours is delayed by some 40 ms unless we send something.
func refuse(conn ssh.Conn, t *transport, channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	opened, asked := 0, 0
	for channels != nil || requests != nil {
		select {
		case channel, ok := <-channels:
			if !ok {
				channels = nil
				continue
			}
			if opened++; opened == maxChannels+1 {
				t.end(overBound("the server opens channels without end: more than %d", maxChannels))
			}
			_ = channel.Reject(ssh.UnknownChannelType, "nothing is forwarded")
		case request, ok := <-requests:
			if !ok {
				requests = nil
				continue
			}
			if asked++; asked == maxRequests+1 {
				t.end(overBound("the server sends requests without end: more than %d", maxRequests))
			}
			if request.Type == hostKeysRequest {
				_, _, _ = conn.SendRequest(keepAliveRequest, false, nil)
			}
			_ = request.Reply(false, nil)
		}
	}
}
