package scanner

import (
	"math/bits"
	"sync"
	"time"
)

const (
	// leastPatience is how long a node always has to answer. After a lost SYN it
	// is too short (RFC 6298 waits a second): such a node is asked again.
	leastPatience = time.Second
	// enoughDials is from how many on their times say something.
	enoughDials = 50
	// patienceFactor is how many times as long as 95 % of the others took.
	patienceFactor = 8
)

// patience is how long to wait for a connection while others could be made
// instead. A node that takes longer is asked again, behind all others, and then
// for as long as the Target itself waits: no node is lost because the others
// were faster.
type patience struct {
	mu    sync.Mutex
	dials int
	took  [64]int // dials, by the number of bits of their microseconds
}

// add notes how long one that answered took.
func (p *patience) add(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials++
	p.took[bits.Len64(uint64(max(took.Microseconds(), 0)))]++
}

// limit is how long to wait; 0: too little is known, so as long as it takes.
func (p *patience) limit() time.Duration {
	if usual, ok := p.within(95); ok {
		return max(leastPatience, patienceFactor*usual)
	}
	return 0
}

// within is how long so many percent took at most, give or take a factor of
// two. It reports false where too little is known.
func (p *patience) within(percent int) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dials < enoughDials {
		return 0, false
	}
	above := p.dials * (100 - percent) / 100
	for size := len(p.took) - 1; ; size-- {
		if above -= p.took[size]; above < 0 || size == 0 {
			return time.Microsecond << size, true
		}
	}
}
