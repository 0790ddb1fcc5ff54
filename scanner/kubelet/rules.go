package kubelet

// Rule is one of the kubelet's own rules, as this package applies it.
type Rule struct {
	Text     string `json:"text"`     // one clause, lower case
	Versions string `json:"versions"` // where it holds: "1.12 to 1.16", "1.28", "1.11 and later"
	Source   string `json:"source"`   // what it was read from: a file and function of Kubernetes, a pull request
}

// ruling is a rule of 1.min to 1.max; max 0 means no bound.
type ruling struct {
	min, max int
	Rule
}

func (r ruling) holds(minor int) bool { return span{min: r.min, max: r.max}.holds(minor) }

// verdict is a row of the decision: the first one that fits counts.
type verdict struct {
	rotation Rotation
	masked   bool   // only with On
	problem  string // only with Invalid; empty: any
	ruling
}

const (
	inMain       = "kubernetes pkg/kubelet/kubelet.go NewMainKubelet"
	inMainFrom11 = inMain + "; PR 62352"
	inTLS        = "; kubernetes cmd/kubelet/app/server.go InitializeTLS"
	inServer     = "; kubernetes pkg/kubelet/server/server.go ListenAndServeKubeletServer"
)

var verdicts = []verdict{
	{On, true, "", ruling{7, 10, Rule{"up to 1.10 rotation is on exactly if the feature gate RotateKubeletServerCertificate is true; a static certificate beside it is served to every client that sends no server name", "1.7 to 1.10", inMain + inServer}}},
	{On, false, "", ruling{7, 10, Rule{"up to 1.10 rotation is on exactly if the feature gate RotateKubeletServerCertificate is true", "1.7 to 1.10", inMain}}},
	{Off, false, "", ruling{7, 10, Rule{"up to 1.10 rotation is on exactly if the feature gate RotateKubeletServerCertificate is true; else, without a static certificate, the kubelet serves one that it signed itself once", "1.7 to 1.10", inMain + inTLS}}},
	{External, false, "", ruling{7, 10, Rule{"up to 1.10 rotation is on exactly if the feature gate RotateKubeletServerCertificate is true; else a static certificate is served as it is", "1.7 to 1.10", inMain + inTLS}}},
	{Unknown, false, "", ruling{7, 10, Rule{"up to 1.10 rotation is on exactly if the feature gate RotateKubeletServerCertificate is true", "1.7 to 1.10", inMain}}},

	{On, true, "", ruling{11, 35, Rule{"from 1.11 on rotation is on exactly if serverTLSBootstrap is true; a static certificate beside it is served to every client that sends no server name, up to 1.35", "1.11 to 1.35", inMainFrom11 + inServer + "; PR 136762"}}},
	{On, false, "", ruling{11, 0, Rule{"from 1.11 on rotation is on exactly if serverTLSBootstrap is true", "1.11 and later", inMainFrom11}}},
	{Off, false, "", ruling{11, 0, Rule{"from 1.11 on rotation is on exactly if serverTLSBootstrap is true; else, without a static certificate, the kubelet serves one that it signed itself once", "1.11 and later", inMainFrom11 + inTLS}}},
	{External, false, "", ruling{11, 30, Rule{"from 1.11 on rotation is on exactly if serverTLSBootstrap is true; else a static certificate is served as it is", "1.11 to 1.30", inMainFrom11 + inTLS}}},
	{External, false, "", ruling{31, 0, Rule{"from 1.11 on rotation is on exactly if serverTLSBootstrap is true; else a static certificate is served, and read again when its file changes (ReloadKubeletServerCertificateFile)", "1.31 and later", inMainFrom11 + inTLS}}},
	{Unknown, false, "", ruling{11, 0, Rule{"from 1.11 on rotation is on exactly if serverTLSBootstrap is true", "1.11 and later", inMainFrom11}}},

	{Invalid, false, bootstrapNeedsGate, ruling{11, 0, Rule{"a kubelet exits where serverTLSBootstrap is true and the feature gate RotateKubeletServerCertificate false", "1.11 and later", "kubernetes pkg/kubelet/apis/config/validation/validation.go ValidateKubeletConfiguration"}}},
	{Invalid, false, "", ruling{7, 0, Rule{"a kubelet exits on a command line or a configuration that it does not understand", "1.7 and later", "kubernetes cmd/kubelet/app/server.go NewKubeletCommand"}}},
}

// rule is the row of the decision that was used in 1.minor.
func (e Effective) rule(minor int) Rule {
	for _, v := range verdicts {
		if v.rotation == e.Rotation && v.masked == e.Masked && v.holds(minor) && (v.problem == "" || v.problem == e.Problem) {
			return v.Rule
		}
	}
	return Rule{}
}

const (
	inCommand = "kubernetes cmd/kubelet/app/server.go NewKubeletCommand"
	inMerge   = inCommand + ", mergeKubeletConfigurations"
	inOptions = "kubernetes cmd/kubelet/app/options/options.go"
	inGates   = "kubernetes pkg/features/kube_features.go; component-base/featuregate/feature_gate.go"
)

// layering says which place decides a setting that has a flag and a field.
var layering = []ruling{
	{7, 9, Rule{"the flag, else the default: there is no --config yet", "1.7 to 1.9", inOptions + " AddFlags"}},
	{10, 10, Rule{"the flag, else the --config file, else the default", "1.10", inCommand + "; issue 56171"}},
	{11, 23, Rule{"the flag, else a dynamic configuration, which replaces the --config file as a whole, else the --config file, else the default", "1.11 to 1.23", inCommand + "; pkg/kubelet/kubeletconfig/controller.go Bootstrap"}},
	{24, 27, Rule{"the flag, else the --config file, else the default", "1.24 to 1.27", inCommand}},
	{28, 28, Rule{"the flag, else the last drop-in that has more than false, 0, empty or null, its own defaults included, else the --config file, else the default", "1.28", inMerge}},
	{29, 31, Rule{"the flag, else the last drop-in that has it, whatever the case of its key, else the --config file, else the default; null in a drop-in leaves it to the --config file", "1.29 to 1.31", inMerge}},
	{32, 0, Rule{"the flag, else the last drop-in that has it, whatever the case of its key, else the --config file, else the default; null in a drop-in brings the default back", "1.32 and later", inMerge}},
}

// exceptions are the settings, by name, that have no flag or no field, or more
// than these.
var exceptions = map[string][]ruling{
	fieldBootstrap.name: {
		{7, 10, Rule{"there is no such option yet: the field is ignored and the flag refused", "1.7 to 1.10", "kubernetes PR 62352"}},
		{11, 11, Rule{"a dynamic configuration, which replaces the --config file as a whole, else the --config file, else false: there is no flag yet", "1.11", "kubernetes PR 62352; PR 65480"}},
	},
	fieldServer.name: {
		{7, 18, Rule{"the flag, else true: there is no such field yet", "1.7 to 1.18", inOptions + " AddFlags"}},
	},
	gateName: {
		{7, 8, Rule{"the last --feature-gates alone; a gate that is spelled out beats AllAlpha; false by default", "1.7 to 1.8", inGates}},
		{9, 11, Rule{"every --feature-gates over the files, gate by gate; a gate that is spelled out beats AllAlpha; false by default", "1.9 to 1.11", inGates + "; component-base/cli/flag/map_string_bool.go"}},
		{12, 16, Rule{"every --feature-gates over the files, gate by gate; true by default; AllAlpha does not cover a beta gate", "1.12 to 1.16", inGates}},
		{17, 0, Rule{"every --feature-gates over the files, gate by gate; a gate that is spelled out beats AllBeta; true by default", "1.17 and later", inGates}},
	},
	fieldCertDir.name: {
		{7, 8, Rule{"the flag, else /var/run/kubernetes", "1.7 to 1.8", inOptions + " AddFlags"}},
		{9, 0, Rule{"the flag, else /var/lib/kubelet/pki", "1.9 and later", inOptions + " AddFlags"}},
	},
	fieldKubeconfig.name: {
		{7, 9, Rule{"the flag, else /var/lib/kubelet/kubeconfig", "1.7 to 1.9", inOptions + " AddFlags"}},
		{10, 0, Rule{"the flag; without it the kubelet is standalone and asks nobody for a certificate", "1.10 and later", inOptions + " AddFlags"}},
	},
}

// ruleOf is the rule that decides a setting in 1.minor.
func ruleOf(setting string, minor int) Rule {
	for _, list := range [][]ruling{exceptions[setting], layering} {
		for _, r := range list {
			if r.holds(minor) {
				return r.Rule
			}
		}
	}
	return Rule{}
}
