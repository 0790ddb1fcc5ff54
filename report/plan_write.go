package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"kletscan/scanner/distro"
)

// writePlan writes what is to be done, as markdown, for people: for each
// distribution the control plane and the approver of certificate requests
// first, then the files, then the restarts in batches, then the check. It
// executes nothing, and names every node that something is to be done about.
func writePlan(w io.Writer, run Run, opts Options) error {
	p, err := newPlan(run, opts)
	if err != nil {
		return err
	}
	m := markdown{bufio.NewWriter(w)}
	m.planHead(run, p)
	for _, d := range p.distros {
		m.distro(d, run)
	}
	m.nodesWhy("## To be settled first", "Nobody knows what these nodes do, or how it could be changed. What is missing is said beside them; `kletscan explain NODE` says more.", p.unclear)
	m.nodesWhy("## Supplied from outside", "The control does not apply: whoever issues these certificates renews them. For the kubelet to do it by itself, `kletscan explain NODE` has the steps.", p.external)
	m.nodesWhy("## Waived", "Nothing is to be done until the day that is named, and then as for the others.", p.waived)
	m.verify(run)
	return m.out.Flush()
}

// planHead is how many nodes are in which part.
func (m markdown) planHead(run Run, p *plan) {
	m.line("# Remediation plan")
	m.line()
	m.line("Nothing of it has been executed. It was made from results of ", code(moment(run.Started).String()), ": whoever follows it later scans again first.")
	m.line()
	if run.Incomplete {
		m.line("The results were not written to their end: nodes are missing here.")
		m.line()
	}
	m.head("part", "nodes")
	change := 0
	for _, d := range p.distros {
		change += d.size()
	}
	for _, part := range []struct {
		name string
		n    int
	}{
		{"to be changed", change},
		{"to be settled first", p.unclear.nodes},
		{"supplied from outside", p.external.nodes},
		{"waived", p.waived.nodes},
		{"nothing to do", p.fine},
		{"**all**", p.total},
	} {
		m.row([]string{part.name, strconv.Itoa(part.n)})
	}
	m.line()
}

// distro is the steps for the nodes of one distribution.
func (m markdown) distro(d *distroPlan, run Run) {
	m.line("## ", d.title, ": ", countNodes(d.size()))
	m.line()
	step := 0
	for _, s := range []struct {
		stage         distro.Stage
		title, before string
	}{
		{distro.StageDistribution, "The distribution's settings", "Once, wherever the nodes have their settings from; else the next upgrade or new node undoes the rest. *It* is the setting `serverTLSBootstrap: true`."},
		{distro.StageApproval, "Who approves certificate requests", "Before the first restart: from then on a kubelet has no certificate to serve until its request is approved, and `kubectl logs` and `kubectl exec` fail there."},
		{distro.StageNode, "Files and flags on the nodes", "These take effect with the restart."},
	} {
		if list := d.stages[s.stage]; list.nodes > 0 {
			step++
			m.nodesWhy(fmt.Sprintf("### %d. %s", step, s.title), s.before, list)
		}
	}
	m.restarts(step+1, d, run)
	m.nodesWhy("### Notes", "", d.stages[distro.StageNote])
}

// restarts are the batches, each with the command that checks it.
func (m markdown) restarts(step int, d *distroPlan, run Run) {
	if len(d.running) > 0 {
		m.line("No restart is needed on ", listed(foldedWords(d.running)), ".")
		m.line()
	}
	batches := d.batches()
	if len(batches) == 0 {
		return
	}
	m.nodesWhy(fmt.Sprintf("### %d. Restarts, in batches", step), "", d.stages[distro.StageRestart])
	m.line("One batch after the other: change and restart its nodes, approve their requests, run the command, and go on only when it exits 0.")
	m.line()
	login, _ := scanArguments(run, loginFlags)
	for i, batch := range batches {
		var names []string
		arguments := slices.Clone(login)
		for _, t := range batch {
			names = append(names, t.name)
			arguments = append(arguments, t.argument)
		}
		number := strconv.Itoa(i+1) + ". "
		m.line(number, listed(foldedWords(names)))
		m.line()
		m.fence(strings.Repeat(" ", len(number)), command("kletscan scan --fail-on "+restartFailed, arguments))
	}
}

// nodesWhy is a section with one row for what is said of the same nodes;
// nothing without any.
func (m markdown) nodesWhy(heading, before string, list nodeTexts) {
	if list.nodes == 0 {
		return
	}
	m.line(heading)
	m.line()
	if before != "" {
		m.line(before)
		m.line()
	}
	m.head("nodes", "count", "what")
	for _, p := range list.list {
		m.row([]string{code(foldedWords(p.names)), strconv.Itoa(len(p.names)), code(p.text)})
	}
	m.line()
}

// verify is the last step: the fleet again, and what has changed.
func (m markdown) verify(run Run) {
	m.line("## At the end")
	m.line()
	m.line("The whole fleet again, and what has changed since this plan was made:")
	m.line()
	m.fence("", command("kletscan scan -o table -o json=after.json", scanAgain(run)), "kletscan diff before.json after.json")
	m.line("`before.json` are the results of which this plan was made. `diff` exits 3 when something got worse.")
}

// restartFailed is for --fail-on after a restart: it is not enough that rotation
// is on, a certificate has to be there, too.
const restartFailed = "off,invalid,not-issued,no-listener,kubelet-down"

// The flags of scan by which it logs in, and those by which it writes files,
// which would be overwritten. Each has a value.
var (
	loginFlags = []string{
		"-u", "--user", "-F", "--ssh-config", "--private-key", "-J", "--jump", "--known-hosts", "--host-key-policy",
		"--become", "--retries", "--agent-concurrency",
	}
	fileFlags = []string{"-o", "--output", "--manifest", "--evidence-dir", "--results", "--resume"}
)

// scanAgain are the arguments of the scan without its outputs. Where they are
// not known it is the inventory, or a word for it.
func scanAgain(run Run) []string {
	if _, rest := scanArguments(run, fileFlags); rest != nil {
		return rest
	}
	if run.Single || slices.Contains([]string{"", "-", "command line", "evidence"}, run.Inventory) {
		return []string{"-i", "INVENTORY"}
	}
	return []string{"-i", run.Inventory}
}

// scanArguments takes the arguments of a scan apart: those flags with their
// values, and all others. Both are nil where it was no scan.
func scanArguments(run Run, flags []string) (taken, rest []string) {
	if len(run.Arguments) == 0 || run.Arguments[0] != "scan" {
		return nil, nil
	}
	isValue := false
	for _, argument := range run.Arguments[1:] {
		name, _, hasValue := strings.Cut(argument, "=")
		isFlag := !isValue && slices.Contains(flags, name)
		if isFlag || isValue {
			taken = append(taken, argument)
		} else {
			rest = append(rest, argument)
		}
		isValue = isFlag && !hasValue
	}
	return taken, rest
}

// command is a line for a POSIX shell.
func command(begin string, arguments []string) string {
	for _, argument := range arguments {
		begin += " " + shellWord(Clean(argument))
	}
	return begin
}

// fence is a block of commands, which nothing in it can end: every line is
// clean and the fence longer than any run of backticks.
func (m markdown) fence(indent string, lines ...string) {
	fence := "```"
	for strings.Contains(strings.Join(lines, "\n"), fence) {
		fence += "`"
	}
	m.line(indent, fence, "sh")
	for _, line := range lines {
		m.line(indent, line)
	}
	m.line(indent, fence)
	m.line()
}

// listed is a code span outside a table, where a pipe is no more than that.
func listed(s string) string { return strings.ReplaceAll(code(s), `\|`, "|") }

// shellWord is a clean text as one word of a POSIX shell.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" && s[0] != '=' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
