package inventory

import (
	"net/netip"
	"strconv"
	"strings"
)

const (
	maxHost = 253 // RFC 1035, section 2.3.4: 255 octets on the wire
	maxUser = 256 // useradd allows 32; directory services allow longer ones
)

// parseAddress reads [user@]host[:port] into a Node without labels.
//
//   - The last "@" ends the user, as in OpenSSH: alice@corp.example@worker-1.
//   - An IPv6 address with a port needs brackets: [fe80::1%eth0]:22.
//   - Without brackets a text with more than one colon is an IPv6 address and
//     has no port, as in OpenSSH: in fe80::1:22 the 22 is part of the address.
func parseAddress(at Position, text string) (Node, error) {
	node := Node{Source: at}
	rest := text
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		node.User, rest = text[:i], text[i+1:]
		if problem := checkUser(node.User); problem != "" {
			return Node{}, mistake(at, text, "%s", problem)
		}
	}
	host, port, problem := splitPort(rest)
	if problem == "" {
		problem = checkHost(host)
	}
	if problem == "" && port != nil {
		node.Port, problem = parsePort(*port)
	}
	if problem != "" {
		return Node{}, mistake(at, text, "%s", problem)
	}
	node.Host = host
	node.Name = address(node.Host, node.Port)
	return node, nil
}

// parseAddresses reads [user@]host[:port] where the host may have ranges.
func parseAddresses(at Position, text string) ([]Node, error) {
	start := strings.LastIndexByte(text, '@') + 1
	inside, _, closed := strings.Cut(strings.TrimPrefix(text[start:], "["), "]")
	ipv6 := strings.HasPrefix(text[start:], "[") && !(closed && isRange(inside))
	before, _, _ := strings.Cut(text[start:], "[")
	if ipv6 || !strings.ContainsAny(text[start:], "[]") || firstNotIn(before, isNameByte) >= 0 {
		node, err := parseAddress(at, text)
		if err != nil {
			return nil, err
		}
		return []Node{node}, nil
	}
	end := len(text)
	if i := strings.LastIndexByte(text, ':'); i >= start && i > strings.LastIndexByte(text, ']') {
		end = i
	}
	hosts, problem := expand(text[start:end])
	if problem == "" && strings.Contains(hosts[0], ":") {
		problem = "a range in a port or in an IPv6 address: expected ranges in host names only"
	}
	if problem != "" {
		return nil, mistake(at, text, "%s", problem)
	}
	nodes := make([]Node, 0, len(hosts))
	for _, host := range hosts {
		node, err := parseAddress(at, text[:start]+host+text[end:])
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// splitPort splits host[:port]; port is nil where none is given. The host of a
// text with brackets or several colons is a valid IPv6 address.
func splitPort(text string) (host string, port *string, problem string) {
	if strings.HasPrefix(text, "[") {
		inside, after, closed := strings.Cut(text[1:], "]")
		switch {
		case !closed || !isIPv6(inside):
			return "", nil, "expected an IPv6 address in the brackets, as in [fe80::1]:22 (a group is a label: group=NAME)"
		case after == "":
			return inside, nil, ""
		case after[0] != ':':
			return "", nil, "expected nothing or :port after the bracket"
		}
		after = after[1:]
		return inside, &after, ""
	}
	host, after, found := strings.Cut(text, ":")
	if !found {
		return host, nil, ""
	}
	if strings.Contains(after, ":") {
		if !isIPv6(text) {
			return "", nil, "more than one colon, and not an IPv6 address: expected host:port, or [address]:port for IPv6"
		}
		return text, nil, ""
	}
	return host, &after, ""
}

// isIPv6 reports whether text is an IPv6 address, with or without a zone.
func isIPv6(text string) bool {
	if !strings.Contains(text, ":") {
		return false // without an error that costs memory
	}
	ip, err := netip.ParseAddr(text)
	return err == nil && ip.Is6() && len(text) <= maxHost && firstNotIn(ip.Zone(), isNameByte) < 0
}

// checkHost says what is wrong with a host; empty: nothing.
func checkHost(host string) string {
	const expected = "expected a host name, an ssh_config alias or an IP address"
	switch {
	case host == "":
		return "empty host: expected [user@]host[:port]"
	case isIPv6(host):
		return ""
	case host[0] == '-':
		return `host begins with "-": ` + expected
	case host[0] == '.':
		return `host begins with ".": ` + expected
	case len(host) > maxHost:
		return "host longer than " + strconv.Itoa(maxHost) + " bytes: " + expected
	}
	if i := firstNotIn(host, isNameByte); i >= 0 {
		return "host with " + quoteRune(host[i:]) + `: expected letters, digits, ".", "_" and "-" only`
	}
	if !looksLikeIPv4(host) {
		return ""
	}
	if _, err := netip.ParseAddr(host); err != nil {
		// 10.0.0.256 is a typing error, and 010.0.0.1 means 8.0.0.1 to some.
		return "not an IPv4 address: expected four numbers from 0 to 255 without leading zeros"
	}
	return ""
}

// checkUser says what is wrong with a user name; empty: nothing.
func checkUser(user string) string {
	switch {
	case user == "":
		return `empty user: expected [user@]host[:port]`
	case user[0] == '-':
		return `user begins with "-": expected a login name`
	case len(user) > maxUser:
		return "user longer than " + strconv.Itoa(maxUser) + " bytes: expected a login name"
	}
	if i := firstNotIn(user, isUserByte); i >= 0 {
		return "user with " + quoteRune(user[i:]) + `: expected letters, digits, ".", "_", "-" and "@" only`
	}
	return ""
}

// parsePort reads a TCP port, or says what is wrong with it.
func parsePort(text string) (port int, problem string) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, "port " + quote(text) + " is not a number from 1 to 65535"
	}
	return int(n), ""
}

// looksLikeIPv4 reports whether host is four numbers with dots between.
func looksLikeIPv4(host string) bool {
	if strings.Count(host, ".") != 3 {
		return false
	}
	return firstNotIn(host, func(c byte) bool { return c == '.' || isDigit(c) }) < 0
}

// firstNotIn is where the first byte of text stands that is not in the set;
// -1: all are. A byte of a character beyond ASCII is in no set here.
func firstNotIn(text string, set func(byte) bool) int {
	for i := range len(text) {
		if !set(text[i]) {
			return i
		}
	}
	return -1
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isNameByte is the set of host names, aliases, IPv4 addresses and IPv6 zones.
func isNameByte(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '.' || c == '_' || c == '-'
}

// isUserByte has "@" for the users of directory services.
func isUserByte(c byte) bool { return isNameByte(c) || c == '@' }
