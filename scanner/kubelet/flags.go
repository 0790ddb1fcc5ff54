package kubelet

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Flags is a kubelet's command line, parsed as pflag parses it.
type Flags struct {
	given  []option       // in the order of the command line
	latest map[string]int // a name's last place in given; nil: they are few, and last goes through them
	words  []Arg          // what is not a flag
	syntax error          // the first thing that pflag refuses
	wrong  Arg            // the argument that it stood in
	second bool           // it is the second parse, which knows other flags
	bare   string         // the first of globalBools without a value, as written; empty: there is none
}

// option is one flag as it was given, its name with "-" for "_".
type option struct {
	name  string
	value string
	arg   Arg
}

// Paths are the files and directories that a command line names, as written:
// relative ones are relative to the kubelet's working directory. An empty one
// was not given, or was given as empty, which the kubelet takes for the same.
type Paths struct {
	Config           string // --config, from 1.10
	ConfigDir        string // --config-dir, from 1.28
	CertDir          string // --cert-dir; its default depends on the version
	Kubeconfig       string // --kubeconfig
	DynamicConfigDir string // --dynamic-config-dir, 1.8 to 1.23
}

// ParseFlags parses a command line as github.com/spf13/pflag does for the
// kubelet: "=" and space form, bare bools, "_" for "-" in names
// (component-base/cli/flag.WordSepNormalizeFunc), "--" and the shorthands -v
// and -h. A flag that no kubelet has is a fork's: it takes the next argument
// unless that is a flag, and is no error.
//
// The error is the first one that the kubelet would print before it exits. The
// rest of the line is read all the same, so that Paths is as full as possible.
// A stray word is an error here, though kubelets before 1.11 ignored it.
func ParseFlags(args []Arg) (Flags, error) {
	f := Flags{}
	f.parse(args)
	_, err := f.problem(newest)
	return f, err
}

func (f *Flags) parse(args []Arg) {
	const few = 50
	f.given = make([]option, 0, len(args))
	if len(args) > few {
		f.latest = make(map[string]int, len(args))
	}
	for len(args) > 0 {
		first, parsed := args[0], len(f.given)
		text := first.Text
		var err error
		switch {
		case text == "--":
			f.words = append(f.words, args[1:]...)
			args = nil
		case strings.HasPrefix(text, "--"):
			args, err = f.long(first, args[1:])
		case len(text) > 1 && text[0] == '-':
			args, err = f.short(first, args[1:])
		default:
			f.words = append(f.words, first)
			args = args[1:]
		}
		if f.syntax == nil && err != nil {
			f.syntax, f.wrong = err, first
			if len(f.given) > parsed { // a flag with its value, be it in the next argument
				f.wrong = f.given[len(f.given)-1].arg
			}
		}
	}
}

// long parses one --flag and gives the arguments behind it.
func (f *Flags) long(arg Arg, rest []Arg) ([]Arg, error) {
	name, value, hasValue := strings.Cut(arg.Text[2:], "=")
	if name == "" || name[0] == '-' {
		return rest, fmt.Errorf("bad flag syntax: %s", clip(arg.Text))
	}
	name = strings.ReplaceAll(name, "_", "-")
	if !hasValue && globalBools[name] && f.bare == "" {
		f.bare = arg.Text
	}
	takes := valueFlags[name] || f.second && globalBools[name]
	switch {
	case f.second && name == "help":
		return rest, errHelp
	case hasValue:
	case !takes && (boolFlags[name] || name == "version"):
		value = "true"
	case len(rest) > 0 && (takes || isValue(rest[0].Text)):
		value = rest[0].Text
		arg.Text += " " + value
		rest = rest[1:]
	case takes:
		return rest, fmt.Errorf("flag needs an argument: --%s", name)
	}
	f.add(option{name, value, arg})
	if f.second && globalBools[name] {
		return rest, nil // it takes anything
	}
	return rest, checkValue(name, value)
}

func (f *Flags) add(o option) {
	if f.latest != nil {
		f.latest[o.name] = len(f.given)
	}
	f.given = append(f.given, o)
}

// isValue guesses whether the argument behind a flag that is not known belongs
// to it.
func isValue(text string) bool {
	return len(text) < 2 || text[0] != '-' || text[1] >= '0' && text[1] <= '9'
}

// short parses an argument with a single dash. The kubelet has -v, which takes
// a value, and -h.
func (f *Flags) short(arg Arg, rest []Arg) ([]Arg, error) {
	letters := arg.Text[1:]
	for letters != "" {
		letter, left := letters[0], letters
		letters = letters[1:]
		switch {
		case letter == 'h' && f.second:
			return rest, errHelp
		case letter == 'h' && strings.HasPrefix(letters, "=") && len(letters) > 1:
			f.add(option{"help", letters[1:], arg})
			return rest, checkValue("help", letters[1:])
		case letter == 'h':
			f.add(option{"help", "true", arg})
		case letter != 'v':
			return rest, fmt.Errorf("unknown shorthand flag: %q in -%s", letter, clip(left))
		case letters != "":
			f.add(option{"v", strings.TrimPrefix(letters, "="), arg})
			return rest, nil
		case len(rest) > 0:
			f.add(option{"v", rest[0].Text, arg})
			return rest[1:], nil
		default:
			return rest, errors.New("flag needs an argument: 'v' in -v")
		}
	}
	return rest, nil
}

// checkValue refuses what the flag's type refuses. Only the types that matter
// here are known; feature gates are parsed by version, in flagGates.
func checkValue(name, value string) error {
	var err error
	switch {
	case boolFlags[name]:
		_, err = strconv.ParseBool(value)
	case name == "port":
		_, err = strconv.ParseInt(value, 0, 32)
	case name == "address" && value != "" && !isAddress(value):
		err = fmt.Errorf("%q is not a valid IP address", clip(value))
	case name == "version" && value != "raw" && !isRelease(value):
		_, err = strconv.ParseBool(value)
	}
	if err != nil {
		flag := "--" + name
		if name == "help" {
			flag = "-h, --help"
		}
		return fmt.Errorf("invalid argument %q for %q flag: %s", clip(value), flag, clip(err.Error()))
	}
	return nil
}

// leadingZeros are those of one part of an IP address.
var leadingZeros = regexp.MustCompile(`(^|[.:])0+([0-9a-fA-F])`)

// isAddress is ParseIPSloppy of k8s.io/utils/net: an IP address without a zone,
// and as before Go 1.17 with any number of leading zeros.
func isAddress(text string) bool {
	for _, spelling := range []string{text, leadingZeros.ReplaceAllString(text, "$1$2")} {
		if a, err := netip.ParseAddr(spelling); err == nil && a.Zone() == "" {
			return true
		}
	}
	return false
}

// isRelease reports whether --version may name the version to report, which
// newer kubelets take for their own minor (SetDynamicVersion in component-base).
func isRelease(value string) bool {
	text, ok := strings.CutPrefix(value, "v")
	if ok {
		_, ok = parseVersionWord(text)
	}
	return ok
}

// problem is what makes a kubelet 1.minor exit before it reads any file, and
// the argument that does.
func (f Flags) problem(minor int) (Arg, error) {
	if f.syntax != nil {
		return f.wrong, f.syntax
	}
	switch {
	case len(f.words) > 0 && minor >= 21:
		return f.words[0], fmt.Errorf("unknown command %s", clip(f.words[0].Text))
	case len(f.words) > 0 && minor >= 11:
		return f.words[0], fmt.Errorf("unknown command: %s", clip(f.words[0].Text))
	}
	if o, _ := f.last("help"); isTrue(o.value) {
		return o.arg, errors.New("--help: the kubelet prints its usage and exits")
	}
	// component-base/version/verflag: true or raw.
	if o, _ := f.last("version"); isTrue(o.value) || o.value == "raw" {
		return o.arg, errors.New("--version: the kubelet prints its version and exits")
	}
	return Arg{}, nil
}

// Prints reports whether a kubelet with these flags only prints its version or
// its usage and exits, so that a process of it is not a node's.
func (f Flags) Prints() bool {
	help, _ := f.last("help")
	version, _ := f.last("version")
	return isTrue(help.value) || isTrue(version.value) || version.value == "raw"
}

func isTrue(value string) bool {
	if value == "" { // as of most flags, and an error takes memory
		return false
	}
	b, err := strconv.ParseBool(value)
	return err == nil && b
}

// Lookup gives the last value of the named flag ("_" equals "-") and the
// argument that gave it, both parts of a space form joined. A bare bool has
// the value "true".
func (f Flags) Lookup(name string) (value string, arg Arg, ok bool) {
	o, ok := f.last(strings.ReplaceAll(name, "_", "-"))
	return o.value, o.arg, ok
}

// last is the last occurrence of a flag: the one that counts, except that
// --feature-gates merge from 1.9 on.
func (f Flags) last(name string) (option, bool) {
	i := f.place(name)
	if i < 0 {
		return option{}, false
	}
	return f.given[i], true
}

// place is where the last occurrence stands in given, or -1.
func (f Flags) place(name string) int {
	if f.latest != nil {
		if i, ok := f.latest[name]; ok {
			return i
		}
		return -1
	}
	for i := len(f.given) - 1; i >= 0; i-- {
		if f.given[i].name == name {
			return i
		}
	}
	return -1
}

// lastFull is the last occurrence of a flag that is not empty.
func (f Flags) lastFull(name string) (option, bool) {
	for _, o := range slices.Backward(f.given) {
		if o.name == name && o.value != "" {
			return o, true
		}
	}
	return option{}, false
}

// values are those of every occurrence of a flag, in order.
func (f Flags) values(name string) []string {
	var list []string
	for _, o := range f.given {
		if o.name == name {
			list = append(list, o.value)
		}
	}
	return list
}

// source is where the flag stood, with the spelling that decided.
func (o option) source(spelling string) Source { return o.arg.source(spelling) }

func (a Arg) source(spelling string) Source {
	s := a.Source
	if s.Kind == FromNowhere {
		s.Kind = FromFlag
	}
	if s.Text == "" {
		s.Text = clip(spelling)
	}
	return s
}

// value is the named flag's last value; empty if it was not given.
func (f Flags) value(name string) string {
	o, _ := f.last(name)
	return o.value
}

// Paths gives the files and directories that the command line names. It works
// on what ParseFlags gives beside an error, too.
func (f Flags) Paths() Paths {
	return Paths{
		Config:           f.value("config"),
		ConfigDir:        f.value("config-dir"),
		CertDir:          f.value("cert-dir"),
		Kubeconfig:       f.value("kubeconfig"),
		DynamicConfigDir: f.value("dynamic-config-dir"),
	}
}

// clip makes a node's text fit into a one-line message: no control characters
// and at most 200 bytes.
func clip(text string) string {
	const most = 200
	if len(text) <= most && isPlain(text) {
		return text
	}
	cut := len(text) > most
	if cut {
		text = text[:most]
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if cut {
		text += "..."
	}
	return text
}

// isPlain reports whether text is printable ASCII.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
