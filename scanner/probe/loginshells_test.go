package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kletscan/scanner/evidence"
)

// loginShell is this machine by way of a login shell, which sshd calls with -c.
type loginShell struct {
	argv  []string
	env   []string
	asked []string // commands without the script
	pid   int      // of the last one
}

func (s *loginShell) Exec(ctx context.Context, command, stdin string) (Output, error) {
	before, _, _ := strings.Cut(command, " 'K=")
	s.asked = append(s.asked, before)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.argv[0], append(s.argv[1:len(s.argv):len(s.argv)], "-c", command)...)
	cmd.Env = append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent"}, s.env...)
	cmd.Dir = "/"
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		return Output{}, fmt.Errorf("%s: %w", s.argv[0], err)
	}
	s.pid = cmd.Process.Pid
	return Output{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}, nil
}

// loginShells are shells that users have, by the words that call them.
var loginShells = []string{
	"sh", "dash", "bash", "busybox ash", "ksh", "mksh", "zsh", "tcsh", "fish", "rbash",
}

const (
	inCommandOnly = "exec /bin/sh -c"
	thenOnStdin   = inCommandOnly + "|" + StdinCommand
)

// Every login shell passes the script on as it is, tcsh and fish included.
func TestLoginShellsPassTheScriptOn(t *testing.T) {
	for _, words := range loginShells {
		t.Run(words, func(t *testing.T) {
			argv := strings.Fields(words)
			if _, err := exec.LookPath(argv[0]); err != nil {
				t.Skipf("SKIPPED, NOT TESTED: there is no %s", argv[0])
			}
			if words == "rbash" { // which takes no exec
				askThrough(t, &loginShell{argv: argv}, thenOnStdin, "restricted")
				return
			}
			askThrough(t, &loginShell{argv: argv}, inCommandOnly, "")
		})
	}
}

// What stands in the place of a login shell does not always pass on what it is
// told. No answer of theirs is taken for one of the script.
func TestWrappersOfALoginShell(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("SKIPPED, NOT TESTED: there is no /bin/sh")
	}
	for _, tt := range []struct {
		rule, body, asked, err string
	}{
		{"one that runs it", `exec /bin/sh "$@"`, inCommandOnly, ""},
		{"one that joins its words", `set -f; exec /bin/sh -c "$(echo $2)"`, inCommandOnly, ""},
		{"one that stays beside it", `/bin/sh "$@"; exit $?`, inCommandOnly, ""},
		{"one that greets", `echo Welcome; echo; exec /bin/sh "$@"`, inCommandOnly, ""},
		{"one with a limit", `if [ ${#2} -gt 9000 ]; then echo "command too long"; exit 1; fi; exec /bin/sh "$@"`, thenOnStdin, ""},
		{"one that cuts", `exec /bin/sh -c "$(printf %.9000s "$2")"`, thenOnStdin, ""},
		{"one that expands", `exec /bin/sh -c "$(eval "echo \"$2\"")"`, thenOnStdin, ""},
		{"one that drops the quotes", `exec /bin/sh -c "$(echo "$2" | tr -d "'\"")"`, thenOnStdin, ""},
		{"one that takes one word", `set -f; exec /bin/sh -c $2`, thenOnStdin, "got nothing"},
		{"one that reads standard input whatever it is told", `exec /bin/sh -s`, thenOnStdin, ""},
		{"a ForceCommand", `echo "for backups only"`, thenOnStdin, `got "for backups only"`},
		{"a ForceCommand that repeats what it is told", `echo; echo "$2"`, thenOnStdin, `got "exec /bin/sh -s"`},
		{"one that complains of the command", `echo "unknown: $2" >&2; exit 1`, thenOnStdin, `got "unknown: exec /bin/sh -s"`},
		{"one that says why only once", `case $2 in *" -s") exit 1 ;; *) echo "too long"; exit 1 ;; esac`, thenOnStdin, `got "too long"`},
		{"no shell", `exit 1`, thenOnStdin, "got nothing"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			wrapper := filepath.Join(t.TempDir(), "shell")
			if err := os.WriteFile(wrapper, []byte(tt.body+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			askThrough(t, &loginShell{argv: []string{"/bin/sh", wrapper}}, tt.asked, tt.err)
		})
	}
}

// askThrough asks both questions, the second for a file with all that a shell
// reads in its own way. wantErr is in the error of the first; "": there is none.
func askThrough(t *testing.T, shell *loginShell, asked, wantErr string) {
	t.Helper()
	visit := Visit{Node: shell}
	ev, err := visit.Survey(t.Context())
	if got := strings.Join(shell.asked, "|"); got != asked {
		t.Errorf("asked by %s, want %s", got, asked)
	}
	if wantErr != "" {
		if !errors.Is(err, ErrNotAnswered) || !strings.Contains(err.Error(), wantErr) {
			t.Errorf("error %v, want one with %s", err, wantErr)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if ev.Host.System == "" || ev.PIDs.Seen == 0 || ev.Audit.Command == "" {
		t.Errorf("host %+v, %+v, %+v: not a whole survey", ev.Host, ev.PIDs, ev.Audit)
	}
	for line := range strings.Lines(ev.Audit.Output) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == fmt.Sprint(shell.pid) {
			t.Errorf("the probe itself is in the record of ps: %.100s", line)
		}
	}
	const content = "A=b $HOME `id` !x \\n 'q' \"Q\"\n"
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	shell.asked = nil
	if err := visit.Fetch(t.Context(), ev, []evidence.Want{{Kind: evidence.Text, Path: file}}); err != nil {
		t.Fatal(err)
	}
	if got := ev.File(0, file); got == nil || got.Content != content || len(shell.asked) != 1 || shell.asked[0] != asked[strings.LastIndex(asked, "|")+1:] {
		t.Errorf("file %+v, asked by %q", got, shell.asked)
	}
}

// Who knows the nonce of a run, which is among the arguments of processes,
// knows it too late. Nothing else is left out of the record.
func TestOnlyLinesWithTheNonceAreLeftOutOfTheRecord(t *testing.T) {
	const lines = `ps() { echo "root 1 kubelet K=` + nonceOfTests + `; x"; echo "root 2 kubelet K=abcdefghijklmnopqrstuvwxyz; x"; ` +
		`echo "root 3 kubelet K=ABCDEFGHIJKLMNOPQRSTUVWXY"; echo "root 4 kubelet @\$K"; echo "root 5 sh"; }; `
	for name, shell := range shells(t) {
		out, status := inShell(t, shell, "K="+nonceOfTests+"; "+lines+"audit", "")
		var got []string
		for line := range strings.Lines(out) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "root" {
				got = append(got, fields[1])
			}
		}
		if strings.Join(got, " ") != "2 3 4" || status != 0 {
			t.Errorf("%s: lines %v, status %d, want 2 3 4", name, got, status)
		}
	}
}
