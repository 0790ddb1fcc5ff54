package oracle

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exception is a difference between scanner/kubelet and the kubelet that is
// known. TestExceptions fails as soon as one is gone: then it is deleted here.
type exception struct {
	name    string
	because string
	minor   int
	example node
	covers  func(d difference) bool
}

const header = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

var withConfig = []string{"--config", configPath}

// byDesign are the differences that are wanted: scanner/kubelet judges only
// what decides the serving certificate, forks of the kubelet have more of
// everything, and where it would take too much to be right it says that it
// does not know.
var byDesign = []exception{
	{
		name:    "forks have flags of their own",
		because: "a flag that no kubelet has is no error in ParseFlags",
		minor:   newest, example: node{args: []string{"--no-such-flag"}},
		covers: refused(`^unknown flag: --`),
	},
	{
		name:    "distributions have gates of their own",
		because: "only gates whose life is known for certain are judged (gateSpans)",
		minor:   newest, example: node{args: []string{"--feature-gates==true"}},
		covers: refused(`^unrecognized feature gate: $`),
	},
	{
		name:    "flags that decide nothing are not typed",
		because: "checkValue knows the types that matter",
		minor:   newest, example: node{args: []string{"-v", "x"}},
		covers: refused(`for "-v, --v" flag: strconv\.ParseUint`),
	},
	{
		name:    "fields that decide nothing are not typed",
		because: "decode knows the fields that matter",
		minor:   newest, example: node{args: withConfig, config: header + "maxPods: x\n"},
		covers: refused(`Go struct field KubeletConfiguration\.maxPods of type`),
	},
	{
		name: "a bare global bool flag swallows the next argument",
		because: "with files the command line is parsed again, and there the flags of cAdvisor, and up to 1.25 those of klog, " +
			"are no bools any more (newFakeFlagSet): what the two parses find different flags of is not known",
		minor: newest, example: node{args: slices.Concat(withConfig, []string{"--log-cadvisor-usage", "--rotate-server-certificates"}), config: header},
		covers: notKnown("parses its command line again"),
	},
	{
		name:    "a JSON key that is there twice",
		because: "each is decoded in turn over what is there, which takes a tokenizer to follow",
		minor:   newest, example: node{args: withConfig, config: `{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","serverTLSBootstrap":true,"serverTLSBootstrap":null}`},
		covers: notKnown("twice in JSON: look at it by hand"),
	},
	{
		name:    "gates in a drop-in of 1.29 to 1.31 under a key that sorts before FeatureGates",
		because: "without gates in the file the merged object has \"FeatureGates\": null, which is decoded later and drops them",
		minor:   30, example: node{args: []string{"--config-dir", configDir}, dropIns: []string{header + "FEATUREGATES: {RotateKubeletServerCertificate: false}\n"}},
		covers: notKnown("spells featureGates as "),
	},
}

// exception is the first that covers the difference; nil: it is news.
func (d difference) exception() *exception {
	for i := range byDesign {
		if byDesign[i].covers(d) {
			return &byDesign[i]
		}
	}
	return nil
}

// refused covers what only the kubelet refuses, with these words.
func refused(words string) func(difference) bool {
	pattern := regexp.MustCompile(words)
	return func(d difference) bool { return d.ours.exit == "" && pattern.MatchString(d.theirs.exit) }
}

// notKnown covers what scanner/kubelet says that it does not know, for this
// reason; what it knows must be so.
func notKnown(reason string) func(difference) bool {
	return func(d difference) bool {
		return strings.Contains(d.ours.missing, reason) && (d.theirs.exit != "" || d.theirs.values.fit(d.resolve(d.minor)))
	}
}

// TestExceptions keeps the list honest: every example still differs, and no
// other exception hides it.
func TestExceptions(t *testing.T) {
	for _, e := range byDesign {
		t.Run(e.name, func(t *testing.T) {
			d, differ := e.example.compare(e.minor)
			if !differ {
				t.Fatalf("both sides agree by now: delete this exception\n%s", d)
			}
			if found := d.exception(); found == nil || found.name != e.name {
				t.Errorf("is covered by %+v\n%s", found, d)
			}
		})
	}
}
