package main

import (
	"fmt"

	"kletscan/scanner"
)

const (
	// sessionMemory is what the memory of a session is taken to be: what an
	// honest node may say (scanner/remote).
	sessionMemory = 256 << 10
	// otherFiles is how many files may be open beside connections: outputs,
	// keys, jump hosts, the agent.
	otherFiles = 64
)

// capacity is how many nodes may be logged in to and connected to at once, where
// fanout is asked for, all of them have that much memory, in bytes, and the
// process may have so many files open; 0: any number. Each of those nodes takes
// one. Why is what makes it less than fanout; empty: nothing does.
func capacity(fanout, memory, files int) (sessions, dials int, why string) {
	sessions, dials = fanout, scanner.DefaultDials
	if most := max(memory/sessionMemory, 1); sessions > most {
		sessions, why = most, fmt.Sprintf("--memory %d has no room for more", memory>>20)
	}
	if files == 0 {
		return sessions, dials, why
	}
	room := max(files-otherFiles, 2)
	if most := max(room*2/3, 1); sessions > most {
		sessions, why = most, fmt.Sprintf("no more than %d files may be open at once (ulimit -n)", files)
	}
	return sessions, min(dials, room-sessions), why
}
