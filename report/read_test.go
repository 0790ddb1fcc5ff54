package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kletscan/scanner"
	"kletscan/scanner/evidence"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// anyWaivers hold for some of what anyResult gives.
func anyWaivers() Waivers {
	return Waivers{
		{
			ID: "W-1", Nodes: "a*", Labels: map[string]string{"group": "*"}, Rotation: "off", Reason: hostile[11], Owner: "ops",
			Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), Source: "waivers.yaml:3",
		},
		{Rotation: "invalid", Reason: hostile[27], Owner: hostile[0], Expires: began.AddDate(-1, 0, 0).Truncate(24 * time.Hour), Source: "waivers.yaml:9"},
		{Condition: "expired", Reason: "|", Owner: "\u202e", Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)},
	}
}

// anyResult is a result such as no scan need give, with every word that there
// is and hostile strings, and with a name that no other has.
func anyResult(rng *rand.Rand, i int) scanner.Result {
	text := func() string {
		switch rng.IntN(24) {
		case 0, 1:
			return ""
		case 2, 3, 5, 6, 7, 8:
			return hostile[rng.IntN(len(hostile))]
		case 4:
			return strings.Repeat(hostile[rng.IntN(len(hostile))], rng.IntN(3*MaxCell/10))
		}
		return fmt.Sprintf("text %d", rng.IntN(10))
	}
	var r scanner.Result
	fill(reflect.ValueOf(&r).Elem(), text())
	r.Status = scanner.Status(rng.IntN(12))
	if rng.IntN(2) == 0 {
		r.Status = scanner.OK
	}
	if r.Error = ""; r.Status != scanner.OK {
		r.Error = text()
	}
	r.Node.Name, r.Node.Host, r.Node.Port = fmt.Sprintf("a%d-%s", i, text()), text(), rng.IntN(3)*11
	r.Node.Labels = map[string]string{"group": text(), text(): text()}
	r.Node.Source.Line, r.Node.Index = rng.IntN(3), rng.IntN(3)
	for _, took := range stageTimes(&r.Stages) {
		*took = time.Duration(rng.Int64N(1e10) * rng.Int64N(2))
	}
	v := &r.Verdict
	v.Rotation, v.AfterRestart, v.PID = kubelet.Rotation(rng.IntN(5)), kubelet.Rotation(rng.IntN(5)), rng.IntN(3)
	v.Conditions, v.Settings, v.Letter = nil, nil, nil
	for _, c := range scanner.Conditions {
		if rng.IntN(4) == 0 {
			v.Conditions = append(v.Conditions, c)
		}
	}
	v.Source = kubelet.Source{Kind: []kubelet.SourceKind{"", kubelet.FromFile, kubelet.FromFlag, kubelet.FromDefault}[rng.IntN(4)], Path: text(), Line: rng.IntN(2), Text: text()}
	v.Served.Class, v.Served.Join, v.Served.Method = serving.Class(rng.IntN(7)), scanner.JoinRefines, evidence.Handshake
	v.Served.NotAfter = []int64{0, began.Unix() + rng.Int64N(1e8) - 5e7}[rng.IntN(2)]
	v.Served.Life = serving.Life{
		Known: rng.IntN(2) == 0, Used: rng.Float64()*3 - 1, DaysLeft: rng.Int64N(900) - 100,
		NotYet: rng.IntN(9) == 0, Expired: rng.IntN(9) == 0, Overdue: rng.IntN(9) == 0,
	}
	for _, name := range []string{"serverTLSBootstrap", "featureGates.RotateKubeletServerCertificate", "tlsCertFile"} {
		v.Settings = append(v.Settings, scanner.Setting{Name: name, Value: text(), Source: v.Source, Detail: text()})
	}
	for _, rule := range []scanner.RuleID{scanner.Datadog, scanner.CIS151, scanner.KubeBench} {
		v.Letter = append(v.Letter, scanner.Letter{Rule: rule, Result: []scanner.LetterResult{scanner.LetterPass, scanner.LetterFail, scanner.LetterNA, scanner.LetterUnknown}[rng.IntN(4)], Why: text()})
	}
	if r.Duration = time.Duration(rng.Int64N(1e12)); rng.IntN(5) == 0 {
		r.Started = time.Time{}
	}
	return r
}

func anyRun(rng *rand.Rand, n int) Run {
	results := make([]scanner.Result, n)
	for i := range results {
		results[i] = anyResult(rng, i)
	}
	run := testRun(results...)
	run.Waivers, run.Operator, run.Arguments = anyWaivers(), hostile[rng.IntN(len(hostile))], hostile[:rng.IntN(5)]
	return run
}

// Whatever was saved, as JSON or as lines, every format of what is read again
// is the format of what was saved, to the byte.
func TestWriteReadWrite(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 11))
	for round := range 11 {
		run := anyRun(rng, rng.IntN(8))
		if round%5 == 0 {
			run = anyRun(rng, 1)
			run.Single = true
		}
		opts, want := Options{Now: run.Started}, map[string]string{}
		for _, f := range Formats {
			want[f.Name] = render(t, f.Name, run, opts)
		}
		for _, saved := range []string{"json", "jsonl"} {
			file := want[saved]
			again, err := Read("saved", strings.NewReader(file))
			if err != nil {
				t.Fatalf("round %d, %s: %v", round, saved, err)
			}
			for _, f := range Formats {
				if diff := cmp.Diff(want[f.Name], render(t, f.Name, again, opts)); diff != "" {
					t.Fatalf("round %d, %s by way of %s (-saved +read):\n%.3000s", round, f.Name, saved, diff)
				}
			}
		}
	}
}

// Every field of a Result that a format may show is saved. A new one that is
// not fails here.
func TestEveryFieldIsSaved(t *testing.T) {
	r := filled("x", scanner.OK)
	r.Node.Port, r.Node.Source.Line, r.Node.Source.Column, r.Node.Index = 22, 7, 3, 9
	for i, took := range stageTimes(&r.Stages) {
		*took = time.Duration(i+1) * time.Microsecond
	}
	r.Verdict.Rotation, r.Verdict.AfterRestart = kubelet.On, kubelet.Off
	r.Verdict.PID, r.Verdict.Source.Line = 5, 6
	r.Duration = time.Second
	r.Verdict.Served.Class, r.Verdict.Served.NotAfter = serving.Rotated, began.Unix()
	r.Verdict.Served.Life = serving.Life{Known: true, Used: 0.25, DaysLeft: 3, NotYet: true, Expired: true, Overdue: true}
	for i := range r.Verdict.Settings {
		r.Verdict.Settings[i].Source.Line = i + 1
	}
	for _, saved := range []string{"json", "jsonl"} {
		run := testRun(r)
		run.Shard = "2/3"
		run.Waivers = anyWaivers()[:1]
		run.Waivers[0].Reason = "because"
		again, err := Read("saved", strings.NewReader(render(t, saved, run, Options{})))
		if err != nil {
			t.Fatal(err)
		}
		results, err := again.Results.Collect()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]scanner.Result{r}, results); diff != "" {
			t.Errorf("%s: result (-saved +read):\n%s", saved, diff)
		}
		run.Results, again.Results = nil, nil
		if diff := cmp.Diff(run, again); diff != "" {
			t.Errorf("%s: run (-saved +read):\n%s", saved, diff)
		}
	}
	unpacked, err := unpack(pack(nil, r))
	if diff := cmp.Diff(r, unpacked); diff != "" || err != nil {
		t.Errorf("packed: %v (-packed +unpacked):\n%s", err, diff)
	}
	checkFilled(t, reflect.ValueOf(r), "Result")
}

// checkFilled fails for a field that has its zero value: the test above would
// not see it being lost.
func checkFilled(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i).Name; name != "Result" || field != "Error" {
				checkFilled(t, v.Field(i), name+"."+field)
			}
		}
	case v.IsZero():
		t.Errorf("%s is not filled", name)
	}
}

func TestReadRefuses(t *testing.T) {
	document := render(t, "json", testRun(fleet()...), Options{})
	lines := render(t, "jsonl", testRun(fleet()...), Options{})
	all := strings.SplitAfter(strings.TrimSuffix(lines, "\n"), "\n")
	for _, tt := range []struct{ rule, file, want string }{
		{"an empty file", "", "not results of kletscan"},
		{"a table", render(t, "table", testRun(fleet()...), Options{}), "not results of kletscan"},
		{"an array", "[]", "not results of kletscan"},
		{"an evidence file", `{"schema_version":1,"tool":"kletscan","evidence":{}}`, "not results of kletscan"},
		{"a document of a later version", strings.Replace(document, `"schema_version": 1`, `"schema_version": 2`, 1), "reads up to 1, use a newer one"},
		{"lines of a later version", strings.Replace(lines, `"schema_version":1`, `"schema_version":2`, 1), "reads up to 1, use a newer one"},
		{"a document that was cut", document[:len(document)-300], "ends in its midst"},
		{"a document that was cut behind a result", document[:strings.LastIndex(document, ",\n    {")], "ends in its midst"},
		{"a document that lost its last bracket", strings.TrimSuffix(document, "}\n"), "ends in its midst"},
		{"something behind the results", strings.TrimSuffix(document, "\n}\n") + ",\"x\": 1}", "something stands behind the results"},
		{"something behind a document", document + "{}", "something stands behind"},
		{"a document that lost a node", strings.Replace(document, `"total": 8`, `"total": 9`, 1), "8 results, and the summary says 9"},
		{"a document without a summary", strings.Replace(document, `"summary"`, `"sum"`, 1), `no "summary"`},
		{"a word that is no status", strings.Replace(document, `"status": "ok"`, `"status": "fine"`, 1), `status "fine"`},
		{"a word that is no rotation", strings.Replace(document, `"rotation": "off"`, `"rotation": "On"`, 1), `rotation "On"`},
		{"an assessed node without a rotation", strings.Replace(document, `"rotation": "off"`, `"rotation": ""`, 1), `rotation ""`},
		{"a node without a status", strings.Replace(document, `"status": "ok"`, `"state": "ok"`, 1), "no node, or no status"},
		{"a node without a name", strings.Replace(document, `"node":`, `"name":`, 1), "no node, or no status"},
		{"a line that is no JSON", strings.Join(all[:3], "") + "oops\n" + all[3], "line 4: invalid character"},
		{"a line of another kind", strings.Replace(lines, `{"record":"result"`, `{"record":"note"`, 1), `line 2 is of kind "note"`},
		{"lines without the first", strings.Join(all[1:], ""), `line 1 is of kind "result"`},
		{"two files of lines in one", lines + lines, "stands behind the summary: expected one run"},
		{"lines that lost a node", all[0] + strings.Join(all[2:], ""), "7 results, and the summary says 8"},
	} {
		run, err := Read("FILE", strings.NewReader(tt.file))
		if err == nil {
			_, err = run.Results.Collect()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "FILE: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want FILE: ... %s", tt.rule, err, tt.want)
		}
	}
}

// A scan that was killed leaves lines without an end, the last of them cut.
func TestReadIncompleteLines(t *testing.T) {
	lines := render(t, "jsonl", testRun(fleet()...), Options{})
	end := strings.LastIndex(strings.TrimSuffix(lines, "\n"), "\n") + 1
	for cut := end - 400; cut < len(lines); cut += 50 {
		run, err := Read("FILE", strings.NewReader(lines[:cut]))
		if err != nil {
			t.Fatal(err)
		}
		results, err := run.Results.Collect()
		if err != nil {
			t.Fatal(err)
		}
		want := len(fleet())
		if cut < end-1 {
			want--
		}
		if !run.Incomplete || len(results) != want {
			t.Errorf("cut at %d of %d: incomplete is %v, %d results, want %d", cut, len(lines), run.Incomplete, len(results), want)
		}
		if again := render(t, "jsonl", run, Options{}); !strings.HasPrefix(lines, again) {
			t.Errorf("cut at %d: written again it is whole:\n%s", cut, again)
		}
	}
}

func TestStreamWritesWholeLines(t *testing.T) {
	var out writes
	s, err := beginJSONLines(&out, testRun(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range fleet() {
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.End(began.Add(90 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if want := render(t, "jsonl", testRun(fleet()...), Options{}); string(bytes.Join(out, nil)) != want {
		t.Errorf("as a stream:\n%s\nat once:\n%s", bytes.Join(out, nil), want)
	}
	for _, line := range out {
		if bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
			t.Errorf("a write is not a whole line: %q", line)
		}
	}
}

// writes keeps each write apart.
type writes [][]byte

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, bytes.Clone(p))
	return len(p), nil
}

func FuzzRead(f *testing.F) {
	for _, format := range []string{"json", "jsonl"} {
		lookup, _ := Lookup(format)
		for _, run := range []Run{testRun(), testRun(fleet()[0])} {
			var out bytes.Buffer
			if err := lookup.Write(&out, run, Options{}); err != nil {
				f.Fatal(err)
			}
			f.Add(out.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		run, err := Read("FILE", bytes.NewReader(file))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := writeJSONLines(&out, run, Options{}); err != nil {
			return
		}
		if bad := unfit(out.String()); bad != "" {
			t.Errorf("%s in what was written again", bad)
		}
		again, err := Read("AGAIN", bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatalf("what was read and written is refused: %v\n%s", err, out.Bytes())
		}
		var twice bytes.Buffer
		if err := writeJSONLines(&twice, again, Options{}); err != nil || twice.String() != out.String() {
			t.Errorf("error %v (-once +twice):\n%s", err, cmp.Diff(out.String(), twice.String()))
		}
	})
}
