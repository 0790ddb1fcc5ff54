//go:build !linux

package main

import "testing"

// watchMemory knows nothing where there is no /proc.
func watchMemory(*testing.T, int) func() (bytes int64, known bool) {
	return func() (int64, bool) { return 0, false }
}
