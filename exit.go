package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kletscan/report"
	"kletscan/scanner"
	"kletscan/scanner/kubelet"
)

// The exit codes are part of the interface. They are the same for every output
// format. 3 wins over 4, and 130 over both.
const (
	exitOK          = 0   // every node assessed, and none is off or invalid unless that is waived
	exitInternal    = 1   // internal or I/O error
	exitUsage       = 2   // the command line, the inventory or the SSH set-up is wrong; nothing was scanned
	exitFailed      = 3   // at least one node is off or invalid, or what --fail-on says
	exitIncomplete  = 4   // something is unknown or was not reached, or nothing was assessed
	exitInterrupted = 130 // by Ctrl-C; what had ended is in the output
)

const exitStatus = `

EXIT STATUS
   0    every node was assessed, and none is off or invalid, unless --waivers says so
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

// matches reports whether a result is of the list and not waived.
func (f failOn) matches(r scanner.Result, waivers report.Waivers, now time.Time) bool {
	if r.Status != scanner.OK {
		return false
	}
	if slices.Contains(f, r.Verdict.Rotation.String()) && waivers.For(r, now) == nil {
		return true
	}
	return slices.ContainsFunc(r.Verdict.Conditions, func(c scanner.Condition) bool {
		return slices.Contains(f, string(c)) && waivers.ForCondition(r, c, now) == nil
	})
}

// exitCode is what the results of a run come to at that time. Waivers take a
// node off --fail-on and off nothing else: what is not known stays so.
func exitCode(run report.Run, fail failOn, now time.Time) (int, error) {
	code, total, assessed := exitOK, 0, 0
	for r, err := range run.Results {
		total++
		switch {
		case err != nil:
			return exitInternal, err
		case r.Status == scanner.Cancelled:
			return exitInterrupted, nil
		case fail.matches(r, run.Waivers, now):
			code = exitFailed
		case code == exitOK && (r.Status != scanner.OK || r.Verdict.Rotation == kubelet.Unknown):
			code = exitIncomplete
		}
		if r.Status == scanner.OK {
			assessed++
		}
	}
	empty := run.Shard != "" && total == 0 // the nodes are in other shards, and so is the answer
	if code == exitOK && (assessed == 0 && !empty || run.Incomplete) {
		code = exitIncomplete // what nobody looked at is never a pass
	}
	return code, nil
}
