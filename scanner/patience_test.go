package scanner

import (
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	type times struct {
		n    int
		took time.Duration
	}
	for _, tt := range []struct {
		rule  string
		new   func() *patience
		times []times
		want  time.Duration
	}{
		{"nobody answered yet", newDialPatience, nil, 0},
		{"too few say nothing", newDialPatience, []times{{49, time.Millisecond}}, 0},
		{"never less than a second", newDialPatience, []times{{50, 20 * time.Millisecond}}, time.Second},
		{"nor where it takes no time at all", newDialPatience, []times{{50, 0}}, time.Second},
		{"nor where the clock was set back", newDialPatience, []times{{50, -time.Hour}}, time.Second},
		{"eight times as long as they took, by powers of two", newDialPatience, []times{{100, 250 * time.Millisecond}}, 8 << 18 * time.Microsecond},
		{"the slowest 5 % do not count", newDialPatience, []times{{95, 20 * time.Millisecond}, {5, 4 * time.Second}}, time.Second},
		{"more than 5 % do", newDialPatience, []times{{94, 20 * time.Millisecond}, {6, 4 * time.Second}}, 8 << 22 * time.Microsecond},
		{"whatever their order", newDialPatience, []times{{6, 4 * time.Second}, {94, 20 * time.Millisecond}}, 8 << 22 * time.Microsecond},
		{"a visit is not slow while none came to its end", newVisitPatience, nil, 0},
		{"nor within a second", newVisitPatience, []times{{1, 100 * time.Millisecond}}, time.Second},
		{"nor where all take long", newVisitPatience, []times{{1, 5 * time.Second}}, 2 << 23 * time.Microsecond},
	} {
		p := tt.new()
		for _, x := range tt.times {
			for range x.n {
				p.add(x.took)
			}
		}
		if got := p.limit(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.rule, got, tt.want)
		}
	}
}
