// Package secret holds a password that the operator typed once for all nodes,
// and sees to it that a wrong one is tried once: three failures may lock an
// account (pam_faillock(8)), and it is often the same account on every node.
package secret

import (
	"context"
	"sync"
	"sync/atomic"
)

// Word is a password. It serves all nodes, at once or one after the other, and
// remembers whether it is right: until a node has accepted it, one node at a
// time is asked and the others wait; once it was rejected before that, it goes
// to no other node. No way of printing shows it. Make one with New.
type Word struct {
	text     string
	deciding chan struct{} // full while a node is asked and nobody knows yet
	state    atomic.Int32
}

// The states of a Word. Only the first outcome counts.
const (
	undecided int32 = iota
	accepted
	rejected
)

// New makes a Word that nobody has tried.
func New(text string) *Word { return &Word{text: text, deciding: make(chan struct{}, 1)} }

// Text is the password itself.
func (w *Word) Text() string { return w.text }

// String hides the password from every way of printing it.
func (w *Word) String() string { return "(withheld)" }

// GoString does the same for %#v.
func (w *Word) GoString() string { return "(withheld)" }

// Turn waits until one more node may be sent the word, and reports whether it
// may. release must be called as soon as more is known, behind Accepted or
// Rejected if one of them is true; it may be called more than once.
func (w *Word) Turn(ctx context.Context) (ok bool, release func(), err error) {
	nothing := func() {}
	if state := w.state.Load(); state != undecided {
		return state == accepted, nothing, nil
	}
	select {
	case w.deciding <- struct{}{}:
	case <-ctx.Done():
		return false, nothing, context.Cause(ctx)
	}
	release = sync.OnceFunc(func() { <-w.deciding })
	if ctx.Err() != nil { // both were ready
		release()
		return false, nothing, context.Cause(ctx)
	}
	if state := w.state.Load(); state != undecided {
		release()
		return state == accepted, nothing, nil
	}
	return true, release, nil
}

// Accepted says that a node has taken the word.
func (w *Word) Accepted() { w.state.CompareAndSwap(undecided, accepted) }

// Rejected says that a node was sent the word and has not taken it.
func (w *Word) Rejected() { w.state.CompareAndSwap(undecided, rejected) }
