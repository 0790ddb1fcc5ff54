package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/imdario/mergo"
	"github.com/spf13/pflag"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
)

// configPath and configDir are what --config and --config-dir name.
const (
	configPath = "/etc/kubernetes/kubelet/config.yaml"
	configDir  = "/etc/kubernetes/kubelet.conf.d"
)

// node is everything that a kubelet reads before it starts.
type node struct {
	args    []string // after argv[0]
	config  string   // the content of configPath
	dropIns []string // the contents of the files in configDir, in order
}

// settings are those that decide the serving certificate, with the names that
// they have in the kubelet's internal KubeletConfiguration: without tags these
// are also its JSON keys, which 1.29 to 1.31 show to drop-ins.
type settings struct {
	EnableServer       bool
	Address            string
	Port               int32
	TLSCertFile        string
	TLSPrivateKeyFile  string
	ServerTLSBootstrap bool
	FeatureGates       map[string]bool
}

// started is a kubelet that got past its configuration.
type started struct {
	settings
	options options
	gate    bool // RotateKubeletServerCertificate
}

// start does what NewKubeletCommand does up to the validation, in its order
// (cmd/kubelet/app/server.go). The error is why the kubelet exits.
func (n node) start(minor int) (started, error) {
	var s started
	var initial settings
	initial.setDefaults(&kubeletv1beta1.KubeletConfiguration{})
	fs := cleanFlagSet(&s.options, &initial)
	if err := parseCommandLine(fs, n.args); err != nil {
		return s, err
	}
	gate := gates(minor)
	if err := gate.SetFromMap(initial.FeatureGates); err != nil {
		return s, err
	}
	s.settings = initial
	if s.options.config != "" {
		var err error
		if s.settings, err = loadConfig([]byte(n.config), filepath.Dir(configPath)); err != nil {
			return s, fmt.Errorf("failed to load kubelet config file: %w", err)
		}
	}
	if s.options.configDir != "" {
		if err := s.mergeDropIns(n.dropIns, minor); err != nil {
			return s, fmt.Errorf("failed to merge kubelet configs: %w", err)
		}
	}
	if s.options.config != "" || s.options.configDir != "" {
		if err := s.reparse(n.args); err != nil {
			return s, fmt.Errorf("failed to precedence kubeletConfigFlag: %w", err)
		}
		if err := gate.SetFromMap(s.FeatureGates); err != nil {
			return s, err
		}
	}
	s.gate = gate.Enabled(rotationGate)
	return s, s.validate(minor)
}

// parseCommandLine is the first parse and what ends a kubelet right after it.
func parseCommandLine(fs *pflag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		return err
	}
	if words := fs.Args(); len(words) > 0 {
		return fmt.Errorf("unknown command %s", words[0])
	}
	if help, err := fs.GetBool("help"); err != nil || help {
		return errors.Join(err, errors.New("the usage is printed"))
	}
	if value := fs.Lookup("version").Value.String(); value == "true" || value == "raw" {
		return errors.New("the version is printed")
	}
	return nil
}

// reparse puts the command line on top of the files (kubeletConfigFlagPrecedence).
func (s *settings) reparse(args []string) error {
	fs := secondFlagSet(s)
	original := s.FeatureGates
	if err := fs.Parse(args); err != nil {
		return err
	}
	for name, value := range original {
		if _, ok := s.FeatureGates[name]; !ok {
			s.FeatureGates[name] = value
		}
	}
	return nil
}

// validate is what ValidateKubeletConfiguration says of these settings, and
// what net/http says up to 1.35, which is handed the two names: it loads the
// pair as soon as one is there.
func (s started) validate(minor int) error {
	if s.ServerTLSBootstrap && !s.gate {
		return errors.New("invalid configuration: serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate")
	}
	if s.Port < 1 || s.Port > 65535 {
		return fmt.Errorf("invalid configuration: port (--port) %v must be between 1 and 65535, inclusive", s.Port)
	}
	if minor <= 35 && s.EnableServer && (s.TLSCertFile == "") != (s.TLSPrivateKeyFile == "") {
		return errors.New("failed to listen and serve: open : no such file or directory")
	}
	return nil
}

// The kubelet tries a strict decoder first.
var (
	strict  = codecs(serializer.EnableStrict)
	lenient = codecs(serializer.DisableStrict)
)

// codecs are the kubelet's for its own group (pkg/kubelet/apis/config/scheme).
// The internal type is not in any library: documents are decoded to v1beta1,
// and setDefaults does the rest.
func codecs(option serializer.CodecFactoryOptionsMutator) serializer.CodecFactory {
	scheme := runtime.NewScheme()
	if err := kubeletv1beta1.AddToScheme(scheme); err != nil {
		panic(err)
	}
	return serializer.NewCodecFactory(scheme, option)
}

// loadConfig reads a --config file: strict, and lenient if that fails
// (pkg/kubelet/kubeletconfig/util/codec), with paths made absolute.
func loadConfig(data []byte, dir string) (settings, error) {
	var s settings
	if len(data) == 0 {
		return s, errors.New("kubelet config file was empty")
	}
	target := kubeletv1beta1.SchemeGroupVersion
	object, _, err := strict.UniversalDecoder(target).Decode(data, nil, nil)
	if runtime.IsStrictDecodingError(err) {
		object, _, err = lenient.UniversalDecoder(target).Decode(data, nil, nil)
	}
	if err != nil {
		return s, fmt.Errorf("failed to decode: %w", err)
	}
	external, ok := object.(*kubeletv1beta1.KubeletConfiguration)
	if !ok {
		return s, fmt.Errorf("failed to cast object to KubeletConfiguration, unexpected type %T", object)
	}
	s.setDefaults(external)
	for _, name := range []*string{&s.TLSCertFile, &s.TLSPrivateKeyFile} {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(dir, *name)
		}
	}
	return s, nil
}

// setDefaults converts v1beta1, after SetDefaults_KubeletConfiguration, to the
// internal settings.
func (s *settings) setDefaults(external *kubeletv1beta1.KubeletConfiguration) {
	*s = settings{
		EnableServer:       external.EnableServer == nil || *external.EnableServer,
		Address:            external.Address,
		Port:               external.Port,
		TLSCertFile:        external.TLSCertFile,
		TLSPrivateKeyFile:  external.TLSPrivateKeyFile,
		ServerTLSBootstrap: external.ServerTLSBootstrap,
		FeatureGates:       external.FeatureGates,
	}
	if s.Address == "" {
		s.Address = "0.0.0.0"
	}
	if s.Port == 0 {
		s.Port = 10250
	}
}

// external converts back.
func (s settings) external() *kubeletv1beta1.KubeletConfiguration {
	return &kubeletv1beta1.KubeletConfiguration{
		EnableServer:       &s.EnableServer,
		Address:            s.Address,
		Port:               s.Port,
		TLSCertFile:        s.TLSCertFile,
		TLSPrivateKeyFile:  s.TLSPrivateKeyFile,
		ServerTLSBootstrap: s.ServerTLSBootstrap,
		FeatureGates:       maps.Clone(s.FeatureGates),
	}
}

// mergeDropIns puts the files of --config-dir on top as 1.minor does
// (mergeKubeletConfigurations).
func (s *settings) mergeDropIns(files []string, minor int) error {
	switch {
	case minor == 28:
		return s.mergeWithMergo(files)
	case minor <= 31:
		return s.mergePatches(files, minor, s, s)
	}
	external := new(kubeletv1beta1.KubeletConfiguration)
	if err := s.mergePatches(files, minor, s.external(), external); err != nil {
		return err
	}
	s.setDefaults(external)
	return nil
}

// mergeWithMergo is 1.28: every file is loaded like --config.
func (s *settings) mergeWithMergo(files []string) error {
	for _, file := range files {
		loaded, err := loadConfig([]byte(file), configDir)
		if err != nil {
			return err
		}
		if err := mergo.Merge(s, loaded, mergo.WithOverride); err != nil {
			return err
		}
	}
	return nil
}

// mergePatches is 1.29 and later: JSON merge patches on base, which differs by
// version, and one decoding into the result.
func (s *settings) mergePatches(files []string, minor int, base, result any) error {
	merged, err := json.Marshal(base)
	if err != nil {
		return err
	}
	for _, file := range files {
		patch, kind, err := dropInJSON([]byte(file))
		if err != nil {
			return err
		}
		if minor >= 32 && *kind != kubeletv1beta1.SchemeGroupVersion.WithKind("KubeletConfiguration") {
			return fmt.Errorf("unknown apiVersion/kind: %s", kind)
		}
		if merged, err = jsonpatch.MergePatch(merged, patch); err != nil {
			return fmt.Errorf("failed to merge drop-in and current config: %w", err)
		}
	}
	return json.Unmarshal(merged, result)
}

// dropInJSON is the file as JSON, untyped (DecodeKubeletConfigurationIntoJSON).
func dropInJSON(data []byte) ([]byte, *schema.GroupVersionKind, error) {
	if len(data) == 0 {
		return nil, nil, errors.New("kubelet config file was empty")
	}
	object, kind, err := strict.UniversalDecoder().Decode(data, nil, &unstructured.Unstructured{})
	if err != nil {
		return nil, nil, err
	}
	patch, err := json.Marshal(object.(*unstructured.Unstructured).Object)
	return patch, kind, err
}
