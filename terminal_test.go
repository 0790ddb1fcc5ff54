package main

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestEverySecondUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		stop := everySecond(func() { calls++ })
		time.Sleep(3500 * time.Millisecond)
		stop()
		time.Sleep(time.Minute)
		if calls != 3 {
			t.Errorf("%d calls in 3.5 seconds and after that, want 3", calls)
		}
	})
}
