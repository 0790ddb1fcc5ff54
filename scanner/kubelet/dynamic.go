package kubelet

import (
	"errors"
	"fmt"
	"path"
	"regexp"
)

// DynamicConfig is what --dynamic-config-dir names, as a kubelet of 1.11 to
// 1.23 lays it out (pkg/kubelet/kubeletconfig/checkpoint/store/fsstore.go):
//
//	store/meta/assigned         which configuration is assigned; empty: the local one
//	store/meta/last-known-good  which one to fall back on; empty: the local one
//	store/checkpoints/UID/RESOURCEVERSION/KEY  whole KubeletConfigurations
type DynamicConfig struct {
	Dir           string // as the kubelet would open it, absolute where that is known
	Assigned      Checkpoint
	LastKnownGood Checkpoint
}

// Checkpoint is one configuration that the kubelet once downloaded. The zero
// value is one that nobody looked for.
type Checkpoint struct {
	Meta   File // the file below store/meta: DynamicMeta gives its path
	Config File // what Meta points to: DynamicCheckpoint gives its path; ignored where Meta points nowhere
}

// DynamicMeta gives the two files that say which configurations below dir are
// meant.
func DynamicMeta(dir string) (assigned, lastKnownGood string) {
	meta := path.Join(dir, "store/meta")
	return path.Join(meta, "assigned"), path.Join(meta, "last-known-good")
}

// DynamicCheckpoint gives the KubeletConfiguration that a file of DynamicMeta
// points to. ok is false for an empty file, which stands for the local
// configuration, and beside an error: for a file that is no
// SerializedNodeConfigSource, and for one whose parts are no mere names, which
// no API server lets into it: nobody should open what it asks for.
func DynamicCheckpoint(dir string, meta []byte) (name string, ok bool, err error) {
	if len(meta) == 0 {
		return "", false, nil
	}
	ref, err := decodeReference(meta)
	if err != nil {
		return "", false, err
	}
	if err := ref.check(); err != nil {
		return "", false, err
	}
	return ref.path(dir), true, nil
}

// reference is the part of a SerializedNodeConfigSource that finds its
// checkpoint.
type reference struct{ uid, resourceVersion, key string }

func (r reference) path(dir string) string {
	return path.Join(dir, "store/checkpoints", r.uid, r.resourceVersion, r.key)
}

// partial reports whether a part is empty, which the kubelet takes for a
// checkpoint that it cannot load.
func (r reference) partial() bool { return r.uid == "" || r.resourceVersion == "" || r.key == "" }

// plainName is what the key of a ConfigMap is (IsConfigMapKey in apimachinery):
// neither "." nor anything that begins with "..". A UID and a resource version
// are plainer still.
var plainName = regexp.MustCompile(`^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$`)

const maxName = 253 // bytes, of such a key

// check refuses what could lead out of the directory.
func (r reference) check() error {
	for _, part := range []struct{ name, text string }{
		{"uid", r.uid}, {"resourceVersion", r.resourceVersion}, {"kubeletConfigKey", r.key},
	} {
		if len(part.text) > maxName || !plainName.MatchString(part.text) {
			return fmt.Errorf("source.configMap.%s %q: expected a name of letters, digits, '-', '_' and '.': look at it by hand", part.name, clip(part.text))
		}
	}
	return nil
}

// decodeReference decodes as DecodeRemoteConfigSource does
// (pkg/kubelet/kubeletconfig/checkpoint/download.go): lenient, exact case.
func decodeReference(meta []byte) (reference, error) {
	var r reference
	d := document{kind: FromDynamic}
	if len(meta) > maxDocument {
		return r, errors.New("failed to decode: larger than 1 MiB")
	}
	if d.syntax = parseSyntax(meta, false); d.err != nil {
		return r, printed(clip(d.err.Error()))
	}
	if err := d.checkKind("SerializedNodeConfigSource"); err != nil {
		return r, fmt.Errorf("failed to decode: %w", err)
	}
	source, _ := asObject(d.fields["source"])
	configMap, ok := asObject(source["configMap"])
	if !ok {
		return r, errors.New("invalid NodeConfigSource, exactly one subfield must be non-nil, but all were nil")
	}
	for _, part := range []struct {
		name string
		to   *string
	}{{"uid", &r.uid}, {"resourceVersion", &r.resourceVersion}, {"kubeletConfigKey", &r.key}} {
		switch value := configMap[part.name].(type) {
		case nil:
		case string:
			*part.to = value
		default:
			return r, fmt.Errorf("failed to decode: source.configMap.%s: expected a string", part.name)
		}
	}
	return r, nil
}

// checkpoint is a Checkpoint, parsed as far as no version matters.
type checkpoint struct {
	meta   document // missing: nobody knows; err: the kubelet exits with it
	none   bool     // it points nowhere: the local configuration is meant
	config document // missing: nobody knows; err: it cannot be loaded
}

// readCheckpoint parses one Checkpoint. Where its file is absent a kubelet
// that starts makes an empty one.
func (m *Memo) readCheckpoint(dir, meta string, c Checkpoint) checkpoint {
	d := document{kind: FromDynamic, path: meta}
	switch {
	case !c.Meta.Newer && c.Meta.State == Absent, !c.Meta.Newer && c.Meta.State == Present && len(c.Meta.Content) == 0:
		return checkpoint{meta: d, none: true}
	case c.Meta.Newer || c.Meta.State != Present:
		return checkpoint{meta: m.readDocument(File{Path: meta, State: c.Meta.State, Reason: c.Meta.Reason, Newer: c.Meta.Newer}, meta, FromDynamic)}
	}
	ref, err := decodeReference(c.Meta.Content)
	if err != nil {
		d.err = err
		return checkpoint{meta: d}
	}
	if ref.partial() {
		config := d
		config.err = errors.New("empty UID, ResourceVersion or KubeletConfigKey is ambiguous")
		return checkpoint{meta: d, config: config}
	}
	if err := ref.check(); err != nil {
		d.missing = fmt.Sprintf("%s is not followed: %v", clip(meta), err)
		d.short = "not followed: " + err.Error()
		return checkpoint{meta: d}
	}
	return checkpoint{meta: d, config: m.readDocument(c.Config, ref.path(dir), FromDynamic)}
}

// missing is why nobody knows what the checkpoint says; empty: somebody does.
func (c checkpoint) missing() string {
	if c.meta.missing != "" {
		return c.meta.missing
	}
	return c.config.missing
}

// dynamic puts a dynamic configuration in the place of the --config file, as
// NewKubeletCommand and Bootstrap in pkg/kubelet/kubeletconfig/controller.go do
// from 1.11 to 1.23. local is without the command line, named its gates.
func (p parsed) dynamic(local settings, named map[string]gate, minor int) (settings, *problem) {
	whole := local
	whole.flags(p, named, minor)
	if bad := whole.validate(minor); bad != nil {
		return whole, bad // the local configuration must be valid, whoever is active
	}
	if on := whole.gates.dynamic(minor); !on.Value {
		return whole, &problem{"failed to bootstrap Kubelet config controller, you must enable the DynamicKubeletConfig feature gate", on.Source}
	}
	for _, c := range []checkpoint{p.assigned, p.lastKnownGood} {
		if c.meta.err != nil { // both are decoded, though one may not be needed
			return whole, undetermined(c.meta.err.Error(), c.meta.path)
		}
	}
	if p.assigned.none {
		return whole, nil
	}
	s, bad := p.replaced(p.assigned, local, named, minor)
	if bad == nil {
		s.presumed = "assigned, presumably"
		return s, nil
	}
	rejected := bad.text
	if p.lastKnownGood.none {
		whole.presumed, whole.rejected = "local, presumably", rejected
		return whole, nil
	}
	s, bad = p.replaced(p.lastKnownGood, local, named, minor)
	if bad != nil {
		return whole, undetermined(bad.text, p.lastKnownGood.config.path)
	}
	s.presumed, s.rejected = "last known good, presumably", rejected
	return s, nil
}

func undetermined(text, name string) *problem {
	return &problem{"failed to determine a valid configuration, error: " + clip(text), Source{Kind: FromDynamic, Path: name}}
}

// replaced is the settings with a checkpoint in the place of the --config file,
// or why the kubelet does not take it. Only the feature gates of the file stay:
// they are the process's (SetFromMap).
func (p parsed) replaced(c checkpoint, local settings, named map[string]gate, minor int) (settings, *problem) {
	s := defaults(minor)
	s.gates = local.gates
	if missing := c.missing(); missing != "" {
		s = p.unread(missing, minor)
		s.flags(p, named, minor)
		return s, nil
	}
	if c.config.err != nil {
		return s, &problem{clip(c.config.err.Error()), Source{Kind: FromDynamic, Path: c.config.path}}
	}
	if bad := s.file(c.config, minor); bad != nil {
		return s, bad
	}
	for _, all := range []string{"AllAlpha", "AllBeta"} {
		if first, ok := local.gates.named[all]; ok {
			s.gates.put(map[string]gate{all: first}) // it has set every gate already, and they stay
		}
	}
	s.flags(p, named, minor)
	if bad := s.validate(minor); bad != nil {
		return s, bad
	}
	if gate := s.gates.rotation(minor); s.bootstrap.Source.Kind == FromDynamic && s.bootstrap.Value && !gate.Known() {
		s = p.unread(gate.Missing, minor) // with the gate off the kubelet would not take it
		s.flags(p, named, minor)
		return s, nil
	}
	s.active = &c.config
	return s, nil
}

// unread is settings that depend on a dynamic configuration that is not at hand.
func (p parsed) unread(missing string, minor int) settings {
	s := defaults(minor)
	s.forget(fmt.Sprintf("a dynamic configuration below %s may replace the file: %s; Node.status.config or /configz would settle it, too", clip(p.paths.DynamicConfigDir), missing), minor)
	return s
}
