package sshconfig

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
)

// answers are those of ssh -G, one for each query. What they have in common for
// many hosts is kept once: a host of which only the name, the alias under which
// its key is on file and the port are its own takes about 150 bytes. It is safe
// for concurrent use.
type answers struct {
	mu     sync.Mutex
	calls  map[Query]*call
	shared map[[sha256.Size]byte]*Settings // by their text, without what is a host's own
}

// call is the answer to one query, there once done is closed.
type call struct {
	done   chan struct{} // nil: long since
	shared *Settings     // of which the following are not set
	own    own
	err    error
	gaveUp bool // the one who asked did: this is no answer for others
}

// own is what tells a host from others in Settings.
type own struct {
	hostName, hostKeyAlias string
	port                   int
}

func newAnswers() answers {
	return answers{calls: make(map[Query]*call), shared: make(map[[sha256.Size]byte]*Settings)}
}

// get returns what ask says, which is called once for each query.
func (a *answers) get(ctx context.Context, q Query, ask func(context.Context, Query) (*Settings, error)) (*Settings, error) {
	for {
		a.mu.Lock()
		c, ok := a.calls[q]
		if !ok {
			c = &call{done: make(chan struct{})}
			a.calls[q] = c
		}
		done := c.done
		a.mu.Unlock()
		if !ok {
			s, err := ask(ctx, q)
			a.keep(q, c, s, err, err != nil && ctx.Err() != nil)
		}
		if done != nil {
			select {
			case <-done:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		if !c.gaveUp || ctx.Err() != nil {
			return c.answer(q)
		}
	}
}

// keep notes an answer, or forgets the query where it is none.
func (a *answers) keep(q Query, c *call, s *Settings, err error, gaveUp bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.err, c.gaveUp = err, gaveUp
	if err == nil {
		// Copies, or each would hold all that ssh has printed.
		c.own = own{strings.Clone(s.HostName), strings.Clone(s.HostKeyAlias), s.Port}
		c.shared = a.share(s)
	}
	close(c.done)
	c.done = nil
	if gaveUp {
		delete(a.calls, q)
	}
}

// share finds Settings that differ from s in nothing but what is a host's own.
func (a *answers) share(s *Settings) *Settings {
	without := *s
	without.Alias, without.Port, without.HostName, without.HostKeyAlias = "", 0, "", ""
	key := sha256.Sum256(fmt.Appendf(nil, "%#v", without))
	if _, ok := a.shared[key]; !ok {
		a.shared[key] = &without
	}
	return a.shared[key]
}

// answer puts the Settings together again.
func (c *call) answer(q Query) (*Settings, error) {
	if c.err != nil {
		return nil, c.err
	}
	s := *c.shared
	s.Alias, s.Port, s.HostName, s.HostKeyAlias = q.Alias, c.own.port, c.own.hostName, c.own.hostKeyAlias
	return &s, nil
}
