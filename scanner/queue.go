package scanner

import "sync"

// queue says which node is next. One that needs a share which is used up waits
// for it and holds up nobody else; one that is to be waited for comes behind
// all others. Of a node that waits only its index is kept.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	nodes   int    // how many there are
	fresh   int    // the first that was not begun
	ready   []turn // have waited for a share that is free now
	late    []turn
	open    int // turns that were begun and have not ended
	shares  map[string]*share
}

// turn is one node's.
type turn struct {
	node    int
	patient bool   // it was given up once, and is now to be waited for
	waited  *share // it was begun again because this one was free; nil: it was not
}

// share is the use of one Share.
type share struct {
	used, limit int
	waiting     []turn
}

func newQueue(nodes int) *queue {
	q := &queue{nodes: nodes, shares: make(map[string]*share)}
	q.changed.L = &q.mu
	return q
}

// next begins a node. It waits while those under way may yet put one back, and
// reports false when all have ended.
func (q *queue) next() (t turn, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case len(q.ready) > 0:
			t, q.ready = q.ready[0], q.ready[1:]
		case q.fresh < q.nodes:
			t = turn{node: q.fresh}
			q.fresh++
		case len(q.late) > 0:
			t, q.late = q.late[0], q.late[1:]
		case q.open > 0:
			q.changed.Wait()
			continue
		default:
			return turn{}, false
		}
		q.open++
		return t, true
	}
}

// enter takes all shares that a node needs. Where one is used up it takes none
// and puts the node back, until that one is free.
func (q *queue) enter(t turn, shares []Share) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range shares {
		if one := q.share(s); one.used >= one.limit {
			t.waited = one
			one.waiting = append(one.waiting, t)
			return false
		}
	}
	for _, s := range shares {
		q.share(s).used++
	}
	return true
}

// leave gives the shares back that a node has entered, and the one for which it
// was begun, if it did not come to that: for each free place one that waits is
// begun, and has to pass it on.
func (q *queue) leave(t turn, entered []Share) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range entered {
		one := q.share(s)
		one.used--
		q.wake(one)
		if one == t.waited {
			t.waited = nil
		}
	}
	if t.waited != nil {
		q.wake(t.waited)
	}
}

// share is the use of s. The caller holds the lock, as with wake.
func (q *queue) share(s Share) *share {
	one, ok := q.shares[s.Name]
	if !ok {
		one = &share{limit: s.Limit}
		q.shares[s.Name] = one
	}
	return one
}

// wake makes one that waits for a share ready, if that is free.
func (q *queue) wake(one *share) {
	if one.used < one.limit && len(one.waiting) > 0 {
		q.ready, one.waiting = append(q.ready, one.waiting[0]), one.waiting[1:]
		q.changed.Signal()
	}
}

// later puts a node back that is to be waited for when all others have begun.
func (q *queue) later(node int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.late = append(q.late, turn{node: node, patient: true})
}

// end is for a node that has its result, or was put back.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open--
	q.changed.Signal()
}
