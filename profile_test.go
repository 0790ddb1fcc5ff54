package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// smallFleet has a few nodes that answer, and the arguments by which they are
// scanned.
func smallFleet(t *testing.T, count int) (dir string, scan []string) {
	t.Helper()
	dir = bigFleet(t, count)
	return dir, []string{"scan", "-F", filepath.Join(dir, "ssh_config"), "-i", filepath.Join(dir, "inventory"), "--serving", "off"}
}

// checkProfiles fails unless the profiles are whole.
func checkProfiles(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"cpu", "memory"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		unpacked, err := gzip.NewReader(f)
		if err == nil {
			_, err = io.Copy(io.Discard, unpacked)
		}
		if err != nil {
			t.Errorf("the %s profile: %v", name, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "trace")); err != nil || !bytes.HasPrefix(text, []byte("go 1.")) {
		t.Errorf("the trace begins %.10q, %v", text, err)
	}
}

func TestProfiles(t *testing.T) {
	dir, scan := smallFleet(t, 4)
	scan = append(scan, "--cpuprofile", filepath.Join(dir, "cpu"), "--memprofile", filepath.Join(dir, "memory"), "--trace", filepath.Join(dir, "trace"))
	t.Run("of a scan", func(t *testing.T) {
		if code, _, stderr := kletscan(t.Context(), scan...); code != exitFailed {
			t.Fatalf("exit status %d, %s", code, stderr)
		}
		checkProfiles(t, dir)
	})
	t.Run("of one that was interrupted", func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		if code, _, stderr := kletscan(ctx, scan...); code != exitInterrupted {
			t.Fatalf("exit status %d, %s", code, stderr)
		}
		checkProfiles(t, dir)
	})
}

// onText calls do when something with that text is written. Like a file, it takes
// writes from several goroutines.
type onText struct {
	mu sync.Mutex
	bytes.Buffer
	text string
	do   func()
}

func (o *onText) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if strings.Contains(string(p), o.text) {
		o.do()
	}
	return o.Buffer.Write(p)
}

// Ctrl-C ends the wait before a scan, and no node is visited.
func TestSplayIsInterrupted(t *testing.T) {
	_, scan := smallFleet(t, 4)
	ctx, interrupt := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	stderr := onText{text: "the scan begins in ", do: interrupt}
	code := run(ctx, append(append([]string{"kletscan"}, scan...), "--splay", "1000h"), new(bytes.Buffer), &stdout, &stderr)
	if code != exitInterrupted || !strings.Contains(stdout.String(), "\n4 nodes: 0 assessed, 4 not assessed (4 cancelled)\n") {
		t.Errorf("exit status %d\n%s%s", code, stdout.String(), stderr.String())
	}
}
