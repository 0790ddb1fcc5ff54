package remote

import (
	"bytes"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentTimeout bounds connecting to an agent and listing its keys. Signing
// has no limit of its own: a key may wait for a touch. The login's does.
const agentTimeout = 2 * time.Second

// agentKeys is one agent, listed once. The methods may be called on nil: no
// agent.
type agentKeys struct {
	conn    net.Conn
	signers []ssh.Signer
	err     error // why there are no signers
}

// agent connects to the agent at socket, the first time, and lists its keys.
// All logins share that one connection, on which x/crypto pipelines requests.
func (k *keyring) agent(socket string) *agentKeys {
	if socket == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.agents[socket]
	if !ok {
		a = openAgent(socket)
		k.agents[socket] = a
	}
	return a
}

func openAgent(socket string) *agentKeys {
	conn, err := net.DialTimeout("unix", socket, agentTimeout)
	if err != nil {
		return &agentKeys{err: fmt.Errorf("ssh-agent not used: %w", err)}
	}
	if err := conn.SetDeadline(time.Now().Add(agentTimeout)); err != nil {
		conn.Close()
		return &agentKeys{err: fmt.Errorf("ssh-agent at %s not used: %w", socket, err)}
	}
	signers, err := agent.NewClient(conn).Signers()
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
		return &agentKeys{err: fmt.Errorf("ssh-agent at %s not used: it does not list its keys: %w", socket, err)}
	}
	return &agentKeys{conn: conn, signers: signers}
}

func (k *keyring) closeAgents() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range k.agents {
		if a.conn != nil {
			a.conn.Close()
		}
	}
}

func (a *agentKeys) all() []ssh.Signer {
	if a == nil {
		return nil
	}
	return a.signers
}

func (a *agentKeys) signer(key ssh.PublicKey) ssh.Signer {
	for _, signer := range a.all() {
		if key != nil && sameKey(signer.PublicKey(), key) {
			return signer
		}
	}
	return nil
}

func (a *agentKeys) holds(key ssh.PublicKey) bool { return a.signer(key) != nil }

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }
