package scanner

import (
	"math/bits"
	"sync"
	"time"
)

// patience says when something takes long, by how long it took others.
type patience struct {
	enough int           // from how many on their times say something
	factor time.Duration // how many times as long as 95 % of the others took
	least  time.Duration // what is never long

	mu    sync.Mutex
	times int
	took  [64]int // times, by the number of bits of their microseconds
}

// newDialPatience is how long to wait for a connection while others could be
// made instead. A node that takes longer is asked again, behind all others, and
// then for as long as the Target itself waits: no node is lost because the
// others were faster. After a lost SYN the least is too short (RFC 6298 waits a
// second): such a node is asked again.
func newDialPatience() *patience { return &patience{enough: 50, factor: 8, least: time.Second} }

// newVisitPatience is how long one that is logged in may take before it gives
// its slot back. Where all take long the reason is on our side, such as an agent
// that takes its time, and more of them would only take longer.
func newVisitPatience() *patience { return &patience{enough: 1, factor: 2, least: time.Second} }

// add notes how long one took that came to its end.
func (p *patience) add(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times++
	p.took[bits.Len64(uint64(max(took.Microseconds(), 0)))]++
}

// limit is what is long; 0: too little is known.
func (p *patience) limit() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.times < p.enough {
		return 0
	}
	slowest := p.times / 20 // the 5 % that do not count
	for size := len(p.took) - 1; ; size-- {
		if slowest -= p.took[size]; slowest < 0 || size == 0 {
			return max(p.least, p.factor*time.Microsecond<<size)
		}
	}
}
