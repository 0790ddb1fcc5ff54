package probe

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shells are what /bin/sh is somewhere, each under the name sh: ksh and zsh
// behave by the name they are called by.
func shells(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"dash", "bash", "busybox", "ksh", "zsh"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Logf("SKIPPED, NOT TESTED: there is no %s", name)
			continue
		}
		link := filepath.Join(t.TempDir(), "sh")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		found[name] = link
	}
	if len(found) == 0 {
		t.Skip("SKIPPED, NOT TESTED: no shell to run the script")
	}
	return found
}

// inShell runs one line behind the script's functions, with text as the file
// FILE.
func inShell(t testing.TB, shell, line, text string) (stdout string, status int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-s")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "FILE=" + file}
	cmd.Stdin = strings.NewReader("K=N\nmark=N\nbecome=\n" + oneLine(script) + line + "\nexit $?\n")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil || err != nil && cmd.ProcessState == nil {
		t.Fatalf("%s: %v", shell, err)
	}
	if errs.Len() > 0 {
		t.Errorf("%s says %q", shell, errs.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// Lines of the script that filter FILE.
const (
	filterText     = `send t <"$FILE"`
	filterSettings = `send k <"$FILE"`
	filterRancher  = `send y <"$FILE"`
	filterPEM      = `send p <"$FILE"`
	filterArgv     = `arguments "$({ cat "$FILE"; echo .; } | tr "${bs}000${bs}037" "${bs}037${bs}001")"`
)
