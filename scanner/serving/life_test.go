package serving

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner/evidence"
)

func TestLife(t *testing.T) {
	t.Parallel()
	const day = 24 * 60 * 60
	tests := []struct {
		name  string
		class Class
		now   int64
		want  Life
	}{
		{"at its beginning", Rotated, issued, Life{Known: true, DaysLeft: 365}},
		{"before it", Rotated, issued - year, Life{Known: true, Used: -1, DaysLeft: 730, NotYet: true}},
		{"renewal is due from 70 %, so 80 % is healthy", Rotated, issued + year/10*8, Life{Known: true, Used: 0.8, DaysLeft: 73}},
		{"and 90 % still", Rotated, issued + year/10*9, Life{Known: true, Used: 0.9, DaysLeft: 36}},
		{"past 90 % it should have been renewed", Rotated, issued + year/20*19, Life{Known: true, Used: 0.95, DaysLeft: 18, Overdue: true}},
		{"nobody renews a self-signed one", SelfSigned, issued + year/20*19, Life{Known: true, Used: 0.95, DaysLeft: 18}},
		{"nor does the kubelet a static one", Static, issued + year/20*19, Life{Known: true, Used: 0.95, DaysLeft: 18}},
		{"its last second is valid", Static, yearEnd, Life{Known: true, Used: 1}},
		{"the next is not", Static, yearEnd + 1, Life{Known: true, Used: float64(year+1) / year, DaysLeft: -1, Expired: true}},
		{"expired is overdue as well", Rotated, yearEnd + year, Life{Known: true, Used: 2, DaysLeft: -365, Expired: true, Overdue: true}},
		{"no clock", Rotated, 0, Life{}},
	}
	for _, test := range tests {
		got := LifeOf(&evidence.Certificate{NotBefore: issued, NotAfter: yearEnd}, test.class, test.now)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if got := (yearEnd - issued) / day; got != 365 {
		t.Fatalf("the year of this test has %d days", got)
	}
}

func TestLifeWithoutDatesIsNotKnown(t *testing.T) {
	t.Parallel()
	tests := []evidence.Certificate{
		{},
		{NotBefore: issued, NotAfter: issued},
		{NotBefore: yearEnd, NotAfter: issued},
		{NotBefore: math.MinInt64, NotAfter: math.MaxInt64},
		{NotBefore: issued, NotAfter: math.MaxInt64},
		{NotBefore: issued, NotAfter: yearEnd, Unparsable: "x"},
	}
	for _, cert := range tests {
		if got := LifeOf(&cert, Rotated, issued); got != (Life{}) {
			t.Errorf("%+v: %+v, want not known", cert, got)
		}
	}
	if got := LifeOf(&evidence.Certificate{NotBefore: issued, NotAfter: lastSecond}, Rotated, issued+year); !got.Known || got.Overdue {
		t.Errorf("%+v: want known, since the year 9999 is an end (RFC 5280: no well-defined one)", got)
	}
}
