package scanner

import (
	"context"
	"sync"
	"time"
)

// How long something may take before it gives its slot back, so that what is
// slow holds up nothing but itself. It stays counted among the visits under way.
// Where most are slow, as on a computer or a line that has more to do than it
// can, more at once would make them slower: a session is slow that takes four
// times as long as half of them do.
const (
	slowDial      = 250 * time.Millisecond
	slowVisit     = 2 * time.Second
	slowVisitThan = 4
)

// slots bounds what is under way at once. Dials have slots of their own: a dead
// node costs a connect timeout and nothing else, so many may wait for theirs
// while few log in. No more connect than can soon log in.
type slots struct {
	dials    int           // connections being opened, at most
	ahead    int           // of those that are on their way to a session, at most
	visits   int           // nodes under way in all, at most
	sessions chan struct{} // those logging in and running commands
	took     patience      // what these took

	mu      sync.Mutex
	changed sync.Cond
	active  int          // nodes under way
	at      [arrived]int // of them, by their step
}

// step is how far a node is on its way to a session.
type step int

const (
	dialled step = iota // the connection is being opened
	slow                // so it is, and takes its time
	waiting             // it is open, and waits for a session
	arrived             // it is on its way no more
)

func newSlots(dials, sessions int) *slots {
	s := &slots{
		dials: dials, visits: dials + sessions, sessions: make(chan struct{}, sessions),
		ahead: (sessions + 3) / 4, // a connection is one round trip of nine
	}
	s.changed.L = &s.mu
	return s
}

// begin waits until another node may be dialled, and begins with that.
func (s *slots) begin() *way {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.active >= s.visits || s.at[dialled]+s.at[slow] >= s.dials || s.at[dialled]+s.at[waiting] >= s.ahead {
		s.changed.Wait()
	}
	s.active++
	return s.dial()
}

// end is for a node that was begun.
func (s *slots) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.changed.Signal() // only the one that begins nodes waits
}

// again is for a node that was begun, and is dialled once more.
func (s *slots) again() *way {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dial()
}

// dial puts a node on its way. The caller holds the lock.
func (s *slots) dial() *way {
	w := &way{slots: s}
	s.at[dialled]++
	w.timer = time.AfterFunc(slowDial, func() { w.goes(slow) })
	return w
}

// way is that of one node to a session.
type way struct {
	slots *slots
	timer *time.Timer
	at    step
}

// goes takes the node on to a step, if that is not behind it.
func (w *way) goes(to step) {
	w.slots.mu.Lock()
	defer w.slots.mu.Unlock()
	if to <= w.at {
		return
	}
	w.slots.at[w.at]--
	if w.at = to; to < arrived {
		w.slots.at[to]++
	}
	if to > slow {
		w.timer.Stop()
	}
	w.slots.changed.Signal()
}

// session waits for a slot to log in. It is given back by leave, or when the
// visit is slow.
func (s *slots) session(ctx context.Context) (leave func(), err error) {
	select {
	case s.sessions <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	limit := slowVisitThan * slowVisit // until it is known what is usual
	if usual, ok := s.took.within(50); ok {
		limit = max(slowVisit, slowVisitThan*usual)
	}
	back := sync.OnceFunc(func() { <-s.sessions })
	start, timer := time.Now(), time.AfterFunc(limit, back)
	return func() {
		timer.Stop()
		s.took.add(time.Since(start))
		back()
	}, nil
}
