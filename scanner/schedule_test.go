package scanner_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kletscan/inventory"
	"kletscan/scanner"
)

// Times of an ordinary node 50 ms away, and what a dialer waits for.
const (
	connectsAfter  = 50 * time.Millisecond
	logsInAfter    = 300 * time.Millisecond
	answersAfter   = 100 * time.Millisecond
	connectTimeout = 5 * time.Second
	loginTimeout   = 10 * time.Second
	execTimeout    = 15 * time.Second

	slow  = time.Second // before that no visit counts as slow
	never = time.Hour
)

// plan is what becomes of the visits to one node. The zero value answers at
// once.
type plan struct {
	shares   []scanner.Share
	connects []time.Duration // by dial, the last one for all that follow
	loses    int             // so many logins
	logsIn   time.Duration
	answers  time.Duration
	unnamed  int // from which Resolve on its name is not found; 0: it always is
}

func ordinary() plan {
	return plan{connects: []time.Duration{connectsAfter}, logsIn: logsInAfter, answers: answersAfter}
}

func dead() plan { return plan{connects: []time.Duration{never}} }
func mute() plan { return plan{connects: []time.Duration{connectsAfter}, logsIn: never} }
func hanging() plan {
	return plan{connects: []time.Duration{connectsAfter}, logsIn: logsInAfter, answers: never}
}

// healthy reports whether a node with this plan answers.
func (p plan) healthy() bool {
	return (len(p.connects) == 0 || p.connects[len(p.connects)-1] < connectTimeout) && p.logsIn < loginTimeout && p.answers < execTimeout
}

// world is a fleet of fake nodes, and what a scan made of it.
type world struct {
	plans []plan
	signs time.Duration // how long the one agent takes for each login; 0: there is none

	mu       sync.Mutex
	start    time.Time
	resolved []int
	dials    []int // by node
	begun    []time.Duration
	used     map[scanner.Share]int
	open     map[*peer]time.Time // logged in to, or about to be, since when
	dialling int
	visits   int       // dialled or logged in to
	signed   time.Time // when the agent will have signed what it was asked to

	mostDials, mostVisits, mostYoung int
	overused                         []scanner.Share

	told []int
	when []time.Duration
	got  []scanner.Result
}

func newWorld(plans ...plan) *world {
	n := len(plans)
	return &world{
		plans: plans, start: time.Now(), resolved: make([]int, n), dials: make([]int, n), used: map[scanner.Share]int{}, open: map[*peer]time.Time{},
		told: make([]int, n), when: make([]time.Duration, n), got: make([]scanner.Result, n),
	}
}

// scan visits every node and checks that each has one result.
func (w *world) scan(t *testing.T, ctx context.Context, s scanner.Scanner) {
	t.Helper()
	nodes := make([]inventory.Node, len(w.plans))
	for i := range nodes {
		nodes[i] = inventory.Node{Name: strconv.Itoa(i)}
	}
	s.Resolve = w.resolve
	s.Scan(ctx, nodes, func(i int, r scanner.Result) {
		w.told[i]++
		w.when[i], w.got[i] = time.Since(w.start), r
	})
	for i, n := range w.told {
		if n != 1 {
			t.Errorf("node %d has %d results", i, n)
		}
	}
	if w.visits != 0 || len(w.open) != 0 {
		t.Errorf("%d visits and %d sessions are left open", w.visits, len(w.open))
	}
	for _, share := range w.overused {
		t.Errorf("more than %d nodes at once use %s", share.Limit, share.Name)
	}
}

// last is when the last node had its result that fits.
func (w *world) last(fits func(plan) bool) time.Duration {
	var last time.Duration
	for i, p := range w.plans {
		if fits(p) {
			last = max(last, w.when[i])
		}
	}
	return last
}

// answered checks that every healthy node was looked at, and no other. Of one
// whose name is not always found it depends on the others.
func (w *world) answered(t *testing.T) {
	t.Helper()
	for i, p := range w.plans {
		if r := w.got[i]; p.unnamed == 0 && (r.Status == scanner.NoKubelet) != p.healthy() {
			t.Errorf("node %d: %v, %s; healthy is %v", i, r.Status, r.Error, p.healthy())
		}
	}
}

func (w *world) resolve(_ context.Context, node inventory.Node) (scanner.Target, error) {
	i, err := strconv.Atoi(node.Name)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.resolved[i]++; w.plans[i].unnamed > 0 && w.resolved[i] >= w.plans[i].unnamed {
		return nil, &scanner.Error{Op: "connect", Status: scanner.Unreachable, Err: errors.New("no such host")}
	}
	return &peer{world: w, node: i, plan: w.plans[i]}, nil
}

// peer is a Target, its Link and its Conn.
type peer struct {
	conn
	world *world
	node  int
	plan  plan
	freed func()
}

func (p *peer) Shares() []scanner.Share { return p.plan.shares }

func (p *peer) Dial(ctx context.Context) (scanner.Link, error) {
	w := p.world
	w.mu.Lock()
	n := w.dials[p.node]
	w.dials[p.node]++
	w.begun = append(w.begun, time.Since(w.start))
	w.dialling++
	w.visits++
	w.mostDials, w.mostVisits = max(w.mostDials, w.dialling), max(w.mostVisits, w.visits)
	for _, share := range p.plan.shares {
		if w.used[share]++; w.used[share] > share.Limit {
			w.overused = append(w.overused, share)
		}
	}
	w.mu.Unlock()
	link := &peer{world: w, node: p.node, plan: p.plan}
	link.freed = sync.OnceFunc(link.free)
	var takes time.Duration
	if list := p.plan.connects; len(list) > 0 {
		takes = list[min(n, len(list)-1)]
	}
	err := spend(ctx, takes, connectTimeout, "connect")
	w.mu.Lock()
	w.dialling--
	w.mu.Unlock()
	if err != nil {
		link.freed()
		return nil, err
	}
	return link, nil
}

// free ends what a dial has begun.
func (p *peer) free() {
	w := p.world
	w.mu.Lock()
	defer w.mu.Unlock()
	w.visits--
	delete(w.open, p)
	for _, share := range p.plan.shares {
		w.used[share]--
	}
}

func (p *peer) Login(ctx context.Context) (scanner.Conn, error) {
	w := p.world
	w.mu.Lock()
	w.open[p] = time.Now()
	young := 0
	for _, since := range w.open {
		if time.Since(since) < slow {
			young++
		}
	}
	w.mostYoung = max(w.mostYoung, young)
	lost := w.dials[p.node] <= p.plan.loses
	takes := p.plan.logsIn
	if w.signs > 0 {
		if w.signed.Before(time.Now()) {
			w.signed = time.Now()
		}
		w.signed = w.signed.Add(w.signs)
		takes += time.Until(w.signed)
	}
	w.mu.Unlock()
	err := spend(ctx, takes, loginTimeout, "log in")
	if err == nil && lost {
		err = &scanner.Error{Op: "log in", Status: scanner.Unreachable, Err: errors.New("connection reset"), Transient: true}
	}
	if err != nil {
		p.freed()
		return nil, err
	}
	p.conn.answers = []string{noKubelet}
	p.conn.exec = func(ctx context.Context) error { return spend(ctx, p.plan.answers, execTimeout, "run the probe") }
	return p, nil
}

func (p *peer) Close() error { p.freed(); return nil }

// spend is a stage that takes so long, within its own limit and ctx.
func spend(ctx context.Context, takes, limit time.Duration, op string) error {
	timer := time.NewTimer(min(takes, limit))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	if takes > limit {
		return &scanner.Error{Op: op, Status: scanner.Timeout, Err: fmt.Errorf("nothing within %v", limit)}
	}
	return nil
}

// fleet is n nodes, of which every hundredth parts have other plans.
func fleet(n int, others ...plan) []plan {
	plans := make([]plan, n)
	for i := range plans {
		if plans[i] = ordinary(); i%100*37%100 < len(others) { // spread
			plans[i] = others[i%100*37%100]
		}
	}
	return plans
}

// A dead node costs a connect timeout and nothing else, and a slow one gives
// its slot back.
func TestNodesThatDoNotAnswerHoldUpNobody(t *testing.T) {
	const n = 4000 // to 100 sessions and 400 dials; as 10,000 to the defaults
	took := func(t *testing.T, dials int, plans []plan) (healthy, all time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(plans...)
			w.scan(t, t.Context(), scanner.Scanner{Fanout: 200, Dials: dials})
			w.answered(t)
			healthy, all = w.last(plan.healthy), w.last(func(plan) bool { return true })
		})
		return healthy, all
	}
	best, _ := took(t, 400, fleet(n))
	for _, tt := range []struct {
		name    string
		dials   int
		others  []plan
		healthy float64       // when the last healthy node is done, at most this many times the best
		all     float64       // likewise the run
		timeout time.Duration // and so much more
	}{
		{"a tenth is dead", 400, slices.Repeat([]plan{dead()}, 10), 1.2, 1.3, connectTimeout},
		{"and they are more than may be dialled at once", n / 50, slices.Repeat([]plan{dead()}, 10), 1.2, 1.3, n / 10 / (n / 50) * connectTimeout},
		{"5 % are mute and 2 % hang", 400, append(slices.Repeat([]plan{mute()}, 5), hanging(), hanging()), 1.3, 1.3, loginTimeout + execTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			healthy, all := took(t, tt.dials, fleet(n, tt.others...))
			t.Logf("all healthy %v; the last healthy node %v, the run %v", best, healthy, all)
			if limit := time.Duration(tt.healthy * float64(best)); healthy > limit {
				t.Errorf("the last healthy node is done after %v, want %v", healthy, limit)
			}
			if limit := time.Duration(tt.all*float64(best)) + tt.timeout; all > limit {
				t.Errorf("the run ends after %v, want %v", all, limit)
			}
		})
	}
}

// A lost SYN is sent again after a second (RFC 6298), which is longer than a
// node is waited for while others answer at once.
func TestANodeThatAnswersLateIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const late = 1200 * time.Millisecond
		plans := fleet(1000)
		dials := map[int]int{}
		for _, node := range []struct {
			index    int
			connects []time.Duration
			dials    int
		}{
			{0, []time.Duration{4 * time.Second}, 1}, // nobody knows yet what is late
			{200, []time.Duration{late}, 2},
			{300, []time.Duration{late, connectsAfter}, 2}, // the first SYN was lost
			{400, []time.Duration{never, 3200 * time.Millisecond}, 2},
			{500, []time.Duration{never}, 2},               // dead: asked twice, and no more
			{600, []time.Duration{connectsAfter, late}, 2}, // it was reached before: see loses
			{999, []time.Duration{late}, 2},                // the last of all
		} {
			plans[node.index].connects, dials[node.index] = node.connects, node.dials
		}
		plans[600].loses = 1
		w := newWorld(plans...)
		w.scan(t, t.Context(), scanner.Scanner{Fanout: 100, Dials: 400, Retries: 1})
		w.answered(t)
		for i, n := range w.dials {
			if want := max(1, dials[i]); n != want {
				t.Errorf("node %d is dialled %d times, want %d", i, n, want)
			}
		}
		if last := w.last(plan.healthy); last > 10*time.Second {
			t.Errorf("the last that answers is done after %v", last)
		}
	})
}

func TestSlotsAreNeverExceeded(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			plans := make([]plan, 300)
			for i := range plans {
				plans[i] = randomPlan(r)
			}
			w := newWorld(plans...)
			s := scanner.Scanner{Fanout: 1 + r.IntN(8), Dials: 1 + r.IntN(20), Retries: 3}
			w.scan(t, t.Context(), s)
			w.answered(t)
			if w.mostDials > s.Dials || w.mostVisits > s.Dials+s.Fanout || w.mostYoung > s.Fanout {
				t.Errorf("seed %d: %d dials, %d sessions that are not slow and %d visits at once; want at most %d, %d and both", seed, w.mostDials, w.mostYoung, w.mostVisits, s.Dials, s.Fanout)
			}
		})
	}
}

// randomPlan is some node that answers, or not.
func randomPlan(r *rand.Rand) plan {
	some := func(list ...time.Duration) time.Duration {
		return time.Duration(float64(list[r.IntN(len(list))]) * (0.5 + r.Float64()))
	}
	return plan{
		connects: []time.Duration{some(connectsAfter, connectsAfter, connectsAfter, time.Second, never)},
		logsIn:   some(logsInAfter, logsInAfter, logsInAfter, logsInAfter, 4*time.Second, never),
		answers:  some(0, answersAfter, answersAfter, answersAfter, 4*time.Second, never),
		loses:    max(0, r.IntN(8)-5),
	}
}

// Behind a jump host that is used up wait only those that need it.
func TestAFullShareHoldsUpOnlyItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, limit = 500, 4
		plans := append(fleet(n), fleet(n, dead())...)
		for i := range n { // they come first
			plans[i].shares = []scanner.Share{{Name: "bastion", Limit: limit}}
		}
		w := newWorld(plans...)
		w.scan(t, t.Context(), scanner.Scanner{Fanout: 50, Dials: 100})
		w.answered(t)
		direct := w.last(func(p plan) bool { return p.shares == nil && p.healthy() })
		behind := w.last(func(p plan) bool { return p.shares != nil })
		visit := connectsAfter + logsInAfter + answersAfter
		if most := 2 * n / 50 * visit; direct > most {
			t.Errorf("the others are done after %v, want %v", direct, most)
		}
		if most := n/limit*visit + direct; behind > most {
			t.Errorf("those behind the jump host are done after %v, want %v: its %d places are not in use all the time", behind, most, limit)
		}
		if most := slices.Max(w.resolved); most > 2 {
			t.Errorf("a node is begun %d times, want 2: when it has to wait, and when there is a place", most)
		}
	})
}

// However shares cross, and whatever becomes of the nodes that wait for them,
// each node has its turn.
func TestSharesThatCrossLeaveNobodyWaiting(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			shares := make([]scanner.Share, 1+r.IntN(4))
			for i := range shares {
				shares[i] = scanner.Share{Name: strconv.Itoa(i), Limit: 1 + r.IntN(3)}
			}
			plans := make([]plan, 60)
			for i := range plans {
				plans[i] = randomPlan(r)
				for _, k := range r.Perm(len(shares))[:r.IntN(len(shares)+1)] {
					plans[i].shares = append(plans[i].shares, shares[k])
				}
				if r.IntN(8) == 0 {
					plans[i].unnamed = 1 + r.IntN(2)
				}
			}
			w := newWorld(plans...)
			w.scan(t, t.Context(), scanner.Scanner{Fanout: 1 + r.IntN(8), Dials: 1 + r.IntN(20), Retries: 3})
			w.answered(t)
		})
	}
}

// The names of nodes that have waited are not found any more: others wait too.
func TestANodeThatDoesNotUseItsPlaceGivesItOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plans := fleet(20)
		for i := range plans {
			plans[i].shares = []scanner.Share{{Name: "bastion", Limit: 1}}
			if i%3 == 1 {
				plans[i].unnamed = 2
			}
		}
		w := newWorld(append(plans, plan{logsIn: 9 * time.Second})...)
		w.scan(t, t.Context(), scanner.Scanner{})
		w.answered(t)
		if last := w.last(func(p plan) bool { return p.shares != nil }); last > 20*(connectsAfter+logsInAfter+answersAfter) {
			t.Errorf("the last is done after %v: its place was free before", last)
		}
	})
}

func TestConnectionsKeepToTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 20
		plans := fleet(400, dead())
		for i := range plans {
			plans[i].loses = i % 2 // so that they are dialled again
		}
		w := newWorld(plans...)
		// The time of the nodes that wait is not up before they begin.
		w.scan(t, t.Context(), scanner.Scanner{Rate: perSecond, Retries: 1, NodeTimeout: connectTimeout + 10*time.Second})
		w.answered(t)
		for i, at := range w.begun {
			if least := time.Duration(i) * time.Second / perSecond; at < least-time.Millisecond {
				t.Fatalf("dial %d begins after %v, want %v", i, at, least)
			}
		}
		if n := len(w.begun); n < 600 || w.begun[n-1] > time.Duration(n)*time.Second/perSecond+connectTimeout {
			t.Errorf("%d dials in %v, want as many as the rate allows", n, w.begun[n-1])
		}
	})
}

func TestEveryNodeHasOneResultWhenTheScanIsInterrupted(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			bastion := []scanner.Share{{Name: "bastion", Limit: 2}}
			plans := make([]plan, 100)
			for i := range plans {
				if plans[i] = randomPlan(r); r.IntN(2) == 0 {
					plans[i].shares = bastion
				}
			}
			s := scanner.Scanner{Fanout: 1 + r.IntN(8), Dials: 1 + r.IntN(20), Retries: 3, Grace: time.Duration(r.IntN(2)) * time.Second, Rate: float64(r.IntN(2) * 30)}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			after := time.Duration(r.IntN(8000)) * time.Millisecond
			time.AfterFunc(after, cancel)
			w := newWorld(plans...)
			w.scan(t, ctx, s)
			if took := time.Since(w.start); took > after+s.Grace {
				t.Errorf("seed %d: the scan ends %v after the interrupt, want at most %v", seed, took-after, s.Grace)
			}
		})
	}
}

func TestLostConnectionsAreTriedAgainWithAllSlotsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plans := fleet(50)
		for i := range plans {
			plans[i].loses = 2
		}
		w := newWorld(plans...)
		s := scanner.Scanner{Fanout: 2, Dials: 1, Retries: 2}
		w.scan(t, t.Context(), s)
		w.answered(t)
		if w.mostDials > 1 || w.mostVisits > 3 {
			t.Errorf("%d dials and %d visits at once, want 1 and 3", w.mostDials, w.mostVisits)
		}
	})
}

// An agent in hardware signs twice in a second, so that every login is slow. That
// must not let more of them in, which would all come too late.
func TestWhereAllAreSlowNoneGivesItsSlotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(fleet(200)...)
		w.signs = time.Second / 2
		s := scanner.Scanner{Fanout: 10, Dials: 40}
		w.scan(t, t.Context(), s)
		w.answered(t)
		if best, took := 200*w.signs, w.last(plan.healthy); took > best+best/10 {
			t.Errorf("the last is done after %v; the agent needs %v", took, best)
		}
	})
}
