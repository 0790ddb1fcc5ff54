package remote

import "strings"

// use says what kletscan does with one ssh_config keyword.
type use uint8

const (
	unknownKeyword use = iota
	acted              // read and followed
	guarded            // not supported: a node it applies to is not dialled, unless the value is neutral
	harmless           // changes neither where nor how securely we connect, or would only loosen what we keep strict
)

// keywordUse knows the keywords of ssh_config(5) up to OpenSSH 10, those that
// it still accepts for old files, and macOS's UseKeychain. OpenSSH refuses a
// file with any other, and so do we: it may be a newer one that matters.
//
// Harmless, and why, where it is not plain: StrictHostKeyChecking, VerifyHostKeyDNS,
// CheckHostIP and NoHostAuthenticationForLocalhost, because host keys are
// always checked against known_hosts; ForwardAgent, ForwardX11, RequestTTY
// and the forwardings, because none is ever asked for; ConnectTimeout,
// because the flag of that name decides.
var keywordUse = func() map[string]use {
	uses := make(map[string]use)
	for u, words := range map[use]string{
		acted: `host match include ignoreunknown addressfamily globalknownhostsfile hostkeyalias hostname
			identitiesonly identityagent identityfile identityfile2 port proxycommand proxyjump user userknownhostsfile
			ciphers hostkeyalgorithms kexalgorithms macs`,
		guarded: `bindaddress bindinterface canonicalizehostname casignaturealgorithms certificatefile
			knownhostscommand pkcs11provider preferredauthentications pubkeyacceptedalgorithms
			pubkeyacceptedkeytypes pubkeyauthentication refuseconnection requiredrsasize revokedhostkeys
			smartcarddevice`,
		harmless: `addkeystoagent afstokenpassing batchmode canonicaldomains canonicalizefallbacklocal
			canonicalizemaxdots canonicalizepermittedcnames challengeresponseauthentication channeltimeout
			checkhostip cipher clearallforwardings compression compressionlevel connectionattempts connecttimeout
			controlmaster controlpath controlpersist dsaauthentication dynamicforward enableescapecommandline
			enablesshkeysign escapechar exitonforwardfailure fallbacktorsh fingerprinthash
			forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports
			globalknownhostsfile2 gssapiauthentication gssapiclientidentity gssapidelegatecredentials
			gssapikexalgorithms gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns
			hashknownhosts hostbasedacceptedalgorithms hostbasedauthentication hostbasedkeytypes ipqos
			kbdinteractiveauthentication kbdinteractivedevices kerberosauthentication kerberostgtpassing
			localcommand localforward loglevel logverbose nohostauthenticationforlocalhost
			numberofpasswordprompts obscurekeystroketiming passwordauthentication permitlocalcommand
			permitremoteopen protocol protocolkeepalives proxyusefdpass rekeylimit remotecommand
			remoteforward requesttty rhostsauthentication rhostsrsaauthentication rsaauthentication
			securitykeyprovider sendenv serveralivecountmax serveraliveinterval sessiontype setenv setuptimeout
			skeyauthentication stdinnull streamlocalbindmask streamlocalbindunlink stricthostkeychecking
			syslogfacility tag tcpkeepalive tisauthentication tunnel tunneldevice updatehostkeys
			useblacklistedkeys usekeychain useprivilegedport userknownhostsfile2 useroaming usersh
			verifyhostkeydns versionaddendum visualhostkey warnweakcrypto xauthlocation`,
	} {
		for word := range strings.FieldsSeq(words) {
			uses[word] = u
		}
	}
	return uses
}()

// neutral tells whether a guarded keyword has a value that asks for nothing.
func neutral(d directive) bool {
	value := d.args[0]
	switch d.keyword {
	case "canonicalizehostname":
		return oneOf(value, "no", "false", "none")
	case "certificatefile", "knownhostscommand", "pkcs11provider", "revokedhostkeys", "smartcarddevice":
		return value == "none"
	case "preferredauthentications":
		return oneOf("publickey", strings.Split(value, ",")...)
	case "pubkeyauthentication":
		return oneOf(value, "yes", "true", "unbound", "host-bound")
	case "casignaturealgorithms", "pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes":
		return !restricts(value)
	}
	return false
}

// restricts tells whether an algorithm list takes something away. A list that
// only adds (+) or reorders (^) leaves our own, which holds no weak ones.
func restricts(list string) bool {
	return !strings.HasPrefix(list, "+") && !strings.HasPrefix(list, "^")
}

func oneOf(s string, words ...string) bool {
	for _, word := range words {
		if strings.EqualFold(s, word) {
			return true
		}
	}
	return false
}
