package probe

import (
	_ "embed"
	"fmt"
	"strings"

	"kletscan/scanner/evidence"
)

// script is what a node runs: functions, and nothing that runs by itself
// beyond a few assignments. Script adds the call.
//
//go:embed probe.sh
var script string

// Command is what the login shell is asked to run, with the script on its
// standard input: fixed words that every login shell reads alike.
const Command = "exec /bin/sh -s"

// pathBytes are the bytes that a wanted path may consist of: none of them
// means anything to a shell between double quotes. argv is chosen by whoever
// started the process, so a path with any other byte is not asked for at all.
const pathBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:=,%~ "

// Askable reports whether the probe can be asked for path.
func Askable(path string) bool {
	return strings.HasPrefix(path, "/") && len(path) < 4096 && strings.Trim(path, pathBytes) == ""
}

// addressLike reports whether an address consists of bytes that mean nothing
// to a shell.
func addressLike(address string) bool {
	return len(address) < 300 && strings.Trim(address, pathBytes+"[]") == "" && !strings.HasPrefix(address, "-")
}

// first is the whole survey of a node.
const first = "m begin\nhost\nprocesses\nloaded || searched\nwellknown\naudit\nm end\n"

// Script is the text for the standard input of Command. Without wants it is
// the survey of the node, which reads as the login user and nothing else. With
// wants it reads just those, and what that user cannot as become says.
// Wants that are not Askable are left out.
func Script(nonce string, become Become, wants []evidence.Want) string {
	var b strings.Builder
	if len(wants) == 0 {
		become = Never
	}
	fmt.Fprintf(&b, "K=%s\nbecome=%s\n%s", nonce, become.assignment(), assignments())
	b.WriteString(script)
	b.WriteString("{\n")
	if len(wants) == 0 {
		b.WriteString(first)
	} else {
		b.WriteString("m begin\n")
		for _, w := range wants {
			if Askable(w.Path) || w.Kind == evidence.Served && addressLike(w.Path) {
				b.WriteString(call(w))
			}
		}
		b.WriteString("m end\n")
	}
	b.WriteString("} </dev/null\n")
	return b.String()
}

func call(w evidence.Want) string {
	switch w.Kind {
	case evidence.DropInDir:
		return fmt.Sprintf("confs %d %q\n", w.PID, w.Path)
	case evidence.Served:
		return fmt.Sprintf("served %q\n", w.Path)
	case evidence.Program:
		return fmt.Sprintf("program %q\n", w.Path)
	case evidence.CertDir:
		return fmt.Sprintf("names %q\n", w.Path)
	default:
		return fmt.Sprintf("file %c %d %q\n", w.Kind, w.PID, w.Path)
	}
}
