package report

import (
	"fmt"
	"slices"
	"strings"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// rotations are the verdicts, in the order in which a summary names them.
var rotations = []kubelet.Rotation{kubelet.On, kubelet.Off, kubelet.External, kubelet.Invalid, kubelet.Unknown}

// failures are the reasons for not being assessed, in the order in which a
// summary names them: every Status but OK.
var failures = []scanner.Status{
	scanner.Unreachable, scanner.Throttled, scanner.Timeout, scanner.AuthFailed, scanner.HostKeyUnknown, scanner.HostKeyMismatch,
	scanner.Denied, scanner.NoKubelet, scanner.NotLinux, scanner.Cancelled, scanner.Internal, scanner.StatusUnknown,
}

// Counts are the parts of a fleet. They always add up: each node is counted
// once in Rotation, once in Status, or once in Waived. The zero value is an
// empty fleet.
type Counts struct {
	Total    int
	Rotation map[kubelet.Rotation]int // of the nodes that were assessed, that is with Status OK, and not waived
	Status   map[scanner.Status]int   // of all others; never OK
	Waived   int                      // of the nodes for which a waiver holds
}

// Assessed is how many nodes have a verdict, be it "unknown", that no waiver
// sets aside.
func (c Counts) Assessed() int { return sum(c.Rotation) }

// NotAssessed is how many nodes could not be looked at.
func (c Counts) NotAssessed() int { return sum(c.Status) }

func sum[K comparable](counts map[K]int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}

// add counts one more node. A value that this program does not know counts as
// unknown, so that nothing is lost.
func (c *Counts) add(r scanner.Result, waived bool) {
	if c.Rotation == nil {
		c.Rotation, c.Status = make(map[kubelet.Rotation]int), make(map[scanner.Status]int)
	}
	c.Total++
	switch {
	case waived:
		c.Waived++
	case r.Status == scanner.OK && slices.Contains(rotations, r.Verdict.Rotation):
		c.Rotation[r.Verdict.Rotation]++
	case r.Status == scanner.OK:
		c.Rotation[kubelet.Unknown]++
	case slices.Contains(failures, r.Status):
		c.Status[r.Status]++
	default:
		c.Status[scanner.StatusUnknown]++
	}
}

// Summary counts a fleet, and each of its groups.
type Summary struct {
	Counts
	Groups []Group // in the order of the inventory, whose totals add up to Total; nil when no node has a group
}

// Group counts the nodes with one label "group".
type Group struct {
	Name string // cleaned; empty: the nodes without a group
	Counts
}

// Summarize counts the results of a run in one pass.
func Summarize(run Run, opts Options) (Summary, error) {
	var t tally
	for r, err := range run.Results {
		if err != nil {
			return Summary{}, err
		}
		t.add(r, run.Waivers.For(r, opts.Now) != nil)
	}
	return t.summary(), nil
}

// tally is a Summary in the making. The zero value is ready.
type tally struct {
	all    Counts
	groups []Group
	index  map[string]int // name -> place in groups
}

func (t *tally) add(r scanner.Result, waived bool) {
	t.all.add(r, waived)
	name := Clean(r.Node.Group())
	i, ok := t.index[name]
	if !ok {
		if t.index == nil {
			t.index = map[string]int{}
		}
		i = len(t.groups)
		t.index[name] = i
		t.groups = append(t.groups, Group{Name: name})
	}
	t.groups[i].add(r, waived)
}

func (t *tally) summary() Summary {
	if len(t.groups) == 1 && t.groups[0].Name == "" {
		return Summary{Counts: t.all}
	}
	return Summary{Counts: t.all, Groups: t.groups}
}

// Line is the summary in one line, whose numbers add up to the inventory:
//
//	24 nodes: 20 assessed (14 on, 6 off), 4 not assessed (3 unreachable, 1 auth-failed)
func (c Counts) Line() string {
	nodes := "nodes"
	if c.Total == 1 {
		nodes = "node"
	}
	var verdicts, reasons []string
	for _, r := range rotations {
		verdicts = appendCount(verdicts, c.Rotation[r], r.String())
	}
	for _, s := range failures {
		reasons = appendCount(reasons, c.Status[s], notAssessedWord(s))
	}
	waived := ""
	if c.Waived > 0 {
		waived = fmt.Sprintf(", %d waived", c.Waived)
	}
	return fmt.Sprintf("%d %s: %d assessed%s%s, %d not assessed%s",
		c.Total, nodes, c.Assessed(), inParentheses(verdicts), waived, c.NotAssessed(), inParentheses(reasons))
}

// appendCount adds "n word" unless n is 0.
func appendCount(parts []string, n int, word string) []string {
	if n == 0 {
		return parts
	}
	return append(parts, fmt.Sprintf("%d %s", n, word))
}

func inParentheses(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// letters counts what the written rule would have said of a fleet. The zero
// value has no node.
type letters struct {
	counts               map[scanner.LetterResult]int // of the nodes that were assessed
	falsePass, falseFail int
}

func (l *letters) add(r *scanner.Result) {
	if r.Status != scanner.OK {
		return
	}
	if l.counts == nil {
		l.counts = make(map[scanner.LetterResult]int)
	}
	result := findLetter(r, scanner.CIS151)
	l.counts[result]++
	switch {
	case result == scanner.LetterPass && r.Verdict.Rotation == kubelet.Off:
		l.falsePass++
	case result == scanner.LetterFail && r.Verdict.Rotation == kubelet.On:
		l.falseFail++
	}
}

// lines say it in one line, and where that is not the truth; none when no node
// was assessed.
func (l *letters) lines() []string {
	var parts, wrong []string
	for _, result := range []scanner.LetterResult{scanner.LetterPass, scanner.LetterFail, scanner.LetterNA, scanner.LetterUnknown} {
		parts = appendCount(parts, l.counts[result], string(result))
	}
	if parts == nil {
		return nil
	}
	wrong = appendCount(wrong, l.falsePass, "pass with rotation off")
	wrong = appendCount(wrong, l.falseFail, "fail with rotation on")
	line := "the letter of " + ControlID + ": " + strings.Join(parts, ", ")
	if wrong != nil {
		line += "; wrongly: " + strings.Join(wrong, ", ")
	}
	return []string{line}
}
