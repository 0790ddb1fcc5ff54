package oracle

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
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
// what decides the serving certificate, and forks of the kubelet have more of
// everything.
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
}

// toMend are the differences that are mistakes of scanner/kubelet.
var toMend = []exception{
	{
		name: "a bare global bool flag swallows the next argument",
		because: "with files the command line is parsed again, and there the flags of cAdvisor, and up to 1.25 those of klog, " +
			"are no bools any more (newFakeFlagSet): what follows one is not put on top of the files, and at the end it is fatal",
		minor: newest, example: node{args: slices.Concat(withConfig, []string{"--log-cadvisor-usage", "--rotate-server-certificates"}), config: header},
		covers: func(d difference) bool {
			return d.readsFiles() && slices.ContainsFunc(d.args, func(arg string) bool {
				return strings.ReplaceAll(arg, "_", "-") == "--log-cadvisor-usage"
			})
		},
	},
	{
		name:    "--help=false ends a kubelet that reads files",
		because: "the second flag set has no --help, which pflag takes for the wish for help",
		minor:   newest, example: node{args: slices.Concat(withConfig, []string{"--help=false"}), config: header},
		covers: refused(`pflag: help requested$`),
	},
	{
		name:    "--address must be an IP address",
		because: "IPVar refuses anything else",
		minor:   newest, example: node{args: []string{"--address=node"}},
		covers: refused(`is not a valid IP address$`),
	},
	{
		name:    "an empty --address is none",
		because: "IPVar leaves the value that is there",
		minor:   newest, example: node{args: []string{"--address="}},
		covers: func(d difference) bool {
			ours := d.ours.values
			if ours.Address != "" {
				return false
			}
			ours.Address = d.theirs.values.Address
			return d.theirs.exit == "" && ours == d.theirs.values
		},
	},
	{
		name:    "--version must be a bool, raw or this very version",
		because: "verflag refuses anything else",
		minor:   newest, example: node{args: []string{"--version=x"}},
		covers: refused(`for "--version" flag: `),
	},
	{
		name:    "a JSON key that is there twice",
		because: "each is decoded in turn over what is there: none may have a wrong type, null keeps the one before, and objects merge",
		minor:   newest, example: node{args: withConfig, config: `{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","serverTLSBootstrap":true,"serverTLSBootstrap":null}`},
		covers: func(d difference) bool { return d.has(func(file string) bool { return repeats(file, equal) }) },
	},
	{
		name:    "a JSON kind in several spellings",
		because: "the last in the text counts, not the last in the alphabet",
		minor:   newest, example: node{args: withConfig, config: `{"kind":"KubeletConfiguration","Kind":"Pod","apiVersion":"kubelet.config.k8s.io/v1beta1"}`},
		covers: func(d difference) bool {
			return d.has(func(file string) bool { return repeats(file, sameKind) && !repeats(file, equal) })
		},
	},
	{
		name:    "a kind or apiVersion that is no string, in whatever spelling",
		because: "encoding/json refuses the document",
		minor:   newest, example: node{args: withConfig, config: header + "Kind: 5\n"},
		covers: refused(`Go struct field \.(kind|apiVersion) of type string$`),
	},
	{
		name:    "YAML that JSON cannot say",
		because: "the document becomes JSON first: no null or list for a key, no .inf or .nan for a value, anywhere",
		minor:   newest, example: node{args: withConfig, config: header + "unknownField: .inf\n"},
		covers: refused(`unsupported (map key of type|value: (NaN|\+Inf))`),
	},
	{
		name:    "a JSON number beyond float64 in a drop-in",
		because: "drop-ins are decoded without types",
		minor:   newest, example: node{args: []string{"--config-dir", configDir}, dropIns: []string{`{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","unknownField":1e999}`}},
		covers: refused(`into Go value of type float64$`),
	},
	{
		name:    "a JSON number in a drop-in that is whole and does not look so",
		because: "drop-ins are decoded without types and written again: 1.0 and 1e4 become 1 and 10000",
		minor:   newest, example: node{args: []string{"--config-dir", configDir}, dropIns: []string{`{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","port":1e4}`}},
		covers: func(d difference) bool {
			return d.theirs.exit == "" && strings.Contains(d.ours.exit, "cannot unmarshal number into Go struct field KubeletConfiguration.port") &&
				slices.ContainsFunc(d.dropIns, isJSON)
		},
	},
	{
		name:    "an apiVersion that is none in a drop-in of 1.29 to 1.31",
		because: "any group and version is accepted there, but it must be one",
		minor:   30, example: node{args: []string{"--config-dir", configDir}, dropIns: []string{"kind: KubeletConfiguration\napiVersion: a/b/c\n"}},
		covers: refused(`unexpected GroupVersion string: `),
	},
	{
		name:    "gates in a drop-in of 1.29 to 1.31 under a key that sorts before FeatureGates",
		because: "without gates in the file the merged object has \"FeatureGates\": null, which is decoded later and drops them",
		minor:   30, example: node{args: []string{"--config-dir", configDir}, dropIns: []string{header + "FEATUREGATES: {RotateKubeletServerCertificate: false}\n"}},
		covers: func(d difference) bool {
			return d.minor >= 29 && d.minor <= 31 && strings.Contains(strings.Join(d.dropIns, "\n"), "FEATUREGATES: {")
		},
	},
}

// exception is the first that covers the difference; nil: it is news.
func (d difference) exception() *exception {
	for _, list := range [][]exception{byDesign, toMend} {
		for i := range list {
			if list[i].covers(d) {
				return &list[i]
			}
		}
	}
	return nil
}

// refused covers what only the kubelet refuses, with these words.
func refused(words string) func(difference) bool {
	pattern := regexp.MustCompile(words)
	return func(d difference) bool { return d.ours.exit == "" && pattern.MatchString(d.theirs.exit) }
}

func (d difference) readsFiles() bool {
	var o options
	var s settings
	err := cleanFlagSet(&o, &s).Parse(d.args)
	return err == nil && o.config+o.configDir != ""
}

// has reports whether a file is such.
func (n node) has(such func(file string) bool) bool {
	return such(n.config) || slices.ContainsFunc(n.dropIns, such)
}

// isJSON is how the kubelet tells JSON from YAML.
func isJSON(file string) bool {
	return bytes.HasPrefix(bytes.TrimLeftFunc([]byte(file), unicode.IsSpace), []byte("{"))
}

var jsonKey = regexp.MustCompile(`("[^"]+")\s*:`)

// repeats reports whether a file is JSON with the same key twice, at whatever
// depth.
func repeats(file string, same func(a, b string) bool) bool {
	if !isJSON(file) {
		return false
	}
	var keys []string
	for _, match := range jsonKey.FindAllStringSubmatch(file, -1) {
		key, err := strconv.Unquote(match[1]) // near enough to JSON's own
		if err != nil || slices.ContainsFunc(keys, func(other string) bool { return same(key, other) }) {
			return err == nil
		}
		keys = append(keys, key)
	}
	return false
}

func equal(a, b string) bool { return a == b }

// sameKind is encoding/json's, which finds the kind of a document.
func sameKind(a, b string) bool {
	return strings.EqualFold(a, b) && (strings.EqualFold(a, "kind") || strings.EqualFold(a, "apiVersion"))
}

// TestExceptions keeps the list honest: every example still differs, and no
// other exception hides it.
func TestExceptions(t *testing.T) {
	for _, e := range slices.Concat(byDesign, toMend) {
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
