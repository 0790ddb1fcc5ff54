package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// active are strings that would do something on a page or in Markdown.
var active = []string{
	"<script>document.title='ran'</script>", "<img src=http://evil.example/x onerror=document.title='ran'>",
	"</title><script>document.title='ran'</script>", "</dl></details></td></tr></table><h1>All nodes rotate</h1>",
	"<svg onload=document.title='ran'>", "javascript:document.title='ran'", `" onmouseover="document.title='ran'" x="`,
	"</style><link rel=stylesheet href=http://evil.example/x.css>", "<!--", "]]>", "<base href=http://evil.example/>", "{{.Policy}}", "&lt;b&gt;&#60;",
	"](http://evil.example)", "[x](javascript:alert(1))", "![x](http://evil.example/x.png)", "<http://evil.example>", "http://evil.example", "www.evil.example",
	"someone@evil.example", "@everyone", "#1", "# heading", "- item", "> quote", "***bold***", "~~gone~~", "a|b", `a\|b`, `\`, `a\\|b`, "|", "| --- |", "---", "===",
	"`", "``", "`a`", "a``b`c", " a ", "   ", "` `", "```\nx\n```", "<details>", "</details>", "&copy;", "[^1]", ":tada:", "$x$", "<br>", "    code",
	strings.Repeat("very-long-", 2000), strings.Repeat("`", 300), strings.Repeat("|", 300),
}

// activeFleet has each such string in every place.
func activeFleet() []scanner.Result {
	var results []scanner.Result
	for i, s := range append(active, hostile...) {
		r := filled(s, scanner.OK)
		if i%3 == 2 {
			r.Status = scanner.Unreachable
		}
		r.Verdict.Rotation = kubelet.Rotation(i % 5)
		results = append(results, r)
	}
	return results
}

// servedUntil is a node whose certificate ends in so many days.
func servedUntil(name, group string, rotation kubelet.Rotation, days int64) scanner.Result {
	r := node(name, group, scanner.Verdict{Rotation: rotation, Why: "the file says so", Remedy: []string{"set serverTLSBootstrap: true", "restart the kubelet"}})
	r.Verdict.Served = scanner.Served{Class: serving.SelfSigned, Address: "127.0.0.1:10250", NotAfter: began.Unix() + days*secondsPerDay}
	r.Verdict.Served.Life = serving.Life{Known: true, Expired: days < 0, DaysLeft: days}
	return r
}

// certificates is a fleet whose certificates end at many times.
func certificates() []scanner.Result {
	results := fleet()
	for i, days := range []int64{-400, -1, 1, 20, 31, 90, 200, 364, 3650} {
		results = append(results, servedUntil(fmt.Sprintf("edge-%d", i), "edge", kubelet.Off, days))
	}
	return results
}

func waiveEdge(run Run) Run {
	run.Waivers = Waivers{
		{Nodes: "edge-[0-1]", Rotation: "off", Reason: "replaced in spring", Owner: "ops", Expires: began.AddDate(0, 1, 0), Source: "waivers.yaml:1"},
		{Nodes: "edge-2", Rotation: "off", Reason: "too late", Owner: "ops", Expires: began.AddDate(0, -1, 0), Source: "waivers.yaml:7"},
	}
	return run
}

// However a run looks, each of its nodes has one row, and every total on the
// page is that of the summary.
func TestHTMLAddsUp(t *testing.T) {
	for name, run := range judgedRuns() {
		t.Run(name, func(t *testing.T) {
			summary, err := Summarize(run, Options{})
			if err != nil {
				t.Fatal(err)
			}
			page := render(t, "html", run, Options{})
			if n := strings.Count(page, "<tr data-state="); n != summary.Total {
				t.Errorf("%d rows for %d nodes", n, summary.Total)
			}
			foot := fmt.Sprintf(`<th scope="row">all</th><td>%d</td>`, summary.Total)
			for _, p := range summary.parts() {
				if n := strings.Count(page, fmt.Sprintf("<tr data-state=%q>", p.State)); n != p.Count {
					t.Errorf("%d rows are %s, the summary has %d", n, p.State, p.Count)
				}
				foot += fmt.Sprintf("<td>%d</td>", p.Count)
			}
			if !strings.Contains(page, foot) {
				t.Errorf("no row %s", foot)
			}
			expiries, err := expiriesOf(run.Results)
			if err != nil {
				t.Fatal(err)
			}
			ends := 0
			for _, b := range expiries.table() {
				ends += b.Count
			}
			if ends != summary.Total {
				t.Errorf("%d nodes by expiry, want %d", ends, summary.Total)
			}
		})
	}
}

func TestExpiriesByTime(t *testing.T) {
	for _, tt := range []struct {
		rule string
		days []int64 // from Monday 2026-11-23 on
		want string
	}{
		{"nothing was seen", nil, "expired 0, not seen 1"},
		{"expired first, in weeks that begin on Monday", []int64{-1, 0, 6, 7, 21}, "expired 1, week of 2026-11-23 2, week of 2026-11-30 1, week of 2026-12-07 0, week of 2026-12-14 1, not seen 1"},
		{"thirteen weeks are weeks", []int64{0, 90}, "expired 0, week of 2026-11-23 1, week of 2026-11-30 0, week of 2026-12-07 0, week of 2026-12-14 0, week of 2026-12-21 0, week of 2026-12-28 0, week of 2027-01-04 0, week of 2027-01-11 0, week of 2027-01-18 0, week of 2027-01-25 0, week of 2027-02-01 0, week of 2027-02-08 0, week of 2027-02-15 1, not seen 1"},
		{"more are months, the last day of one in it", []int64{7, 8, 100}, "expired 0, 2026-11 1, 2026-12 1, 2027-01 0, 2027-02 0, 2027-03 1, not seen 1"},
		{"eighteen months and later", []int64{0, 3650, 1 << 40}, "expired 0, 2026-11 1, 2026-12 0, 2027-01 0, 2027-02 0, 2027-03 0, 2027-04 0, 2027-05 0, 2027-06 0, 2027-07 0, 2027-08 0, 2027-09 0, 2027-10 0, 2027-11 0, 2027-12 0, 2028-01 0, 2028-02 0, 2028-03 0, 2028-04 0, later 2, not seen 1"},
	} {
		results := []scanner.Result{missed("lost", "", scanner.Timeout, "timeout")}
		for _, days := range tt.days {
			results = append(results, servedUntil("a", "", kubelet.On, days))
		}
		e, err := expiriesOf(Of(results))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range e.table() {
			got = append(got, fmt.Sprintf("%s %d", b.Label, b.Count))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, diff)
		}
	}
}

// However many groups there are, the drawing stays one, and the worst are in it.
func TestGroupChartIsBounded(t *testing.T) {
	var results []scanner.Result
	for i := range 300 {
		results = append(results, node("a", fmt.Sprintf("group-%03d", i), scanner.Verdict{Rotation: kubelet.On}))
	}
	results = append(results, node("bad", "group-299", scanner.Verdict{Rotation: kubelet.Off}))
	summary, err := Summarize(testRun(results...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := groupChart(groupRows(summary), groupRow{})
	if len(c.Rects) != maxBars+1 || c.Rects[0].Title != "group-299: 1 on" || c.Rects[1].Title != "group-299: 1 off" {
		t.Errorf("%d parts, the first %+v", len(c.Rects), c.Rects[0])
	}
	if want := "and 276 more groups, in the table below"; c.Texts[0].Text != want {
		t.Errorf("says %q, want %q", c.Texts[0].Text, want)
	}
}

func TestPageAndDocumentGolden(t *testing.T) {
	waived := waiveEdge(testRun(certificates()...))
	for _, tt := range []struct {
		file, format string
		run          Run
	}{
		{"fleet.html", "html", waived},
		{"empty.html", "html", testRun()},
		{"fleet.md", "markdown", waived},
		{"empty.md", "markdown", testRun()},
		{"active.md", "markdown", activeRun()},
	} {
		t.Run(tt.file, func(t *testing.T) {
			sameAsGolden(t, tt.file, render(t, tt.format, tt.run, Options{Now: began}))
		})
	}
}

// talkativeFleet say about as much as real nodes do.
func talkativeFleet(n int) Results {
	kinds := certificates()
	for i := range kinds {
		v := &kinds[i].Verdict
		v.Settings = slices.Repeat([]scanner.Setting{{Name: "serverTLSBootstrap", Value: "false", Source: kubelet.Source{Kind: kubelet.FromDefault, Text: "v1.29"}}}, 9)
		v.Letter = slices.Repeat([]scanner.Letter{{Rule: scanner.CIS151, Result: scanner.LetterFail, Why: strings.Repeat("the gate is named neither here nor there ", 3)}}, 3)
		v.Remedy = slices.Repeat([]string{strings.Repeat("Add serverTLSBootstrap: true to the file. ", 4)}, 4)
	}
	return func(yield func(scanner.Result, error) bool) {
		for i := range n {
			r := kinds[i%len(kinds)]
			r.Node.Name = fmt.Sprintf("node-%05d", i)
			if !yield(r, nil) {
				return
			}
		}
	}
}

// BenchmarkHTML100k writes 100,000 nodes. MiB is the largest heap seen on the
// way: it does not grow with the fleet.
func BenchmarkHTML100k(b *testing.B) {
	var most uint64
	var size counter
	run := testRun()
	run.Results = watched(talkativeFleet(benchFleet), &most)
	for b.Loop() {
		size = 0
		if err := writeHTML(&size, run, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB")
	b.ReportMetric(float64(size)/benchFleet, "bytes/row")
	b.ReportMetric(benchFleet*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// counter counts the bytes that are written.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// Results that cannot be read to their end are an error, in whichever pass over
// them it comes, and never a page that looks whole.
func TestPageAndDocumentOfBrokenResults(t *testing.T) {
	for _, format := range []string{"html", "markdown"} {
		for pass := range 3 {
			run, ranged := testRun(fleet()...), 0
			whole := run.Results
			run.Results = func(yield func(scanner.Result, error) bool) {
				ranged++
				for r, err := range whole {
					if ranged > pass {
						yield(scanner.Result{}, errFull)
						return
					}
					if !yield(r, err) {
						return
					}
				}
			}
			f, err := Lookup(format)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := f.Write(&out, run, Options{}); !errors.Is(err, errFull) || strings.Contains(out.String(), "</html>") {
				t.Errorf("%s, pass %d: error %v", format, pass+1, err)
			}
		}
	}
}
