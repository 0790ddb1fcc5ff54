package sshconfig

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Jump is one host of ProxyJump. It is an alias of its own: ssh_config is
// looked up for it, with User and Port as on the command line.
type Jump struct {
	User string // empty: not given
	Host string // without brackets
	Port int    // 0: not given
}

// ParseJumps reads a value of ProxyJump or of ssh -J, the first hop first.
// none and the empty value are no jump hosts.
func ParseJumps(value string) ([]Jump, error) {
	if among(value, "", "none") {
		return nil, nil
	}
	return parseJumps(value)
}

// parseJumps reads a ProxyJump value, the first hop first (readconf.c
// parse_jump, misc.c parse_user_host_port and parse_ssh_uri). The value is not
// none. Tokens stay as they are.
func parseJumps(value string) ([]Jump, error) {
	var jumps []Jump
	for hop := range strings.SplitSeq(value, ",") {
		jump, err := parseJump(hop)
		if err != nil {
			return nil, fmt.Errorf("proxyjump: %q: %w", hop, err)
		}
		jumps = append(jumps, jump)
	}
	return jumps, nil
}

func parseJump(hop string) (Jump, error) {
	rest, isURI := strings.CutPrefix(hop, "ssh://")
	if isURI {
		rest = strings.TrimSuffix(rest, "/")
		if strings.ContainsAny(rest, "%;/") {
			return Jump{}, errors.New("this ssh URI is not understood: write [USER@]HOST[:PORT]")
		}
	}
	var jump Jump
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		if jump.User, rest = rest[:i], rest[i+1:]; jump.User == "" {
			return Jump{}, errors.New("expected a user before the @")
		}
	}
	port := ""
	if strings.HasPrefix(rest, "[") {
		host, after, ok := strings.Cut(rest[1:], "]")
		if !ok || after != "" && after[0] != ':' {
			return Jump{}, errors.New("expected [ADDRESS]:PORT")
		}
		jump.Host, port = host, after
	} else {
		i := strings.IndexByte(rest, ':')
		if i < 0 {
			i = len(rest)
		}
		jump.Host, port = rest[:i], rest[i:]
	}
	if jump.Host == "" || strings.ContainsAny(jump.Host, "/[]") {
		return Jump{}, errors.New("expected [USER@]HOST[:PORT]")
	}
	if port = strings.TrimPrefix(port, ":"); port != "" {
		if !isPort([]string{port}) {
			return Jump{}, fmt.Errorf("expected a port from 1 to 65535, not %q", port)
		}
		jump.Port, _ = strconv.Atoi(port)
	}
	if err := checkHost(jump.Host); err != nil {
		return Jump{}, err
	}
	return jump, checkUser(jump.User)
}

// checkHost refuses what OpenSSH refuses as a host name on its command line
// (ssh.c valid_hostname), because a proxy command would hand it to a shell.
func checkHost(host string) error {
	if host == "" || host[0] == '-' || strings.ContainsAny(host, "'`\"$\\;&<>|(){}") || strings.ContainsFunc(host, notPrintable) {
		return fmt.Errorf("%q is not a host name that ssh accepts: expected no leading -, no blank, no quote and none of $\\;&<>|(){}", host)
	}
	return nil
}

// checkUser refuses what OpenSSH refuses as a user name on its command line
// (ssh.c valid_ruser).
func checkUser(user string) error {
	bad := strings.HasPrefix(user, "-") || strings.HasSuffix(user, `\`) || strings.ContainsAny(user, "'`\";&<>|(){}") ||
		strings.Contains(user, " -") || strings.ContainsFunc(user, func(r rune) bool { return r != ' ' && notPrintable(r) })
	if bad {
		return fmt.Errorf("%q is not a user name that ssh accepts: expected no leading -, no quote and none of ;&<>|(){}", user)
	}
	return nil
}

func notPrintable(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar
}
