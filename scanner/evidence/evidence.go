// Package evidence is the waist of kletscan: what one node answered, as plain
// structs without logic. The probe writes them, the verdict reads them, and
// neither knows the other. The same values serialise to JSON, so a recorded
// scan can be judged again, byte for byte.
//
// Every string in here was chosen by a node and is hostile until it has passed
// through the sanitiser of the report.
package evidence

// Evidence is everything that one visit brought back from one node.
type Evidence struct {
	Host      Host      `json:"host"`
	PIDs      PIDs      `json:"pids"`
	Processes []Process `json:"processes,omitempty"` // candidates in order of pid; empty: none was seen
	Audit     Audit     `json:"audit"`
	Units     []Unit    `json:"units,omitempty"` // in the order asked for; only units that exist
	Files     []File    `json:"files,omitempty"` // in the order read; one entry per (PID, Path)
	Dirs      []Dir     `json:"dirs,omitempty"`  // directories that were listed

	Serving *Serving `json:"serving,omitempty"` // the certificate on the kubelet's port; nil: nobody looked
	OpenSSL []Output `json:"openssl,omitempty"` // what openssl s_client printed on the node, by address

	Programs []ProgramVersion `json:"programs,omitempty"`        // what programs printed for --version
	Version  string           `json:"kubelet_version,omitempty"` // what the operator says the kubelet's version is; empty: nothing
	Listed   ListedVersion    `json:"listed_version,omitzero"`   // what the API server said of it when the inventory was written
}

// Host is what the node says of itself.
type Host struct {
	System     string `json:"system"`               // uname -s; "Linux" on every node that can be judged
	Name       string `json:"name,omitempty"`       // uname -n
	UID        int    `json:"uid"`                  // the login user's uid; -1: not known
	User       string `json:"user,omitempty"`       // the login user's name
	Now        int64  `json:"now,omitempty"`        // the node's clock at the start of the probe, seconds since the epoch; 0: not known
	BootTime   int64  `json:"boot_time,omitempty"`  // /proc/stat btime, seconds since the epoch; 0: not known
	ClockTicks int64  `json:"clk_tck,omitempty"`    // getconf CLK_TCK; 0: not known (100 on every common Linux)
	HidePID    string `json:"hidepid,omitempty"`    // the hidepid= option of /proc's mount; empty: none
	MountNS    string `json:"mount_ns,omitempty"`   // the probe's own mount namespace
	OSRelease  string `json:"os_release,omitempty"` // PRETTY_NAME of os-release
	Systemd    bool   `json:"systemd"`              // systemctl answered
}

// PIDs counts the process directories of /proc. Fewer readable than seen, or
// only a handful seen, means that "no kubelet" may be "could not look".
type PIDs struct {
	Seen     int `json:"seen"`
	Readable int `json:"readable"` // those whose command name could be read
}

// Process is one candidate for the node's kubelet.
type Process struct {
	PID       int      `json:"pid"`
	PPID      int      `json:"ppid,omitempty"`
	UID       int      `json:"uid"`  // real uid; -1: not known
	Comm      string   `json:"comm"` // the kernel's name for it, at most 15 bytes
	Argv      []string `json:"argv,omitempty"`
	ArgvState State    `json:"argv_state"`
	StartTick int64    `json:"start_tick,omitempty"` // clock ticks after boot (stat, field 22); 0: not known
	Exe       string   `json:"exe,omitempty"`        // readable by root and by the process's own user only
	Cwd       string   `json:"cwd,omitempty"`        // likewise
	MountNS   string   `json:"mount_ns,omitempty"`   // likewise; differs from Host.MountNS in a container
	Cgroup    string   `json:"cgroup,omitempty"`     // its own control group, as /proc/PID/cgroup has it
	Unit      string   `json:"unit,omitempty"`       // the systemd unit that the control group names; empty: none
	Version   string   `json:"version,omitempty"`    // what its binary on disk printed for --version; empty: not asked or no answer
	DropInEnv string   `json:"dropin_env,omitempty"` // KUBELET_CONFIG_DROPIN_DIR_ALPHA in its environment: "set", "unset"; empty: not readable
}

// Audit is the benchmark's own audit step: ps -ef | grep kubelet.
type Audit struct {
	Command string `json:"command"` // what was run
	Output  string `json:"output,omitempty"`
}

// Output is what a command printed about an address.
type Output struct {
	Address string `json:"address"` // HOST:PORT
	Text    string `json:"text,omitempty"`
	Missing bool   `json:"missing,omitempty"` // the node has no such command
}

// ListedVersion is the kubelet's version in an inventory. The zero value is
// none.
type ListedVersion struct {
	Version string `json:"version"`
	Source  string `json:"source"` // where in the inventory, such as nodes.json:7:5
}

// ProgramVersion is what one binary on disk printed for --version.
type ProgramVersion struct {
	Path    string `json:"path"`
	Version string `json:"version"` // its first line
}

// Unit is what systemd says it has loaded for one service.
type Unit struct {
	Name             string   `json:"name"`
	LoadState        string   `json:"load_state"` // loaded, masked, ...; empty where there is no systemctl
	ActiveState      string   `json:"active_state,omitempty"`
	MainPID          int      `json:"main_pid,omitempty"`
	Fragment         string   `json:"fragment,omitempty"`          // path of the unit file
	DropIns          []string `json:"drop_ins,omitempty"`          // paths, in the order systemd applies them
	EnvironmentFiles []string `json:"environment_files,omitempty"` // paths, in order
	NeedReload       bool     `json:"need_reload,omitempty"`       // the files changed since systemd read them
}

// State says how a read ended. The zero value is "unknown": nobody looked.
type State string

const (
	Unread     State = ""            // nobody looked
	Present    State = "present"     // whole content at hand
	Absent     State = "absent"      // it does not exist
	Denied     State = "denied"      // this user may not look, and sudo -n did not help
	NotRegular State = "not-regular" // a directory, device, FIFO or socket stands there
	Truncated  State = "truncated"   // longer than the probe's limit: the content is a beginning
	Sealed     State = "sealed"      // readable, but a credential in it could not be told from the rest: the content stayed on the node
	Withheld   State = "withheld"    // readable, but not of the kind asked for: the content stayed on the node
)

// File is one file of the node.
type File struct {
	PID     int    `json:"pid,omitempty"` // read through /proc/PID/root; 0: the login's own view
	Path    string `json:"path"`
	State   State  `json:"state"`
	Sudo    bool   `json:"sudo,omitempty"`    // sudo -n was tried
	Refusal string `json:"refusal,omitempty"` // with Denied after sudo -n: its words, one line
	ModTime int64  `json:"mtime,omitempty"`   // seconds since the epoch; 0: not known
	Mode    string `json:"mode,omitempty"`    // octal permission bits
	UID     int    `json:"uid"`               // owner; -1: not known
	Content string `json:"content,omitempty"`
}

// Dir is the listing of one directory: names, never contents.
type Dir struct {
	PID     int     `json:"pid,omitempty"` // listed through /proc/PID/root; 0: the login's own view
	Path    string  `json:"path"`
	State   State   `json:"state"`
	Sudo    bool    `json:"sudo,omitempty"`    // sudo -n was tried
	Refusal string  `json:"refusal,omitempty"` // with Denied after sudo -n: its words, one line
	ModTime int64   `json:"mtime,omitempty"`   // seconds since the epoch; 0: not known
	Entries []Entry `json:"entries,omitempty"`
}

// Entry is one name below a listed directory.
type Entry struct {
	Path    string `json:"path"`             // the whole path, without the /proc/PID/root prefix
	Target  string `json:"target,omitempty"` // where a symbolic link points; empty: not a link, or not asked
	ModTime int64  `json:"mtime,omitempty"`  // seconds since the epoch; 0: not known
}

// Want is one path whose content or listing would settle a verdict.
type Want struct {
	Kind Kind
	PID  int    // look through /proc/PID/root; 0: the login's own view
	Path string // absolute
}

// Kind is what a wanted path is, which decides what of it may leave the node.
type Kind byte

const (
	KubeletConfig Kind = 'k' // a file: sent only if it is a KubeletConfiguration
	Text          Kind = 't' // a unit, environment or argument file: without the values of variables that hold credentials by name
	RancherConfig Kind = 'y' // a config.yaml of k3s or RKE2: only the keys that decide the kubelet
	DropInDir     Kind = 'd' // a --config-dir: every *.conf below it, each like KubeletConfig
	CertFile      Kind = 'p' // a PEM file: its certificates, never its keys
	Served        Kind = 's' // Path is HOST:PORT: what openssl s_client on the node is served there
	Program       Kind = 'v' // a kubelet's binary: what it prints for --version, if only root can have put it there
	CertDir       Kind = 'n' // a certificate directory: names, times and link targets, never contents
)

// File returns what was read of path, seen through /proc/pid/root unless pid
// is 0, or nil if nobody looked.
func (e *Evidence) File(pid int, path string) *File {
	for i := range e.Files {
		if e.Files[i].PID == pid && e.Files[i].Path == path {
			return &e.Files[i]
		}
	}
	return nil
}

// Dir returns what was listed of path likewise, or nil if nobody looked.
func (e *Evidence) Dir(pid int, path string) *Dir {
	for i := range e.Dirs {
		if e.Dirs[i].PID == pid && e.Dirs[i].Path == path {
			return &e.Dirs[i]
		}
	}
	return nil
}

// Unit returns what systemd said of the unit called name, or nil.
func (e *Evidence) Unit(name string) *Unit {
	for i := range e.Units {
		if e.Units[i].Name == name {
			return &e.Units[i]
		}
	}
	return nil
}
