// Package remote opens SSH connections to nodes, as the operator's own ssh
// would. It and the packages below it are the only importers of x/crypto/ssh
// and ssh_config.
//
// # What it promises
//
//   - ssh_config has OpenSSH's meaning: see package sshconfig. A directive that
//     would change where or how securely we connect is followed, or the node is
//     not dialled.
//   - Host keys are checked against known_hosts, always: see package knownhosts.
//     Only with AcceptNew is the key of a host added of which nothing is on
//     file.
//   - Logins use public keys and certificates, from an agent or from files: see
//     package keys. A password, if there is one, goes to nodes whose key was on
//     file before, to one hidden prompt, and to no other node once it was
//     refused. Agent forwarding and terminals do not exist here.
//   - All nodes behind a jump host share one connection to it. One that falls
//     silent is given up, and its nodes are told to try again.
//   - Of a node that was dialled nothing is kept but the addresses of its name,
//     and what ssh -G said of it.
//   - Every wait has an end: each stage has one absolute deadline, kept by
//     closing the transport under it, because x/crypto has no other
//     (golang/go#15113).
//   - What a peer sends is bounded: the text before the SSH version, banners,
//     both output streams, requests and channels, everything that comes before
//     the end of a login, over one connection, and from all nodes in flight
//     together. A peer over a bound is told apart by its error.
package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/inventory"
	"kletscan/scanner/remote/keys"
	"kletscan/scanner/remote/knownhosts"
	"kletscan/scanner/remote/sshconfig"
	"kletscan/scanner/secret"
)

// HostKeyPolicy says what to do about hosts of which nothing is on file. A key
// that differs from those on file is refused by every policy.
type HostKeyPolicy uint8

const (
	FromConfig HostKeyPolicy = iota // what ssh_config's StrictHostKeyChecking says; Strict where it says nothing
	Strict                          // refuse them
	AcceptNew                       // add their key (ssh_config(5), StrictHostKeyChecking accept-new)
)

func (p HostKeyPolicy) String() string {
	if p == AcceptNew {
		return "accept-new"
	}
	return "strict"
}

// Config is what a Dialer needs to know. This package reads no environment
// variables and asks the system for no user: main does.
type Config struct {
	User        string   // for nodes whose inventory line names none; empty: ssh_config's User, then LocalUser
	LocalUser   string   // who runs kletscan; also %u of ssh_config
	LocalHost   string   // where; also %l of ssh_config
	Home        string   // the home directory: ~, %d, and the place of .ssh
	PrivateKeys []string // key files, each of which must work; offered first

	// SSHConfigFile is the only ssh_config to read. Empty: Home/.ssh/config
	// and then SystemDir/ssh_config, where they exist. "none": no file.
	SSHConfigFile string
	SystemDir     string // empty: /etc/ssh

	SSH       string                      // OpenSSH's client, for ssh_configs that only it reads; empty: there is none
	LookupEnv func(string) (string, bool) // the environment that ssh_config may refer to; nil: empty
	Environ   []string                    // the environment of SSH

	Jump string // jump hosts for every node, as ssh -J takes them, or "none"; empty: what ssh_config says

	// KnownHosts are the only known_hosts files to use. Empty: those of
	// ssh_config, whose defaults are known_hosts and known_hosts2 in Home/.ssh
	// and ssh_known_hosts and ssh_known_hosts2 in SystemDir.
	KnownHosts    []string
	HostKeyPolicy HostKeyPolicy

	AgentSocket      string // the agent's Unix socket (SSH_AUTH_SOCK) or Windows pipe; empty: none
	AgentConcurrency int    // logins with the agent at once, and signatures that it is asked for; 0: only the latter are limited

	ConnectTimeout time.Duration // for TCP, and again for key exchange and login together; 0: ssh_config's ConnectTimeout, else DefaultConnectTimeout
	CommandTimeout time.Duration // for each Exec; 0: DefaultCommandTimeout
	Retries        int           // of logins at jump hosts after transient errors; a node's are its caller's business

	PerJump   int // visits at once through one jump host; 0: DefaultPerJump
	PerSubnet int // visits at once in one network, a /24 of IPv4 or a /64 of IPv6; 0: no limit

	// LookupIP looks up the names of nodes, and of jump hosts that are dialled
	// from here. It is called concurrently. nil: as the system does.
	LookupIP LookupFunc

	// Memory bounds what all nodes in flight together have sent, in bytes,
	// beyond the first 256 KiB of each. The connection that goes over it is
	// closed, with an error that is Transient. 0: DefaultMemory.
	Memory int

	// Passphrase asks for the passphrase of one key file. Only New calls it,
	// at most once for each file. nil: there is nobody to ask, and encrypted
	// keys that no agent holds are not used.
	Passphrase func(keyFile string) ([]byte, error)

	// Password is for nodes that accept none of the keys. Empty: none. It is
	// not sent to jump hosts, nor to nodes whose policy is AcceptNew.
	Password []byte

	// Nodes are the nodes that will be dialled: New reads the keys and the
	// known_hosts files that ssh_config names for them, and so can ask for
	// passphrases and complain before a scan begins. It keeps nothing of them.
	// nil: Dial reads all of that, and leaves out keys that are encrypted.
	Nodes []inventory.Node

	// Planning is for a Dialer that is only asked for a Way: New asks for no
	// passphrase, and what would make a scan senseless is a warning.
	Planning bool

	Now func() time.Time // the clock, for certificates; nil: time.Now
}

const (
	// DefaultConnectTimeout is for TCP, and again for key exchange and login together.
	DefaultConnectTimeout = 10 * time.Second
	// DefaultCommandTimeout is for one command.
	DefaultCommandTimeout = 30 * time.Second
	// DefaultPerJump fits sshd, which needs a descriptor or two for each and may
	// have 1024 of them.
	DefaultPerJump = 256
)

// Dialer opens connections. Make one with New.
type Dialer struct {
	cfg      Config
	able     algorithms
	config   *sshconfig.Resolver
	keys     *keys.Ring
	hostKeys *hostKeyStore
	names    *names
	hops     *hops
	memory   *budget
	password *secret.Word // nil: none
	requests execRequests
	warnings []string
	running  sync.WaitGroup // handshakes and keepalives

	mu   sync.Mutex
	vias map[string]*target // jump hosts, by what names them
}

// New reads ssh_config, known_hosts, the agent's list of keys and the key
// files. Its errors mean that no scan makes sense, and say what to do: an
// ssh_config that cannot be read as OpenSSH would, no known_hosts file, and no
// key to log in with. ctx bounds what ssh -G takes.
func New(ctx context.Context, cfg Config) (*Dialer, error) {
	if cfg.SystemDir == "" {
		cfg.SystemDir = "/etc/ssh"
	}
	if cfg.CommandTimeout == 0 {
		cfg.CommandTimeout = DefaultCommandTimeout
	}
	if cfg.LookupEnv == nil {
		cfg.LookupEnv = func(string) (string, bool) { return "", false }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Home == "" { // or keys and known_hosts would be those of the working directory
		return nil, errors.New("home directory: not known: set HOME")
	}
	if cfg.ConnectTimeout < 0 || cfg.CommandTimeout < 0 {
		return nil, errors.New("timeouts: expected a time above zero")
	}
	if cfg.Memory < 0 {
		return nil, errors.New("memory budget: expected a size above zero")
	}
	if cfg.PerJump < 0 || cfg.PerSubnet < 0 {
		return nil, errors.New("visits at once through a jump host or in a network: expected a number above zero")
	}
	cfg.PerJump = cmp.Or(cfg.PerJump, DefaultPerJump)
	if cfg.Planning {
		cfg.Passphrase = nil
	}
	d := &Dialer{
		cfg:      cfg,
		able:     algorithms{ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()},
		keys:     keys.New(keys.Options{Ask: cfg.Passphrase, AgentConcurrency: cfg.AgentConcurrency, Now: cfg.Now}),
		hostKeys: &hostKeyStore{sets: make(map[string]*knownhosts.DB), learnt: make(map[string]int)},
		names:    newNames(cfg.LookupIP),
		vias:     make(map[string]*target),
	}
	d.memory = &budget{limit: cmp.Or(cfg.Memory, DefaultMemory)}
	d.hops = newHops(d)
	if len(cfg.Password) > 0 {
		d.password = secret.New(string(cfg.Password))
	}
	if err := d.prepare(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// prepare does once what each Dial would otherwise stumble over.
func (d *Dialer) prepare(ctx context.Context) (err error) {
	env := func(name string) (string, bool) {
		if name == "SSH_AUTH_SOCK" {
			return d.cfg.AgentSocket, d.cfg.AgentSocket != ""
		}
		return d.cfg.LookupEnv(name)
	}
	d.config, err = sshconfig.New(sshconfig.Options{
		File: d.cfg.SSHConfigFile, Home: d.cfg.Home, SystemDir: d.cfg.SystemDir, LocalUser: d.cfg.LocalUser,
		LocalHost: d.cfg.LocalHost, SSH: d.cfg.SSH, Env: env, Environ: d.cfg.Environ,
	})
	if err != nil {
		return err
	}
	if _, err := sshconfig.ParseJumps(d.cfg.Jump); err != nil {
		return fmt.Errorf("-J: %w", err)
	}
	needed := d.wants(ctx)
	for _, check := range []func(wants) error{d.prepareHostKeys, d.prepareKeys} {
		if err := check(needed); err != nil && !d.cfg.Planning {
			return err
		} else if err != nil {
			d.warnings = append(d.warnings, err.Error())
		}
	}
	return nil
}

// wants is what the nodes known beforehand and their jump hosts need, each thing
// once: fleets are large, and their nodes much alike.
type wants struct {
	keys         []keys.Wanted
	hostKeyFiles [][]string
	learns       bool // some accept hosts that are not on file
}

// prepareKeys reads the keys, and asks for passphrases.
func (d *Dialer) prepareKeys(w wants) error {
	wanted, more := w.keys, d.password != nil
	if len(wanted) == 0 {
		wanted, more = []keys.Wanted{{Files: d.cfg.PrivateKeys, Agent: d.cfg.AgentSocket}}, true
	}
	warnings, err := d.keys.Prepare(wanted, d.cfg.PrivateKeys, more)
	d.warnings = append(d.warnings, warnings...)
	return err
}

// prepareHostKeys loads the known_hosts files. Where there is none at all,
// every node would fail for the same reason.
func (d *Dialer) prepareHostKeys(w wants) error {
	for _, file := range d.cfg.KnownHosts {
		if d.cfg.HostKeyPolicy != AcceptNew && !anyExists([]string{file}) {
			return fmt.Errorf("known_hosts file %s does not exist: %s", file, howToScan(file))
		}
	}
	var files []string
	for _, list := range w.hostKeyFiles {
		for _, file := range list {
			if !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
		if _, err := d.hostKeys.load(list); err != nil {
			return err
		}
	}
	if len(w.hostKeyFiles) > 0 && !w.learns && !anyExists(files) {
		return fmt.Errorf("no known_hosts file, so no host can be told from an impostor: looked for %s: %s",
			strings.Join(files, ", "), howToScan(append(files, "~/.ssh/known_hosts")[0]))
	}
	return nil
}

func howToScan(file string) string {
	return fmt.Sprintf("make one with ssh-keyscan HOST >> %s and compare the fingerprints", file)
}

// wants goes through the nodes known beforehand, without those that will be
// refused. It keeps no target: a fleet's would be most of the memory.
func (d *Dialer) wants(ctx context.Context) (w wants) {
	seen := make(map[string]bool)
	first := func(kind, id string) bool {
		id = kind + id
		before := seen[id]
		seen[id] = true
		return !before
	}
	for t := range d.targets(ctx) {
		for ; t != nil; t = t.via {
			w.learns = w.learns || t.policy == AcceptNew
			if first("keys ", t.keys.ID()) {
				w.keys = append(w.keys, t.keys)
			}
			if first("files ", strings.Join(t.hostKeyFiles, "\x00")) {
				w.hostKeyFiles = append(w.hostKeyFiles, t.hostKeyFiles)
			}
		}
	}
	return w
}

// targets are those of the nodes known beforehand, in order. Some are resolved
// side by side, since ssh -G takes milliseconds for each.
func (d *Dialer) targets(ctx context.Context) iter.Seq[*target] {
	return func(yield func(*target) bool) {
		for some := range slices.Chunk(d.cfg.Nodes, 1000) {
			found := make([]*target, len(some))
			var work sync.WaitGroup
			next := make(chan int, len(some))
			for i := range some {
				next <- i
			}
			close(next)
			for range min(len(some), sshconfig.DefaultParallel) {
				work.Go(func() {
					for i := range next {
						found[i], _ = d.target(ctx, some[i]) // Resolve tells why, if anybody asks
					}
				})
			}
			work.Wait()
			for _, t := range found {
				if t != nil && !yield(t) {
					return
				}
			}
		}
	}
}

// Warnings are what New had to leave out and what Dial has met, since the last
// call, one line each: an agent that does not answer, key files and
// known_hosts lines that cannot be used, host keys that were added.
func (d *Dialer) Warnings() []string {
	d.hostKeys.mu.Lock()
	defer d.hostKeys.mu.Unlock()
	warnings := slices.Concat(d.warnings, d.hostKeys.warnings)
	for _, file := range slices.Sorted(maps.Keys(d.hostKeys.learnt)) {
		warnings = append(warnings, fmt.Sprintf("host keys that were not on file added to %s: %d", file, d.hostKeys.learnt[file]))
	}
	d.warnings, d.hostKeys.warnings = nil, nil
	clear(d.hostKeys.learnt)
	return warnings
}

// Close ends the connections to agents and jump hosts and waits for what still
// hung on them. Call it when no Dial is running; what goes through a jump host
// ends with it.
func (d *Dialer) Close() error {
	d.keys.Close()
	d.hops.close()
	d.running.Wait()
	return nil
}
