package main

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/user"
	"regexp"
	"strings"
	"time"

	"kletscan/inventory"
	"kletscan/report"
	"kletscan/scanner"
)

// newRun is a run that begins now, with who asked for it and what judges.
func (t terminal) newRun(waivers report.Waivers) report.Run {
	return report.Run{
		Tool: "kletscan", Version: version(), ID: rand.Text(), Started: time.Now(),
		Operator: operator(), Arguments: redactArguments(t.args), RulesDigest: scanner.RulesDigest, Waivers: waivers,
	}
}

// operator is who runs the program, as user@host; what is not known is left
// out.
func operator() string {
	name, at := "", ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		at = "@" + host
	}
	return name + at
}

// inventoryDigest identifies what was to be scanned, however it was written:
// the SHA-256 of the nodes in the plain format, one a line, in their order.
func inventoryDigest(nodes []inventory.Node) string {
	digest := sha256.New()
	for _, node := range nodes {
		io.WriteString(digest, node.String()+"\n")
	}
	return fmt.Sprintf("sha256:%x", digest.Sum(nil))
}

// withheld stands where a secret stood.
const withheld = "(withheld)"

var (
	// secretFlag is a flag that holds a secret itself; what is behind the name
	// of one that ends in -file says only where one lies.
	secretFlag = regexp.MustCompile(`(?i)^--?[a-z-]*(password|passphrase|token|secret)[a-z-]*$`)
	// secretURL is what stands in front of the host of a URL, with a password.
	secretURL = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://[^/\s:@]*:)[^/\s@]+@`)
)

// redactArguments are the arguments of a command line without its secrets.
func redactArguments(args []string) []string {
	redacted := make([]string, len(args))
	secretNext := false
	for i, arg := range args {
		name, _, hasValue := strings.Cut(arg, "=")
		secret := secretFlag.MatchString(name) && !strings.HasSuffix(name, "-file")
		switch {
		case secretNext:
			redacted[i] = withheld
		case secret && hasValue:
			redacted[i] = name + "=" + withheld
		default:
			redacted[i] = secretURL.ReplaceAllString(arg, "${1}"+withheld+"@")
		}
		secretNext = secret && !hasValue && !secretNext
	}
	return redacted
}
