package remote

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// proxyStderr is how much of what a ProxyCommand says is kept, in bytes.
const proxyStderr = 1 << 10

// proxy is a running ProxyCommand as a connection: its standard input and
// output (ssh_config(5), ProxyCommand). Close kills it and all that it
// started. Deadlines do not work.
type proxy struct {
	noDeadlines
	command *exec.Cmd
	in      io.WriteCloser
	out     io.ReadCloser
	said    *sink // standard error
	once    sync.Once
	done    chan struct{}
}

// startProxy runs a command that ssh_config names. It is the operator's own
// text: OpenSSH gives it to their shell, too.
func startProxy(command string) (*proxy, error) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		return nil, errors.New("ssh_config's ProxyCommand needs a shell: there is no sh here")
	}
	p := &proxy{command: exec.Command(shell, "-c", "exec "+command), done: make(chan struct{})}
	p.said = &sink{limit: proxyStderr, full: func() {}}
	p.command.Stderr = p.said
	p.command.WaitDelay = time.Second // a grandchild may hold standard error open
	ownGroup(p.command)
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = p.command.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("ssh_config's ProxyCommand: %w", err)
	}
	return p, nil
}

func (p *proxy) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *proxy) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close kills the command and waits for its end.
func (p *proxy) Close() error {
	p.once.Do(func() {
		killGroup(p.command)
		p.in.Close()
		p.out.Close()
		_ = p.command.Wait() // it was killed: how it ended says nothing
		close(p.done)
	})
	<-p.done
	return nil
}

// words is what the command said on standard error. The connection is closed.
func (p *proxy) words() string {
	p.Close()
	return oneLineOf(p.said.kept)
}
