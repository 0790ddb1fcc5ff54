package report

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
	"kletscan/scanner/serving"
)

// Effect is what a change means. The zero value: it is no more than a change.
type Effect uint8

const (
	Neutral     Effect = iota
	Better             // a node that was off or not known is on now, or a problem is gone
	LostSightOf        // what was known of a node is not known any more
	Worse              // a node is off or invalid, or has a problem, and was not known to before
)

// String is worse, lost-sight-of, better or neutral.
func (e Effect) String() string {
	switch e {
	case Worse:
		return "worse"
	case LostSightOf:
		return "lost-sight-of"
	case Better:
		return "better"
	}
	return "neutral"
}

// ChangeKind is what has changed on a node.
type ChangeKind string

const (
	TurnedOff        ChangeKind = "turned-off"        // on or external before, off or invalid now; or off before, and invalid now
	FoundOff         ChangeKind = "found-off"         // off or invalid now, and not known before
	ConditionsGained ChangeKind = "conditions-gained" // but expiring, which depends on --warn-expiry
	NotRenewed       ChangeKind = "not-renewed"       // the same rotated certificate, overdue or expired at two visits
	Appeared         ChangeKind = "appeared"          // in the new run only
	LostSight        ChangeKind = "lost-sight"        // known before, and not known now
	Disappeared      ChangeKind = "disappeared"       // in the old run only
	Changed          ChangeKind = "changed"           // another answer that is neither better nor worse
	TurnedOn         ChangeKind = "turned-on"         // off or invalid before, on or external now
	SeenAgain        ChangeKind = "seen-again"        // not known before, on or external now
	ConditionsLost   ChangeKind = "conditions-lost"
	Renewed          ChangeKind = "renewed"  // another certificate, which ends later
	Replaced         ChangeKind = "replaced" // another certificate, which does not
	VersionChanged   ChangeKind = "version"  // of the kubelet
)

// changeKinds are all kinds, in the order in which they are told.
var changeKinds = []ChangeKind{
	TurnedOff, FoundOff, ConditionsGained, NotRenewed, LostSight, Appeared, Disappeared,
	TurnedOn, SeenAgain, ConditionsLost, Renewed, Replaced, Changed, VersionChanged,
}

// Change is one thing that has changed on one node. All text is clean.
type Change struct {
	Kind        ChangeKind
	Effect      Effect
	Node, Group string
	Before, Now string // empty: nothing of that kind
	Why         string // the reason of the new answer; empty for what needs none
}

// Comparison is what has changed between two runs. Every node of both counts
// once: the new run has Worse, Lost, Changed and Unchanged, and the old run
// those without Appeared, and Disappeared.
type Comparison struct {
	Old, New Compared
	Changes  []Change // in the order of changeKinds, then of the new run, then of the old

	Worse, Lost, Changed, Unchanged, Appeared, Disappeared int // nodes, by the worst that befell them
}

// Compared is one of the two runs.
type Compared struct {
	File string
	Run  Run // without its results
	Size int // how many nodes it has
}

// Effect is the worst that has happened. A new run that was not written to its
// end has lost sight of something in any case.
func (c *Comparison) Effect() Effect {
	switch {
	case c.Worse > 0:
		return Worse
	case c.Lost > 0 || c.New.Run.Incomplete:
		return LostSightOf
	}
	return Neutral
}

// glance is what is kept of a node of the old run: facts, no words, since the
// words of another version, or under another --warn-expiry, are others.
type glance struct {
	at         int   // its place in the old run
	visited    int64 // when, in seconds
	status     scanner.Status
	rotation   kubelet.Rotation
	conditions uint32 // a bit for each of scanner.Conditions but Expiring
	class      serving.Class
	cert       [16]byte // identifies the certificate; zero: none was seen
	notAfter   int64
	version    string
	group      string
	seen       bool // in the new run
}

func glanceAt(r scanner.Result) glance {
	g := glance{visited: r.Started.Unix(), status: r.Status, group: Clean(r.Node.Group())}
	if r.Status != scanner.OK {
		return g
	}
	v := r.Verdict
	g.rotation, g.version, g.class, g.notAfter = v.Rotation, Clean(v.Version), v.Served.Class, v.Served.NotAfter
	for i, c := range scanner.Conditions {
		if c != scanner.Expiring && slices.Contains(v.Conditions, c) {
			g.conditions |= 1 << i
		}
	}
	if id := cmp.Or(v.Served.SHA256, v.Served.Serial); id != "" {
		sum := sha256.Sum256([]byte(id))
		g.cert = [16]byte(sum[:])
	}
	return g
}

// known reports whether anything is known of the node's rotation.
func (g glance) known() bool { return g.status == scanner.OK && g.rotation != kubelet.Unknown }

// bad reports whether it is known to be off or invalid.
func (g glance) bad() bool {
	return g.known() && (g.rotation == kubelet.Off || g.rotation == kubelet.Invalid)
}

func (g glance) state() string {
	if g.status != scanner.OK {
		return notAssessedWord(g.status)
	}
	return Clean(g.rotation.String())
}

// problems are the conditions that want somebody to act; the others only tell
// more.
var problems = conditionBits(
	scanner.NotIssued, scanner.Masked, scanner.NoAPIClient, scanner.Expired, scanner.Overdue, scanner.NoListener, scanner.KubeletDown,
)

func conditionBits(list ...scanner.Condition) (bits uint32) {
	for i, c := range scanner.Conditions {
		if slices.Contains(list, c) {
			bits |= 1 << i
		}
	}
	return bits
}

func conditionWords(bits uint32) string {
	var words []scanner.Condition
	for i, c := range scanner.Conditions {
		if bits&(1<<i) != 0 {
			words = append(words, c)
		}
	}
	return list(words).joined(", ")
}

// Compare finds what has changed from one run to another, node by node, by
// their names. It keeps a few dozen bytes of each node of the old run, and of
// the new run only the changes.
//
// Its errors are those of the results, and a name that a run has twice.
func Compare(oldFile string, old Run, newFile string, new Run) (*Comparison, error) {
	c := &Comparison{Old: compared(oldFile, old), New: compared(newFile, new)}
	nodes := make(map[string]*glance)
	texts := make(map[string]string) // versions and groups, each once
	for r, err := range old.Results {
		if err != nil {
			return nil, err
		}
		if nodes[r.Node.Name] != nil {
			return nil, twice(oldFile, r.Node.Name)
		}
		g := glanceAt(r)
		g.at, g.version, g.group = c.Old.Size, once(texts, g.version), once(texts, g.group)
		nodes[r.Node.Name] = &g
		c.Old.Size++
	}
	fresh := make(map[string]bool) // names of the new run that the old has not
	for r, err := range new.Results {
		if err != nil {
			return nil, err
		}
		before := nodes[r.Node.Name]
		switch {
		case before == nil && !fresh[r.Node.Name]:
			fresh[r.Node.Name] = true
		case before == nil || before.seen:
			return nil, twice(newFile, r.Node.Name)
		default:
			before.seen = true
		}
		c.New.Size++
		c.add(before, r)
	}
	c.disappeared(nodes)
	slices.SortStableFunc(c.Changes, func(a, b Change) int {
		return cmp.Compare(slices.Index(changeKinds, a.Kind), slices.Index(changeKinds, b.Kind))
	})
	return c, nil
}

func compared(file string, run Run) Compared {
	run.Results = nil
	return Compared{File: file, Run: run}
}

// once is the text, kept only once.
func once(texts map[string]string, text string) string {
	if same, ok := texts[text]; ok {
		return same
	}
	texts[text] = text
	return text
}

// add compares one node of the new run; before is nil for one that appeared.
func (c *Comparison) add(before *glance, r scanner.Result) {
	now := glanceAt(r)
	changes := appearance(now)
	if before != nil {
		changes = differences(*before, now)
	} else {
		c.Appeared++
	}
	worst := Neutral
	for _, change := range changes {
		change.Node, change.Group = Clean(r.Node.Name), now.group
		if change.Kind != VersionChanged && change.Kind != Renewed && change.Kind != Replaced {
			change.Why = whyWords(&r).clean().String()
		}
		worst = max(worst, change.Effect)
		c.Changes = append(c.Changes, change)
	}
	switch {
	case worst == Worse:
		c.Worse++
	case worst == LostSightOf:
		c.Lost++
	case len(changes) > 0:
		c.Changed++
	default:
		c.Unchanged++
	}
}

// appearance is a node that was not there before.
func appearance(now glance) []Change {
	change := Change{Kind: Appeared, Now: now.state()}
	if words := conditionWords(now.conditions); words != "" {
		change.Now += " (" + words + ")"
	}
	switch {
	case now.bad() || now.conditions&problems != 0:
		change.Effect = Worse
	case !now.known():
		change.Effect = LostSightOf
	}
	return []Change{change}
}

// differences are what has changed on a node that both runs have.
func differences(before, now glance) (changes []Change) {
	add := func(kind ChangeKind, effect Effect, old, new string) {
		changes = append(changes, Change{Kind: kind, Effect: effect, Before: old, Now: new})
	}
	if kind, effect := flip(before, now); kind != "" {
		add(kind, effect, before.state(), now.state())
	}
	if now.status != scanner.OK {
		return changes
	}
	if gained := now.conditions &^ before.conditions; gained != 0 {
		effect := Neutral
		if gained&problems != 0 {
			effect = Worse
		}
		add(ConditionsGained, effect, "", conditionWords(gained))
	}
	if lost := before.conditions &^ now.conditions; lost != 0 {
		effect := Neutral
		if lost&problems != 0 {
			effect = Better
		}
		add(ConditionsLost, effect, conditionWords(lost), "")
	}
	late := conditionBits(scanner.Overdue, scanner.Expired)
	switch none := [16]byte{}; {
	case before.cert == none || now.cert == none:
	case before.cert == now.cert:
		again := before.visited != now.visited // not one result in both runs
		if again && now.class == serving.Rotated && now.conditions&late != 0 && before.conditions&late != 0 {
			add(NotRenewed, Neutral, until(before.notAfter), until(now.notAfter))
		}
	case now.notAfter > before.notAfter:
		add(Renewed, Neutral, until(before.notAfter), until(now.notAfter))
	default:
		add(Replaced, Neutral, until(before.notAfter), until(now.notAfter))
	}
	if before.version != now.version && before.version != "" && now.version != "" {
		add(VersionChanged, Neutral, before.version, now.version)
	}
	return changes
}

// flip is what became of the answer; empty: it is the same.
func flip(before, now glance) (ChangeKind, Effect) {
	switch {
	case before.status == now.status && before.rotation == now.rotation:
		return "", Neutral
	case now.bad() && !before.known():
		return FoundOff, Worse
	case now.bad() && (!before.bad() || now.rotation == kubelet.Invalid):
		return TurnedOff, Worse
	case before.known() && !now.known():
		return LostSight, LostSightOf
	case before.bad() && now.known() && !now.bad():
		return TurnedOn, Better
	case !before.known() && now.known():
		return SeenAgain, Better
	}
	return Changed, Neutral
}

// until is the end of a certificate in words.
func until(seconds int64) string {
	if seconds == 0 {
		return "no end"
	}
	return "until " + time.Unix(seconds, 0).UTC().Format(time.RFC3339)
}

// disappeared adds the nodes that only the old run has, in its order.
func (c *Comparison) disappeared(nodes map[string]*glance) {
	type gone struct {
		name string
		*glance
	}
	var list []gone
	for name, g := range nodes {
		if !g.seen {
			list = append(list, gone{name, g})
		}
	}
	slices.SortFunc(list, func(a, b gone) int { return cmp.Compare(a.at, b.at) })
	for _, g := range list {
		c.Changes = append(c.Changes, Change{Kind: Disappeared, Node: Clean(g.name), Group: g.group, Before: g.state()})
	}
	c.Disappeared = len(list)
}
