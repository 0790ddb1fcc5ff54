package kubelet

import (
	"fmt"
	"strings"
)

// judge turns settings that a kubelet 1.minor can start with into a rotation
// and its reason.
func (e *Effective) judge(minor int, p parsed) {
	decider := e.ServerTLSBootstrap
	name := "serverTLSBootstrap"
	if minor <= 10 {
		decider, name = e.Gate, "the feature gate "+rotationGate
	}
	switch {
	case !decider.Known():
		e.Why = name + " is not known: " + decider.Missing
	case decider.Value:
		e.Rotation, e.Decided = On, decider.Source
		e.Why = p.because(decider, name, minor)
		e.Masked = minor <= 35 && static(e.TLSCertFile) && static(e.TLSPrivateKeyFile)
	default:
		e.judgeOff(p.because(decider, name, minor), decider.Source)
	}
}

func static(s Setting[string]) bool { return s.Known() && s.Value != "" }

// judgeOff tells self-signed from static.
func (e *Effective) judgeOff(because string, decided Source) {
	cert, key := e.TLSCertFile, e.TLSPrivateKeyFile
	switch {
	case !cert.Known() || !key.Known():
		missing := cert.Missing
		if cert.Known() {
			missing = key.Missing
		}
		e.Why = fmt.Sprintf("not on (%s), but whether a static certificate is served is not known: %s", because, missing)
	case cert.Value != "" && key.Value != "":
		e.Rotation, e.Decided = External, cert.Source
		e.Why = fmt.Sprintf("the static certificate of %s is served: %s", where(cert.Source, "tlsCertFile"), because)
	case cert.Value != "" || key.Value != "":
		// Possible from 1.36 on, or without a server.
		e.Rotation, e.Decided = Off, decided
		e.Why = because + ": only one of tlsCertFile and tlsPrivateKeyFile is set, so that no certificate is served at all"
	default:
		e.Rotation, e.Decided = Off, decided
		e.Why = because + ": self-signed, never renewed"
	}
}

// because names the flag, the file or the default that decided.
func (p parsed) because(s Setting[bool], name string, minor int) string {
	if s.Source.Kind != FromDefault {
		return where(s.Source, name)
	}
	var places []string
	if p.paths.Config != "" {
		places = append(places, clip(p.config.path))
	}
	if n := len(p.dropIns); n > 0 {
		places = append(places, fmt.Sprintf("the drop-ins of %s", clip(p.paths.ConfigDir)))
	}
	if len(places) == 0 {
		return fmt.Sprintf("%s is not set by any flag and defaults to %t", name, s.Value)
	}
	return fmt.Sprintf("%s is not set in %s and defaults to %t", name, strings.Join(places, " or "), s.Value)
}

// where is a source in the words of a reason.
func where(s Source, name string) string {
	text := s.Text
	if text == "" {
		text = name
	}
	switch s.Kind {
	case FromFlag:
		if s.Path == "" {
			return text + " on the command line"
		}
		return fmt.Sprintf("%s in %s", text, clip(s.Path))
	case FromDistribution:
		if s.Path == "" {
			return text + " passed by the distribution"
		}
		return fmt.Sprintf("%s passed by the distribution (%s)", text, clip(s.Path))
	case FromFile, FromDropIn:
		return fmt.Sprintf("%s in %s", text, clip(s.Path))
	}
	return name + " by default"
}
