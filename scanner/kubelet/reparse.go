package kubelet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// errHelp is pflag's: the second parse has no --help, and pflag takes one that
// it does not know, be it false, for the wish for help.
var errHelp = errors.New("pflag: help requested")

// parseAgain is the kubelet's second parse of its command line, which puts
// flags on top of files (kubeletConfigFlagPrecedence in
// cmd/kubelet/app/server.go, from 1.10 on). Of the global flags it knows the
// names alone (newFakeFlagSet), so that each takes a value there: a bare bool
// swallows the next argument. nil: it finds what the first parse found.
func (f Flags) parseAgain(args []Arg) *Flags {
	if _, help := f.last("help"); f.syntax != nil || !help && f.bare == "" {
		return nil
	}
	again := Flags{second: true}
	again.parse(args)
	return &again
}

// refusedAgain is why the kubelet exits on the second parse. With a bare global
// bool it is not certain: somebody saw this kubelet run, so that it may have
// other flags than we know.
func (p parsed) refusedAgain(minor int) *problem {
	if !p.reparsed(minor) || p.again.syntax == nil || p.again.bare != "" {
		return nil
	}
	return &problem{"failed to precedence kubeletConfigFlag: " + p.again.syntax.Error(), p.again.wrong.source(p.again.wrong.Text)}
}

// reparsed reports whether 1.minor parses its command line again, and may find
// something else.
func (p parsed) reparsed(minor int) bool {
	files := p.paths.Config != "" || p.paths.ConfigDir != "" || p.paths.DynamicConfigDir != ""
	return p.again != nil && files && minor >= 10
}

// doubt forgets the settings of which the two parses find different flags. Which
// of them counts depends on the layer and on what a fork has for flags.
func (s *settings) doubt(p parsed, minor int) {
	if !p.reparsed(minor) || p.again.bare == "" {
		return
	}
	missing := fmt.Sprintf("a kubelet with configuration files parses its command line again, where %s takes the next argument for its value: %s=true and a restart would settle it", clip(p.again.bare), clip(p.again.bare))
	// A flag that was a value before may be one that no kubelet has.
	foreign := func(o option) bool { _, ok := p.flags.last(o.name); return !ok }
	if p.again.syntax != nil || slices.ContainsFunc(p.again.given, foreign) {
		s.forget(missing, minor)
		return
	}
	doubtFlag(&s.bootstrap, p, "rotate-server-certificates", missing)
	doubtFlag(&s.cert, p, "tls-cert-file", missing)
	doubtFlag(&s.key, p, "tls-private-key-file", missing)
	doubtFlag(&s.port, p, "port", missing)
	doubtFlag(&s.address, p, "address", missing)
	if hasServerField(minor) {
		doubtFlag(&s.enableServer, p, "enable-server", missing)
	}
	if !slices.Equal(p.flags.values("feature-gates"), p.again.values("feature-gates")) {
		s.gates.missing, s.gates.named = missing, maps.Clone(s.gates.named)
		for _, key := range gateKeys {
			delete(s.gates.named, key)
		}
	}
}

func doubtFlag[T any](s *Setting[T], p parsed, name, missing string) {
	if !slices.Equal(p.flags.values(name), p.again.values(name)) {
		*s = unknown[T](missing)
	}
}
