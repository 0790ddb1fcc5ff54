package sshdtest

import (
	"io"
	"net"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"
)

// ExecFunc runs a command on a host of ours, 127.x.y.z, and returns its exit
// status, 0 to 255. It returns when its standard input ends, at the latest:
// the input ends with the connection.
type ExecFunc func(host, command string, stdin io.Reader, stdout, stderr io.Writer) int

// Echo answers every command with the command, a line break and its standard
// input.
func Echo(_, command string, stdin io.Reader, stdout, _ io.Writer) int {
	_, _ = io.WriteString(stdout, command+"\n")
	_, _ = io.Copy(stdout, stdin)
	return 0
}

// sessions serves what comes after authentication on an in-process server.
type sessions struct {
	conns     *acceptor
	exec      ExecFunc // nil: Echo
	forwarded func()   // called for each forwarded connection; nil: none is permitted
}

// serve serves one connection to its end.
func (s *sessions) serve(conn net.Conn, config *ssh.ServerConfig, hostKeys []*Key, loggedIn func()) {
	for _, key := range hostKeys {
		config.AddHostKey(key.Signer)
	}
	sshConn, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		linger(conn)
		return
	}
	loggedIn()
	var work sync.WaitGroup
	defer work.Wait()
	defer sshConn.Close()
	work.Go(func() { ssh.DiscardRequests(requests) })
	for next := range channels {
		switch {
		case next.ChannelType() == "session":
			work.Go(func() { s.session(next, conn.LocalAddr()) })
		case next.ChannelType() == "direct-tcpip" && s.forwarded != nil:
			s.forwarded()
			work.Go(func() { s.forward(next) })
		default:
			_ = next.Reject(ssh.Prohibited, "not permitted")
		}
	}
}

// session runs the commands of one channel. There is one, unless the client
// breaks RFC 4254 section 6.5.
func (s *sessions) session(next ssh.NewChannel, local net.Addr) {
	channel, requests, err := next.Accept()
	if err != nil {
		return
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer channel.Close()
	for request := range requests {
		var exec struct{ Command string }
		if request.Type != "exec" || ssh.Unmarshal(request.Payload, &exec) != nil {
			_ = request.Reply(false, nil)
			continue
		}
		_ = request.Reply(true, nil)
		work.Go(func() {
			run := s.exec
			if run == nil {
				run = Echo
			}
			status := struct{ Code uint32 }{uint32(run(local.(*net.TCPAddr).IP.String(), exec.Command, channel, channel, channel.Stderr()))}
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
			_ = channel.Close()
		})
	}
}

// forward serves one direct-tcpip channel (RFC 4254 section 7.2). It reaches
// loopback only.
func (s *sessions) forward(next ssh.NewChannel) {
	var to struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}
	if ssh.Unmarshal(next.ExtraData(), &to) != nil || !net.ParseIP(to.Host).IsLoopback() {
		_ = next.Reject(ssh.Prohibited, "only to addresses of loopback")
		return
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = next.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	if !s.conns.track(conn) {
		return
	}
	defer s.conns.close(conn)
	channel, requests, err := next.Accept()
	if err != nil {
		return
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer channel.Close()
	work.Go(func() { ssh.DiscardRequests(requests) })
	pipe(channel, conn.(*net.TCPConn), func(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) })
}
