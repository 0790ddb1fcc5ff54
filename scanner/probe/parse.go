package probe

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"kletscan/scanner/evidence"
)

const (
	// fileLimit is the probe's own: one byte more than a whole file may have.
	fileLimit = 1<<20 + 1
	// maxProcesses, maxFiles and maxEntries bound what a hostile node can
	// make us hold. A node over a bound is an error, never a shorter list.
	maxProcesses = 256
	maxFiles     = 2000
	maxEntries   = 10000
	maxServed    = 4
)

// parse adds an answer to ev.
func parse(ev *evidence.Evidence, answer, stderr []byte, nonce string) error {
	list, mark, err := frames(answer, nonce)
	if err != nil {
		return err
	}
	p := parser{ev: ev, refusals: refusals(stderr, mark)}
	for _, f := range list {
		if err := p.frame(f); err != nil {
			return fmt.Errorf("%w: it is malformed at %.80q: %w", ErrNotAnswered, fmt.Sprintf("%s %s", f.kind, f.args), err)
		}
	}
	return nil
}

// parser remembers what the frames that follow belong to.
type parser struct {
	ev       *evidence.Evidence
	refusals map[string][]string
	process  *evidence.Process // the last process frame
	file     *evidence.File    // a file frame that waits for its state
	body     []byte            // and what was read of it
	dir      *evidence.Dir     // the last dir frame
	code     *int              // where the next rc frame goes
	cmdline  int
	environ  int
	openssl  int
	entries  int
}

func (p *parser) frame(f frame) error {
	switch string(f.kind) {
	case "host":
		p.host(string(f.body))
	case "process":
		return p.newProcess(f)
	case "status", "stat", "cmdline", "cgroup", "exe", "cwd", "mnt", "environ":
		if p.process == nil {
			return fmt.Errorf("no process before it")
		}
		p.processFact(f)
	case "program":
		return p.newProgram(f)
	case "served":
		if len(f.args) == 0 || len(p.ev.OpenSSL) >= maxServed {
			return fmt.Errorf("expected an address, and not more than %d of them", maxServed)
		}
		text, _ := redact(string(f.body))
		p.ev.OpenSSL = append(p.ev.OpenSSL, evidence.Output{Address: string(f.args), Text: text})
		p.code, p.process = &p.openssl, nil
	case "rc":
		return p.exitCode(f)
	case "pids":
		if seen, readable, ok := f.words(); ok {
			p.ev.PIDs = evidence.PIDs{Seen: number(seen), Readable: number(readable)}
		}
	case "ps":
		p.ev.Audit = evidence.Audit{Command: string(f.args) + " | grep kubelet", Output: maskListing(string(f.body))}
	case "units":
		p.ev.Units = append(p.ev.Units, units(string(f.body))...)
	case "file":
		return p.newFile(f)
	case "dir":
		return p.newDir(f)
	case "state":
		return p.state(f)
	case "entry":
		return p.entry(f)
	default:
		return fmt.Errorf("unknown marker")
	}
	return nil
}

func (p *parser) host(body string) {
	h := &p.ev.Host
	h.UID = -1
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		key, value, _ := strings.Cut(line, "=")
		switch {
		case key == "system":
			h.System = value
		case key == "name":
			h.Name = value
		case key == "user":
			h.User = value
		case key == "uid":
			h.UID = owner(value)
		case key == "now":
			h.Now = int64(number(value))
		case key == "clk":
			h.ClockTicks = int64(number(value))
		case key == "mnt":
			h.MountNS = value
		case key == "PRETTY_NAME":
			h.OSRelease = strings.Trim(value, `"'`)
		case strings.HasPrefix(line, "btime "):
			h.BootTime = int64(number(line[len("btime "):]))
		case strings.Contains(line, " /proc "):
			h.HidePID = hidePID(line)
		}
	}
}

// hidePID reads the mount option of proc(5). Zero and "off" mean none.
func hidePID(mount string) string {
	fields := strings.Fields(mount)
	if len(fields) < 4 || fields[1] != "/proc" {
		return ""
	}
	for option := range strings.SplitSeq(fields[3], ",") {
		if value, ok := strings.CutPrefix(option, "hidepid="); ok && value != "0" && value != "off" {
			return value
		}
	}
	return ""
}

func (p *parser) newProcess(f frame) error {
	pid, comm, ok := f.words()
	if !ok || number(pid) <= 0 {
		return fmt.Errorf("expected a pid and a command name")
	}
	if len(p.ev.Processes) >= maxProcesses {
		return fmt.Errorf("more than %d processes are named like a kubelet", maxProcesses)
	}
	p.ev.Processes = append(p.ev.Processes, evidence.Process{PID: number(pid), Comm: string(comm), UID: -1})
	p.process = &p.ev.Processes[len(p.ev.Processes)-1]
	return nil
}

func (p *parser) processFact(f frame) {
	proc, text := p.process, strings.TrimSuffix(string(f.body), "\n")
	p.code = nil
	switch string(f.kind) {
	case "status":
		for line := range strings.Lines(text) {
			key, values, _ := strings.Cut(line, ":")
			value, _, _ := strings.Cut(strings.TrimSpace(values), "\t")
			switch key {
			case "PPid":
				proc.PPID = number(value)
			case "Uid":
				proc.UID = owner(value)
			}
		}
	case "stat":
		proc.StartTick = startTick(text)
	case "cmdline":
		proc.Argv, proc.ArgvState = argv(string(f.body))
		p.code = &p.cmdline
	case "cgroup":
		proc.Cgroup = text
		proc.Unit = unitOf(text)
	case "exe":
		proc.Exe = text
	case "cwd":
		proc.Cwd = text
	case "mnt":
		proc.MountNS = text
	case "environ":
		p.code = &p.environ
	}
}

// newProgram takes what a program printed for --version. Behind the facts of a
// process it is that process's own.
func (p *parser) newProgram(f frame) error {
	if len(f.args) == 0 || len(p.ev.Programs) >= maxProcesses {
		return fmt.Errorf("expected a path, and not more than %d of them", maxProcesses)
	}
	line, _, _ := bytes.Cut(f.body, []byte("\n"))
	version := string(line)
	p.ev.Programs = append(p.ev.Programs, evidence.ProgramVersion{Path: string(f.args), Version: version})
	if p.process != nil {
		p.process.Version = version
	}
	return nil
}

// exitCode takes the exit status of the command whose output came last.
func (p *parser) exitCode(f frame) error {
	if p.code == nil || len(f.args) == 0 {
		return fmt.Errorf("nothing before it to which an exit status belongs")
	}
	switch code := number(f.args); p.code {
	case &p.cmdline:
		if code != 0 {
			p.process.ArgvState = evidence.Denied
		}
	case &p.openssl: // only sent where there is none
		p.ev.OpenSSL[len(p.ev.OpenSSL)-1].Missing = true
	case &p.environ: // grep: 0 found, 1 not found, 2 not readable
		switch code {
		case 0:
			p.process.DropInEnv = "set"
		case 1:
			p.process.DropInEnv = "unset"
		}
	}
	p.code = nil
	return nil
}

// argv splits /proc/PID/cmdline at its NULs. Every argument ends with one, so
// an empty argument is kept and the end is not mistaken for another.
func argv(cmdline string) ([]string, evidence.State) {
	if cmdline == "" {
		return nil, evidence.Present
	}
	state := evidence.Present
	if len(cmdline) >= fileLimit {
		state = evidence.Truncated
	}
	args, ok := maskArgv(strings.Split(strings.TrimSuffix(cmdline, "\x00"), "\x00"))
	if !ok {
		state = evidence.Denied
	}
	return args, state
}

// startTick is field 22 of /proc/PID/stat, proc_pid_stat(5). The second field
// is the command name in brackets and may itself hold blanks and brackets.
func startTick(stat string) int64 {
	_, rest, _ := cutLast(stat, ") ")
	field := 3
	for text := range strings.FieldsSeq(rest) {
		if field == 22 {
			return int64(number(text))
		}
		field++
	}
	return 0
}

// unitOf is the last component of a control group path that is a service:
// systemd.slice(5) puts each service's processes into a group of its name.
func unitOf(cgroup string) string {
	for line := range strings.Lines(cgroup) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "/")
		for i := len(parts) - 1; i > 0; i-- {
			if strings.HasSuffix(parts[i], ".service") {
				return parts[i]
			}
		}
	}
	return ""
}

// units reads the blocks of systemctl show, one per unit, and keeps those that
// exist.
func units(shown string) []evidence.Unit {
	var list []evidence.Unit
	for block := range strings.SplitSeq(shown, "\n\n") {
		var u evidence.Unit
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			switch key {
			case "Id":
				u.Name = value
			case "LoadState":
				u.LoadState = value
			case "ActiveState":
				u.ActiveState = value
			case "MainPID":
				u.MainPID = number(value)
			case "FragmentPath":
				u.Fragment = value
			case "DropInPaths":
				u.DropIns = strings.Fields(value)
			case "EnvironmentFiles", "EnvironmentFile":
				path, _, _ := strings.Cut(value, " (ignore_errors=")
				u.EnvironmentFiles = append(u.EnvironmentFiles, path)
			case "NeedDaemonReload":
				u.NeedReload = value == "yes"
			}
		}
		if u.Name != "" && u.LoadState != "not-found" {
			list = append(list, u)
		}
	}
	return list
}

// number is a decimal number, or 0 where there is none.
func number[T string | []byte](text T) int { return max(0, owner(text)) }

// owner is a uid, or -1 where there is none.
func owner[T string | []byte](text T) int {
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
