package sshconfig

import "strings"

// use says what becomes of one ssh_config keyword.
type use uint8

const (
	acted    use = iota // read into Settings
	guarded             // nobody follows it: Settings.Refused holds it, unless its value is neutral
	harmless            // changes neither where nor how securely we connect, or would only loosen what is kept strict
)

// keyword is one row of the table of ssh_config keywords.
type keyword struct {
	name string
	use  use
	// reads tells whether the reader reads these words exactly as every
	// OpenSSH from 8.7 to 10 does. nil: never, so the reader leaves a file with this
	// keyword to ssh.
	reads func(words []string) bool
}

// keywords are those of ssh_config(5) up to OpenSSH 10, those that readconf.c
// still accepts for old files, and those of the patches of Debian, Fedora and
// Apple.
//
// Harmless, and why, where it is not plain: the forwardings, RequestTTY,
// LocalCommand, RemoteCommand and Tunnel, because none is ever asked for;
// VerifyHostKeyDNS, CheckHostIP, NoHostAuthenticationForLocalhost and
// UpdateHostKeys, because known_hosts alone decides; SecurityKeyProvider,
// because only an agent signs with such keys; the Canonical* keywords, because
// ssh -G has already followed them.
var keywords = []keyword{
	{"host", acted, isHostPatterns},
	{"match", acted, oneOf("all")},
	{"include", acted, isInclude},
	{"ignoreunknown", acted, isIgnoreUnknown},

	{"addressfamily", acted, oneOf("any", "inet", "inet6")},
	{"bindaddress", acted, isText},
	{"bindinterface", acted, isText},
	{"casignaturealgorithms", acted, isAlgorithms(keyNames)},
	{"certificatefile", acted, isPath},
	{"ciphers", acted, isAlgorithms(cipherNames)},
	{"connectionattempts", acted, isNumber(1)},
	{"connecttimeout", acted, isDuration},
	{"controlpath", acted, isPath},
	{"globalknownhostsfile", acted, isGlobalPaths},
	{"hashknownhosts", acted, isFlag},
	{"hostkeyalgorithms", acted, isAlgorithms(keyNames)},
	{"hostkeyalias", acted, isText},
	{"hostname", acted, isHostName},
	{"identitiesonly", acted, isFlag},
	{"identityagent", acted, isAgent},
	{"identityfile", acted, isPath},
	{"kexalgorithms", acted, isAlgorithms(kexNames)},
	{"macs", acted, isAlgorithms(macNames)},
	{"port", acted, isPort},
	{"preferredauthentications", acted, isText},
	{"proxycommand", acted, isCommand},
	{"proxyjump", acted, isJumps},
	{"proxyusefdpass", acted, isFlag},
	{"pubkeyacceptedalgorithms", acted, isAlgorithms(keyNames)},
	{"pubkeyauthentication", acted, oneOf("yes", "no", "true", "false", "unbound", "host-bound")},
	{"requiredrsasize", acted, isNumber(1024)},
	{"revokedhostkeys", acted, isPlainPath},
	{"serveralivecountmax", acted, isNumber(0)},
	{"serveraliveinterval", acted, isDuration},
	{"stricthostkeychecking", acted, oneOf("yes", "no", "true", "false", "off", "ask", "accept-new")},
	{"user", acted, isUser},
	{"userknownhostsfile", acted, isUserPaths},

	{"knownhostscommand", guarded, isCommand},
	{"pkcs11provider", guarded, isText},
	{"refuseconnection", guarded, nil},

	{"addkeystoagent", harmless, oneOf("yes", "no", "true", "false", "ask", "confirm")},
	{"afstokenpassing", harmless, isAnything},
	{"batchmode", acted, oneOf("no", "false")}, // yes changes Debian's ServerAliveInterval
	{"canonicaldomains", harmless, nil},
	{"canonicalizefallbacklocal", harmless, isFlag},
	{"canonicalizehostname", harmless, oneOf("no", "false")},
	{"canonicalizemaxdots", harmless, isNumber(0)},
	{"canonicalizepermittedcnames", harmless, nil},
	{"channeltimeout", harmless, nil},
	{"checkhostip", harmless, isFlag},
	{"cipher", harmless, isAnything},
	{"clearallforwardings", harmless, isFlag},
	{"compression", harmless, isFlag},
	{"compressionlevel", harmless, isAnything},
	{"controlmaster", harmless, oneOf("yes", "no", "true", "false", "ask", "auto", "autoask")},
	{"controlpersist", harmless, isPersist},
	{"dynamicforward", harmless, nil},
	{"enableescapecommandline", harmless, nil},
	{"enablesshkeysign", harmless, isFlag},
	{"escapechar", harmless, nil},
	{"exitonforwardfailure", harmless, isFlag},
	{"fallbacktorsh", harmless, isAnything},
	{"fingerprinthash", harmless, nil},
	{"forkafterauthentication", harmless, isFlag},
	{"forwardagent", harmless, isFlag},
	{"forwardx11", harmless, isFlag},
	{"forwardx11timeout", harmless, isDuration},
	{"forwardx11trusted", harmless, isFlag},
	{"gatewayports", harmless, isFlag},
	{"globalknownhostsfile2", harmless, isAnything},
	{"gssapiauthentication", harmless, isFlag},
	{"gssapiclientidentity", harmless, nil},
	{"gssapidelegatecredentials", harmless, isFlag},
	{"gssapikexalgorithms", harmless, nil},
	{"gssapikeyexchange", harmless, nil},
	{"gssapirenewalforcesrekey", harmless, nil},
	{"gssapiserveridentity", harmless, nil},
	{"gssapitrustdns", harmless, nil},
	{"hostbasedacceptedalgorithms", harmless, isAlgorithms(keyNames)},
	{"hostbasedauthentication", harmless, isFlag},
	{"ipqos", harmless, nil},
	{"kbdinteractiveauthentication", acted, isFlag},
	{"kbdinteractivedevices", harmless, isText},
	{"kerberosauthentication", harmless, isAnything},
	{"kerberostgtpassing", harmless, isAnything},
	{"localcommand", harmless, isCommand},
	{"localforward", harmless, nil},
	{"loglevel", harmless, oneOf("quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3")},
	{"logverbose", harmless, nil},
	{"nohostauthenticationforlocalhost", harmless, isFlag},
	{"numberofpasswordprompts", acted, isNumber(0)},
	{"obscurekeystroketiming", harmless, nil},
	{"passwordauthentication", acted, isFlag},
	{"permitlocalcommand", harmless, isFlag},
	{"permitremoteopen", harmless, nil},
	{"protocol", harmless, isAnything},
	{"protocolkeepalives", harmless, nil},
	{"rekeylimit", harmless, nil},
	{"remotecommand", harmless, isCommand},
	{"remoteforward", harmless, nil},
	{"requesttty", harmless, oneOf("yes", "no", "true", "false", "force", "auto")},
	{"rhostsauthentication", harmless, isAnything},
	{"rhostsrsaauthentication", harmless, isAnything},
	{"rsaauthentication", harmless, isAnything},
	{"securitykeyprovider", harmless, isText},
	{"sendenv", harmless, isSendEnv},
	{"sessiontype", harmless, oneOf("none", "subsystem", "default")},
	{"setenv", harmless, nil},
	{"setuptimeout", harmless, nil},
	{"skeyauthentication", harmless, nil},
	{"stdinnull", harmless, isFlag},
	{"streamlocalbindmask", harmless, nil},
	{"streamlocalbindunlink", harmless, isFlag},
	{"syslogfacility", harmless, nil},
	{"tag", harmless, nil},
	{"tcpkeepalive", harmless, isFlag},
	{"tisauthentication", harmless, nil},
	{"tunnel", harmless, oneOf("yes", "no", "true", "false", "ethernet", "point-to-point")},
	{"tunneldevice", harmless, nil},
	{"updatehostkeys", harmless, oneOf("yes", "no", "true", "false", "ask")},
	{"useblacklistedkeys", harmless, nil},
	{"usekeychain", harmless, nil},
	{"useprivilegedport", harmless, isAnything},
	{"userknownhostsfile2", harmless, isAnything},
	{"useroaming", harmless, isAnything},
	{"usersh", harmless, isAnything},
	{"verifyhostkeydns", harmless, oneOf("yes", "no", "true", "false", "ask")},
	{"versionaddendum", harmless, nil},
	{"visualhostkey", harmless, isFlag},
	{"warnweakcrypto", harmless, nil},
	{"xauthlocation", harmless, isText},
}

// aliases are second names of a keyword (readconf.c keywords; RSAMinSize is
// Red Hat's early name).
var aliases = []struct {
	alias, name string
	left        bool // to ssh: not every OpenSSH knows it
}{
	{"challengeresponseauthentication", "kbdinteractiveauthentication", false},
	{"dsaauthentication", "pubkeyauthentication", false},
	{"hostbasedkeytypes", "hostbasedacceptedalgorithms", false},
	{"identityfile2", "identityfile", false},
	{"keepalive", "tcpkeepalive", true},
	{"pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms", false},
	{"rsaminsize", "requiredrsasize", true},
	{"smartcarddevice", "pkcs11provider", false},
}

var keywordsByName = func() map[string]keyword {
	byName := make(map[string]keyword, len(keywords)+len(aliases))
	for _, k := range keywords {
		byName[k.name] = k
	}
	for _, a := range aliases {
		k := byName[a.name]
		if a.left {
			k.reads = nil
		}
		byName[a.alias] = k
	}
	return byName
}()

// neutral tells whether a guarded keyword's value asks for nothing.
func neutral(value string) bool {
	return strings.EqualFold(value, "none")
}

// accumulates tells whether every value of a keyword counts, not the first
// alone.
func accumulates(name string) bool {
	return name == "identityfile" || name == "certificatefile"
}
