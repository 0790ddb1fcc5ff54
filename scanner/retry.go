package scanner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// DefaultRetries is how often a visit is begun again after a transient error.
const DefaultRetries = 2

// MaxRetries bounds what may be asked for: more would be a flood.
const MaxRetries = 10

// Backoff is how long to wait before attempt is begun again, 0 being the
// first: doubled each time and capped, and spread by half either way, so that
// a fleet that was turned away together does not come back together. A server
// that throttles gets four times the patience: sshd's penalties last from one
// second to several (sshd_config(5), PerSourcePenalties).
func Backoff(attempt int, throttled bool) time.Duration {
	wait, longest := 500*time.Millisecond, 8*time.Second
	if throttled {
		wait, longest = 4*wait, 4*longest
	}
	wait = min(wait<<min(attempt, MaxRetries), longest)
	return wait/2 + rand.N(wait)
}

// Retry calls try until it succeeds, fails for good, or has been called again
// retries times after errors that are Transient. It waits between the calls,
// unless ctx would end first. The error is that of the last call, with the
// number of calls if there were several.
func Retry(ctx context.Context, retries int, try func() error) error {
	for attempt := 0; ; attempt++ {
		err := try()
		var e *Error
		if !errors.As(err, &e) {
			return err
		}
		if e.Transient && attempt < retries && Pause(ctx, Backoff(attempt, e.Status == Throttled)) {
			continue
		}
		if attempt == 0 {
			return err
		}
		last := *e
		last.Err = fmt.Errorf("%w (attempt %d)", e.Err, attempt+1)
		return &last
	}
}

// Pause waits. It reports false at once where ctx would end before, and when
// it ends meanwhile.
func Pause(ctx context.Context, wait time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
