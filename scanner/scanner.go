// Package scanner visits the nodes of an inventory and gives each one a
// Result: whether it could be looked at, and what was seen there.
//
//	[]inventory.Node --Scan--> Result, Result, ...
//	   one visit:
//	     Resolve(ctx, node)       -> Target    how it is reached; no SSH library in here
//	     Target.Dial(ctx)         -> Link      I/O, injected; many at once (slots.go)
//	     Link.Login(ctx)          -> Conn      I/O; Fanout at once, from here on
//	     Visit.Survey(ctx)        -> evidence  I/O, one exec
//	     Judge(evidence)          -> Judgement pure; it may want more files:
//	     Visit.Fetch(ctx, wants)  -> evidence  I/O, a second exec for just those
package scanner

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"kletscan/inventory"
	"kletscan/scanner/evidence"
	"kletscan/scanner/probe"
)

// Scanner visits nodes. It may be used for several scans, one after the other
// or at once.
type Scanner struct {
	Resolve     ResolveFunc   // must not be nil
	Fanout      int           // nodes logged in to at once; 0 or less: DefaultFanout
	Dials       int           // nodes connected to at once, beside those; 0 or less: DefaultDials
	Rate        float64       // connections begun in a second, at most; 0 or less: no limit
	NodeTimeout time.Duration // for one whole visit with its retries; 0: no limit of its own
	Grace       time.Duration // for visits under way when ctx is cancelled; 0: they end at once
	Retries     int           // how often a visit is begun again after an Error that is Transient

	Become   probe.Become    // how files are read that the login user cannot
	Password *probe.Password // for sudo; nil: none is used. Then every Conn must be a probe.Talker

	Serving        bool          // look at the certificate that the kubelet serves
	ServingTimeout time.Duration // for each look; 0: only NodeTimeout bounds it

	Now func() time.Time // the clock; nil: time.Now

	// Keep, if not nil, gets each Result with the evidence behind it, which is
	// dropped otherwise. It is called concurrently, before done.
	Keep func(*Result, *evidence.Evidence)
}

const (
	// DefaultFanout is how many nodes are logged in to at once unless told otherwise.
	DefaultFanout = 512
	// DefaultDials is how many connections are opened at once unless told otherwise.
	DefaultDials = 2000
)

// Scan visits every node and calls done once for each, with its index in nodes
// and its Result, as its visit ends and from one goroutine at a time.
//
// A visit that is slow holds up no other: see slots. A node that does not
// answer while the others do is asked again behind them: see patience.
//
// When ctx is cancelled, no new visit begins, those under way end after Grace at
// the latest, and what was not visited to its end is Cancelled. All visits have
// ended when Scan returns.
func (s *Scanner) Scan(ctx context.Context, nodes []inventory.Node, done func(int, Result)) {
	scan := scan{
		Scanner: s, ctx: ctx, nodes: nodes, done: done,
		desk: make(desk), visited: make(chan *visit),
		queue: newQueue(len(nodes)), patience: newDialPatience(), slots: newSlots(orDefault(s.Dials, DefaultDials), orDefault(s.Fanout, DefaultFanout), s.Rate),
	}
	if s.Rate > 0 {
		scan.rate = rate.NewLimiter(rate.Limit(s.Rate), 1)
	}
	scan.visiting = ctx
	if s.Grace > 0 {
		var end context.CancelFunc
		scan.visiting, end = graced(ctx, s.Grace)
		defer end()
	}
	var told sync.WaitGroup
	told.Go(scan.tell)
	defer told.Wait()
	defer close(scan.visited)
	defer close(scan.desk)
	for range runtime.GOMAXPROCS(0) {
		told.Go(scan.desk.work)
	}
	var visits sync.WaitGroup
	for {
		t, ok := scan.queue.next()
		if !ok {
			break
		}
		way := scan.slots.begin()
		visits.Go(func() {
			defer scan.slots.end()
			defer way.leave()
			scan.turn(t, way)
		})
	}
	visits.Wait()
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// scan is one Scan under way.
type scan struct {
	*Scanner
	ctx      context.Context
	visiting context.Context // of visits under way: it ends Grace after ctx
	nodes    []inventory.Node
	queue    *queue
	slots    *slots
	patience *patience     // with dials
	rate     *rate.Limiter // nil: no limit
	judger   Judger
	desk     desk
	visited  chan *visit
	done     func(int, Result)
}

// turn visits a node and tells its Result, unless it is put back.
func (s *scan) turn(t turn, way *dialing) {
	v := &visit{scan: s, turn: t, way: way}
	v.result.Node = s.nodes[t.node]
	defer s.queue.end()
	if v.run() {
		return
	}
	if s.Keep != nil {
		s.Keep(&v.result, v.evidence)
	}
	s.visited <- v
}

// tell tells the results.
func (s *scan) tell() {
	for v := range s.visited {
		s.done(v.node, v.result)
	}
}

func (s *Scanner) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// cause prefers why ctx ended over the error that this led to.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// classify turns what ended a visit into a Status and its words.
func classify(ctx context.Context, err error) (Status, string) {
	var e *Error
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return Cancelled, "the scan was interrupted during the visit"
	case errors.As(err, &e):
		return e.Status, e.Error()
	case errors.Is(err, probe.ErrNotAnswered):
		return Denied, "probe: " + err.Error()
	}
	return Internal, err.Error()
}
