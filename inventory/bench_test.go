package inventory

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const benchNodes = 100_000

// lines are n lines of one kind, behind a first one.
func lines(first, format string, n int) []byte {
	var b strings.Builder
	b.WriteString(first)
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return []byte(b.String())
}

func benchmarkParse(b *testing.B, format string, text []byte) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if nodes, err := Parse(Source{Name: "f", Text: text}, format); err != nil || len(nodes) != benchNodes {
			b.Fatal(len(nodes), err)
		}
	}
}

func BenchmarkPlain(b *testing.B) {
	benchmarkParse(b, "plain", lines("", "core@worker-%05d.example:22 group=workers zone=eu-1\n", benchNodes))
}

func BenchmarkPlainRange(b *testing.B) {
	benchmarkParse(b, "plain", []byte("core@worker-[00000-99999].example:22 group=workers zone=eu-1\n"))
}

func BenchmarkCSV(b *testing.B) {
	benchmarkParse(b, "csv", lines("host,port,user,group,zone\n", "worker-%05d.example,22,core,workers,eu-1\n", benchNodes))
}

func BenchmarkSelection(b *testing.B) {
	nodes, err := Parse(Source{Name: "f", Text: []byte("worker-[00000-99999] group=workers\n")}, "plain")
	if err != nil {
		b.Fatal(err)
	}
	s := Selection{Limit: []string{"workers&worker-[00000-49999],worker-6*"}, Exclude: []string{"*9"}}
	for b.Loop() {
		if chosen, _, err := s.Apply(nodes); err != nil || len(chosen) != 54_000 {
			b.Fatal(len(chosen), err)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	names := make([]string, benchNodes)
	for i := range names {
		names[i] = fmt.Sprintf("ip-10-%d-%d-%d", i%7, i/7%250, i/1750)
	}
	for b.Loop() {
		if Fold(names) == "" {
			b.Fatal("nothing")
		}
	}
}

// Twice the nodes take twice the memory, give or take what maps round up to.
func TestMemoryIsLinear(t *testing.T) {
	for format, text := range map[string]func(n int) []byte{
		"plain": func(n int) []byte { return lines("", "w%06d a=b\n", n) },
		"csv":   func(n int) []byte { return lines("host,zone\n", "w%06d,eu\n", n) },
	} {
		bytes := func(n int) uint64 {
			text := text(n)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := Parse(Source{Name: "f", Text: text}, format); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		if small, large := bytes(8_000), bytes(32_000); large > 6*small {
			t.Errorf("%s: %d bytes for 8,000 nodes, %d for 32,000", format, small, large)
		}
	}
}
