package distro

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kletscan/scanner/kubelet"
)

// approve is who approves the requests where the distribution does not: the
// controller kube-controller-manager has recognisers for client certificates
// only (pkg/controller/certificates/approver/sarapprove.go).
const approve = "Nothing approves these certificate requests by itself, not even kube-controller-manager: look at kubectl get csr and run kubectl certificate approve NAME, or install an approver such as kubelet-csr-approver."

// gateAlone is what the text of the benchmark leaves out.
const gateAlone = "The feature gate RotateKubeletServerCertificate, which the benchmark's text asks for, is no help: from Kubernetes 1.11 on it changes nothing alone, serverTLSBootstrap is the switch."

// Remedy says what to do about one kubelet, in the words of the distribution d
// that runs it: a sentence each, in the order in which to do it. It is nil
// where rotation is on and works as far as can be seen, and where nothing is
// known.
func Remedy(d Distro, s Subject, e kubelet.Effective) []string {
	s.restarted, s.approved = d.Restart, d.Approver
	switch {
	case e.Rotation == kubelet.Unknown, e.Rotation == kubelet.On && !e.Masked && !e.NoAPIClient:
		return nil
	case e.NoServer && e.Rotation != kubelet.Invalid:
		return nil // nothing is served, so there is nothing to rotate
	case e.NoAPIClient && e.Rotation != kubelet.Invalid:
		return standalone(s, e)
	case d.Remedy != nil:
		return d.Remedy(s, e)
	}
	return turnOn(s, e)
}

// Restart is how a change on this node takes effect, for a kubelet whose files
// are newer than its process. One sentence.
func Restart(d Distro, s Subject) string {
	s.restarted = d.Restart
	return s.restart(true)
}

// standalone is the advice for a kubelet that talks to no API server.
func standalone(s Subject, e kubelet.Effective) []string {
	if e.Rotation == kubelet.External {
		return nil // the only thing it can do
	}
	list := []string{"This kubelet has no --kubeconfig, so there is no API server that it could ask for a certificate: nothing is ever rotated."}
	if e.Rotation == kubelet.On {
		list = append(list, fmt.Sprintf("Give it a --kubeconfig, or take serverTLSBootstrap away (%s).", s.place(e.ServerTLSBootstrap.Source)))
	}
	return append(list, "Where it is to stay alone, give it tlsCertFile and tlsPrivateKeyFile of your own CA, and renew them yourself.", s.restart(true))
}

// turnOn says how to turn rotation on: what is in its way, where the switch is
// (how; none: the file or the flags that decide, by hand), what must not be
// left behind, what to restart, who approves.
func turnOn(s Subject, e kubelet.Effective, how ...string) []string {
	var list []string
	turning := e.Rotation == kubelet.Off || e.Rotation == kubelet.External
	if e.Rotation == kubelet.External && static(e) != "" {
		list = append(list, "Whoever issued "+static(e)+" renews it, and the control asks for no more; for the kubelet to do it by itself:")
	}
	blocking := obstacles(s, e)
	list = append(list, blocking...)
	if e.Rotation == kubelet.Invalid && len(blocking) == 0 {
		list = append(list, fmt.Sprintf("The kubelet exits with %q: correct %s.", e.Problem, s.place(e.Decided)))
	}
	if turning {
		if how == nil {
			how = byHand(s, e)
		}
		list = append(list, how...)
	}
	if text := leftBehind(s, e); text != "" && e.Rotation != kubelet.Invalid {
		list = append(list, text)
	}
	list = append(list, s.restart(strings.Contains(strings.Join(list, ""), "/systemd/")))
	if turning || e.Rotation == kubelet.Invalid && e.ServerTLSBootstrap.Value {
		list = append(list, cmp.Or(s.approved, approve))
	}
	if turning && !isOld(e) {
		list = append(list, gateAlone)
	}
	return list
}

// obstacles are the settings that keep rotation off by name, so that no other
// setting can turn it on.
func obstacles(s Subject, e kubelet.Effective) []string {
	var list []string
	if b := e.ServerTLSBootstrap; b.Known() && !b.Value {
		switch b.Source.Kind {
		case kubelet.FromFlag, kubelet.FromDistribution:
			list = append(list, fmt.Sprintf("%s (%s) must go: a flag beats every file.", b.Source.Text, s.place(b.Source)))
		case kubelet.FromDropIn:
			list = append(list, fmt.Sprintf("serverTLSBootstrap: false (%s) must go: a drop-in beats the file.", s.place(b.Source)))
		}
	}
	if g := e.Gate; g.Known() && !g.Value && g.Source.Kind != kubelet.FromDefault {
		list = append(list, fmt.Sprintf("%s (%s) must go: with the feature gate off, a kubelet that is asked to rotate does not start.",
			cmp.Or(g.Source.Text, "RotateKubeletServerCertificate=false"), s.place(g.Source)))
	}
	return list
}

// isOld reports that the kubelet certainly is of Kubernetes 1.10 or before,
// where the feature gate is the only switch.
func isOld(e kubelet.Effective) bool {
	return !e.Versions.Max.IsZero() && !e.Versions.Max.AtLeast(11)
}

// byHand says where the switch is on a node that nobody else configures.
func byHand(s Subject, e kubelet.Effective) []string {
	config := s.flag("config")
	switch {
	case isOld(e):
		return []string{fmt.Sprintf("This kubelet (%s) has no serverTLSBootstrap: upgrade to Kubernetes 1.12 or later and set it; until then the only switch is --feature-gates=RotateKubeletServerCertificate=true in %s.", e.Versions, s.arguments())}
	case config != "" && e.ServerTLSBootstrap.Source.Kind == kubelet.FromFile:
		return []string{fmt.Sprintf("Set serverTLSBootstrap: true in %s.", s.place(e.ServerTLSBootstrap.Source))}
	case config != "" && e.ServerTLSBootstrap.Source.Kind == kubelet.FromFlag:
		return []string{fmt.Sprintf("See to it that %s has serverTLSBootstrap: true.", config)}
	case config != "":
		return []string{fmt.Sprintf("Add serverTLSBootstrap: true to %s.", config)}
	case e.Versions.Max.Minor == 11 && e.Versions.Max.Major == 1:
		return []string{fmt.Sprintf("Kubernetes 1.11 has no flag for it: give the kubelet a --config file with serverTLSBootstrap: true, and with featureGates: RotateKubeletServerCertificate: true beside it, which 1.12 has by itself (%s).", s.arguments())}
	}
	return []string{fmt.Sprintf("Add --rotate-server-certificates=true to %s.", s.arguments())}
}

// static is the certificate file that the kubelet was told to serve, or empty.
func static(e kubelet.Effective) string {
	if e.TLSCertFile.Known() && e.TLSPrivateKeyFile.Known() && e.TLSPrivateKeyFile.Value != "" {
		return e.TLSCertFile.Value
	}
	return ""
}

// leftBehind warns of a static certificate beside rotation: up to 1.35 it hides
// the rotated one from all who dial by IP (net/http loads it beside
// GetCertificate; kubernetes PR 136762 for 1.36).
func leftBehind(s Subject, e kubelet.Effective) string {
	if static(e) == "" || e.Versions.Min.AtLeast(36) {
		return ""
	}
	cert, key := e.TLSCertFile.Source, e.TLSPrivateKeyFile.Source
	places := s.place(cert)
	switch {
	case cert.Path == key.Path && cert.Line > 0 && key.Line > 0:
		places = fmt.Sprintf("%s lines %d and %d", cert.Path, cert.Line, key.Line)
	case s.place(key) != places:
		places += " and " + s.place(key)
	}
	return fmt.Sprintf("tlsCertFile and tlsPrivateKeyFile (%s) must go, too: up to Kubernetes 1.35 clients that dial by IP, as the API server does, are served that certificate.", places)
}

// place is where a setting stands, in the words of an instruction. A flag of a
// running process stands where its unit has it.
func (s Subject) place(source kubelet.Source) string {
	if source.Path == "" && source.Text != "" {
		name, _, _ := strings.Cut(source.Text, "=")
		name, _, _ = strings.Cut(name, " ")
		for _, word := range slices.Backward(s.Start.Words) {
			if word.Text == name || strings.HasPrefix(word.Text, name+"=") {
				source.Path, source.Line = word.Source.Path, word.Source.Line
				break
			}
		}
	}
	switch {
	case source.Path == "":
		return "the kubelet's command line"
	case source.Line > 0:
		return fmt.Sprintf("%s line %d", source.Path, source.Line)
	}
	return source.Path
}

// arguments is where the kubelet's arguments are edited: the variable that the
// unit puts in last, as the user's own comes last everywhere, or the unit.
func (s Subject) arguments() string {
	for _, word := range slices.Backward(s.Start.Words) {
		if v := word.Source.Variable; v != "" && word.Source.Path != "" {
			return v + " in " + word.Source.Path
		}
	}
	if s.Start.Missing == "" && len(s.Start.files) > 0 {
		return "the arguments in " + s.Start.files[0]
	}
	return "the kubelet's arguments"
}

// restart is how a change takes effect; reload: of unit files, too.
func (s Subject) restart(reload bool) string {
	unit := s.unit()
	name := strings.TrimSuffix(unit, ".service")
	switch {
	case s.restarted != "":
		return s.restarted
	case unit == "":
		return "Then restart the kubelet."
	case name == unit:
		return "Then rc-service " + name + " restart."
	case reload:
		return "Then systemctl daemon-reload and systemctl restart " + name + "."
	}
	return "Then systemctl restart " + name + "."
}
