package kubelet

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxDropIns bounds what is parsed of one --config-dir, in bytes over all
// files; the rest counts as not read.
const maxDropIns = 4 << 20

// readDropIns parses the files that the kubelet would load: filepath.WalkDir's
// order is the caller's, the suffix ".conf" is exact.
func (m *Memo) readDropIns(dir DropInDir) []document {
	var docs []document
	total := 0
	for _, f := range dir.Files {
		if path.Ext(f.Path) != ".conf" {
			continue
		}
		if total += len(f.Content); total > maxDropIns {
			f.State, f.Reason, f.Content = Unreadable, "the drop-ins are larger than 4 MiB together", nil
		}
		docs = append(docs, m.readDocument(f, dir.Path, FromDropIn))
	}
	return docs
}

// dropIns puts the files of --config-dir on top, as 1.minor merges them
// (mergeKubeletConfigurations in cmd/kubelet/app/server.go):
//
//   - 1.28: each file is decoded and defaulted like --config, then
//     mergo.Merge(WithOverride): what is zero is ignored, defaults count.
//   - 1.29 to 1.31: JSON merge patches on the internal object, whose keys are
//     the names of Go fields, decoded over the object at the end.
//   - 1.32 on: JSON merge patches on the v1beta1 object, decoded and defaulted
//     at the end.
func (s *settings) dropIns(dir DropInDir, named string, docs []document, minor int) *problem {
	name := dir.Path
	if name == "" {
		name = named
	}
	switch {
	case dir.State == Absent:
		text := fmt.Sprintf("failed to merge kubelet configs: failed to walk through kubelet dropin directory %q: lstat %s: no such file or directory", clip(name), clip(name))
		return &problem{text, Source{Kind: FromDropIn, Path: name}}
	case dir.State == Unreadable:
		s.forget(fmt.Sprintf("%s could not be listed (%s): its .conf files would settle it", clip(name), clip(dir.Reason)), minor)
		return nil
	case dir.State != Present:
		s.forget(fmt.Sprintf("%s was not listed: its .conf files would settle it", clip(name)), minor)
		return nil
	case dir.Newer:
		s.forget(fmt.Sprintf("a file was added to or removed from %s after the process started: the served certificate or a restart would settle it", clip(name)), minor)
		return nil
	}
	if minor == 28 {
		docs = slices.Clone(docs)
		for i, d := range docs {
			docs[i] = d.once()
		}
	}
	for _, d := range docs {
		if err := d.refusal(minor); err != nil {
			text := fmt.Sprintf("failed to merge kubelet configs: failed to walk through kubelet dropin directory %q: failed to load kubelet dropin file, path: %s, error: %s", clip(name), clip(d.path), clip(err.Error()))
			return &problem{text, Source{Kind: FromDropIn, Path: d.path}}
		}
	}
	if minor == 28 {
		for _, d := range docs {
			s.override(d, minor)
		}
		return nil
	}
	return s.patch(docs, minor)
}

// refusal is why 1.minor exits on the file as such.
func (d document) refusal(minor int) error {
	switch {
	case d.missing != "":
		return nil
	case d.err != nil:
		return d.err
	case minor == 28:
		_, err := d.decode()
		return err
	case d.strict != nil:
		return d.strict
	case d.untyped != nil:
		return d.untyped
	}
	kind, _ := d.fields["kind"].(string)
	group, _ := d.fields["apiVersion"].(string)
	switch {
	case strings.Count(group, "/") > 1:
		return fmt.Errorf("unexpected GroupVersion string: %s", clip(group))
	case kind == "":
		return printed("Object 'Kind' is missing")
	case minor >= 32 && (kind != configKind || group != configGroup):
		return fmt.Errorf("%s, Kind=%s: expected %s, Kind=%s", clip(group), clip(kind), configGroup, configKind)
	}
	return nil
}

// override merges one file as 1.28 does. The file's own defaults are not zero
// and override the --config file: port, address and enableServer.
func (s *settings) override(d document, minor int) {
	if d.missing != "" {
		// What is on cannot be switched off any more.
		on := s.bootstrap
		s.forget(d.missing, minor)
		if on.Known() && on.Value {
			s.bootstrap = on
		}
		return
	}
	c, _ := d.decode() // refusal has looked at the error
	if c.serverTLSBootstrap != nil && *c.serverTLSBootstrap {
		s.bootstrap = known(true, d.source(true, "serverTLSBootstrap"))
	}
	if c.tlsCertFile != nil && *c.tlsCertFile != "" {
		s.cert = known(d.beside(*c.tlsCertFile), d.source(*c.tlsCertFile, "tlsCertFile"))
	}
	if c.tlsPrivateKeyFile != nil && *c.tlsPrivateKeyFile != "" {
		s.key = known(d.beside(*c.tlsPrivateKeyFile), d.source(*c.tlsPrivateKeyFile, "tlsPrivateKeyFile"))
	}
	if c.enableServer == nil || *c.enableServer {
		s.enableServer = known(true, d.source(true, "enableServer"))
	}
	address := "0.0.0.0"
	if c.address != nil && *c.address != "" {
		address = *c.address
	}
	s.address = known(address, d.source(address, "address"))
	port := 10250
	if c.port != nil && *c.port != 0 {
		port = *c.port
	}
	s.port = known(port, d.source(port, "port"))
	s.gates.put(d.gates(c.featureGates))
}
