package kubelet

import (
	"fmt"
	"strconv"
)

// settings is the object that the kubelet fills layer by layer.
type settings struct {
	bootstrap    Setting[bool]
	enableServer Setting[bool]
	cert         Setting[string]
	key          Setting[string]
	address      Setting[string]
	port         Setting[int]
	gates        gates

	active   *document // the dynamic configuration that replaced the --config file; nil: none did
	presumed string    // which one that is, in the words of a reason; empty: there is no doubt
	rejected string    // why the assigned dynamic configuration is not active; empty: it is, or there is none
}

// problem is why a kubelet exits, in its own words, and what made it so.
type problem struct {
	text   string
	source Source
}

func known[T any](value T, source Source) Setting[T] {
	return Setting[T]{Value: value, Source: source}
}

func unknown[T any](missing string) Setting[T] {
	return Setting[T]{Missing: missing}
}

// byDefault is the source of a default of 1.minor.
func byDefault(minor int) Source {
	return Source{Kind: FromDefault, Text: release(minor).minor()}
}

// nothing is the settings of a kubelet that exits before it sets any.
func nothing(missing string) settings {
	var s settings
	s.forget(missing, newest)
	return s
}

// defaults are those of 1.minor (pkg/kubelet/apis/config/v1beta1/defaults.go).
func defaults(minor int) settings {
	from := byDefault(minor)
	s := settings{
		bootstrap:    known(false, from),
		enableServer: known(true, from),
		cert:         known("", from),
		key:          known("", from),
		address:      known("0.0.0.0", from),
		port:         known(10250, from),
	}
	if minor <= 10 {
		s.bootstrap.Source.Text += " has no serverTLSBootstrap"
	}
	return s
}

// forget makes everything unknown that a file can set.
func (s *settings) forget(missing string, minor int) {
	server, bootstrap := s.enableServer, s.bootstrap
	*s = settings{
		bootstrap:    unknown[bool](missing),
		enableServer: unknown[bool](missing),
		cert:         unknown[string](missing),
		key:          unknown[string](missing),
		address:      unknown[string](missing),
		port:         unknown[int](missing),
	}
	s.gates.forget(missing)
	if !hasBootstrapField(minor) {
		s.bootstrap = bootstrap
	}
	if !hasServerField(minor) {
		s.enableServer = server
	}
}

// serverTLSBootstrap is a field from 1.11 on (PR 62352); before, the name is
// ignored as any unknown field is.
func hasBootstrapField(minor int) bool { return minor >= 11 }

// enableServer is a field from 1.19 on, a mere flag before.
func hasServerField(minor int) bool { return minor >= 19 }

// file puts the --config file, or a dynamic configuration in its place, on top
// of the defaults. What it does not write, writes as null or leaves empty is
// defaulted again.
func (s *settings) file(d document, minor int) *problem {
	c, err := d.decode()
	if err != nil {
		return &problem{"failed to decode: " + err.Error(), Source{Kind: d.kind, Path: d.path}}
	}
	if c.serverTLSBootstrap != nil && hasBootstrapField(minor) {
		s.bootstrap = known(*c.serverTLSBootstrap, d.source(*c.serverTLSBootstrap, "serverTLSBootstrap"))
	}
	if c.enableServer != nil && hasServerField(minor) {
		s.enableServer = known(*c.enableServer, d.source(*c.enableServer, "enableServer"))
	}
	if c.tlsCertFile != nil && *c.tlsCertFile != "" {
		s.cert = known(d.beside(*c.tlsCertFile), d.source(*c.tlsCertFile, "tlsCertFile"))
	}
	if c.tlsPrivateKeyFile != nil && *c.tlsPrivateKeyFile != "" {
		s.key = known(d.beside(*c.tlsPrivateKeyFile), d.source(*c.tlsPrivateKeyFile, "tlsPrivateKeyFile"))
	}
	if c.address != nil && *c.address != "" {
		s.address = known(*c.address, d.source(*c.address, "address"))
	}
	if c.port != nil && *c.port != 0 {
		s.port = known(*c.port, d.source(*c.port, "port"))
	}
	s.gates.put(d.gates(c.featureGates))
	return nil
}

// gates gives a file's gates their source.
func (d document) gates(named map[string]bool) map[string]gate {
	layer := make(map[string]gate, len(named))
	for key, value := range named {
		layer[key] = gate{value: value}
		if decisive(key) {
			layer[key] = gate{value, d.source(value, "featureGates", key)}
		}
	}
	return layer
}

// decisive reports whether a gate can matter to a verdict.
func decisive(name string) bool {
	switch name {
	case rotationGate, dynamicGate, "AllAlpha", "AllBeta":
		return true
	}
	for _, s := range gateSpans {
		if s.name == name {
			return true
		}
	}
	return false
}

// flags puts the command line on top: a flag that is given wins even where it
// equals the default (kubeletConfigFlagPrecedence in cmd/kubelet/app/server.go).
func (s *settings) flags(p parsed, named map[string]gate, minor int) {
	f := p.flags
	if o, ok := f.last("rotate-server-certificates"); ok {
		s.bootstrap = known(isTrue(o.value), o.source(o.arg.Text))
	}
	if o, ok := f.last("enable-server"); ok {
		s.enableServer = known(isTrue(o.value), o.source(o.arg.Text))
	}
	if o, ok := f.last("tls-cert-file"); ok {
		s.cert = known(o.value, o.source(o.arg.Text))
	}
	if o, ok := f.last("tls-private-key-file"); ok {
		s.key = known(o.value, o.source(o.arg.Text))
	}
	if o, ok := f.lastFull("address"); ok {
		s.address = known(o.value, o.source(o.arg.Text))
	}
	if o, ok := f.last("port"); ok {
		s.port = known(portNumber(o.value), o.source(o.arg.Text))
	}
	s.gates.put(named)
	s.doubt(p, minor)
}

// portNumber is --port's value; checkValue has refused what is none.
func portNumber(value string) int {
	n, _ := strconv.ParseInt(value, 0, 32)
	return int(n)
}

// bootstrapNeedsGate is what the validation says from 1.11 to today.
const bootstrapNeedsGate = "invalid configuration: serverTLSBootstrap true requires feature gate " + rotationGate

// validate is what ValidateKubeletConfiguration says of what is known
// (pkg/kubelet/apis/config/validation).
func (s settings) validate(minor int) *problem {
	if p := check(s.gates.named, minor); p != nil {
		return p
	}
	gate := s.gates.rotation(minor)
	if minor >= 11 && s.bootstrap.Known() && s.bootstrap.Value && gate.Known() && !gate.Value {
		source := gate.Source
		if source.Kind == FromDefault {
			source = s.bootstrap.Source // 1.11, where the gate is still alpha
		}
		return &problem{bootstrapNeedsGate, source}
	}
	if port := s.port; port.Known() && minor >= 10 && (port.Value < 1 || port.Value > 65535) {
		return &problem{fmt.Sprintf("invalid configuration: port (--port) %d must be between 1 and 65535, inclusive", port.Value), port.Source}
	}
	return nil
}

// listen is what the start of the server says of one name without the other:
// net/http's ListenAndServeTLS loads the pair whenever a name is there; 1.36 no
// longer passes them on.
func (s settings) listen(minor int) *problem {
	if minor <= 35 && s.enableServer.Known() && s.enableServer.Value && s.cert.Known() && s.key.Known() {
		switch {
		case s.cert.Value != "" && s.key.Value == "":
			return &problem{"Failed to listen and serve: tlsCertFile is set and tlsPrivateKeyFile is not", s.cert.Source}
		case s.cert.Value == "" && s.key.Value != "":
			return &problem{"Failed to listen and serve: tlsPrivateKeyFile is set and tlsCertFile is not", s.key.Source}
		}
	}
	return nil
}
