//go:build !unix

package sshdtest

import "os"

// killTree kills a process of ours, and knows none of its descendants.
func killTree(p *os.Process) { _ = p.Kill() }
