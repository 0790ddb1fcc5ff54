package remote

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"kletscan/inventory"
	"kletscan/scanner"
)

// target is a node with everything decided: where to connect, as whom, with
// which keys, against which host keys. The order of precedence is the
// inventory line, then the flags, then ssh_config, then OpenSSH's defaults.
type target struct {
	network        string // tcp, tcp4 or tcp6
	host, port     string // to dial
	user           string
	hostKeyName    string   // host:port to look up in known_hosts
	hostKeyFiles   []string // known_hosts files, the user's first
	identityFiles  []string // named for this node
	defaultFiles   []string // tried when none is named
	identitiesOnly bool
	agent          string              // socket; empty: none
	limits         map[string][]string // algorithm lists of ssh_config: ciphers, macs, ...
}

func (t *target) address() string { return net.JoinHostPort(t.host, t.port) }

// keyscan is the command that adds this node's host key.
func (t *target) keyscan() string {
	port := ""
	if t.port != "22" {
		port = "-p " + t.port + " "
	}
	file := "~/.ssh/known_hosts"
	if len(t.hostKeyFiles) > 0 {
		file = t.hostKeyFiles[0]
	}
	command := fmt.Sprintf("ssh-keyscan %s%s >> %s", port, t.host, file)
	if name, _, err := net.SplitHostPort(t.hostKeyName); err == nil && !strings.EqualFold(name, t.host) {
		command += fmt.Sprintf(" (and write %s for the host name there: HostKeyAlias)", name)
	}
	return command
}

// target decides everything about a node. What ssh_config says is worked out
// once per alias.
func (d *Dialer) target(node inventory.Node) (*target, error) {
	s := d.settings(node.Host)
	if err := refuse(s); err != nil {
		return nil, err
	}
	t := &target{network: "tcp", host: node.Host, port: "22"}
	if name := s.value("hostname"); name != "" {
		t.host = expandTokens(name, map[byte]string{'h': node.Host})
	}
	switch family := strings.ToLower(s.value("addressfamily")); family {
	case "inet":
		t.network = "tcp4"
	case "inet6":
		t.network = "tcp6"
	}
	if port := s.value("port"); port != "" {
		t.port = port
	}
	if node.Port != 0 {
		t.port = strconv.Itoa(node.Port)
	}
	for _, user := range []string{d.cfg.LocalUser, s.value("user"), d.cfg.User, node.User} { // the last that is set wins
		if user != "" {
			t.user = user
		}
	}
	if t.user == "" {
		return nil, errors.New("no user to log in as: name one with -u USER")
	}
	t.limits = limits(s)
	d.nameKeys(t, node, s)
	return t, nil
}

// nameKeys fills in the names of key files, known_hosts files and the agent.
func (d *Dialer) nameKeys(t *target, node inventory.Node, s settings) {
	alias := node.Host
	// Names in known_hosts are lower case; a HostKeyAlias has no port
	// (ssh_config(5)), which reads like port 22.
	t.hostKeyName = strings.ToLower(t.address())
	if name := s.value("hostkeyalias"); name != "" {
		alias = strings.ToLower(name)
		t.hostKeyName = net.JoinHostPort(alias, "22")
	}
	tokens := map[byte]string{
		'd': d.cfg.Home, 'h': strings.ToLower(t.host), 'k': alias, 'n': node.Host, 'p': t.port, 'r': t.user, 'u': d.cfg.LocalUser,
	}
	path := func(s string) string { return expandTokens(expandHome(s, d.cfg.Home), tokens) }

	t.hostKeyFiles = d.cfg.KnownHosts
	if len(t.hostKeyFiles) == 0 {
		t.hostKeyFiles = d.hostKeyFiles(s, path)
	}
	t.identityFiles = append(t.identityFiles, d.cfg.PrivateKeys...)
	for _, file := range s.identityFiles {
		if file != "none" {
			t.identityFiles = append(t.identityFiles, path(file))
		}
	}
	if len(d.cfg.PrivateKeys) == 0 && len(s.identityFiles) == 0 {
		t.defaultFiles = defaultKeys(d.cfg.Home)
	}
	t.identitiesOnly = oneOf(s.value("identitiesonly"), "yes", "true")
	switch socket := s.value("identityagent"); socket {
	case "", "SSH_AUTH_SOCK":
		t.agent = d.cfg.AgentSocket
	case "none":
	default:
		t.agent = path(socket)
	}
}

// hostKeyFiles names the known_hosts files: the user's, then the system's.
func (d *Dialer) hostKeyFiles(s settings, path func(string) string) []string {
	ssh := filepath.Join(d.cfg.Home, ".ssh")
	files := []string{filepath.Join(ssh, "known_hosts"), filepath.Join(ssh, "known_hosts2")}
	if own, ok := s.first["userknownhostsfile"]; ok {
		files = paths(own.args, path)
	}
	if system, ok := s.first["globalknownhostsfile"]; ok {
		return append(files, paths(system.args, path)...)
	}
	return append(files, filepath.Join(d.cfg.SystemDir, "ssh_known_hosts"), filepath.Join(d.cfg.SystemDir, "ssh_known_hosts2"))
}

func paths(names []string, path func(string) string) []string {
	var all []string
	for _, name := range names {
		if name != "none" {
			all = append(all, path(name))
		}
	}
	return all
}

// limits are the algorithm lists that ssh_config sets. A list that only adds
// or reorders leaves ours as it is.
func limits(s settings) map[string][]string {
	lists := make(map[string][]string)
	for _, keyword := range []string{"ciphers", "hostkeyalgorithms", "kexalgorithms", "macs"} {
		if value := s.value(keyword); value != "" && restricts(value) {
			lists[keyword] = strings.Split(value, ",")
		}
	}
	return lists
}

// refuse finds a directive that would change where or how securely we connect
// and that this version cannot follow.
func refuse(s settings) error {
	if d, ok := s.first["proxy"]; ok {
		none := d.args[0] == "none" || d.args[1] == "proxyjump" && oneOf(d.args[0], "none")
		if !none {
			return unsupported(d.args[1], d.at)
		}
	}
	for _, keyword := range slices.Sorted(maps.Keys(s.first)) {
		if d := s.first[keyword]; keywordUse[keyword] == guarded && !neutral(d) {
			return unsupported(keyword, d.at)
		}
	}
	return nil
}

func unsupported(keyword, at string) error {
	return fmt.Errorf("ssh_config sets %s at %s, which this version does not support: the node is not dialled without it; "+
		"-F FILE names an ssh_config without it", keyword, at)
}

// settings looks an alias up, once.
func (d *Dialer) settings(alias string) settings {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.aliases[alias]
	if !ok {
		s = lookup(d.configs, alias)
		d.aliases[alias] = s
	}
	return s
}

// refused turns what target says into the answer of Dial.
func refused(err error) *scanner.Error {
	return &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: err}
}
