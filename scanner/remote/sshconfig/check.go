package sshconfig

import (
	"slices"
	"strconv"
	"strings"
)

// These predicates are the strict check: each tells whether the words of one
// line are read here exactly as OpenSSH reads them (readconf.c
// process_config_line_depth). Whatever they do not know is left to ssh.

func isAnything([]string) bool { return true }

// isCommand: the rest of the line counts, which splitLine has looked at.
func isCommand(words []string) bool { return len(words) > 0 && words[0] != "" }

func isText(words []string) bool { return len(words) == 1 && words[0] != "" }

func oneOf(allowed ...string) func([]string) bool {
	return func(words []string) bool { return isText(words) && among(words[0], allowed...) }
}

var isFlag = oneOf("yes", "no", "true", "false")

// among compares as readconf.c does: without regard to case.
func among(s string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(s, word) })
}

func isNumber(least int) func([]string) bool {
	return func(words []string) bool {
		if !isText(words) || len(words[0]) > 9 || strings.Trim(words[0], "0123456789") != "" {
			return false
		}
		n, err := strconv.Atoi(words[0])
		return err == nil && n >= least
	}
}

func isPort(words []string) bool {
	if !isNumber(1)(words) || words[0][0] == '0' {
		return false
	}
	n, err := strconv.Atoi(words[0])
	return err == nil && n <= 65535
}

func isDuration(words []string) bool {
	if !isText(words) {
		return false
	}
	_, err := parseDuration(words[0])
	return err == nil
}

func isPersist(words []string) bool { return isFlag(words) || isDuration(words) && words[0] != "none" }

func isSendEnv(words []string) bool {
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return w == "" || strings.ContainsAny(w, "=!?") })
}

// isHostPatterns refuses patterns that the library matches otherwise than
// OpenSSH: its ? also matches nothing, and it knows no quotes.
func isHostPatterns(words []string) bool {
	for _, p := range words {
		p = strings.TrimPrefix(p, "!")
		if p == "" || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`#"'\=?!`, r) }) {
			return false
		}
	}
	return len(words) > 0
}

// isInclude leaves to ssh what glob(3) and filepath.Glob do not see alike, and
// what OpenSSH 10 expands and older ones do not.
func isInclude(words []string) bool {
	for _, w := range words {
		folder := w[:strings.LastIndexByte(w, '/')+1]
		if w == "" || strings.ContainsAny(w, "%${}[]?\\!") || strings.Contains(folder, "*") ||
			strings.HasPrefix(w, "~") && !strings.HasPrefix(w, "~/") {
			return false
		}
	}
	return len(words) > 0
}

func isIgnoreUnknown(words []string) bool {
	return isText(words) && strings.Trim(strings.ToLower(words[0]), "abcdefghijklmnopqrstuvwxyz0123456789*,") == ""
}

func isHostName(words []string) bool {
	return isText(words) && checkTokens("hostname", words[0]) == nil
}

// isUser: OpenSSH 10 expands tokens and variables in User, older ones do not.
func isUser(words []string) bool { return isText(words) && !strings.ContainsAny(words[0], "%$") }

func isPath(words []string) bool {
	return isText(words) && checkTokens("identityfile", words[0]) == nil
}

func isPlainPath(words []string) bool {
	return isText(words) && !strings.ContainsAny(words[0], "%$") && !strings.HasPrefix(words[0], "~")
}

// isAgent: readconf.c looks at environment variables while it reads the file,
// also for hosts the line is not for.
func isAgent(words []string) bool { return isPath(words) && !strings.Contains(words[0], "$") }

func isUserPaths(words []string) bool {
	return isList(words) && !slices.ContainsFunc(words, func(w string) bool { return checkTokens("userknownhostsfile", w) != nil })
}

func isGlobalPaths(words []string) bool {
	return isList(words) && !slices.ContainsFunc(words, func(w string) bool { return checkTokens("globalknownhostsfile", w) != nil })
}

// isList: none must stand alone, and 32 files are the limit
// (SSH_MAX_HOSTS_FILES).
func isList(words []string) bool {
	return len(words) > 0 && len(words) <= 32 && !slices.Contains(words, "") &&
		(len(words) == 1 || !slices.ContainsFunc(words, func(w string) bool { return among(w, "none") }))
}

func isJumps(words []string) bool {
	if !isText(words) || strings.ContainsAny(words[0], " \t#'\"\\") { // old ones see a comment as part of the value
		return false
	}
	_, err := parseJumps(words[0])
	return err == nil
}

// isAlgorithms: a list of names that every OpenSSH from 8.7 to 10 knows, since
// ssh refuses a file with any other. A list that takes away may hold
// wildcards, and names are not looked at there.
func isAlgorithms(known string) func([]string) bool {
	return func(words []string) bool {
		if !isText(words) || strings.ContainsAny(words[0], "!") {
			return false
		}
		list := words[0]
		switch list[0] {
		case '-':
			return strings.Trim(list[1:], "*?,") != ""
		case '+', '^':
			list = list[1:]
		}
		for name := range strings.SplitSeq(list, ",") {
			if !slices.Contains(strings.Fields(known), name) {
				return false
			}
		}
		return true
	}
}

const (
	cipherNames = `3des-cbc aes128-cbc aes192-cbc aes256-cbc aes128-ctr aes192-ctr aes256-ctr
		aes128-gcm@openssh.com aes256-gcm@openssh.com chacha20-poly1305@openssh.com`
	macNames = `hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-512 hmac-md5 hmac-md5-96 umac-64@openssh.com
		umac-128@openssh.com hmac-sha1-etm@openssh.com hmac-sha1-96-etm@openssh.com hmac-sha2-256-etm@openssh.com
		hmac-sha2-512-etm@openssh.com hmac-md5-etm@openssh.com hmac-md5-96-etm@openssh.com
		umac-64-etm@openssh.com umac-128-etm@openssh.com`
	kexNames = `curve25519-sha256 curve25519-sha256@libssh.org ecdh-sha2-nistp256 ecdh-sha2-nistp384
		ecdh-sha2-nistp521 diffie-hellman-group-exchange-sha256 diffie-hellman-group16-sha512
		diffie-hellman-group18-sha512 diffie-hellman-group14-sha256 diffie-hellman-group14-sha1
		diffie-hellman-group1-sha1 diffie-hellman-group-exchange-sha1 sntrup761x25519-sha512@openssh.com`
	keyNames = `ssh-ed25519 ssh-ed25519-cert-v01@openssh.com ecdsa-sha2-nistp256 ecdsa-sha2-nistp384
		ecdsa-sha2-nistp521 ecdsa-sha2-nistp256-cert-v01@openssh.com ecdsa-sha2-nistp384-cert-v01@openssh.com
		ecdsa-sha2-nistp521-cert-v01@openssh.com sk-ssh-ed25519@openssh.com
		sk-ssh-ed25519-cert-v01@openssh.com sk-ecdsa-sha2-nistp256@openssh.com
		sk-ecdsa-sha2-nistp256-cert-v01@openssh.com rsa-sha2-512 rsa-sha2-256 rsa-sha2-512-cert-v01@openssh.com
		rsa-sha2-256-cert-v01@openssh.com ssh-rsa ssh-rsa-cert-v01@openssh.com`
)
