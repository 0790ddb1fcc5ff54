package probe

import (
	"regexp"
	"strings"
)

// withheld stands where a secret stood.
const withheld = "(withheld)"

// credential is the shape of one kind of credential.
type credential struct {
	hints       []string // lower case; without one of them there is nothing to find, and no regular expression is run
	pattern     *regexp.Regexp
	replacement string
}

// secrets are the shapes of credentials in units, environment files and
// configurations. The node holds back what it can tell by a variable's name;
// this is the second belt, before anything is kept.
var secrets = []credential{
	{ // user:password@ of a URL: proxies in systemd drop-ins, registries
		[]string{"://"},
		regexp.MustCompile(`(?i)(\b[a-z][a-z0-9+.-]*://)[^/\s@"']+@`), "${1}" + withheld + "@",
	},
	{ // --token X and its kind, as flags of k3s, RKE2, kubeadm and cloud agents
		[]string{"token", "password", "secret"},
		regexp.MustCompile(`(?i)(--(?:agent-|bootstrap-|join-)?(?:token|password|secret|client-secret|secret-key)[=\s'"\\]+)[^\s'"\\]+`), "${1}" + withheld,
	},
	{ // NAME=value with a telling name
		[]string{"token=", "password=", "passwd=", "secretArgument=", "_key="},
		regexp.MustCompile(`(?i)(\b[a-z0-9_]*(?:token|password|passwd|secret|secret_key|access_key|private_key)=)[^\s"']+`), "${1}" + withheld,
	},
	{ // token: value in YAML
		[]string{"token", "password"},
		regexp.MustCompile(`(?im)(^\s*"?(?:[a-z-]*token|password)"?:\s+)\S.*$`), "${1}" + withheld,
	},
	{ // PEM blocks of any private key
		[]string{"private key"},
		regexp.MustCompile(`(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`), "${1}" + withheld,
	},
	{ // staticPodURLHeader of a KubeletConfiguration in block YAML: still YAML, still a map
		[]string{"staticpodurlheader:"},
		regexp.MustCompile(`(?m)(^staticPodURLHeader:)[^\n]*(?:\n[ \t-][^\n]*)*`), "${1} {}",
	},
	{ // and in JSON
		[]string{`"staticpodurlheader"`},
		regexp.MustCompile(`(?s)("staticPodURLHeader"\s*:\s*)\{[^{}]*\}`), "${1}{}",
	},
}

// redact takes credentials out of text. It never touches what decides
// rotation.
func redact(text string) string {
	lower := strings.ToLower(text)
	for _, s := range secrets {
		for _, hint := range s.hints {
			if strings.Contains(lower, hint) {
				text = s.pattern.ReplaceAllString(text, s.replacement)
				break
			}
		}
	}
	return text
}

// redactArgv does the same for an argument vector, where a flag and its value
// may be two elements.
func redactArgv(args []string) []string {
	for i, arg := range args {
		if i > 0 && strings.HasPrefix(args[i-1], "-") && !strings.HasPrefix(arg, "-") {
			if both := args[i-1] + " " + arg; redact(both) == args[i-1]+" "+withheld {
				args[i] = withheld
				continue
			}
		}
		args[i] = redact(arg)
	}
	return args
}
