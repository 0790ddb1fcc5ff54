package sshdtest

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh/knownhosts"
)

// Endpoint is where something listens.
type Endpoint struct {
	Host string // a loopback address
	Port int
}

// Addr is HOST:PORT.
func (e Endpoint) Addr() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// HostBlock is the block of ssh_config that makes alias the name of the
// endpoint, with further lines in it.
func (e Endpoint) HostBlock(alias string, lines ...string) string {
	block := fmt.Sprintf("Host %s\n\tHostName %s\n\tPort %d\n", alias, e.Host, e.Port)
	for _, line := range lines {
		block += "\t" + line + "\n"
	}
	return block
}

// knownHosts are the lines of known_hosts that give the endpoint all the keys,
// under its address or else under the names. A name may be NAME:PORT; without a
// port it has the endpoint's. A hashed line has one name (HashKnownHosts in
// ssh_config(5)).
func (e Endpoint) knownHosts(keys []*Key, hashed bool, names []string) string {
	if len(names) == 0 {
		names = []string{e.Host}
	}
	var patterns []string
	for _, name := range names {
		if _, _, err := net.SplitHostPort(name); err != nil {
			name = net.JoinHostPort(name, strconv.Itoa(e.Port))
		}
		patterns = append(patterns, knownhosts.Normalize(name))
	}
	if hashed {
		for i := range patterns {
			patterns[i] = knownhosts.HashHostname(patterns[i])
		}
	} else {
		patterns = []string{strings.Join(patterns, ",")}
	}
	var lines strings.Builder
	for _, pattern := range patterns {
		for _, key := range keys {
			lines.WriteString(pattern + " " + key.AuthorizedLine())
		}
	}
	return lines.String()
}
