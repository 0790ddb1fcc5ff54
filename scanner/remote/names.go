package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"kletscan/scanner"
)

// maxLookups is how many names are looked up at once: each takes a socket, or a
// thread of the C library, and a name server may be small.
const maxLookups = 64

// LookupFunc looks a name up as net.Resolver's LookupNetIP does: network is ip,
// ip4 or ip6, and the addresses are in the order in which to try them.
type LookupFunc func(ctx context.Context, network, name string) ([]netip.Addr, error)

// names looks up the addresses of nodes, each name once, also for those who ask
// at the same time. It is safe for concurrent use.
type names struct {
	lookup LookupFunc
	slots  chan struct{} // held during a look-up

	mu sync.Mutex
	// known has what was answered, by network and name: the addresses with blanks
	// between, or nothing where there is no such name. It takes about 70 bytes for
	// a name, whose own text the inventory holds.
	known    map[string]map[string]string
	underWay map[query]*lookup
}

// query is what is looked up.
type query struct{ network, name string }

// lookup is one under way. Its results are there once done is closed.
type lookup struct {
	done      chan struct{}
	addresses []netip.Addr
	err       error
	gaveUp    bool // the one who asked did: this is no answer for others
}

func newNames(l LookupFunc) *names {
	if l == nil {
		l = net.DefaultResolver.LookupNetIP
	}
	return &names{
		lookup: l, slots: make(chan struct{}, maxLookups),
		known: make(map[string]map[string]string), underWay: make(map[query]*lookup),
	}
}

// find gives the addresses of a name, at least one. An address is its own name.
// limit is for the look-up itself, without the wait for its turn.
func (n *names) find(ctx context.Context, network, name string, limit time.Duration) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{address}, nil
	}
	q := query{network, name}
	for {
		n.mu.Lock()
		if text, ok := n.known[network][name]; ok {
			n.mu.Unlock()
			return parseAddresses(name, text)
		}
		one, ok := n.underWay[q]
		if !ok {
			one = &lookup{done: make(chan struct{})}
			n.underWay[q] = one
		}
		n.mu.Unlock()
		if !ok {
			n.ask(ctx, q, limit, one)
		}
		select {
		case <-one.done:
		case <-ctx.Done():
			return nil, interrupted(ctx, opConnect, "look up "+name+": no answer", limit)
		}
		if !one.gaveUp || ctx.Err() != nil {
			return one.addresses, one.err
		}
	}
}

// ask looks a name up for all who want it.
func (n *names) ask(ctx context.Context, q query, limit time.Duration, one *lookup) {
	one.addresses, one.err = n.limited(ctx, q, limit)
	one.gaveUp = ctx.Err() != nil
	var dns *net.DNSError
	n.mu.Lock()
	defer n.mu.Unlock()
	if one.err == nil || errors.As(one.err, &dns) && dns.IsNotFound {
		if n.known[q.network] == nil {
			n.known[q.network] = make(map[string]string)
		}
		n.known[q.network][q.name] = formatAddresses(one.addresses)
	}
	delete(n.underWay, q)
	close(one.done)
}

// limited is one look-up.
func (n *names) limited(caller context.Context, q query, limit time.Duration) ([]netip.Addr, error) {
	select {
	case n.slots <- struct{}{}:
		defer func() { <-n.slots }()
	case <-caller.Done():
		return nil, interrupted(caller, opConnect, "look up "+q.name+": not begun", limit)
	}
	ctx, cancel := context.WithTimeout(caller, limit)
	defer cancel()
	addresses, err := n.lookup(ctx, q.network, q.name)
	var dns *net.DNSError
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, interrupted(caller, opConnect, "look up "+q.name+": no answer", limit)
	case errors.As(err, &dns):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("look up %s: %w", q.name, err)
	case len(addresses) == 0:
		return nil, noSuchName(q.name)
	}
	for i := range addresses {
		addresses[i] = addresses[i].Unmap()
	}
	return addresses, nil
}

func noSuchName(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// formatAddresses and parseAddresses keep addresses as text, which takes less
// than half of what they do.
func formatAddresses(addresses []netip.Addr) string {
	words := make([]string, len(addresses))
	for i, address := range addresses {
		words[i] = address.String()
	}
	return strings.Join(words, " ")
}

func parseAddresses(name, text string) ([]netip.Addr, error) {
	if text == "" {
		return nil, noSuchName(name)
	}
	var addresses []netip.Addr
	for word := range strings.SplitSeq(text, " ") {
		address, err := netip.ParseAddr(word)
		if err != nil {
			return nil, fmt.Errorf("look up %s: %w", name, err)
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}

// route is where a target is dialled, and from where.
type route struct {
	to   []netip.Addr // nil: not by TCP of ours
	from []netip.Addr // BindAddress; nil: as the system chooses
}

// route looks up what a dial of t needs. Its errors are *scanner.Error.
func (d *Dialer) route(ctx context.Context, t *target) (r route, err error) {
	if t.via != nil || t.proxyCommand != "" {
		return r, nil
	}
	limit := d.connectTimeout(t)
	if r.to, err = d.names.find(ctx, t.network("ip"), t.host, limit); err != nil {
		return r, lookupError(err)
	}
	if t.ssh.BindAddress == "" {
		return r, nil
	}
	if r.from, err = d.names.find(ctx, t.network("ip"), t.ssh.BindAddress, limit); err != nil {
		failed := lookupError(err)
		failed.Err = fmt.Errorf("ssh_config's BindAddress: %w", failed.Err)
		return r, failed
	}
	return r, nil
}

// lookupError is the error of a look-up. A name server that failed may do
// better in a second.
func lookupError(err error) *scanner.Error {
	var failed *scanner.Error
	if errors.As(err, &failed) {
		own := *failed // others may have the same
		return &own
	}
	failed = &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: err}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		failed.Err = fmt.Errorf("look up %s: %s", dns.Name, dns.Err)
		failed.Transient = dns.IsTemporary && !dns.IsNotFound
	}
	return failed
}
