package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// openTerminal makes a terminal of which the test is the screen and the keyboard.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	var number, locked int32
	control(t, master, syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	control(t, master, syscall.TIOCGPTN, unsafe.Pointer(&number))
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// control asks a terminal for something (ioctl_tty(2)).
func control(t *testing.T, terminal *os.File, request uintptr, value unsafe.Pointer) {
	t.Helper()
	conn, err := terminal.SyscallConn() // Fd would make reads hang when it is closed
	if err != nil {
		t.Fatal(err)
	}
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(value))
	})
	if err != nil || errno != 0 {
		t.Fatal(err, errno)
	}
}

// onTerminal starts a command in a session of its own, whose terminal it has.
func (s *plugSite) onTerminal(t *testing.T, cmd *exec.Cmd) (scan *plugScan, master *os.File) {
	t.Helper()
	master, slave := openTerminal(t)
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return s.start(t, cmd), master
}

// The terminal goes, as with its window or a login over SSH: that is the first
// Ctrl-C. Visits under way have their five seconds, and every file is written,
// though the table has nowhere to go.
func TestLostTerminal(t *testing.T) {
	noLeaks(t)
	s := newPlugSite(t, toTheCommand)
	scan, master := s.onTerminal(t, s.command("-o", "table", "-o", "csv=all.csv", "--results", journalFile))
	s.arrived(t)
	before := s.rows(t)
	if err := master.Close(); err != nil {
		t.Fatal(err)
	}
	if code := scan.code(); code != exitInternal {
		t.Errorf("%v, want exit %d: the table was not written", scan.ProcessState, exitInternal)
	}
	s.kept(t, before)
	if n := strings.Count(string(read(t, s.dir, "all.csv")), ",cancelled,"); n != len(s.far) {
		t.Errorf("the CSV has %d cancelled nodes, want %d", n, len(s.far))
	}
	s.resumed(t)
}

// Under nohup a scan does not hear of it.
func TestNohup(t *testing.T) {
	noLeaks(t)
	s := newPlugSite(t, toTheCommand)
	cmd := s.command("-o", "csv=all.csv", "--results", journalFile)
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, cmd.Args...)
	scan := s.start(t, cmd)
	s.arrived(t)
	scan.signal(t, syscall.SIGHUP)
	s.become(passing)
	if code := scan.code(); code != exitFailed {
		t.Errorf("%v, want exit %d\n%s", scan.ProcessState, exitFailed, scan.said(t))
	}
	checkEachOnce(t, s.dir+"/"+journalFile, len(s.near)+len(s.far))
}
