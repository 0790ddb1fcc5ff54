package sshconfig

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// directives is what applies to one alias, before anything is expanded. Both
// sources deliver it.
type directives struct {
	values   map[string][]string // by keyword; more than one for a list and for what accumulates
	at       map[string]string   // FILE:LINE of the first, where it is known
	expanded map[string]bool     // keywords that ssh has already expanded
	refused  []Refused
	left     string // why the alias must be left to ssh; empty: it need not
	// hostFiles is set where a list of known_hosts files is one value with blanks
	// between the paths: the lines that may have set it.
	hostFiles []directive
}

// add takes a line that applies: the first value of a keyword wins, and the
// first of ProxyJump and ProxyCommand (readconf.c).
func (d *directives) add(line directive) {
	switch {
	case accumulates(line.name):
		if !slices.Contains(d.values[line.name], line.words[0]) { // readconf.c add_identity_file
			d.values[line.name] = append(d.values[line.name], line.words[0])
		}
		return
	case line.name == "proxycommand" && d.isNone("proxyjump") && d.values["proxycommand"] == nil:
		d.left = line.at + ": proxycommand after proxyjump none" // followed by OpenSSH 9.2, against ssh_config(5)
		return
	case d.values[line.name] != nil,
		line.name == "proxyjump" && d.values["proxycommand"] != nil,
		line.name == "proxycommand" && d.values["proxyjump"] != nil:
		return
	}
	d.values[line.name], d.at[line.name] = line.words, line.at
	if keywordsByName[line.name].use == guarded && !neutral(line.words[0]) {
		d.refused = append(d.refused, Refused{line.name, line.words[0], line.at})
	}
}

// value is the keyword's first value; empty: not set.
func (d *directives) value(name string) string {
	if words := d.values[name]; len(words) > 0 {
		return words[0]
	}
	return ""
}

func (d *directives) isNone(name string) bool {
	return len(d.values[name]) == 1 && among(d.values[name][0], "none")
}

// flag reads yes or no; false where it is not set, which is the default of
// every flag here.
func (d *directives) flag(name string) bool { return among(d.value(name), "yes", "true") }

// settler turns directives into Settings. Its first error stays.
type settler struct {
	directives
	scope
	defaults defaults
	err      error
}

// defaults are the files that are used where none are named. They are shared.
type defaults struct{ identities, userHosts, globalHosts []string }

func newDefaults(home, systemDir string) defaults {
	in := func(folder string, files ...string) []string {
		paths := make([]string, len(files))
		for i, file := range files {
			paths[i] = filepath.Join(folder, file)
		}
		return slices.Clip(paths)
	}
	return defaults{
		identities:  in(filepath.Join(home, ".ssh"), defaultIdentities...),
		userHosts:   in(filepath.Join(home, ".ssh"), "known_hosts", "known_hosts2"),
		globalHosts: in(systemDir, "ssh_known_hosts", "ssh_known_hosts2"),
	}
}

func (s *settler) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// settle makes the Settings of one query. Values of ssh -G have passed ssh's
// own check, and those of the reader the strict check; what is still odd is an
// error, not a default.
func settle(d directives, q Query, here local, files defaults, env func(string) (string, bool)) (*Settings, error) {
	s := &settler{directives: d, scope: scope{local: here, alias: q.Alias, env: env}, defaults: files}
	t := &Settings{
		Alias:                        q.Alias,
		AddressFamily:                s.word("addressfamily", "any", "any", "inet", "inet6"),
		BindAddress:                  d.value("bindaddress"),
		BindInterface:                d.value("bindinterface"),
		HostKeyAlias:                 strings.ToLower(d.value("hostkeyalias")),
		IdentitiesOnly:               d.flag("identitiesonly"),
		HashKnownHosts:               d.flag("hashknownhosts"),
		StrictHostKeyChecking:        s.strict(),
		StrictHostKeyCheckingAt:      d.at["stricthostkeychecking"],
		ConnectTimeout:               s.duration("connecttimeout"),
		ConnectionAttempts:           s.number("connectionattempts", 1),
		ServerAliveInterval:          s.duration("serveraliveinterval"),
		ServerAliveCountMax:          s.number("serveralivecountmax", 3),
		Ciphers:                      ParseAlgorithms(d.value("ciphers")),
		KexAlgorithms:                ParseAlgorithms(d.value("kexalgorithms")),
		MACs:                         ParseAlgorithms(d.value("macs")),
		HostKeyAlgorithms:            ParseAlgorithms(d.value("hostkeyalgorithms")),
		PubkeyAcceptedAlgorithms:     ParseAlgorithms(d.value("pubkeyacceptedalgorithms")),
		CASignatureAlgorithms:        ParseAlgorithms(d.value("casignaturealgorithms")),
		RequiredRSASize:              s.number("requiredrsasize", 1024), // sshkey.h SSH_RSA_MINIMUM_MODULUS_SIZE
		PubkeyAuthentication:         !among(d.value("pubkeyauthentication"), "no", "false"),
		PasswordAuthentication:       !among(d.value("passwordauthentication"), "no", "false"),
		KbdInteractiveAuthentication: !among(d.value("kbdinteractiveauthentication"), "no", "false"),
		NumberOfPasswordPrompts:      s.number("numberofpasswordprompts", 3),
		BatchMode:                    d.flag("batchmode"),
		Refused:                      d.refused,
	}
	s.where(t, q)
	s.proxy(t)
	s.files(t)
	s.authentications(t)
	if s.err != nil {
		return nil, s.err
	}
	return t, nil
}

// where decides host, port and user, which the tokens of all else stand on.
func (s *settler) where(t *Settings, q Query) {
	t.HostName = q.Alias
	if name := s.value("hostname"); name != "" {
		s.hostName = q.Alias
		t.HostName = s.text("hostname", name)
	}
	if !s.expanded["hostname"] && net.ParseIP(t.HostName) == nil {
		t.HostName = strings.ToLower(t.HostName)
	}
	t.Port = q.Port
	if t.Port == 0 {
		t.Port = s.number("port", 22)
	}
	for _, user := range []string{s.local.user, s.value("user"), q.User} { // the last that is set wins
		if user != "" {
			t.User = user
		}
	}
	if t.User == "" {
		s.fail(errors.New("user: none is set: name one to log in as"))
	}
	s.hostName, s.port, s.scope.user = t.HostName, strconv.Itoa(t.Port), t.User
	s.keyAlias = t.HostKeyAlias
	if s.keyAlias == "" {
		s.keyAlias = q.Alias
	}
}

// proxy expands ProxyJump or ProxyCommand. ssh hands both to a shell, so a host
// or user name that ssh would not take on its command line is an error.
func (s *settler) proxy(t *Settings) {
	if command := s.value("proxycommand"); !among(command, "", "none") {
		if err := checkHost(t.HostName); err != nil {
			s.fail(fmt.Errorf("proxycommand: %w", err))
		}
		if err := checkUser(t.User); err != nil {
			s.fail(fmt.Errorf("proxycommand: %w", err))
		}
		t.ProxyCommand = s.text("proxycommand", command)
		if s.flag("proxyusefdpass") {
			t.Refused = append(t.Refused, Refused{"proxyusefdpass", s.value("proxyusefdpass"), s.at["proxyusefdpass"]})
		}
	}
	value := s.value("proxyjump")
	if value == "" {
		return
	}
	jumps, err := parseJumps(value)
	if err != nil {
		s.fail(err)
		return
	}
	s.jump = jumps[len(jumps)-1].Host
	for i, jump := range jumps {
		jumps[i] = Jump{User: s.text("proxyjump", jump.User), Host: s.text("proxyjump", jump.Host), Port: jump.Port}
		if err := checkHost(jumps[i].Host); err != nil && s.err == nil {
			s.fail(fmt.Errorf("proxyjump: %w", err))
		}
		if err := checkUser(jumps[i].User); err != nil {
			s.fail(fmt.Errorf("proxyjump: %w", err))
		}
	}
	t.ProxyJump = jumps
}

// defaultIdentities are readconf.c fill_default_options' without id_xmss and
// id_dsa, which no OpenSSH uses any more.
var defaultIdentities = []string{"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"}

func (s *settler) files(t *Settings) {
	t.IdentityFiles = s.paths("identityfile", s.defaults.identities)
	t.DefaultIdentityFiles = s.values["identityfile"] == nil
	t.CertificateFiles = s.paths("certificatefile", nil)
	s.splitHostFiles("userknownhostsfile")
	s.splitHostFiles("globalknownhostsfile")
	t.UserKnownHostsFiles = s.paths("userknownhostsfile", s.defaults.userHosts)
	t.GlobalKnownHostsFiles = s.paths("globalknownhostsfile", s.defaults.globalHosts)
	t.IdentityAgent = s.agent()
	if path := s.value("controlpath"); !among(path, "", "none") {
		t.ControlPath = s.text("controlpath", path)
	}
	if path := s.value("revokedhostkeys"); !among(path, "", "none") {
		if t.RevokedHostKeys = path; !isPlainPath([]string{path}) {
			s.fail(fmt.Errorf("revokedhostkeys: %q: not every ssh expands ~, %% and $ here: write the path in full", path))
		}
	}
}

// agent follows ssh.c: SSH_AUTH_SOCK and $VARIABLE name the environment, none
// is no agent.
func (s *settler) agent() string {
	value := s.value("identityagent")
	if name, ok := strings.CutPrefix(value, "$"); ok && !strings.HasPrefix(name, "{") {
		socket, _ := s.env(name)
		return socket
	}
	switch value {
	case "none":
		return ""
	case "", "SSH_AUTH_SOCK":
		socket, _ := s.env("SSH_AUTH_SOCK")
		return socket
	}
	return s.text("identityagent", value)
}

func (s *settler) authentications(t *Settings) {
	list := s.value("preferredauthentications")
	if list == "" {
		return
	}
	t.PreferredAuthentications = strings.Split(list, ",")
	for _, method := range []string{"publickey", "keyboard-interactive", "password"} {
		if slices.Contains(t.PreferredAuthentications, method) {
			return
		}
	}
	t.Refused = append(t.Refused, Refused{"preferredauthentications", list, s.at["preferredauthentications"]})
}

// text expands one value, unless ssh has done so.
func (s *settler) text(name, value string) string {
	if s.expanded[name] {
		return value
	}
	text, err := s.expand(name, value)
	if err != nil {
		s.fail(err)
	}
	return text
}

// paths expands a list, if it is set.
func (s *settler) paths(name string, unset []string) []string {
	if s.values[name] == nil {
		return unset
	}
	var paths []string
	for _, value := range s.values[name] {
		if !among(value, "none") {
			paths = append(paths, s.text(name, value))
		}
	}
	return paths
}

func (s *settler) word(name, unset string, allowed ...string) string {
	value := s.value(name)
	if value == "" {
		return unset
	}
	if !among(value, allowed...) {
		s.fail(fmt.Errorf("%s: expected one of %s, not %q", name, strings.Join(allowed, ", "), value))
	}
	return strings.ToLower(value)
}

func (s *settler) strict() string {
	switch value := s.word("stricthostkeychecking", "ask", "yes", "true", "no", "false", "off", "ask", "accept-new"); value {
	case "true":
		return "yes"
	case "false", "off":
		return "no"
	default:
		return value
	}
}

func (s *settler) number(name string, unset int) int {
	value := s.value(name)
	if value == "" {
		return unset
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		s.fail(fmt.Errorf("%s: expected a number, not %q", name, value))
	}
	return n
}

func (s *settler) duration(name string) time.Duration {
	value := s.value(name)
	if value == "" {
		return 0
	}
	d, err := parseDuration(value)
	if err != nil {
		s.fail(fmt.Errorf("%s: %w", name, err))
	}
	return d
}

// parseDuration reads a time (sshd_config(5), TIME FORMATS; misc.c convtime):
// seconds, or numbers each followed by s, m, h, d or w. none is 0. It reads at
// most 68 years, as OpenSSH does.
func parseDuration(text string) (time.Duration, error) {
	if text == "none" {
		return 0, nil
	}
	wrong := fmt.Errorf("expected a time such as 90, 10s or 1h30m, not %q", text)
	var seconds int64
	for rest := text; ; {
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		digits, unit := rest, byte('s')
		if end >= 0 {
			digits, unit, rest = rest[:end], rest[end], rest[end+1:]
		} else {
			rest = ""
		}
		n, err := strconv.ParseInt(digits, 10, 32)
		scale := map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}[unit|0x20]
		if seconds += n * scale; err != nil || scale == 0 || seconds > 1<<31-1 {
			return 0, wrong
		}
		if rest == "" {
			return time.Duration(seconds) * time.Second, nil
		}
	}
}
