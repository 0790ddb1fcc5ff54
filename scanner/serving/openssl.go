package serving

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"kletscan/scanner/evidence"
)

// ParseOpenSSL reads what openssl wrote on the node, to both of its outputs:
//
//	openssl s_client -connect HOST:PORT -showcerts </dev/null 2>&1
//
// with -servername NAME for a server name; the caller then sets SNI. With an
// IP address for HOST openssl sends none by itself (s_client(1)); otherwise
// -noservername is needed, from OpenSSL 1.1.1 on. Understood are the words of
// OpenSSL 1.0 to 3. Nothing else of the output is kept: for TLS 1.2 it holds
// the session's master key.
func ParseOpenSSL(output []byte) evidence.Attempt {
	output = output[:min(len(output), byteLimit)]
	attempt := evidence.Attempt{Method: evidence.OpenSSL}
	ders := certificateBlocks(output)
	if len(ders) == 0 {
		attempt.Outcome, attempt.Detail, attempt.Alert = openSSLFailure(output)
		return attempt
	}
	attempt.Outcome = evidence.CertificateSeen
	attempt.Chain, attempt.Sent = chain(ders), len(ders)
	if openSSLCipher.Match(output) {
		attempt.Completed = true
	} else {
		_, attempt.Detail, _ = openSSLFailure(output)
	}
	if version := openSSLVersion(output); version != "" {
		attempt.TLSVersion = "TLS " + version
	}
	return attempt
}

var (
	// "(NONE)" stands in the cipher's place after a handshake that failed.
	openSSLCipher = regexp.MustCompile(`(?m)^New, .*, Cipher is [A-Z]`)
	// 1.0 says "New, TLSv1/SSLv3, ..." for everything; the session's line has
	// the version there. For TLS 1.3 there may be no session.
	openSSLSession = regexp.MustCompile(`(?m)^ *Protocol *: *TLSv(1\.[23])`)
	openSSLNew     = regexp.MustCompile(`(?m)^New, TLSv(1\.[23]),`)

	openSSLAlert = regexp.MustCompile(`SSL alert number ([0-9]{1,3})\b`)
	// Lines that say why, in all versions.
	openSSLError = regexp.MustCompile(`(?im)^.*(?:errno=|:error:|not found|no such file).*$`)
)

func openSSLVersion(output []byte) string {
	for _, pattern := range []*regexp.Regexp{openSSLSession, openSSLNew} {
		if match := pattern.FindSubmatch(output); match != nil {
			return string(match[1])
		}
	}
	return ""
}

// openSSLWords are what openssl, or strerror through it, says of a failure;
// the first that occurs decides. Numbers of errno are Linux's.
var openSSLWords = []struct {
	words   string // lower case
	outcome evidence.Outcome
}{
	{"connection refused", evidence.Refused},
	{"connect:errno=111", evidence.Refused},
	{"connection timed out", evidence.TimedOut},
	{"operation timed out", evidence.TimedOut},
	{"connect:errno=110", evidence.TimedOut},
	{"alert internal error", evidence.AlertInternalError}, // 0.9.8 to 1.0 without a number
	{"wrong version number", evidence.NotTLS},             // from 1.1 on
	{"unknown protocol", evidence.NotTLS},                 // up to 1.0
	{"http request", evidence.NotTLS},
	{"packet length too long", evidence.NotTLS},
	{"unexpected eof", evidence.Closed}, // from 3.0 on
	{"errno=104", evidence.Closed},
	{"errno=0", evidence.Closed},
	{"errno=32", evidence.Closed},
	{"ssl handshake failure", evidence.Closed}, // up to 1.0, at the end of the stream
	{"tlsv1 alert", evidence.AlertOther},       // up to 1.0 without a number
	{"sslv3 alert", evidence.AlertOther},
}

// openSSLFailure says why there is no certificate in an output, or no whole
// handshake.
func openSSLFailure(output []byte) (outcome evidence.Outcome, detail string, alert int) {
	detail = line(string(openSSLError.Find(output)))
	if match := openSSLAlert.FindSubmatch(output); match != nil {
		if number, err := strconv.ParseUint(string(match[1]), 10, 8); err == nil {
			if outcome = evidence.AlertOther; number == uint64(alertInternalError) {
				outcome = evidence.AlertInternalError
			}
			return outcome, detail, int(number)
		}
	}
	lower := strings.ToLower(string(output))
	for _, known := range openSSLWords {
		if strings.Contains(lower, known.words) {
			if known.outcome == evidence.AlertInternalError {
				alert = int(alertInternalError)
			}
			return known.outcome, detail, alert
		}
	}
	if detail == "" {
		detail = line(firstLine(output))
	}
	if detail == "" {
		detail = "openssl wrote nothing"
	}
	return evidence.Failed, detail, 0
}

func firstLine(output []byte) string {
	first, _, _ := bytes.Cut(bytes.TrimSpace(output), []byte("\n"))
	return string(first)
}
