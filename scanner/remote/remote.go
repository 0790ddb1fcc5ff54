// Package remote opens SSH connections to nodes. It is the only package that
// imports x/crypto/ssh and ssh_config.
//
// # What it promises
//
//   - Host keys are checked against known_hosts, always, and nothing is ever
//     added there.
//   - Logins use public keys, from an agent or from files. Passwords, prompts
//     of the server, agent forwarding and terminals do not exist here.
//   - A directive of ssh_config that would change where or how securely we
//     connect is followed, or the node is not dialled. See keywordUse.
//   - Every wait has an end: each stage has one absolute deadline, kept by
//     closing the TCP connection under it, because x/crypto has no other
//     (golang/go#15113).
//   - What a peer sends is bounded: banners, both output streams, and the
//     text before the SSH version.
//
// # What it leaves out
//
// Jump hosts, user certificates, Match other than "Match all", and
// known_hosts wildcards for ports other than 22.
package remote

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kletscan/inventory"
)

// Config is what a Dialer needs to know. This package reads no environment
// variables and asks the system for no user: main does.
type Config struct {
	User        string   // for nodes whose inventory line names none; empty: ssh_config's User, then LocalUser
	LocalUser   string   // who runs kletscan; also %u of ssh_config
	Home        string   // the home directory: ~, %d, and the place of .ssh
	PrivateKeys []string // key files, each of which must work; offered first

	// SSHConfigFile is the only ssh_config to read. Empty: Home/.ssh/config
	// and then SystemDir/ssh_config, where they exist. "none": no file.
	SSHConfigFile string
	SystemDir     string // empty: /etc/ssh

	// KnownHosts are the only known_hosts files to use, and must exist.
	// Empty: those of ssh_config, whose defaults are known_hosts and
	// known_hosts2 in Home/.ssh and ssh_known_hosts and ssh_known_hosts2 in
	// SystemDir.
	KnownHosts []string

	AgentSocket string // the agent's Unix socket (SSH_AUTH_SOCK); empty: none

	ConnectTimeout time.Duration // for TCP, key exchange and login together; 0: DefaultConnectTimeout
	CommandTimeout time.Duration // for each Exec; 0: DefaultCommandTimeout

	// Passphrase asks for the passphrase of one key file. Only New calls it,
	// at most once for each file. nil: there is nobody to ask, and encrypted
	// keys that no agent holds are not used.
	Passphrase func(keyFile string) ([]byte, error)

	// Nodes are the nodes that will be dialled: New reads the keys and the
	// known_hosts files that ssh_config names for them, and so can ask for
	// passphrases and complain before a scan begins. nil: Dial reads what
	// only ssh_config names, and leaves out keys that are encrypted.
	Nodes []inventory.Node
}

const (
	// DefaultConnectTimeout is for TCP, key exchange and login together.
	DefaultConnectTimeout = 10 * time.Second
	// DefaultCommandTimeout is for one command.
	DefaultCommandTimeout = 30 * time.Second
)

// Dialer opens connections. Make one with New.
type Dialer struct {
	cfg      Config
	configs  []*configFile
	keys     *keyring
	hostKeys *hostKeyStore
	warnings []string
	running  sync.WaitGroup // handshakes

	mu      sync.Mutex
	aliases map[string]settings
}

// New reads ssh_config, known_hosts, the agent's list of keys and the key
// files. Its errors mean that no scan makes sense, and say what to do: an
// ssh_config that cannot be read as OpenSSH would, no known_hosts file or one
// with a bad line, and no key to log in with.
func New(cfg Config) (*Dialer, error) {
	if cfg.SystemDir == "" {
		cfg.SystemDir = "/etc/ssh"
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = DefaultConnectTimeout
	}
	if cfg.CommandTimeout == 0 {
		cfg.CommandTimeout = DefaultCommandTimeout
	}
	if cfg.Home == "" { // or keys and known_hosts would be those of the working directory
		return nil, errors.New("home directory: not known: set HOME")
	}
	if cfg.ConnectTimeout < 0 || cfg.CommandTimeout < 0 {
		return nil, errors.New("timeouts: expected a time above zero")
	}
	d := &Dialer{
		cfg:      cfg,
		keys:     &keyring{ask: cfg.Passphrase, files: make(map[string]keyFile), agents: make(map[string]*agentKeys)},
		hostKeys: &hostKeyStore{sets: make(map[string]*hostKeys)},
		aliases:  make(map[string]settings),
	}
	var err error
	if d.configs, err = loadConfigs(cfg); err != nil {
		return nil, err
	}
	if err := d.prepare(); err != nil {
		d.keys.closeAgents()
		return nil, err
	}
	return d, nil
}

// prepare does once what each Dial would otherwise stumble over.
func (d *Dialer) prepare() error {
	targets := d.targets()
	var files []string
	for _, t := range targets {
		for _, file := range t.hostKeyFiles {
			if !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
		if _, err := d.hostKeys.load(t.hostKeyFiles); err != nil {
			return err
		}
	}
	for _, file := range d.cfg.KnownHosts {
		if !anyExists([]string{file}) {
			return fmt.Errorf("known_hosts file %s does not exist: %s", file, howToScan(file))
		}
	}
	more := d.cfg.Nodes == nil && d.mention("userknownhostsfile", "globalknownhostsfile")
	if len(targets) > 0 && !more && !anyExists(files) {
		return fmt.Errorf("no known_hosts file, so no host can be told from an impostor: looked for %s: %s",
			strings.Join(files, ", "), howToScan(append(files, "~/.ssh/known_hosts")[0]))
	}
	more = d.cfg.Nodes == nil && d.mention("identityfile", "identityagent")
	var err error
	d.warnings, err = d.keys.prepare(d.cfg, targets, more)
	return err
}

func howToScan(file string) string {
	return fmt.Sprintf("make one with ssh-keyscan HOST >> %s and compare the fingerprints", file)
}

// mention tells whether any file has one of the keywords, for whatever host.
func (d *Dialer) mention(keywords ...string) bool {
	return slices.ContainsFunc(d.configs, func(f *configFile) bool { return f.mentions(keywords) })
}

// targets are the targets of the nodes known beforehand, without those that
// will be refused. Without a list of nodes it is what applies to any host, but
// for the keys.
func (d *Dialer) targets() []*target {
	if d.cfg.Nodes == nil {
		t, err := d.target(inventory.Node{User: "any"}) // the empty alias matches what applies to every host
		if err != nil {
			return nil
		}
		t.identityFiles = nil
		return []*target{t}
	}
	var targets []*target
	for _, node := range d.cfg.Nodes {
		if t, err := d.target(node); err == nil {
			targets = append(targets, t)
		}
	}
	return targets
}

// Warnings are what New had to leave out, one line each: an agent that does
// not answer, key files that cannot be used.
func (d *Dialer) Warnings() []string { return slices.Clone(d.warnings) }

// Close ends the connection to the agents and waits for what still hung on
// them. Call it when no Dial is running; connections stay open.
func (d *Dialer) Close() error {
	d.keys.closeAgents()
	d.running.Wait()
	return nil
}
