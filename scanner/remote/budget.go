package remote

import (
	"sync"
	"sync/atomic"

	"kletscan/scanner"
)

const (
	// DefaultMemory bounds what all nodes in flight have sent, in bytes, beyond
	// the first 256 KiB of each. All that a peer can make us keep it must send:
	// at the worst, in packets of one byte, the process needs about three times
	// as much.
	DefaultMemory = 256 << 20
	// nodeReserve is what each connection may send without asking the budget,
	// in bytes: an honest node's answers fit, so it never pays for what the
	// others send.
	nodeReserve = 256 << 10
)

// budget is the memory of all connections together, beyond their reserves.
type budget struct {
	limit int // bytes

	mu   sync.Mutex
	used int
}

// account is one connection's part of a budget. A nil account has no bound.
type account struct {
	budget   *budget
	received atomic.Int64 // bytes

	// The budget's lock is for these.
	counted int // bytes beyond the reserve
	closed  bool
}

// take counts n bytes that were received. It reports false where they are more
// than the budget has.
func (a *account) take(n int) bool {
	if a == nil {
		return true
	}
	beyond := int(a.received.Add(int64(n))) - nodeReserve
	if beyond <= 0 || n == 0 {
		return true
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	if a.closed { // nobody keeps what comes now
		return true
	}
	a.budget.used += beyond - a.counted
	a.counted = beyond
	return a.budget.used <= a.budget.limit
}

// release gives everything back. It may be called more than once.
func (a *account) release() {
	if a == nil {
		return
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	if !a.closed {
		a.budget.used -= a.counted
		a.closed = true
	}
}

// over is why a connection is closed for which nothing is left. Others may
// have ended by the time of another attempt.
func (a *account) over() *scanner.Error {
	e := overBound("over the memory budget of %d MiB for all nodes in flight: scan fewer nodes at once with -f", a.budget.limit>>20)
	e.Transient = true
	return e
}
