package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kletscan/scanner/remote/sshdtest"
)

// tree is every command that help shows.
func tree() []command {
	return commandTree(newApp(terminal{verbosity: new(verbosity)}))
}

// completionCase is what is typed, the last word of which is completed, and
// what it may become. A "=" is a word of its own where bash makes it one.
type completionCase struct {
	line string
	want []string
}

var completionCases = []completionCase{
	{"kletscan sc", []string{"scan"}},
	{"kletscan completion ", shellNames},
	{"kletscan scan --fan", []string{"--fanout"}},
	{"kletscan scan --serving ", []string{"auto", "off"}},
	{"kletscan scan --fail-on off,exp", []string{"off,expired", "off,expiring"}},
	{"kletscan scan -o jso", []string{"json", "jsonl"}},
	{"kletscan scan -i nod", []string{"nodes one.txt", "nodes'two.txt"}},
	{"kletscan scan --evidence-dir ev", []string{"evidence"}},
	{"kletscan report nod", []string{"nodes one.txt", "nodes'two.txt"}},
	{"kletscan judge --evid", []string{"--evidence"}},
	{"kletscan scan nod", nil},
	{"kletscan scan judge nod", nil},
}

// completionFolder has a script and a few files.
func completionFolder(t *testing.T, shell string) string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		sshdtest.Missing(t, shell)
	}
	code, script, stderr := kletscan(context.Background(), "completion", shell)
	if code != 0 || stderr != "" {
		t.Fatalf("exit status %d, %s", code, stderr)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"script": script, "nodes one.txt": "", "nodes'two.txt": "", "evidence/a": ""} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shellLines runs a program of a shell and returns what it prints.
func shellLines(t *testing.T, dir, shell string, args ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "TERM=dumb", "COLUMNS=200")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v: %s", shell, err, &stderr)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' || r == '\r' })
}

func TestBashCompletion(t *testing.T) {
	dir := completionFolder(t, "bash")
	cases := append(slices.Clone(completionCases),
		completionCase{"kletscan scan --serving = a", []string{"auto"}},
		completionCase{"kletscan scan --serving =", []string{"auto", "off"}},
		completionCase{"kletscan scan -o csv = nod", []string{"nodes one.txt", "nodes'two.txt"}},
		completionCase{"kletscan scan --output = csv = nod", []string{"nodes one.txt", "nodes'two.txt"}},
	)
	const complete = `source ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kletscan; [[ ${#COMPREPLY[@]} = 0 ]] || printf '%s\n' "${COMPREPLY[@]}"`
	for _, tt := range cases {
		args := append([]string{"--norc", "-c", complete, "bash"}, strings.Split(tt.line, " ")...)
		got := shellLines(t, dir, "bash", args...)
		slices.Sort(got)
		if !slices.Equal(got, slices.Sorted(slices.Values(tt.want))) {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestFishCompletion(t *testing.T) {
	dir := completionFolder(t, "fish")
	cases := append(slices.Clone(completionCases),
		completionCase{"kletscan scan --serving=a", []string{"--serving=auto"}},
		completionCase{"kletscan scan --fail-on=off,expir", []string{"--fail-on=off,expired", "--fail-on=off,expiring"}},
		completionCase{"kletscan scan -o csv=nod", []string{"csv=nodes one.txt", "csv=nodes'two.txt"}},
	)
	for _, tt := range cases {
		var got []string
		for _, line := range shellLines(t, dir, "fish", "--no-config", "-c", "source ./script; complete -C "+fishText(tt.line)) {
			word, _, _ := strings.Cut(line, "\t")
			got = append(got, strings.TrimSuffix(strings.ReplaceAll(word, `\`, ""), "/"))
		}
		slices.Sort(got)
		if !slices.Equal(got, slices.Sorted(slices.Values(tt.want))) {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// zshTab prints what a line becomes where Tab is pressed at its end, in a shell
// on a terminal of its own.
const zshTab = `
zmodload zsh/zpty || exit 1
zpty z zsh -f -i
zpty -w z 'PS1=; autoload -Uz compinit; compinit -D -u; show() { print -r -- "<$BUFFER>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^Y" show; source ./script; print rea""dy'
zpty -r z out '*ready*' || exit 1
zpty -w -n z "$1"$'\t\C-y'
zpty -r -m z out '*<*>*'
print -r -- "$out"
zpty -d z`

func TestZshCompletion(t *testing.T) {
	dir := completionFolder(t, "zsh")
	for _, tt := range [][2]string{
		{"kletscan sca", "kletscan scan "},
		{"kletscan completion f", "kletscan completion fish "},
		{"kletscan scan --fan", "kletscan scan --fanout="},
		{"kletscan scan --no-c", "kletscan scan --no-color "},
		{"kletscan scan --serving a", "kletscan scan --serving auto "},
		{"kletscan scan --serving=a", "kletscan scan --serving=auto "},
		{"kletscan scan --fail-on off,inv", "kletscan scan --fail-on off,invalid,"},
		{"kletscan scan -o prom", "kletscan scan -o prometheus"},
		{"kletscan scan -o csv=nodes\\ ", `kletscan scan -o csv=nodes\ one.txt `},
		{"kletscan scan --evidence-dir ev", "kletscan scan --evidence-dir evidence/"},
		{"kletscan report nodes\\'", `kletscan report nodes\'two.txt `},
		{"kletscan scan nod", "kletscan scan nod"},
	} {
		out := strings.Join(shellLines(t, dir, "zsh", "-f", "-c", zshTab, "zsh", tt[0]), "\n")
		all := regexp.MustCompile(`<([^>]*)>`).FindAllStringSubmatch(out, -1)
		if len(all) == 0 || all[len(all)-1][1] != tt[1] {
			t.Errorf("%q becomes %q, want %q", tt[0], out, tt[1])
		}
	}
}

// The scripts must know of every value what it may be.
func TestCompletionKnowsEveryValue(t *testing.T) {
	free := []string{ // of any text
		"fanout", "node-timeout", "user", "connect-timeout", "command-timeout", "warn-expiry", "kubelet-version", "nodes", "patience",
		"limit", "exclude", "jump", "retries", "agent-concurrency", "memory",
		"rate", "splay", "shard", "per-jump", "per-subnet",
	}
	word := regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	for _, c := range tree() {
		for _, f := range c.flags {
			kind, words := f.values()
			if f.value != "" && kind == kindFree && !slices.Contains(free, f.names[0]) {
				t.Errorf("%s --%s: say in values what its value may be, or here that it may be anything", c.name, f.names[0])
			}
			for _, w := range words {
				if !word.MatchString(w) {
					t.Errorf("%s --%s: %q would have to be quoted", c.name, f.names[0], w)
				}
				accepts(t, c.name, f.names[0], w)
			}
		}
	}
}

// accepts fails if a command does not take a word that is offered for a flag.
// The file behind it does not exist, so nothing else happens.
func accepts(t *testing.T, command, flag, word string) {
	t.Helper()
	args := []string{command, "--" + flag, word}
	switch command {
	case "scan":
		args = append(args, "-i", "no such file")
	case "judge":
		args = append(args, "--root", "no such folder")
	case "demo":
		args = append(args, "--nodes", "-1")
	case "explain":
		args = append(args, "--evidence", "no such file")
	default:
		args = append(args, "no such file", "no such file either")
	}
	if flag == "nodes" {
		return
	}
	code, _, stderr := kletscan(context.Background(), args...)
	if code != exitUsage || strings.Contains(stderr, "--"+flag) || strings.Contains(stderr, "-o "+word+":") {
		t.Errorf("%q: exit status %d, %s", args, code, stderr)
	}
}

// Every command shows examples, whose flags exist, and its exit status.
func TestHelpOfEveryCommand(t *testing.T) {
	known := map[string][]string{}
	for _, c := range tree() {
		for _, f := range c.flags {
			known[c.name] = append(known[c.name], f.dashed()...)
		}
	}
	for _, c := range append(tree(), command{}, command{name: "man"}, command{name: "help"}) {
		args := strings.Fields(c.name + " --help")
		code, help, stderr := kletscan(context.Background(), args...)
		if code != 0 || stderr != "" {
			t.Errorf("%q: exit status %d, %s", args, code, stderr)
		}
		for line := range strings.Lines(help) {
			if len(line) > defaultColumns+len("\n") {
				t.Errorf("%q: wider than a terminal: %s", args, line)
			}
		}
		if _, again, _ := kletscan(context.Background(), strings.Fields("help "+c.name)...); again != help {
			t.Errorf("help %s says something else than %q", c.name, args)
		}
		_, examples, found := strings.Cut(help, "Examples:\n")
		examples, status, ended := strings.Cut(examples, "\n\n   EXIT STATUS\n")
		if !found || !ended || !strings.Contains(status, "   0 ") {
			t.Errorf("%q has no examples, or no exit status behind them", args)
		}
		for _, example := range regexp.MustCompile(`kletscan ([a-z]+)([^|>)\n]*)`).FindAllStringSubmatch(examples, -1) {
			for _, word := range strings.Fields(example[2]) {
				if name, _, _ := strings.Cut(word, "="); strings.HasPrefix(word, "-") && word != "-" && !slices.Contains(known[example[1]], name) {
					t.Errorf("%q: the example %q has %s, which there is not", args, example[0], word)
				}
			}
		}
	}
}

func TestCompletionUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"tcsh"}, {"bash", "zsh"}} {
		code, stdout, stderr := kletscan(context.Background(), append([]string{"completion"}, args...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "expected one of bash, zsh, fish") {
			t.Errorf("%q: exit status %d, %s", args, code, fmt.Sprint(stdout, stderr))
		}
	}
}
