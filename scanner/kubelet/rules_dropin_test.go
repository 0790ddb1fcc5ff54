package kubelet

import "testing"

const yes, no = "serverTLSBootstrap: true", "serverTLSBootstrap: false"

// Rule 3 of Resolve: the files below --config-dir, in every version that has it.
func TestDropIns(t *testing.T) {
	run(t, []row{
		{rule: "true over absent", version: "1.28-1.36", config: "a: b", dropIns: []string{"10.conf " + yes}, want: "on", sets: "bootstrap=true@drop-in by=drop-in line=3", says: "serverTLSBootstrap: true in /etc/k/d/10.conf"},
		{rule: "true over false", version: "1.28-1.36", config: no, dropIns: []string{"10.conf " + yes}, want: "on"},
		{rule: "without --config", version: "1.28-1.36", dropIns: []string{"10.conf " + yes}, want: "on"},
		{rule: "an empty directory", version: "1.28-1.36", config: yes, dropIns: []string{}, want: "on", sets: "bootstrap=true@file"},
		{rule: "later wins", version: "1.28-1.36", dropIns: []string{"10.conf " + no, "9.conf " + yes}, want: "on"},
		{rule: "only .conf", version: "1.28-1.36", dropIns: []string{"10.yaml " + yes, "11.conf.bak " + yes, "12.CONF " + yes, "conf " + yes}, want: "off"},
		{rule: "hidden files count", version: "1.28-1.36", dropIns: []string{".hidden.conf " + yes}, want: "on"},
		{rule: ".conf alone counts", version: "1.28-1.36", dropIns: []string{".conf " + yes}, want: "on"},
		{rule: "an unrelated file changes nothing", version: "1.28-1.36", config: yes, dropIns: []string{"10.conf failSwapOn: true"}, want: "on", sets: "bootstrap=true@file"},
		{rule: "yes is true", version: "1.28-1.36", dropIns: []string{"10.conf serverTLSBootstrap: yes"}, want: "on"},
		{rule: "only the first document", version: "1.28-1.36", dropIns: []string{"10.conf a: b;---;" + yes}, want: "off"},
		{rule: "JSON", version: "1.28-1.36", dropIns: []string{`40.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","serverTLSBootstrap":true}`}, want: "on"},
		{rule: "a string is no bool", version: "1.28-1.36", dropIns: []string{`10.conf serverTLSBootstrap: "true"`}, want: "invalid", says: "KubeletConfiguration.serverTLSBootstrap of type bool", sets: "by=drop-in"},
		{rule: "an empty file", version: "1.28-1.36", config: yes, dropIns: []string{"10.conf !"}, want: "invalid", says: "was empty"},
		{rule: "no kind", version: "1.28-1.36", dropIns: []string{"10.conf !" + yes}, want: "invalid", says: "Object 'Kind' is missing"},
		{rule: "broken YAML", version: "1.28-1.36", dropIns: []string{"10.conf a: ["}, want: "invalid", says: "yaml"},
		{rule: "a vanished file", version: "1.28-1.36", dropIns: []string{"10.conf -"}, want: "invalid", says: "no such file"},
		{rule: "an absent directory", version: "1.28-1.36", config: yes, dropIns: []string{}, want: "invalid", says: `failed to walk through kubelet dropin directory "/etc/k/d": lstat /etc/k/d: no such file or directory`, change: func(in *Input) { in.DropIns.State = Absent }},
		{rule: "gates merge per key", version: "1.28-1.36", config: yes, dropIns: []string{"10.conf featureGates: {RotateKubeletServerCertificate: false}", "20.conf featureGates: {NodeSwap: true}"}, want: "invalid", sets: "gate=false@drop-in"},
		{rule: "a gate false over true", version: "1.28-1.36", config: yes + ";featureGates: {RotateKubeletServerCertificate: true}", dropIns: []string{"10.conf featureGates: {RotateKubeletServerCertificate: false}"}, want: "invalid", sets: "gate=false@drop-in"},
		{rule: "a gate true over false", version: "1.28-1.36", config: yes + ";featureGates: {RotateKubeletServerCertificate: false}", dropIns: []string{"10.conf featureGates: {RotateKubeletServerCertificate: true}"}, want: "on", sets: "gate=true@drop-in"},
		{rule: "a static certificate", version: "1.28-1.36", dropIns: []string{"10.conf tlsCertFile: /c;tlsPrivateKeyFile: /k"}, want: "external", sets: "cert=/c@drop-in by=drop-in"},
		{rule: "port and address", version: "1.28-1.36", config: "port: 1;address: 1.1.1.1", dropIns: []string{"10.conf port: 11250;address: 127.0.0.1"}, want: "off", sets: "port=11250@drop-in address=127.0.0.1@drop-in"},
		{rule: "the client gate in a drop-in", version: "1.28-1.36", dropIns: []string{"10.conf featureGates: {RotateKubeletClientCertificate: true}"}, want: "invalid", says: "unrecognized feature gate"},
	})
}

// How the versions differ.
func TestDropInsByVersion(t *testing.T) {
	run(t, []row{
		{rule: "false over true is ignored in 1.28", version: "1.28", config: yes, dropIns: []string{"10.conf " + no}, want: "on", sets: "bootstrap=true@file"},
		{rule: "false over true", version: "1.29-1.36", config: yes, dropIns: []string{"10.conf " + no}, want: "off", sets: "bootstrap=false@drop-in"},
		{rule: "false over an earlier true is ignored in 1.28", version: "1.28", dropIns: []string{"10.conf " + yes, "20.conf " + no}, want: "on", sets: "bootstrap=true@drop-in"},
		{rule: "false over an earlier true", version: "1.29-1.36", dropIns: []string{"10.conf " + yes, "20.conf " + no}, want: "off"},
		{rule: "null over the file's true does not reset up to 1.31", version: "1.28-1.31", config: yes, dropIns: []string{"10.conf serverTLSBootstrap: null"}, want: "on", sets: "bootstrap=true@file"},
		{rule: "null over the file's true resets from 1.32", version: "1.32-1.36", config: yes, dropIns: []string{"10.conf serverTLSBootstrap: null"}, want: "off", sets: "bootstrap=false@default"},
		{rule: "null over an earlier drop-in is ignored in 1.28", version: "1.28", dropIns: []string{"10.conf " + yes, "20.conf serverTLSBootstrap:"}, want: "on"},
		{rule: "null over an earlier drop-in falls back to the file", version: "1.29-1.31", config: no, dropIns: []string{"10.conf " + yes, "20.conf serverTLSBootstrap:"}, want: "off", sets: "bootstrap=false@file"},
		{rule: "null over an earlier drop-in falls back to the default", version: "1.32-1.36", dropIns: []string{"10.conf " + yes, "20.conf serverTLSBootstrap:"}, want: "off", sets: "bootstrap=false@default"},
		{rule: "another case is ignored in 1.28", version: "1.28", dropIns: []string{"10.conf servertlsbootstrap: true"}, want: "off"},
		{rule: "another case counts from 1.29", version: "1.29-1.36", dropIns: []string{"10.conf servertlsbootstrap: true"}, want: "on", sets: "bootstrap=true@drop-in line=3"},
		{rule: "of two cases the one that sorts last counts", version: "1.29-1.36", dropIns: []string{"10.conf servertlsbootstrap: true;serverTLSBootstrap: false"}, want: "on"},
		{rule: "upper case sorts first", version: "1.29-1.36", dropIns: []string{"10.conf SERVERTLSBOOTSTRAP: true;serverTLSBootstrap: false"}, want: "off"},
		{rule: "upper case loses to the file's true from 1.32", version: "1.32-1.36", config: yes, dropIns: []string{"10.conf ServerTLSBootstrap: false"}, want: "on", sets: "bootstrap=true@file"},
		{rule: "upper case beats the file's false, which is not written", version: "1.32-1.36", config: no, dropIns: []string{"10.conf ServerTLSBootstrap: true"}, want: "on", sets: "bootstrap=true@drop-in"},
		{rule: "the Go field's name is the file's own key up to 1.31", version: "1.29-1.31", config: yes, dropIns: []string{"10.conf ServerTLSBootstrap: false"}, want: "off", sets: "bootstrap=false@drop-in"},
		{rule: "null for the Go field leaves what is there", version: "1.29-1.31", config: yes, dropIns: []string{"10.conf ServerTLSBootstrap: null"}, want: "on", sets: "bootstrap=true@file"},
		{rule: "duplicate keys: the last wins in 1.28", version: "1.28", dropIns: []string{"10.conf " + no + ";" + yes}, want: "on"},
		{rule: "duplicate keys are refused from 1.29", version: "1.29-1.36", dropIns: []string{"10.conf " + no + ";" + yes}, want: "invalid", says: "already set in map", sets: "by=drop-in"},
		{rule: "duplicate keys anywhere are refused", version: "1.29-1.36", dropIns: []string{"10.conf authentication:;  a: 1;  a: 2"}, want: "invalid", says: "already set in map"},
		{rule: "duplicate JSON keys are refused", version: "1.29-1.36", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","a":[{"b":"c","b":"c"}]}`}, want: "invalid", says: `duplicate field "b"`},
		{rule: "duplicate JSON keys behind a number beyond float64", version: "1.29-1.36", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","a":1e999,"a":{}}`}, want: "invalid", says: `duplicate field "a"`},
		{rule: "equal keys in different JSON objects are fine", version: "1.29-1.36", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","a":[{"b":"a"},{"b":"b"}],"b":{"a":1},"c":"b"}`}, want: "off"},
		{rule: "duplicate JSON keys are looked at by hand in 1.28", version: "1.28", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","port":1,"port":null}`}, want: "unknown", sets: "port=?", says: "names port twice in JSON"},
		{rule: "a JSON number beyond float64 is refused from 1.29", version: "1.29-1.36", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","a":1e999}`}, want: "invalid", says: "into Go value of type float64", sets: "by=drop-in"},
		{rule: "a JSON number beyond float64 in 1.28", version: "1.28", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","a":1e999}`}, want: "off"},
		{rule: "a whole JSON number is an integer from 1.29", version: "1.29-1.36", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","port":1.1e4}`}, want: "off", sets: "port=11000@drop-in"},
		{rule: "a whole JSON number is refused in 1.28", version: "1.28", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","port":1.1e4}`}, want: "invalid", says: "port of type int32"},
		{rule: "a fraction is refused", version: "1.28-1.36", dropIns: []string{`10.conf !{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","port":1.5}`}, want: "invalid", says: "port of type int32"},
		{rule: "an apiVersion must be one, in 1.29 to 1.31", version: "1.29-1.31", dropIns: []string{"10.conf !kind: Any\napiVersion: a/b/c\n"}, want: "invalid", says: "unexpected GroupVersion string: a/b/c"},
		{rule: "gates under FEATUREGATES are looked at by hand in 1.29 to 1.31", version: "1.29-1.31", config: yes, dropIns: []string{"10.conf FEATUREGATES: {RotateKubeletServerCertificate: false}"}, want: "on", sets: "gate=?"},
		{rule: "gates under FEATUREGATES over the file's gates", version: "1.29-1.31", config: yes + ";featureGates: {NodeSwap: true}", dropIns: []string{"10.conf FEATUREGATES: {RotateKubeletServerCertificate: false}"}, want: "invalid", sets: "gate=false@drop-in"},
		{rule: "gates under FEATUREGATES beside FeatureGates", version: "1.29-1.31", config: yes, dropIns: []string{"10.conf FEATUREGATES: {RotateKubeletServerCertificate: false};FeatureGates: {NodeSwap: true}"}, want: "invalid", sets: "gate=false@drop-in"},
		{rule: "apiVersion is required in 1.28", version: "1.28", dropIns: []string{"10.conf !kind: KubeletConfiguration\n" + yes}, want: "invalid", says: "Object 'apiVersion' is missing"},
		{rule: "any kind will do in 1.29 to 1.31", version: "1.29-1.31", dropIns: []string{"10.conf !kind: Any\n" + yes}, want: "on"},
		{rule: "the exact kind is required from 1.32", version: "1.32-1.36", dropIns: []string{"10.conf !kind: Any\napiVersion: kubelet.config.k8s.io/v1beta1\n" + yes}, want: "invalid", says: "Kind=Any"},
		{rule: "the exact version is required from 1.32", version: "1.32-1.36", dropIns: []string{"10.conf !kind: KubeletConfiguration\n" + yes}, want: "invalid", says: "failed to load kubelet dropin file, path: /etc/k/d/10.conf"},
		{rule: "gates null does not reset up to 1.31", version: "1.28-1.31", config: yes + ";featureGates: {RotateKubeletServerCertificate: false}", dropIns: []string{"10.conf featureGates: null"}, want: "invalid", sets: "gate=false@file"},
		{rule: "gates null drops the file's gates from 1.32", version: "1.32-1.36", config: yes + ";featureGates: {RotateKubeletServerCertificate: false}", dropIns: []string{"10.conf featureGates: null"}, want: "on", sets: "gate=true@default named=false"},
		{rule: "a gate null drops that gate from 1.32", version: "1.32-1.36", config: yes + ";featureGates: {RotateKubeletServerCertificate: false}", dropIns: []string{"10.conf featureGates: {RotateKubeletServerCertificate: null}"}, want: "on", sets: "gate=true@default"},
		{rule: "a gate null does not drop the file's gate up to 1.31", version: "1.29-1.31", config: yes + ";featureGates: {RotateKubeletServerCertificate: false}", dropIns: []string{"10.conf featureGates: {RotateKubeletServerCertificate: null}"}, want: "invalid"},
		{rule: "the command line's gates survive gates null", version: "1.29-1.36", argv: named + "=false", config: yes, dropIns: []string{"10.conf featureGates: null"}, want: "invalid", sets: "gate=false@flag"},
		{rule: "gates as a string", version: "1.29-1.36", dropIns: []string{"10.conf featureGates: A=true"}, want: "invalid", says: "featureGates of type map[string]bool"},
		{rule: "a gate as a string", version: "1.29-1.36", dropIns: []string{`10.conf featureGates: {A: "true"}`}, want: "invalid", says: "featureGates of type bool"},
		{rule: "a wrong type that is overwritten does no harm", version: "1.29-1.36", dropIns: []string{`10.conf serverTLSBootstrap: "x"`, "20.conf " + yes}, want: "on"},
		{rule: "a wrong type is refused at once in 1.28", version: "1.28", dropIns: []string{`10.conf serverTLSBootstrap: "x"`, "20.conf " + yes}, want: "invalid"},
		{rule: "relative names are resolved in 1.28", version: "1.28", dropIns: []string{"10.conf tlsCertFile: c;tlsPrivateKeyFile: k"}, want: "external", sets: "cert=/etc/k/d/c@drop-in"},
		{rule: "relative names are not resolved from 1.29", version: "1.29-1.36", dropIns: []string{"10.conf tlsCertFile: c;tlsPrivateKeyFile: k"}, want: "external", sets: "cert=c@drop-in"},
		{rule: "defaults of any drop-in overwrite the file in 1.28", version: "1.28", config: "port: 11250;address: 1.1.1.1;enableServer: false", dropIns: []string{"10.conf a: b"}, want: "off", sets: "port=10250@drop-in address=0.0.0.0@drop-in server=true@drop-in"},
		{rule: "the file keeps what drop-ins do not write", version: "1.29-1.36", config: "port: 11250;address: 1.1.1.1;enableServer: false", dropIns: []string{"10.conf a: b"}, want: "off", sets: "port=11250@file address=1.1.1.1@file server=false@file"},
		{rule: "enableServer false is ignored in 1.28", version: "1.28", dropIns: []string{"10.conf enableServer: false"}, want: "off", sets: "server=true@default"},
		{rule: "enableServer false", version: "1.29-1.36", dropIns: []string{"10.conf enableServer: false"}, want: "off", sets: "server=false@drop-in noserver=true"},
		{rule: "enableServer null resets from 1.32", version: "1.32-1.36", config: "enableServer: false", dropIns: []string{"10.conf enableServer: null"}, want: "off", sets: "server=true@default"},
		{rule: "port 0 is defaulted again from 1.32", version: "1.32-1.36", config: "port: 11250", dropIns: []string{"10.conf port: 0"}, want: "off", sets: "port=10250@default"},
		{rule: "port 0 is not defaulted again in 1.29 to 1.31", version: "1.29-1.31", dropIns: []string{"10.conf port: 0"}, want: "invalid", says: "port (--port) 0"},
		{rule: "an empty certificate takes the file's away from 1.29", version: "1.29-1.36", config: "tlsCertFile: /c;tlsPrivateKeyFile: /k", dropIns: []string{`10.conf tlsCertFile: "";tlsPrivateKeyFile: ""`}, want: "off"},
		{rule: "the environment variable is needed in 1.28 and 1.29", version: "1.28-1.29", dropIns: []string{}, want: "invalid", says: "KUBELET_CONFIG_DROPIN_DIR_ALPHA not set", change: env(false)},
		{rule: "the environment variable is set", version: "1.28-1.29", dropIns: []string{"10.conf " + yes}, want: "on", change: env(true)},
		{rule: "the environment variable is gone from 1.30", version: "1.30-1.36", dropIns: []string{"10.conf " + yes}, want: "on", change: env(false)},
	})
}

func env(set bool) func(*Input) {
	return func(in *Input) { in.DropInEnv = &set }
}
