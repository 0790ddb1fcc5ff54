package scanner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kletscan/scanner/evidence"
	"kletscan/scanner/probe"
)

// Stages says how long the stages of a visit took; of those that were begun
// again, the last time. Zero: the visit did not come to it.
type Stages struct {
	Resolve time.Duration // ssh_config and the node's name
	Connect time.Duration // TCP, or a channel of a jump host
	Wait    time.Duration // for a session, while as many nodes as may be are logged in to
	Login   time.Duration // key exchange, host key and authentication
	Probe   time.Duration // the commands
	Serving time.Duration // the certificate, as far as it came behind the commands
	Judge   time.Duration
}

// visit is one node's turn.
type visit struct {
	*scan
	turn
	way       *dialing
	result    Result
	evidence  *evidence.Evidence // of a Result that is OK
	judgement *Judgement         // of a node that was looked at
}

// errImpatient ends a dial that takes longer than that of most.
var errImpatient = errors.New("others answered sooner")

// run gives the node its Result, whatever happens on the way, or puts it back
// into the queue and reports true.
func (v *visit) run() (back bool) {
	r := &v.result
	var entered []Share
	defer func() { v.queue.leave(v.turn, entered) }()
	if v.ctx.Err() != nil {
		r.Status, r.Error = Cancelled, "not visited: the scan was interrupted first"
		return false
	}
	if withoutSSH(r.Node.OS) {
		r.Status, r.Error = NotLinux, fmt.Sprintf("not visited: the inventory (%s) says that it runs %s, which cannot be scanned over SSH", r.Node.Source, r.Node.OS)
		return false
	}
	defer func() {
		if p := recover(); p != nil { // a defect costs one row, not the fleet
			r.Verdict, v.evidence, back = Verdict{}, nil, false
			r.Status, r.Error = Internal, Defect(p).Err.Error()
		}
	}()
	target, err := v.resolve()
	if err != nil {
		r.Status, r.Error = classify(v.ctx, err)
		return false
	}
	shares := target.Shares()
	if !v.queue.enter(v.turn, shares) {
		return true
	}
	entered = shares
	return v.visit(target)
}

// resolve decides how the node is reached.
func (v *visit) resolve() (Target, error) {
	defer v.took(&v.result.Stages.Resolve)()
	return v.Resolve(v.ctx, v.result.Node)
}

// took notes how long a stage takes, from now until the function that it
// returns is called.
func (v *visit) took(stage *time.Duration) func() {
	start := v.now()
	return func() { *stage += max(v.now().Sub(start), 0) }
}

// visit is run for a node of which it is known how it is reached.
func (v *visit) visit(target Target) (back bool) {
	r := &v.result
	if err := v.allowed(v.ctx, v.way); err != nil { // before the node's time begins
		r.Status, r.Error = classify(v.ctx, err)
		return false
	}
	r.Started = v.now()
	defer func() { r.Duration = max(v.now().Sub(r.Started), 0) }()
	ctx, cancel := v.deadline()
	defer cancel()
	err := Retry(ctx, v.Retries, func() error {
		err := v.attempt(ctx, target)
		v.patient = true // for those that were reached and lost
		return err
	})
	if errors.Is(err, errImpatient) {
		v.queue.later(v.node)
		return true
	}
	if err != nil {
		v.evidence = nil
		r.Status, r.Error = classify(ctx, err)
		return false
	}
	r.Status, r.Error, r.Verdict = v.judgement.Status, v.judgement.Reason, v.judgement.Verdict
	return false
}

// attempt connects, logs in and looks.
func (v *visit) attempt(ctx context.Context, target Target) error {
	v.result.Stages = Stages{Resolve: v.result.Stages.Resolve}
	way := v.way
	if v.way = nil; way == nil {
		var err error
		if way, err = v.slots.again(ctx); err != nil {
			return err
		}
		if err := v.allowed(ctx, way); err != nil {
			way.leave()
			return err
		}
	}
	defer way.leave()
	link, err := v.dial(ctx, target)
	way.dialled()
	if err != nil {
		return err
	}
	waited := v.took(&v.result.Stages.Wait)
	leave, err := v.slots.session(ctx)
	waited()
	way.leave()
	if err != nil {
		link.Close()
		return err
	}
	defer leave()
	began := v.now()
	login := v.took(&v.result.Stages.Login)
	conn, err := link.Login(ctx)
	login()
	if err != nil {
		return cause(ctx, err)
	}
	defer conn.Close()
	if err := v.look(ctx, conn); err != nil {
		return err
	}
	v.slots.patience.add(v.now().Sub(began))
	return nil
}

// allowed waits until the rate allows a connection.
func (v *visit) allowed(ctx context.Context, way *dialing) error {
	defer way.allowed()
	if v.rate == nil || v.rate.Wait(ctx) == nil {
		return nil
	}
	return cause(ctx, &Error{Op: "connect", Status: Timeout, Err: errors.New("the rate allows no connection within the node timeout")})
}

// dial connects. A node that has not had all the time there is gets errImpatient
// if others would have answered.
func (v *visit) dial(ctx context.Context, target Target) (Link, error) {
	dialing, limit := ctx, time.Duration(0)
	if !v.patient {
		limit = v.scan.patience.limit()
	}
	if limit > 0 {
		var cancel context.CancelFunc
		dialing, cancel = context.WithTimeoutCause(ctx, limit, errImpatient)
		defer cancel()
	}
	start := v.now()
	defer v.took(&v.result.Stages.Connect)()
	link, err := target.Dial(dialing)
	switch {
	case err == nil:
		v.scan.patience.add(v.now().Sub(start))
		return link, nil
	case ctx.Err() == nil && dialing.Err() != nil:
		return nil, errImpatient
	}
	return nil, cause(ctx, err)
}

// look collects and judges.
func (v *visit) look(ctx context.Context, conn Conn) error {
	var o *observer
	if v.Serving {
		o = observe(ctx, conn, v.ServingTimeout)
		defer o.wait()
		defer conn.Close() // before wait, which it makes short
	}
	asked := &probe.Visit{Node: conn, Become: v.Become, Password: v.Password}
	if err := v.survey(ctx, asked); err != nil {
		return err
	}
	err := judgeWith(v.judge, func(wants []evidence.Want) error {
		defer v.took(&v.result.Stages.Probe)()
		return asked.Fetch(ctx, v.evidence, wants)
	})
	switch {
	case err != nil:
		return cause(ctx, err)
	case o == nil || v.judgement.Status != OK:
		return nil
	}
	return v.join(ctx, o, asked)
}

// survey asks the first question.
func (v *visit) survey(ctx context.Context, asked *probe.Visit) error {
	defer v.took(&v.result.Stages.Probe)()
	ev, err := asked.Survey(ctx)
	if err != nil {
		return cause(ctx, err)
	}
	if node := &v.result.Node; node.Kubelet != "" {
		ev.Listed = evidence.ListedVersion{Version: node.Kubelet, Source: node.Source.String()}
	}
	v.evidence = ev
	return nil
}

// judge judges what there is, and gives what that makes wanted.
func (v *visit) judge() (wants []evidence.Want, err error) {
	defer v.took(&v.result.Stages.Judge)()
	err = v.desk.do(func() { v.judged(v.judger.Judge(v.evidence)) })
	if err != nil {
		return nil, err
	}
	return v.judgement.Wants, nil
}

// judged keeps a judgement.
func (v *visit) judged(j Judgement) { v.judgement = &j }

// join adds the certificate to what was judged.
func (v *visit) join(ctx context.Context, o *observer, asked *probe.Visit) error {
	defer v.took(&v.result.Stages.Serving)()
	ev, j := v.evidence, v.judgement
	ev.Serving = o.finish(ctx, j.Listen, v.result.Node.Name, j.Static)
	wants := fallback(ev.Serving, j)
	if wants == nil {
		return v.desk.do(func() { *j = v.judger.Join(*j, ev) })
	}
	if err := asked.Fetch(ctx, ev, wants); err != nil {
		ev.Serving.Reason = err.Error() // it costs the certificate, not the verdict
	}
	fellBack(ev.Serving, ev, j)
	return v.desk.do(func() { *j = v.judger.Judge(ev) }) // of files, too, that were not there before
}

// withoutSSH reports an operating system, as an inventory names it, that has no
// SSH server or is not Linux. Bottlerocket has one in its admin container.
func withoutSSH(system string) bool {
	return system != "" && system != "linux" && system != "bottlerocket"
}

// errNodeTimeout is the cause when a whole visit takes too long.
var errNodeTimeout = errors.New("the visit took longer than the node timeout")

// deadline bounds a visit, all its attempts together.
func (s *scan) deadline() (context.Context, context.CancelFunc) {
	if s.NodeTimeout <= 0 {
		return s.visiting, func() {}
	}
	return context.WithTimeoutCause(s.visiting, s.NodeTimeout,
		&Error{Op: "visit", Status: Timeout, Err: fmt.Errorf("%w of %v", errNodeTimeout, s.NodeTimeout)})
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
