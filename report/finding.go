package report

import (
	"crypto/sha1"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// outcome is what a node comes to where a format knows no more than that. The
// zero value is outcomeOpen: nothing is taken for a pass by omission.
type outcome uint8

const (
	outcomeOpen          outcome = iota // not assessed, or assessed and the evidence is missing
	outcomePass                         // rotation is on
	outcomeFail                         // it is off or invalid
	outcomeNotApplicable                // somebody else supplies the certificate, or the host is no node
)

func outcomeOf(r scanner.Result) outcome {
	switch r.Status {
	case scanner.OK:
	case scanner.NoKubelet, scanner.NotLinux:
		return outcomeNotApplicable
	default:
		return outcomeOpen
	}
	switch r.Verdict.Rotation {
	case kubelet.On:
		return outcomePass
	case kubelet.Off, kubelet.Invalid:
		return outcomeFail
	case kubelet.External:
		return outcomeNotApplicable
	}
	return outcomeOpen
}

// finding is one node for the formats of other tools.
type finding struct {
	run     Run
	opts    Options
	result  scanner.Result
	name    string // clean, and no other node of the run has it
	outcome outcome
	waiver  *Waiver // nil: none holds
}

// findings are the nodes of a run. An error ends them.
func findings(run Run, opts Options) iter.Seq2[finding, error] {
	return func(yield func(finding, error) bool) {
		taken := map[string]bool{}
		for r, err := range run.Results {
			f := finding{run: run, opts: opts, result: r, outcome: outcomeOf(r)}
			if err != nil {
				yield(f, err)
				return
			}
			f.waiver = run.Waivers.For(r, opts.Now)
			f.name = unused(f.text("node"), taken)
			if !yield(f, nil) {
				return
			}
		}
	}
}

// unused is name, or name with a number where it is taken: what names a node
// must name one. Evidence of the same node may be judged twice in a run.
func unused(name string, taken map[string]bool) string {
	unique := name
	for n := 2; taken[unique]; n++ {
		unique = name + " #" + strconv.Itoa(n)
	}
	taken[unique] = true
	return unique
}

// of is the node's column with that key, clean.
func (f finding) of(key string) value {
	for _, c := range columns {
		if c.key == key {
			return c.cell(&f.run, f.opts, &f.result)
		}
	}
	return value{}
}

func (f finding) text(key string) string { return f.of(key).String() }

// group is never empty.
func (f finding) group() string {
	if name := strings.TrimSpace(f.text("group")); name != "" {
		return name
	}
	return "(none)"
}

// state is the rotation, or the status of a node that was not assessed.
func (f finding) state() string {
	if f.result.Status != scanner.OK {
		return notAssessedWord(f.result.Status)
	}
	return f.text("rotation")
}

// why is the reason of the verdict, or why there is none.
func (f finding) why() string { return whyWords(&f.result).clean().String() }

// waived is the waiver in words; empty: none holds.
func (f finding) waived() string {
	if f.waiver == nil {
		return ""
	}
	return Clean(f.waiver.String())
}

// said is the state and its reason, behind the waiver if there is one.
func (f finding) said() string {
	parts := []string{f.state()}
	if f.waiver != nil {
		parts = []string{f.waived(), f.state()}
	}
	if why := f.why(); why != "" {
		parts = append(parts, why)
	}
	return Clean(strings.Join(parts, ": "))
}

// runFacts are the columns that are the same for all nodes and not empty.
func runFacts(run Run) (facts []field) {
	for _, c := range columns {
		if !c.perRun {
			continue
		}
		if v := c.cell(&run, Options{}, &scanner.Result{}); v.String() != "" {
			facts = append(facts, field{c.key, v})
		}
	}
	return facts
}

// nodeFacts are all other columns of a node that are not empty.
func (f finding) nodeFacts() (facts []field) {
	for _, c := range columns {
		if c.perRun {
			continue
		}
		if v := c.cell(&f.run, f.opts, &f.result); v.String() != "" {
			facts = append(facts, field{c.key, v})
		}
	}
	return facts
}

// when is the time of the visit, or else of the scan.
func (f finding) when() time.Time {
	if !f.result.Started.IsZero() {
		return f.result.Started
	}
	return f.run.when()
}

// when is when the run ended, or else began; 1970 if nobody knows, since the
// formats of other tools insist on a time.
func (run Run) when() time.Time {
	for _, t := range []time.Time{run.Finished, run.Started} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Unix(0, 0)
}

// uuidNameSpace is the one for URLs, RFC 9562 section 6.6.
const uuidNameSpace = "\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8"

// uuid is a version 5 UUID, RFC 9562 section 5.5: the same for the same names.
func uuid(names ...string) string {
	sum := sha1.Sum([]byte(uuidNameSpace + "urn:kletscan:" + strings.Join(names, "\x00")))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// uuid is the UUID of a part of the run.
func (run Run) uuid(names ...string) string {
	return uuid(append([]string{Clean(run.ID), run.Started.UTC().Format(time.RFC3339)}, names...)...)
}
