// Package scanner visits the nodes of an inventory and gives each one a
// Result: whether it could be looked at, and what was seen there.
//
//	[]inventory.Node --Scan--> Result, Result, ...
//	   one visit:
//	     Dial(ctx, node)          -> Conn      I/O, injected: no SSH library in here
//	     Visit.Survey(ctx)        -> evidence  I/O, one exec
//	     Judge(evidence)          -> Judgement pure; it may want more files:
//	     Visit.Fetch(ctx, wants)  -> evidence  I/O, a second exec for just those
package scanner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"kletscan/inventory"
	"kletscan/scanner/evidence"
	"kletscan/scanner/probe"
)

// Conn is one authenticated connection to a node, used by one visit at a time.
type Conn interface {
	probe.Executor
	// DialTCP opens a TCP connection as the node itself would. It may be
	// called while Exec runs. Its errors wrap ErrForwardingRefused or
	// ErrNoListener where one of them is the reason. Deadlines of the
	// connection may not work: close it.
	DialTCP(ctx context.Context, address string) (net.Conn, error)
	// Close ends the connection and everything that runs on it. It may be
	// called more than once and while Exec runs.
	Close() error
}

var (
	// ErrForwardingRefused means that the node's sshd opens no connections
	// for us (AllowTcpForwarding no).
	ErrForwardingRefused = errors.New("forwarding refused")
	// ErrNoListener means that nothing listens at that address.
	ErrNoListener = errors.New("nothing listens there")
)

// DialFunc opens a connection. It is called concurrently. An error that is an
// *Error decides the Status of the node's Result; any other reads as Internal.
type DialFunc func(context.Context, inventory.Node) (Conn, error)

// Scanner visits nodes. It may be used for several scans, one after the other
// or at once.
type Scanner struct {
	Dial        DialFunc      // must not be nil
	Fanout      int           // nodes visited at once; 0 or less: DefaultFanout
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
	Keep func(Result, *evidence.Evidence)
}

// DefaultFanout is how many nodes are visited at once unless told otherwise.
const DefaultFanout = 64

// Scan visits every node and returns one Result each, in the order of nodes.
// It calls done, if not nil, for each Result as its visit ends, from one
// goroutine at a time.
//
// When ctx is cancelled, no new visit begins, those under way end after Grace at
// the latest, and what was not visited to its end is Cancelled. All visits have ended when Scan returns.
func (s *Scanner) Scan(ctx context.Context, nodes []inventory.Node, done func(Result)) []Result {
	results := make([]Result, len(nodes))
	next := make(chan int)
	var (
		workers sync.WaitGroup
		telling sync.Mutex
	)
	for range min(s.fanout(), len(nodes)) {
		workers.Go(func() {
			for i := range next { // each worker writes only results[i]: no lock, and the order is the inventory's
				var ev *evidence.Evidence
				results[i], ev = s.visit(ctx, nodes[i])
				if s.Keep != nil {
					s.Keep(results[i], ev)
				}
				if done != nil {
					telling.Lock()
					done(results[i])
					telling.Unlock()
				}
			}
		})
	}
	for i := range nodes {
		next <- i // after a cancel, visit returns at once
	}
	close(next)
	workers.Wait()
	return results
}

func (s *Scanner) fanout() int {
	if s.Fanout <= 0 {
		return DefaultFanout
	}
	return s.Fanout
}

func (s *Scanner) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// visit gives one node its Result, whatever happens on the way, and the
// evidence if there is a judgement.
func (s *Scanner) visit(ctx context.Context, node inventory.Node) (r Result, ev *evidence.Evidence) {
	r = Result{Node: node}
	if ctx.Err() != nil {
		r.Status, r.Error = Cancelled, "not visited: the scan was interrupted first"
		return r, nil
	}
	if withoutSSH(node.OS) {
		r.Status, r.Error = NotLinux, fmt.Sprintf("not visited: the inventory (%s) says that it runs %s, which cannot be scanned over SSH", node.Source, node.OS)
		return r, nil
	}
	r.Started = s.now()
	defer func() {
		if p := recover(); p != nil { // a defect costs one row, not the fleet
			r.Verdict, ev = Verdict{}, nil
			r.Status, r.Error = Internal, Defect(p).Err.Error()
		}
		r.Duration = s.now().Sub(r.Started)
	}()
	visiting, cancel := s.deadline(ctx)
	defer cancel()
	var j Judgement
	err := Retry(visiting, s.Retries, func() (err error) {
		ev, j, err = s.look(visiting, node)
		return err
	})
	if err != nil {
		r.Status, r.Error = classify(visiting, err)
		return r, nil
	}
	r.Status, r.Error, r.Verdict = j.Status, j.Reason, j.Verdict
	return r, ev
}

// withoutSSH reports an operating system, as an inventory names it, that has no
// SSH server or is not Linux. Bottlerocket has one in its admin container.
func withoutSSH(system string) bool {
	return system != "" && system != "linux" && system != "bottlerocket"
}

// errNodeTimeout is the cause when a whole visit takes too long.
var errNodeTimeout = errors.New("the visit took longer than the node timeout")

// deadline bounds a visit, all its attempts together. It ends Grace after ctx
// is cancelled.
func (s *Scanner) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	visiting, end := ctx, context.CancelFunc(func() {})
	if s.Grace > 0 {
		visiting, end = graced(ctx, s.Grace)
	}
	if s.NodeTimeout <= 0 {
		return visiting, end
	}
	visiting, cancel := context.WithTimeoutCause(visiting, s.NodeTimeout,
		&Error{Op: "visit", Status: Timeout, Err: fmt.Errorf("%w of %v", errNodeTimeout, s.NodeTimeout)})
	return visiting, func() {
		cancel()
		end()
	}
}

// graced is ctx, but ends a while later when that is cancelled.
func graced(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	unwatch := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
			cancel(context.Cause(ctx))
		case <-later.Done():
		}
	})
	return later, func() {
		unwatch()
		cancel(nil)
	}
}

// look connects, collects and judges.
func (s *Scanner) look(ctx context.Context, node inventory.Node) (*evidence.Evidence, Judgement, error) {
	conn, err := s.Dial(ctx, node)
	if err != nil {
		return nil, Judgement{}, cause(ctx, err)
	}
	defer conn.Close()
	var o *observer
	if s.Serving {
		o = observe(ctx, conn, s.ServingTimeout)
		defer o.wait()
		defer conn.Close() // before wait, which it makes short
	}
	visit := &probe.Visit{Node: conn, Become: s.Become, Password: s.Password}
	ev, err := visit.Survey(ctx)
	if err != nil {
		return nil, Judgement{}, cause(ctx, err)
	}
	if node.Kubelet != "" {
		ev.Listed = evidence.ListedVersion{Version: node.Kubelet, Source: node.Source.String()}
	}
	j, err := JudgeWith(ev, func(wants []evidence.Want) error { return visit.Fetch(ctx, ev, wants) })
	if err != nil {
		return nil, Judgement{}, cause(ctx, err)
	}
	if o != nil && j.Status == OK {
		ev.Serving = o.finish(ctx, j.Listen, node.Name, j.Static)
		if wants := fallback(ev.Serving, j); wants != nil {
			if err := visit.Fetch(ctx, ev, wants); err != nil {
				ev.Serving.Reason = err.Error() // it costs the certificate, not the verdict
			}
			fellBack(ev.Serving, ev, j)
		}
		j = Judge(ev)
	}
	return ev, j, nil
}

// maxRounds bounds "collect, ask what is still missing, collect that".
const maxRounds = 3

// JudgeWith judges ev and, while the judgement wants more, lets fetch add it
// and judges again, at most three times in all.
func JudgeWith(ev *evidence.Evidence, fetch func([]evidence.Want) error) (Judgement, error) {
	j := Judge(ev)
	for round := 1; round < maxRounds && len(j.Wants) > 0; round++ {
		if err := fetch(j.Wants); err != nil {
			return Judgement{}, err
		}
		j = Judge(ev)
	}
	return j, nil
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
