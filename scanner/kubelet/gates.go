package kubelet

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// rotationGate is alpha and false up to 1.11, beta and true from 1.12, and up
// to 1.36 neither GA nor locked (pkg/features/kube_features.go).
const rotationGate = "RotateKubeletServerCertificate"

// gate is one feature gate that is spelled out, and where.
type gate struct {
	value  bool
	source Source
}

// gates is the kubelet's feature gate map.
type gates struct {
	named   map[string]gate
	missing string // why more may be named, or others; empty: these are all
}

// flagGates parses --feature-gates as a kubelet 1.minor does. Up to 1.8 the
// flag is a string and its last occurrence counts alone; from 1.9 it is a
// MapStringBool (component-base/cli/flag/map_string_bool.go) and occurrences
// merge.
func flagGates(f Flags, minor int) (map[string]gate, *problem) {
	named := make(map[string]gate)
	if minor <= 8 {
		o, ok := f.last("feature-gates")
		if !ok {
			return named, nil
		}
		if err := o.addGates(named, minor); err != nil {
			return named, &problem{err.Error(), o.source(o.arg.Text)}
		}
		return named, nil
	}
	for _, o := range f.given {
		if o.name != "feature-gates" {
			continue
		}
		if err := o.addGates(named, minor); err != nil {
			text := fmt.Sprintf("invalid argument %q for \"--feature-gates\" flag: %v", clip(o.value), err)
			return named, &problem{text, o.source(o.arg.Text)}
		}
	}
	return named, nil
}

// addGates adds the pairs of one --feature-gates value: comma-separated, empty
// items skipped, blanks around key and value dropped, strconv.ParseBool.
func (o option) addGates(named map[string]gate, minor int) error {
	for item := range strings.SplitSeq(o.value, ",") {
		if item == "" {
			continue
		}
		key, text, ok := strings.Cut(item, "=")
		key, text = strings.TrimSpace(key), strings.TrimSpace(text)
		switch {
		case !ok && minor <= 8:
			return fmt.Errorf("missing bool value for %s", clip(key))
		case !ok:
			return errors.New("malformed pair, expect string=bool")
		}
		value, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("invalid value of %s: %s, err: %s", clip(key), clip(text), clip(err.Error()))
		}
		named[key] = gate{value, o.source("--feature-gates=" + key + "=" + text)}
	}
	return nil
}

// gateSpans are the gates whose life is known for certain. Others are not
// judged: distributions add and keep gates of their own.
var gateSpans = []span{
	{"AllBeta", 17, 0},
	{"ReloadKubeletServerCertificateFile", 31, 0},
	{"RotateKubeletClientCertificate", 0, 20},
}

// check is what featureGate.SetFromMap says to the map in 1.minor, as far as
// the gates are known (component-base/featuregate/feature_gate.go).
func check(named map[string]gate, minor int) *problem {
	for _, s := range gateSpans {
		g, ok := named[s.name]
		switch {
		case !ok:
		case !s.holds(minor) && minor <= 11:
			return &problem{"unrecognized key: " + s.name, g.source}
		case !s.holds(minor):
			return &problem{"unrecognized feature gate: " + s.name, g.source}
		case s.name == "RotateKubeletClientCertificate" && minor >= 19 && !g.value:
			return &problem{"cannot set feature gate RotateKubeletClientCertificate to false, feature is locked to true", g.source}
		}
	}
	return nil
}

// forget makes every gate unknown: a layer that cannot be read was put on top.
func (g *gates) forget(missing string) {
	*g = gates{missing: missing}
}

// put adds a layer on top, key by key.
func (g *gates) put(layer map[string]gate) {
	if len(layer) == 0 {
		return
	}
	if g.named = maps.Clone(g.named); g.named == nil {
		g.named = make(map[string]gate, len(layer))
	}
	maps.Copy(g.named, layer)
}

// dynamicGate is alpha and false up to 1.10, beta and true from 1.11 to 1.21,
// deprecated and false in 1.22 and 1.23 (pkg/features/kube_features.go; PR
// 64275).
const dynamicGate = "DynamicKubeletConfig"

// dynamic is the effective DynamicKubeletConfig in 1.minor, up to 1.23. One
// that is not known is on: without it the kubelet refuses --dynamic-config-dir.
func (g gates) dynamic(minor int) Setting[bool] {
	if named, ok := g.named[dynamicGate]; ok {
		return known(named.value, named.source)
	}
	if all, ok := g.named["AllAlpha"]; ok && minor <= 10 && all.value {
		return known(true, all.source)
	}
	if all, ok := g.named["AllBeta"]; ok && minor >= 17 && minor <= 21 && !all.value {
		return known(false, all.source)
	}
	return known(minor >= 11 && minor <= 21, byDefault(minor))
}

// rotation is the effective RotateKubeletServerCertificate in 1.minor. A gate
// that is spelled out beats AllAlpha and AllBeta, whatever their order
// (setUnsetAlphaGates, setUnsetBetaGates).
func (g gates) rotation(minor int) Setting[bool] {
	if named, ok := g.named[rotationGate]; ok {
		return known(named.value, named.source)
	}
	if g.missing != "" {
		return unknown[bool](g.missing)
	}
	if all, ok := g.named["AllAlpha"]; ok && minor <= 11 && all.value {
		return known(true, all.source)
	}
	if all, ok := g.named["AllBeta"]; ok && minor >= 17 && !all.value {
		return known(false, all.source)
	}
	return known(minor >= 12, byDefault(minor))
}
