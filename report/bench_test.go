package report

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"kletscan/scanner"
)

// benchFleet is how many nodes the benchmarks report on.
const benchFleet = 100_000

// manyNodes are n results, none of which stays in memory.
func manyNodes(n int) Results {
	kinds := fleet()
	return func(yield func(scanner.Result, error) bool) {
		for i := range n {
			r := kinds[i%len(kinds)]
			r.Node.Name = fmt.Sprintf("worker-%06d", i)
			if !yield(plain(r), nil) {
				return
			}
		}
	}
}

// BenchmarkReport100k reads 100,000 saved results and writes them again, as
// kletscan report does. MiB is the largest heap that was seen on the way.
func BenchmarkReport100k(b *testing.B) {
	for _, saved := range []string{"jsonl", "json"} {
		file := filepath.Join(b.TempDir(), saved)
		save(b, file, saved)
		for _, format := range []string{"csv", "jsonl", "json"} {
			b.Run(saved+"-to-"+format, func(b *testing.B) { benchmarkReport(b, file, format) })
		}
	}
}

func save(b *testing.B, file, format string) {
	b.Helper()
	f, err := Lookup(format)
	if err != nil {
		b.Fatal(err)
	}
	out, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	buffered := bufio.NewWriter(out)
	run := testRun()
	run.Results = manyNodes(benchFleet)
	if err := f.Write(buffered, run, Options{}); err != nil {
		b.Fatal(err)
	}
	if err := buffered.Flush(); err != nil {
		b.Fatal(err)
	}
}

func benchmarkReport(b *testing.B, file, format string) {
	f, err := Lookup(format)
	if err != nil {
		b.Fatal(err)
	}
	var most uint64
	for b.Loop() {
		in, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		run, err := Read(file, in)
		if err != nil {
			b.Fatal(err)
		}
		run.Results = watched(run.Results, &most)
		var temp *os.File
		spool := &Spool{Overflow: func() (_ SpoolFile, err error) {
			temp, err = os.CreateTemp(b.TempDir(), "")
			return temp, err
		}}
		if run, err = Merge([]string{file}, []Run{run}, false, spool); err != nil {
			b.Fatal(err)
		}
		if err := f.Write(io.Discard, run, Options{}); err != nil {
			b.Fatal(err)
		}
		in.Close()
		temp.Close()
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB")
	b.ReportMetric(benchFleet*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkCSV100k writes 100,000 results that are not read from anywhere.
func BenchmarkCSV100k(b *testing.B) {
	var most uint64
	run := testRun()
	run.Results = watched(manyNodes(benchFleet), &most)
	for b.Loop() {
		if err := writeCSV(io.Discard, run, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB")
	b.ReportMetric(benchFleet*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// watched are results that keep in most the largest heap seen among them.
func watched(results Results, most *uint64) Results {
	return func(yield func(scanner.Result, error) bool) {
		var stats runtime.MemStats
		n := 0
		for r, err := range results {
			if n%5000 == 0 {
				runtime.ReadMemStats(&stats)
				*most = max(*most, stats.HeapAlloc)
			}
			n++
			if !yield(r, err) {
				return
			}
		}
	}
}

// BenchmarkNode is what one node costs behind its verdict: to be kept, to be read
// again by a format, and to be written.
func BenchmarkNode(b *testing.B) {
	run, kinds := testRun(), fleet()
	each := func(name string, do func(scanner.Result) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if err := do(kinds[n%len(kinds)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	var packed []byte
	each("keep", func(r scanner.Result) error {
		packed = pack(packed[:0], r)
		return nil
	})
	packed = pack(nil, kinds[0])
	each("read", func(scanner.Result) error {
		_, err := unpack(packed)
		return err
	})
	lines, _ := beginJSONLines(io.Discard, run, Options{})
	each("jsonl", lines.Add)
	each("csv", func(r scanner.Result) error {
		run.Results = func(yield func(scanner.Result, error) bool) { yield(r, nil) }
		return writeCSV(io.Discard, run, Options{}) // and a row of headings
	})
}
