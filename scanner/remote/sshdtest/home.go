package sshdtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Home is a private home directory of an operator.
type Home struct {
	Dir string // the home directory itself; .ssh is in it

	t testing.TB
}

// NewHome makes a home directory with an empty .ssh/known_hosts and an empty
// .ssh/config, which ends with the test.
func NewHome(t testing.TB) *Home {
	t.Helper()
	h := &Home{Dir: t.TempDir(), t: t}
	h.Write("known_hosts", "")
	h.Write("config", "")
	h.Write("sshdtest_config", strings.Join([]string{
		`Include "` + h.Path("config") + `"`,
		"Host *",
		`UserKnownHostsFile "` + h.Path("known_hosts") + `"`,
		"GlobalKnownHostsFile " + os.DevNull,
		"IdentityFile none",
		"StrictHostKeyChecking yes",
		"ConnectTimeout 30\n",
	}, "\n"))
	return h
}

// Path is where a file is in .ssh.
func (h *Home) Path(name string) string { return filepath.Join(h.Dir, ".ssh", name) }

// Write writes a file in .ssh, readable by its owner only, and returns its path.
func (h *Home) Write(name, text string) string {
	h.t.Helper()
	write(h.t, h.Path(name), text)
	return h.Path(name)
}

// SSH is the real ssh with the given arguments, to be run by the caller. It
// reads .ssh/config and .ssh/known_hosts of the home and nothing of this
// machine, and has no terminal and no agent.
//
// ssh asks the password database for its home, not HOME: a "~" in config would
// be that of the user who runs the test. So config is to name files by [Home.Path],
// and the default keys are not tried: every key is named by IdentityFile or -i.
func (h *Home) SSH(args ...string) *exec.Cmd {
	h.t.Helper()
	return h.ssh(h.t.Context(), args...)
}

func (h *Home) ssh(ctx context.Context, args ...string) *exec.Cmd {
	h.t.Helper()
	return h.command(ctx, "ssh", append([]string{"-F", h.Path("sshdtest_config")}, args...)...)
}

// command is a program of OpenSSH in the environment of the home.
func (h *Home) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	h.t.Helper()
	cmd := exec.CommandContext(ctx, tool(h.t, name), args...)
	cmd.Dir = h.Dir
	cmd.Env = []string{"HOME=" + h.Dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// Askpass is a program for SSH_ASKPASS.
type Askpass struct {
	Path string // of the program

	t     testing.TB
	asked string
}

// Askpass makes a program that gives one of the answers each time it is called,
// in order. With no answer left it cancels: it ends with code 1.
func (h *Home) Askpass(answers ...string) *Askpass {
	h.t.Helper()
	dir := h.t.TempDir()
	a := &Askpass{Path: filepath.Join(dir, "askpass"), t: h.t, asked: filepath.Join(dir, "asked")}
	write(h.t, a.asked, "")
	write(h.t, filepath.Join(dir, "answers"), strings.Join(append(answers, ""), "\n"))
	// A prompt may have many lines, so that another file counts the calls.
	write(h.t, a.Path, "#!/bin/sh\ncd '"+dir+"' || exit 1\n"+
		"printf '%s\\0' \"$1\" >>asked\necho >>calls\nn=$(($(wc -l <calls)))\n"+
		"[ \"$n\" -le \"$(($(wc -l <answers)))\" ] || exit 1\nsed -n \"${n}p\" answers\n")
	if err := os.Chmod(a.Path, 0o700); err != nil {
		h.t.Fatal(err)
	}
	return a
}

// Env is what makes OpenSSH (8.4 and newer) ask the program, also without a
// terminal and without a display.
func (a *Askpass) Env() []string {
	return []string{"SSH_ASKPASS=" + a.Path, "SSH_ASKPASS_REQUIRE=force"}
}

// Prompts are the prompts that the program was called with, in order.
func (a *Askpass) Prompts() []string {
	a.t.Helper()
	asked, err := os.ReadFile(a.asked)
	if err != nil {
		a.t.Fatal(err)
	}
	prompts := strings.Split(string(asked), "\x00")
	return prompts[:len(prompts)-1]
}
