package main

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"kletscan/scanner/remote/sshdtest"
)

func manualPage(t *testing.T) string {
	t.Helper()
	code, page, stderr := kletscan(context.Background(), "man")
	if code != 0 || stderr != "" {
		t.Fatalf("exit status %d, %s", code, stderr)
	}
	return page
}

// format runs a program over a page, and returns what it writes and complains.
func format(t *testing.T, page, name string, args ...string) (out, complaints string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		sshdtest.Missing(t, name)
	}
	cmd := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(page), &stdout, &stderr
	_ = cmd.Run() // mandoc -Tlint exits by what it found
	return stdout.String(), stderr.String()
}

func TestManualFormats(t *testing.T) {
	t.Run("groff", func(t *testing.T) {
		if _, complaints := format(t, manualPage(t), "groff", "-man", "-Tutf8", "-ww"); complaints != "" {
			t.Error(complaints)
		}
	})
	t.Run("mandoc", func(t *testing.T) {
		out, complaints := format(t, manualPage(t), "mandoc", "-Tlint", "-W", "warning")
		for line := range strings.Lines(out + complaints) {
			if !strings.Contains(line, "missing date") { // a test does not know the commit it was built from
				t.Error(line)
			}
		}
	})
}

// All that help says is in the page as it is read.
func TestManualHasEverything(t *testing.T) {
	page, _ := format(t, manualPage(t), "groff", "-man", "-Tascii", "-P-cbou", "-rLL=300n")
	words := strings.Join(strings.Fields(page), " ")
	has := func(what string) {
		t.Helper()
		if !strings.Contains(words, strings.Join(strings.Fields(what), " ")) {
			t.Errorf("not in the page: %q", what)
		}
	}
	for _, heading := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"} {
		if !regexp.MustCompile(`(?m)^` + heading + `$`).MatchString(page) {
			t.Errorf("no section %s", heading)
		}
	}
	for _, name := range []string{"SSH_AUTH_SOCK", "NO_COLOR", "HOME"} {
		has(name)
	}
	for _, c := range tree() {
		has("kletscan " + c.name + " [flags]")
		_, examples, _ := sections(c.description)
		for line := range strings.Lines(examples) {
			has(line)
		}
		for _, f := range c.flags {
			has(strings.Join(f.dashed(), ", "))
			has(f.usage)
		}
	}
	for _, list := range []string{exitStatus, exitStatusPlain, diffExitStatus} {
		_, _, status := sections(list)
		has(status)
	}
}

func TestManLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":          "plain",
		".so /etc/x":     `\&.so /etc/x`,
		"'quoted":        `\&'quoted`,
		`back\slash`:     `back\eslash`,
		"--flag":         `\-\-flag`,
		`say "a"`:        `say \(dqa\(dq`,
		"~/.ssh `x` a^b": `\(ti/.ssh \(gax\(ga a\(hab`,
	} {
		if got := manLine(in); got != want {
			t.Errorf("manLine(%q) = %q, want %q", in, got, want)
		}
	}
}
