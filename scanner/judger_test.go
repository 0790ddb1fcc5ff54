package scanner

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"kletscan/scanner/evidence"
)

// someNodes are kubelets that differ in what a Judger remembers.
func someNodes() map[string]*evidence.Evidence {
	dropIns := func(ev *evidence.Evidence) {
		const dir = "/etc/kubelet.conf.d"
		ev.Processes[0].Argv = append(ev.Processes[0].Argv, "--config-dir="+dir)
		ev.Dirs = append(ev.Dirs, evidence.Dir{Path: dir, State: evidence.Present})
		// the text of the --config file once more, and one that counts only here
		for name, content := range map[string]string{"10.conf": ev.File(0, kubeadmed).Content, "20.conf": header + "ServerTLSBootstrap: true\n"} {
			ev.Files = append(ev.Files, evidence.File{Path: dir + "/" + name, State: evidence.Present, Content: content})
		}
	}
	return map[string]*evidence.Evidence{
		"ordinary": ordinary(nil),
		"on":       ordinary(on),
		"drop-ins": ordinary(func(ev *evidence.Evidence) {
			dropIns(ev)
			ev.Processes[0].Version, ev.Processes[0].DropInEnv = "Kubernetes v1.30.1", "set"
		}),
		"unknown version": ordinary(func(ev *evidence.Evidence) { dropIns(ev); ev.Processes[0].Version = "" }),
		"broken":          ordinary(func(ev *evidence.Evidence) { ev.File(0, kubeadmed).Content += "port: [\n" }),
		"changed":         ordinary(func(ev *evidence.Evidence) { ev.File(0, kubeadmed).ModTime = clock }),
		"down":            ordinary(func(ev *evidence.Evidence) { ev.Processes = nil }),
		"not Linux":       ordinary(func(ev *evidence.Evidence) { ev.Host.System = "FreeBSD" }),
		"serving": ordinary(func(ev *evidence.Evidence) {
			ev.Serving = &evidence.Serving{Address: defaultListen, Attempts: []evidence.Attempt{look("", selfSignedCert(), "")}}
		}),
	}
}

func TestAJudgerAnswersAsJudge(t *testing.T) {
	nodes := someNodes()
	want := map[string]Judgement{}
	for name, ev := range nodes {
		want[name] = Judge(ev)
	}
	var g Judger
	var visits sync.WaitGroup
	for range 4 {
		visits.Go(func() {
			for range 5 {
				for name, ev := range nodes {
					if got := g.Judge(ev); !reflect.DeepEqual(got, want[name]) {
						t.Errorf("%s: judged among others it is\n%+v\nalone it is\n%+v", name, got, want[name])
					}
				}
			}
		})
	}
	visits.Wait()
}

// A verdict that held a part of a node's answer would keep all of it.
func TestAVerdictHoldsNothingOfTheEvidence(t *testing.T) {
	var g Judger
	for name, ev := range someNodes() {
		for range 2 {
			text := inOneText(ev)
			from := uintptr(unsafe.Pointer(unsafe.StringData(text)))
			v := g.Judge(ev).Verdict
			v.Served = Served{} // the facts of a certificate, which are no part of an answer
			eachString(reflect.ValueOf(&v).Elem(), func(s reflect.Value) {
				if at := uintptr(unsafe.Pointer(unsafe.StringData(s.String()))); s.Len() > 0 && from <= at && at < from+uintptr(len(text)) {
					t.Errorf("%s: %q is a part of the evidence", name, s)
				}
			})
		}
	}
}

func TestWordsAreBounded(t *testing.T) {
	var w words
	long := strings.Repeat("x", maxWord)
	for i := range 3 * maxWords / maxWord {
		if s := (strconv.Itoa(i) + long)[:maxWord]; w.of(s) != s {
			t.Fatal("it is another word")
		}
		w.of(long + "y")
		size := 0
		for s := range w.known {
			size += len(s)
		}
		if size > maxWords || size != w.size {
			t.Fatalf("it holds %d bytes and counts %d, want at most %d", size, w.size, maxWords)
		}
	}
	if _, ok := w.known[long+"y"]; ok || len(w.known) == 0 {
		t.Error("it keeps a text that is too long, or nothing")
	}
}

// inOneText makes every string of ev a part of one text, as those are that come
// from one answer.
func inOneText(ev *evidence.Evidence) string {
	var all strings.Builder
	eachString(reflect.ValueOf(ev).Elem(), func(s reflect.Value) { all.WriteString(s.String()) })
	text, at := all.String(), 0
	eachString(reflect.ValueOf(ev).Elem(), func(s reflect.Value) {
		end := at + s.Len()
		s.SetString(text[at:end])
		at = end
	})
	return text
}

// eachString calls do with every string in v.
func eachString(v reflect.Value, do func(reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		do(v)
	case reflect.Pointer:
		if !v.IsNil() {
			eachString(v.Elem(), do)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), do)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachString(v.Field(i), do)
		}
	}
}
