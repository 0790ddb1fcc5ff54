package sshdtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Master is a running ssh that shares its connection (ControlMaster in
// ssh_config(5)).
type Master struct {
	Path string // of its socket, for ControlPath or -S

	t    testing.TB
	home *Home
	proc *process
}

// StartMaster runs "ssh -M -N" with the arguments, the last of which is the
// destination, as [Home.SSH] does, and returns once "ssh -O check" says that it
// runs. What is in env is added to its environment.
func (h *Home) StartMaster(env []string, args ...string) *Master {
	h.t.Helper()
	m := &Master{Path: filepath.Join(socketDir(h.t), "master"), t: h.t, home: h}
	log, err := os.Create(filepath.Join(filepath.Dir(m.Path), "log"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer log.Close()
	cmd := h.ssh(context.Background(), append([]string{"-M", "-N", "-S", m.Path}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = log
	if m.proc, err = run(cmd); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(m.Exit)
	if !eventually(func() bool { return !m.proc.running() || m.Running() }) || !m.proc.running() {
		said, _ := os.ReadFile(log.Name())
		h.t.Fatalf("ssh -M -N %q does not share a connection: %s", args, said)
	}
	return m
}

// Running is what "ssh -O check" says.
func (m *Master) Running() bool {
	_, err := os.Stat(m.Path)
	return err == nil && m.control("check").Run() == nil
}

// Exit ends the master by "ssh -O exit", which also removes its socket.
func (m *Master) Exit() {
	if m.control("exit").Run() != nil {
		m.Kill()
	}
	<-m.proc.ended
}

// Kill ends the master at once and leaves its socket, as a crash does.
func (m *Master) Kill() { m.proc.kill() }

// control is a request to the master. The socket says which, so that the host
// may be any name.
func (m *Master) control(request string) *exec.Cmd {
	return m.home.ssh(context.Background(), "-S", m.Path, "-O", request, "master")
}
