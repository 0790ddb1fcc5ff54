//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCommandIsBounded(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		rule    string
		ctx     context.Context
		argv    []string
		timeout time.Duration
		limit   int
		want    string // error; empty: none
	}{
		{"what it prints is kept", t.Context(), []string{"printf", "1234"}, time.Minute, 4, ""},
		{"more than the limit", t.Context(), []string{"printf", "12345"}, time.Minute, 4, "it printed more than 4 bytes: expected an inventory"},
		{"without an end", t.Context(), []string{"yes"}, time.Minute, 1 << 20, "it printed more than 1048576 bytes: expected an inventory"},
		{"too long", t.Context(), []string{"sleep", "60"}, 50 * time.Millisecond, 4, "it took longer than 50ms: expected an inventory by then"},
		{"interrupted", cancelled, []string{"sleep", "60"}, time.Minute, 4, "context canceled"},
		{"no standard input", t.Context(), []string{"cat"}, time.Minute, 4, ""},
		{"the first line of what it says", t.Context(), []string{"sh", "-c", "printf '\\033[2Jno\\nmore' >&2; exit 3"}, time.Minute, 4, `exit status 3: "\x1b[2Jno": expected exit status 0`},
	} {
		out, err := runBounded(tt.ctx, tt.argv, tt.timeout, tt.limit)
		if tt.want == "" && err == nil && len(out) <= tt.limit {
			continue
		}
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.rule, out, err, tt.want)
		}
	}
}

// What a command started ends with it.
func TestCommandIsKilledWithItsChildren(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	_, err := runBounded(t.Context(), []string{"sh", "-c", `sleep 600 & echo $! > "$0"; wait`, file}, 2*time.Second, 100)
	if err == nil {
		t.Fatal("no error")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 { // whoever inherits the child has to reap it
		if syscall.Kill(pid, 0) != nil || isZombie(pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

func isZombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}
