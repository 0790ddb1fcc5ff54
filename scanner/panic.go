package scanner

import (
	"bytes"
	"strings"
)

// panicSite is the file and line that panicked, from a stack trace: enough to
// report, and short enough for a row.
func panicSite(stack []byte) string {
	_, after, found := bytes.Cut(stack, []byte("panic("))
	if !found {
		return "an unknown place"
	}
	for i, line := range strings.Split(string(after), "\n") {
		if i < 2 || !strings.HasPrefix(line, "\t") {
			continue // panic's own frame
		}
		at, _, _ := strings.Cut(strings.TrimSpace(line), " +")
		return at[strings.LastIndex(at, "/")+1:]
	}
	return "an unknown place"
}
