package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"testing"
	"time"
)

// told is what ssh -G says of a host.
func told(q Query) *Settings {
	return &Settings{
		Alias: q.Alias, HostName: q.Alias + ".example.com", HostKeyAlias: "key-" + q.Alias, Port: 22 + len(q.Alias), User: "u",
		IdentityFiles: []string{"/h/.ssh/id_rsa", "/h/.ssh/id_ed25519"}, ProxyJump: []Jump{{Host: "bastion"}},
		Ciphers: ParseAlgorithms("aes128-ctr"), ConnectTimeout: time.Second, ConnectionAttempts: 1,
	}
}

func TestAnswersAreGivenAsTheyWere(t *testing.T) {
	t.Parallel()
	a, asked := newAnswers(), 0
	ask := func(_ context.Context, q Query) (*Settings, error) {
		asked++
		s := told(q)
		if q.User != "" {
			s.User = q.User
		}
		return s, nil
	}
	queries := []Query{{Alias: "a"}, {Alias: "b"}, {Alias: "long"}, {Alias: "a", User: "v"}}
	for range 2 {
		for _, q := range queries {
			want := told(q)
			if q.User != "" {
				want.User = q.User
			}
			if got, err := a.get(t.Context(), q, ask); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%v: got %+v, %v, want %+v", q, got, err, want)
			}
		}
	}
	if asked != len(queries) {
		t.Errorf("asked %d times, want once for each of %d", asked, len(queries))
	}
	if len(a.shared) != 2 {
		t.Errorf("%d kept, want 2: those of one user are alike", len(a.shared))
	}
}

func TestAnswersThatAreErrors(t *testing.T) {
	t.Parallel()
	a, asked := newAnswers(), 0
	refused := errors.New("no such thing")
	ctx, cancel := context.WithCancel(t.Context())
	ask := func(context.Context, Query) (*Settings, error) {
		if asked++; asked == 1 {
			cancel()
			return nil, ctx.Err()
		}
		return nil, refused
	}
	if _, err := a.get(ctx, Query{Alias: "a"}, ask); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	for range 2 {
		if _, err := a.get(t.Context(), Query{Alias: "a"}, ask); err != refused {
			t.Errorf("got %v, want %v", err, refused)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times, want 2: one who gives up decides nothing, an error is an answer", asked)
	}
}

// Not parallel: it looks at the heap.
func TestAnswersAreSmall(t *testing.T) {
	const fleet = 20_000
	a := newAnswers()
	queries := make([]Query, fleet)
	for i := range queries {
		queries[i].Alias = fmt.Sprint("node", i)
	}
	before := heap()
	for _, q := range queries {
		_, err := a.get(t.Context(), q, func(_ context.Context, q Query) (*Settings, error) {
			return &Settings{Alias: q.Alias, HostName: "10.0.0." + q.Alias, Port: 22}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if grown := (heap() - before) / fleet; grown > 250 {
		t.Errorf("%d bytes for a host, want at most 250", grown)
	}
	if len(a.calls) != fleet || len(queries) != fleet {
		t.Errorf("%d answers kept", len(a.calls))
	}
}

func heap() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
