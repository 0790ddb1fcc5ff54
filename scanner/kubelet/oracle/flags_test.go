package oracle

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"kletscan/scanner/kubelet"
	"pgregory.net/rapid"
)

// A command line without files: the same ones are refused, and the others give
// the same settings.
func TestFlagsOfNoFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		node{args: commandLines(newest, 5).Draw(t, "arguments")}.check(t, newest)
	})
}

// ParseFlags finds the same value as pflag for every flag, also for those that
// decide nothing, and nothing that was not given.
func TestFlagValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := node{args: commandLines(newest, 6).Draw(t, "arguments")}
		var s settings
		fs := cleanFlagSet(new(options), &s)
		if fs.Parse(n.args) != nil {
			return // TestFlagsOfNoFile
		}
		flags, _ := kubelet.ParseFlags(n.arguments())
		fs.VisitAll(func(f *pflag.Flag) {
			value, _, given := flags.Lookup(f.Name)
			if given != f.Changed {
				t.Fatalf("%q: --%s: scanner/kubelet finds it: %t, pflag: %t", n.args, f.Name, given, f.Changed)
			}
			if given && !sameValue(f, value) {
				t.Fatalf("%q: --%s: scanner/kubelet %q, pflag %q", n.args, f.Name, value, f.Value)
			}
		})
	})
}

// sameValue compares by type: pflag normalizes what it prints.
func sameValue(f *pflag.Flag, value string) bool {
	switch f.Value.Type() {
	case "bool":
		b, err := strconv.ParseBool(value)
		return err == nil && strconv.FormatBool(b) == f.Value.String()
	case "int32":
		n, err := strconv.ParseInt(value, 0, 32)
		return err == nil && strconv.FormatInt(n, 10) == f.Value.String()
	case "string":
		return value == f.Value.String()
	case "ip":
		return value == "" || value == f.Value.String()
	}
	return true // lists and maps that decide nothing; gates have a test of their own
}

// Refusing a command line, scanner/kubelet prints what pflag prints.
func TestFlagErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := node{args: commandLines(newest, 3).Draw(t, "arguments")}
		ours, theirs := n.ours(newest), n.refusals(newest)
		switch {
		case ours.exit == "" || len(theirs) == 0 || slices.ContainsFunc(theirs, refusedByDesign):
		case slices.Contains(theirs, printed(ours.exit)):
		case strings.Contains(ours.exit, ": the kubelet prints its "): // usage or version, and no error
		default:
			t.Fatalf("%q: scanner/kubelet prints %q, the kubelet one of %q", n.args, ours.exit, theirs)
		}
	})
}

// refusedByDesign reports whether these are words that scanner/kubelet never
// prints.
func refusedByDesign(text string) bool {
	d := difference{theirs: verdict{exit: text}}
	return slices.ContainsFunc(byDesign, func(e exception) bool { return e.covers(d) })
}

// refusals are everything that is wrong with a command line, in the kubelet's
// words: the first thing it prints, and what it would print if that were
// mended, and so on. scanner/kubelet finds the same things in another order:
// first what makes no flag at all, then what a flag's value makes of it.
func (n node) refusals(minor int) []string {
	var texts []string
	args := n.args
	for range n.args {
		refusal := node{args: args}.theirs(minor).exit
		if refusal == "" {
			break
		}
		texts = append(texts, printed(refusal))
		end := 1
		for end < len(args) && (node{args: args[:end]}).theirs(minor).exit != refusal {
			end++
		}
		begin := end - 1
		if begin > 0 && strings.Contains(node{args: args[:begin]}.theirs(minor).exit, "flag needs an argument") {
			begin-- // the argument is the value of the one before
		}
		args = slices.Concat(args[:begin], args[end:])
	}
	return texts
}

// printed drops what no words can agree on: control characters never reach a
// report, cAdvisor's flags are of the flag package, whose errors are its own, and
// the libraries here have the version of none.
func printed(text string) string {
	text = strings.NewReplacer(`\t`, " ", "\t", " ").Replace(text)
	for _, end := range []string{`"--log-cadvisor-usage" flag: `, " of default version"} {
		if i := strings.Index(text, end); i >= 0 {
			return text[:i]
		}
	}
	return text
}
