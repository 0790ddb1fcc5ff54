//go:build !windows

package keys

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ssh draws the same line, if the file is this user's.
func TestUnprotectedAsSSH(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	path := b.file("a", "")
	for _, mode := range []os.FileMode{0o600, 0o400, 0o700, 0o640, 0o604, 0o610, 0o601, 0o602, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(tool(t, "ssh-keygen"), "-y", "-P", "", "-f", path)
		out, err := cmd.CombinedOutput()
		refused := strings.Contains(string(out), "UNPROTECTED PRIVATE KEY FILE")
		if err != nil && !refused {
			t.Fatalf("ssh-keygen: %v %s", err, out)
		}
		if got := readKey(path).err != nil; got != refused {
			t.Errorf("mode %04o: refused %t, ssh refuses: %t", mode, got, refused)
		}
	}
}

func TestFIFOIsNotRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	wantError(t, readKey(path).err, path+": not a regular file") // nobody writes: reading would never end
}
