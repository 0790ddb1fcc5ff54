package kubelet

import (
	"strings"
	"testing"
)

// Rule 2 of Resolve: the file that --config names.
func TestConfigFile(t *testing.T) {
	const on = "serverTLSBootstrap: true"
	run(t, []row{
		{rule: "true", version: "1.12-1.36", config: on, want: "on", sets: "bootstrap=true@file line=3", says: "serverTLSBootstrap: true in /etc/k/config.yaml"},
		{rule: "false", version: "1.12-1.36", config: "serverTLSBootstrap: false", want: "off", sets: "bootstrap=false@file by=file", says: "serverTLSBootstrap: false in /etc/k/config.yaml: self-signed"},
		{rule: "not set", version: "1.12-1.36", config: "failSwapOn: false", want: "off", sets: "bootstrap=false@default", says: "serverTLSBootstrap is not set in /etc/k/config.yaml and defaults to false: self-signed, never renewed"},
		{rule: "commented out", version: "1.20", config: "# serverTLSBootstrap: true", want: "off"},
		{rule: "null is not set", version: "1.20", config: "serverTLSBootstrap: null", want: "off", sets: "bootstrap=false@default"},
		{rule: "empty is not set", version: "1.20", config: "serverTLSBootstrap:", want: "off", sets: "bootstrap=false@default"},
		{rule: "tilde is not set", version: "1.20", config: "serverTLSBootstrap: ~", want: "off", sets: "bootstrap=false@default"},
		{rule: "yes", version: "1.20", config: "serverTLSBootstrap: yes", want: "on"},
		{rule: "Yes", version: "1.20", config: "serverTLSBootstrap: Yes", want: "on"},
		{rule: "on", version: "1.20", config: "serverTLSBootstrap: on", want: "on"},
		{rule: "y", version: "1.20", config: "serverTLSBootstrap: y", want: "on"},
		{rule: "TRUE", version: "1.20", config: "serverTLSBootstrap: TRUE", want: "on"},
		{rule: "off", version: "1.20", config: "serverTLSBootstrap: off", want: "off", sets: "bootstrap=false@file"},
		{rule: "NO", version: "1.20", config: "serverTLSBootstrap: NO", want: "off", sets: "bootstrap=false@file"},
		{rule: "a quoted true is a string", version: "1.12-1.36", config: `serverTLSBootstrap: "true"`, want: "invalid", says: "json: cannot unmarshal string into Go struct field KubeletConfiguration.serverTLSBootstrap of type bool"},
		{rule: "tRUE is a string", version: "1.20", config: "serverTLSBootstrap: tRUE", want: "invalid"},
		{rule: "1 is a number", version: "1.20", config: "serverTLSBootstrap: 1", want: "invalid", says: "cannot unmarshal number"},
		{rule: "a list is no bool", version: "1.20", config: "serverTLSBootstrap: [true]", want: "invalid", says: "cannot unmarshal array"},
		{rule: "an object is no bool", version: "1.20", config: "serverTLSBootstrap: {a: true}", want: "invalid", says: "cannot unmarshal object"},
		{rule: "an explicit tag", version: "1.20", config: `serverTLSBootstrap: !!bool "true"`, want: "on"},
		{rule: "a string tag", version: "1.20", config: `serverTLSBootstrap: !!str true`, want: "invalid"},
		{rule: "blank before the colon", version: "1.20", config: "serverTLSBootstrap : true", want: "on", sets: "line=3"},
		{rule: "a quoted key", version: "1.20", config: `"serverTLSBootstrap": true`, want: "on", sets: "line=3"},
		{rule: "case matters", version: "1.12-1.36", config: "ServerTLSBootstrap: true", want: "off"},
		{rule: "lower case does nothing", version: "1.20", config: "servertlsbootstrap: true", want: "off"},
		{rule: "another case beside it does nothing", version: "1.20", config: on + ";ServerTLSBootstrap: false", want: "on"},
		{rule: "unknown fields are ignored", version: "1.12-1.36", config: "noSuchField: 1;" + on, want: "on"},
		{rule: "duplicate keys: the last wins, false", version: "1.12-1.36", config: on + ";serverTLSBootstrap: false", want: "off", sets: "line=4"},
		{rule: "duplicate keys: the last wins, true", version: "1.12-1.36", config: "serverTLSBootstrap: false;" + on, want: "on"},
		{rule: "a nested key is another key", version: "1.20", config: "authentication:;  serverTLSBootstrap: true", want: "off"},
		{rule: "text in a block scalar is no key", version: "1.20", config: "clusterDomain: |;  serverTLSBootstrap: true", want: "off"},
		{rule: "only the first document counts", version: "1.12-1.36", config: "failSwapOn: false;---;" + on, want: "off"},
		{rule: "the second document need not even parse", version: "1.20", config: on + ";---;[", want: "on"},
		{rule: "a leading marker is no document", version: "1.20", config: "!---\n" + header + on, want: "on", sets: "line=4"},
		{rule: "an empty first document", version: "1.20", config: "!---\n# nothing\n---\n" + header + on, want: "invalid", says: "Object 'Kind' is missing"},
		{rule: "comments before the marker", version: "1.20", config: "!# managed\n---\n" + header + on, want: "on", sets: "line=5"},
		{rule: "anchors", version: "1.20", config: "failSwapOn: &x true;serverTLSBootstrap: *x", want: "on"},
		{rule: "merge keys", version: "1.20", config: "a: &x {serverTLSBootstrap: true};<<: *x", want: "on"},
		{rule: "CRLF", version: "1.20", config: "!" + strings.ReplaceAll(header+on, "\n", "\r\n"), want: "on", sets: "line=3"},
		{rule: "BOM", version: "1.20", config: "!\ufeff" + header + on, want: "on", sets: "line=3"},
		{rule: "no newline at the end", version: "1.20", config: "!" + header + on, want: "on"},
		{rule: "a tab indents nothing", version: "1.20", config: "authentication:;\tanonymous: {}", want: "invalid", says: "yaml"},
		{rule: "broken YAML", version: "1.20", config: "serverTLSBootstrap: [true", want: "invalid", says: "failed to load Kubelet config file /etc/k/config.yaml, error failed to decode: yaml: line"},
		{rule: "an empty file", version: "1.12-1.36", config: "!", want: "invalid", says: `kubelet config file "/etc/k/config.yaml" was empty`, sets: "by=file"},
		{rule: "blanks only", version: "1.20", config: "!\n\n", want: "invalid", says: "Object 'Kind' is missing"},
		{rule: "a list at the top", version: "1.20", config: "!- a\n", want: "invalid", says: "not a mapping"},
		{rule: "a word at the top", version: "1.20", config: "!kubelet\n", want: "invalid", says: "not a mapping"},
		{rule: "no kind", version: "1.12-1.36", config: "!apiVersion: kubelet.config.k8s.io/v1beta1\n" + on, want: "invalid", says: "Object 'Kind' is missing"},
		{rule: "no apiVersion", version: "1.12-1.36", config: "!kind: KubeletConfiguration\n" + on, want: "invalid", says: "Object 'apiVersion' is missing"},
		{rule: "another apiVersion", version: "1.12-1.36", config: "!kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1\n" + on, want: "invalid", says: "no kind"},
		{rule: "a kind that is no string, in any case", version: "1.12-1.36", config: "Kind: 5;" + on, want: "invalid", says: "cannot unmarshal number into Go struct field .kind of type string", sets: "by=file"},
		{rule: "an apiVersion that is no string", version: "1.12-1.36", config: "!kind: KubeletConfiguration\napiVersion: [v1]\n", want: "invalid", says: "cannot unmarshal array into Go struct field .apiVersion of type string"},
		{rule: "a null beside the kind is none", version: "1.12-1.36", config: "Kind: null;" + on, want: "on"},
		{rule: "JSON has no .inf", version: "1.12-1.36", config: "a: [.inf];" + on, want: "invalid", says: "error converting YAML to JSON"},
		{rule: "JSON has no .nan", version: "1.20", config: "a: .nan;" + on, want: "invalid", says: ".nan"},
		{rule: "JSON has no null for a key", version: "1.20", config: "a: {~: b};" + on, want: "invalid", says: "error converting YAML to JSON"},
		{rule: "JSON has no list for a key", version: "1.20", config: "? [a];: b;" + on, want: "invalid", says: "yaml: invalid map key"},
		{rule: "numbers and bools become keys", version: "1.20", config: "1: a;true: b;1.5: c;.inf: d;" + on, want: "on"},
		{rule: "another kind", version: "1.20", config: "!kind: Config\napiVersion: v1\n", want: "invalid", says: `no kind "Config" is registered for version "v1"`},
		{rule: "absent", version: "1.12-1.36", config: "-", want: "invalid", says: "open /etc/k/config.yaml: no such file or directory", sets: "by=file"},
		{rule: "an empty --config is none", version: "1.20", argv: "--config=", want: "off"},
		{rule: "the last --config counts", version: "1.20", argv: "--config= --config=/other", want: "on", change: func(in *Input) { in.Config = content("/other", on) }},
		{rule: "files are ignored unless argv names them", version: "1.36", want: "off", change: func(in *Input) {
			in.Config = content(configPath, on)
			in.DropIns = DropInDir{Path: dropInPath, State: Present, Files: []File{content(dropInPath+"/1.conf", on)}}
		}},
	})
}

func TestConfigJSON(t *testing.T) {
	const head = `!{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1",`
	run(t, []row{
		{rule: "true", version: "1.12-1.36", config: head + "\n" + `"serverTLSBootstrap":true}`, want: "on", sets: "line=2"},
		{rule: "false", version: "1.20", config: head + `"serverTLSBootstrap":false}`, want: "off", sets: "bootstrap=false@file"},
		{rule: "tabs are fine", version: "1.20", config: "!{\n\t" + head[2:] + "\n\t\"serverTLSBootstrap\": true\n}\n", want: "on"},
		{rule: "a string is no bool", version: "1.20", config: head + `"serverTLSBootstrap":"true"}`, want: "invalid"},
		{rule: "null is not set", version: "1.20", config: head + `"serverTLSBootstrap":null}`, want: "off", sets: "bootstrap=false@default"},
		{rule: "duplicate keys are looked at by hand", version: "1.10-1.36", config: head + `"serverTLSBootstrap":true,"serverTLSBootstrap":null}`, want: "unknown", sets: "cert=?", says: "/etc/k/config.yaml names serverTLSBootstrap twice in JSON: look at it by hand"},
		{rule: "a flag decides over duplicate keys", version: "1.12-1.36", argv: "--rotate-server-certificates", config: head + `"serverTLSBootstrap":true,"serverTLSBootstrap":null}`, want: "on"},
		{rule: "a kind in several spellings is looked at by hand", version: "1.12-1.36", config: head + `"Kind":"Pod"}`, want: "unknown", says: "names kind twice in JSON"},
		{rule: "kind and apiVersion in another case", version: "1.20", config: `!{"KIND":"KubeletConfiguration","ApiVersion":"kubelet.config.k8s.io/v1beta1","serverTLSBootstrap":true}`, want: "on"},
		{rule: "a number beyond float64 is ignored in an unknown field", version: "1.12-1.36", config: head + `"a":1e999,"serverTLSBootstrap":true}`, want: "on"},
		{rule: "a port in a whole float is no integer", version: "1.12-1.36", config: head + `"port":1e4}`, want: "invalid", says: "port of type int32"},
		{rule: "yes is no JSON", version: "1.20", config: head + `"serverTLSBootstrap":yes}`, want: "invalid", says: "json parse error"},
		{rule: "what begins like JSON is no YAML", version: "1.20", config: "!{kind: KubeletConfiguration, apiVersion: kubelet.config.k8s.io/v1beta1}", want: "invalid", says: "json parse error"},
		{rule: "text behind the object", version: "1.20", config: head + `"serverTLSBootstrap":true} x`, want: "invalid", says: "after top-level value"},
		{rule: "port", version: "1.20", config: head + `"port":11250}`, want: "off", sets: "port=11250@file"},
		{rule: "port as a fraction", version: "1.20", config: head + `"port":11250.5}`, want: "invalid", says: "KubeletConfiguration.port of type int32"},
		{rule: "gates", version: "1.20", config: head + `"serverTLSBootstrap":true,"featureGates":{"RotateKubeletServerCertificate":false}}`, want: "invalid", sets: "gate=false@file"},
	})
}

func TestConfigFields(t *testing.T) {
	run(t, []row{
		{rule: "static certificate", version: "1.10-1.36", config: "tlsCertFile: /c.crt;tlsPrivateKeyFile: /c.key", want: "external", sets: "cert=/c.crt@file key=/c.key@file by=file line=3", says: "the static certificate of tlsCertFile: /c.crt in /etc/k/config.yaml is served"},
		{rule: "relative to the file", version: "1.10-1.36", config: "tlsCertFile: pki/c.crt;tlsPrivateKeyFile: ../c.key", want: "external", sets: "cert=/etc/k/pki/c.crt@file key=/etc/c.key@file"},
		{rule: "as a flag relative to the working directory", version: "1.20", argv: "--tls-cert-file=c.crt --tls-private-key-file=c.key", want: "external", sets: "cert=c.crt@flag"},
		{rule: "empty names are none", version: "1.20", config: `tlsCertFile: "";tlsPrivateKeyFile: ""`, want: "off", sets: "cert=@default"},
		{rule: "a number is no name", version: "1.20", config: "tlsCertFile: 7", want: "invalid", says: "KubeletConfiguration.tlsCertFile of type string"},
		{rule: "port 0 is the default", version: "1.20", config: "port: 0", want: "off", sets: "port=10250@default"},
		{rule: "port null is the default", version: "1.20", config: "port: null", want: "off", sets: "port=10250@default"},
		{rule: "port of the file", version: "1.20", config: "port: 11250", want: "off", sets: "port=11250@file"},
		{rule: "port out of range", version: "1.12-1.36", config: "port: 70000", want: "invalid", says: "port (--port) 70000"},
		{rule: "port as a string", version: "1.20", config: `port: "10250"`, want: "invalid", says: "port of type int32"},
		{rule: "port too large for its type", version: "1.20", config: "port: 99999999999", want: "invalid", says: "int32"},
		{rule: "address", version: "1.20", config: "address: 127.0.0.1", want: "off", sets: "address=127.0.0.1@file"},
		{rule: "address empty is the default", version: "1.20", config: `address: ""`, want: "off", sets: "address=0.0.0.0@default"},
		{rule: "enableServer is no field up to 1.18", version: "1.10-1.18", config: "enableServer: false", want: "off", sets: "server=true@default noserver=false"},
		{rule: "enableServer from 1.19", version: "1.19-1.36", config: "enableServer: false", want: "off", sets: "server=false@file noserver=true"},
		{rule: "enableServer null is true", version: "1.20", config: "enableServer: null", want: "off", sets: "server=true@default"},
		{rule: "gate values must be bool, string", version: "1.12-1.36", config: `featureGates: {A: "true"}`, want: "invalid", says: "featureGates of type bool"},
		{rule: "gate values must be bool, word", version: "1.20", config: `featureGates: {A: maybe}`, want: "invalid"},
		{rule: "gates must be a map", version: "1.20", config: "featureGates: A=true", want: "invalid", says: "featureGates of type map[string]bool"},
		{rule: "gates may be null", version: "1.20", config: "featureGates: null", want: "off"},
		{rule: "a gate that is null is false", version: "1.20", config: "serverTLSBootstrap: true;featureGates: {RotateKubeletServerCertificate: null}", want: "invalid", sets: "gate=false@file"},
		{rule: "rotateCertificates is the client's", version: "1.20", config: "rotateCertificates: true", want: "off"},
	})
}
