package sshconfig

import (
	"crypto/sha1" //nolint:gosec // %C is defined as a SHA-1; nothing rests on its strength
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// local is what a value may say about this computer. An empty field is not
// known, and a value that asks for it is an error.
type local struct {
	home       string // %d and ~
	user       string // %u
	host       string // %l, and %L up to the first dot
	uid        string // %i
	hashesJump bool   // %C counts the jump host, and %j is known: OpenSSH 9.6 and later
}

// expansion says what a keyword's value may hold (ssh_config(5), TOKENS and
// ENVIRONMENT VARIABLES).
type expansion struct {
	keyword  string
	tokens   string
	tilde    bool
	env      bool
	literals bool // % and $ stand for themselves
}

const defaultTokens = "CLdhijklnpru" // sshconnect.h DEFAULT_CLIENT_PERCENT_EXPAND_ARGS

// expansions: KnownHostsCommand, LocalCommand, RemoteCommand and the
// forwardings are missing, because nobody follows them.
var expansions = []expansion{
	{keyword: "certificatefile", tokens: defaultTokens, tilde: true, env: true},
	{keyword: "controlpath", tokens: defaultTokens, tilde: true, env: true},
	{keyword: "globalknownhostsfile", tilde: true, literals: true}, // ssh.c tilde_expand_paths
	{keyword: "hostname", tokens: "h"},
	{keyword: "identityagent", tokens: defaultTokens, tilde: true, env: true},
	{keyword: "identityfile", tokens: defaultTokens, tilde: true, env: true},
	{keyword: "proxycommand", tokens: "hknpr"}, // sshconnect.c expand_proxy_command
	{keyword: "proxyjump", tokens: "hknpr"},
	{keyword: "userknownhostsfile", tokens: defaultTokens, tilde: true, env: true},
}

func expansionOf(keyword string) expansion {
	for _, x := range expansions {
		if x.keyword == keyword {
			return x
		}
	}
	return expansion{keyword: keyword, literals: true}
}

// leftTokens are the tokens that the reader leaves to ssh: it does not know
// the user's number, and %j is newer than OpenSSH 9.2.
const leftTokens = "ij"

// checkTokens tells what the reader would not expand as every OpenSSH does.
func checkTokens(keyword, value string) error {
	x := expansionOf(keyword)
	if strings.HasPrefix(value, "~") && x.tilde && !strings.HasPrefix(value, "~/") {
		return errors.New("another user's home")
	}
	if x.literals {
		return nil
	}
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '%':
			i++
			if i == len(value) || value[i] != '%' && strings.IndexByte(x.tokens, value[i]) < 0 || strings.IndexByte(leftTokens, value[i]) >= 0 {
				return errors.New("a token that is not known to every ssh")
			}
		case x.env && strings.HasPrefix(value[i:], "${"):
			end := strings.IndexByte(value[i:], '}')
			if end < 3 {
				return errors.New("a variable without a name")
			}
			i += end
		}
	}
	return nil
}

// scope expands the values of one alias.
type scope struct {
	local
	alias    string // %n: as it was asked for
	hostName string // %h
	port     string // %p
	user     string // %r
	keyAlias string // %k
	jump     string // %j: the last hop's host, with its tokens
	env      func(string) (string, bool)
}

// token returns the value of one % token; false where it is not known.
func (s *scope) token(c byte) (string, bool) {
	value := ""
	switch c {
	case 'C':
		hashed := s.jump
		if !s.hashesJump {
			hashed = ""
		}
		return connectionHash(s.host, s.hostName, s.port, s.user, hashed), s.host != ""
	case 'L':
		value, _, _ = strings.Cut(s.host, ".")
	case 'd':
		value = s.home
	case 'h':
		value = s.hostName
	case 'i':
		value = s.uid
	case 'j':
		return s.jump, s.hashesJump
	case 'k':
		value = s.keyAlias
	case 'l':
		value = s.host
	case 'n':
		value = s.alias
	case 'p':
		value = s.port
	case 'r':
		value = s.user
	case 'u':
		value = s.local.user
	}
	return value, value != ""
}

// connectionHash is %C (readconf.c ssh_connection_hash).
func connectionHash(parts ...string) string {
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// expand replaces ~, % tokens and ${VARIABLES}, in one pass after the ~
// (misc.c tilde_expand and vdollar_percent_expand).
func (s *scope) expand(keyword, value string) (string, error) {
	x := expansionOf(keyword)
	if x.tilde && strings.HasPrefix(value, "~") {
		if !strings.HasPrefix(value, "~/") {
			return "", fmt.Errorf("%s: %q names another user's home: write the path in full", keyword, value)
		}
		value = strings.TrimSuffix(s.home, "/") + "/" + strings.TrimLeft(value[1:], "/")
	}
	if x.literals {
		return value, nil
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '%':
			i++
			text, err := s.percent(x, value, i)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		case x.env && strings.HasPrefix(value[i:], "${"):
			name, _, closed := strings.Cut(value[i+2:], "}")
			text, ok := s.env(name)
			if !closed || !ok {
				return "", fmt.Errorf("%s: the environment variable in %q is not set: set it, or write the value in full", keyword, value)
			}
			b.WriteString(text)
			i += len(name) + 2
		default:
			b.WriteByte(value[i])
		}
	}
	return b.String(), nil
}

func (s *scope) percent(x expansion, value string, i int) (string, error) {
	if i < len(value) && value[i] == '%' {
		return "%", nil
	}
	if i < len(value) && strings.IndexByte(x.tokens, value[i]) >= 0 {
		if text, ok := s.token(value[i]); ok {
			return text, nil
		}
	}
	return "", fmt.Errorf("%s: the token %q is not understood here: see TOKENS in ssh_config(5)", x.keyword, value[i-1:min(i+1, len(value))])
}

// plainHost tells whether ssh takes a host name as it is, in lower case: ssh
// rewrites what getaddrinfo(3) reads as an address, such as 127.1 (ssh.c
// resolve_canonicalize).
func plainHost(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.String() == host
	}
	if strings.ContainsAny(host, ":%") {
		return false
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if _, err := strconv.ParseUint(part, 0, 64); err != nil && strings.Trim(part, "0123456789") != "" {
			return true
		}
	}
	return false
}
