package remote

import (
	"context"
	"errors"
	"sync"
)

// password is the one that the operator typed for all nodes. Accounts are
// locked after a few wrong ones (pam_faillock), and often for the whole fleet
// at once: so one login tries it first, the others wait for what comes of that,
// and once it is refused before it was ever accepted nobody sends it again.
type password struct {
	text []byte

	trial chan struct{} // held by the login that tries it while nothing is known
	mu    sync.Mutex
	known verdict
}

type verdict uint8

const (
	untried verdict = iota
	accepted
	refusedOnce
)

var errPasswordRefused = errors.New("the password was refused by the first node that was sent it, and is sent to no other: run again to type another")

// newPassword returns nil without a text: no password.
func newPassword(text []byte) *password {
	if len(text) == 0 {
		return nil
	}
	return &password{text: text, trial: make(chan struct{}, 1)}
}

// take gives the password to one login, which must call settle once it knows
// whether it was accepted. It waits while another login is the first to try.
func (p *password) take(ctx context.Context) (text string, settle func(verdict), err error) {
	select {
	case p.trial <- struct{}{}:
	case <-ctx.Done():
		return "", nil, context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.known {
	case refusedOnce:
		<-p.trial
		return "", nil, errPasswordRefused
	case accepted:
		<-p.trial
		return string(p.text), func(verdict) {}, nil
	}
	return string(p.text), func(v verdict) {
		p.mu.Lock()
		p.known = v
		p.mu.Unlock()
		<-p.trial
	}, nil
}
