package probe

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v2"
)

// FuzzMask holds the script's filter for texts and that for argument vectors
// to their models here, byte for byte.
func FuzzMask(f *testing.F) {
	for _, row := range maskRows {
		f.Add(filled(row.text))
	}
	for _, row := range argvRows {
		f.Add(filled(row.argv))
	}
	all := shells(f)
	shell := all["dash"]
	for _, other := range all {
		if shell == "" {
			shell = other
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		again, _ := maskLines(text)
		if twice, _ := maskLines(again); strings.Count(twice, "\n") != strings.Count(text, "\n") {
			t.Errorf("lines are lost: %q", twice)
		}
		if !strings.Contains(text, "\x00") { // the shells differ in what they read of those
			want, _ := maskLines(text)
			if text != "" && !strings.HasSuffix(text, "\n") {
				want += "\n"
			}
			if got, _ := inShell(t, shell, filterText, text); got != want {
				t.Errorf("of %q\nthe script sends %q\nthe model is    %q", text, got, want)
			}
		}
		if !strings.ContainsAny(text, "\x1f\x01") {
			got, status := inShell(t, shell, filterArgv, text)
			if status != 0 {
				t.Fatalf("status %d", status)
			}
			if want := modelArgv(text); got != want {
				t.Errorf("of %q\nthe script sends %q\nthe model is    %q", text, got, want)
			}
		}
	})
}

// modelArgv is what the script makes of /proc/PID/cmdline.
func modelArgv(text string) string {
	parts := strings.Split(text, "\x00")
	if last := len(parts) - 1; parts[last] == "" {
		parts = parts[:last]
		text = "\x00"
	} else {
		text = ""
	}
	masked, _ := maskArgv(parts)
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(masked, "\x00") + text
}

// randomText is made of the words that matter.
func randomText(random *rand.Rand) string {
	words := strings.Split(`--token|-t|K3S_TOKEN|--to|ken|--a|b|=| | |"|'|\|,|feature-gates|--url-header|://|@|SetCredential|[S]|#|;|-----BEGIN |PRIVATE KEY-----|-----END |A_ARGS|`+"\t|\n|\n|\\\n|\x81|*|~", "|")
	var b strings.Builder
	for range 1 + random.IntN(25) {
		b.WriteString(words[random.IntN(len(words))])
	}
	return b.String()
}

// What is not looked at closely has nothing in it that would be withheld.
func TestAPlainTextComesOutOfTheMaskerAsItWentIn(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	plains := 0
	for range 50_000 {
		text := randomText(random)
		if !plain(text) {
			continue
		}
		plains++
		if got, ok := maskWords(text); got != text || !ok {
			t.Errorf("%q is plain, and becomes %q", text, got)
		}
	}
	if plains < 1000 {
		t.Errorf("%d of the texts are plain, expected more, or this proves nothing", plains)
	}
}

// What fuzzing is slow to find: many texts to a run of each shell.
func TestMaskAgreesWithItsModelOnRandomTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	const texts = 400
	dir := t.TempDir()
	for i := range texts {
		text := randomText(random) + "\n"
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loop := fmt.Sprintf("i=0; while [ $i -lt %d ]; do send t <%s/$i; printf \"${bs}000\"; i=$((i + 1)); done", texts, dir)
	for name, shell := range shells(t) {
		out, status := inShell(t, shell, loop, "")
		got := strings.Split(out, "\x00")
		if len(got) != texts+1 || status != 0 {
			t.Fatalf("%s: %d texts, status %d", name, len(got), status)
		}
		for i := range texts {
			text, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)))
			if err != nil {
				t.Fatal(err)
			}
			if want, _ := maskLines(string(text)); got[i] != want {
				t.Errorf("%s: of %q\nthe script sends %q\nthe model is    %q", name, text, got[i], want)
			}
		}
	}
}

// FuzzSettings: a KubeletConfiguration that may leave a node means what it
// meant, but for staticPodURLHeader, and has nothing of that.
func FuzzSettings(f *testing.F) {
	for _, row := range settingsRows {
		f.Add(filled(row.text))
	}
	all := shells(f)
	shell := all["dash"]
	if shell == "" {
		f.Skip("SKIPPED, NOT TESTED: there is no dash")
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 || strings.Contains(text, "\x00") {
			return
		}
		text = kind + text
		var before, after map[string]any
		if yaml.Unmarshal([]byte(text), &before) != nil {
			return
		}
		got, status := inShell(t, shell, filterSettings, text)
		if status != 0 {
			return
		}
		header, isMap := before["staticPodURLHeader"].(map[any]any)
		for _, value := range header {
			for _, secret := range stringsIn(value) {
				if len(secret) > 5 && !strings.Contains(secret, "\n") && !strings.Contains(kind+withheld, secret) && strings.Count(got, secret) >= strings.Count(text, secret) {
					t.Errorf("%q is still in %q", secret, got)
				}
			}
		}
		if err := yaml.Unmarshal([]byte(got), &after); err != nil {
			t.Fatalf("%q became %q: %v", text, got, err)
		}
		if isMap {
			delete(before, "staticPodURLHeader")
			delete(after, "staticPodURLHeader")
		}
		for _, key := range []string{"serverTLSBootstrap", "featureGates", "tlsCertFile", "rotateCertificates"} {
			if diff := cmp.Diff(before[key], after[key]); diff != "" {
				t.Errorf("%s of %q: %s", key, text, diff)
			}
		}
	})
}

func stringsIn(value any) []string {
	var list []string
	switch value := value.(type) {
	case string:
		list = append(list, value)
	case []any:
		for _, v := range value {
			list = append(list, stringsIn(v)...)
		}
	}
	return list
}
