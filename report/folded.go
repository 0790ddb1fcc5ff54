package report

import (
	"bufio"
	"cmp"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// writeFolded writes one row for all nodes with the same answer and the same
// reason, those that want somebody to act first, then where nodes are not set
// up as most of their group, then the summary line.
func writeFolded(w io.Writer, run Run, opts Options) error {
	var (
		counts  tally
		same    sameAnswers
		configs configurations
		waivers = waiverUses{run: &run, now: opts.Now}
	)
	for r, err := range run.Results { // once: of saved results, reading them is what takes time
		if err != nil {
			return err
		}
		counts.add(r, run.Waivers.For(r, opts.Now) != nil)
		same.add(run, opts, r)
		configs.add(r)
		waivers.add(&r)
	}
	answers := same.sorted()
	out := bufio.NewWriter(w)
	p := printer{out: out, width: opts.Width}
	if len(answers) > 0 {
		if err := p.answers(answers, opts.Color); err != nil {
			return err
		}
	}
	if err := p.outliers(configs.outliers()); err != nil {
		return err
	}
	p.paragraph("", counts.summary().Line())
	for _, line := range waivers.lines() {
		p.paragraph("", line)
	}
	return out.Flush()
}

// sameAnswer are nodes of which the same is to be said.
type sameAnswer struct {
	first scanner.Result // stands for all
	names []string       // clean
	why   string         // clean; what differs from node to node is left out

	waiver *Waiver // that sets the nodes apart; nil: none does
	notes  string  // clean; the waivers that hold, and empty without one
}

// sameAnswers are all nodes of a run. The zero value has none.
type sameAnswers struct {
	list  []*sameAnswer
	index map[[4]string]*sameAnswer
}

func (s *sameAnswers) add(run Run, opts Options, r scanner.Result) {
	whole := whyWords(&r).clean().String()
	why, notes := general(whole, r), strings.Join(waiverNotes(run, opts, r), "; ")
	key := [4]string{rotationWords(&r).clean().String(), sourceWords(r.Verdict.Source).clean().String(), why, notes}
	same := s.index[key]
	if same == nil {
		if s.index == nil {
			s.index = make(map[[4]string]*sameAnswer)
		}
		same = &sameAnswer{first: r, why: whole, waiver: run.Waivers.For(r, opts.Now), notes: notes}
		s.index[key] = same
		s.list = append(s.list, same)
	}
	if same.why != whole {
		same.why = why
	}
	same.names = append(same.names, Clean(r.Node.Name))
}

// sorted is the worst answer first, then the most nodes.
func (s *sameAnswers) sorted() []*sameAnswer {
	slices.SortStableFunc(s.list, func(a, b *sameAnswer) int {
		return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(len(b.names), len(a.names)))
	})
	return s.list
}

// urgency is lower for what somebody should look at sooner.
func (s *sameAnswer) urgency() int {
	return slices.Index([]string{
		kubelet.Off.String(), kubelet.Invalid.String(), kubelet.Unknown.String(), notAssessed,
		waivedState, kubelet.On.String(), kubelet.External.String(),
	}, stateOf(s.first, s.waiver))
}

func (p printer) answers(answers []*sameAnswer, color bool) error {
	rows := make([][]string, len(answers))
	table := newNodeTable([]string{"NODES", "COUNT", rotationHeading, sourceHeading, whyHeading})
	table.right, table.shown = []bool{false, true, false, false, false}, slices.Repeat([]bool{true}, 5)
	for i, a := range answers {
		why := a.why
		if a.notes != "" {
			why = a.notes + "; " + why
		}
		rows[i] = []string{
			foldedWords(a.names), strconv.Itoa(len(a.names)), rotationWords(&a.first).clean().String(),
			sourceWords(a.first.Verdict.Source).clean().String(), why,
		}
		table.measure(rows[i])
	}
	out := table.writer(p)
	for i, a := range answers {
		shade := ""
		if color {
			shade = colorOf(&a.first)
		}
		if err := out.add(rows[i], shade); err != nil {
			return err
		}
	}
	return out.end()
}

// ownWords are parts of a reason that differ from node to node: times,
// addresses, fingerprints, lines of a known_hosts file.
var ownWords = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ][0-9:.]+Z?|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\[[0-9a-fA-F:.]+\](:\d+)?|…:\d+|SHA256:[A-Za-z0-9+/=]+|\b[0-9a-f]{40,}\b|[0-9]+ days`)

// general is a clean text of a node without what is that node's own.
func general(s string, r scanner.Result) string {
	for _, own := range []string{r.Node.Name, r.Node.Host} {
		s = replaceWord(s, Clean(own))
	}
	return ownWords.ReplaceAllString(s, ellipsis)
}

// replaceWord puts the ellipsis for each word that is the given one. Names of
// one or two letters are left: they say little and are part of much.
func replaceWord(s, word string) string {
	if len(word) < 3 || !strings.Contains(s, word) {
		return s
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, word)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if inWord(before, len(before)-1) || inWord(after, 0) {
			b.WriteString(word)
		} else {
			b.WriteString(ellipsis)
		}
		s = after
	}
}

// inWord reports whether s has a byte of a word at i.
func inWord(s string, i int) bool {
	return 0 <= i && i < len(s) && (s[i] == '-' || s[i] == '_' || '0' <= s[i] && s[i] <= '9' || 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z')
}
