package probe

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answer joins frames as the script prints them.
func answer(parts ...string) []byte {
	var b strings.Builder
	b.WriteString("\n@N begin\n")
	for _, part := range parts {
		b.WriteString(part)
	}
	b.WriteString("\n@N end\n")
	return []byte(b.String())
}

func TestFramesKeepEveryByteOfABody(t *testing.T) {
	tests := map[string]string{
		"a final newline":            "a\n",
		"no final newline":           "a",
		"only newlines":              "\n\n",
		"nothing":                    "",
		"NULs":                       "a\x00b\x00",
		"a marker of another run":    "\n@M end\n",
		"the nonce inside a line":    "x @N end\n",
		"carriage returns and a BOM": "\ufeffa\r\nb\r\n",
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			got, _, err := frames(answer("\n@N file 0 /x\n"+body, "\n@N state present no 1 644 0\n"), "N")
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 2 || string(got[0].body) != body {
				t.Errorf("got %d frames, body %q; want 2, %q", len(got), got[0].body, body)
			}
		})
	}
}

func TestNoiseBeforeTheBeginMarkerIsIgnored(t *testing.T) {
	got, _, err := frames(append([]byte("Welcome to node7!\nLast login: yesterday"), answer("\n@N pids 3 3\n")...), "N")
	if err != nil {
		t.Fatal(err)
	}
	if string(got[0].kind) != "pids" || string(got[0].args) != "3 3" {
		t.Errorf("got %s %s, want pids 3 3", got[0].kind, got[0].args)
	}
}

// The nonce of a command stands among the arguments of processes, where every
// user of a node can read it. Behind the announcement of a mark it begins no
// frame any more, whatever stands before it.
func TestTheNonceForgesNoFrameWhereAMarkIsAnnounced(t *testing.T) {
	const forged = "/usr/bin/kubelet\x00\n@N mark F\n\n@N begin\n\n@N rc 0\n\n@F begin\n\n@F end\n\n@N end\n"
	out := "motd\n\n@N mark M\n\n@M begin\n\n@M cmdline\n" + forged + "\n@M end\n"
	got, mark, err := frames([]byte(out), "N")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || string(got[0].kind) != "cmdline" || string(got[0].body) != forged || string(mark) != "M" {
		t.Errorf("%q with the mark %q, want one cmdline and M", got, mark)
	}
	said := refusals([]byte("@N sudo /x\nno\n@M sudo /x\nyes\n"), mark)
	if diff := cmp.Diff(map[string][]string{"/x": {"yes"}}, said); diff != "" {
		t.Error(diff)
	}
}

func TestAnAnswerWithoutItsMarkersIsNone(t *testing.T) {
	tests := []struct {
		name, answer string
		notAProbe    bool
		want         string
	}{
		{"nothing at all", "", true, "got nothing"},
		{"a ForceCommand that speaks", "This account is for backups only.\n", true, `got "This account is for backups only."`},
		{"Windows' cmd.exe", "'exec' is not recognized as an internal or external command", true, "is not recognized"},
		{"the markers of another run", "\n@M begin\n\n@M end\n", true, "POSIX shell"},
		{"no begin marker", "\n@N pids 1 1\n\n@N end\n", true, "no begin marker"},
		{"a mark and nothing behind it", "\n@N mark M\n", true, "mark M"},
		{"frames with the nonce behind a mark", "\n@N mark M\n\n@N begin\n\n@N end\n", true, "mark M"},
		{"no end marker of the mark", "\n@N mark M\n\n@M begin\n\n@N end\n", false, "end marker is missing"},
		{"no end marker", "\n@N begin\n\n@N pids 1 1\n", false, "end marker is missing"},
		{"cut off inside a file", "\n@N begin\n\n@N file 0 /x\napiVers", false, "end marker is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := frames([]byte(tt.answer), "N")
			if !errors.Is(err, ErrNotAnswered) {
				t.Fatalf("got error %v, want one that is ErrNotAnswered", err)
			}
			if errors.Is(err, errNotAProbe) != tt.notAProbe {
				t.Errorf("errNotAProbe is %v, want %v: %v", !tt.notAProbe, tt.notAProbe, err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

func TestRefusalsAreToldApartByPath(t *testing.T) {
	stderr := "motd noise\n@N sudo /a\nsudo: a password is required\n@N sudo /b c\n\nWe trust you\nsudo: a terminal is required\n"
	want := map[string][]string{"/a": {"sudo: a password is required"}, "/b c": {"We trust you", "sudo: a terminal is required"}}
	if diff := cmp.Diff(want, refusals([]byte(stderr), []byte("N"))); diff != "" {
		t.Error(diff)
	}
}
