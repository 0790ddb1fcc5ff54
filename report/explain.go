package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// Explain writes how one node's verdict came about: for each setting every
// place that says something, from the weakest to the one that decides, the
// rule of the kubelet, what the written rules would say, and the remedy.
func Explain(w io.Writer, r scanner.Result, e scanner.Explanation, opts Options) error {
	out := bufio.NewWriter(w)
	p := printer{out: out, width: opts.Width}
	p.headline(r, opts.Color)
	if r.Status != scanner.OK {
		return out.Flush()
	}
	p.who(r.Verdict, e)
	p.chains(e)
	p.certificate(r.Verdict.Served)
	p.letters(r.Verdict)
	p.conditions(r.Verdict)
	p.steps("what to do", r.Verdict.Remedy)
	p.steps("other kubelets on this host, which are not the node's own", r.Verdict.Others)
	return out.Flush()
}

// headline is the answer in one line, and why.
func (p printer) headline(r scanner.Result, color bool) {
	words := rotationWords(&r).clean().String()
	if color {
		words = colorOf(&r) + words + reset
	}
	p.lines(Clean(r.Node.Name) + ": " + words)
	p.paragraph(noteIndent, whyWords(&r).clean().String())
}

// who is what runs, and from where.
func (p printer) who(v scanner.Verdict, e scanner.Explanation) {
	parts := []string{"kubelet"}
	if v.VersionSource != "" {
		parts = append(parts, v.Version+" as the API server said ("+v.VersionSource+")")
	} else if v.Version != "" {
		parts = append(parts, v.Version)
	} else {
		parts = append(parts, "of a version that is not known")
	}
	if v.Distro != "" {
		parts = append(parts, e.Distro.Title)
	}
	if v.PID != 0 {
		parts = append(parts, "pid "+strconv.Itoa(v.PID))
	}
	if v.Unit != "" {
		parts = append(parts, "unit "+v.Unit)
	}
	p.lines("")
	p.paragraph("", Clean(strings.Join(parts, ", ")))
	if why := e.Distro.Default.Why; why != "" {
		p.paragraph(noteIndent, Clean("as it comes: "+e.Distro.Default.Rotation.String()+", "+why+" ("+e.Distro.Default.Source+")"))
	}
	p.rule("so", e.Rule)
}

// rule is a rule of the kubelet with its versions and its source.
func (p printer) rule(lead string, r kubelet.Rule) {
	if r.Text != "" {
		p.paragraph(noteIndent, Clean(lead+": "+r.Text+" ("+r.Versions+"; "+r.Source+")"))
	}
}

// chains are the settings, decisive first. The step that decides has a mark.
// A rule that several settings share stands once.
func (p printer) chains(e scanner.Explanation) {
	told := map[kubelet.Rule]bool{}
	for _, c := range e.Chains {
		p.lines("", Clean(c.Setting))
		for _, step := range c.Steps {
			mark := "  "
			if step.Decides {
				mark = "> "
			}
			line := valueOrEmpty(step.Value) + "  " + sourceWords(step.Source).String()
			if step.Note != "" {
				line += ": " + step.Note
			}
			p.paragraph(mark, Clean(line))
		}
		if !told[c.Rule] {
			p.rule("rule", c.Rule)
			told[c.Rule] = true
		}
	}
}

func valueOrEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// certificate is what was seen on the kubelet's port.
func (p printer) certificate(s scanner.Served) {
	if s.Address == "" {
		return
	}
	p.lines("", "the certificate served at "+Clean(s.Address))
	p.paragraph(noteIndent, Clean(s.Class.String()+": "+s.Why))
	if s.NotAfter != 0 {
		p.paragraph(noteIndent, Clean(fmt.Sprintf("subject %s, issuer %s, serial %s, %s key", s.Subject, s.Issuer, s.Serial, s.KeyType)))
		p.paragraph(noteIndent, Clean("for "+strings.Join(s.SANs, ", ")))
		p.paragraph(noteIndent, fmt.Sprintf("until %s, %d days left", time.Unix(s.NotAfter, 0).UTC().Format(time.RFC3339), s.Life.DaysLeft))
		p.paragraph(noteIndent, "SHA-256 "+Clean(s.SHA256))
		if s.SignedBy != "" {
			p.paragraph(noteIndent, "signed by the CA in "+Clean(s.SignedBy))
		}
	}
	if s.Join != scanner.JoinNone {
		p.paragraph(noteIndent, "it "+string(s.Join)+" the settings")
	}
}

// letters are the answers of the written rules.
func (p printer) letters(v scanner.Verdict) {
	p.lines("", "the letter of the written rules, all for "+ControlID)
	for _, l := range v.Letter {
		p.paragraph(noteIndent, Clean(string(l.Rule)+": "+string(l.Result)+": "+l.Why))
	}
}

// conditions are explained by their meaning.
func (p printer) conditions(v scanner.Verdict) {
	if len(v.Conditions) == 0 {
		return
	}
	p.lines("", "conditions")
	for _, c := range v.Conditions {
		p.paragraph(noteIndent, Clean(string(c)+": "+c.Meaning()))
	}
}

// steps are numbered sentences under a heading; nothing if there are none.
func (p printer) steps(heading string, steps []string) {
	if len(steps) == 0 {
		return
	}
	p.lines("", heading)
	for i, step := range steps {
		p.paragraph(noteIndent, Clean(strconv.Itoa(i+1)+". "+step))
	}
}
