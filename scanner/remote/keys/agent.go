package keys

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// DefaultAgentConcurrency is how many requests golang.org/x/crypto/ssh/agent
// sends on one connection before it waits for an answer.
const DefaultAgentConcurrency = 32

const (
	// agentTimeout bounds connecting to an agent, and listing its keys. Signing
	// has no limit of its own, because a key may wait for a touch: the login's
	// limit holds.
	agentTimeout = 2 * time.Second

	// maxAgentKeys bounds the list: MAX_AGENT_IDENTITIES in OpenSSH's authfd.c.
	maxAgentKeys = 2048

	// maxSignature bounds one signature, in bytes. That of RSA with 16384 bits
	// takes 2048, that of ML-DSA-87 4627.
	maxSignature = 16 << 10
)

// agentKeys is one agent, listed once. All logins share one connection to it.
// Methods may be called on nil: no agent.
type agentKeys struct {
	socket string
	keys   []ssh.PublicKey // in its order
	index  map[string]bool // of their blobs
	err    error           // why there are none
	slots  chan struct{}   // one for each signature under way

	mu   sync.Mutex
	link *agentLink // nil: none, or gone for good
}

// agentLink is one connection to an agent.
type agentLink struct {
	conn   *watchedConn
	client agent.ExtendedAgent
}

// watchedConn remembers that a connection has failed: x/crypto's errors do not
// tell that from an agent's refusal.
type watchedConn struct {
	net.Conn
	failed atomic.Bool
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.failed.Store(true)
	}
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.failed.Store(true)
	}
	return n, err
}

func (a *agentKeys) dial() (*agentLink, error) {
	conn, err := dialAgent(a.socket)
	if err != nil {
		return nil, err
	}
	watched := &watchedConn{Conn: conn}
	return &agentLink{conn: watched, client: agent.NewClient(watched)}, nil
}

// hangUp closes the connection. x/crypto's reader may hold an answer to
// nothing, and then waits for a request to give it to: so one is made, which
// fails at once.
func (l *agentLink) hangUp() {
	_ = l.conn.Close()
	_, _ = l.client.List()
}

// list asks for the keys, within agentTimeout.
func (l *agentLink) list() ([]*agent.Key, error) {
	if err := l.conn.SetDeadline(time.Now().Add(agentTimeout)); err != nil {
		return nil, err
	}
	keys, err := l.client.List()
	if err != nil {
		return nil, err
	}
	if len(keys) > maxAgentKeys {
		return nil, fmt.Errorf("it has more than %d", maxAgentKeys)
	}
	return keys, l.conn.SetDeadline(time.Time{})
}

// agent connects to the agent at socket, the first time, and lists its keys.
func (r *Ring) agent(socket string) *agentKeys {
	if socket == "" {
		return nil
	}
	a, ok := r.agents[socket]
	if !ok {
		a = &agentKeys{socket: socket, slots: make(chan struct{}, r.options.AgentConcurrency), index: make(map[string]bool)}
		r.agents[socket] = a
		if !r.closed {
			a.open()
		}
	}
	return a
}

// open connects and lists the keys.
func (a *agentKeys) open() {
	link, err := a.dial()
	if err != nil {
		a.err = fmt.Errorf("ssh-agent not used: %w", err)
		return
	}
	listed, err := link.list()
	if err != nil {
		link.hangUp()
		a.err = fmt.Errorf("ssh-agent at %s not used: it does not list its keys: %w", a.socket, err)
		return
	}
	a.link = link
	for _, key := range listed {
		public, err := ssh.ParsePublicKey(key.Blob)
		if err == nil && !a.index[string(key.Blob)] { // else of a type that no server here knows
			a.keys = append(a.keys, public)
			a.index[string(key.Blob)] = true
		}
	}
}

// close ends the connection, for good.
func (a *agentKeys) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.link != nil {
		a.link.hangUp()
	}
	a.link = nil
}

func (a *agentKeys) all() []ssh.PublicKey {
	if a == nil {
		return nil
	}
	return a.keys
}

func (a *agentKeys) holds(key ssh.PublicKey) bool {
	return a != nil && key != nil && a.index[string(key.Marshal())]
}

// sign asks the agent for a signature. A slot is held only while the agent
// works. If the agent has restarted, the connection is made again, once.
func (a *agentKeys) sign(key ssh.PublicKey, data []byte, algorithm string) (*ssh.Signature, error) {
	var flags agent.SignatureFlags
	switch algorithm {
	case ssh.KeyAlgoRSASHA256:
		flags = agent.SignatureFlagRsaSha256
	case ssh.KeyAlgoRSASHA512:
		flags = agent.SignatureFlagRsaSha512
	}
	a.slots <- struct{}{}
	defer func() { <-a.slots }()
	link, err := a.connected(nil)
	if err != nil {
		return nil, err
	}
	signature, err := link.client.SignWithFlags(key, data, flags)
	if err != nil && link.conn.failed.Load() {
		if link, err = a.connected(link); err != nil {
			return nil, err
		}
		signature, err = link.client.SignWithFlags(key, data, flags)
	}
	switch {
	case err != nil && link.conn.failed.Load():
		return nil, fmt.Errorf("the connection to it has ended: %w", err)
	case err != nil:
		return nil, fmt.Errorf("%w: it may be locked, lack a confirmation or a touch, or restrict the key to a destination (ssh-add -h)", err)
	case signature.Format != algorithm: // as sshkey_check_sigtype in OpenSSH's sshkey.c
		return nil, fmt.Errorf("it made a signature of type %q, not %s", signature.Format, algorithm)
	case len(signature.Blob)+len(signature.Rest) > maxSignature:
		return nil, fmt.Errorf("its signature is larger than %d KiB", maxSignature>>10)
	}
	return signature, nil
}

// connected returns the connection, or a new one in place of a broken one. An
// agent that does not take a new one is not tried again.
func (a *agentKeys) connected(broken *agentLink) (*agentLink, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.link == nil {
		return nil, errors.New("the connection to it has ended")
	}
	if a.link == broken {
		broken.hangUp()
		var err error
		if a.link, err = a.dial(); err != nil {
			return nil, fmt.Errorf("the connection to it has ended: %w", err)
		}
	}
	return a.link, nil
}
