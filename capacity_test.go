package main

import (
	"testing"

	"kletscan/scanner"
	"kletscan/scanner/remote"
)

func TestCapacity(t *testing.T) {
	const memory = remote.DefaultMemory
	for _, tt := range []struct {
		rule                  string
		fanout, memory, files int
		sessions, dials       int
		why                   string
	}{
		{"as asked for", 512, memory, 20_000, 512, scanner.DefaultDials, ""},
		{"no limit of files", 512, memory, 0, 512, scanner.DefaultDials, ""},
		{"memory for fewer", 512, 64 << 20, 20_000, 256, scanner.DefaultDials, "--memory 64 has no room for more"},
		{"memory for more, if there is more", 2000, 1 << 30, 20_000, 2000, scanner.DefaultDials, ""},
		{"the usual limit of files takes dials first", 512, memory, 1024, 512, 448, ""},
		{"files for fewer", 512, memory, 256, 128, 64, "no more than 256 files may be open at once (ulimit -n)"},
		{"the tighter one is told", 512, 64 << 20, 256, 128, 64, "no more than 256 files may be open at once (ulimit -n)"},
		{"hardly any files", 512, memory, 10, 1, 1, "no more than 10 files may be open at once (ulimit -n)"},
		{"hardly any memory", 512, 1, 0, 1, scanner.DefaultDials, "--memory 0 has no room for more"},
	} {
		sessions, dials, why := capacity(tt.fanout, tt.memory, tt.files)
		if sessions != tt.sessions || dials != tt.dials || why != tt.why {
			t.Errorf("%s: %d sessions, %d dials, %q; want %d, %d, %q", tt.rule, sessions, dials, why, tt.sessions, tt.dials, tt.why)
		}
		if used := sessions + dials; tt.files > otherFiles && used > tt.files-otherFiles {
			t.Errorf("%s: %d files of %d", tt.rule, used, tt.files)
		}
	}
}
