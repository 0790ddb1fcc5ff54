package oracle

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// The generators stay far below the limits of scanner/kubelet (1 MiB a
// document, 4 MiB of drop-ins): beyond these it answers "unknown" on purpose.

func oneOf(texts ...string) *rapid.Generator[string] { return rapid.SampledFrom(texts) }

// often draws from common three times of four.
func often(common, rare *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.OneOf(common, common, common, rare)
}

var (
	boolWords = often(oneOf("true", "false"), oneOf("1", "0", "t", "f", "T", "F", "True", "TRUE", "False", "FALSE"))
	oddWords  = oneOf("", "yes", "no", "on", "tRUE", "2", "-1", " true", "true ", "null", "false,", `"true"`, "é", "a=b", "\t")
)

// gateLists are values of --feature-gates.
func gateLists(names *rapid.Generator[string]) *rapid.Generator[string] {
	item := rapid.Custom(func(t *rapid.T) string {
		name, blank := names.Draw(t, "gate"), often(oneOf(""), oneOf(" ", "\t", "  "))
		value := rapid.OneOf(boolWords, boolWords, boolWords, boolWords, boolWords, boolWords, boolWords, oddWords).Draw(t, "value")
		return blank.Draw(t, "") + name + blank.Draw(t, "") + "=" + blank.Draw(t, "") + value + blank.Draw(t, "")
	})
	broken := rapid.OneOf(names, oneOf("", "=", "=true", " ", ",", "a==true"))
	items := rapid.SliceOfN(rapid.OneOf(item, item, item, item, item, item, item, item, item, item, broken), 0, 4)
	return rapid.Map(items, func(list []string) string { return strings.Join(list, ",") })
}

// gateNames are the gates that 1.minor knows, and some that only others know.
func gateNames(minor int) *rapid.Generator[string] {
	known := []string{rotationGate, rotationGate, rotationGate, "AllAlpha", "OneOfAlpha", "OneOfBeta"}
	foreign := []string{"RotateKubeletClientCertificate", "ReloadKubeletServerCertificateFile"}
	if minor >= 17 {
		known = append(known, "AllBeta", "AllBeta")
	}
	return rapid.OneOf(rapid.SampledFrom(known), rapid.SampledFrom(known), rapid.SampledFrom(known),
		rapid.SampledFrom(known), rapid.SampledFrom(known), rapid.SampledFrom(known), rapid.SampledFrom(foreign))
}

// arguments are one to three elements of a command line that most often belong
// together.
func arguments(minor int) *rapid.Generator[[]string] {
	boolNames := rapid.OneOf(
		oneOf("rotate-server-certificates"), oneOf("rotate-server-certificates", "enable-server"),
		oneOf("rotate-certificates", "anonymous-auth", "fail-swap-on", "exit-on-lock-contention", "log-cadvisor-usage"),
	)
	strs := oneOf("tls-cert-file", "tls-private-key-file", "cert-dir", "kubeconfig", "hostname-override", "bootstrap-kubeconfig")
	paths := often(oneOf("/a", "b/c", "/d.conf"), oneOf("", "--x", "-", "-v", "a=b", "true", "--", "é", "  "))
	return rapid.Custom(func(t *rapid.T) []string {
		var name, value string
		switch kind := rapid.IntRange(0, 23).Draw(t, "kind"); {
		case kind < 8:
			name, value = boolNames.Draw(t, "name"), rapid.OneOf(boolWords, boolWords, boolWords, boolWords, oddWords).Draw(t, "value")
			if rapid.Bool().Draw(t, "bare") {
				return []string{spell(t, name)}
			}
			if rapid.IntRange(0, 7).Draw(t, "space") > 0 {
				return []string{spell(t, name) + "=" + value}
			}
		case kind < 13:
			name, value = strs.Draw(t, "name"), paths.Draw(t, "value")
		case kind < 15:
			name = "port"
			value = often(oneOf("10250", "1", "65535", "0x2802", "0b11", "1_0", "0o17", "017"), oneOf("0", "-1", "65536", "", "x", "1.0", "99999999999", " 1", "1__0", "+5")).Draw(t, "value")
		case kind < 17:
			name, value = "address", often(oneOf("0.0.0.0", "127.0.0.1", "::", "010.1.2.3", "fe80::1"), oneOf("", "node", "1.2.3", "::1%eth0", "1.2.3.4 ")).Draw(t, "value")
		case kind < 20:
			name, value = "feature-gates", gateLists(gateNames(minor)).Draw(t, "value")
		case kind < 21:
			name, value = oneOf("max-pods", "v").Draw(t, "name"), oneOf("2", "10").Draw(t, "value")
		default:
			return loose.Draw(t, "loose")
		}
		if rapid.Bool().Draw(t, "equals") {
			return []string{spell(t, name) + "=" + value}
		}
		return []string{spell(t, name), value}
	})
}

// loose are arguments that are no flag with its value, a blank between two.
var loose = rapid.Map(
	rapid.OneOf(
		oneOf("-v 2", "-v=3", "-v2", "-h=false", "--help=false", "--version=false", "--version=v1.2.3",
			"--node-labels=a=b,c=d", "--cluster-dns 1.2.3.4", "--sync-frequency=1m", "--node-labels "),
		oneOf("--", "-", "word", "", "false", "---", "--=", "--=x", "-x", "-=2", "-vh", "-hv", "-hv2", "-h", "-hx", "-h=x", "-h=", "-é",
			"--help", "--help=1", "--help=x", "--version", "--version=raw", "--version=x", "--version=", "--tls-cert-file", "--port", "-v",
			"-rotate-server-certificates", "--Rotate-server-certificates", "--rotate-server", "--no-such-flag", "--no-such-flag=1", "--no-such-flag x",
			"--allow-privileged=true", "--require-kubeconfig", "--container-runtime=remote"),
	),
	func(text string) []string { return strings.Split(text, " ") },
)

// spell writes a flag's name with some "_" for "-".
func spell(t *rapid.T, name string) string {
	if rapid.IntRange(0, 4).Draw(t, "underscore") == 0 {
		name = strings.ReplaceAll(name, "-", "_")
	} else if rapid.IntRange(0, 9).Draw(t, "one underscore") == 0 {
		name = strings.Replace(name, "-", "_", 1)
	}
	return "--" + name
}

// commandLines are whole ones.
func commandLines(minor, most int) *rapid.Generator[[]string] {
	return rapid.Map(rapid.SliceOfN(arguments(minor), 0, most), func(list [][]string) []string {
		var args []string
		for _, part := range list {
			args = append(args, part...)
		}
		return args
	})
}

// The values of a configuration file's fields, in YAML.
var (
	yamlBools = often(
		oneOf("true", "false", "yes", "no", "on", "off", "True", "FALSE", "Yes", "y", "n", "Y", "N", "ON"),
		oneOf("", "null", "~", "Null", `"true"`, "'no'", "1", "0", "tRUE", "yEs", "t", "[true]", "{}", "!!str true", "!!bool true", "!!bool 'yes'", "true # why", "&b true", "1.0", ".inf", "!!null x", "!x true"),
	)
	yamlTexts = often(
		oneOf("/etc/k.crt", "rel/k.crt", `"/q.crt"`, "'/s.crt'", "../up.crt", "a", "./x//y"),
		oneOf("", "null", `""`, "''", "~", "yes", "5", "1.5", "2001-01-01", "2001-01-01T00:00:00Z", `"a\tb"`, "|\n  /block", ">-\n  /folded\n  lines", "[a]", "{a: b}", "!!str 5", "!!str yes", "!!binary L2E=", "0x10", "&t /anchor", ".nan", `"\u00e9"`, "a: b", "@x", "- x", "=", "<<", "'don''t'"),
	)
	yamlAddresses = often(
		oneOf("0.0.0.0", "127.0.0.1", `"::"`, `"::1"`, "10.0.0.1"),
		oneOf("", "null", `""`, "::", "::1", "1.2", "1:20", "node", "[1.2.3.4]", "8"),
	)
	yamlPorts = often(
		oneOf("10250", "1", "65535", "0x2802", "017", "1_0250", "10250.0", "0b11", "1e4", "+5"),
		oneOf("0", "-1", "65536", "null", "", `"10250"`, "1.5", "yes", "2147483648", "-2147483649", "99999999999999999999", ".nan", ".inf", "1:20", "0o17", "08", "1e400", "-0", "-0.0", "0.0", "1e9", "1e-1", "[1]", "!!int '7'", "!!float 7", "10250 ", "1__0", "0x", "2147483647.0", "0x7fffffff", "0xffffffffffffffff"),
	)
	yamlGateBools = often(
		oneOf("true", "false", "true", "false", "yes", "off"),
		oneOf("null", "", `"true"`, "1", "[true]", "{}", "~"),
	)
	// Fields that decide nothing here. Whatever is written in one that exists
	// has its type: a wrong one is the exception "other-fields".
	yamlOthers = oneOf("maxPods: 5", "clusterDNS: [1.2.3.4]", "rotateCertificates: yes", "unknownField: x", "unknownField: {a: [1, {b: c}], d: null}",
		"unknownField: .inf", "unknownField: [.nan]", "1: x", "true: x", "null: x", "~: x", "1.5: x", "? [a]\n: x", "? {a: b}\n: x", "unknownField: {1: a, yes: b}", "unknownField: {~: a}",
		"unknownField: 2001-01-01", "unknownField: !!binary aGk=", "unknownField: !!binary '*'", "authentication: {anonymous: {enabled: false}}", "authentication:\n  x509:\n    clientCAFile: /ca",
		"serverTLSBootstrap : yes", "  # a comment", "", "unknownField: !!float x", "unknownField: !!int x", "unknownField: 99999999999999999999", "evictionHard: {a: b}", "metadata: {name: x}", "metadata: x", "items: []", "items: x")
)

// entry is one field in YAML; broken ones and such that refer to others
// included.
func entry(minor int) *rapid.Generator[string] {
	gates := rapid.Custom(func(t *rapid.T) string {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return gateNames(minor).Draw(t, "gate") + ": " + yamlGateBools.Draw(t, "value")
		}), 0, 3).Draw(t, "gates")
		if rapid.Bool().Draw(t, "flow") {
			return "{" + strings.Join(list, ", ") + "}"
		}
		return "\n  " + strings.Join(list, "\n  ")
	})
	return rapid.Custom(func(t *rapid.T) string {
		var key, value string
		switch kind := rapid.IntRange(0, 19).Draw(t, "field"); {
		case kind < 6:
			key, value = "serverTLSBootstrap", yamlBools.Draw(t, "value")
		case kind < 8:
			key, value = "enableServer", yamlBools.Draw(t, "value")
		case kind < 11:
			key, value = oneOf("tlsCertFile", "tlsPrivateKeyFile").Draw(t, "key"), yamlTexts.Draw(t, "value")
		case kind < 12:
			key, value = "address", yamlAddresses.Draw(t, "value")
		case kind < 14:
			key, value = "port", yamlPorts.Draw(t, "value")
		case kind < 17:
			key, value = "featureGates", rapid.OneOf(gates, gates, gates, gates, gates, gates, oneOf("null", "", "[]", "x", "[a: true]", "true")).Draw(t, "value")
		case kind < 19:
			return yamlOthers.Draw(t, "other")
		default:
			return yamlReferences.Draw(t, "references")
		}
		return spellKey(t, key) + ": " + value
	})
}

// yamlReferences use anchors and merge keys.
var yamlReferences = oneOf(
	"x: &a true\nserverTLSBootstrap: *a", "serverTLSBootstrap: *none", "<<: {serverTLSBootstrap: true}", "x: &m {serverTLSBootstrap: true, port: 77}\n<<: *m",
	"x: &m {port: 77}\ny: &n {port: 78, enableServer: no}\n<<: [*m, *n]", "<<: x", "<<: null", "<<: [x]", "x: &g {RotateKubeletServerCertificate: false}\nfeatureGates: *g",
	"x: &g {RotateKubeletServerCertificate: false}\nfeatureGates:\n  <<: *g\n  OneOfBeta: true", "'<<': {serverTLSBootstrap: true}", "x: &a [*a]", "<<: {<<: {port: 79}}",
)

// spellKey writes a field's name, most often as it is.
func spellKey(t *rapid.T, key string) string {
	switch rapid.IntRange(0, 15).Draw(t, "spelling") {
	case 0:
		return `"` + key + `"`
	case 1:
		return "'" + key + "'"
	case 2:
		return strings.ToLower(key)
	case 3:
		return strings.ToUpper(key[:1]) + key[1:]
	case 4:
		return oneOf("!!str "+key, key+" ", "&k "+key, "? "+key+"\n", key[:4]+"\u017f"+key[4:], strings.ToUpper(key), "x"+key).Draw(t, "odd")
	}
	return key
}

// kinds are the two lines that say what a document is.
var kinds = rapid.OneOf(
	rapid.Just("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration"), rapid.Just("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration"),
	rapid.Just("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration"), rapid.Just("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration"),
	oneOf(
		"kind: KubeletConfiguration", "apiVersion: kubelet.config.k8s.io/v1beta1", "", "apiVersion: v1\nkind: Pod", "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1",
		"kind: kubeletconfiguration\napiVersion: kubelet.config.k8s.io/v1beta1", "Kind: KubeletConfiguration\nAPIVERSION: kubelet.config.k8s.io/v1beta1", "kind: 5\napiVersion: kubelet.config.k8s.io/v1beta1",
		"kind: null\napiVersion: kubelet.config.k8s.io/v1beta1", "kind: KubeletConfiguration\nkind: Pod\napiVersion: kubelet.config.k8s.io/v1beta1", "kind: Pod\nkind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1",
		"kind: KubeletConfiguration\nKind: Pod\napiVersion: kubelet.config.k8s.io/v1beta1", "kind: KubeletConfiguration\nkinD: 5\napiVersion: kubelet.config.k8s.io/v1beta1", "kind: KubeletConfiguration\nkiND: \napiVersion: kubelet.config.k8s.io/v1beta1",
		"kind: KubeletConfiguration\nKIND: ''\napiVersion: kubelet.config.k8s.io/v1beta1", "kind: [KubeletConfiguration]\napiVersion: kubelet.config.k8s.io/v1beta1", "kind: KubeletConfiguration\napiVersion: 'kubelet.config.k8s.io/v1beta1 '",
		"kind: KubeletConfiguration\napiVersion: /kubelet.config.k8s.io/v1beta1", "kind: KubeletConfiguration\napiVersion: a/b/c", "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/__internal", "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/",
		"kind: CredentialProviderConfig\napiVersion: kubelet.config.k8s.io/v1beta1", "kind: SerializedNodeConfigSource\napiVersion: kubelet.config.k8s.io/v1beta1", "kind: List\napiVersion: v1",
		"kind: KubeletConfiguration\napiVersion: null", "kind: KubeletConfiguration\napiVersion: 1", "kind: KubeletConfiguration\napiVersion: v1beta1", "\u212aind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1",
		"? kind\n: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1",
	),
)

// yamlDocuments are configuration files in YAML.
func yamlDocuments(minor int) *rapid.Generator[string] {
	before := often(oneOf(""), oneOf("---\n", "# a comment\n", "\n\n", "\ufeff", "%YAML 1.1\n---\n", "--- # x\n", "# only\n---\n", "---\n---\n", "...\n", " \n", "\t\n", "--- {}\n---\n", "%TAG ! tag:x,2000:\n---\n", "--- !!map\n", "\ufeff---\n", "\x00"))
	after := often(oneOf("", "\n"), oneOf("\n---\nserverTLSBootstrap: true\n", "\n...\n", "\n---\n: : :\n", "\n# end", "\n---", "\n...\njunk: [", "\n\t", "\nword", "\n}", "\n- x", "\n  indented: 1", "\x00", "\n\xff", "\n\u0085x: 1", "\n---\n\"unclosed"))
	return rapid.Custom(func(t *rapid.T) string {
		lines := append([]string{kinds.Draw(t, "kind")}, rapid.SliceOfN(entry(minor), 0, 4).Draw(t, "entries")...)
		if rapid.IntRange(0, 5).Draw(t, "shuffle") == 0 {
			lines = rapid.Permutation(lines).Draw(t, "order")
		}
		text := before.Draw(t, "before") + strings.Join(lines, "\n") + after.Draw(t, "after")
		switch rapid.IntRange(0, 15).Draw(t, "breaks") {
		case 0:
			text = strings.ReplaceAll(text, "\n", "\r\n")
		case 1:
			text = strings.ReplaceAll(text, "\n", "\r")
		case 2:
			text = "--- {" + strings.ReplaceAll(text, "\n", ", ") + "}"
		}
		return text
	})
}

// jsonDocuments are configuration files in JSON, or nearly.
func jsonDocuments(minor int) *rapid.Generator[string] {
	values := map[string]*rapid.Generator[string]{
		"serverTLSBootstrap": often(oneOf("true", "false"), oneOf("null", `"true"`, "1", "[]", "{}", "True", "yes", "")),
		"enableServer":       often(oneOf("true", "false"), oneOf("null", `"true"`, "0")),
		"tlsCertFile":        often(oneOf(`"/a"`, `"r/a"`), oneOf(`""`, "null", "1", `"\u00e9"`, `"\ud800"`, `"a\nb"`, "\"a\nb\"", `'a'`)),
		"tlsPrivateKeyFile":  often(oneOf(`"/k"`, `"r/k"`), oneOf(`""`, "null", "[]")),
		"address":            often(oneOf(`"::"`, `"1.2.3.4"`), oneOf(`""`, "null", "1")),
		"port":               often(oneOf("1", "10250", "65535"), oneOf("0", "null", "1.0", "1e4", "1.5", "-1", `"1"`, "010", "+1", "2147483648", "99999999999999999999", "-0", "1E2", ".5", "0x1", "NaN")),
		"featureGates":       often(oneOf(`{"RotateKubeletServerCertificate":false}`, `{"RotateKubeletServerCertificate":true,"OneOfBeta":false}`, "{}"), oneOf("null", "[]", `{"OneOfAlpha":null}`, `{"OneOfAlpha":"true"}`, `{"RotateKubeletServerCertificate":false,"RotateKubeletServerCertificate":true}`, `{"RotateKubeletServerCertificate":0}`)),
		"unknownField":       oneOf("{}", `{"a":{"b":1,"b":2}}`, "[1,[2]]", "1e999", `"x"`),
		"maxPods":            oneOf("1"),
	}
	names := []string{"serverTLSBootstrap", "enableServer", "tlsCertFile", "tlsPrivateKeyFile", "address", "port", "featureGates", "unknownField", "maxPods"}
	before := often(oneOf(""), oneOf(" ", "\n\t", "\ufeff", "// x\n", "\u00a0", "\x00", "---\n"))
	after := often(oneOf("", "\n"), oneOf(" {}", "x", "\n---\n{}", "\x00", ",", "}", "# x"))
	head := often(oneOf(`"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1"`),
		oneOf(`"kind":"KubeletConfiguration"`, `"apiVersion":"kubelet.config.k8s.io/v1beta1"`, `"Kind":"KubeletConfiguration","apiversion":"kubelet.config.k8s.io/v1beta1"`, `"kind":1`, `"kind":"A","kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1"`,
			`"Kind":"Pod","kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1"`, `"kind":"KubeletConfiguration","Kind":"Pod","apiVersion":"kubelet.config.k8s.io/v1beta1"`, `"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1",`))
	return rapid.Custom(func(t *rapid.T) string {
		fields := []string{head.Draw(t, "head")}
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			value := values[name].Draw(t, "value")
			switch rapid.IntRange(0, 9).Draw(t, "spelling") {
			case 0:
				name = strings.ToLower(name)
			case 1:
				name = strings.ToUpper(name[:1]) + name[1:]
			case 2:
				name = fmt.Sprintf(`\u%04x`, name[0]) + name[1:]
			}
			fields = append(fields, `"`+name+`":`+value)
		}
		if rapid.IntRange(0, 5).Draw(t, "shuffle") == 0 {
			fields = rapid.Permutation(fields).Draw(t, "order")
		}
		separator := oneOf(",", ",", ", ", ",\n").Draw(t, "separator")
		return before.Draw(t, "before") + "{" + strings.Join(fields, separator) + "}" + after.Draw(t, "after")
	})
}

// documents are configuration files.
func documents(minor int) *rapid.Generator[string] {
	wrecks := oneOf("", " ", "# x", "---", "null", "[]", "x", "{", "{}", "\"\"", "\xff\xfe", "\ufeff", "5", "- a", "k: [", "\t", "---\n# only a comment\n---\nkind: KubeletConfiguration", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nx: \"\xff\"")
	y, j := yamlDocuments(minor), jsonDocuments(minor)
	return rapid.OneOf(y, y, y, y, y, y, j, j, j, wrecks)
}

// plainDocuments are well-formed and mostly well-typed: what is left to vary is
// what merging is about, spellings and nulls.
func plainDocuments(minor int) *rapid.Generator[string] {
	values := map[string]*rapid.Generator[string]{
		"ServerTLSBootstrap": often(oneOf("true", "false"), oneOf("null")),
		"EnableServer":       often(oneOf("true", "false"), oneOf("null")),
		"TLSCertFile":        often(oneOf("/a", "rel/a"), oneOf("null", `""`)),
		"TLSPrivateKeyFile":  often(oneOf("/k", "rel/k"), oneOf("null", `""`)),
		"Address":            often(oneOf("10.0.0.1", "127.0.0.1"), oneOf("null", `""`)),
		"Port":               often(oneOf("1", "2"), oneOf("null", "0", "70000")),
		"FeatureGates": rapid.OneOf(rapid.Custom(func(t *rapid.T) string {
			value := oneOf("true", "false", "true", "false", "true", "false", "null", "null", "null", "null", "{}", "x")
			var list []string
			for range rapid.IntRange(0, 3).Draw(t, "gates") {
				list = append(list, gateNames(minor).Draw(t, "gate")+": "+value.Draw(t, "value"))
			}
			return "{" + strings.Join(list, ", ") + "}"
		}), oneOf("null", "{}")),
	}
	names := []string{"ServerTLSBootstrap", "ServerTLSBootstrap", "EnableServer", "TLSCertFile", "TLSPrivateKeyFile", "Address", "Port", "FeatureGates", "FeatureGates"}
	return rapid.Custom(func(t *rapid.T) string {
		lines := []string{"apiVersion: kubelet.config.k8s.io/v1beta1", "kind: KubeletConfiguration"}
		seen := make(map[string]bool)
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			value := values[name].Draw(t, "value")
			external := strings.ToLower(name[:1]) + name[1:]
			if strings.HasPrefix(name, "TLS") {
				external = "tls" + name[3:]
			}
			key := rapid.OneOf(rapid.Just(external), rapid.Just(external), rapid.Just(external), rapid.Just(name), rapid.Just(strings.ToLower(name)), rapid.Just(strings.ToUpper(name))).Draw(t, "spelling")
			if !seen[key] || rapid.IntRange(0, 19).Draw(t, "twice") == 0 {
				seen[key] = true
				lines = append(lines, key+": "+value)
			}
		}
		return strings.Join(lines, "\n") + "\n"
	})
}

// dropInSets are the files of one --config-dir.
func dropInSets(minor int) *rapid.Generator[[]string] {
	plain := plainDocuments(minor)
	return rapid.SliceOfN(rapid.OneOf(plain, plain, plain, plain, plain, plain, plain, plain, plain, documents(minor)), 0, 4)
}
