package scanner

import (
	"context"
	"sync"
	"time"
)

// How long something may take before it gives its slot back, so that what is
// slow holds up nothing but itself. It stays counted among the visits under way.
const (
	slowDial  = 500 * time.Millisecond
	slowVisit = 2 * time.Second
)

// slots bounds what is under way at once. Dials have slots of their own: a dead
// node costs a connect timeout and nothing else, so many may wait for theirs
// while few log in. No more connect than can soon log in.
type slots struct {
	dials    int           // connections being opened, at most
	visits   int           // nodes under way in all, at most
	sessions chan struct{} // those logging in and running commands

	mu      sync.Mutex
	changed sync.Cond
	dialing int
	ahead   int // dials that are not slow, and connections that wait for a session
	active  int
}

func newSlots(dials, sessions int) *slots {
	s := &slots{dials: dials, visits: dials + sessions, sessions: make(chan struct{}, sessions)}
	s.changed.L = &s.mu
	return s
}

// begin waits until another node may be dialled, and begins with that.
func (s *slots) begin() *dialing {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.active >= s.visits || s.dialing >= s.dials || s.ahead >= cap(s.sessions) {
		s.changed.Wait()
	}
	s.active++
	return s.dial()
}

// end is for a node that was begun.
func (s *slots) end() { s.count(&s.active, -1) }

// count changes a number of what is under way.
func (s *slots) count(what *int, by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what += by
	s.changed.Signal() // only the one that begins nodes waits
}

// dialing is a node that is on its way to a session. Its methods may be called
// more than once.
type dialing struct {
	dialled func() // the dial has ended
	leave   func() // so has the wait for a session
}

// again is for a node that was begun, and is dialled once more.
func (s *slots) again() *dialing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dial()
}

func (s *slots) dial() *dialing {
	s.dialing++
	s.ahead++
	leave := sync.OnceFunc(func() { s.count(&s.ahead, -1) })
	slow := time.AfterFunc(slowDial, leave)
	dialled := sync.OnceFunc(func() { s.count(&s.dialing, -1) })
	return &dialing{
		dialled: func() {
			slow.Stop()
			dialled()
		},
		leave: func() {
			dialled()
			leave()
		},
	}
}

// session waits for a slot to log in. It is given back by leave, or when the
// visit is slow.
func (s *slots) session(ctx context.Context) (leave func(), err error) {
	select {
	case s.sessions <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	back := sync.OnceFunc(func() { <-s.sessions })
	slow := time.AfterFunc(slowVisit, back)
	return func() {
		slow.Stop()
		back()
	}, nil
}
