package report

import (
	"slices"
	"strings"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/distro"
	"kletscan/scanner/kubelet"
)

const (
	batchShare = 10 // a batch is at most this part of a distribution's workers
	maxBatch   = 25 // nodes of one batch: as many as one looks after at once
)

// plan is what is to be done on a fleet. Every node is in exactly one part.
type plan struct {
	distros  []*distroPlan // in the order in which they were met
	unclear  nodeTexts     // nobody knows what they do, or how it could be changed
	external nodeTexts     // somebody else supplies the certificate
	waived   nodeTexts
	fine     int // nothing is to be done
	total    int
}

// distroPlan are the nodes of one distribution that are to be changed.
type distroPlan struct {
	title  string // markdown
	stages [distro.StageNote + 1]nodeTexts
	// Restarts: the nodes of the control plane first, one at a time.
	control, workers []target
	running          []string // clean; the names of those that need no restart
}

// nodeTexts are texts and the nodes of which each is said, in the order in
// which they were added. The zero value has none.
type nodeTexts struct {
	list  []*nodeText
	nodes int // a node is counted for each of its texts
	index map[string]*nodeText
}

type nodeText struct {
	text  string // clean
	names []string
}

func (t *nodeTexts) add(text, name string) {
	same := t.index[text]
	if same == nil {
		if t.index == nil {
			t.index = map[string]*nodeText{}
		}
		same = &nodeText{text: text}
		t.index[text] = same
		t.list = append(t.list, same)
	}
	same.names = append(same.names, name)
	t.nodes++
}

// target is a node as an argument of kletscan scan.
type target struct{ name, argument string } // clean

// newPlan sorts the nodes of a run by what is to be done.
func newPlan(run Run, opts Options) (*plan, error) {
	p := new(plan)
	index := map[distro.ID]*distroPlan{}
	for r, err := range run.Results {
		if err != nil {
			return nil, err
		}
		p.total++
		name, why := Clean(r.Node.Name), general(rotationWords(&r).clean().String()+": "+whyWords(&r).clean().String(), r)
		switch {
		case run.Waivers.For(r, opts.Now) != nil:
			p.waived.add(strings.Join(waiverNotes(run, opts, r), "; "), name)
		case r.Status != scanner.OK || !slices.Contains(rotations, r.Verdict.Rotation):
			p.unclear.add(why, name)
		case r.Verdict.Rotation == kubelet.External:
			p.external.add(why, name)
		case r.Verdict.Rotation == kubelet.On && len(r.Verdict.Remedy) == 0:
			p.fine++
		case r.Verdict.Rotation == kubelet.Unknown || len(r.Verdict.Remedy) == 0:
			p.unclear.add(strings.Join(append([]string{why}, cleanAll(r.Verdict.Remedy)...), " "), name)
		default:
			d := index[r.Verdict.Distro]
			if d == nil {
				d = &distroPlan{title: distroTitle(r.Verdict.Distro)}
				index[r.Verdict.Distro] = d
				p.distros = append(p.distros, d)
			}
			d.add(r)
		}
	}
	return p, nil
}

// distroTitle is how the makers write it, as markdown.
func distroTitle(id distro.ID) string {
	for _, d := range distro.List {
		if d.ID == id {
			return d.Title
		}
	}
	if id == "" {
		return "A distribution that is not recognised"
	}
	return listed(Clean(string(id)))
}

func (d *distroPlan) add(r scanner.Result) {
	name, restart := Clean(r.Node.Name), false
	for _, sentence := range r.Verdict.Remedy {
		stage := distro.StageOf(sentence)
		d.stages[stage].add(Clean(sentence), name)
		restart = restart || stage == distro.StageRestart
	}
	address := inventory.Node{Host: r.Node.Host, Port: r.Node.Port, User: r.Node.User}
	t := target{name, Clean(address.String())}
	switch {
	case !restart:
		d.running = append(d.running, name)
	case isControlPlane(r.Node):
		d.control = append(d.control, t)
	default:
		d.workers = append(d.workers, t)
	}
}

func (d *distroPlan) size() int { return len(d.control) + len(d.workers) + len(d.running) }

// isControlPlane reports whether an inventory says that a node is one of the
// control plane: by a label such as node-role.kubernetes.io/control-plane, or by
// its group or role. Nothing else tells it here.
func isControlPlane(n inventory.Node) bool {
	for key, value := range n.Labels {
		switch {
		case strings.HasSuffix(key, "/control-plane"), strings.HasSuffix(key, "/master"):
			return true
		case key != "group" && key != "role":
			continue
		}
		plain := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(value))
		if strings.Contains(plain, "controlplane") || strings.Contains(plain, "master") || plain == "cp" {
			return true
		}
	}
	return false
}

// batches are the restarts in their order: the control plane one node at a
// time, then one worker, to see whether it works, then the others.
func (d *distroPlan) batches() (list [][]target) {
	for i := range d.control {
		list = append(list, d.control[i:i+1])
	}
	workers, size := d.workers, 1
	for len(workers) > 0 {
		size = min(size, len(workers))
		list = append(list, workers[:size])
		workers = workers[size:]
		size = max(1, min(len(d.workers)/batchShare, maxBatch))
	}
	return list
}
