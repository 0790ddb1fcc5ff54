package scanner

import (
	"context"
	"math"
	"sync"
	"time"
)

// slowDial is how long a dial may take before others are begun in its place.
const slowDial = 250 * time.Millisecond

// slots bounds what is under way at once. Dials have slots of their own: a dead
// node costs a connect timeout and nothing else, so many may wait for theirs
// while few log in. No more connect than can soon log in.
//
// What is slow gives its slot back, so that it holds up nothing but itself. It
// stays counted among the visits under way.
type slots struct {
	dials    int           // connections being opened, at most
	most     int           // of ahead: a connection is one round trip of nine
	visits   int           // nodes under way in all, at most
	sessions chan struct{} // those logging in and running commands
	patience *patience     // with those
	pace     int           // connections that wait until the rate allows them, at most; 0: there is no rate

	mu      sync.Mutex
	changed sync.Cond
	dialing int
	ahead   int // dials that are not slow, and connections that wait for a session
	pacing  int
	active  int
}

// newSlots keeps the connections of five seconds ready where there is a rate:
// one that is tried again has to wait behind them.
func newSlots(dials, sessions int, perSecond float64) *slots {
	s := &slots{dials: dials, most: (sessions + 3) / 4, visits: dials + sessions, sessions: make(chan struct{}, sessions), patience: newVisitPatience()}
	if perSecond > 0 {
		s.pace = int(math.Ceil(5 * min(perSecond, float64(s.visits))))
	}
	s.changed.L = &s.mu
	return s
}

// begin waits until another node may be dialled, and begins with that.
func (s *slots) begin() *dialing {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.active >= s.visits || s.dialing >= s.dials || s.ahead >= s.most || s.pace > 0 && s.pacing >= s.pace {
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
	s.changed.Broadcast()
}

// dialing is a node that is on its way to a session. Its methods may be called
// more than once.
type dialing struct {
	allowed func() // by the rate
	dialled func() // the dial has ended
	leave   func() // so has the wait for a session
}

// again waits until a node that was begun may be dialled once more.
func (s *slots) again(ctx context.Context) (*dialing, error) {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.dialing >= s.dials {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s.changed.Wait()
	}
	return s.dial(), nil
}

func (s *slots) dial() *dialing {
	s.dialing++
	s.ahead++
	s.pacing++
	allowed := sync.OnceFunc(func() { s.count(&s.pacing, -1) })
	leave := sync.OnceFunc(func() { s.count(&s.ahead, -1) })
	slow := time.AfterFunc(slowDial, leave)
	dialled := sync.OnceFunc(func() { s.count(&s.dialing, -1) })
	return &dialing{
		allowed: allowed,
		dialled: func() {
			slow.Stop()
			dialled()
		},
		leave: func() {
			allowed()
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
	long := s.patience.limit()
	if long == 0 {
		return back, nil
	}
	slow := time.AfterFunc(long, back)
	return func() {
		slow.Stop()
		back()
	}, nil
}
