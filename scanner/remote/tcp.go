package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"kletscan/scanner"
)

const (
	// fallbackDelay is how long the addresses of the other family wait for the
	// first one's (RFC 8305 section 5; net.Dialer takes the same).
	fallbackDelay = 300 * time.Millisecond
	// leastDial is what each of several addresses gets at least of the time, as
	// net.Dialer gives it.
	leastDial = 2 * time.Second
)

// dialTCP connects to a target, within ctx. Its errors are *scanner.Error.
func dialTCP(ctx, caller context.Context, t *target, r route, limit time.Duration) (net.Conn, error) {
	r, err := r.matching()
	if err != nil {
		return nil, &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: err}
	}
	for attempt := 1; ; attempt++ { // ssh_config(5), ConnectionAttempts: one a second
		socket, err := r.dial(ctx, t.network("tcp"), t.port)
		switch {
		case err == nil:
			return socket, nil
		case ctx.Err() != nil:
			return nil, interrupted(caller, opConnect, "no answer", limit)
		case attempt >= t.ssh.ConnectionAttempts || !scanner.Pause(ctx, time.Second):
			return nil, connectError(err)
		}
	}
}

// matching leaves out the addresses that cannot be reached from BindAddress.
func (r route) matching() (route, error) {
	if r.from == nil {
		return r, nil
	}
	kept := slices.DeleteFunc(slices.Clone(r.to), func(to netip.Addr) bool { return !r.source(to).IsValid() })
	if len(kept) == 0 {
		return r, fmt.Errorf("%s: ssh_config's BindAddress %s is of the other family", r.to[0], r.from[0])
	}
	return route{to: kept, from: r.from}, nil
}

// source is the first address of BindAddress from which one can be reached.
func (r route) source(to netip.Addr) netip.Addr {
	for _, from := range r.from {
		if from.Is4() == to.Is4() {
			return from
		}
	}
	return netip.Addr{}
}

// dialFunc dials one address.
type dialFunc func(context.Context, netip.Addr) (net.Conn, error)

// dial dials the addresses until one answers.
func (r route) dial(ctx context.Context, network string, port int) (net.Conn, error) {
	return race(ctx, r.to, func(ctx context.Context, to netip.Addr) (net.Conn, error) {
		// Every wait on the connection has an end, so TCP need not ask the peer.
		dialer := net.Dialer{KeepAlive: -1}
		if from := r.source(to); from.IsValid() {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		}
		return dialer.DialContext(ctx, network, netip.AddrPortFrom(to, uint16(port)).String())
	})
}

// race tries addresses in turn, those of the family of the first one with a
// start before the others. The error is that of the first.
func race(ctx context.Context, to []netip.Addr, dial dialFunc) (net.Conn, error) {
	var first, other []netip.Addr
	for _, one := range to {
		if one.Is4() == to[0].Is4() {
			first = append(first, one)
		} else {
			other = append(other, one)
		}
	}
	if other == nil {
		return inTurn(ctx, to, dial)
	}
	type outcome struct {
		socket net.Conn
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	outcomes, running := make(chan outcome), 0
	begin := func(family []netip.Addr) {
		running++
		go func() {
			socket, err := inTurn(ctx, family, dial)
			outcomes <- outcome{socket, err}
		}()
	}
	defer func() { // of the slower one, should it have come through as well
		cancel()
		for range running {
			if late := <-outcomes; late.err == nil {
				late.socket.Close()
			}
		}
	}()
	begin(first)
	start := time.NewTimer(fallbackDelay)
	defer start.Stop()
	var failed error
	for {
		select {
		case <-start.C:
			begin(other)
		case o := <-outcomes:
			running--
			if o.err == nil {
				return o.socket, nil
			}
			if failed == nil {
				failed = o.err
			}
			if start.Stop() { // the others need not wait any more
				begin(other)
			} else if running == 0 {
				return nil, failed
			}
		}
	}
}

// inTurn dials one address after the other. Each but the last has its share of
// the time that is left. The error is that of the first.
func inTurn(ctx context.Context, to []netip.Addr, dial dialFunc) (net.Conn, error) {
	var failed error
	for i, one := range to {
		trying, cancel := ctx, context.CancelFunc(func() {})
		if end, ok := ctx.Deadline(); ok && i < len(to)-1 {
			share := max(time.Until(end)/time.Duration(len(to)-i), leastDial)
			trying, cancel = context.WithTimeout(ctx, share)
		}
		socket, err := dial(trying, one)
		cancel()
		if err == nil {
			return socket, nil
		}
		if failed == nil {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// connectError shortens what net says to the part that differs. A node that
// answers with a refusal will do so again in a second.
func connectError(err error) *scanner.Error {
	failed := &scanner.Error{Op: opConnect, Status: scanner.Unreachable, Err: err}
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EMFILE):
		failed.Err = fmt.Errorf("%w: scan fewer nodes at once with -f, or raise ulimit -n", err)
	case errors.As(err, &op) && op.Addr != nil:
		cause := op.Err
		var call *os.SyscallError
		if errors.As(cause, &call) {
			cause = call.Err // the name of the system call says what our own words say
			if call.Syscall == "bind" {
				cause = fmt.Errorf("from ssh_config's BindAddress %s: %w", op.Source, cause)
			}
		}
		failed.Err = fmt.Errorf("%s: %w", op.Addr, cause)
		failed.Transient = errors.Is(err, syscall.ECONNRESET)
	}
	return failed
}
