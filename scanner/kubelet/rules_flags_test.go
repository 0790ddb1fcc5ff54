package kubelet

import "testing"

// Rule 5 of Resolve: the command line is on top.
func TestFlagsOnTop(t *testing.T) {
	run(t, []row{
		{rule: "the option does not exist before 1.12", version: "1.7-1.11", argv: "--rotate-server-certificates", want: "invalid", says: "unknown flag: --rotate-server-certificates"},
		{rule: "bare bool is true", version: "1.12-1.36", argv: "--rotate-server-certificates", want: "on", sets: "bootstrap=true@flag by=flag", says: "--rotate-server-certificates on the command line"},
		{rule: "=true", version: "1.20", argv: "--rotate-server-certificates=true", want: "on", says: "--rotate-server-certificates=true on the command line"},
		{rule: "=1", version: "1.20", argv: "--rotate-server-certificates=1", want: "on"},
		{rule: "=T", version: "1.20", argv: "--rotate-server-certificates=T", want: "on"},
		{rule: "=TRUE", version: "1.20", argv: "--rotate-server-certificates=TRUE", want: "on"},
		{rule: "=false", version: "1.20", argv: "--rotate-server-certificates=false", want: "off", sets: "bootstrap=false@flag by=flag"},
		{rule: "=0", version: "1.20", argv: "--rotate-server-certificates=0", want: "off"},
		{rule: "=F", version: "1.20", argv: "--rotate-server-certificates=F", want: "off"},
		{rule: "=no is no bool", version: "1.20", argv: "--rotate-server-certificates=no", want: "invalid", says: `invalid argument "no" for "--rotate-server-certificates" flag: strconv.ParseBool: parsing "no": invalid syntax`},
		{rule: "an empty value is no bool", version: "1.20", argv: "--rotate-server-certificates=", want: "invalid", says: `invalid argument ""`},
		{rule: "=tRUE is no bool", version: "1.20", argv: "--rotate-server-certificates=tRUE", want: "invalid", says: "ParseBool"},
		{rule: "another flag's bad bool counts too", version: "1.20", argv: "--rotate-server-certificates --fail-swap-on=nope", want: "invalid", says: "--fail-swap-on"},
		{rule: "space form is a stray word", version: "1.12-1.20", argv: "--rotate-server-certificates false", want: "invalid", says: "unknown command: false"},
		{rule: "space form is a stray word, in the words of 1.21", version: "1.21-1.36", argv: "--rotate-server-certificates false", want: "invalid", says: "unknown command false"},
		{rule: "stray words were ignored up to 1.10", version: "1.7-1.10", argv: "--fail-swap-on false", want: "off"},
		{rule: "stray words are refused from 1.11", version: "1.11", argv: "--fail-swap-on false", want: "invalid", says: "unknown command: false"},
		{rule: "words behind -- are stray", version: "1.20", argv: "-- --rotate-server-certificates", want: "invalid", says: "unknown command: --rotate-server-certificates"},
		{rule: "-- alone ends nothing", version: "1.20", argv: "--rotate-server-certificates --", want: "on"},
		{rule: "a single dash is a word", version: "1.20", argv: "-", want: "invalid", says: "unknown command: -"},
		{rule: "underscores are dashes", version: "1.20", argv: "--rotate_server_certificates=true", want: "on"},
		{rule: "mixed underscores", version: "1.20", argv: "--rotate_server-certificates", want: "on"},
		{rule: "names are case-sensitive", version: "1.20", argv: "--Rotate-Server-Certificates=true", want: "off"},
		{rule: "names are not abbreviated", version: "1.20", argv: "--rotate-server=true", want: "off"},
		{rule: "single dash is a shorthand", version: "1.20", argv: "-rotate-server-certificates=true", want: "invalid", says: "unknown shorthand flag: 'r' in -rotate-server-certificates=true"},
		{rule: "three dashes", version: "1.20", argv: "---rotate-server-certificates", want: "invalid", says: "bad flag syntax: ---rotate-server-certificates"},
		{rule: "no name", version: "1.20", argv: "--=true", want: "invalid", says: "bad flag syntax: --=true"},
		{rule: "the last of a repeated bool counts, true", version: "1.20", argv: "--rotate-server-certificates=false --rotate-server-certificates=true", want: "on"},
		{rule: "the last of a repeated bool counts, false", version: "1.20", argv: "--rotate-server-certificates --rotate-server-certificates=false", want: "off"},
		{rule: "the client certificate is another flag", version: "1.20", argv: "--rotate-certificates=true", want: "off"},
		{rule: "flag over file, on", version: "1.12-1.36", argv: "--rotate-server-certificates", config: "serverTLSBootstrap: false", want: "on", sets: "bootstrap=true@flag"},
		{rule: "flag over file even if equal to the default", version: "1.12-1.36", argv: "--rotate-server-certificates=false", config: "serverTLSBootstrap: true", want: "off", sets: "bootstrap=false@flag"},
		{rule: "flag over drop-in", version: "1.28-1.36", argv: "--rotate-server-certificates=false", config: "failSwapOn: false", dropIns: []string{"10.conf serverTLSBootstrap: true"}, want: "off", sets: "bootstrap=false@flag"},
		{rule: "flag over file, certificate", version: "1.20", argv: "--tls-cert-file=/f.crt --tls-private-key-file=/f.key", config: "tlsCertFile: /c.crt;tlsPrivateKeyFile: /c.key", want: "external", sets: "cert=/f.crt@flag key=/f.key@flag by=flag"},
		{rule: "empty flags take the file's certificate away", version: "1.20", argv: "--tls-cert-file= --tls-private-key-file=", config: "tlsCertFile: /c.crt;tlsPrivateKeyFile: /c.key", want: "off", sets: "cert=@flag"},
		{rule: "flag over file, port and address", version: "1.20", argv: "--port=11250 --address 10.0.0.1", config: "port: 12250;address: 10.9.9.9", want: "off", sets: "port=11250@flag address=10.0.0.1@flag"},
		{rule: "flag over file, server", version: "1.20", argv: "--enable-server", config: "enableServer: false", want: "off", sets: "server=true@flag noserver=false"},
		{rule: "bool in the middle takes no word", version: "1.12-1.36", argv: "--register-node --rotate-server-certificates --fail-swap-on", want: "on"},
		{rule: "value flag takes the next word even if it looks like a flag", version: "1.20", argv: "--node-labels --rotate-server-certificates", want: "off"},
		{rule: "value flag takes an empty word", version: "1.20", argv: "--rotate-server-certificates", want: "on", change: func(in *Input) {
			in.Args = append([]Arg{{Text: "--node-labels"}, {Text: ""}, {Text: "--register-with-taints"}, {Text: ""}, {Text: "-v"}, {Text: "2"}}, in.Args...)
		}},
		{rule: "an empty word alone is stray", version: "1.20", want: "invalid", says: "unknown command: ", change: func(in *Input) { in.Args = append(in.Args, Arg{}) }},
		{rule: "negative value in space form", version: "1.20", argv: "--oom-score-adj -999 --rotate-server-certificates", want: "on"},
		{rule: "value flag at the end", version: "1.20", argv: "--rotate-server-certificates --config", want: "invalid", says: "flag needs an argument: --config"},
		{rule: "unknown flag takes a word", version: "1.20", argv: "--fork-flag value --rotate-server-certificates", want: "on"},
		{rule: "unknown flag takes no flag", version: "1.20", argv: "--fork-flag --rotate-server-certificates", want: "on"},
		{rule: "unknown flag takes a number", version: "1.20", argv: "--fork-flag -1 --rotate-server-certificates", want: "on"},
		{rule: "unknown flag at the end", version: "1.20", argv: "--rotate-server-certificates --fork-flag", want: "on"},
		{rule: "-v with a word", version: "1.20", argv: "-v 2 --rotate-server-certificates", want: "on"},
		{rule: "-v=2", version: "1.20", argv: "-v=2 --rotate-server-certificates", want: "on"},
		{rule: "-v2", version: "1.20", argv: "-v2 --rotate-server-certificates", want: "on"},
		{rule: "-v at the end", version: "1.20", argv: "-v", want: "invalid", says: "flag needs an argument: 'v' in -v"},
		{rule: "-h ends it", version: "1.20", argv: "-h --rotate-server-certificates", want: "invalid", says: "--help"},
		{rule: "--help ends it", version: "1.20", argv: "--help", want: "invalid", says: "--help"},
		{rule: "--help=false does not", version: "1.20", argv: "--help=false --rotate-server-certificates", want: "on"},
		{rule: "--help=false does with files", version: "1.12-1.36", argv: "--help=false --rotate-server-certificates", config: yes, want: "invalid", says: "failed to precedence kubeletConfigFlag: pflag: help requested", sets: "by=flag"},
		{rule: "-h=false does with files", version: "1.28-1.36", argv: "-h=false", dropIns: []string{}, want: "invalid", says: "pflag: help requested"},
		{rule: "-h must be a bool", version: "1.20", argv: "-h=x", want: "invalid", says: `invalid argument "x" for "-h, --help" flag`},
		{rule: "a shorthand is a byte", version: "1.20", argv: "-é", want: "invalid", says: "unknown shorthand flag: 'Ã' in -é"},
		{rule: "--version must be a bool or raw", version: "1.7-1.36", argv: "--version=x", want: "invalid", says: `invalid argument "x" for "--version" flag: strconv.ParseBool`},
		{rule: "--version may name its own minor", version: "1.30", argv: "--version=v1.30.2-fork --rotate-server-certificates", want: "on"},
		{rule: "--version may name no other", version: "1.30", argv: "--version=v1.31.2", want: "invalid", says: `invalid argument "v1.31.2" for "--version" flag: version "v1.31.2" must match major/minor/patch of default version v1.30`},
		{rule: "--address must be an IP address", version: "1.7-1.36", argv: "--address=node", want: "invalid", says: `invalid argument "node" for "--address" flag: "node" is not a valid IP address`},
		{rule: "--address may have leading zeros", version: "1.20", argv: "--address=010.001.00.0", want: "off", sets: "address=010.001.00.0@flag"},
		{rule: "--address has no zone", version: "1.20", argv: "--address=::1%eth0", want: "invalid", says: "is not a valid IP address"},
		{rule: "an empty --address is none", version: "1.12-1.36", argv: "--address=", config: "address: 1.1.1.1", want: "off", sets: "address=1.1.1.1@file"},
		{rule: "an empty --address leaves the one before", version: "1.20", argv: "--address=1.1.1.1 --address=", want: "off", sets: "address=1.1.1.1@flag"},
		{rule: "--version ends it", version: "1.20", argv: "--version", want: "invalid", says: "--version"},
		{rule: "--version=raw ends it", version: "1.20", argv: "--version=raw", want: "invalid", says: "--version"},
		{rule: "--version=false does not", version: "1.20", argv: "--version=false --rotate-server-certificates", want: "on"},
		{rule: "port may be hexadecimal", version: "1.20", argv: "--port=0x2bf2", want: "off", sets: "port=11250@flag"},
		{rule: "port must be a number", version: "1.20", argv: "--port=https", want: "invalid", says: `invalid argument "https" for "--port" flag`},
		{rule: "port 0 is refused", version: "1.20", argv: "--port=0", want: "invalid", says: "port (--port) 0 must be between 1 and 65535"},
		{rule: "port 65536 is refused", version: "1.20", argv: "--port=65536", want: "invalid", says: "must be between"},
		{rule: "the first error counts", version: "1.20", argv: "--fail-swap-on=x --port=y", want: "invalid", says: "--fail-swap-on"},
		{rule: "a flag of a unit file says so", version: "1.20", want: "on", says: "--rotate-server-certificates in /etc/u.service", change: func(in *Input) {
			in.Args = []Arg{{Text: "--rotate-server-certificates", Source: Source{Kind: FromFlag, Path: "/etc/u.service", Line: 3}}}
		}, sets: "line=3 by=flag"},
		{rule: "a flag of the distribution says so", version: "1.30", want: "external", says: "distribution", change: func(in *Input) {
			in.Args = []Arg{
				{Text: "--tls-cert-file=/s.crt", Source: Source{Kind: FromDistribution, Path: "k3s"}},
				{Text: "--tls-private-key-file=/s.key", Source: Source{Kind: FromDistribution}},
			}
		}, sets: "cert=/s.crt@distribution by=distribution"},
	})
}

// Rule 5 of Resolve: with files the command line is parsed again, and a bare
// global bool takes the next argument.
func TestSecondParse(t *testing.T) {
	const swallows = "a kubelet with configuration files parses its command line again, where --log-cadvisor-usage takes the next argument for its value"
	run(t, []row{
		{rule: "a flag behind a bare global bool", version: "1.12-1.36", argv: "--log-cadvisor-usage --rotate-server-certificates", config: yes, want: "unknown", sets: "bootstrap=? cert=@default", says: swallows},
		{rule: "with --config-dir", version: "1.28-1.36", argv: "--log-cadvisor-usage --rotate-server-certificates", dropIns: []string{}, want: "unknown", sets: "bootstrap=?", says: swallows},
		{rule: "without files there is no second parse", version: "1.12-1.36", argv: "--log-cadvisor-usage --rotate-server-certificates", want: "on"},
		{rule: "a global bool with a value swallows nothing", version: "1.12-1.36", argv: "--log-cadvisor-usage=false --rotate-server-certificates", config: no, want: "on"},
		{rule: "klog's bools", version: "1.12-1.36", argv: "--logtostderr --rotate-server-certificates", config: no, want: "unknown", says: "where --logtostderr takes"},
		{rule: "underscores", version: "1.20", argv: "--log_cadvisor_usage --rotate-server-certificates", config: no, want: "unknown", says: "where --log_cadvisor_usage takes"},
		{rule: "--version that is taken back", version: "1.20", argv: "--version --rotate-server-certificates --version=false", config: no, want: "unknown", says: "where --version takes"},
		{rule: "another flag behind it does no harm", version: "1.12-1.36", argv: "--alsologtostderr --fail-swap-on=false --rotate-server-certificates", config: no, want: "on"},
		{rule: "the kubelet's own bools swallow nothing", version: "1.12-1.36", argv: "--register-node --rotate-server-certificates", config: no, want: "on"},
		{rule: "a value that becomes a flag", version: "1.20", argv: "--log-cadvisor-usage --node-labels --rotate-server-certificates", config: no, want: "unknown", sets: "bootstrap=?", says: swallows},
		{rule: "a value that becomes a flag that no kubelet has", version: "1.20", argv: "--log-cadvisor-usage --cert-dir --x", config: yes, want: "unknown", says: swallows},
		{rule: "a certificate behind it", version: "1.20", argv: "--log-cadvisor-usage --tls-cert-file /c --tls-private-key-file=/k", config: no, want: "unknown", sets: "cert=? key=/k@flag bootstrap=false@file"},
		{rule: "a port behind it", version: "1.20", argv: "--log-cadvisor-usage --port=1", config: yes, want: "on", sets: "port=?"},
		{rule: "gates behind it", version: "1.12-1.36", argv: "--log-cadvisor-usage " + named + "=false", config: yes, want: "on", sets: "gate=?"},
		{rule: "gates behind it decide up to 1.10", version: "1.10", argv: "--log-cadvisor-usage " + named + "=true", config: "a: b", want: "unknown", sets: "gate=?"},
		{rule: "enable-server is no setting of a file up to 1.18", version: "1.12-1.18", argv: "--log-cadvisor-usage --enable-server=false", config: yes, want: "on", sets: "server=false@flag"},
		{rule: "enable-server behind it", version: "1.19-1.36", argv: "--log-cadvisor-usage --enable-server=false", config: yes, want: "on", sets: "server=?"},
		{rule: "at the end it lacks a value: not seen of one that runs", version: "1.12-1.36", argv: "--rotate-server-certificates --log-cadvisor-usage", config: yes, want: "unknown", says: swallows},
		{rule: "--help that is swallowed", version: "1.20", argv: "--log-cadvisor-usage --help=false", config: yes, want: "on"},
		{rule: "with a dynamic configuration", version: "1.12-1.21", argv: "--dynamic-config-dir=/d --log-cadvisor-usage --rotate-server-certificates", want: "unknown", sets: "bootstrap=?", says: swallows, change: dynamic("", "")},
		{rule: "a version that is not known", argv: "--log-cadvisor-usage --rotate-server-certificates", config: yes, want: "unknown", says: swallows},
	})
}

// A flag whose life is known bounds the version, or is refused.
func TestFlagSpans(t *testing.T) {
	run(t, []row{
		{rule: "--config before 1.10", version: "1.7-1.9", config: "serverTLSBootstrap: true", want: "invalid", says: "unknown flag: --config"},
		{rule: "--config-dir before 1.28", version: "1.7-1.27", dropIns: []string{}, want: "invalid", says: "unknown flag: --config-dir"},
		{rule: "--dynamic-config-dir in 1.7", version: "1.7", argv: "--dynamic-config-dir=/d", want: "invalid", says: "unknown flag: --dynamic-config-dir"},
		{rule: "--dynamic-config-dir from 1.24", version: "1.24-1.36", argv: "--dynamic-config-dir=/d", want: "invalid", says: "unknown flag: --dynamic-config-dir"},
		{rule: "--init-config-dir from 1.10", version: "1.10-1.36", argv: "--init-config-dir=/d", want: "invalid", says: "unknown flag: --init-config-dir"},
		{rule: "--require-kubeconfig from 1.10", version: "1.10", argv: "--require-kubeconfig", want: "invalid"},
		{rule: "--api-servers from 1.8", version: "1.8", argv: "--api-servers=https://a", want: "invalid"},
		{rule: "--allow-privileged in 1.14", version: "1.14", argv: "--allow-privileged=true", want: "off"},
		{rule: "--allow-privileged from 1.15", version: "1.15-1.36", argv: "--allow-privileged=true", want: "invalid"},
		{rule: "--cadvisor-port from 1.12", version: "1.12", argv: "--cadvisor-port=0", want: "invalid"},
		{rule: "--network-plugin in 1.23", version: "1.23", argv: "--network-plugin=cni --cni-bin-dir=/x", want: "off"},
		{rule: "--network-plugin from 1.24", version: "1.24", argv: "--network-plugin=cni", want: "invalid", says: "unknown flag: --network-plugin"},
		{rule: "--container-runtime from 1.27", version: "1.27", argv: "--container-runtime=remote", want: "invalid"},
		{rule: "--keep-terminated-pod-volumes from 1.31", version: "1.31", argv: "--keep-terminated-pod-volumes", want: "invalid"},
		{rule: "--pod-infra-container-image in 1.34", version: "1.34", argv: "--pod-infra-container-image=p", want: "off"},
		{rule: "--pod-infra-container-image from 1.35", version: "1.35", argv: "--pod-infra-container-image=p", want: "invalid"},
		{rule: "--image-credential-provider-config before 1.20", version: "1.19", argv: "--image-credential-provider-config=/p", want: "invalid"},
	})
}
