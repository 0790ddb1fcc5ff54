package report

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
	"kletscan/scanner/serving"
)

// fakeFile is a file in memory that takes so many bytes.
type fakeFile struct {
	content []byte
	room    int
}

func (f *fakeFile) Write(p []byte) (int, error) {
	if len(f.content)+len(p) > f.room {
		return 0, errFull
	}
	f.content = append(f.content, p...)
	return len(p), nil
}

func (f *fakeFile) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(len(f.content)) {
		return 0, io.EOF
	}
	n := copy(p, f.content[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// spoolOf has results in their places, the first ones already in file.
func spoolOf(t *testing.T, file *fakeFile, results []scanner.Result) *Spool {
	t.Helper()
	s := &Spool{Overflow: func() (SpoolFile, error) { return file, nil }}
	for i, r := range results {
		if err := s.Put(i, r); err != nil {
			t.Fatal(err)
		}
		if i == len(results)/2 && file != nil {
			if err := s.flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// names are those of results in their order.
func names(t *testing.T, results Results) string {
	t.Helper()
	var list []string
	for r, err := range results {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r.Node.Name)
	}
	return strings.Join(list, " ")
}

// What comes out of a spool is what went in, as every format gets it, whether it
// was in memory or in the file, and as often as it is asked for.
func TestSpoolGivesBackPlainResults(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var results, want []scanner.Result
	for i := range 60 {
		results = append(results, anyResult(rng, i))
	}
	results = append(results, scanner.Result{}, hostileFleet()[0])
	for _, r := range results {
		want = append(want, plain(r))
	}
	s := spoolOf(t, &fakeFile{room: 1 << 30}, results)
	for range 2 {
		got, err := s.Results().Collect()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v (-put +got):\n%s", err, diff)
		}
	}
}

func TestSpoolOrder(t *testing.T) {
	ends := func(name string, at int64) scanner.Result {
		return node(name, "", scanner.Verdict{Served: scanner.Served{Address: "x", NotAfter: at, Life: serving.Life{Known: true}}})
	}
	fleet := []scanner.Result{ends("a", 0), ends("b", 9), ends("c", 3), ends("d", 0), ends("e", 9), ends("f", -5)}
	for _, tt := range []struct {
		rule string
		do   func(*Spool)
		want string
	}{
		{"as they were put", func(*Spool) {}, "a b c d e f"},
		{"one instead of another", func(s *Spool) { _ = s.Put(1, ends("B", 1)) }, "a B c d e f"},
		{"places without a result are passed over", func(s *Spool) { _ = s.Put(8, ends("z", 1)) }, "a b c d e f z"},
		{"by expiry, those without an end behind in their order", (*Spool).SortByExpiry, "f c b e a d"},
		{"in another order", func(s *Spool) { s.Reorder([]int{5, 0, 2}) }, "f a c"},
	} {
		for _, file := range []*fakeFile{nil, {room: 1 << 20}} {
			s := spoolOf(t, file, fleet)
			tt.do(s)
			if got := names(t, s.Results()); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.rule, got, tt.want)
			}
		}
	}
	s := spoolOf(t, nil, fleet)
	_ = s.Put(8, fleet[0])
	for i, want := range []bool{true, true, true, true, true, true, false, false, true, false} {
		if s.Has(i) != want {
			t.Errorf("a result in place %d: %v, want %v", i, s.Has(i), want)
		}
	}
}

// A fleet of any size takes 16 bytes a node and one buffer.
func TestSpoolMemoryDoesNotGrowWithTheFleet(t *testing.T) {
	if size := unsafe.Sizeof(place{}); size > 16 {
		t.Errorf("%d bytes a node", size)
	}
	file := &fakeFile{room: 1 << 30}
	s := &Spool{Overflow: func() (SpoolFile, error) { return file, nil }}
	const many = 20_000
	n, largest := 0, 0
	for r, err := range manyNodes(many) {
		if err != nil || s.Put(n, r) != nil {
			t.Fatal(err)
		}
		if n++; len(file.content) > 0 {
			largest = max(largest, cap(s.buffer))
		}
	}
	if len(file.content) == 0 || largest > 4*spoolBuffer {
		t.Errorf("%d bytes are in the file and up to %d in memory", len(file.content), largest)
	}
	want, _ := manyNodes(many).Collect()
	i := 0
	for r, err := range s.Results() {
		if err != nil || r.Node.Name != want[i].Node.Name {
			t.Fatalf("place %d has %s, %v", i, r.Node.Name, err)
		}
		i++
	}
	if i != many {
		t.Errorf("%d results of %d", i, many)
	}
}

// An ordinary scan makes no file.
func TestSpoolOfAnOrdinaryFleetStaysInMemory(t *testing.T) {
	s := &Spool{Overflow: func() (SpoolFile, error) {
		t.Error("a file for 2,000 nodes")
		return nil, errFull
	}}
	n := 0
	for r := range manyNodes(2000) {
		_ = s.Put(n, r)
		n++
	}
}

func TestSpoolOnAFullDisk(t *testing.T) {
	for _, tt := range []struct {
		rule string
		file func() (SpoolFile, error)
	}{
		{"no file can be made", func() (SpoolFile, error) { return nil, errFull }},
		{"it takes one write", func() (SpoolFile, error) { return &fakeFile{room: spoolMemory + spoolBuffer/2}, nil }},
	} {
		s := &Spool{Overflow: tt.file}
		var err error
		n := 0
		for r := range manyNodes(20_000) {
			if err = s.Put(n, r); err != nil {
				break
			}
			n++
		}
		if !errors.Is(err, errFull) || !errors.Is(err, ErrSpool) || !errors.Is(s.Put(0, fleet()[0]), errFull) {
			t.Errorf("%s: error %v, and again %v", tt.rule, err, s.Put(0, fleet()[0]))
		}
		if results, err := s.Results().Collect(); !errors.Is(err, ErrSpool) || len(results) > 0 {
			t.Errorf("%s: %d results and error %v: a part of a fleet is not the fleet", tt.rule, len(results), err)
		}
	}
}

// Somebody else's hand in the file is an error, never another result.
func TestSpoolFileThatWasCut(t *testing.T) {
	for _, cut := range []int{0, 2, 4, 100} {
		file := &fakeFile{room: 1 << 20}
		s := spoolOf(t, file, fleet())
		file.content = file.content[:cut]
		if _, err := s.Results().Collect(); !errors.Is(err, ErrSpool) {
			t.Errorf("cut to %d bytes: error %v", cut, err)
		}
	}
}

// Bytes that nobody packed are an error, and cost no more than themselves.
func FuzzUnpack(f *testing.F) {
	for _, r := range append(fleet(), hostileFleet()[:3]...) {
		f.Add(pack(nil, r))
	}
	f.Add([]byte(strings.Repeat("\xff", 40)))
	f.Fuzz(func(t *testing.T, packed []byte) {
		r, err := unpack(slices.Clone(packed))
		if err != nil {
			return
		}
		again, err := unpack(pack(nil, r))
		if diff := cmp.Diff(plain(r), again); diff != "" && r.Verdict.Served.Life.Used == r.Verdict.Served.Life.Used {
			t.Errorf("%v (-unpacked +again):\n%s", err, diff)
		}
	})
}

// BenchmarkSpool is what it costs to keep a result, and to have it again from the
// file.
func BenchmarkSpool(b *testing.B) {
	kinds := fleet()
	for _, size := range []int{1000, 20_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				file := &fakeFile{room: 1 << 30}
				s := &Spool{Overflow: func() (SpoolFile, error) { return file, nil }}
				for i := range size {
					_ = s.Put(i, kinds[i%len(kinds)])
				}
				for _, err := range s.Results() {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/node")
		})
	}
}
