package scanner

import (
	"fmt"
	"hash/fnv"
	"path"
	"runtime"
	"strings"
)

// Defect is what a recovered panic says of its node. Call it in the deferred
// function that recovers.
//
// It names where the panic began and a trace id, a hash of the functions and
// lines that led there: the same defect has the same id on every node and in
// every run of one build. The stack itself is written nowhere, because its
// arguments are the node's answers. For the same reason a panic's value is
// told only where the Go runtime made it.
func Defect(p any) *Error {
	site, id := trace()
	what := fmt.Sprintf("a panic with a %T", p)
	if fault, ok := p.(runtime.Error); ok {
		what = fault.Error()
	}
	return &Error{Op: "visit", Status: Internal, Err: fmt.Errorf("a defect of kletscan, please report it: %s at %s, trace %s", what, site, id)}
}

// trace is the file and line that panicked, and the id of the way there.
func trace() (site, id string) {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers)])
	site = "an unknown place"
	hash := fnv.New32a()
	for panicked, found := false, false; ; {
		frame, more := frames.Next()
		switch inRuntime := strings.HasPrefix(frame.Function, "runtime."); {
		case inRuntime:
			panicked = panicked || frame.Function == "runtime.gopanic"
		case panicked:
			if !found {
				site, found = fmt.Sprintf("%s:%d", path.Base(frame.File), frame.Line), true
			}
			fmt.Fprintf(hash, "%s:%d\n", frame.Function, frame.Line)
		}
		if !more {
			return site, fmt.Sprintf("%08x", hash.Sum32())
		}
	}
}
