package probe

import (
	"regexp"
	"strings"
)

// withheld stands where a secret stood.
const withheld = "(withheld)"

// credentialShape is the shape of one kind of credential.
type credentialShape struct {
	hints       []string // lower case; without one of them there is nothing to find, and no regular expression is run
	pattern     *regexp.Regexp
	replacement string
}

// secrets are the shapes of credentials in YAML and JSON. The node holds them
// back; this is the second belt, before anything is kept, and the only one for
// files that no node has filtered.
var secrets = []credentialShape{
	{ // PEM blocks of any private key
		[]string{"private key"},
		regexp.MustCompile(`(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`), "${1}" + withheld,
	},
	{ // staticPodURLHeader of a KubeletConfiguration in block YAML: still YAML, still a map
		[]string{"staticpodurlheader:"},
		regexp.MustCompile(`(?m)(^staticPodURLHeader:)[^\n]*(?:\n[ \t-][^\n]*)*`), "${1} {\"" + withheld + "\": []}",
	},
	{ // and in JSON
		[]string{`"staticpodurlheader"`},
		regexp.MustCompile(`(?s)("staticPodURLHeader"\s*:\s*)\{[^{}]*\}`), "${1}{\"" + withheld + "\": []}",
	},
}

// redact takes credentials out of a file's text. It never touches what decides
// rotation. ok is unset where a line was too long to tell.
func redact(text string) (redacted string, ok bool) {
	if plain(text) {
		return text, true
	}
	if text, ok = maskLines(text); !ok {
		return "", false
	}
	if scalarNamed(text) {
		text = scalar.ReplaceAllStringFunc(text, maskScalar)
	}
	lower := strings.ToLower(text)
	for _, s := range secrets {
		for _, hint := range s.hints {
			if strings.Contains(lower, hint) {
				text = s.pattern.ReplaceAllString(text, s.replacement)
				break
			}
		}
	}
	return text, true
}

var (
	scalar   = regexp.MustCompile(`(?im)^([^:\n]*(?:token|password|passwd|secret|-key-data)["']?:[\t ]*)(.+)$`)
	harmless = regexp.MustCompile(`^(?:true|false|null|//|[~{\[#])`)
)

// scalarNamed reports whether a key in text is named like a credential's, so
// that it is worth while to look with a regular expression.
func scalarNamed(text string) bool {
	for key, rest, found := strings.Cut(text, ":"); found; key, rest, found = strings.Cut(rest, ":") {
		if n := len(key) - 1; n >= 0 && (key[n] == '"' || key[n] == '\'') {
			key = key[:n]
		}
		for _, name := range []string{"token", "password", "passwd", "secret", "-key-data"} {
			if len(key) >= len(name) && strings.EqualFold(key[len(key)-len(name):], name) {
				return true
			}
		}
	}
	return false
}

// maskScalar takes the value out of a line of YAML or JSON whose key is named
// like a credential. A feature gate with such a name is true or false. A comma
// that may be the value's own stays where it can be either: behind a plain word.
func maskScalar(line string) string {
	parts := scalar.FindStringSubmatch(line)
	if harmless.MatchString(parts[2]) {
		return line
	}
	value := `"` + withheld + `"`
	if text, comma := strings.CutSuffix(parts[2], ","); comma {
		if strings.IndexByte(`"'`, parts[2][0]) < 0 || strings.LastIndexAny(text, `"'`) != len(text)-1 {
			value = withheld
		}
		value += ","
	}
	return parts[1] + value
}
