package remote

import (
	"testing"
	"testing/synctest"
	"time"

	"kletscan/scanner/remote/sshdtest"
)

func TestAllowance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, a := allow(t.Context(), 10*time.Second)
		time.Sleep(4 * time.Second)
		resume := a.suspend()
		time.Sleep(time.Hour)
		resume()
		<-ctx.Done()
		if took := time.Since(start); took != time.Hour+10*time.Second {
			t.Errorf("it lasted %v, want ten seconds and the hour that does not count", took)
		}
		a.end()

		ctx, a = allow(t.Context(), 10*time.Second)
		a.suspend()
		a.end()
		if ctx.Err() == nil {
			t.Error("it lasts though it was ended")
		}
	})
}

// A login that waits for what comes of the password elsewhere has all its time
// left when it is its turn.
func TestWaitForAnotherLoginsVerdictIsNoLogin(t *testing.T) {
	t.Parallel()
	const limit = 4 * time.Second // enough for the login itself
	a := newAsking(t)
	s := a.server(t, sshdtest.Account{Password: typed})
	cfg := a.config(t)
	cfg.ConnectTimeout = limit
	d := newDialer(t, cfg)
	_, release, err := d.password.Turn(t.Context()) // as another login
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(limit+limit/2, func() {
		d.password.Accepted()
		release()
	})
	if _, err := dial(t, d, at(s.Endpoint)); err != nil {
		t.Error(err)
	}
}
