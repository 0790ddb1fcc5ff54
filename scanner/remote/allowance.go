package remote

import (
	"context"
	"time"
)

// allowance is a limit of time that does not run while it is suspended. Its
// methods are for one goroutine at a time.
type allowance struct {
	cancel context.CancelFunc
	timer  *time.Timer
	ends   time.Time
}

// allow gives a context that ends when the allowance is used up, and with ctx.
func allow(ctx context.Context, limit time.Duration) (context.Context, *allowance) {
	a := &allowance{ends: time.Now().Add(limit)}
	ctx, a.cancel = context.WithCancel(ctx)
	a.timer = time.AfterFunc(limit, a.cancel)
	return ctx, a
}

// suspend stops the time until resume is called.
func (a *allowance) suspend() (resume func()) {
	left := time.Until(a.ends)
	a.timer.Stop()
	return func() {
		a.ends = time.Now().Add(left)
		a.timer.Reset(left)
	}
}

// end ends the context.
func (a *allowance) end() {
	a.timer.Stop()
	a.cancel()
}
