package oracle

import (
	"flag"
	"fmt"
	"io"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/version"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version/verflag"
	netutils "k8s.io/utils/net"
)

// options are the KubeletFlags: what has no field in the configuration.
type options struct {
	config     string
	configDir  string
	certDir    string
	kubeconfig string
}

// flagSet is empty and normalizes names as all of Kubernetes does.
func flagSet() *pflag.FlagSet {
	fs := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	return fs
}

// cleanFlagSet is what the first parse of the command line knows.
func cleanFlagSet(o *options, s *settings) *pflag.FlagSet {
	fs := flagSet()
	o.addFlags(fs)
	s.addFlags(fs)
	addGlobalFlags(fs)
	fs.BoolP("help", "h", false, "")
	return fs
}

// secondFlagSet is what the second parse knows: no --help, and of the global
// flags only the names, on a value that does nothing and is no bool any more
// (newFakeFlagSet).
func secondFlagSet(s *settings) *pflag.FlagSet {
	globals := flagSet()
	addGlobalFlags(globals)
	fs := flagSet()
	globals.VisitAll(func(f *pflag.Flag) { fs.VarP(cliflag.NoOp{}, f.Name, f.Shorthand, f.Usage) })
	new(options).addFlags(fs)
	s.addFlags(fs)
	return fs
}

// addFlags adds some of KubeletFlags.AddFlags, of each type that there is.
func (o *options) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "")
	fs.StringVar(&o.config, "config", "", "")
	fs.StringVar(&o.configDir, "config-dir", "", "")
	fs.StringVar(&o.certDir, "cert-dir", "/var/lib/kubelet/pki", "")
	fs.String("bootstrap-kubeconfig", "", "")
	fs.String("hostname-override", "", "")
	fs.String("node-ip", "", "")
	fs.Bool("exit-on-lock-contention", false, "")
	fs.Var(cliflag.NewMapStringString(&map[string]string{}), "node-labels", "")
}

// addFlags adds those of AddKubeletConfigFlags that matter here, and some more.
func (s *settings) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&s.EnableServer, "enable-server", s.EnableServer, "")
	fs.Var(ip{&s.Address}, "address", "")
	fs.Int32Var(&s.Port, "port", s.Port, "")
	fs.StringVar(&s.TLSCertFile, "tls-cert-file", s.TLSCertFile, "")
	fs.StringVar(&s.TLSPrivateKeyFile, "tls-private-key-file", s.TLSPrivateKeyFile, "")
	fs.BoolVar(&s.ServerTLSBootstrap, "rotate-server-certificates", s.ServerTLSBootstrap, "")
	fs.Var(cliflag.NewMapStringBool(&s.FeatureGates), "feature-gates", "")
	fs.Bool("rotate-certificates", false, "")
	fs.Bool("anonymous-auth", true, "")
	fs.Bool("fail-swap-on", true, "")
	fs.Int32("max-pods", 110, "")
	fs.StringSlice("cluster-dns", nil, "")
	fs.Duration("sync-frequency", 0, "")
	logsapi.AddFlags(logsapi.NewLoggingConfiguration(), fs)
	fs.VisitAll(func(f *pflag.Flag) { f.Deprecated = "use --config" })
}

// addGlobalFlags adds --version and one flag of cAdvisor.
func addGlobalFlags(fs *pflag.FlagSet) {
	verflag.AddFlags(fs)
	// The value is one for the whole process.
	if err := fs.Set("version", "false"); err != nil {
		panic(err)
	}
	fs.Lookup("version").Changed = false
	cadvisor := flag.NewFlagSet("", flag.ContinueOnError)
	cadvisor.Bool("log_cadvisor_usage", false, "")
	fs.AddGoFlagSet(cadvisor)
}

// ip is --address (IPVar in pkg/util/flag): an empty value leaves what is there.
type ip struct{ value *string }

func (v ip) String() string {
	if v.value == nil {
		return ""
	}
	return *v.value
}

func (v ip) Type() string { return "ip" }

func (v ip) Set(text string) error {
	if text == "" {
		return nil
	}
	if netutils.ParseIPSloppy(text) == nil {
		return fmt.Errorf("%q is not a valid IP address", text)
	}
	*v.value = text
	return nil
}

const rotationGate = "RotateKubeletServerCertificate"

// gates are the feature gates of 1.minor, as far as a generator names them
// (pkg/features/kube_features.go). AllAlpha and AllBeta are built in.
func gates(minor int) featuregate.MutableFeatureGate {
	known := map[featuregate.Feature]featuregate.FeatureSpec{
		rotationGate: {Default: true, PreRelease: featuregate.Beta},
		"OneOfAlpha": {Default: false, PreRelease: featuregate.Alpha},
		"OneOfBeta":  {Default: true, PreRelease: featuregate.Beta},
	}
	if minor <= 11 {
		known[rotationGate] = featuregate.FeatureSpec{Default: false, PreRelease: featuregate.Alpha}
	}
	switch {
	case minor <= 18:
		known["RotateKubeletClientCertificate"] = featuregate.FeatureSpec{Default: true, PreRelease: featuregate.Beta}
	case minor <= 20:
		known["RotateKubeletClientCertificate"] = featuregate.FeatureSpec{Default: true, PreRelease: featuregate.GA, LockToDefault: true}
	}
	if minor >= 31 {
		known["ReloadKubeletServerCertificateFile"] = featuregate.FeatureSpec{Default: true, PreRelease: featuregate.Beta}
	}
	gate := featuregate.NewVersionedFeatureGate(version.MajorMinor(1, uint(minor)))
	if err := gate.Add(known); err != nil {
		panic(err)
	}
	return gate
}
