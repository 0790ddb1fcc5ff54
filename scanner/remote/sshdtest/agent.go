package sshdtest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Agent is a real ssh-agent.
type Agent struct {
	Socket string // for SSH_AUTH_SOCK or IdentityAgent

	t    testing.TB
	home *Home
	env  []string
	proc *process
}

// Constraints are the conditions under which an agent uses a key. The zero
// value has none.
type Constraints struct {
	Lifetime    time.Duration // whole seconds, after which the agent forgets the key; 0: never
	Confirm     bool          // the agent asks its SSH_ASKPASS before each use
	Certificate bool          // the key comes with the certificate at its CertPath
}

// Agent starts an ssh-agent without keys. What is in env is added to its
// environment, such as that of an [Askpass] for keys with Confirm.
func (h *Home) Agent(env ...string) *Agent {
	h.t.Helper()
	a := &Agent{Socket: filepath.Join(socketDir(h.t), "agent"), t: h.t, home: h, env: env}
	h.t.Cleanup(a.Kill)
	a.start()
	return a
}

// Env is the environment in which programs find the agent.
func (a *Agent) Env() []string { return []string{"SSH_AUTH_SOCK=" + a.Socket} }

// Add gives the agent a key, as ssh-add does.
func (a *Agent) Add(key *Key, c Constraints) {
	a.t.Helper()
	var cert *ssh.Certificate
	if c.Certificate {
		cert = key.Certificate()
	}
	a.ask(func(client agent.ExtendedAgent) error {
		return client.Add(agent.AddedKey{
			PrivateKey: key.Private, Certificate: cert, Comment: key.Path,
			LifetimeSecs: uint32(c.Lifetime / time.Second), ConfirmBeforeUse: c.Confirm,
		})
	})
}

// Remove takes all keys from the agent.
func (a *Agent) Remove() {
	a.t.Helper()
	a.ask(agent.ExtendedAgent.RemoveAll)
}

// Lock makes the agent hide its keys until Unlock.
func (a *Agent) Lock() {
	a.t.Helper()
	a.ask(func(client agent.ExtendedAgent) error { return client.Lock([]byte("locked")) })
}

// Unlock undoes Lock.
func (a *Agent) Unlock() {
	a.t.Helper()
	a.ask(func(client agent.ExtendedAgent) error { return client.Unlock([]byte("locked")) })
}

// Kill ends the agent at once and leaves its socket, as a crash does.
func (a *Agent) Kill() {
	if a.proc != nil {
		a.proc.kill()
	}
}

// Restart ends the agent and starts another one, without keys, on the same
// socket.
func (a *Agent) Restart() {
	a.t.Helper()
	a.Kill()
	if err := os.Remove(a.Socket); err != nil {
		a.t.Fatal(err)
	}
	a.start()
}

func (a *Agent) start() {
	a.t.Helper()
	cmd := a.home.command(context.Background(), "ssh-agent", "-D", "-a", a.Socket)
	cmd.Env = append(cmd.Env, a.env...)
	proc, err := run(cmd)
	if err != nil {
		a.t.Fatal(err)
	}
	a.proc = proc
	listening := func() bool {
		conn, err := net.Dial("unix", a.Socket)
		if err == nil {
			conn.Close()
		}
		return err == nil || !proc.running()
	}
	if !eventually(listening) || !proc.running() {
		a.t.Fatalf("ssh-agent does not listen on %s", a.Socket)
	}
}

func (a *Agent) ask(question func(agent.ExtendedAgent) error) {
	a.t.Helper()
	conn, err := net.Dial("unix", a.Socket)
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		a.t.Fatal(err)
	}
	if err := question(agent.NewClient(conn)); err != nil {
		a.t.Fatal(err)
	}
}
