package scanner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Only what a transport did is tried again, a bounded number of times, later
// and later; a refused login or host key never is.
func TestRetry(t *testing.T) {
	lost := &Error{Op: "handshake", Status: Unreachable, Err: errors.New("connection closed by peer"), Transient: true}
	throttled := &Error{Op: "handshake", Status: Throttled, Err: errors.New("too many logins"), Transient: true}
	for _, tt := range []struct {
		rule    string
		errs    []error // of the attempts, then success
		retries int
		calls   int
		want    string // the error; empty: none
		longest time.Duration
	}{
		{"success is not tried again", nil, 2, 1, "", 0},
		{"a lost connection is tried again", []error{lost}, 2, 2, "", 750 * time.Millisecond},
		{"as often as asked for", []error{lost, lost, lost, lost}, 2, 3, "handshake: connection closed by peer (attempt 3)", 2250 * time.Millisecond},
		{"not at all with 0", []error{lost}, 0, 1, "handshake: connection closed by peer", 0},
		{"a server that throttles gets more time", []error{throttled, throttled}, 2, 3, "", 9 * time.Second},
		{
			"a refused key is final",
			[]error{&Error{Op: "authenticate", Status: AuthFailed, Err: errors.New("no")}},
			5, 1, "authenticate: no", 0,
		},
		{
			"a host key that differs is final, also after a lost connection",
			[]error{lost, &Error{Op: "handshake", Status: HostKeyMismatch, Err: errors.New("other")}},
			5, 2, "handshake: other (attempt 2)", 750 * time.Millisecond,
		},
		{"an error of another kind is final", []error{errors.New("defect")}, 5, 1, "defect", 0},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, start := 0, time.Now()
				err := Retry(t.Context(), tt.retries, func() error {
					calls++
					if calls <= len(tt.errs) {
						return tt.errs[calls-1]
					}
					return nil
				})
				if got := text(err); got != tt.want || calls != tt.calls {
					t.Errorf("got error %q after %d calls, want %q after %d", got, calls, tt.want, tt.calls)
				}
				if took := time.Since(start); took > tt.longest || took < tt.longest/3 {
					t.Errorf("waited %v, want at most %v and at least a third of it", took, tt.longest)
				}
			})
		})
	}
}

// A wait never outlives the node's deadline, and Ctrl-C ends it.
func TestRetryEndsWithItsContext(t *testing.T) {
	lost := &Error{Op: "handshake", Status: Unreachable, Err: errors.New("lost"), Transient: true}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := Retry(ctx, 5, func() error { return lost }); text(err) != "handshake: lost" || time.Since(start) != 0 {
			t.Errorf("got %v after %v, want the error at once: no attempt fits before the deadline", err, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		calls := 0
		if err := Retry(ctx, 5, func() error { calls++; return lost }); err == nil || calls != 1 {
			t.Errorf("got %v after %d calls, want the error after one", err, calls)
		}
	})
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
