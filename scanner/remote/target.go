package remote

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"kletscan/inventory"
	"kletscan/scanner"
	"kletscan/scanner/remote/keys"
	"kletscan/scanner/remote/knownhosts"
	"kletscan/scanner/remote/sshconfig"
)

// target is a node or a jump host with everything decided: where to connect,
// through what, as whom, with which keys, against which host keys. The order of
// precedence is the inventory line, then the flags, then ssh_config, then
// OpenSSH's defaults.
type target struct {
	ssh  *sshconfig.Settings
	host string // to dial; a jump host looks it up where there is one
	port int
	user string

	via          *target // the jump host; nil: none
	proxyCommand string  // empty: none
	controlPath  string  // of a jump host: the socket of a connection that ssh holds open; empty: none
	isHop        bool
	name         string // of a jump host: those before it and it, as user@host:port
	chain        string // of a jump host: equal for those that one connection can serve

	hostKey      knownhosts.Host // the name to look up in known_hosts
	hostKeyFiles []string        // known_hosts files, the user's first
	policy       HostKeyPolicy   // Strict or AcceptNew
	keys         keys.Wanted
	alive        time.Duration // between keepalives; 0: none
	aliveCount   int
}

func (t *target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

// String is user@host:port.
func (t *target) String() string { return t.user + "@" + t.address() }

// chained notes the way to a jump host. One connection can serve those of the
// same alias, for which ssh_config has named the same keys and known_hosts files.
func (t *target) chained() *target {
	t.name = t.String()
	t.chain = strings.Join([]string{t.ssh.Alias, t.String(), t.hostKey.String(), t.proxyCommand}, "\x00")
	if t.via != nil {
		t.name = t.via.name + "," + t.name
		t.chain = t.via.chain + "\x00\x00" + t.chain
	}
	return t
}

// target decides everything about a node.
func (d *Dialer) target(ctx context.Context, node inventory.Node) (*target, error) {
	user := node.User
	if user == "" {
		user = d.cfg.User
	}
	s, err := d.config.Resolve(ctx, sshconfig.Query{Alias: node.Host, User: user, Port: node.Port})
	if err != nil {
		return nil, err
	}
	t, err := d.assemble(s)
	if err != nil {
		return nil, err
	}
	if !s.PubkeyAuthentication || !prefers(s, "publickey") {
		node.PrivateKeys = nil
	}
	if len(node.PrivateKeys) > 0 {
		t.keys.Defaults = nil
	}
	for i, key := range node.PrivateKeys {
		t.keys.Files = slices.Insert(slices.Clip(t.keys.Files), i, expandHome(key, d.cfg.Home))
	}
	jumps := s.ProxyJump
	for _, named := range []string{node.Jump, d.cfg.Jump} {
		if named == "" {
			continue
		}
		if jumps, err = sshconfig.ParseJumps(named); err != nil {
			return nil, err
		}
		t.proxyCommand = ""
		break
	}
	t.via, err = d.jumps(ctx, jumps)
	return t, err
}

// jumps is the last of the jump hosts, decided once for all nodes behind it.
func (d *Dialer) jumps(ctx context.Context, jumps []sshconfig.Jump) (*target, error) {
	if len(jumps) == 0 {
		return nil, nil
	}
	name := fmt.Sprintf("%#v", jumps)
	d.mu.Lock()
	known, ok := d.vias[name]
	d.mu.Unlock()
	if ok {
		return known, nil
	}
	t, err := d.via(ctx, jumps, 0)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.vias[name] = t
	return t, nil
}

// expandHome replaces a leading ~ by the home directory.
func expandHome(path, home string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return filepath.Join(home, path[1:])
	}
	return path
}

// maxHops bounds a chain of jump hosts, and what a loop of them costs.
const maxHops = 8

// via decides about the last of jumps, which is reached through those before
// it, and the first of them as ssh_config says: as ssh -J does it, which runs
// ssh -W for the last and hands it the others (ssh.c).
func (d *Dialer) via(ctx context.Context, jumps []sshconfig.Jump, depth int) (*target, error) {
	if len(jumps) == 0 {
		return nil, nil
	}
	last := jumps[len(jumps)-1]
	if depth == maxHops {
		return nil, fmt.Errorf("jump host %s: more than %d in a chain: is it reached through itself? a Host block for it with ProxyJump none, before the others, ends that", last.Host, maxHops)
	}
	s, err := d.config.Resolve(ctx, sshconfig.Query{Alias: last.Host, User: last.User, Port: last.Port})
	if err != nil {
		return nil, fmt.Errorf("jump host %s: %w", last.Host, err)
	}
	t, err := d.assemble(s)
	if err != nil {
		return nil, fmt.Errorf("jump host %s: %w", last.Host, err)
	}
	t.isHop = true
	t.controlPath = s.ControlPath
	if t.alive == 0 {
		t.alive, t.aliveCount = hopAliveInterval, hopAliveCount
	}
	before := jumps[:len(jumps)-1]
	if len(before) > 0 {
		t.proxyCommand = ""
	} else {
		before = s.ProxyJump
	}
	if t.via, err = d.via(ctx, before, depth+1); err != nil {
		return nil, err
	}
	return t.chained(), nil
}

// assemble decides all but the way.
func (d *Dialer) assemble(s *sshconfig.Settings) (*target, error) {
	if len(s.Refused) > 0 {
		return nil, unsupported(s.Refused[0].String())
	}
	if s.BindInterface != "" {
		return nil, unsupported("bindinterface " + s.BindInterface)
	}
	t := &target{
		ssh: s, host: s.HostName, port: s.Port, user: s.User,
		proxyCommand: s.ProxyCommand,
		hostKey:      knownhosts.Address(s.HostName, s.Port),
		alive:        s.ServerAliveInterval, aliveCount: s.ServerAliveCountMax,
		policy: d.cfg.HostKeyPolicy,
	}
	if s.HostKeyAlias != "" {
		t.hostKey = knownhosts.Alias(s.HostKeyAlias)
	}
	if t.policy == FromConfig {
		switch s.StrictHostKeyChecking {
		case "accept-new":
			t.policy = AcceptNew
		case "no":
			return nil, fmt.Errorf("ssh_config%s says StrictHostKeyChecking no: a host key is always checked here: "+
				"--host-key-policy strict refuses hosts that are not on file, accept-new adds them", place(s.StrictHostKeyCheckingAt))
		default:
			t.policy = Strict
		}
	}
	t.hostKeyFiles = d.cfg.KnownHosts
	if len(t.hostKeyFiles) == 0 {
		t.hostKeyFiles = append(s.UserKnownHostsFiles[:len(s.UserKnownHostsFiles):len(s.UserKnownHostsFiles)], s.GlobalKnownHostsFiles...)
	}
	t.keys = d.wanted(s)
	return t, nil
}

// wanted names the keys for a login.
func (d *Dialer) wanted(s *sshconfig.Settings) keys.Wanted {
	if !s.PubkeyAuthentication || !prefers(s, "publickey") {
		return keys.Wanted{}
	}
	w := keys.Wanted{
		User:           s.User,
		Files:          d.cfg.PrivateKeys,
		Certificates:   s.CertificateFiles,
		IdentitiesOnly: s.IdentitiesOnly,
		Agent:          s.IdentityAgent,
		MinRSA:         s.RequiredRSASize,
	}
	switch {
	case !s.DefaultIdentityFiles:
		w.Files = append(w.Files[:len(w.Files):len(w.Files)], s.IdentityFiles...)
	case len(w.Files) == 0:
		w.Defaults = s.IdentityFiles
	}
	if s.PubkeyAcceptedAlgorithms.IsSet() {
		safe, insecure := ssh.SupportedAlgorithms().PublicKeyAuths, ssh.InsecureAlgorithms().PublicKeyAuths
		w.Algorithms = s.PubkeyAcceptedAlgorithms.Of(safe, append(safe[:len(safe):len(safe)], insecure...))
	}
	return w
}

// prefers tells whether ssh_config's PreferredAuthentications has a method.
// That one is tried before another is ours to say: keys come first, since they
// cannot be stolen.
func prefers(s *sshconfig.Settings, method string) bool {
	return s.PreferredAuthentications == nil || slices.Contains(s.PreferredAuthentications, method)
}

// connectTimeout is for TCP, key exchange and login together. ssh_config's
// says nothing about the login, so it only shortens what comes before.
func (d *Dialer) connectTimeout(t *target) time.Duration {
	switch {
	case d.cfg.ConnectTimeout > 0:
		return d.cfg.ConnectTimeout
	case t.ssh.ConnectTimeout > 0:
		return t.ssh.ConnectTimeout
	}
	return DefaultConnectTimeout
}

// network is tcp or ip, followed by what AddressFamily says.
func (t *target) network(kind string) string {
	switch t.ssh.AddressFamily {
	case "inet":
		return kind + "4"
	case "inet6":
		return kind + "6"
	}
	return kind
}

// keyscan are the commands that show the fingerprints of this host's keys, and
// that add the keys under the name by which they are looked up.
func (t *target) keyscan() string {
	scan := "ssh-keyscan " + t.host
	if t.port != 22 {
		scan = fmt.Sprintf("ssh-keyscan -p %d %s", t.port, t.host)
	}
	if t.via != nil { // ssh-keyscan knows no jump hosts
		last := "ssh://" + t.via.String()
		if t.via.via != nil {
			last = "-J " + t.via.via.name + " " + last
		}
		scan = fmt.Sprintf("ssh %s %s", last, scan)
	}
	add := scan
	if t.ssh.HostKeyAlias != "" {
		add += fmt.Sprintf(" | sed 's/^[^ ]*/%s/'", strings.NewReplacer(`\`, `\\`, "/", `\/`, "&", `\&`, "'", `'\''`).Replace(t.hostKey.String()))
	}
	file := "~/.ssh/known_hosts"
	if len(t.hostKeyFiles) > 0 {
		file = t.hostKeyFiles[0]
	}
	return fmt.Sprintf("%s | ssh-keygen -lf - shows its fingerprints, %s >> %s adds it", scan, add, file)
}

// unsupported says which directive stands in the way.
func unsupported(directive string) error {
	return fmt.Errorf("ssh_config: %s, which kletscan does not follow: the node is not dialled without it; "+
		"-F FILE names an ssh_config without it", directive)
}

// place is where ssh_config says something, if that is known.
func place(at string) string {
	if at == "" {
		return ""
	}
	return " at " + at
}

// refused turns what target says into the answer of Dial.
func refused(ctx context.Context, err error) *scanner.Error {
	if ctx.Err() != nil {
		return interrupted(ctx, opConnect, "not begun", 0)
	}
	return &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: err}
}
