package report

import (
	"fmt"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// answer is what a reader must know who reads nothing else.
type answer struct {
	Tone     string   // bad, unclear or good; never good while something is not known
	Headline string   // one sentence
	Notes    []string // what the headline leaves open, and the counts; words and numbers only
	Void     []string // the waivers that have expired, clean
}

// answerOf is the answer of a whole fleet.
func answerOf(run Run, opts Options, c Counts) answer {
	on, off, unknown := c.Rotation[kubelet.On], c.Rotation[kubelet.Off]+c.Rotation[kubelet.Invalid], c.Rotation[kubelet.Unknown]
	open := unknown + c.NotAssessed()
	a := answer{Tone: "good"}
	switch {
	case c.Total == 0:
		a.Tone, a.Headline = "unclear", "There are no nodes"
	case off > 0:
		a.Tone, a.Headline = "bad", plural(off, c.Total, "does not rotate its", "do not rotate their")
	case c.Assessed()+c.Waived == 0:
		a.Tone, a.Headline = "unclear", fmt.Sprintf("None of %d nodes was assessed", c.Total)
	case open > 0:
		a.Tone, a.Headline = "unclear", "It is not known whether "+plural(open, c.Total, "rotates its", "rotate their")
	default:
		a.Headline = plural(on, c.Total, "rotates its", "rotate their")
		if on < c.Total {
			a.Headline += "; the others are external or waived"
		}
	}
	if run.Incomplete {
		a.Notes = append(a.Notes, "The results were not written to their end: nodes are missing here.")
		if a.Tone == "good" {
			a.Tone = "unclear"
		}
	}
	if unknown > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("Looked at, and not known: %d. Evidence is missing there or contradicts itself.", unknown))
	}
	if n := c.NotAssessed(); n > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("Not assessed: %d. What holds there nobody has seen.", n))
	}
	if c.Waived > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("Waived: %d. They are listed with who accepted it, why and until when, and counted apart.", c.Waived))
	}
	for _, w := range run.Waivers {
		if w.Expired(opts.Now) {
			a.Void = append(a.Void, Clean(w.Source+": "+w.String()))
		}
	}
	a.Notes = append(a.Notes, c.Line())
	if len(a.Void) > 0 {
		a.Notes = append(a.Notes, "Void, for they have expired, are these waivers:")
	}
	return a
}

// plural is "1 of 24 nodes ONE serving certificate", with MANY for any other
// number.
func plural(n, total int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d of %d nodes %s serving certificate", n, total, many)
}

// waivedState is the state of a node that a waiver sets aside; the other states
// are the words of Rotation and notAssessed.
const (
	waivedState = "waived"
	notAssessed = "not-assessed"
)

// states are the parts of a fleet, in the order in which a report shows them.
func states() []string {
	var list []string
	for _, r := range rotations {
		list = append(list, r.String())
	}
	return append(list, notAssessed, waivedState)
}

// part is how many nodes are in one state.
type part struct {
	State string
	Count int
}

// parts are all states of c, whose counts add up to c.Total.
func (c Counts) parts() []part {
	var list []part
	for _, r := range rotations {
		list = append(list, part{r.String(), c.Rotation[r]})
	}
	return append(list, part{notAssessed, c.NotAssessed()}, part{waivedState, c.Waived})
}

// stateOf is the one state of a node, as Counts counts it.
func stateOf(r scanner.Result, waiver *Waiver) string {
	var c Counts
	c.add(r, waiver != nil)
	for _, p := range c.parts() {
		if p.Count > 0 {
			return p.State
		}
	}
	return notAssessed
}

// waiverNotes are the waivers that hold for a node or one of its conditions,
// clean.
func waiverNotes(run Run, opts Options, r scanner.Result) []string {
	var notes []string
	if w := run.Waivers.For(r, opts.Now); w != nil {
		notes = append(notes, Clean(w.String()))
	}
	for _, c := range r.Verdict.Conditions {
		if w := run.Waivers.ForCondition(r, c, opts.Now); w != nil {
			notes = append(notes, Clean(w.String()))
		}
	}
	return notes
}
