package kubelet

import (
	"fmt"
	"strconv"
	"strings"
)

// judge turns settings that a kubelet 1.minor can start with into a rotation
// and its reason.
func (e *Effective) judge(minor int, p parsed, s settings) {
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
		e.Why = p.because(s, decider, name)
		e.Masked = minor <= 35 && static(e.TLSCertFile) && static(e.TLSPrivateKeyFile)
	default:
		e.judgeOff(p.because(s, decider, name), decider.Source, s.presumed)
	}
}

func static(s Setting[string]) bool { return s.Known() && s.Value != "" }

// judgeOff tells self-signed from static.
func (e *Effective) judgeOff(because string, decided Source, presumed string) {
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
		e.Why = "the static certificate of " + where(cert.Source, "tlsCertFile", presumed) + " is served: " + because
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
func (p parsed) because(s settings, decider Setting[bool], name string) string {
	if decider.Source.Kind != FromDefault {
		return where(decider.Source, name, s.presumed)
	}
	var places []string
	switch {
	case s.active != nil:
		places = append(places, within(s.active.path, s.presumed))
	case p.paths.Config != "":
		places = append(places, within(p.config.path, s.presumed))
	}
	if len(p.dropIns) > 0 {
		places = append(places, "the drop-ins of "+clip(p.paths.ConfigDir))
	}
	if len(places) == 0 {
		return within(name+" is not set by any flag and defaults to "+strconv.FormatBool(decider.Value), s.presumed)
	}
	return name + " is not set in " + strings.Join(places, " or ") + " and defaults to " + strconv.FormatBool(decider.Value)
}

// within is a place in the words of a reason, with what is not certain of it.
func within(place, presumed string) string {
	if presumed == "" {
		return clip(place)
	}
	return clip(place) + " (" + presumed + ")"
}

// where is a source in the words of a reason.
func where(s Source, name, presumed string) string {
	text := s.Text
	if text == "" {
		text = name
	}
	switch s.Kind {
	case FromFlag:
		if s.Path == "" {
			return text + " on the command line"
		}
		return text + " in " + clip(s.Path)
	case FromDistribution:
		if s.Path == "" {
			return text + " passed by the distribution"
		}
		return text + " passed by the distribution (" + clip(s.Path) + ")"
	case FromFile, FromDropIn, FromDynamic:
		return text + " in " + within(s.Path, presumed)
	}
	return name + " by default"
}
