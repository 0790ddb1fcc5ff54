package main

import (
	"fmt"
	"slices"
	"strings"

	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// The exit codes are part of the interface. They are the same for every output
// format. 3 wins over 4, and 130 over both.
const (
	exitOK          = 0   // every node assessed, and none is off or invalid
	exitInternal    = 1   // internal or I/O error
	exitUsage       = 2   // the command line, the inventory or the SSH set-up is wrong; nothing was scanned
	exitFailed      = 3   // at least one node is off or invalid, or what --fail-on says
	exitIncomplete  = 4   // something is unknown or was not reached, or nothing was assessed
	exitInterrupted = 130 // by Ctrl-C; what had ended is in the output
)

const exitStatus = `

EXIT STATUS
   0    every node was assessed, and none is off or invalid
   1    internal or I/O error
   2    the command line, the inventory or the SSH set-up is wrong; nothing was scanned
   3    at least one node is off or invalid (--fail-on chooses otherwise)
   4    incomplete: something is unknown or was not reached, or nothing was assessed
   130  interrupted`

// exitCoder is an error that decides the exit code. Its text may have several
// lines, each a sentence of its own; it may be empty.
type exitCoder struct {
	code int
	err  error
}

func (e exitCoder) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exitCoder) Unwrap() error { return e.err }

// usageError is a mistake in what the user typed or configured.
func usageError(err error) error { return exitCoder{exitUsage, err} }

// exitWith is the error that ends the program with a code; nil for exitOK.
func exitWith(code int) error {
	if code == exitOK {
		return nil
	}
	return exitCoder{code: code}
}

// failOn is what makes a scan fail: rotations and conditions, by their words.
type failOn []string

// defaultFailOn is used where --fail-on is not given.
const defaultFailOn = "off,invalid"

// failWords are the words that --fail-on knows.
func failWords() []string {
	words := []string{kubelet.Off.String(), kubelet.Invalid.String(), kubelet.External.String()}
	for _, c := range scanner.Conditions {
		words = append(words, string(c))
	}
	return words
}

func parseFailOn(text string) (failOn, error) {
	var list failOn
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); !slices.Contains(failWords(), word) {
			return nil, fmt.Errorf("--fail-on %q: expected some of %s", word, strings.Join(failWords(), ","))
		}
		list = append(list, word)
	}
	return list, nil
}

func (f failOn) matches(r scanner.Result) bool {
	if r.Status != scanner.OK {
		return false
	}
	return slices.Contains(f, r.Verdict.Rotation.String()) ||
		slices.ContainsFunc(r.Verdict.Conditions, func(c scanner.Condition) bool { return slices.Contains(f, string(c)) })
}

// exitCode is what results come to.
func exitCode(results []scanner.Result, fail failOn) int {
	code, assessed := exitOK, 0
	for _, r := range results {
		switch {
		case r.Status == scanner.Cancelled:
			return exitInterrupted
		case fail.matches(r):
			code = exitFailed
		case code == exitOK && (r.Status != scanner.OK || r.Verdict.Rotation == kubelet.Unknown):
			code = exitIncomplete
		}
		if r.Status == scanner.OK {
			assessed++
		}
	}
	if assessed == 0 && code == exitOK {
		code = exitIncomplete // nothing was looked at: that is never a pass
	}
	return code
}
